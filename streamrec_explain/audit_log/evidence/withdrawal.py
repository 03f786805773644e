"""Withdrawal: record which sealed requests are lawfully removed, before they are.

Killed in between, the removal is run again and finds its withdrawal recorded. If a hold was placed meanwhile, what it
covers is reinstated.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from streamrec_explain.audit_log.evidence.hashed_requests import HashedRequest
from streamrec_explain.audit_log.evidence.ledger_records import Ranges, Reason, Reinstated, Withdrawn
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals, Tree, sealed_leaves, trees
from streamrec_explain.audit_log.table.partition import Partition


def withdraw(
    requests: Iterable[HashedRequest], partition: Partition, seals: Seals, *, reason: Reason, act: Act
) -> None:
    """Record that these sealed requests go lawfully; what is recorded already stays recorded once.

    Requests that were never sealed need no record. TamperError if the leaves are not what was sealed.
    """
    with seals.leaves.locked():
        tree, place = _tree_with_places(partition, seals)
        going = _entries_at(requests, place, tree.standing())
        if going:
            _append(Withdrawn, sorted(going), sum(going.values()), partition, seals, act, reason=reason)


def withdraw_all_but(
    kept: Iterable[HashedRequest], partition: Partition, seals: Seals, *, reason: Reason, act: Act
) -> None:
    """Record that every sealed request of a partition goes lawfully but for those that are kept."""
    with seals.leaves.locked():
        tree, place = _tree_with_places(partition, seals)
        going = tree.standing()
        staying = _entries_at(kept, place, going)
        going[sorted(staying)] = False
        if going.any():
            entries = tree.standing_entries - sum(staying.values())
            _append(Withdrawn, np.flatnonzero(going).tolist(), entries, partition, seals, act, reason=reason)


def reinstate(
    held: Iterable[HashedRequest], partition: Partition, seals: Seals, *, holds: Sequence[str], act: Act
) -> None:
    """Record that requests which are held stay, though a removal that was cut short had withdrawn them.

    `held` is read only if anything of the partition was withdrawn.
    """
    with seals.leaves.locked():
        tree, place = _tree_with_places(partition, seals)
        withdrawn = ~tree.standing()
        staying = _entries_at(held, place, withdrawn) if withdrawn.any() else {}
        if staying:
            _append(Reinstated, sorted(staying), sum(staying.values()), partition, seals, act, holds=tuple(holds))


def _tree_with_places(partition: Partition, seals: Seals) -> tuple[Tree, dict[bytes, int]]:
    tree = trees(seals.ledger.records()).get(partition, Tree())
    leaves = sealed_leaves(tree, partition, seals.leaves)
    return tree, {leaf: index for index, leaf in enumerate(leaves)}


def _entries_at(
    requests: Iterable[HashedRequest], place: Mapping[bytes, int], among: npt.NDArray[np.bool_]
) -> dict[int, int]:
    """How many entries stand for each leaf that is `among` those asked for; a request in two tiers counts once."""
    sealed = ((place[each.leaf], each.entries) for each in requests if each.leaf in place)
    return {index: entries for index, entries in sealed if among[index]}


def _append(
    kind: type[Withdrawn | Reinstated],
    places: Sequence[int],
    entries: int,
    partition: Partition,
    seals: Seals,
    act: Act,
    **more: Reason | tuple[str, ...],
) -> None:
    told = {"leaves": ranges(np.array(places, np.int64)), "entries": entries, **msgspec.structs.asdict(act), **more}
    seals.ledger.append(kind(date=partition.date, region=partition.region, **told), seals.signer)


def ranges(places: npt.NDArray[np.int64]) -> Ranges:
    """Sorted places as half-open ranges."""
    if not len(places):
        return ()
    breaks = np.flatnonzero(np.diff(places) > 1)
    first = places[np.concatenate([[0], breaks + 1])]
    last = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    return tuple(zip(first.tolist(), last.tolist(), strict=True))
