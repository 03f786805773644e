"""Arrow columns from Python values through their buffers: `pa.array` would import pandas where it is installed."""

from collections.abc import Collection, Sequence, Sized
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Value = TypeVar("Value", str, bytes)
Number = TypeVar("Number", bound=np.number[Any])
Places = npt.NDArray[np.int64]
_ARROW_TYPE = {
    np.dtype(np.int16): pa.int16(),
    np.dtype(np.int32): pa.int32(),
    np.dtype(np.int64): pa.int64(),
    np.dtype(np.float32): pa.float32(),
}


def numbers(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of a NumPy array [n] in its own type; null where `valid` [n] is false."""
    kind = _ARROW_TYPE[values.dtype]
    return pa.Array.from_buffers(kind, len(values), [_bitmap(valid), pa.py_buffer(np.ascontiguousarray(values))])


def texts(values: Sequence[str | None]) -> pa.Array:
    """A string column; null where a value is None."""
    valid, filled = _without_none(values, "")
    joined = "".join(filled)
    if joined.isascii():
        return _variable(pa.string(), filled, joined.encode(), valid)
    encoded = [value.encode() for value in filled]
    return _variable(pa.string(), encoded, b"".join(encoded), valid)


class _Codes(dict[str | None, int]):
    """Codes of texts in order of first appearance."""

    def __missing__(self, text: str | None) -> int:
        code = -1 if text is None else len(self) - (None in self)
        self[text] = code
        return code


class CodedTexts(NamedTuple):
    """Text that repeats: codes int32 [n] into a dictionary in order of first appearance, -1 where a value is None."""

    codes: npt.NDArray[np.int32]
    dictionary: pa.Array

    @classmethod
    def of(cls, values: Sequence[str | None]) -> "CodedTexts":
        """Code the values."""
        codes = _Codes()
        found = np.fromiter(map(codes.__getitem__, values), np.int32, len(values))
        codes.pop(None, None)
        return cls(found, texts(list(codes)))

    def column(self) -> pa.DictionaryArray:
        """A column of the values."""
        # Arrow looks up the codes under nulls too when it joins dictionaries.
        codes = numbers(np.maximum(self.codes, 0), self.codes >= 0)
        return pa.DictionaryArray.from_arrays(codes, self.dictionary, safe=False)

    def at(self, places: Places) -> pa.DictionaryArray:
        """A column of the values at places [m], null where one is -1."""
        return self._replace(codes=np.append(self.codes, np.int32(-1))[places]).column()


def numbers_at(values: npt.NDArray[Number], places: Places) -> pa.Array:
    """A column of the numbers at places [m], null where one is -1."""
    return numbers(np.append(values, values.dtype.type(0))[places], places >= 0)


def places_in(counts: Places, place: int) -> Places:
    """Where the value at a place (from 1 on) of each of n sequences lies that follow each other, int64 [n].

    `counts` [n] tells how long each is; -1 where it is shorter.
    """
    return np.where(counts >= place, np.cumsum(counts) - counts + (place - 1), -1)


def lengths(values: Collection[Sized]) -> Places:
    """How long each value is, int64 [n]."""
    return np.fromiter(map(len, values), np.int64, len(values))


def binaries(values: Sequence[bytes | None]) -> pa.Array:
    """A binary column; null where a value is None."""
    valid, filled = _without_none(values, b"")
    return _variable(pa.binary(), filled, b"".join(filled), valid)


def text_lists(values: Sequence[Sequence[str]]) -> pa.Array:
    """A column of lists of strings."""
    inner = texts([text for each in values for text in each])
    return pa.ListArray.from_arrays(numbers(_offsets(values)), inner)


def _without_none(
    values: Sequence[Value | None], missing: Value
) -> tuple[npt.NDArray[np.bool_] | None, Sequence[Value]]:
    """Which values are there (None: all), and the values with `missing` where one is not."""
    valid = _present(values)
    return valid, [missing if value is None else value for value in values]


def _present(values: Sequence[object]) -> npt.NDArray[np.bool_] | None:
    """Which values are not None, bool [n]; None where all are there."""
    if None not in values:
        return None
    return np.fromiter((value is not None for value in values), np.bool_, len(values))


def _variable(
    kind: pa.DataType, values: Collection[Sized], data: bytes, valid: npt.NDArray[np.bool_] | None
) -> pa.Array:
    return pa.Array.from_buffers(
        kind, len(values), [_bitmap(valid), pa.py_buffer(_offsets(values)), pa.py_buffer(data)]
    )


def _offsets(values: Collection[Sized]) -> npt.NDArray[np.int32]:
    """Where each value starts and the last one ends, int32 [n + 1]."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(lengths(values), out=offsets[1:])
    return offsets


def _bitmap(valid: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
