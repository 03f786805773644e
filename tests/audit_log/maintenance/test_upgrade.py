"""Tables of the first version become tables of this one, wholly or not at all, and lose nothing."""

import shutil
from pathlib import Path

import pytest

from streamrec_explain.audit_log.journal.reader import find_in_folder
from streamrec_explain.audit_log.maintenance import upgrade
from streamrec_explain.audit_log.maintenance.upgrade import UpgradePlan, apply_upgrade, plan_upgrade
from streamrec_explain.audit_log.shipping.outbox import Outbox
from streamrec_explain.audit_log.shipping.shipper import ALL_SHIPPERS
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import as_stored, requests_of
from streamrec_explain.errors import AuditLogError, RetentionError, WriteConflictError
from tests.audit_log.audit_requests import request

FIRST = Path(__file__).parents[2] / "fixtures" / "engine_v1"


@pytest.fixture
def first(tmp_path: Path) -> AuditTable:
    """The table that the first version wrote: 20 requests of 20 entries in three regions."""
    shutil.copytree(FIRST / "hot", tmp_path / "hot")
    return AuditTable(str(tmp_path / "hot"))


def test_the_first_versions_table_holds_what_its_journal_holds(first: AuditTable, tmp_path: Path) -> None:
    """Every request as this version would have stored it; the plan tells what is to be done, once."""
    shutil.copytree(FIRST / "journal", tmp_path / "journal")
    plan = plan_upgrade(first)
    assert (3, True) == (len(plan.partitions[first.uri]), f"{first.uri}: 3 partitions" in str(plan))
    with pytest.raises(AuditLogError, match="upgrade --apply"):
        first.open()
    assert 400 == apply_upgrade(plan, first)
    stored = requests_of(first.rows("true"))
    assert 20 == len(stored)
    for each in stored:
        logged = find_in_folder(tmp_path / "journal", each.request_id)
        assert logged is not None
        assert as_stored(logged) == each
    assert 0 == apply_upgrade(plan, first)
    assert UpgradePlan({}) == plan_upgrade(first)


def test_fences_survive_and_the_table_goes_on(first: AuditTable, tmp_path: Path) -> None:
    """The shipper knows what it shipped before, and new requests join the old ones."""
    shutil.copytree(FIRST / "journal", tmp_path / "journal")
    with Outbox(tmp_path / "journal" / "worker-0.sqlite") as outbox:
        fences = (outbox.journal_id, ALL_SHIPPERS)
    marks = [first.open_as_is().transaction_version(name) for name in fences]
    apply_upgrade(plan_upgrade(first), first)
    assert [1, 1] == marks == [first.recorded_version(name) for name in fences]
    first.append([request(1)])
    assert 403 == first.query("SELECT count(*) AS n FROM entries")["n"][0].as_py()


def test_what_is_written_meanwhile_refuses_the_upgrade(first: AuditTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table stays the old one, with what was written to it."""
    plan = plan_upgrade(first)
    seen = first.open_as_is()
    first.open_as_is().delete("region = 'JP'")
    monkeypatch.setattr(AuditTable, "open_as_is", lambda _: seen)
    with pytest.raises((WriteConflictError, RetentionError)):
        apply_upgrade(plan, first)
    monkeypatch.undo()
    assert first.is_older()


def test_rows_that_get_lost_on_the_way_refuse_the_upgrade(first: AuditTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted before the commit."""
    whole = upgrade.upgraded
    monkeypatch.setattr(upgrade, "upgraded", lambda rows: whole(rows).slice(1))
    with pytest.raises(RetentionError, match="nothing was changed"):
        apply_upgrade(plan_upgrade(first), first)
    assert first.is_older()


def test_a_table_of_this_version_needs_none(hot: AuditTable, cold: AuditTable) -> None:
    """Nor does one that is not there, which is not made by looking."""
    hot.append([request(1)])
    assert UpgradePlan({}) == plan_upgrade(hot, cold)
    assert not cold.exists()
