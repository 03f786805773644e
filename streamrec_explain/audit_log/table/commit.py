"""One transaction on a table from files that are written already: added, or added in place of others."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction

from streamrec_explain.audit_log.table.data_files import DataFile
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.schema import ENTRIES, PARTITION_COLUMNS


def commit(
    seen: DeltaTable,
    folder: Path | None,
    added: Sequence[AddAction],
    *,
    replaced: tuple[Partition, Sequence[DataFile]] | None = None,
    fences: Mapping[str, int],
) -> None:
    """Add files, in place of those of one partition if any, and record application transactions.

    The storage library refuses it if a replaced file is gone or one of `fences` was recorded since `seen`; files that
    others added since are no reason, for they stay. A table in a local `folder` is on disk when this returns.
    """
    marks = [Transaction(name, version) for name, version in fences.items()]
    _sync_files(folder, added)
    seen.create_write_transaction(
        [*_removals(replaced), *added],
        "append",
        ENTRIES,
        list(PARTITION_COLUMNS),
        commit_properties=CommitProperties(app_transactions=marks),
    )
    _sync_log(folder, seen.version())


def commit_all(seen: DeltaTable, folder: Path | None, added: Sequence[AddAction]) -> None:
    """Replace all files and the schema."""
    _sync_files(folder, added)
    seen.create_write_transaction(list(added), "overwrite", ENTRIES, list(PARTITION_COLUMNS))
    _sync_log(folder, seen.version())


def _removals(replaced: tuple[Partition, Sequence[DataFile]] | None) -> list[RemoveAction]:
    if replaced is None:
        return []
    partition, files = replaced
    now_ms = time.time_ns() // 1_000_000  # when a vacuum may delete them counts from here
    return [RemoveAction(file.path, True, now_ms, file.size, partition.values) for file in files]


def _sync_files(folder: Path | None, added: Sequence[AddAction]) -> None:
    """Data before the commit that names it: a journal forgets what is committed."""
    if folder is not None:
        for path in {folder / action.path for action in added}:
            _sync(path)
            _sync(path.parent)


def _sync_log(folder: Path | None, before: int) -> None:
    if folder is None:
        return
    log, version = folder / "_delta_log", before + 1
    while (path := log / f"{version:020}.json").exists():
        _sync(path)
        version += 1
    _sync(log)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
