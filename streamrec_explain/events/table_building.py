"""Schema tables from the columns of a sheet's good rows."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.events.sheet import Mask


def build_table(schema: pa.Schema, keep: Mask, columns: Mapping[str, pa.Array | str | bool]) -> pa.Table:
    """A table of a schema from the rows to keep: arrays (one value per row of `keep`) are filtered and cast,
    single values are repeated, columns not given are null."""
    return pa.table([_column(field, keep, columns.get(field.name)) for field in schema], schema=schema)


def _column(field: pa.Field, keep: Mask, values: pa.Array | str | bool | None) -> pa.Array:
    n_rows = int(keep.sum())
    if values is None:
        return pa.nulls(n_rows, field.type)
    if isinstance(values, str | bool):
        return pa.repeat(pa.scalar(values, field.type), n_rows)
    return values.filter(pa.array(keep)).cast(field.type, safe=False)


def in_time_order(impressions: pa.Table) -> pa.Table:
    """Impressions sorted by (timestamp_ms, impression_id), which every reader promises."""
    keys = [("timestamp_ms", "ascending"), ("impression_id", "ascending")]
    return impressions.take(pc.sort_indices(impressions, sort_keys=keys)).combine_chunks()
