"""Keyed pseudonyms of users: HMAC-SHA256 under a ring of keys that rotates without losing anyone.

A bare hash of a user id can be reversed by hashing every user id; a keyed one only by who holds the key.
The ring lives in a file of its own (mode 0600), never in the audit log; an audit entry names only the id of
the key it was made with. Old keys stay in the ring, so "this user over 90 days" is a question about one
pseudonym per key. Forgetting a key makes every pseudonym under it unlinkable for good.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from streamrec_explain.errors import SettingsError

KEY_BYTES = 32
PSEUDONYM_LENGTH = 32


class Key(msgspec.Struct, frozen=True):
    """One secret: `created_ms` (Unix ms) is when it became current; `secret` is kept out of every repr.

    A key with a `region` serves that market alone; one without serves every market that has no key of its own.
    """

    key_id: str
    created_ms: int
    secret: bytes
    region: str = ""

    def __repr__(self) -> str:
        return f"Key(key_id={self.key_id!r}, created_ms={self.created_ms}, region={self.region!r}, secret=...)"


class KeyRing(msgspec.Struct, frozen=True):
    """The keys of one deployment, oldest first; the last one of a region is current there.

    At least one key has no region.
    """

    keys: tuple[Key, ...]

    @property
    def current(self) -> Key:
        """The key that new pseudonyms are made with where a region has none of its own."""
        return [key for key in self.keys if not key.region][-1]

    def current_in(self, region: str) -> Key:
        """The key that new pseudonyms of a region are made with."""
        return ([key for key in self.keys if key.region == region] or [self.current])[-1]

    def is_current(self, key: Key) -> bool:
        """Whether new pseudonyms are made with this key somewhere."""
        return key == self.current_in(key.region)

    def key(self, key_id: str) -> Key:
        """The key of that id; SettingsError if the ring does not hold it."""
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise SettingsError(f"the key ring holds no key {key_id!r}, only {[key.key_id for key in self.keys]}")

    def pseudonym(self, user_id: str, region: str = "") -> str:
        """The user's pseudonym under the current key of a region."""
        return pseudonym(user_id, self.current_in(region))

    def pseudonyms(self, user_id: str) -> dict[str, str]:
        """The user's pseudonym under every key of the ring, by key id: what finds a user over time."""
        return {key.key_id: pseudonym(user_id, key) for key in self.keys}

    def subjects(self, user_id: str) -> dict[str, str]:
        """Digests that name the user in ledgers and access logs, by key id: no pseudonyms, nor linkable to them."""
        return {key.key_id: subject(user_id, key) for key in self.keys}

    def rotated(
        self, now_ms: int, random_bytes: Callable[[int], bytes] = os.urandom, *, region: str = ""
    ) -> "KeyRing":
        """The ring with a fresh current key, of a region if one is named; every older key is kept."""
        return KeyRing((*self.keys, _fresh_key(len(self.keys) + 1, now_ms, random_bytes, region)))

    def without(self, key_id: str) -> "KeyRing":
        """The ring without one old key; SettingsError for the current key or an unknown one."""
        if self.is_current(self.key(key_id)):
            raise SettingsError(f"key {key_id!r} is current; rotate before forgetting it")
        return KeyRing(tuple(key for key in self.keys if key.key_id != key_id))



def pseudonym(user_id: str, key: Key) -> str:
    """The first 128 bits of HMAC-SHA256(secret, user id) as 32 hex characters."""
    return hmac.new(key.secret, user_id.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]


def subject(user_id: str, key: Key) -> str:
    """The first 128 bits of HMAC-SHA256(secret, "subject", 0, user id) as 32 hex characters.

    It outlives an erasure: it says that somebody was erased, and only to who has the key and the id whom.
    """
    return hmac.new(key.secret, b"subject\0" + user_id.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]


def new_key_ring(now_ms: int, random_bytes: Callable[[int], bytes] = os.urandom) -> KeyRing:
    """A ring of one fresh key; `random_bytes(n)` must be cryptographically strong outside tests."""
    return KeyRing((_fresh_key(1, now_ms, random_bytes),))


def create_key_file(path: Path, ring: KeyRing) -> None:
    """Write a new ring file with mode 0600; SettingsError if the file exists, for that would lose keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(path, ring)
    except FileExistsError:
        raise SettingsError(f"{path} exists; a key ring is rotated, never created over another one") from None


def replace_key_file(path: Path, ring: KeyRing) -> None:
    """Replace an existing ring file in one step (after a rotation); a crash leaves the old or the new one."""
    load_key_file(path)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    _write(fresh, ring)
    fresh.replace(path)


def load_key_file(path: Path) -> KeyRing:
    """Read a ring; SettingsError if it is absent, malformed, empty or readable by others than its owner."""
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"no key ring at {path}: create one or restore it from a backup") from None
    if mode & 0o077:
        raise SettingsError(f"{path} has mode {mode:o}; a key ring must be private to its owner: chmod 600")
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> KeyRing:
    try:
        stored = json.loads(text)["keys"]
        keys = tuple(
            Key(k["key_id"], k["created_ms"], bytes.fromhex(k["secret"]), k.get("region", "")) for k in stored
        )
    except (ValueError, KeyError, TypeError):
        # The message must not repeat the text: it holds secrets.
        raise SettingsError(f"{path} is not a key ring; restore it from a backup") from None
    if all(key.region for key in keys) or any(len(key.secret) != KEY_BYTES for key in keys):
        raise SettingsError(f"{path} must hold keys of {KEY_BYTES} bytes, at least one of them for every region")
    if len({key.key_id for key in keys}) != len(keys):
        raise SettingsError(f"{path} names a key id twice")
    return KeyRing(keys)


def _write(path: Path, ring: KeyRing) -> None:
    keys = [
        {"key_id": k.key_id, "created_ms": k.created_ms, "region": k.region, "secret": k.secret.hex()}
        for k in ring.keys
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"keys": keys}, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())


def _fresh_key(number: int, now_ms: int, random_bytes: Callable[[int], bytes], region: str = "") -> Key:
    secret = random_bytes(KEY_BYTES)
    # The fingerprint keeps ids apart between rings; it is a digest of 256 random bits, so it reveals nothing.
    return Key(f"k{number}-{hashlib.sha256(secret).hexdigest()[:8]}", now_ms, secret, region)
