"""The shipper's rounds: through an hour without a store, slower and slower, and then everything once."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.outbox import BatchBounds
from streamrec_explain.audit_log.shipping.rounds import ShipRound, ship_rounds
from streamrec_explain.audit_log.table.audit_table import AuditTable
from tests.audit_log.audit_requests import request

HOUR_MS = 3_600_000


class Simulation:
    """A folder's shipper and service in simulated time: ten requests come in every pause; the store comes and goes."""

    def __init__(self, path: Path, hot: AuditTable) -> None:
        self.now_ms = 0
        self.journal, self.hot = Journal(path, clock=lambda: self.now_ms), hot
        self.pauses: list[float] = []
        self.numbers = count()
        self.ended = False

    def pause(self, seconds: float) -> None:
        """Time goes by and requests come in."""
        self.pauses.append(seconds)
        self.now_ms += int(1000 * seconds)
        for _ in range(10):
            self.journal.append(request(next(self.numbers)), b"")

    def take_store_away(self) -> None:
        """The folder of the store cannot be used any more."""
        Path(self.hot.uri).rename(f"{self.hot.uri}-away")
        Path(self.hot.uri).write_text("no folder")

    def give_store_back(self) -> None:
        """It is where it was, as it was."""
        Path(self.hot.uri).unlink()
        Path(f"{self.hot.uri}-away").rename(self.hot.uri)


@pytest.fixture
def simulated(tmp_path: Path, hot: AuditTable) -> Iterator[Simulation]:
    """A journal whose clock is the simulation's."""
    made = Simulation(tmp_path / "journal" / "w.sqlite", hot)
    yield made
    made.journal.close()


@pytest.mark.usefixtures("in_folder")
def test_an_hour_without_a_store_loses_nothing(simulated: Simulation) -> None:
    """Pauses double up to a minute; the journal keeps what comes; the first round afterwards ships it all once."""
    rounds = ship_rounds(
        simulated.journal.path.parent,
        simulated.hot,
        clock=lambda: simulated.now_ms,
        pause=simulated.pause,
        stopping=lambda: simulated.ended,
        every_s=5,
        bounds=BatchBounds(requests=50),
    )
    assert (0, ()) == ((first := next(rounds)).requests, first.failures)
    assert (10, 30) == ((second := next(rounds)).requests, second.rows)
    simulated.take_store_away()
    away: list[ShipRound] = []
    started = simulated.now_ms
    while simulated.now_ms < started + HOUR_MS:
        away.append(next(rounds))
    simulated.give_store_back()
    assert [10, 20, 40, 60, 60] == [each.pause_s for each in away[:5]]
    assert {0} == {each.requests for each in away}
    assert all("w.sqlite" in failure and "store" in failure for each in away for failure in each.failures)
    assert 10 * len(away) == away[-1].waiting.requests
    assert HOUR_MS / 1000 - 120 < away[-1].waiting.age_s(simulated.now_ms)
    back = next(rounds)
    assert (10 * len(away) + 10, (), 5) == (back.requests, back.failures, back.pause_s)
    simulated.ended = True
    assert [] == list(rounds)
    table = Counter(simulated.hot.query("SELECT request_id FROM entries")["request_id"].to_pylist())
    assert {f"request-{n}": 3 for n in range(20 + 10 * len(away))} == table


def test_told_to_end_it_ends_after_the_batch_under_way(simulated: Simulation) -> None:
    """What was not shipped waits for the next shipper."""
    simulated.pause(0)
    asked = iter([False, False, True, True])
    (only,) = ship_rounds(
        simulated.journal.path.parent,
        simulated.hot,
        clock=lambda: 0,
        pause=simulated.pause,
        stopping=lambda: next(asked),
        every_s=5,
        bounds=BatchBounds(requests=4),
    )
    assert (4, 6) == (only.requests, only.waiting.requests)
