"""The promotion ledger: entries that last, one holder at a time, crashes settled."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from streamrec_explain.errors import PromotionConflictError
from streamrec_explain.release.ledger import Ledger, LedgerEntry
from tests.release.small_releases import gate_results


def entry(to_version: int, from_version: int | None = None) -> LedgerEntry:
    """A promotion by ada at time 5."""
    return LedgerEntry(
        at_ms=5,
        who="ada",
        action="promote",
        from_version=from_version,
        to_version=to_version,
        model_version=f"streamrec-release/{to_version}@{'0' * 8}",
        why="better",
        gates=gate_results(),
    )


def write(ledger: Ledger, *entries: LedgerEntry) -> None:
    """Begin and finish entries."""
    for each in entries:
        ledger.finish(ledger.begin(each))


def test_entries_last_newest_first(ledger: Ledger, tmp_path: Path) -> None:
    """Another process reads every field of every move, the newest first."""
    write(ledger, entry(1), entry(2, from_version=1))
    assert (entry(2, from_version=1), entry(1)) == Ledger(tmp_path / "ledger.sqlite").entries()


def test_latest_move_to_a_version(ledger: Ledger) -> None:
    """The newest entry of a version, or None if it never was champion."""
    write(ledger, entry(1), entry(2, from_version=1), entry(1, from_version=2))
    assert (entry(1, from_version=2), None) == (ledger.latest(1), ledger.latest(3))


@pytest.mark.parametrize(("champion", "expected"), [(2, (2, 1)), (1, (1,)), (None, (1,))])
def test_crash_is_settled_by_where_the_champion_is(ledger: Ledger, champion: int | None, expected: object) -> None:
    """A begun entry counts if the alias moved before the crash, and never otherwise."""
    write(ledger, entry(1))
    ledger.begin(entry(2, from_version=1))
    ledger.settle(champion)
    ledger.settle(2)
    assert expected == tuple(each.to_version for each in ledger.entries())


def test_lease_has_one_holder(ledger: Ledger) -> None:
    """A second promotion is told who holds the lease; after the first it may go on."""
    with ledger.lease("ada", lambda: 0), pytest.raises(PromotionConflictError, match="ada"):
        ledger.lease("bob", lambda: 0).__enter__()
    with ledger.lease("bob", lambda: 0) as lease:
        lease.check(1)


def test_lease_of_a_dead_holder_expires(ledger: Ledger) -> None:
    """After its time the lease goes to the next; the late holder finds out and does not free it."""
    with ledger.lease("ada", lambda: 0, duration_ms=10) as late, ledger.lease("bob", lambda: 10) as lease:
        with pytest.raises(PromotionConflictError, match="outlasted"):
            late.check(11)
        lease.check(11)


def test_expired_lease_is_refused_even_if_nobody_took_it(ledger: Ledger) -> None:
    """Past its time a holder may not move the alias: somebody may be about to."""
    with ledger.lease("ada", lambda: 0, duration_ms=10) as lease, pytest.raises(PromotionConflictError):
        lease.check(10)


def test_of_many_threads_one_gets_the_lease(ledger: Ledger) -> None:
    """Eight threads reach for the lease at once: one holds it while seven are refused."""
    start, end = Barrier(8), Barrier(8)

    def reach(number: int) -> bool:
        start.wait()
        try:
            with ledger.lease(str(number), lambda: 0):
                end.wait()
                return True
        except PromotionConflictError:
            end.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(reach, range(8)))
