"""Where the audit tables lie: the home folder, or any store by URI with what the storage library needs to reach it."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.put_race import PutRaces, put_races
from streamrec_explain.errors import SettingsError, UnsafeStoreError
from streamrec_explain.home import Home


class AuditStore(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The folder of both tiers, `uri`/hot and `uri`/cold, and the options of the storage library, which hold secrets.

    `single_writer` says that all writers run on this machine one after another: the only safe way to use a store that
    loses commits of concurrent ones.
    """

    uri: str
    options: Mapping[str, str] = {}
    single_writer: bool = False

    def __repr__(self) -> str:
        return f"AuditStore(uri={self.uri!r}, options={sorted(self.options)}, single_writer={self.single_writer})"

    @property
    def is_remote(self) -> bool:
        """Whether others than this machine can reach it."""
        return "://" in self.uri and not self.uri.startswith("file://")

    def tables(self) -> tuple[AuditTable, AuditTable]:
        """The hot and the cold table."""
        return AuditTable(f"{self.uri}/hot", "hot", self.options), AuditTable(f"{self.uri}/cold", "cold", self.options)

    def races(self, name: str, *, races: int = 15, ways: int = 4) -> PutRaces:
        """Race writers of this store (see `put_races`); `name` must be fresh."""
        return put_races(self.uri, self.options, name=name, races=races, ways=ways)


def store_of(home: Home) -> AuditStore:
    """What HOME/audit_store.json says, {"uri": "s3://bucket/audit-log", "options": {...}}; else the home's own folder.

    SettingsError if it is malformed, or holds options and others than its owner may read it.
    """
    path = home.audit_store
    if not path.exists():
        return AuditStore(uri=str(Path(home.audit_log_hot).parent))
    try:
        found = msgspec.json.decode(path.read_bytes(), type=AuditStore)
    except (OSError, msgspec.MsgspecError):
        # The message must not repeat the text: it may hold secrets.
        expected = '{"uri": "s3://bucket/audit-log", "options": {"aws_region": "..."}, "single_writer": false}'
        raise SettingsError(f"{path} is not a store of the audit log; expected {expected}") from None
    if found.options and path.stat().st_mode & 0o077:
        raise SettingsError(f"{path} may hold secrets and must be private to its owner: chmod 600")
    return msgspec.structs.replace(found, uri=found.uri.rstrip("/"))


@contextmanager
def writing(home: Home, name: Callable[[], str], races: int = 15) -> Iterator[None]:
    """Held by every process while it writes tables: a remote store is tried first, and gets one writer if it fails.

    `name()` gives a fresh name for the trial of so many races. UnsafeStoreError if the store loses commits of
    concurrent writers and the deployment does not say that there are none, or if another process of this machine is
    writing.
    """
    store = store_of(home)
    tried = store.races(name(), races=races) if store.is_remote else None
    if tried is None or tried.sound:
        yield
        return
    if not store.single_writer:
        raise UnsafeStoreError(
            f"{store.uri} loses commits: {tried}; use a store that honours If-None-Match, or run all writers one after "
            f'another on this machine and say "single_writer": true in {home.audit_store}'
        )
    with _only_writer(home.root / "audit_store.lock", store.uri):
        yield


@contextmanager
def _only_writer(path: Path, uri: str) -> Iterator[None]:
    """A lock that ends with the process however it dies."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise UnsafeStoreError(f"another process is writing to {uri}, which bears only one writer at a time") from None
    try:
        yield
    finally:
        os.close(lock)
