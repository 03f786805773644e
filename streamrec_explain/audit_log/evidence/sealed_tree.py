"""Sealed trees: what the ledger says of each partition's Merkle tree, and where trees and ledger lie."""

from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt

from streamrec_explain.audit_log.evidence.audit_ledger import AuditLedger
from streamrec_explain.audit_log.evidence.leaves import LeafStore
from streamrec_explain.audit_log.evidence.ledger_records import Record, Reinstated, SealedHead, Withdrawn
from streamrec_explain.audit_log.evidence.merkle import root
from streamrec_explain.audit_log.evidence.signing import Signer
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.errors import TamperError


class Evidence(msgspec.Struct, frozen=True):
    """Where the trees of one deployment and their signed heads lie."""

    leaves: LeafStore
    ledger: AuditLedger


class Seals(Evidence, frozen=True):
    """The evidence and what signs it."""

    signer: Signer


class Act(msgspec.Struct, frozen=True):
    """Who does something, when (Unix ms) and why, as it is recorded."""

    who: str
    at_ms: int
    why: str


class Tree(msgspec.Struct, frozen=True):
    """What the ledger says of one partition: every head, and what was withdrawn and reinstated, oldest first."""

    heads: tuple[SealedHead, ...] = ()
    moves: tuple[Withdrawn | Reinstated, ...] = ()

    @property
    def requests(self) -> int:
        """Leaves of the newest version."""
        return self.heads[-1].requests if self.heads else 0

    @property
    def standing_entries(self) -> int:
        """Entries sealed and not withdrawn."""
        sealed = self.heads[-1].entries if self.heads else 0
        return sealed + sum(each.entries if isinstance(each, Reinstated) else -each.entries for each in self.moves)

    def standing(self) -> npt.NDArray[np.bool_]:
        """Which leaves, bool [requests], are not withdrawn."""
        mask = np.ones(self.requests, np.bool_)
        for each in self.moves:
            for first, last in each.leaves:
                mask[first:last] = isinstance(each, Reinstated)
        return mask


def trees(records: Iterable[Record]) -> dict[Partition, Tree]:
    """The tree of every partition that the ledger names."""
    found: dict[Partition, Tree] = {}
    for record in records:
        if isinstance(record, SealedHead | Withdrawn | Reinstated):
            partition = Partition(record.date, record.region)
            tree = found.get(partition, Tree())
            if isinstance(record, SealedHead):
                found[partition] = Tree((*tree.heads, record), tree.moves)
            else:
                found[partition] = Tree(tree.heads, (*tree.moves, record))
    return found


def sealed_leaves(tree: Tree, partition: Partition, leaves: LeafStore) -> list[bytes]:
    """The leaves of a tree; TamperError unless they give the root that was signed."""
    found = leaves.read(partition, tree.requests)
    if tree.heads and root(found).hex() != tree.heads[-1].root:
        raise TamperError(f"the leaves in {leaves.path(partition)} do not give the root that was sealed")
    return found
