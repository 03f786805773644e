"""The data files that a version of an audit table names, from its transaction log alone."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from streamrec_explain.audit_log.table.partition import Partition


class DataFile(msgspec.Struct, frozen=True):
    """A file of a table: its path within the table, partition, rows, bytes, first and last user."""

    path: str
    partition: Partition
    rows: int
    size: int
    first_user: str | None
    last_user: str | None

    def may_have(self, user: str) -> bool:
        """Whether the user's rows may be in it."""
        return self.first_user is None or self.last_user is None or self.first_user <= user <= self.last_user


def named_files(seen: DeltaTable, partition: Partition | None = None) -> list[DataFile]:
    """The files of a version, or of one partition of it, in order of their first user."""
    actions = pa.table(seen.get_add_actions(flatten=True))
    if partition is not None:
        of_day = pc.equal(actions["partition.date"].cast(pa.string()), partition.date)
        actions = actions.filter(pc.and_(of_day, pc.equal(actions["partition.region"], partition.region)))
    return sorted(map(_file, actions.to_pylist()), key=lambda file: (file.first_user or "", file.path))


def _file(action: Mapping[str, Any]) -> DataFile:
    return DataFile(
        path=unquote(action["path"]),  # the log has paths as parts of a URI
        partition=Partition(str(action["partition.date"]), action["partition.region"]),
        rows=action["num_records"],
        size=action["size_bytes"],
        first_user=action.get("min.user_id_hash"),
        last_user=action.get("max.user_id_hash"),
    )
