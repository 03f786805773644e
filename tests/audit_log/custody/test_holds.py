"""Legal holds beat expiry and erasure, and trees stay valid through both; after the release the rest goes."""

from pathlib import Path

import pytest

from streamrec_explain.audit_log.custody.erasure import Person, apply_erasure, export_person, plan_erasure
from streamrec_explain.audit_log.custody.holds import ActiveHold, Holds, HoldScope
from streamrec_explain.audit_log.evidence.ledger_records import Erased, Withdrawn
from streamrec_explain.audit_log.evidence.sealed_tree import Act, Seals
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import PublicKeys
from streamrec_explain.audit_log.evidence.verification import verify
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import AuditStore
from streamrec_explain.errors import HoldError, RetentionError
from streamrec_explain.pseudonym import KeyRing, new_key_ring
from tests.audit_log.audit_requests import DAY_MS, START_MS, entry, request

ACT = Act("tester", START_MS, "case 7")
EXPIRED_MS = START_MS + 820 * DAY_MS
POLICY = RetentionPolicy()


@pytest.fixture
def keys() -> KeyRing:
    """Two keys, the older one of which most entries were made with."""
    return new_key_ring(START_MS).rotated(START_MS + 1)


@pytest.fixture
def holds(seals: Seals, tmp_path: Path) -> Holds:
    """No hold yet."""
    return Holds(seals.ledger, tmp_path / "holds")


@pytest.fixture
def log(hot: AuditTable, cold: AuditTable, journal: Journal, keys: KeyRing, seals: Seals) -> AuditLog:
    """Zoe's requests 0 (cold), 1 (hot, item rare) and 2 (journal) beside those of others, sealed."""
    old, new = keys.pseudonyms("zoe").values()
    cold.append([request(0, user_id_hash=old, region="EU"), request(10, region="EU")])
    rare = (entry(0), entry(1, item_id="rare"))
    hot.append([request(1, user_id_hash=old, region="EU", entries=rare), request(11, region="EU")])
    journal.append(request(2, user_id_hash=new), b"{}")
    seal([hot, cold], seals, now_ms=START_MS)
    return AuditLog(journal.path.parent, hot, cold)


@pytest.fixture
def zoe(keys: KeyRing) -> Person:
    """The person that asks to be forgotten."""
    return Person(tuple(keys.pseudonyms("zoe").values()), tuple(keys.subjects("zoe").values()))


def _ids(log: AuditLog) -> set[str]:
    return {name for table in log.tables() for name in table.rows("true")["request_id"].to_pylist()}


def _assert_sound(log: AuditLog, seals: Seals) -> None:
    keys = PublicKeys({seals.signer.key_id: seals.signer.public})
    verdict = verify(log.tables(), seals, keys)
    assert verdict.sound, verdict


def _expire(log: AuditLog, seals: Seals, holds: tuple[ActiveHold, ...], now_ms: int = EXPIRED_MS) -> int:
    plan = plan_expiry(*log.tables(), policy=POLICY, now_ms=now_ms, holds=holds)
    return apply_expiry(plan, *log.tables(), seals=seals, act=ACT, holds=holds)


SCOPES = [
    (HoldScope(user_id="zoe"), {"request-0", "request-1"}),
    (HoldScope(item_id="rare"), {"request-1"}),
    (HoldScope(request_id="request-10"), {"request-10"}),
    (HoldScope(model_version="streamrec-release/1@00000000", region="EU"), {f"request-{n}" for n in (0, 1, 10, 11)}),
    (HoldScope(first_day="2026-01-02", last_day="2026-01-03"), set()),
    (HoldScope(user_id="zoe", item_id="rare"), {"request-1"}),
]


@pytest.mark.parametrize(("scope", "kept"), SCOPES)
def test_expiry_keeps_what_is_held(
    log: AuditLog, seals: Seals, holds: Holds, keys: KeyRing, scope: HoldScope, kept: set[str]
) -> None:
    """Whole requests stay while one entry is held, the plan says so, and the rest is gone and withdrawn."""
    placed = holds.place(scope, keys=keys, signer=seals.signer, act=ACT)
    plan = plan_expiry(*log.tables(), policy=POLICY, now_ms=EXPIRED_MS, holds=holds.active(keys))
    assert bool(kept) == (f"kept back by {placed.hold_id}" in str(plan))
    _expire(log, seals, holds.active(keys))
    assert kept == _ids(log)
    _assert_sound(log, seals)
    assert 0 == _expire(log, seals, holds.active(keys))
    holds.release(placed.hold_id, signer=seals.signer, act=ACT)
    _expire(log, seals, holds.active(keys))
    assert set() == _ids(log)
    _assert_sound(log, seals)


def test_a_hold_placed_after_the_plan_voids_it(log: AuditLog, seals: Seals, holds: Holds, keys: KeyRing) -> None:
    """Nothing of the plan is removed."""
    plan = plan_expiry(*log.tables(), policy=POLICY, now_ms=EXPIRED_MS)
    holds.place(HoldScope(item_id="rare"), keys=keys, signer=seals.signer, act=ACT)
    with pytest.raises(RetentionError, match="plan again"):
        apply_expiry(plan, *log.tables(), seals=seals, act=ACT, holds=holds.active(keys))
    assert 4 == len(_ids(log))


def _states(seals: Seals) -> list[tuple[str, int, int]]:
    return [(r.state, r.entries, r.kept) for r in seals.ledger.records() if isinstance(r, Erased)]


