"""Arrow columns from Python values through their buffers: `pa.array` would import pandas where it is installed."""

from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_ARROW_TYPE = {"int16": pa.int16(), "int32": pa.int32(), "int64": pa.int64(), "float32": pa.float32()}


def numbers(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of a NumPy array [n] in its own type; null where `valid` [n] is false."""
    kind = _ARROW_TYPE[values.dtype.name]
    return pa.Array.from_buffers(kind, len(values), [_bitmap(valid), pa.py_buffer(np.ascontiguousarray(values))])


def texts(values: Sequence[str | None]) -> pa.Array:
    """A string column; null where a value is None."""
    valid, filled = _without_none(values, "")
    joined = "".join(filled)
    if joined.isascii():
        return _variable(pa.string(), filled, joined.encode(), valid)
    encoded = [value.encode() for value in filled]
    return _variable(pa.string(), encoded, b"".join(encoded), valid)


def binaries(values: Sequence[bytes | None]) -> pa.Array:
    """A binary column; null where a value is None."""
    valid, filled = _without_none(values, b"")
    return _variable(pa.binary(), filled, b"".join(filled), valid)


def text_lists(values: Sequence[Sequence[str]]) -> pa.Array:
    """A column of lists of strings."""
    inner = texts([text for each in values for text in each])
    return pa.ListArray.from_arrays(numbers(_offsets(values)), inner)


Value = TypeVar("Value", str, bytes)


def _without_none(
    values: Sequence[Value | None], missing: Value
) -> tuple[npt.NDArray[np.bool_] | None, Sequence[Value]]:
    """Which values are there (None: all), and the values with `missing` where one is not."""
    filled = [missing if value is None else value for value in values]
    if None not in values:
        return None, filled
    return np.fromiter((value is not None for value in values), np.bool_, len(values)), filled


def _variable(
    kind: pa.DataType, values: Collection[Collection[object]], data: bytes, valid: npt.NDArray[np.bool_] | None
) -> pa.Array:
    return pa.Array.from_buffers(
        kind, len(values), [_bitmap(valid), pa.py_buffer(_offsets(values)), pa.py_buffer(data)]
    )


def _offsets(values: Collection[Collection[object]]) -> npt.NDArray[np.int32]:
    """Where each value starts and the last one ends, int32 [n + 1]."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=offsets[1:])
    return offsets


def _bitmap(valid: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
