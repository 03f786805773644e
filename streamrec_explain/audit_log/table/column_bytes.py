"""Bytes per entry by column, from the table's own Parquet footers: nothing is estimated."""

from collections import Counter
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from streamrec_explain.audit_log.table.audit_table import AuditTable
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
    seen = table.open()
    actions = pa.table(seen.get_add_actions(flatten=True)).to_pylist()
    with store_errors(table.uri):
        by_column: Counter[str] = Counter()
        for action in actions:
            by_column.update(_columns(pq.read_metadata(unquote(action["path"]), filesystem=table.store())))
    stored = sum(action["size_bytes"] for action in actions)
    by_column[INDEXES] = stored - by_column.total()
    entries = sum(action["num_records"] for action in actions)
    return TableBytes(table.tier, len(actions), entries, stored, dict(by_column))


def _columns(footer: pq.FileMetaData) -> Counter[str]:
    """Compressed bytes of each column of one file; a list's values count as the list's."""
    found: Counter[str] = Counter()
    for group in range(footer.num_row_groups):
        for index in range(footer.num_columns):
            column = footer.row_group(group).column(index)
            found[column.path_in_schema.split(".")[0]] += column.total_compressed_size
    return found
