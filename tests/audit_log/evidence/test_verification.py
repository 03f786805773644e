"""Verification finds whatever is done to sealed entries, leaves and ledger, and nothing where all is lawful."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from streamrec_explain.audit_log.evidence.sealed_tree import Seals
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.evidence.signing import PublicKeys, create_signing_key
from streamrec_explain.audit_log.evidence.verification import Span, Verdict, verify
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.errors import TamperError
from tests.audit_log.audit_requests import DAY_MS, START_MS, request

DAY, REGION = "2026-01-01", "US"
PARTITION = Partition(DAY, REGION)
OF_REGION = tuple(range(0, 18, 3))  # the requests of PARTITION


@pytest.fixture
def sealed(hot: AuditTable, seals: Seals) -> AuditTable:
    """Eighteen requests over three regions in two commits, three more on the next day, all sealed."""
    hot.append([request(n) for n in range(9)])
    hot.append([request(n) for n in range(9, 18)])
    hot.append([request(n, timestamp_ms=START_MS + DAY_MS) for n in range(18, 21)])
    assert 6 == len(seal([hot], seals, now_ms=1))
    return hot


def _verify(seals: Seals, *tables: AuditTable, span: Span = Span(), known: str | None = None) -> Verdict:  # noqa: B008
    keys = PublicKeys({seals.signer.key_id: seals.signer.public})
    return verify(tables, seals, keys, span, known)


def _problems(verdict: Verdict) -> str:
    return "\n".join([*verdict.problems, *(line for each in verdict.partitions for line in each.problems)])


def _change(table: AuditTable, change: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrite the partition, as somebody with access to the store can."""
    rows = sorted_rows(change(table.rows(PARTITION.condition)))
    table.replace_partition(PARTITION, iter([rows]), seen=table.open())


