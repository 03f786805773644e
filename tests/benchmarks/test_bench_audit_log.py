"""The audit log's bytes by column, the speed of each stage on one core, and how long questions take.

Times are CPU time of this process. `STREAMREC_BENCH_HOME` names a trained home to take explanations from; without
it one is trained first. One partition of tens of millions of rows: `python -m tests.benchmarks.scale_audit_log`.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from streamrec_explain.audit_log.journal.record import stored_record
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.questions.queries import EntryFilter, entries, type_mix
from streamrec_explain.audit_log.questions.rollups import Rollups, apply_rollups, plan_rollups
from streamrec_explain.audit_log.questions.type_mix import mix
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.column_bytes import TableBytes, table_bytes
from streamrec_explain.audit_log.table.encoding import as_stored, requests_of, table_of
from streamrec_explain.audit_log.table.layout import Tier
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.cli.train import run_training
from streamrec_explain.records import AuditRequest, explanation_id
from tests.benchmarks.own_explanations import logged_lists
from tests.benchmarks.synthetic_entries import batches

pytestmark = pytest.mark.benchmark

DAYS, ROWS_A_DAY, USERS = 90, 111_120, 20_000
FIRST_DAY = 20_500


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained home."""
    given = os.environ.get("STREAMREC_BENCH_HOME")
    if given:
        return Path(given)
    made = tmp_path_factory.mktemp("home")
    run_training(made, world="synthetic", data=None, users=5000, seed=0, audited=400)
    return made


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Median CPU seconds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


@pytest.mark.parametrize("inline", [False, True], ids=["by reference", "inline"])
def test_bytes_of_our_own_explanations(home: Path, tmp_path: Path, inline: bool) -> None:
    """By column, hot and cold; what comes back is what was stored."""
    sent = logged_lists(home, 4000, inline=inline)
    print(f"\n{len(sent)} lists, item features {'sent inline' if inline else 'resolved from the trend snapshot'}")
    for tier in ("hot", "cold"):
        measured = _measured(sent, str(tmp_path / tier), tier)
        without = measured.per_entry - measured.replay_per_entry
        print(f"{tier}: {measured.per_entry:.2f} bytes an entry, {without:.2f} without replay inputs")
        by_size = sorted(measured.by_column.items(), key=lambda pair: -pair[1])
        print("  " + ", ".join(f"{name} {size / measured.entries:.2f}" for name, size in by_size if size))
        assert without <= {"hot": 30.0, "cold": 29.0}[tier]


def _measured(sent: list[AuditRequest], uri: str, tier: Tier) -> TableBytes:
    table = AuditTable(uri, tier)
    table.append(sent)
    found = {each.request_id: each for each in requests_of(table.rows("true"))}
    assert {each.request_id: as_stored(each) for each in sent} == found
    return table_bytes(table)


def test_stages_from_journal_record_to_rows(home: Path) -> None:
    """Decode records, build columns: rows per second of one core."""
    sent = logged_lists(home, 1000, inline=False)
    rows = sum(len(each.entries) for each in sent)
    records = [stored_record(each, b"{}" * 1500) for each in sent]
    assert sent == [record.request for record in records]
    for name, work in (
        ("encode record", lambda: [stored_record(each, b"{}" * 1500) for each in sent]),
        ("decode record", lambda: [record.request for record in records]),
        ("build columns", lambda: table_of(sent)),
    ):
        print(f"\n{name:<16}{rows / seconds(work, 5):12,.0f} rows/s", end="")


def test_stages_from_rows_to_a_compacted_table(tmp_path: Path) -> None:
    """Sort, write, compact: rows per second of one core."""
    pa.set_cpu_count(1)
    made = list(batches(1_000_000, FIRST_DAY, "US", seed=1))
    rows, table = sum(each.num_rows for each in made), AuditTable(str(tmp_path / "hot"))
    by_time = [each.sort_by("timestamp_ms") for each in made]
    print(f"\nsort            {rows / seconds(lambda: [sorted_rows(each) for each in by_time]):12,.0f} rows/s")
    print(f"encode, write   {rows / seconds(lambda: [table.append_rows(each) for each in made]):12,.0f} rows/s")
    print(f"compact         {rows / seconds(lambda: apply_compaction(plan_compaction(table), table)):12,.0f} rows/s")
    assert [{"n": rows}] == table.query("SELECT count(*) AS n FROM entries").to_pylist()


def test_questions_to_ten_million_entries(tmp_path: Path) -> None:
    """90 partitions; first with a fresh handle, then warm. The answers are those of a plain filter."""
    pa.set_cpu_count(1)
    table, rollups = AuditTable(str(tmp_path / "hot")), Rollups(str(tmp_path / "rollups"))
    for day in range(FIRST_DAY, FIRST_DAY + DAYS):
        made = pa.concat_tables(batches(ROWS_A_DAY, day, "US", seed=1, batch_rows=ROWS_A_DAY, users=USERS))
        table.append_rows(sorted_rows(_with_ids_of_callers(made) if day == FIRST_DAY + DAYS // 2 else made))
    one = table.query("SELECT * FROM entries WHERE date = '2026-03-10' LIMIT 1").to_pylist()[0]
    moment, name, user = one["timestamp_ms"], one["request_id"], one["user_id_hash"]
    (own,) = table.request_names("request_id LIKE 'own-%' LIMIT 1").to_pylist()
    apply_rollups(plan_rollups([table], rollups), [table], rollups)
    day = moment - moment % 86_400_000
    of_user, on_day = EntryFilter(users=(user,)), EntryFilter(users=(user,), from_ms=day, to_ms=day + 86_400_000)
    questions: dict[str, Callable[[AuditTable], object]] = {
        "an explanation by id": lambda t: t.find_request(name),
        "an id that tells no day": lambda t: t.find_request(own),
        "a user on a day": lambda t: list(entries([t], on_day)),
        "a user over 90 days": lambda t: list(entries([t], of_user)),
        "type mix over 90 days": lambda t: type_mix([t], "hour"),
        "the same by roll-up": lambda t: mix([t], rollups, "hour"),
        "an item over 90 days": lambda t: mix([t], rollups, "hour", EntryFilter(item_id=one["item_id"])),
    }
    assert type_mix([table], "hour") == mix([table], rollups, "hour").shares
    assert _plainly_filtered(table, user) == {each.explanation_id for each in entries([table], of_user)}
    for what, ask in questions.items():
        cold = seconds(lambda ask=ask: ask(AuditTable(table.uri)))  # type: ignore[misc]
        warm = seconds(lambda ask=ask: ask(table), 9)  # type: ignore[misc]
        print(f"\n{what:<24}{warm * 1000:8.1f} ms warm {cold * 1000:8.1f} ms with a fresh handle", end="")


def _with_ids_of_callers(rows: pa.Table) -> pa.Table:
    """The rows with request ids that tell no day."""
    names = pc.binary_join_element_wise("own", rows["request_id"].cast(pa.string()), "-")
    return rows.set_column(rows.schema.get_field_index("request_id"), "request_id", names)


def _plainly_filtered(table: AuditTable, user: str) -> set[str]:
    """The explanations of a user by another reader, which goes through all rows."""
    found = table.open().to_pyarrow_dataset().to_table(["request_id", "position"], ds.field("user_id_hash") == user)
    return {explanation_id(row["request_id"], row["position"]) for row in found.to_pylist()}
