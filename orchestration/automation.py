"""Automation: what runs by the clock, on new events and after failures, and how old things may get."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg

from orchestration.jobs import audit_log_maintenance, refresh_snapshots, train_and_promote
from orchestration.resources import EventSource, Registry
from streamrec_explain.hashing import json_digest

FRESHNESS = {
    "users_snapshot": dg.FreshnessPolicy.time_window(timedelta(hours=26), timedelta(hours=25)),
    "trends_snapshot": dg.FreshnessPolicy.time_window(timedelta(hours=2), timedelta(minutes=90)),
    "champion": dg.FreshnessPolicy.time_window(timedelta(days=9), timedelta(days=8)),
}

hourly_snapshots = dg.ScheduleDefinition(
    name="hourly_snapshots", job=refresh_snapshots, cron_schedule="5 * * * *", execution_timezone="UTC"
)
weekly_training = dg.ScheduleDefinition(
    name="weekly_training", job=train_and_promote, cron_schedule="0 3 * * 1", execution_timezone="UTC"
)
daily_audit_log = dg.build_schedule_from_partitioned_job(
    audit_log_maintenance, name="daily_audit_log", hour_of_day=2, minute_of_hour=0
)


@dg.sensor(job=train_and_promote, minimum_interval_seconds=300)
def new_events(source: EventSource) -> dg.RunRequest | dg.SkipReason:
    """Retrain when the files of the event folder have changed."""
    if source.data is None:
        return dg.SkipReason("the synthetic world has no files; name a folder in STREAMREC_DATA")
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in _files(Path(source.data))]
    if not files:
        return dg.SkipReason(f"no files in {source.data}")
    return dg.RunRequest(run_key=json_digest(files))


@dg.run_failure_sensor
def close_mlflow_runs(context: dg.RunFailureSensorContext, registry: Registry) -> None:
    """A run that was killed cannot close its MLflow runs; close them as failed."""
    root = context.dagster_run.root_run_id or context.dagster_run.run_id
    closed = registry.open().close_left_running(root)
    context.log.info("closed %d MLflow runs left running by %s", len(closed), root)


def fresh(assets: Sequence[object]) -> list[dg.AssetsDefinition]:
    """The assets with the freshness policy that belongs to each."""
    return [asset.map_asset_specs(_with_freshness) for asset in assets if isinstance(asset, dg.AssetsDefinition)]


def _with_freshness(spec: dg.AssetSpec) -> dg.AssetSpec:
    policy = FRESHNESS.get(spec.key.to_user_string())
    return spec if policy is None else dg.apply_freshness_policy(spec, policy)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []


SCHEDULES = [hourly_snapshots, weekly_training, daily_audit_log]
SENSORS = [new_events, close_mlflow_runs]