def _set(rows: pa.Table, column: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = rows.schema.get_field_index(column)
    return rows.set_column(place, rows.schema.field(place), values)


def test_an_untouched_log_is_sound(sealed: AuditTable, seals: Seals) -> None:
    """Every entry is accounted for, and each tree counts its own."""
    verdict = _verify(seals, sealed)
    assert verdict.sound, _problems(verdict)
    assert [(6, 18), (6, 18), (6, 18), (1, 3), (1, 3), (1, 3)] == [(v.requests, v.entries) for v in verdict.partitions]


@pytest.mark.parametrize("column", ["item_id", "position", "ranking_score", "claims", "user_id_hash", "shap_1_value"])
def test_a_changed_value_is_found(sealed: AuditTable, seals: Seals, column: str) -> None:
    """One value of one entry, of any kind of column."""

    def swap_two(rows: pa.Table) -> pa.Table:
        values = rows[column].to_pylist()
        first = next(n for n, value in enumerate(values) if value != values[0])
        values[0], values[first] = values[first], values[0]
        return _set(rows, column, pa.array(values, rows.schema.field(column).type))

    def nudge(rows: pa.Table) -> pa.Table:
        values = rows[column].to_pylist()
        values[0] = values[0] * 2  # a number twice as large, a text said twice
        return _set(rows, column, pa.array(values, rows.schema.field(column).type))

    _change(sealed, nudge if column in ("claims", "shap_1_value") else swap_two)
    verdict = _verify(seals, sealed)
    assert "gone or altered: leaves" in _problems(verdict)
    assert "not as sealed, put in, or came late" in _problems(verdict)
    assert [PARTITION.region] == [each.region for each in verdict.partitions if each.problems]


def test_a_deleted_entry_and_a_deleted_request_are_found(sealed: AuditTable, seals: Seals) -> None:
    """Truncation too: the last rows are as much missed as any."""
    _change(sealed, lambda rows: rows.slice(0, rows.num_rows - 1))
    assert "gone or altered: leaves" in _problems(_verify(seals, sealed))
    _change(sealed, lambda rows: rows.filter(pc.not_equal(rows["request_id"], "request-0")))
    assert "gone or altered: leaves" in _problems(_verify(seals, sealed))


def test_an_inserted_entry_is_found(sealed: AuditTable, seals: Seals) -> None:
    """A request put in is named; an entry put into a request alters it; a copy of a request is a double."""
    sealed.append([request(300)])
    assert "put in, or came late (seal, then verify again): request-300" in _problems(_verify(seals, sealed))
    _change(sealed, lambda rows: rows.filter(pc.not_equal(rows["request_id"], "request-300")))
    assert _verify(seals, sealed).sound
    _change(sealed, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
    assert "gone or altered" in _problems(_verify(seals, sealed))


def test_a_request_shipped_twice_is_found(sealed: AuditTable, seals: Seals) -> None:
    """The same rows a second time are not the same request."""
    sealed.append([request(0)])
    assert not _verify(seals, sealed).sound


@pytest.mark.usefixtures("in_folder")
def test_swapped_files_are_found(sealed: AuditTable, seals: Seals) -> None:
    """One partition's file under another one's name: the bytes are sound, the entries stand in the wrong place."""
    files = [Path(uri) for uri in sealed.open().file_uris()]
    first, second = (next(f for f in files if f"region={region}" in str(f)) for region in ("US", "EU"))
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    assert {"US", "EU"} <= {each.region for each in _verify(seals, sealed).partitions if each.problems}


@pytest.mark.usefixtures("in_folder")
def test_a_cut_and_a_lost_file_are_found(sealed: AuditTable, seals: Seals) -> None:
    """The partition is not sound, and the others still are."""
    file = next(Path(uri) for uri in sealed.open().file_uris() if f"date={DAY}/region={REGION}" in uri)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert [(DAY, REGION)] == [(v.date, v.region) for v in _verify(seals, sealed).partitions if v.problems]
    file.unlink()
    assert "cannot be read" in _problems(_verify(seals, sealed))


def test_a_dropped_partition_is_found(sealed: AuditTable, seals: Seals) -> None:
    """A partition that was sealed is missed although the table does not name it any more."""
    sealed.delete_partition(PARTITION, seen=sealed.open())
    assert f"{len(OF_REGION) - 5} more" in _problems(_verify(seals, sealed))


@pytest.mark.usefixtures("in_folder")
def test_a_table_set_back_is_found(sealed: AuditTable, seals: Seals, tmp_path: Path) -> None:
    """An older copy of the whole table lacks what was sealed since."""
    shutil.copytree(sealed.uri, tmp_path / "old")
    sealed.append([request(300)])
    seal([sealed], seals, now_ms=2)
    assert _verify(seals, sealed).sound
    assert not _verify(seals, AuditTable(str(tmp_path / "old"))).sound


def test_changed_leaves_are_found(sealed: AuditTable, seals: Seals) -> None:
    """Leaves in another order, another leaf and cut leaves do not give the signed root, nor can be sealed on."""
    path = seals.leaves.path(PARTITION)
    whole = path.read_bytes()
    for forged in (whole[32:64] + whole[:32] + whole[64:], bytes(32) + whole[32:], whole[:-32]):
        path.write_bytes(forged)
        assert not _verify(seals, sealed).sound
        sealed.append([request(300 + 3 * len(forged), request_id=f"{forged[:4]!r}{len(forged)}")])
        with pytest.raises(TamperError):
            seal([sealed], seals, now_ms=2)


def _edit_ledger(seals: Seals, sql: str) -> None:
    with closing(sqlite3.connect(seals.ledger.path)) as db, db:
        db.execute("DROP TRIGGER no_update")
        db.execute("DROP TRIGGER no_delete")
        db.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE records SET body = CAST(replace(CAST(body AS TEXT), '\"entries\":18', '\"entries\":19') AS BLOB)",
        "DELETE FROM records WHERE number = 2",
        "UPDATE records SET number = 100 WHERE number = 1",
        "UPDATE records SET body = (SELECT body FROM records WHERE number = 2) WHERE number = 1",
        "INSERT INTO records SELECT number + 100, body, signature FROM records WHERE number = 1",
        "UPDATE records SET body = 'nothing' WHERE number = 3",
    ],
)
def test_a_changed_ledger_is_found(sealed: AuditTable, seals: Seals, sql: str) -> None:
    """Changed, dropped, moved, replaced, added and unreadable records."""
    _edit_ledger(seals, sql)
    assert "ledger record" in _problems(_verify(seals, sealed))


