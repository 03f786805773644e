"""Bytes by column: of every live file, whoever wrote it."""

from deltalake import write_deltalake

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.column_bytes import INDEXES, table_bytes
from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.schema import ENTRIES
from tests.audit_log.audit_requests import request


def test_bytes_sum_to_the_files(hot: AuditTable) -> None:
    """Also of a region whose name the storage library escaped, as tables of earlier versions have it."""
    hot.append([request(1)])
    write_deltalake(hot.open(), table_of([request(2, region="50%25/a b")]).cast(ENTRIES), mode="append")
    found = table_bytes(hot)
    assert (2, 6) == (found.files, found.entries)
    assert found.stored_bytes == sum(found.by_column.values())
    assert found.by_column[INDEXES] > 0 < found.by_column["item_id"]
