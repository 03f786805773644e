"""What commands read from a home folder without a server: its releases and its audit log."""

from pathlib import Path

from streamrec_explain.audit_log.lookup import AuditLog
from streamrec_explain.audit_log.table import AuditTable
from streamrec_explain.cli.launching import check_home
from streamrec_explain.home import Home
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.source import ReleaseSource


def releases_of(home: Path) -> ReleaseSource:
    """The releases of a home folder's registry, through the local cache."""
    stored = Home(check_home(home))
    return ReleaseSource(stored.registry_uri, ReleaseCache(stored.releases))


def audit_log_of(home: Path) -> AuditLog:
    """The audit log of a home folder."""
    stored = Home(check_home(home))
    return AuditLog(stored.journal, *audit_tables(home))


def audit_tables(home: Path) -> tuple[AuditTable, AuditTable]:
    """The hot and the cold table of a home folder."""
    stored = Home(home)
    return AuditTable(stored.audit_log_hot, "hot"), AuditTable(stored.audit_log_cold, "cold")
