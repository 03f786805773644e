"""Check an inclusion proof: python verify_proof.py PROOF.json PUBLIC_KEY.pem [--entry]

This file stands alone: it needs Python and `cryptography`, nothing else of the product. It recomputes the hash of
the entry in the proof, follows the two paths (entry to request, request to partition) to a Merkle root (RFC 6962),
and checks that a ledger record with exactly this root, size, date and region is signed by the public key.
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

FORMAT = "streamrec-proof-1"
ENTRY_LINE, REQUEST_LINE = b"streamrec-entry-1\n", b"streamrec-request-1\n"
SIGNED_AS = b"streamrec-audit-ledger-1\n"
PEM_END = b"-----END PUBLIC KEY-----\n"
PROVEN, NOT_PROVEN, UNREADABLE = 0, 1, 2


class NotProven(Exception):
    """The proof does not show what it claims."""


def check(proof: dict[str, Any], public_pem: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry's columns and the signed head over them; NotProven says what is wrong."""
    _require(proof["format"] == FORMAT, f"the format is not {FORMAT}")
    head_bytes, entry_bytes = b64decode(proof["head"]), b64decode(proof["entry"])
    _check_signature(head_bytes, b64decode(proof["signature"]), public_pem)
    head = json.loads(head_bytes)["record"]
    _require(head["type"] == "head", "the signed record is no head of a tree")
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
        entry, head = check(proof, public_pem)
    except (NotProven, ValueError, KeyError, TypeError, struct.error, OverflowError, AttributeError) as error:
        print(f"NOT PROVEN: {error}")
        return NOT_PROVEN
    print(
        f"proven: {proof['explanation_id']} is one of {head['entries']} entries sealed for {head['date']} "
        f"{head['region']}, version {head['version']}, root {head['root']}"
    )
    if "--entry" in words:
        print(json.dumps(entry, indent=2, ensure_ascii=False))
    return PROVEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
