"""Check a proof: python verify_proof.py PROOF.json PUBLIC_KEY.pem [--entry]

This file stands alone: it needs Python and `cryptography`, nothing else of the product. It recomputes the hash of
the entry in the proof, follows the two paths (entry to request, request to partition) to a Merkle root (RFC 6962),
and checks that a ledger record with exactly this root, size, date and region is signed by the public key. Of two
heads of one partition it checks that the newer tree extends the older one.
Exit codes: 0 proven, 1 not proven, 2 the files cannot be read.
"""

import json
import struct
import sys
from base64 import b64decode
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

INCLUSION, EXTENSION = "streamrec-proof-1", "streamrec-extension-1"
ENTRY_LINE, REQUEST_LINE = b"streamrec-entry-1\n", b"streamrec-request-1\n"
SIGNED_AS = b"streamrec-audit-ledger-1\n"
PEM_END = b"-----END PUBLIC KEY-----\n"
PROVEN, NOT_PROVEN, UNREADABLE = 0, 1, 2


class NotProven(Exception):
    """The proof does not show what it claims."""


def check(proof: dict[str, Any], public_pem: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry's columns and the signed head over them; NotProven says what is wrong."""
    _require(proof["format"] == INCLUSION, f"the format is not {INCLUSION}")
    head, entry_bytes = _signed_head(proof["head"], proof["signature"], public_pem), b64decode(proof["entry"])
    leaf = sha256(b"\x00" + entry_bytes).digest()
    request = _root(leaf, proof["entry_index"], proof["request_size"], proof["request_path"])
    size = proof["request_size"].to_bytes(4, "little")
    leaf = sha256(b"\x00" + REQUEST_LINE + size + request).digest()
    root = _root(leaf, proof["leaf_index"], head["requests"], proof["path"])
    _require(root.hex() == head["root"], "the paths do not lead to the signed root")
    entry = decoded(entry_bytes)
    _require(f"{entry['request_id']}.{entry['position']}" == proof["explanation_id"], "the entry is another one")
    day = (date(1970, 1, 1) + timedelta(days=entry["date"])).isoformat()
    _require((day, entry["region"]) == (head["date"], head["region"]), "the head is of another partition")
    return entry, head


def check_extension(proof: dict[str, Any], public_pem: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The older and the newer signed head (RFC 9162, 2.1.4.2); NotProven says what is wrong."""
    old = _signed_head(proof["old_head"], proof["old_signature"], public_pem)
    new = _signed_head(proof["head"], proof["signature"], public_pem)
    same = (old["date"], old["region"]) == (new["date"], new["region"])
    _require(same and old["version"] <= new["version"], "the heads are no older and newer one of one partition")
    path = [bytes.fromhex(each) for each in proof["path"]]
    _require(0 < old["requests"] <= new["requests"], "the newer tree is smaller")
    roots = _extended_roots(bytes.fromhex(old["root"]), old["requests"], new["requests"], path)
    _require(roots == (old["root"], new["root"]), "the newer tree does not hold what the older one held")
    return old, new


def _extended_roots(old_root: bytes, old_size: int, size: int, path: list[bytes]) -> tuple[str, str]:
    """The old and the new root that a consistency path gives."""
    if old_size == size:
        _require(not path, "the path is too long")
        return old_root.hex(), old_root.hex()
    hashes = path if old_size & (old_size - 1) else [old_root, *path]
    _require(bool(hashes), "the path is too short")
    index, last = old_size - 1, size - 1
    while index % 2:
        index, last = index // 2, last // 2
    old = new = hashes[0]
    for beside in hashes[1:]:
        _require(last > 0, "the path is too long")
        if index % 2 or index == last:
            old, new = (sha256(b"\x01" + beside + each).digest() for each in (old, new))
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            new = sha256(b"\x01" + new + beside).digest()
        index, last = index // 2, last // 2
    _require(last == 0, "the path is too short")
    return old.hex(), new.hex()


def decoded(data: bytes) -> dict[str, Any]:
    """The columns of an entry from its canonical bytes; NotProven if they are none."""
    _require(data.startswith(ENTRY_LINE), "the entry is not in version 1 of the canonical form")
    columns, place = {}, len(ENTRY_LINE)
    while place < len(data):
        end = data.index(b"\x00", place)
        columns[data[place:end].decode()], place = _value(data, end + 1)
    return columns


def _value(data: bytes, place: int) -> tuple[Any, int]:
    """The value whose tag lies at a place, and where the next field begins."""
    tag, place = data[place : place + 1], place + 1
    if tag in (b"i", b"f"):
        return struct.unpack("<q" if tag == b"i" else "<d", data[place : place + 8])[0], place + 8
    _require(tag in (b"b", b"l"), "the entry has a field of an unknown kind")
    length = int.from_bytes(data[place : place + 4], "little")
    body, place = data[place + 4 : place + 4 + length], place + 4 + length
    return (_elements(body) if tag == b"l" else _text(body)), place


def _elements(body: bytes) -> list[Any]:
    elements, place = [], 0
    while place < len(body):
        element, place = _value(body, place + 1)
        elements.append(element)
    return elements


def _text(body: bytes) -> str:
    """Bytes as text; as hex after "hex:" where they are none."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return "hex:" + body.hex()


def _root(leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    """The root that a leaf and its path give (RFC 9162, 2.1.3.2)."""
    _require(0 <= index < size, "an index lies outside its tree")
    found, last = leaf, size - 1
    for beside in map(bytes.fromhex, path):
        _require(last > 0, "a path is too long")
        if index % 2 or index == last:
            found = sha256(b"\x01" + beside + found).digest()
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            found = sha256(b"\x01" + found + beside).digest()
        index, last = index // 2, last // 2
    _require(last == 0, "a path is too short")
    return found


def _signed_head(body: str, signature: str, public_pem: bytes) -> dict[str, Any]:
    """The head in a ledger record (base64) that the public key signed."""
    data = b64decode(body)
    _check_signature(data, b64decode(signature), public_pem)
    head: dict[str, Any] = json.loads(data)["record"]
    _require(head["type"] == "head", "the signed record is no head of a tree")
    return head


def _check_signature(head: bytes, signature: bytes, public_pem: bytes) -> None:
    for pem in public_pem.split(PEM_END)[:-1]:
        try:
            serialization.load_pem_public_key(pem + PEM_END).verify(signature, SIGNED_AS + head)  # type: ignore
        except InvalidSignature:
            continue
        return
    raise NotProven("the head is not signed by this public key")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotProven(otherwise)


def _told(proof: dict[str, Any], public_pem: bytes) -> tuple[str, dict[str, Any]]:
    """What a proof proves in words, and what it shows."""
    if proof["format"] == EXTENSION:
        old, new = check_extension(proof, public_pem)
        return f"version {new['version']} of {new['date']} {new['region']} extends version {old['version']}", new
    entry, head = check(proof, public_pem)
    place = f"{head['entries']} entries sealed for {head['date']} {head['region']}"
    return f"{proof['explanation_id']} is one of {place}, version {head['version']}, root {head['root']}", entry


def main(words: list[str]) -> int:
    """Check the files that are named and say what was found."""
    files = [word for word in words if word != "--entry"]
    if len(files) != 2:
        print(__doc__, file=sys.stderr)
        return UNREADABLE
    try:
        with open(files[0], encoding="utf-8") as proof_file, open(files[1], "rb") as key_file:
            proof, public_pem = json.load(proof_file), key_file.read()
    except (OSError, ValueError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return UNREADABLE
    try:
        told, shown = _told(proof, public_pem)
    except (NotProven, ValueError, KeyError, TypeError, struct.error, OverflowError, AttributeError) as error:
        print(f"NOT PROVEN: {error}")
        return NOT_PROVEN
    print(f"proven: {told}")
    if "--entry" in words:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    return PROVEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
