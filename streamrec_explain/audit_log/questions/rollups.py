"""Roll-ups: entries counted by hour, market, release, snapshot and type, and the same by item, kept beside the log.

A roll-up partition remembers which data files it counts. It is fresh as long as the log's tiers have exactly
these files for its day and region, and recounted as a whole when they have not: after shipping, compaction,
archive, erasure. It goes when the entries go. Nothing in it names a person.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.stored_table import StoredTable, TableForm, store_errors

BY_MARKET, BY_ITEM = "market", "item"
ROLLUPS = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("level", pa.string(), nullable=False),  # "market": item_id is empty; "item": per item
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("hour_ms", pa.int64(), nullable=False),  # first Unix ms of the hour
        pa.field("explanation_type", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("trend_digest", pa.string(), nullable=False),
        pa.field("entries", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # digest of the data files that were counted
    ]
)
_KEYS = ("item_id", "hour_ms", "explanation_type", "model_version", "trend_digest")
_HOUR_MS = 3_600_000
_WRITER = WriterProperties(compression="ZSTD", compression_level=3, max_row_group_size=16_384)
_FORM = TableForm(
    "streamrec-explain-audit-log-rollups",
    "rollups",
    ROLLUPS,
    ("date", "region", "level"),
    ("item_id", "hour_ms", "source"),
)


class RollupStep(msgspec.Struct, frozen=True):
    """One partition to count again (`source`: digest of its files now), or to remove (None)."""

    partition: Partition
    source: str | None


class RollupPlan(msgspec.Struct, frozen=True):
    """The roll-up partitions that are not what the log holds."""

    uri: str
    steps: tuple[RollupStep, ...]

    def __str__(self) -> str:
        lines = [f"bring {len(self.steps)} partitions of {self.uri} up to date"]
        lines += [
            f"  {step.partition.date} {step.partition.region}: {'count' if step.source else 'remove'}"
            for step in self.steps
        ]
        return "\n".join(lines)


class Rollups(StoredTable):
    """The roll-up table of one audit log."""

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        super().__init__(uri, _FORM, storage_options)

    def sources(self, seen: DeltaTable | None = None) -> dict[Partition, str]:
        """The digest of the files that each partition counts, from the transaction log alone."""
        actions = pa.table((seen or self.warm()).get_add_actions(flatten=True)).to_pylist()
        return {_partition(action): action["min.source"] for action in actions}

    def replace(self, partition: Partition, rows: pa.Table) -> None:
        """Replace one partition, both levels, in one commit; with no rows it is removed."""
        with store_errors(self.uri):
            if rows.num_rows == 0:
                self.open().delete(partition.condition)
                return
            write_deltalake(
                self.open(), rows, mode="overwrite", predicate=partition.condition, writer_properties=_WRITER
            )


def plan_rollups(tables: Sequence[AuditTable], rollups: Rollups) -> RollupPlan:
    """Every partition that counts other files than the tiers have now; data is not read for it."""
    now, counted = sources_of(tables), rollups.sources()
    stale = [RollupStep(partition, source) for partition, source in now.items() if counted.get(partition) != source]
    gone = [RollupStep(partition, None) for partition in counted if partition not in now]
    return RollupPlan(rollups.uri, tuple(sorted([*stale, *gone], key=lambda step: step.partition)))


def apply_rollups(plan: RollupPlan, tables: Sequence[AuditTable], rollups: Rollups) -> int:
    """Count the planned partitions again, one commit each, and return how many; applying again changes nothing.

    What is shipped while a partition is counted makes it stale at once, for the files are listed first.
    """
    for step in plan.steps:
        rollups.replace(step.partition, _counted(tables, step) if step.source else ROLLUPS.empty_table())
    return len(plan.steps)


def sources_of(tables: Iterable[AuditTable]) -> dict[Partition, str]:
    """The digest of the data files of each partition over all tiers, from their transaction logs."""
    files: dict[Partition, list[str]] = {}
    for table in tables:
        for action in pa.table(table.warm().get_add_actions(flatten=True)).to_pylist():
            files.setdefault(_partition(action), []).append(f"{table.tier}/{action['path']}")
    return {partition: _digest(sorted(names)) for partition, names in files.items()}


def _counted(tables: Sequence[AuditTable], step: RollupStep) -> pa.Table:
    """The roll-up rows of one partition, both levels, items in order."""
    hour = f"timestamp_ms - timestamp_ms % {_HOUR_MS}"
    sql = (
        f"SELECT item_id, {hour} AS hour_ms, explanation_type, model_version, trend_digest, count(*) AS entries "
        f"FROM entries WHERE {step.partition.condition} GROUP BY {', '.join(_KEYS)}"
    )
    schema = pa.schema([ROLLUPS.field(name) for name in (*_KEYS, "entries")])
    found = pa.concat_tables([table.query(sql).cast(schema) for table in tables])
    return pa.concat_tables([_level(BY_MARKET, found, step), _level(BY_ITEM, found, step)])


def _level(level: str, found: pa.Table, step: RollupStep) -> pa.Table:
    kept = list(_KEYS[1:] if level == BY_MARKET else _KEYS)
    summed = found.group_by(kept).aggregate([("entries", "sum")]).sort_by([(key, "ascending") for key in kept])
    rows = summed.num_rows
    constant = {
        "date": pa.repeat(pa.scalar(step.partition.date), rows).cast(pa.date32()),
        "region": pa.repeat(step.partition.region, rows),
        "level": pa.repeat(level, rows),
        "source": pa.repeat(step.source, rows),
        "item_id": pa.repeat("", rows),
    }
    columns = {**constant, **{name: summed[name] for name in kept}, "entries": summed["entries_sum"]}
    return pa.table([columns[name] for name in ROLLUPS.names], names=ROLLUPS.names).cast(ROLLUPS)


def _partition(action: Mapping[str, object]) -> Partition:
    return Partition(str(action["partition.date"]), str(action["partition.region"]))


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
