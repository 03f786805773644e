"""Bytes per entry by column, from the table's own Parquet footers: nothing is estimated."""

from collections import Counter

import msgspec
import pyarrow.parquet as pq

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.named_files import named_files
from streamrec_explain.audit_log.table.schema import REPLAY_COLUMNS
from streamrec_explain.audit_log.table.stored_table import store_errors

INDEXES = "(indexes and footers)"


class TableBytes(msgspec.Struct, frozen=True):
    """What the live files of one tier take; `by_column` sums to `stored_bytes`, partition columns cost nothing."""

    tier: str
    files: int
    entries: int
    stored_bytes: int
    by_column: dict[str, int]

    @property
    def per_entry(self) -> float:
        """Bytes per entry, 0 where there is none."""
        return self.stored_bytes / self.entries if self.entries else 0.0

    @property
    def replay_per_entry(self) -> float:
        """Of these, what only replay needs: exact scores, history, user features, what callers sent."""
        replay = sum(self.by_column.get(name, 0) for name in REPLAY_COLUMNS)
        return replay / self.entries if self.entries else 0.0


def table_bytes(table: AuditTable) -> TableBytes:
    """Measure a tier by reading the footer of each of its files."""
    files = named_files(table.open())
    with store_errors(table.uri):
        by_column: Counter[str] = Counter()
        for file in files:
            by_column.update(_columns(pq.read_metadata(file.path, filesystem=table.store())))
    stored = sum(file.size for file in files)
    by_column[INDEXES] = stored - by_column.total()
    entries = sum(file.rows for file in files)
    return TableBytes(table.tier, len(files), entries, stored, dict(by_column))


def _columns(footer: pq.FileMetaData) -> Counter[str]:
    """Compressed bytes of each column of one file; a list's values count as the list's."""
    found: Counter[str] = Counter()
    for group in range(footer.num_row_groups):
        for index in range(footer.num_columns):
            column = footer.row_group(group).column(index)
            found[column.path_in_schema.split(".")[0]] += column.total_compressed_size
    return found