def test_erasure_under_a_hold_is_partial_until_its_release(
    log: AuditLog, seals: Seals, holds: Holds, keys: KeyRing, zoe: Person
) -> None:
    """The held request stays, the others go; a later run completes it; the ledger tells both, and no name."""
    placed = holds.place(HoldScope(item_id="rare"), keys=keys, signer=seals.signer, act=ACT)
    plan = plan_erasure(log, zoe, holds.active(keys))
    assert (4, 2) == (plan.entries, plan.kept)
    assert "0; 2 kept back by legal holds" in str(plan)
    apply_erasure(plan, log, seals=seals, act=ACT)
    assert ["request-1"] == [found.request.request_id for found in export_person(log, zoe)]
    apply_erasure(plan_erasure(log, zoe, holds.active(keys)), log, seals=seals, act=ACT)
    assert [("begun", 4, 2), ("partial", 4, 2)] == _states(seals)
    _assert_sound(log, seals)
    holds.release(placed.hold_id, signer=seals.signer, act=ACT)
    apply_erasure(plan_erasure(log, zoe, holds.active(keys)), log, seals=seals, act=ACT)
    assert [("begun", 2, 0), ("done", 2, 0)] == _states(seals)[2:]
    assert {"request-10", "request-11"} == _ids(log)
    _assert_sound(log, seals)
    told = str([each.body for each in seals.ledger.signed_records()])
    assert not [name for name in (*zoe.pseudonyms, "zoe") if name in told]


def test_a_held_person_stays_in_the_journal_too(log: AuditLog, holds: Holds, keys: KeyRing, seals: Seals) -> None:
    """Under a key that was made after the hold as well."""
    holds.place(HoldScope(user_id="zoe"), keys=keys, signer=seals.signer, act=ACT)
    later = keys.rotated(START_MS + 2)
    zoe = Person(tuple(later.pseudonyms("zoe").values()))
    log.hot.append([request(3, user_id_hash=later.pseudonym("zoe"))])
    plan = plan_erasure(log, zoe, holds.active(later))
    assert (0, 1 + 2 + 3 + 3) == (plan.entries, plan.kept)


def test_each_withdrawal_is_recorded_once(log: AuditLog, store: AuditStore, seals: Seals, zoe: Person) -> None:
    """An erasure that was killed after its withdrawal finds it recorded."""

    class Dying(AuditTable):
        def replace_partition(self, *_: object, **__: object) -> None:
            raise KeyboardInterrupt

    dying = AuditLog(log.journals, *(Dying(each.uri, each.tier, store.options) for each in log.tables()))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            apply_erasure(plan_erasure(log, zoe), dying, seals=seals, act=ACT)
    assert 1 == sum(isinstance(each, Withdrawn) for each in seals.ledger.records())
    apply_erasure(plan_erasure(log, zoe), log, seals=seals, act=ACT)
    assert 2 == sum(isinstance(each, Withdrawn) for each in seals.ledger.records())
    _assert_sound(log, seals)


def test_a_withdrawn_entry_that_is_still_there_is_told(log: AuditLog, seals: Seals, zoe: Person) -> None:
    """An interrupted erasure shows."""
    from streamrec_explain.audit_log.evidence.hashed_requests import hashed_requests
    from streamrec_explain.audit_log.evidence.withdrawal import withdraw
    from streamrec_explain.audit_log.table.partition import Partition

    rows = log.hot.rows(zoe.condition)
    withdraw(hashed_requests(rows), Partition("2026-01-01", "EU"), seals, reason="erasure", act=ACT)
    keys = PublicKeys({seals.signer.key_id: seals.signer.public})
    (verdict,) = verify(log.tables(), seals, keys).partitions
    assert ("withdrawn and still there (run the erasure or expiry again): request-1",) == verdict.problems


def test_who_is_held_is_private_and_goes_with_the_release(
    seals: Seals, holds: Holds, keys: KeyRing, tmp_path: Path
) -> None:
    """The ledger knows a keyed digest only."""
    placed = holds.place(HoldScope(user_id="ada-lovelace"), keys=keys, signer=seals.signer, act=ACT)
    path = tmp_path / "holds" / "hold-1.json"
    assert (0o600, b'"ada-lovelace"') == (path.stat().st_mode & 0o777, path.read_bytes())
    assert b"ada-lovelace" not in seals.ledger.path.read_bytes()
    holds.release(placed.hold_id, signer=seals.signer, act=ACT)
    assert not path.exists()
    with pytest.raises(HoldError, match="no hold"):
        holds.release(placed.hold_id, signer=seals.signer, act=ACT)
    assert ["hold-1", "hold-1"] == [each.hold_id for each in holds.history()]


def test_a_hold_whose_person_is_lost_stops_removal(seals: Seals, holds: Holds, keys: KeyRing, tmp_path: Path) -> None:
    """It cannot be told what may go."""
    holds.place(HoldScope(user_id="zoe"), keys=keys, signer=seals.signer, act=ACT)
    (tmp_path / "holds" / "hold-1.json").unlink()
    with pytest.raises(HoldError, match="restore it"):
        holds.active(keys)


def test_a_hold_needs_a_condition(seals: Seals, holds: Holds, keys: KeyRing) -> None:
    """A hold on everything is refused, and nothing is recorded."""
    with pytest.raises(HoldError, match="at least one condition"):
        holds.place(HoldScope(), keys=keys, signer=seals.signer, act=ACT)
    assert [] == holds.history()
