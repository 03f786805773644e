"""One (date, region) partition of many millions of entries through its life, in bounded memory: a bounded script.

    python -m tests.benchmarks.scale_audit_log --rows 20000000 --folder /var/tmp/scale

Synthetic entries (`synthetic_entries`) go through the product's own code: append, compact, archive with
verification, roll up, expire. Prints rows per second of wall and CPU time and the process's peak memory per stage,
and from them what 400 million entries a day and a backfill of 90 days take. Leaves nothing behind.
"""

import argparse
import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.content import row_count
from streamrec_explain.audit_log.table.partition import Partition
from tests.benchmarks.synthetic_entries import DAY_MS, batches

DAY = 20_600  # 2026-05-27
REGION = "US"
ENTRIES_A_DAY = 400_000_000


class Stages:
    """Wall and CPU seconds of each stage, and the peak memory of the process so far."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.measured: dict[str, dict[str, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._note(name, time.perf_counter() - wall, time.process_time() - cpu)

    def _note(self, name: str, wall: float, cpu: float) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rate = self.rows / cpu
        self.measured[name] = {
            "wall_s": round(wall, 1),
            "cpu_s": round(cpu, 1),
            "rows_per_cpu_s": round(rate),
            "peak_gib": round(peak, 2),
            "core_hours_per_400m": round(ENTRIES_A_DAY / rate / 3600, 2),
        }
        print(f"{name:<22} {json.dumps(self.measured[name])}", flush=True)


def main() -> None:
    """Run every stage once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="Must not exist; removed at the end.")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    try:
        run(asked.rows, asked.folder)
    finally:
        shutil.rmtree(asked.folder)


def run(rows: int, folder: Path) -> Stages:
    """Every stage on one partition; each checks what it left behind."""
    pa.set_cpu_count(1)
    stages = Stages(rows)
    hot, cold = AuditTable(str(folder / "hot"), "hot"), AuditTable(str(folder / "cold"), "cold")
    partition = Partition(_day_text(), REGION)
    _append(stages, hot, rows)
    _report_bytes("as shipped", hot, rows)
    with stages.stage("compact"):
        apply_compaction(plan_compaction(hot), hot)
    _expect(rows, hot, partition)
    _report_bytes("hot", hot, rows)
    later = (DAY + 120) * DAY_MS
    with stages.stage("archive: plan"):
        plan = plan_archive(hot, cold, policy=RetentionPolicy(), now_ms=later)
    with stages.stage("archive: move, verify"):
        apply_archive(plan, hot, cold)
    _expect(rows, cold, partition)
    _expect(0, hot, partition)
    _report_bytes("cold", cold, rows)
    with stages.stage("expire"):
        cold.delete_partition(partition, seen=cold.open())
        for table in (hot, cold):
            table.vacuum(keep_hours=0, dry_run=False)
    _expect(0, cold, partition)
    _told(stages)
    return stages


def _append(stages: Stages, hot: AuditTable, rows: int) -> None:
    """Ship the day batch by batch; what drawing the entries takes is told apart."""
    drawn: list[float] = []
    with stages.stage("append"):
        for batch in _timed(batches(rows, DAY, REGION, seed=1), drawn, time.process_time):
            hot.append_rows(batch)
    print(f"  of which drawing the entries: {sum(drawn):.1f} CPU s")
    spent = stages.measured["append"]["cpu_s"] - sum(drawn)
    stages.measured["append"]["rows_per_cpu_s"] = round(rows / spent)
    stages.measured["append"]["core_hours_per_400m"] = round(ENTRIES_A_DAY * spent / rows / 3600, 2)
    print(f"  append alone: {rows / spent:,.0f} rows per CPU second")


def _timed(tables: Iterator[pa.Table], spent: list[float], clock: Callable[[], float]) -> Iterator[pa.Table]:
    while True:
        start = clock()
        table = next(tables, None)
        spent.append(clock() - start)
        if table is None:
            return
        yield table


def _day_text() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(DAY * DAY_MS / 1000))


def _expect(rows: int, table: AuditTable, partition: Partition) -> None:
    found = row_count(table, partition, table.open())
    if found != rows:
        raise SystemExit(f"{table.uri} holds {found} rows of {partition}, {rows} were expected")


def _report_bytes(name: str, table: AuditTable, rows: int) -> None:
    sizes = pa.table(table.open().get_add_actions(flatten=True))["size_bytes"].to_pylist()
    print(f"  {name}: {len(sizes)} files, {sum(sizes) / rows:.2f} bytes per entry")


def _told(stages: Stages) -> None:
    daily = sum(each["core_hours_per_400m"] for each in stages.measured.values())
    print(f"400 million entries: {daily:.1f} core-hours over all stages; a backfill of 90 days: {90 * daily:,.0f}")


if __name__ == "__main__":
    main()
