"""Data files that no version of a table names: writers that were killed, or lost a race, left them."""

import pyarrow.fs as pafs
from deltalake import DeltaTable

from streamrec_explain.audit_log.table.named_files import named_files
from streamrec_explain.errors import AuditLogError

_LOG = "_delta_log/"


def delete_unnamed(store: pafs.FileSystem, seen: DeltaTable, *, older_than: int) -> int:
    """Delete the files that `seen` does not name and that are older than the commit of a version; how many.

    Age is told by the store's own clock. The caller knows that no file of that age can be committed after `seen`.
    AuditLogError, and nothing is deleted, if a file that `seen` names is not found.
    """
    named = {file.path for file in named_files(seen)}
    commit = f"{_LOG}{older_than:020}.json"
    # Only times of one list can be compared: asked for a single file, S3 tells whole seconds.
    listed = store.get_file_info(pafs.FileSelector("", recursive=True))
    written = {info.path: info.mtime_ns for info in listed if info.is_file}
    if lost := {*named, commit} - written.keys():
        raise AuditLogError(f"the table lacks files that it names, such as {min(lost)}: try again, or verify it")
    left = [path for path in written if path not in named and not path.startswith(_LOG)]
    old = [path for path in left if written[path] < written[commit]]
    for path in old:
        store.delete_file(path)
    return len(old)
