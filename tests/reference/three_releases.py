"""A home with three registered releases and 1,200 logged entries: of the first engine, archived, shipped and waiting.

`python -m tests.reference.three_releases HOME` makes it; then `streamrec replay --sample 1000 --home HOME`.
"""

import shutil
import sys
from pathlib import Path

from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.maintenance.upgrade import apply_upgrade, plan_upgrade
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.features.snapshots import write_snapshot
from streamrec_explain.home import Home
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import CHAMPION, RunKey
from tests.reference.engine_release import SmallRelease, small_release, write_journal

OLDEST = Path(__file__).parents[1] / "fixtures" / "engine_v1"
YEAR_MS = 365 * 86_400_000


def build(root: Path) -> Home:
    """Release 1 is the first engine's; its entries and those of release 2 are cold, those of 3 hot and waiting."""
    home = Home(root)
    registry = MlflowRegistry.open(home.registry_uri, home.artifacts)
    hot, cold = AuditTable(home.audit_log_hot, "hot"), AuditTable(home.audit_log_cold, "cold")
    register(registry, OLDEST / "bundle")
    shutil.copytree(OLDEST / "hot", hot.uri)
    apply_upgrade(plan_upgrade(hot), hot)
    second = small_release(root / "bundle-2", seed=1, version=2)
    register(registry, root / "bundle-2")
    write_snapshot(home.trends, second.moment.trends)
    write_journal(home.journal / "worker-1.sqlite", second, seed=1)
    ship(home, second)
    plan = plan_archive(hot, cold, policy=RetentionPolicy(), now_ms=second.moment.timestamp_ms + YEAR_MS)
    apply_archive(plan, hot, cold)
    third = small_release(root / "bundle-3", seed=2, version=3)
    registry.set_alias(CHAMPION, register(registry, root / "bundle-3"))
    write_snapshot(home.trends, third.moment.trends)
    write_journal(home.journal / "worker-2.sqlite", third, seed=2, lists=10)
    ship(home, third)
    write_journal(home.journal / "worker-3.sqlite", third, seed=3, lists=10)
    return home


def register(registry: MlflowRegistry, folder: Path) -> int:
    """Register a bundle; the version it got."""
    with registry.run(RunKey("root", folder.name)) as run:
        return registry.register_release(folder, run.run_id)


def ship(home: Home, release: SmallRelease) -> None:
    """Move what waits into the hot table."""
    ship_folder(home.journal, AuditTable(home.audit_log_hot), clock=lambda: release.moment.timestamp_ms)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
