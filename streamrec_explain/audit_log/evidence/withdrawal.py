"""Withdrawal: record which sealed requests are lawfully removed, before they are.

Killed in between, the removal is run again and finds its withdrawal recorded.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from streamrec_explain.audit_log.evidence.hashed_requests import HashedRequest
from streamrec_explain.audit_log.evidence.ledger_records import Ranges, Reason, Withdrawn
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals, Tree, sealed_leaves, trees
from streamrec_explain.audit_log.table.audit_table import Partition


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
