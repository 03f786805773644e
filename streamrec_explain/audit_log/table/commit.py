"""One transaction on a table from files that are written already: added, or added in place of others."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from streamrec_explain.audit_log.table.named_files import DataFile, named_files
from streamrec_explain.audit_log.table.schema import ENTRIES, PARTITION_COLUMNS
from streamrec_explain.audit_log.table.stored_table import StoredTable
from streamrec_explain.durable import sync

ALL_WRITERS = "streamrec-audit-log-writers"
_ATTEMPTS = 100  # each lost to a commit of somebody else, so that all together go on


class Change(msgspec.Struct, frozen=True):
    """What one commit does: `added` files, in place of the `replaced` ones if any.

    `fences` are application transactions (id -> version) that it records.
    """

    added: Sequence[AddAction]
    fences: Mapping[str, int]
    replaced: Sequence[DataFile] = ()


def commit(change: Change, table: StoredTable, seen: DeltaTable) -> None:
    """Commit it; a table on this machine is on disk when this returns.

    CommitFailedError if a replaced file is gone or one of the fences was recorded since `seen`. Files that others
    added since are no reason, for they stay; nor is what happened to other partitions, which the storage library
    cannot tell apart here: then it is tried again.
    """
    _sync_files(table.folder, change.added)
    known = seen
    for attempt in range(_ATTEMPTS):
        try:
            _commit_once(change, known)
        except CommitFailedError:
            known = table.open()
            if attempt + 1 == _ATTEMPTS or not _still_holds(change, seen, known):
                raise
        else:
            _sync_log(table.folder, known.version())
            return


def commit_all(added: Sequence[AddAction], table: StoredTable, seen: DeltaTable) -> None:
    """Replace all files and the schema; CommitFailedError if anything was committed since `seen`.

    The storage library would keep files that were appended since, in the schema before.
    """
    _sync_files(table.folder, added)
    newest = table.open_as_is().version()
    if newest != seen.version():
        raise CommitFailedError(f"version {seen.version()} was to be replaced, {newest} is the newest")
    seen.create_write_transaction(list(added), "overwrite", ENTRIES, list(PARTITION_COLUMNS))
    _sync_log(table.folder, seen.version())


def refuse_writers(table: StoredTable, settings: Mapping[str, str]) -> int:
    """Give the table its settings so that no writer that began before can commit; which version they are older than.

    A change of settings makes the storage library refuse a commit, and the record in between keeps `commit` from
    trying it again. So files older than the returned version that the table does not name now are nobody's.
    """
    first = table.open()
    first.alter.set_table_properties(dict(settings))
    known = table.open()
    commit(Change([], {ALL_WRITERS: (known.transaction_version(ALL_WRITERS) or 0) + 1}), table, known)
    table.open().alter.set_table_properties(dict(settings))
    return int(first.version())


def _commit_once(change: Change, known: DeltaTable) -> None:
    marks = [Transaction(name, version) for name, version in change.fences.items()]
    known.create_write_transaction(
        [*_removals(change), *change.added],
        "append",
        ENTRIES,
        list(PARTITION_COLUMNS),
        commit_properties=CommitProperties(app_transactions=marks),
    )


def _still_holds(change: Change, seen: DeltaTable, newest: DeltaTable) -> bool:
    """Whether what was decided on `seen` is true of the newest version; without a fence nobody can tell."""
    fences = (*change.fences, ALL_WRITERS)
    same = all(newest.transaction_version(name) == seen.transaction_version(name) for name in fences)
    paths = {file.path for file in named_files(newest)}
    return bool(change.fences) and same and all(file.path in paths for file in change.replaced)


def _removals(change: Change) -> list[RemoveAction]:
    now_ms = time.time_ns() // 1_000_000  # when a vacuum may delete them counts from here
    return [RemoveAction(file.path, True, now_ms, file.size, file.partition.values) for file in change.replaced]


def _sync_files(folder: Path | None, added: Sequence[AddAction]) -> None:
    """Data before the commit that names it: a journal forgets what is committed."""
    if folder is not None:
        for path in {folder / action.path for action in added}:
            sync(path)
            sync(path.parent)


def _sync_log(folder: Path | None, before: int) -> None:
    if folder is None:
        return
    log, version = folder / "_delta_log", before + 1
    while (path := log / f"{version:020}.json").exists():
        sync(path)
        version += 1
    sync(log)
