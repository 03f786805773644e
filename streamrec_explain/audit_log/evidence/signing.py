"""The signing key of an audit ledger: Ed25519, the private half in a file of its own, the public one to hand out.

The public file may hold several keys one after the other: an older key's signatures stay good after a rotation.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from streamrec_explain.errors import SettingsError
from streamrec_explain.hashing import digest

_END = b"-----END PUBLIC KEY-----\n"


class Signer:
    """A private key that signs; `key_id` is the start of its public half's SHA-256."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.key_id = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return self._private.sign(message)


class PublicKeys(msgspec.Struct, frozen=True):
    """Public keys by id: whose signatures are taken for good."""

    keys: Mapping[str, Ed25519PublicKey]

    def is_signed(self, key: str, signature: bytes, message: bytes) -> bool:
        """Whether the key of that id signed the message; false for a key that is not known."""
        try:
            self.keys[key].verify(signature, message)
        except (InvalidSignature, KeyError):
            return False
        return True


def key_id(public: Ed25519PublicKey) -> str:
    """The first 16 hex characters of the SHA-256 of a public key's 32 bytes."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return digest(raw)[:16]


def public_path(private_path: Path) -> Path:
    """Where the public half of a signing key lies: beside it."""
    return private_path.with_suffix(".pub.pem")


def create_signing_key(path: Path) -> Signer:
    """Make a key pair, the private file with mode 0600; SettingsError if there is one already."""
    private = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"{path} exists; a signing key is never created over another one") from None
    _write(descriptor, _private_pem(private))
    _add_public(public_path(path), private.public_key())
    return Signer(private)


def rotate_signing_key(path: Path) -> Signer:
    """Replace the private key by a fresh one; the old public key stays beside the new one."""
    load_signing_key(path)
    private, fresh = Ed25519PrivateKey.generate(), path.with_name(path.name + ".new")
    _add_public(public_path(path), private.public_key())
    fresh.unlink(missing_ok=True)
    _write(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), _private_pem(private))
    fresh.replace(path)
    return Signer(private)


def load_signing_key(path: Path) -> Signer:
    """Read a private key; SettingsError if it is absent, no Ed25519 key or readable by others."""
    try:
        mode, data = path.stat().st_mode & 0o777, path.read_bytes()
        private = serialization.load_pem_private_key(data, password=None)
    except FileNotFoundError:
        raise SettingsError(f"no signing key at {path}: restore it from a backup or name it") from None
    except (OSError, ValueError, TypeError):
        # The message must not repeat the content: it is secret.
        raise SettingsError(f"{path} is not a private key in PEM without a password") from None
    if mode & 0o077:
        raise SettingsError(f"{path} has mode {mode:o}; a signing key must be private to its owner: chmod 600")
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError(f"{path} is not an Ed25519 key")
    return Signer(private)


def load_public_keys(path: Path) -> PublicKeys:
    """Read a file of public keys; SettingsError if it is absent or holds anything else."""
    try:
        texts = path.read_bytes().split(_END)[:-1]
        keys = [serialization.load_pem_public_key(text + _END) for text in texts]
    except (OSError, ValueError):
        raise SettingsError(f"{path} cannot be read as public keys in PEM") from None
    known = {key_id(key): key for key in keys if isinstance(key, Ed25519PublicKey)}
    if not keys or len(known) != len(keys):
        raise SettingsError(f"{path} must hold Ed25519 public keys, each once")
    return PublicKeys(known)


def _private_pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _add_public(path: Path, public: Ed25519PublicKey) -> None:
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), pem)


def _write(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
