"""Sealing: put what a partition holds under a Merkle root, and sign that.

A sealing adds the requests that the tree does not have yet as its last leaves, so that every version of a tree
extends the one before. The leaves become durable first, then the signed head that counts them: killed in between,
the next sealing writes them again.
"""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec
from deltalake import DeltaTable

from streamrec_explain.audit_log.evidence.hashed_requests import requests_in, row_counts
from streamrec_explain.audit_log.evidence.ledger_records import SealedHead
from streamrec_explain.audit_log.evidence.merkle import root
from streamrec_explain.audit_log.evidence.sealed_tree import Seals, Tree, sealed_leaves, trees
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.errors import TamperError


class SealReport(msgspec.Struct, frozen=True):
    """One partition that was sealed: how many requests it got, and the head that now counts them."""

    added: int
    head: SealedHead


def seal(tables: Sequence[AuditTable], seals: Seals, *, now_ms: int, before: str | None = None) -> list[SealReport]:
    """Seal every partition that holds other entries than its tree, of days before `before` (YYYY-MM-DD) or of all.

    TamperError, and that partition stays as it is, if a sealed request is gone or was altered.
    """
    with seals.leaves.locked():
        known = trees(seals.ledger.records())
        opened = [(table, table.open()) for table in tables]
        held: Counter[Partition] = Counter()
        for table, seen in opened:
            held.update(row_counts(table, seen))
        due = [each for each in sorted(held) if before is None or each.date < before]
        changed = [each for each in due if held[each] != known.get(each, Tree()).standing_entries]
        sealed = (_seal(each, opened, known.get(each, Tree()), seals, now_ms) for each in changed)
        return [report for report in sealed if report is not None]


def _seal(
    partition: Partition, opened: Sequence[tuple[AuditTable, DeltaTable]], tree: Tree, seals: Seals, now_ms: int
) -> SealReport | None:
    """The partition's next version; None if its tree has everything."""
    leaves = sealed_leaves(tree, partition, seals.leaves)
    found = {each.leaf: each.entries for table, seen in opened for each in requests_in(table, partition, seen)}
    _refuse_if_missing(partition, tree, leaves, found)
    known = set(leaves)
    fresh = sorted(leaf for leaf in found if leaf not in known)
    if not fresh:
        return None
    seals.leaves.extend(partition, tree.requests, fresh)
    head = SealedHead(
        date=partition.date,
        region=partition.region,
        version=len(tree.heads) + 1,
        requests=len(leaves) + len(fresh),
        entries=(tree.heads[-1].entries if tree.heads else 0) + sum(found[leaf] for leaf in fresh),
        root=root([*leaves, *fresh]).hex(),
        at_ms=now_ms,
    )
    seals.ledger.append(head, seals.signer)
    return SealReport(len(fresh), head)


def _refuse_if_missing(partition: Partition, tree: Tree, leaves: Sequence[bytes], found: Collection[bytes]) -> None:
    missing = sum(leaf not in found for leaf, stands in zip(leaves, tree.standing(), strict=True) if stands)
    if missing:
        raise TamperError(
            f"{missing} sealed requests of {partition.date} {partition.region} are gone or altered: "
            "nothing more is sealed there; see `verify`"
        )
