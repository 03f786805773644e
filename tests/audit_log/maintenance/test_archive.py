"""Archive: hot partitions move to cold, verified, and nothing is lost whatever happens in between."""

import pytest

from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import as_stored
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.store import AuditStore
from streamrec_explain.errors import RetentionError, StreamRecError
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

POLICY = RetentionPolicy()
DUE_MS = START_MS + 90 * DAY_MS


@pytest.fixture
def filled(hot: AuditTable) -> AuditTable:
    """A hot table: six requests on the first day, three on the day after, in several files."""
    for number in range(6):
        hot.append([request(number)])
    hot.append([request(number, timestamp_ms=START_MS + DAY_MS) for number in range(6, 9)])
    return hot


def _archive(hot: AuditTable, cold: AuditTable, now_ms: int = DUE_MS) -> int:
    return apply_archive(plan_archive(hot, cold, policy=POLICY, now_ms=now_ms), hot, cold)


def _ids(table: AuditTable) -> list[str]:
    return sorted(table.query("SELECT DISTINCT request_id FROM entries")["request_id"].to_pylist())


def test_nothing_is_due_before_day_90(filled: AuditTable, cold: AuditTable) -> None:
    """One millisecond before the ninetieth day the plan is empty."""
    assert () == plan_archive(filled, cold, policy=POLICY, now_ms=DUE_MS - 1).steps


def test_due_partitions_move_and_others_stay(filled: AuditTable, cold: AuditTable) -> None:
    """On day 90 the first day's entries are in cold, byte for byte, and no longer in hot."""
    assert 18 == _archive(filled, cold)
    assert [f"request-{n}" for n in range(6)] == _ids(cold)
    assert [f"request-{n}" for n in range(6, 9)] == _ids(filled)
    assert [as_stored(request(n)) for n in range(6)] == [cold.read_request(f"request-{n}") for n in range(6)]


def test_a_plan_can_be_printed_and_changes_nothing(filled: AuditTable, cold: AuditTable) -> None:
    """The plan names each partition with its rows; making it moves nothing."""
    plan = plan_archive(filled, cold, policy=POLICY, now_ms=DUE_MS)
    assert "2026-01-01 EU: 6 rows" in str(plan)
    assert (9, []) == (len(_ids(filled)), _ids(cold))


def test_a_partition_that_changed_since_the_plan_is_refused(filled: AuditTable, cold: AuditTable) -> None:
    """A late entry makes the old plan void; a new plan moves it too."""
    plan = plan_archive(filled, cold, policy=POLICY, now_ms=DUE_MS)
    filled.append([request(1, request_id="late")])
    with pytest.raises(RetentionError, match="plan again"):
        apply_archive(plan, filled, cold)
    assert 10 == len({*_ids(filled), *_ids(cold)})
    _archive(filled, cold)
    assert "late" in _ids(cold)


def test_entries_late_for_an_archived_day_join_it(filled: AuditTable, cold: AuditTable) -> None:
    """They are shipped to hot as ever and the next archive adds them to what is there."""
    _archive(filled, cold)
    filled.append([request(1, request_id="late")])
    assert 3 == _archive(filled, cold)
    assert ["late", *(f"request-{n}" for n in range(6))] == _ids(cold)
    assert as_stored(request(1)) == cold.read_request("request-1")


class _DyingTable(AuditTable):
    """A table whose process dies before it removes anything."""

    def delete_partition(self, partition: Partition, **_: object) -> None:
        """Stop as kill -9 would, after the copy was committed."""
        raise KeyboardInterrupt(partition.date)


def test_death_between_copy_and_removal_doubles_nothing(
    filled: AuditTable, cold: AuditTable, store: AuditStore
) -> None:
    """Planned and applied again, the copy is replaced, not added to."""
    with pytest.raises(KeyboardInterrupt):
        _archive(_DyingTable(filled.uri, "hot", store.options), cold)
    assert 9 == len(_ids(filled))
    assert 18 == _archive(filled, cold)
    assert [{"n": 18}] == cold.query("SELECT count(*) AS n FROM entries").to_pylist()


class _LossyTable(AuditTable):
    """A cold store that loses a row on the way."""

    def replace_partition(self, partition: Partition, rows: object, **seen: object) -> None:
        """Write all rows but the first."""
        tables = list(rows)  # type: ignore[call-overload]
        super().replace_partition(partition, iter([tables[0].slice(1), *tables[1:]]), **seen)  # type: ignore[arg-type]


class _AlteringTable(AuditTable):
    """A cold store that alters one value on the way."""

    def replace_partition(self, partition: Partition, rows: object, **seen: object) -> None:
        """Write every item as another one."""
        piece = next(iter(rows))  # type: ignore[call-overload]
        place = piece.schema.get_field_index("item_id")
        altered = piece.set_column(place, piece.schema.field(place), piece["template"])
        super().replace_partition(partition, iter([altered]), **seen)  # type: ignore[arg-type]


@pytest.mark.parametrize("broken", [_LossyTable, _AlteringTable])
def test_a_copy_that_differs_removes_nothing(
    filled: AuditTable, cold: AuditTable, store: AuditStore, broken: type[AuditTable]
) -> None:
    """A missing row and a changed value are both found before anything is removed."""
    with pytest.raises(RetentionError, match="nothing was removed"):
        _archive(filled, broken(cold.uri, "cold", store.options))
    assert 9 == len(_ids(filled))


class _RacingTable(AuditTable):
    """A hot table to which a writer appends just before the removal."""

    def delete_partition(self, partition: Partition, **seen: object) -> None:
        """Append to the partition, then remove what was seen before."""
        self.append([request(1, request_id="racing", region=partition.region)])
        super().delete_partition(partition, **seen)  # type: ignore[arg-type]


def test_an_entry_that_arrives_during_the_archive_stays(
    filled: AuditTable, cold: AuditTable, store: AuditStore
) -> None:
    """The removal is refused, and the next archive takes both."""
    with pytest.raises(StreamRecError, match="plan again"):
        _archive(_RacingTable(filled.uri, "hot", store.options), cold)
    assert "racing" in _ids(filled)
    _archive(filled, cold)
    assert "racing" in _ids(cold)
    assert 10 == len({*_ids(filled), *_ids(cold)})
