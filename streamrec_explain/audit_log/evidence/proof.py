"""Proofs for whoever has only the public key: that one explanation's entry is under a signed head (inclusion), and
that a newer head of a partition holds everything an older one held (consistency).

A proof is one JSON object that `verify_proof.py` checks without this package. An inclusion proof holds the entry's
own canonical bytes, so hand it only to who may read the entry.
"""

from base64 import b64encode
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger, SignedRecord
from streamrec_explain.audit_log.evidence.entry_digest import canonical_bytes, entry_hashes
from streamrec_explain.audit_log.evidence.hashed_requests import request_leaf
from streamrec_explain.audit_log.evidence.ledger_records import SealedHead
from streamrec_explain.audit_log.evidence.merkle import consistency_path, inclusion_path, levels
from streamrec_explain.audit_log.evidence.sealed_tree import Evidence, Tree, sealed_leaves, trees
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.errors import EntryNotFoundError, TamperError
from streamrec_explain.records import split_explanation_id

INCLUSION, EXTENSION = "streamrec-proof-1", "streamrec-extension-1"


class Proof(msgspec.Struct, frozen=True):
    """Hashes in hex, bytes in base64; paths lowest first; `head` is the signed ledger record that counts the leaf."""

    format: str
    explanation_id: str
    entry: str
    entry_index: int
    request_size: int
    request_path: tuple[str, ...]
    leaf_index: int
    path: tuple[str, ...]
    head: str
    signature: str
    key_id: str


class ExtensionProof(msgspec.Struct, frozen=True):
    """Two signed heads of one partition, and the hashes (hex) that show the older tree inside the newer one."""

    format: str
    old_head: str
    old_signature: str
    head: str
    signature: str
    path: tuple[str, ...]


def prove_extension(partition: Partition, version: int, evidence: Evidence) -> ExtensionProof:
    """That the newest head of a partition extends its head of that version; EntryNotFoundError if there is none."""
    tree = trees(evidence.ledger.records()).get(partition, Tree())
    if not 1 <= version <= len(tree.heads):
        raise EntryNotFoundError(f"{partition.date} {partition.region} has {len(tree.heads)} heads, none of {version}")
    leaves = sealed_leaves(tree, partition, evidence.leaves)
    old, new = (_signed(head, evidence.ledger) for head in (tree.heads[version - 1], tree.heads[-1]))
    return ExtensionProof(
        format=EXTENSION,
        old_head=b64encode(old.body).decode(),
        old_signature=b64encode(old.signature).decode(),
        head=b64encode(new.body).decode(),
        signature=b64encode(new.signature).decode(),
        path=_hex(consistency_path(leaves, tree.heads[version - 1].requests)),
    )


def prove(explanation_id: str, log: AuditLog, evidence: Evidence) -> Proof:
    """The proof of an explanation; EntryNotFoundError if no table has it, TamperError if it is not as sealed."""
    try:
        request_id, position = split_explanation_id(explanation_id)
    except ValueError as error:
        raise EntryNotFoundError(str(error)) from error
    for table in log.tables():
        rows = _rows(table, request_id)
        if rows.num_rows:
            return _proof(explanation_id, rows, position, evidence)
    raise EntryNotFoundError(f"no table holds the request {request_id!r}: what waits in a journal is not sealed yet")


def _rows(table: AuditTable, request_id: str) -> pa.Table:
    return table.rows(conditions.equals("request_id", request_id)).sort_by("position")


def _proof(explanation_id: str, rows: pa.Table, position: int, evidence: Evidence) -> Proof:
    positions = rows["position"].to_pylist()
    if position not in positions:
        raise EntryNotFoundError(f"there is no explanation {explanation_id!r}; its request has {positions}")
    index, hashes = positions.index(position), entry_hashes(rows)
    partition = Partition(rows["date"][0].as_py().isoformat(), rows["region"][0].as_py())
    tree = trees(evidence.ledger.records()).get(partition, Tree())
    leaves, leaf = sealed_leaves(tree, partition, evidence.leaves), request_leaf(hashes)
    if leaf not in leaves:
        raise TamperError(f"{explanation_id} is not sealed as it lies there: seal; if it then still is not, verify")
    place, head = leaves.index(leaf), _signed(tree.heads[-1], evidence.ledger)
    return Proof(
        format=INCLUSION,
        explanation_id=explanation_id,
        entry=b64encode(canonical_bytes(rows.slice(index, 1))[0]).decode(),
        entry_index=index,
        request_size=len(hashes),
        request_path=_hex(inclusion_path(levels(hashes), index)),
        leaf_index=place,
        path=_hex(inclusion_path(levels(leaves), place)),
        head=b64encode(head.body).decode(),
        signature=b64encode(head.signature).decode(),
        key_id=head.content.key_id,
    )


def _signed(head: SealedHead, ledger: AuditLedger) -> SignedRecord:
    return next(each for each in reversed(ledger.signed_records()) if each.content.record == head)


def _hex(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(each.hex() for each in hashes)
