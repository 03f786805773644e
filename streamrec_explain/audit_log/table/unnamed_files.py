"""Data files that no version of a table names: writers that were killed, or lost a race, left them."""

from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable

from streamrec_explain.errors import AuditLogError

_LOG = "_delta_log/"


def delete_unnamed(store: pafs.FileSystem, seen: DeltaTable, *, older_than: int) -> int:
    """Delete the files that `seen` does not name and that are older than the commit of a version; how many.

    Age is told by the store's own clock. The caller knows that no file of that age can be committed after `seen`.
    AuditLogError, and nothing is deleted, if a file that `seen` names is not found.
    """
    # The log has paths as parts of a URI, where a region's name may stand in other letters.
    named = {unquote(path) for path in pa.table(seen.get_add_actions())["path"].to_pylist()}
    began = store.get_file_info(f"{_LOG}{older_than:020}.json").mtime_ns
    files = [info for info in store.get_file_info(pafs.FileSelector("", recursive=True)) if info.is_file]
    if lost := named - {info.path for info in files}:
        raise AuditLogError(
            f"the table names files that are not there, such as {min(lost)}: restore or verify it first"
        )
    left = [info for info in files if info.path not in named and not info.path.startswith(_LOG)]
    old = [info.path for info in left if info.mtime_ns < began]
    for path in old:
        store.delete_file(path)
    return len(old)
