"""Upgrade: a table that the first version wrote, rewritten in one commit as this version writes it."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
from deltalake import DeltaTable

from streamrec_explain.audit_log.maintenance.compaction import counted
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.coded_rows import coded, joined
from streamrec_explain.audit_log.table.content import row_count
from streamrec_explain.audit_log.table.encoding import entry_columns
from streamrec_explain.audit_log.table.ordered_rows import user_cuts
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.schema import ATTENTION_PLACES, ROWS, SHAP_PLACES
from streamrec_explain.records import AuditEntry, Claim

_ROWS_AT_ONCE = 10_000


class UpgradePlan(msgspec.Struct, frozen=True):
    """The tables of an earlier version and the partitions that they hold."""

    partitions: Mapping[str, tuple[Partition, ...]]

    def __str__(self) -> str:
        lines = [f"rewrite {len(self.partitions)} tables of an earlier version, each in one commit"]
        lines += [f"  {uri}: {len(held)} partitions" for uri, held in self.partitions.items()]
        return "\n".join(lines)


def plan_upgrade(*tables: AuditTable) -> UpgradePlan:
    """Those of the tables that this version cannot read before they are upgraded."""
    older = [table for table in tables if table.exists() and table.is_older()]
    return UpgradePlan({table.uri: tuple(table.partitions(table.open_as_is())) for table in older})


def apply_upgrade(plan: UpgradePlan, *tables: AuditTable) -> int:
    """Rewrite the planned tables and return how many rows they hold; applied again it does nothing.

    Nothing that replay needs is lost; numbers for queries are rounded as this version rounds them. A table is spooled
    on local disk and replaced in one commit: killed anywhere it is the old or the new one. WriteConflictError if
    something was written meanwhile; RetentionError, and the old table kept, if a partition gave other rows than it
    has. The old files stay in the table's history until it is vacuumed.
    """
    return sum(_upgrade(table) for table in tables if table.uri in plan.partitions and table.is_older())


def upgraded(rows: pa.Table) -> pa.Table:
    """Rows of the first version as this version has them (ROWS), in their order."""
    entries = [_entry(row) for row in rows.to_pylist()]
    columns = {**{name: rows[name] for name in rows.schema.names}, **entry_columns(entries)}
    return coded(pa.table([columns[name] for name in ROWS.names], names=ROWS.names))


def _upgrade(table: AuditTable) -> int:
    seen = table.open_as_is()
    sizes = {partition: row_count(table, partition, seen) for partition in table.partitions(seen)}
    table.replace_all(_rewritten(table, sizes, seen), seen=seen)
    return sum(sizes.values())


def _rewritten(
    table: AuditTable, sizes: Mapping[Partition, int], seen: DeltaTable
) -> Iterator[tuple[Partition, Iterator[pa.Table]]]:
    for partition, rows in sizes.items():
        yield partition, counted(_upgraded_pieces(table, partition, rows, seen), rows, partition)


def _upgraded_pieces(table: AuditTable, partition: Partition, rows: int, seen: DeltaTable) -> Iterator[pa.Table]:
    cuts = user_cuts(rows)
    for low, high in pairwise((None, *cuts, None)):
        where = f"{partition.condition} AND {conditions.between('user_id_hash', low, high)}"
        found = table.query(f"SELECT * FROM entries WHERE {where}", seen)
        parts = [upgraded(found.slice(first, _ROWS_AT_ONCE)) for first in range(0, found.num_rows, _ROWS_AT_ONCE)]
        yield sorted_rows(joined(parts))


class _FirstClaim(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    verdict: bool
    evidence: Mapping[str, float | int | str | tuple[str, ...] | None]


class _FirstInputs(msgspec.Struct, frozen=True, array_like=True):
    ranking_score: float
    reranking_score: float
    inputs: bytes


_CLAIMS_DECODER = msgspec.msgpack.Decoder(tuple[_FirstClaim, ...])
_INPUTS_DECODER = msgspec.msgpack.Decoder(_FirstInputs)


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    """The entry of a row as the first version wrote it: claims and exact scores as msgpack."""
    exact = _INPUTS_DECODER.decode(row["inputs"])
    return AuditEntry(
        ranking_score=exact.ranking_score,
        reranking_score=exact.reranking_score,
        inputs=exact.inputs,
        shap_top_3=_pairs(row, "shap_{}_feature", "shap_{}_value", SHAP_PLACES),
        attention_top_2=_pairs(row, "attention_{}_item", "attention_{}_weight", ATTENTION_PLACES),
        claims=tuple(Claim(c.kind, c.verdict, c.evidence) for c in _CLAIMS_DECODER.decode(row["claims"])),
        flags=tuple(row["flags"]),
        **{name: row[name] for name in _AS_THEY_ARE},
    )


_AS_THEY_ARE = (
    *("item_id", "position", "explanation_type", "explanation_text_hash", "template"),
    *("would_be_type", "propensity", "computation_time_ms"),
)


def _pairs(row: Mapping[str, Any], label: str, number: str, places: tuple[int, ...]) -> tuple[tuple[str, float], ...]:
    found = ((row[label.format(place)], row[number.format(place)]) for place in places)
    return tuple((name, value) for name, value in found if name is not None)
