"""A Delta table of the audit log that is made at its first use: open it, keep a warm handle, say what went wrong."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler

from streamrec_explain.errors import AuditLogError, WriteConflictError

# What a writer is told whose version of the table was forgotten while it wrote.
_HISTORY_IS_GONE = "Invalid table version"


class TableForm(msgspec.Struct, frozen=True):
    """How a table is made: its name, columns, partition columns, and the columns that have statistics."""

    name: str
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
        self._lock = threading.Lock()

    def exists(self) -> bool:
        """Whether the table was ever written."""
        with store_errors(self.uri):
            return bool(DeltaTable.is_deltatable(self.uri, self._storage_options))

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
            if self._warm is None:
                self._warm = self.open()
            else:
                self._warm.update_incremental()
            return self._warm

    @property
    def folder(self) -> Path | None:
        """The table's folder if it lies on this machine."""
        return None if "://" in self.uri else Path(self.uri)

    def store(self) -> pafs.FileSystem:
        """The files below the table's URI."""
        if self.folder is not None:
            return pafs.SubTreeFileSystem(str(self.folder), pafs.LocalFileSystem())
        return pafs.PyFileSystem(DeltaStorageHandler(self.uri, self._storage_options))

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
                configuration={"delta.dataSkippingStatsColumns": ",".join(self._form.statistics)},
                # Tried again, a lost race would write a second beginning on top of the first.
                commit_properties=CommitProperties(max_commit_retries=0),
                storage_options=self._storage_options,
            )
        except CommitFailedError:  # another process made it first
            return self._existing()


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn what the storage library raises into the product's errors."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        if isinstance(error, CommitFailedError) or _HISTORY_IS_GONE in str(error):
            raise WriteConflictError(f"another writer changed {uri} first: {error}") from error
        raise AuditLogError(f"the store of the audit table {uri} failed: {error}") from error
