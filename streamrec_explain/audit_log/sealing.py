"""Sealing: put what a partition holds under a Merkle root, and sign that; and withdraw what is lawfully removed.

A sealing adds the requests that the tree does not have yet as its last leaves, so that every version of a tree
extends the one before. The leaves become durable first, then the signed head that counts them: killed in between,
the next sealing writes them again. Entries are withdrawn *before* they are removed: killed in between, the
removal is run again and finds its withdrawal recorded.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from deltalake import DeltaTable

from streamrec_explain.audit_log.audit_ledger import AuditLedger
from streamrec_explain.audit_log.hashed_requests import HashedRequest, requests_in, row_counts
from streamrec_explain.audit_log.leaves import LeafStore
from streamrec_explain.audit_log.ledger_records import Ranges, Reason, Record, SealedHead, Withdrawn
from streamrec_explain.audit_log.merkle import root
from streamrec_explain.audit_log.signing import Signer
from streamrec_explain.audit_log.table import AuditTable, Partition
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
    """What the ledger says of one partition: every head, oldest first, and what was withdrawn."""

    heads: tuple[SealedHead, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()

    @property
    def requests(self) -> int:
        """Leaves of the newest version."""
        return self.heads[-1].requests if self.heads else 0

    @property
    def standing_entries(self) -> int:
        """Entries sealed and not withdrawn."""
        return (self.heads[-1].entries if self.heads else 0) - sum(each.entries for each in self.withdrawn)

    def standing(self) -> npt.NDArray[np.bool_]:
        """Which leaves, bool [requests], are not withdrawn."""
        mask = np.ones(self.requests, np.bool_)
        for each in self.withdrawn:
            for first, last in each.leaves:
                mask[first:last] = False
        return mask


class SealReport(msgspec.Struct, frozen=True):
    """One partition that was sealed: how many requests it got, and the head that now counts them."""

    added: int
    head: SealedHead


def trees(records: Iterable[Record]) -> dict[Partition, Tree]:
    """The tree of every partition that the ledger names."""
    found: dict[Partition, Tree] = {}
    for record in records:
        if isinstance(record, SealedHead | Withdrawn):
            partition = Partition(record.date, record.region)
            tree = found.get(partition, Tree())
            if isinstance(record, SealedHead):
                found[partition] = Tree((*tree.heads, record), tree.withdrawn)
            else:
                found[partition] = Tree(tree.heads, (*tree.withdrawn, record))
    return found


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


def sealed_leaves(tree: Tree, partition: Partition, leaves: LeafStore) -> list[bytes]:
    """The leaves of a tree; TamperError unless they give the root that was signed."""
    found = leaves.read(partition, tree.requests)
    if tree.heads and root(found).hex() != tree.heads[-1].root:
        raise TamperError(f"the leaves in {leaves.path(partition)} do not give the root that was sealed")
    return found


def withdraw(
    requests: Iterable[HashedRequest], partition: Partition, seals: Seals, *, reason: Reason, act: Act
) -> None:
    """Record that these sealed requests go lawfully; what is recorded already stays recorded once.

    Requests that were never sealed need no record. TamperError if the leaves are not what was sealed.
    """
    with seals.leaves.locked():
        tree, place = _tree_with_places(partition, seals)
        standing = tree.standing()
        going = [each for each in requests if each.leaf in place and standing[place[each.leaf]]]
        places = sorted(place[each.leaf] for each in going)
        _record(places, sum(each.entries for each in going), partition, seals, reason, act)


def withdraw_all_but(
    kept: Iterable[HashedRequest], partition: Partition, seals: Seals, *, reason: Reason, act: Act
) -> None:
    """Record that every sealed request of a partition goes lawfully but for those that are kept."""
    with seals.leaves.locked():
        tree, place = _tree_with_places(partition, seals)
        going = tree.standing()
        staying = [each for each in kept if each.leaf in place and going[place[each.leaf]]]
        going[[place[each.leaf] for each in staying]] = False
        entries = tree.standing_entries - sum(each.entries for each in staying)
        _record(np.flatnonzero(going).tolist(), entries, partition, seals, reason, act)


def _tree_with_places(partition: Partition, seals: Seals) -> tuple[Tree, dict[bytes, int]]:
    tree = trees(seals.ledger.records()).get(partition, Tree())
    leaves = sealed_leaves(tree, partition, seals.leaves)
    return tree, {leaf: index for index, leaf in enumerate(leaves)}


def _record(places: Sequence[int], entries: int, partition: Partition, seals: Seals, reason: Reason, act: Act) -> None:
    if places:
        withdrawn = Withdrawn(
            date=partition.date,
            region=partition.region,
            leaves=ranges(np.array(places, np.int64)),
            entries=entries,
            reason=reason,
            **msgspec.structs.asdict(act),
        )
        seals.ledger.append(withdrawn, seals.signer)


def ranges(places: npt.NDArray[np.int64]) -> Ranges:
    """Sorted places as half-open ranges."""
    if not len(places):
        return ()
    breaks = np.flatnonzero(np.diff(places) > 1)
    first = places[np.concatenate([[0], breaks + 1])]
    last = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    return tuple(zip(first.tolist(), last.tolist(), strict=True))


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
