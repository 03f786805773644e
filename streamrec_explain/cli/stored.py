"""What commands read from a home folder without a server: the champion's bundle, the audit log, the keys."""

from pathlib import Path

from streamrec_explain.audit_log.lookup import AuditLog
from streamrec_explain.audit_log.table import AuditTable
from streamrec_explain.cli.launching import check_home
from streamrec_explain.home import Home
from streamrec_explain.release.cache import ReleaseCache
from streamrec_explain.release.fetch import fetch_release
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registration import CHAMPION
from streamrec_explain.release.registry_reader import RegistryReader, open_reader


class StoredReleases:
    """Verified bundles of a home folder's registry, through the local cache."""

    def __init__(self, home: Path) -> None:
        self._home = Home(check_home(home))
        self.reader: RegistryReader = open_reader(self._home.registry_uri)
        self._cache = ReleaseCache(self._home.releases)

    def champion(self) -> ModelVersion:
        """The release the champion alias points at."""
        stored = self.reader.aliased(CHAMPION)
        return ModelVersion.of(stored.version, stored.digest)

    def folder(self, release: ModelVersion) -> Path:
        """The verified folder of a release; CorruptReleaseError names a file that was changed."""
        stored = self.reader.version(release.version)
        uri = self._home.registry_uri
        return self._cache.take(release, stored.digest, lambda target: fetch_release(uri, stored, target))


def audit_log_of(home: Path) -> AuditLog:
    """The audit log of a home folder."""
    stored = Home(check_home(home))
    return AuditLog(stored.journal, *audit_tables(home))


def audit_tables(home: Path) -> tuple[AuditTable, AuditTable]:
    """The hot and the cold table of a home folder."""
    stored = Home(home)
    return AuditTable(stored.audit_log_hot, "hot"), AuditTable(stored.audit_log_cold, "cold")
