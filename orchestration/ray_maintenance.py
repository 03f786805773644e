"""Maintenance of the audit log spread over a Ray cluster: `python -m orchestration.ray_maintenance compact`.

For days that one machine does not get through: the plans and steps are those of the library, one partition a task,
and the table's own transactions keep tasks apart. It runs in an environment of its own (deploy/ray-requirements.txt,
`make ray-environment`), since Ray and Dagster need different versions of protobuf; it imports neither Dagster nor
MLflow. The tables must lie where every worker reaches them: a shared folder or a store by URI.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from streamrec_explain.audit_log.maintenance.archive import (
    ArchivePlan,
    ArchiveStep,
    apply_archive,
    archive_step,
    due_partitions,
)
from streamrec_explain.audit_log.maintenance.compaction import CompactionPlan, apply_compaction, plan_compaction
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.store import AuditStore, store_of
from streamrec_explain.home import Home

Task = TypeVar("Task")
Result = TypeVar("Result")
Spread = Callable[[Callable[[Task], Result], Iterable[Task]], list[Result]]


def compact(store: AuditStore, plan: CompactionPlan, spread: Spread[CompactionPlan, int]) -> int:
    """Rewrite the planned partitions, one a task; their number."""
    parts = [CompactionPlan(plan.table_uri, (partition,)) for partition in plan.partitions]
    return sum(spread(partial(_compact, store), parts))


def plan_spread_archive(
    store: AuditStore, policy: RetentionPolicy, now_ms: int, spread: Spread[Partition, ArchiveStep]
) -> ArchivePlan:
    """The plan that `plan_archive` makes; the partitions are read side by side."""
    hot, cold = store.tables()
    due = due_partitions(hot, policy=policy, now_ms=now_ms)
    return ArchivePlan(hot.uri, cold.uri, tuple(spread(partial(_archive_step, store), due)))


def archive(store: AuditStore, plan: ArchivePlan, spread: Spread[ArchivePlan, int]) -> int:
    """Move the planned partitions, one a task; the rows moved."""
    parts = [ArchivePlan(plan.hot_uri, plan.cold_uri, (step,)) for step in plan.steps]
    return sum(spread(partial(_archive, store), parts))


def _compact(store: AuditStore, plan: CompactionPlan) -> int:
    return apply_compaction(plan, store.tables()[0])


def _archive_step(store: AuditStore, partition: Partition) -> ArchiveStep:
    return archive_step(store.tables()[0], partition)


def _archive(store: AuditStore, plan: ArchivePlan) -> int:
    return apply_archive(plan, *store.tables())


def on_ray(work: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
    """`spread` over the workers of the cluster this process is connected to; results in the order of the tasks."""
    import ray  # only here: the default environment does not have it

    run = ray.remote(_call)
    return list(ray.get([run.remote(work, task) for task in tasks]))


def _call(work: Callable[[Task], Result], task: Task) -> Result:
    return work(task)


@click.command()
@click.argument("step", type=click.Choice(["compact", "archive"]))
@click.option("--home", "root", type=click.Path(path_type=Path), default=Path(".streamrec"), show_default=True)
@click.option("--address", default=None, help="Ray cluster to join; a local one is started if none is given.")
@click.option("--workers", default=None, type=int, help="Processes of a local cluster; as many as cores if not given.")
@click.option("--now", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Plan as of this day (UTC), not today.")
@click.option("--apply", "go_on", is_flag=True, help="Do it; without this only the plan is shown.")
def main(step: str, root: Path, address: str | None, workers: int | None, now: datetime | None, go_on: bool) -> None:
    """Compact or archive the audit log of a home on Ray; a plan first, --apply to do it."""
    import ray

    ray.init(address=address, num_cpus=workers, include_dashboard=False, log_to_driver=False)
    store, now_ms = store_of(Home(root)), int((now or datetime.now(UTC)).replace(tzinfo=UTC).timestamp() * 1000)
    try:
        _run(step, store, now_ms, go_on)
    finally:
        ray.shutdown()


def _run(step: str, store: AuditStore, now_ms: int, go_on: bool) -> None:
    if step == "compact":
        rewrite = plan_compaction(store.tables()[0])
        click.echo(rewrite)
        done = f"partitions rewritten: {compact(store, rewrite, on_ray)}" if go_on else None
    else:
        move = plan_spread_archive(store, RetentionPolicy(), now_ms, on_ray)
        click.echo(move)
        done = f"rows moved: {archive(store, move, on_ray)}" if go_on else None
    click.echo(done or "nothing was changed; --apply does it")


if __name__ == "__main__":
    main()
