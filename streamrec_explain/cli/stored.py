"""What commands read from a home folder without a server: its releases and its audit log."""

from pathlib import Path

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.store import store_of
from streamrec_explain.cli.launching import check_home
from streamrec_explain.errors import AuditLogError
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.world_store import load_world
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.features.snapshots import latest_trend_snapshot, latest_user_snapshot
from streamrec_explain.home import Home
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.source import ReleaseSource


def releases_of(home: Path) -> ReleaseSource:
    """The releases of a home folder's registry, through the local cache."""
    stored = Home(check_home(home))
    return ReleaseSource(stored.registry_uri, ReleaseCache(stored.releases))


def moment_of(home: Path) -> Moment:
    """The world that was read last into a home folder, at its latest snapshots."""
    stored = Home(check_home(home))
    world = load_world(stored.values / "events")
    return Moment(world, interactions(world), latest_user_snapshot(stored.users), latest_trend_snapshot(stored.trends))


def audit_log_of(home: Path) -> AuditLog:
    """The audit log of a home folder."""
    stored = Home(check_home(home))
    return AuditLog(stored.journal, *audit_tables(home))


def shipped_log_of(home: Path) -> AuditLog:
    """The audit log; AuditLogError if nothing was shipped: opening a table that is absent would make one."""
    log = audit_log_of(home)
    if not log.hot.exists():
        raise AuditLogError(f"nothing was shipped yet; ship first: streamrec audit-log ship --home {home}")
    return log


def audit_tables(home: Path) -> tuple[AuditTable, AuditTable]:
    """The hot and the cold table of a home folder."""
    return store_of(Home(home)).tables()
