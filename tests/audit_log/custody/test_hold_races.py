"""Holds and removals at the same time: each hold is seen, or was placed after what it names had gone."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streamrec_explain.audit_log.custody.erasure import Person, apply_erasure, plan_erasure
from streamrec_explain.audit_log.custody.holds import Holds, HoldScope
from streamrec_explain.audit_log.evidence.ledger_records import HoldPlaced, Reinstated, Withdrawn
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import PublicKeys
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import HoldError
from streamrec_explain.home import Home
from streamrec_explain.personal_data import erase_person
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

ACT = Act("tester", START_MS, "case 7")
EXPIRED_MS = START_MS + 820 * DAY_MS
ZOE = Person(("deadbeef" * 4,), ("5ub1ec7" * 4,))


class HookedTable(AuditTable):
    """Calls `hook` when a removal is about to be committed: after its withdrawal, under the lock."""

    hook: Callable[[], None]

    def delete_partition(self, *words: Any, **options: Any) -> None:
        self.hook()
        super().delete_partition(*words, **options)

    def replace_partition(self, *words: Any, **options: Any) -> None:
        self.hook()
        super().replace_partition(*words, **options)


@pytest.fixture
def holds(seals: Seals, tmp_path: Path) -> Holds:
    """No hold yet."""
    return Holds(seals.ledger, tmp_path / "holds")


@pytest.fixture
def log(hot: AuditTable, cold: AuditTable, journal: Journal, seals: Seals) -> AuditLog:
    """Requests 0, 1 and 2 of zoe's and 10 of another, in the partitions US, EU, JP and EU, sealed."""
    of_zoe = [request(number, user_id_hash=ZOE.pseudonyms[0]) for number in range(3)]
    hot.append([*of_zoe, request(10)])
    seal([hot, cold], seals, now_ms=START_MS)
    return AuditLog(journal.path.parent, hot, cold)


def hooked(log: AuditLog, hook: Callable[[], None]) -> AuditLog:
    """The same log, its hot table hooked."""
    table = HookedTable(log.hot.uri)
    table.hook = hook
    return AuditLog(log.journals, table, log.cold)


def _expire(log: AuditLog, seals: Seals, holds: Holds) -> None:
    standing = holds.active(None)
    plan = plan_expiry(*log.tables(), policy=RetentionPolicy(), now_ms=EXPIRED_MS, holds=standing)
    apply_expiry(plan, *log.tables(), seals=seals, act=ACT, holds=standing)


def _erase(log: AuditLog, seals: Seals, holds: Holds) -> None:
    apply_erasure(plan_erasure(log, ZOE, holds.active(None)), log, seals=seals, act=ACT)


Removal = Callable[[AuditLog, Seals, Holds], None]
REMOVALS = pytest.mark.parametrize("remove", [_expire, _erase])


def _place(holds: Holds, seals: Seals, request_id: str = "request-1") -> HoldPlaced:
    return holds.place(HoldScope(request_id=request_id), keys=None, signer=seals.signer, act=ACT)


def _ids(log: AuditLog) -> set[str]:
    return set(log.hot.rows("true")["request_id"].to_pylist())


def _assert_sound(log: AuditLog, seals: Seals) -> None:
    verdict = verify(log.tables(), seals, PublicKeys({seals.signer.key_id: seals.signer.public}))
    assert verdict.sound, verdict


def _kinds(seals: Seals) -> list[type]:
    return [type(each) for each in seals.ledger.records() if isinstance(each, Withdrawn | Reinstated | HoldPlaced)]


