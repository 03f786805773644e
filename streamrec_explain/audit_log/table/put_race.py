"""Put-if-absent races: whether a store lets exactly one of several writers create the same object.

Commits of the audit table rest on it: a store that ignores the condition tells two writers that both have won, and
the commit of one is silently lost. So it is tried with the table's own means, on a scratch table that is removed again.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.fs
from deltalake import CommitProperties, DeltaTable, QueryBuilder, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.fs import DeltaStorageHandler

from streamrec_explain.audit_log.table.arrow_columns import numbers
from streamrec_explain.audit_log.table.stored_table import store_errors

_ROWS = pa.schema([pa.field("race", pa.int32(), nullable=False), pa.field("way", pa.int32(), nullable=False)])


class PutRaces(msgspec.Struct, frozen=True):
    """Races of `ways` writers each: how many had more than one winner, and how many winning commits were lost."""

    races: int
    ways: int
    more_than_one_winner: int
    lost_commits: int

    @property
    def sound(self) -> bool:
        """Whether concurrent writers are safe on this store."""
        return not (self.more_than_one_winner or self.lost_commits)

    def __str__(self) -> str:
        return (
            f"{self.races} races of {self.ways} writers for one object: {self.more_than_one_winner} with more than one "
            f"winner, {self.lost_commits} acknowledged commits lost"
        )


def put_races(folder: str, options: Mapping[str, str], *, name: str, races: int = 15, ways: int = 4) -> PutRaces:
    """Race writers in FOLDER/self-test-NAME, which must be fresh and is removed at the end.

    AuditLogError if the store cannot be used at all.
    """
    uri, stored = f"{folder.rstrip('/')}/self-test-{name}", dict(options)
    with store_errors(uri):
        DeltaTable.create(uri, _ROWS, storage_options=stored)
        try:
            with ThreadPoolExecutor(ways) as writers:
                winners = [_race(uri, stored, number, ways, writers) for number in range(races)]
            kept = _kept(uri, stored)
        finally:
            pa.fs.PyFileSystem(DeltaStorageHandler(uri, stored)).delete_dir("")
    return PutRaces(races, ways, sum(count > 1 for count in winners), sum(winners) - kept)


def _race(uri: str, options: dict[str, str], race: int, ways: int, writers: ThreadPoolExecutor) -> int:
    """How many writers that saw the same version were told that the next one is theirs."""
    start = threading.Barrier(ways)
    seen = [DeltaTable(uri, storage_options=options) for _ in range(ways)]

    def wins(way: int) -> bool:
        rows = pa.table([numbers(np.array([race], np.int32)), numbers(np.array([way], np.int32))], schema=_ROWS)
        start.wait()
        try:
            write_deltalake(seen[way], rows, mode="append", commit_properties=CommitProperties(max_commit_retries=0))
        except CommitFailedError:
            return False
        return True

    return sum(writers.map(wins, range(ways)))


def _kept(uri: str, options: dict[str, str]) -> int:
    table = DeltaTable(uri, storage_options=options)
    return int(pa.table(QueryBuilder().register("raced", table).execute("SELECT race FROM raced")).num_rows)
