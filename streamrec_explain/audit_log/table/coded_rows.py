"""Rows whose repeated text is coded: made from plain ones, joined under one dictionary, rid of text nobody uses."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamrec_explain.audit_log.table.schema import CODED_COLUMNS, ROWS

Codes = npt.NDArray[np.int32]


def coded(rows: pa.Table) -> pa.Table:
    """The rows in the schema ROWS, each column one chunk with one dictionary without repetitions."""
    columns = [_coded(rows[field.name], field) for field in ROWS]
    return pa.table(columns, schema=ROWS)


def joined(tables: Iterable[pa.Table]) -> pa.Table:
    """Coded rows one after the other, each column one chunk with one dictionary."""
    whole = pa.concat_tables([ROWS.empty_table(), *tables])
    return whole.unify_dictionaries().combine_chunks() if whole.num_rows else ROWS.empty_table()


def trimmed(rows: pa.Table) -> pa.Table:
    """The rows with dictionaries of only the text that they use.

    A file holds its dictionaries whole: without this the name of an erased person would stay in them.
    """
    for place, name in enumerate(ROWS.names):
        if name in CODED_COLUMNS:
            rows = rows.set_column(place, ROWS.field(name), recoded(rows[name]))
    return rows


def recoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Text, coded or not, coded anew in order of appearance, in which ids that are in order compress best."""
    if not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).combine_chunks().dictionary_encode()
    whole = one_chunk(column.unify_dictionaries())
    used = whole.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(used.indices, whole.dictionary.take(used.dictionary))


def codes_of(rows: pa.Table, name: str) -> Codes:
    """The codes of a coded column without nulls, int32 [n]; equal exactly where the text is."""
    return np.asarray(np.from_dlpack(one_chunk(rows[name]).indices))


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def plain(values: pa.Array) -> pa.Array:
    """The values themselves, whether they were coded or not."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _coded(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.unify_dictionaries().combine_chunks()
    if field.name in CODED_COLUMNS:
        return recoded(column)
    return column.cast(field.type).combine_chunks()
