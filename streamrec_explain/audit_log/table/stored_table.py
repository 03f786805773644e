"""A Delta table of the audit log that is made at its first use: open it, ask it SQL, say what went wrong."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable, QueryBuilder
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler

from streamrec_explain.errors import AuditLogError, WriteConflictError

# What a writer is told whose version of the table was forgotten while it wrote.
_HISTORY_IS_GONE = "Invalid table version"
# Rows are tested while they are decoded: of columns that no wanted row needs hardly anything is read.
_READING = {"datafusion.execution.parquet.pushdown_filters": "true"}
# A question goes through the commits since the last checkpoint one by one.
_COMMITS_UNTIL_CHECKPOINT = "10"
# Opening a table lists its log: with a commit every few seconds a month of it would be half a million files.
LOG_RETENTION = "interval 2 days"


class TableForm(msgspec.Struct, frozen=True):
    """How a table is made: its name, that in SQL, columns, partition columns, and the columns that have statistics."""

    name: str
    sql_name: str
    schema: pa.Schema
    partition_by: tuple[str, ...]
    statistics: tuple[str, ...]


class StoredTable:
    """A table at a local path or any URI that `deltalake` understands."""

    def __init__(self, uri: str, form: TableForm, storage_options: Mapping[str, str] | None = None) -> None:
        self.uri = uri
        self._form = form
        self._storage_options = dict(storage_options or {})
        self._warm: DeltaTable | None = None
        self._session: tuple[int, QueryBuilder] | None = None
        self._lock = threading.Lock()

    def exists(self) -> bool:
        """Whether the table was ever written."""
        with store_errors(self.uri):
            return self._warm is not None or bool(DeltaTable.is_deltatable(self.uri, self._storage_options))

    def open(self) -> DeltaTable:
        """The newest version as a Delta handle; made empty where there is none."""
        with store_errors(self.uri):
            try:
                return self._existing()
            except TableNotFoundError:
                return self._create()

    def open_as_is(self) -> DeltaTable:
        """As `open`, whatever version of this program wrote the table."""
        return StoredTable.open(self)

    def warm(self) -> DeltaTable:
        """The newest version for reading, on a handle that is kept: only what was committed since is read.

        Writers open their own (`open`): what they decide on must not move under them.
        """
        with self._lock, store_errors(self.uri):
            return self._newest()

    def query(self, sql: str, seen: DeltaTable | None = None) -> pa.Table:
        """Run SQL (DataFusion) over the table, by its name in SQL, and return the whole answer.

        `seen` is the version that is asked, the newest if None.
        """
        with store_errors(self.uri):
            return pa.table(self._asked(seen).execute(sql))

    def query_batches(self, sql: str, seen: DeltaTable | None = None) -> Iterator[pa.RecordBatch]:
        """Run SQL as `query` does and stream the answer."""
        with store_errors(self.uri):
            yield from pa.RecordBatchReader.from_stream(self._asked(seen).execute(sql))

    @property
    def folder(self) -> Path | None:
        """The table's folder if it lies on this machine."""
        return None if "://" in self.uri else Path(self.uri)

    def store(self) -> pafs.FileSystem:
        """The files below the table's URI."""
        if self.folder is not None:
            return pafs.SubTreeFileSystem(str(self.folder), pafs.LocalFileSystem())
        return pafs.PyFileSystem(DeltaStorageHandler(self.uri, self._storage_options))

    def _asked(self, seen: DeltaTable | None) -> QueryBuilder:
        """A session on a version. That on the newest is kept until the next: it holds the footers that were read."""
        if seen is not None:
            return self._session_on(seen)
        with self._lock:
            newest = self._newest()
            if self._session is None or self._session[0] != newest.version():
                self._session = newest.version(), self._session_on(newest)
            return self._session[1]

    def _session_on(self, seen: DeltaTable) -> QueryBuilder:
        return QueryBuilder(_READING).register(self._form.sql_name, seen)

    def _newest(self) -> DeltaTable:
        if self._warm is None:
            self._warm = self.open()
        elif self._may_be_behind(self._warm.version()):
            self._warm.update_incremental()
        return self._warm

    def _may_be_behind(self, version: int) -> bool:
        """Whether there may be a later version; told without listing the log, which grows with every commit.

        A commit is deleted only after a checkpoint of a later version was written.
        """
        if self.folder is None:
            return True
        log = self.folder / "_delta_log"
        return (log / f"{version + 1:020}.json").exists() or _checkpoint_version(log) > version

    def _existing(self) -> DeltaTable:
        return DeltaTable(self.uri, storage_options=self._storage_options)

    def _create(self) -> DeltaTable:
        try:
            return DeltaTable.create(
                self.uri,
                self._form.schema,
                mode="ignore",
                partition_by=list(self._form.partition_by),
                name=self._form.name,
                configuration={
                    "delta.dataSkippingStatsColumns": ",".join(self._form.statistics),
                    "delta.checkpointInterval": _COMMITS_UNTIL_CHECKPOINT,
                    "delta.logRetentionDuration": LOG_RETENTION,
                },
                # Tried again, a lost race would write a second beginning on top of the first.
                commit_properties=CommitProperties(max_commit_retries=0),
                storage_options=self._storage_options,
            )
        except CommitFailedError:  # another process made it first
            return self._existing()


def _checkpoint_version(log: Path) -> int:
    try:
        return int(json.loads((log / "_last_checkpoint").read_bytes())["version"])
    except FileNotFoundError:
        return -1


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn what the storage library raises into the product's errors."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        if isinstance(error, CommitFailedError) or _HISTORY_IS_GONE in str(error):
            raise WriteConflictError(f"another writer changed {uri} first: {error}") from error
        raise AuditLogError(f"the store of the audit table {uri} failed: {error}") from error
