"""Assets of the audit log: what was shipped per day, the hot table kept in order, the cold one, what is gone."""

import os
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dagster as dg
import msgspec

from orchestration.metadata import table
from orchestration.partitions import DAYS
from orchestration.resources import HomeFolder, now_ms
from streamrec_explain.audit_log.evidence.ledger_records import SealedHead
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.evidence.sealing import seal
from streamrec_explain.audit_log.home_log import active_holds, evidence_of, holds_of, log_of, seals_of
from streamrec_explain.audit_log.journal.backlog import folder_backlog
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.compaction import apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.expiry import apply_expiry, plan_expiry
from streamrec_explain.audit_log.maintenance.retention import read_retention
from streamrec_explain.audit_log.maintenance.vacuum import apply_vacuum, plan_vacuum
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.rollups import Rollups, apply_rollups, plan_rollups
from streamrec_explain.audit_log.questions.type_mix import mix
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.audit_log.table.store import store_of, writing
from streamrec_explain.home import Home
from streamrec_explain.snapshot_retention import apply_snapshots, plan_snapshots

daily = partial(
    dg.asset,
    group_name="audit_log",
    kinds={"deltalake"},
    owners=["team:audit"],
    code_version="1",
    partitions_def=DAYS,
)
DAY_MS = 86_400_000
POLICY = read_retention(Home(Path(os.environ.get("STREAMREC_HOME", ".streamrec"))).retention)


class Maintenance(dg.Config):
    """`apply` false shows the plan and changes nothing."""

    apply: bool = True


def tiers(home: Home) -> tuple[AuditTable, AuditTable]:
    """The hot and the cold table."""
    return store_of(home).tables()