def test_a_cut_ledger_is_found_by_its_last_digest(sealed: AuditTable, seals: Seals) -> None:
    """Without it the cut shows as entries that no head counts."""
    known = _verify(seals, sealed).ledger_digest
    assert _verify(seals, sealed, known=known).sound
    _edit_ledger(seals, "DELETE FROM records WHERE number = 6")
    verdict = _verify(seals, sealed, known=known)
    assert "it was cut or replaced" in _problems(verdict)
    assert "put in, or came late" in _problems(verdict)


def test_a_ledger_under_another_key_is_found(sealed: AuditTable, seals: Seals, tmp_path: Path) -> None:
    """Whoever signs everything anew has another key than the one that was handed out."""
    forged = Seals(seals.leaves, seals.ledger, create_signing_key(tmp_path / "forged.pem"))
    seals.ledger.path.unlink()
    seal([sealed], forged, now_ms=1)
    assert "is not signed by a known key" in _problems(_verify(seals, sealed))
    assert _verify(forged, sealed).sound


def test_late_entries_extend_a_tree(sealed: AuditTable, seals: Seals) -> None:
    """The new version holds the old one's leaves first; sealing again adds nothing."""
    sealed.append([request(300)])
    (report,) = seal([sealed], seals, now_ms=2)
    assert (1, 2, 7, 21) == (report.added, report.head.version, report.head.requests, report.head.entries)
    assert [] == seal([sealed], seals, now_ms=3)
    assert _verify(seals, sealed).sound


def test_compaction_and_archive_leave_trees_valid(sealed: AuditTable, cold: AuditTable, seals: Seals) -> None:
    """Rewritten, moved half way (both tiers hold the day) and moved: the same entries, the same roots."""
    apply_compaction(plan_compaction(sealed), sealed)
    assert _verify(seals, sealed).sound
    cold.append_rows(sealed.rows(PARTITION.condition))
    assert _verify(seals, sealed, cold).sound
    plan = plan_archive(sealed, cold, policy=RetentionPolicy(), now_ms=START_MS + 90 * DAY_MS)
    assert 54 == apply_archive(plan, sealed, cold)
    assert _verify(seals, sealed, cold).sound
    assert [] == seal([sealed, cold], seals, now_ms=3)
    assert not _verify(seals, sealed).sound  # without the cold tier the day is missing


class _Killed(BaseException):
    """As kill -9 would."""


def test_a_sealing_killed_before_its_head_is_done_again(
    sealed: AuditTable, seals: Seals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves that no head counts do not count; the next sealing writes its own."""
    sealed.append([request(300)])

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as dying:
        dying.setattr(type(seals.ledger), "append", killed)
        with pytest.raises(_Killed):
            seal([sealed], seals, now_ms=2)
    sealed.append([request(303)])
    (report,) = seal([sealed], seals, now_ms=3)
    assert (2, 8) == (report.added, report.head.requests)
    assert _verify(seals, sealed).sound
    assert 8 * 32 == seals.leaves.path(PARTITION).stat().st_size


def test_sealing_does_not_cover_up(sealed: AuditTable, seals: Seals) -> None:
    """A partition with a missing entry gets no new head, whatever else is in it."""
    _change(sealed, lambda rows: rows.slice(1))
    with pytest.raises(TamperError, match="1 sealed requests of 2026-01-01 US are gone or altered"):
        seal([sealed], seals, now_ms=2)


def test_a_span_bounds_what_is_read(sealed: AuditTable, seals: Seals) -> None:
    """Days and region choose partitions."""
    span = Span(first="2026-01-02", region="EU")
    assert [("2026-01-02", "EU")] == [(v.date, v.region) for v in _verify(seals, sealed, span=span).partitions]


def test_columns_added_later_change_no_leaf(seals: Seals) -> None:
    """The canonical form names columns, and a null one says nothing."""
    from streamrec_explain.audit_log.evidence.hashed_requests import hashed_requests

    rows = table_of([request(0)])
    wider = rows.append_column("added", pa.nulls(rows.num_rows, pa.string()))
    shuffled = wider.select(sorted(wider.schema.names)).take(list(reversed(range(rows.num_rows))))
    assert list(hashed_requests(rows)) == list(hashed_requests(shuffled))
    assert json.dumps(rows.schema.names) != json.dumps(shuffled.schema.names)
