"""One tier of the audit log as a Delta table: append whole requests, find one again, run a query.

The folder may be a local path or any URI that `deltalake` understands. Files are only ever found through the
transaction log, never by listing the folder, for the folder also holds files that were already replaced.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import pyarrow as pa
from deltalake import DeltaTable

from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.commit import Change, commit, commit_all, refuse_writers
from streamrec_explain.audit_log.table.data_files import by_partition, written
from streamrec_explain.audit_log.table.encoding import requests_of, table_of
from streamrec_explain.audit_log.table.layout import Tier
from streamrec_explain.audit_log.table.named_files import DataFile, named_files
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.request_ids import days_told
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.schema import ENTRIES, PARTITION_COLUMNS, STATISTICS_COLUMNS
from streamrec_explain.audit_log.table.stored_table import LOG_RETENTION, StoredTable, TableForm, store_errors
from streamrec_explain.audit_log.table.unnamed_files import delete_unnamed
from streamrec_explain.errors import AuditLogError, EntryNotFoundError
from streamrec_explain.records import AuditRequest

_LONGEST_COMMIT_HOURS = 168
_FORGET_AT_ONCE = {
    # Not by the way, at any checkpoint: the age of leftovers is told by a commit.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 0 seconds",
    "delta.deletedFileRetentionDuration": "interval 0 seconds",
}
_KEEP_HISTORY = {
    "delta.enableExpiredLogCleanup": "true",
    "delta.logRetentionDuration": LOG_RETENTION,
    "delta.deletedFileRetentionDuration": "interval 7 days",
}


class AuditTable(StoredTable):
    """A handle on one tier; every read sees the newest committed version, every write is one commit."""

    def __init__(self, uri: str, tier: Tier = "hot", storage_options: Mapping[str, str] | None = None) -> None:
        name = f"streamrec-explain-audit-log-{tier}"
        form = TableForm(name, "entries", ENTRIES, PARTITION_COLUMNS, STATISTICS_COLUMNS)
        super().__init__(uri, form, storage_options)
        self.tier: Tier = tier

    def open(self) -> DeltaTable:
        """The newest version as a Delta handle; made empty where there is none.

        AuditLogError if its columns are not those of this version.
        """
        found = self.open_as_is()
        missing = _missing_columns(found)
        if missing:
            raise AuditLogError(
                f"the audit table {self.uri} was written by an earlier version: it lacks {', '.join(missing)}; "
                "rewrite it once: streamrec audit-log upgrade --apply"
            )
        return found

    def is_older(self) -> bool:
        """Whether an earlier version wrote the table, so that it must be upgraded before it can be used."""
        return bool(_missing_columns(self.open_as_is()))

    def append(
        self,
        requests: Sequence[AuditRequest],
        *,
        seen: DeltaTable | None = None,
        fences: Mapping[str, int] | None = None,
    ) -> int:
        """Commit whole requests and return the number of rows; see `append_rows`."""
        return self.append_rows(table_of(requests), seen=seen, fences=fences)

    def append_rows(
        self, rows: pa.Table, *, seen: DeltaTable | None = None, fences: Mapping[str, int] | None = None
    ) -> int:
        """Commit rows of whole requests in one transaction and return their number.

        `fences` are application transactions (id -> version) recorded by the same commit. WriteConflictError
        if anyone recorded one of these ids since `seen` was opened: what the caller decided on is stale.
        """
        known = seen or self.open()
        with store_errors(self.uri):
            with written(self.store(), self.tier) as files:
                for partition, part in by_partition(sorted_rows(rows)):
                    files.write(partition, [part])
            commit(Change(files.added, fences or {}), self, known)
        return int(rows.num_rows)

    def replace_partition(
        self,
        partition: Partition,
        rows: Iterator[pa.Table],
        *,
        seen: DeltaTable,
        of_files: Sequence[DataFile] | None = None,
    ) -> None:
        """Replace one partition, or some of its files, as `seen` has it in one commit; what was appended since stays.

        `rows` are in order and no table of them ends within a user; an error that they raise leaves the table as
        it was. WriteConflictError if somebody else replaced or removed rows of the partition since `seen`.
        """
        fence = f"replace/{partition.date}/{partition.region}"
        with store_errors(self.uri):
            with written(self.store(), self.tier) as files:
                files.write(partition, rows)
            fences = {fence: self.recorded_version(fence, seen) + 1}
            replaced = self.files(partition, seen) if of_files is None else of_files
            commit(Change(files.added, fences, replaced), self, seen)

    def replace_all(self, rows: Iterable[tuple[Partition, Iterable[pa.Table]]], *, seen: DeltaTable) -> None:
        """Replace all rows and the schema in one commit; WriteConflictError if `seen` is stale."""
        with store_errors(self.uri):
            with written(self.store(), self.tier) as files:
                for partition, tables in rows:
                    files.write(partition, tables)
            commit_all(files.added, self, seen)

    def delete_partition(self, partition: Partition, *, seen: DeltaTable) -> None:
        """Remove one partition's rows; WriteConflictError if it changed since `seen`."""
        with store_errors(self.uri):
            seen.delete(partition.condition)

    def vacuum(self, *, keep_hours: int, dry_run: bool) -> list[str]:
        """Delete (or only list) the files that no version of the last hours names.

        From a week on also files that no version ever named, which killed writers left; a younger one may
        belong to a commit that is under way.
        """
        orphans = keep_hours >= _LONGEST_COMMIT_HOURS
        with store_errors(self.uri):
            return sorted(self.open().vacuum(keep_hours, dry_run, enforce_retention_duration=False, full=orphans))

    def forget_history(self) -> None:
        """Delete every replaced file, older version and leftover of killed writers at once: removed data is gone.

        The transaction log keeps statistics of removed files; it is cut back to a checkpoint of the newest
        version. Fences survive; readers of an older version do not, and writers under way get a WriteConflictError.
        """
        with store_errors(self.uri):
            refused_before = refuse_writers(self, _FORGET_AT_ONCE)
            delete_unnamed(self.store(), self.open(), older_than=refused_before)
            self.vacuum(keep_hours=0, dry_run=False)
            self.open().create_checkpoint()
            self.open().cleanup_metadata()
            self.open().alter.set_table_properties(_KEEP_HISTORY)

    def rows(self, condition: str, seen: DeltaTable | None = None) -> pa.Table:
        """The rows that meet an SQL condition, in the declared schema, in no particular order."""
        columns = ", ".join(ENTRIES.names)
        return self.query(f"SELECT {columns} FROM entries WHERE {condition}", seen).cast(ENTRIES)

    def request_names(self, condition: str, seen: DeltaTable | None = None) -> pa.Array:
        """The ids of the requests that have a row which meets an SQL condition."""
        found = self.query(f"SELECT DISTINCT request_id FROM entries WHERE {condition}", seen)
        return found["request_id"].cast(pa.string()).combine_chunks()

    def read_request(
        self, request_id: str, first_date: str | None = None, last_date: str | None = None
    ) -> AuditRequest:
        """The request that `find_request` finds; EntryNotFoundError if the table has none."""
        found = self.find_request(request_id, first_date, last_date)
        if found is None:
            raise EntryNotFoundError(f"no request {request_id!r} in the {self.tier} audit table {self.uri}")
        return found

    def find_request(
        self, request_id: str, first_date: str | None = None, last_date: str | None = None
    ) -> AuditRequest | None:
        """The request of that id as `encoding.as_stored` tells, or None.

        A range of UTC days (YYYY-MM-DD, both inclusive) saves reading the others; an id that tells its own
        time is looked for there first.
        """
        wanted = f"{conditions.equals('request_id', request_id)} AND {conditions.days(first_date, last_date)}"
        told = [conditions.equals("date", day) for day in days_told(request_id)]
        for place in chain(told, self._places(wanted)):
            found = requests_of(self.rows(f"{wanted} AND {place}"))
            if found:
                return found[0]
        return None

    def _places(self, condition: str) -> Iterator[str]:
        """The day, region and user of the first row found that meets a condition: of a whole request all have them.

        To look for them alone takes a third of the time that looking for all columns everywhere takes.
        """
        columns = "CAST(date AS VARCHAR) AS date, region, user_id_hash"
        for row in self.query(f"SELECT {columns} FROM entries WHERE {condition} LIMIT 1").to_pylist():
            yield " AND ".join(conditions.equals(name, value) for name, value in row.items())

    def files(self, partition: Partition, seen: DeltaTable) -> list[DataFile]:
        """The files of one partition in one version of the table, in order of their first user."""
        return named_files(seen, partition)

    def partitions(self, seen: DeltaTable | None = None) -> list[Partition]:
        """Every (date, region) that holds rows, in order."""
        found = (seen or self.open()).partitions()
        return sorted(Partition(str(values["date"]), values["region"]) for values in found)

    def recorded_version(self, app_id: str, seen: DeltaTable | None = None) -> int:
        """The last application transaction recorded under that id; 0 if none was."""
        version = (seen or self.open()).transaction_version(app_id)
        return 0 if version is None else int(version)


def _missing_columns(found: DeltaTable) -> list[str]:
    return sorted(set(ENTRIES.names) - {field.name for field in found.schema().fields})