def end_of(day: str) -> int:
    """The first millisecond (Unix) after a UTC day, YYYY-MM-DD: the moment its maintenance is due."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int((start + timedelta(days=1)).timestamp() * 1000)


@daily(pool="ship")
def audit_table_hot(context: dg.AssetExecutionContext, home: HomeFolder) -> dg.MaterializeResult[None]:
    """Everything the journals hold, shipped exactly once; the rows of this day by region and type."""
    hot, _ = tiers(home.home)
    with writing(home.home, lambda: context.run_id):
        reports = ship_folder(home.home.journal, hot, clock=now_ms)
    waiting = folder_backlog(home.home.journal)
    day = context.partition_key
    sql = (
        f"SELECT region, explanation_type, count(*) AS n FROM entries WHERE date = '{day}' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    rows = hot.query(sql).to_pylist() if hot.exists() else []
    return dg.MaterializeResult(
        metadata={
            "shipped requests": sum(report.requests for report in reports),
            "shipped rows": sum(report.rows for report in reports),
            "waiting requests": waiting.requests,
            "the oldest waits for (s)": waiting.age_s(now_ms()),
            "rows of the day": sum(row["n"] for row in rows),
            "types": table(rows),
        }
    )


@daily(pool="maintain", deps=[audit_table_hot])
def audit_table_compacted(
    context: dg.AssetExecutionContext, home: HomeFolder, config: Maintenance
) -> dg.MaterializeResult[None]:
    """Partitions up to this day rewritten as few sorted files."""
    hot, _ = tiers(home.home)
    if not hot.exists():
        return dg.MaterializeResult(metadata={"plan": "the table is empty"})
    plan = plan_compaction(hot, before=utc_day(end_of(context.partition_key)))
    with _writing(context, home, config):
        rewritten = apply_compaction(plan, hot) if config.apply else 0
    return dg.MaterializeResult(metadata={"plan": str(plan), "rewritten partitions": rewritten})


@daily(pool="maintain", deps=[audit_table_compacted])
def audit_log_rollups(context: dg.AssetExecutionContext, home: HomeFolder) -> dg.MaterializeResult[None]:
    """Entries counted by hour, market, release and type, and by item; the mix of this day by market."""
    tables, rollups = [tier for tier in tiers(home.home) if tier.exists()], Rollups(home.home.audit_log_rollups)
    plan = plan_rollups(tables, rollups)
    counted = apply_rollups(plan, tables, rollups)
    end = end_of(context.partition_key)
    found = mix(tables, rollups, "region", EntryFilter(from_ms=end - DAY_MS, to_ms=end))
    rows = [{**msgspec.to_builtins(each), "share": each.share} for each in found.shares]
    return dg.MaterializeResult(metadata={"counted partitions": counted, "types": table(rows)})


@daily(pool="maintain", deps=[audit_table_compacted])
def audit_log_sealed(context: dg.AssetExecutionContext, home: HomeFolder) -> dg.MaterializeResult[None]:
    """Everything shipped up to this day under a signed Merkle root per day and region."""
    tables = [tier for tier in tiers(home.home) if tier.exists()]
    before, seals = utc_day(end_of(context.partition_key)), seals_of(home.home, home.signing_key)
    heads = [report.head for report in seal(tables, seals, now_ms=now_ms(), before=before)]
    return dg.MaterializeResult(metadata={"sealed partitions": len(heads), "heads": table(list(map(_row, heads)))})


@daily(
    pool="maintain",
    deps=[
        dg.AssetDep(
            audit_log_sealed,
            partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-POLICY.hot_days, end_offset=-POLICY.hot_days),
        )
    ],
)
def audit_table_cold(
    context: dg.AssetExecutionContext, home: HomeFolder, config: Maintenance
) -> dg.MaterializeResult[None]:
    """Days past their 90 hot days moved to the cold tier, row count and content verified before removal."""
    hot, cold = tiers(home.home)
    plan = plan_archive(hot, cold, policy=read_retention(home.home.retention), now_ms=end_of(context.partition_key))
    with _writing(context, home, config):
        moved = apply_archive(plan, hot, cold) if config.apply else 0
    return dg.MaterializeResult(metadata={"plan": str(plan), "rows moved": moved})


# A hold that is placed while it runs voids the plan: it is made again.
@daily(pool="maintain", deps=[audit_table_cold], retry_policy=dg.RetryPolicy(max_retries=3))
def audit_log_expired(
    context: dg.AssetExecutionContext, home: HomeFolder, config: Maintenance
) -> dg.MaterializeResult[None]:
    """Days past their whole retention (day 820) removed from every tier but for legal holds; unnamed files deleted."""
    tables = [tier for tier in tiers(home.home) if tier.exists()]
    now, holds = end_of(context.partition_key), active_holds(home.home, home.key_ring)
    plan = plan_expiry(*tables, policy=read_retention(home.home.retention), now_ms=now, holds=holds)
    act = Act("dagster", now_ms(), f"retention, run {context.run.run_id}")
    seals = seals_of(home.home, home.signing_key)
    with _writing(context, home, config):
        removed = apply_expiry(plan, *tables, seals=seals, act=act, holds=holds) if config.apply else 0
        deleted = sum(apply_vacuum(plan_vacuum(tier), tier) for tier in tables) if config.apply else 0
    return dg.MaterializeResult(metadata={"plan": str(plan), "rows removed": removed, "files deleted": deleted})


@daily(pool="maintain", kinds={"arrow"}, deps=[audit_log_expired])
def snapshots_pruned(
    context: dg.AssetExecutionContext, home: HomeFolder, config: Maintenance
) -> dg.MaterializeResult[None]:
    """Snapshots replaced a week ago deleted: of trends those that no entry names, of users those that no hold keeps."""
    stored, log = home.home, log_of(home.home)
    if not log.hot.exists():
        return dg.MaterializeResult(metadata={"plan": "nothing was shipped yet"})
    holds, ledger = holds_of(stored), evidence_of(stored).ledger
    plan = plan_snapshots(stored, log, holds, now_ms=now_ms())
    deleted = apply_snapshots(plan, stored, log, holds, ledger) if config.apply else 0
    return dg.MaterializeResult(metadata={"plan": str(plan), "files deleted": deleted})


def _writing(context: dg.AssetExecutionContext, home: HomeFolder, config: Maintenance) -> AbstractContextManager[None]:
    """Held while tables are written; nothing where only the plan is shown."""
    return (
        writing(home.home, lambda: f"{context.run_id}-{context.asset_key.to_user_string()}")
        if config.apply
        else nullcontext()
    )


def _row(head: SealedHead) -> dict[str, str | int]:
    return {"date": head.date, "region": head.region, "entries": head.entries, "root": head.root}