@REMOVALS
def test_a_hold_placed_during_a_removal_waits_for_its_commit(
    log: AuditLog, seals: Seals, holds: Holds, remove: Removal
) -> None:
    """It is on record after the withdrawal, and voids what else was planned: the second partition stays whole."""
    placing: list[threading.Thread] = []

    def place_beside() -> None:
        placing.append(threading.Thread(target=_place, args=(holds, seals, "request-2")))
        placing[0].start()
        placing[0].join(0.5)
        assert placing[0].is_alive()
        assert [Withdrawn] == _kinds(seals)

    beside = hooked(log, lambda: None if placing else place_beside())
    with pytest.raises(HoldError, match="hold-1 was placed since the plan"):
        _remove_one_by_one(beside, seals, holds, remove, placing)
    assert [Withdrawn, HoldPlaced] == _kinds(seals)
    assert "request-1" not in _ids(log)
    assert "request-2" in _ids(log)
    _assert_sound(log, seals)


def _remove_one_by_one(
    log: AuditLog, seals: Seals, holds: Holds, remove: Removal, placing: list[threading.Thread]
) -> None:
    """Remove; whoever waits for the lock gets it between two partitions."""
    locked = seals.ledger.locked

    class Patient(type(seals.ledger)):  # type: ignore[misc]
        def locked(self) -> Any:
            for thread in placing:
                thread.join()
            return locked()

    patient = Patient(seals.ledger.path)
    remove(log, msgspec.structs.replace(seals, ledger=patient), Holds(patient, holds.folder))


@REMOVALS
def test_a_hold_placed_after_the_plan_stops_the_removal(
    log: AuditLog, seals: Seals, holds: Holds, remove: Removal
) -> None:
    """Before anything goes; planned again, the removal takes what is not held."""

    class Unseen(Holds):
        def active(self, _: object) -> tuple[()]:
            return ()

    _place(holds, seals)
    with pytest.raises(HoldError, match="plan again"):
        remove(log, seals, Unseen(seals.ledger, holds.folder))
    assert 4 == len(_ids(log))
    remove(log, seals, holds)
    assert {"request-1"} == _ids(log) - {"request-10"}
    _assert_sound(log, seals)


@REMOVALS
@pytest.mark.parametrize("held", ["request-1", "request-0"])
def test_a_hold_after_a_removal_was_killed_keeps_what_was_withdrawn(
    log: AuditLog, seals: Seals, holds: Holds, remove: Removal, held: str
) -> None:
    """Killed between withdrawal and commit: what is held since then stands again, until it is released."""

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remove(hooked(log, die), seals, holds)
    assert [Withdrawn] == _kinds(seals)
    placed = _place(holds, seals, held)
    remove(log, seals, holds)
    assert {held} == _ids(log) - {"request-10"}
    assert (held == "request-1") == (Reinstated in _kinds(seals))  # the first partition is that of request 1
    _assert_sound(log, seals)
    remove(log, seals, holds)
    assert 1 == len([kind for kind in _kinds(seals) if kind is HoldPlaced])
    holds.release(placed.hold_id, signer=seals.signer, act=ACT)
    remove(log, seals, holds)
    assert set() == _ids(log) - {"request-10"}
    _assert_sound(log, seals)


def test_an_erasure_that_is_held_as_a_whole_reinstates_and_refuses(
    log: AuditLog, seals: Seals, holds: Holds, tmp_path: Path
) -> None:
    """The evidence is sound though nothing may be erased any more."""

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _erase(hooked(log, die), seals, holds)
    holds.place(HoldScope(item_id="item-0"), keys=None, signer=seals.signer, act=ACT)
    plan = plan_erasure(log, ZOE, holds.active(None))
    with pytest.raises(HoldError, match="nothing was erased"):
        erase_person("zoe", plan, log, Home(tmp_path), seals=seals, act=ACT)
    assert [Withdrawn, HoldPlaced, Reinstated] == _kinds(seals)
    assert 4 == len(_ids(log))
    _assert_sound(log, seals)


def test_holds_placed_at_once_get_names_of_their_own(seals: Seals, holds: Holds) -> None:
    """Eight threads, eight holds."""
    threads = [threading.Thread(target=_place, args=(holds, seals, f"request-{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"hold-{n}" for n in range(1, 9)} == {each.hold_id for each in holds.active(None)}
