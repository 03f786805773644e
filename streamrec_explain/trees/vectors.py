"""Vectors of 8 float64 and of 64 bytes as values in kernels, compiled to whatever the machine has.

LLVM's automatic vectorizer neither keeps a table line in one register nor compares 64 codes at once; these few
operations say so directly. On AVX-512 each is one instruction (a transpose 24); elsewhere LLVM splits them. All
are elementwise IEEE operations in the written order, so that results do not depend on the machine.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.cgutils import get_or_insert_function
from numba.core.typing.templates import Signature
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

FLOATS_PER_VECTOR = 8
BYTES_PER_VECTOR = 64

_I8, _I16, _I32, _I64, _F64 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.DoubleType()
_FLOATS = ir.VectorType(_F64, FLOATS_PER_VECTOR)
_BYTES = ir.VectorType(_I8, BYTES_PER_VECTOR)
_CELLS = ir.VectorType(_I16, BYTES_PER_VECTOR)
_FEW_BYTES = ir.VectorType(_I8, FLOATS_PER_VECTOR)
_UNALIGNED = 1


def zero_lines(n_lines: int) -> NDArray[np.float64]:
    """Zeros float64 [n_lines, 8] in which each line is one cache line: NumPy's own arrays begin anywhere.

    A line that straddles two cache lines is fetched and loaded as two.
    """
    room = np.zeros((n_lines + 1) * FLOATS_PER_VECTOR)
    first = -room.ctypes.data % BYTES_PER_VECTOR // room.itemsize
    return room[first : first + n_lines * FLOATS_PER_VECTOR].reshape(n_lines, FLOATS_PER_VECTOR)


class FloatVector(types.Type):
    """Eight float64: one line of a table, or one value of eight rows."""

    def __init__(self) -> None:
        super().__init__(name="FloatVector")


class ByteVector(types.Type):
    """The codes of 64 rows, one byte each."""

    def __init__(self) -> None:
        super().__init__(name="ByteVector")


class CellVector(types.Type):
    """The cells of 64 rows, two bytes each."""

    def __init__(self) -> None:
        super().__init__(name="CellVector")


FLOAT_VECTOR, BYTE_VECTOR, CELL_VECTOR = FloatVector(), ByteVector(), CellVector()


@register_model(FloatVector)
class _FloatVectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)


@register_model(ByteVector)
class _ByteVectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _BYTES)


@register_model(CellVector)
class _CellVectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _CELLS)


Generated = tuple[Signature, Any]


def _address(context: Any, builder: Any, kind: Any, array: Any, start: Any, vector: ir.Type) -> Any:
    """Pointer to a vector at flat element `start` of a C-contiguous array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [start]), vector.as_pointer())


def _filled(builder: Any, value: Any, vector: ir.VectorType) -> Any:
    """A vector with the same value everywhere."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), mask)


def _loader(kind: Any, vector: ir.Type, array: Any) -> Generated:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], values[0], values[1], vector)
        return builder.load(pointer, align=_UNALIGNED)

    return kind(array, types.int64), generate


@intrinsic
def load_floats(typing: Any, array: Any, start: Any) -> Generated:
    """The eight float64 from flat index `start` on."""
    return _loader(FLOAT_VECTOR, _FLOATS, array)


@intrinsic
def load_bytes(typing: Any, array: Any, start: Any) -> Generated:
    """The 64 bytes from flat index `start` on."""
    return _loader(BYTE_VECTOR, _BYTES, array)


def _storer(kind: Any, vector: ir.Type, array: Any) -> Generated:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], values[0], values[1], vector)
        builder.store(values[2], pointer, align=_UNALIGNED)
        return context.get_dummy_value()

    return types.void(array, types.int64, kind), generate


@intrinsic
def store_cells(typing: Any, array: Any, start: Any, vector: Any) -> Generated:
    """array[start : start + 64] = vector, in flat indices of uint16."""
    return _storer(CELL_VECTOR, _CELLS, array)


@intrinsic
def load_cell(typing: Any, array: Any, start: Any) -> Generated:
    """The cell at flat index `start`, as int64."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], values[0], values[1], _I16)
        return builder.zext(builder.load(pointer), _I64)

    return types.int64(array, types.int64), generate


@intrinsic
def store_floats(typing: Any, array: Any, start: Any, vector: Any) -> Generated:
    """array[start : start + 8] = vector, in flat indices."""
    return _storer(FLOAT_VECTOR, _FLOATS, array)


@intrinsic
def add_to_floats(typing: Any, array: Any, start: Any, vector: Any) -> Generated:
    """array[start : start + 8] += vector, in flat indices."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], values[0], values[1], _FLOATS)
        total = builder.fadd(builder.load(pointer, align=_UNALIGNED), values[2])
        builder.store(total, pointer, align=_UNALIGNED)
        return context.get_dummy_value()

    return types.void(array, types.int64, FLOAT_VECTOR), generate


@intrinsic
def fill_floats(typing: Any, value: Any) -> Generated:
    """Eight times the same float64."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _filled(builder, values[0], _FLOATS)

    return FLOAT_VECTOR(types.float64), generate


@intrinsic
def zero_cells(typing: Any) -> Generated:
    """Sixty-four times cell 0."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(_CELLS, [0] * BYTES_PER_VECTOR)

    return CELL_VECTOR(), generate


@intrinsic
def prefetch(typing: Any, array: Any, start: Any) -> Generated:
    """Ask the memory system for the cache line at flat index `start`; has no other effect."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], values[0], values[1], _I8)
        kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        function = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, keep, data = (ir.Constant(_I32, value) for value in (0, 3, 1))
        builder.call(function, [pointer, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


def _binary(operation: str) -> Any:
    def typed(typing: Any, left: Any, right: Any) -> Generated:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return getattr(builder, operation)(*values)

        return FLOAT_VECTOR(FLOAT_VECTOR, FLOAT_VECTOR), generate

    return intrinsic(typed)


add_floats, multiply_floats = _binary("fadd"), _binary("fmul")


@intrinsic
def add_where_above(typing: Any, cells: Any, codes: Any, limit: Any, delta: Any) -> Generated:
    """cells + (delta where codes > limit), per row and modulo 65536."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        cells, codes, limit, delta = values
        above = builder.icmp_unsigned(">", codes, _filled(builder, limit, _BYTES))
        zero = ir.Constant(_CELLS, [0] * BYTES_PER_VECTOR)
        return builder.add(cells, builder.select(above, _filled(builder, delta, _CELLS), zero))

    return CELL_VECTOR(CELL_VECTOR, BYTE_VECTOR, types.uint8, types.uint16), generate


@intrinsic
def zero_unless(typing: Any, vector: Any, codes: Any, start: Any, limit: Any, above: Any) -> Generated:
    """The vector with 0 where (codes[start + i] > limit) != above, for its eight rows i."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector, codes, start, limit, above = values
        pointer = _address(context, builder, signature.args[1], codes, start, _FEW_BYTES)
        exceeds = builder.icmp_unsigned(
            ">", builder.load(pointer, align=_UNALIGNED), _filled(builder, limit, _FEW_BYTES)
        )
        wanted = _filled(builder, builder.trunc(above, ir.IntType(1)), ir.VectorType(ir.IntType(1), 8))
        refused = builder.xor(exceeds, wanted)
        return builder.select(refused, ir.Constant(_FLOATS, [0.0] * FLOATS_PER_VECTOR), vector)

    return FLOAT_VECTOR(FLOAT_VECTOR, codes, types.int64, types.uint8, types.boolean), generate


_WORDS = ir.VectorType(_I64, FLOATS_PER_VECTOR)


@intrinsic
def all_bits(typing: Any) -> Generated:
    """Eight words with all 64 bits set, in a vector that is stored as eight float64."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(ir.Constant(_WORDS, [-1] * FLOATS_PER_VECTOR), _FLOATS)

    return FLOAT_VECTOR(), generate


@intrinsic
def and_where_above(typing: Any, words: Any, codes: Any, start: Any, limit: Any, kept: Any) -> Generated:
    """Eight words, and only their bits in `kept` where codes[start + i] > limit, for the eight rows i."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words, codes, start, limit, kept = values
        pointer = _address(context, builder, signature.args[1], codes, start, _FEW_BYTES)
        own = builder.load(pointer, align=_UNALIGNED)
        above = builder.icmp_unsigned(">", own, _filled(builder, limit, _FEW_BYTES))
        every = ir.Constant(_WORDS, [-1] * FLOATS_PER_VECTOR)
        masks = builder.select(above, _filled(builder, kept, _WORDS), every)
        return builder.bitcast(builder.and_(builder.bitcast(words, _WORDS), masks), _FLOATS)

    return FLOAT_VECTOR(FLOAT_VECTOR, codes, types.int64, types.uint8, types.uint64), generate


@intrinsic
def lowest_bit(typing: Any, words: Any, place: Any) -> Generated:
    """The number of the lowest bit that is set in a word, int64."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], values[0], values[1], _I64)
        return builder.cttz(builder.load(pointer), ir.Constant(ir.IntType(1), 1))

    return types.int64(words, types.int64), generate


EIGHT_LINES = types.UniTuple(FLOAT_VECTOR, FLOATS_PER_VECTOR)


def _offsets_of_rows(context: Any, builder: Any, kind: Any, cells: Any, start: Any, scale: Any) -> list[Any]:
    """scale * cells[start + i] for eight rows i, as int64."""
    chosen = _address(context, builder, kind, cells, start, _I16)
    loaded = [builder.load(builder.gep(chosen, [ir.Constant(_I64, i)])) for i in range(FLOATS_PER_VECTOR)]
    return [builder.mul(builder.zext(cell, _I64), scale) for cell in loaded]


def _loaded(builder: Any, first: Any, offsets: list[Any], vector: Any) -> list[Any]:
    """What lies at the offsets from a pointer."""
    pointers = [builder.bitcast(builder.gep(first, [offset]), vector.as_pointer()) for offset in offsets]
    return [builder.load(pointer, align=_UNALIGNED) for pointer in pointers]


def _sums(context: Any, builder: Any, total: Any, terms: list[Any]) -> Any:
    before = cgutils.unpack_tuple(builder, total)
    sums = [builder.fadd(left, right) for left, right in zip(before, terms, strict=True)]
    return context.make_tuple(builder, EIGHT_LINES, sums)


@intrinsic
def zero_lines_of_rows(typing: Any) -> Generated:
    """Eight lines of zeros."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zeros = [ir.Constant(_FLOATS, [0.0] * FLOATS_PER_VECTOR)] * FLOATS_PER_VECTOR
        return context.make_tuple(builder, signature.return_type, zeros)

    return EIGHT_LINES(), generate


@intrinsic
def add_lines(typing: Any, total: Any, lines: Any, first: Any, cells: Any, start: Any) -> Generated:
    """Add line `first + cells[start + i]` to the total of row i, for eight rows."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        total, lines, first, cells, start = values
        kinds, size = signature.args, ir.Constant(_I64, FLOATS_PER_VECTOR)
        table = _address(context, builder, kinds[1], lines, builder.mul(first, size), _F64)
        offsets = _offsets_of_rows(context, builder, kinds[3], cells, start, size)
        return _sums(context, builder, total, _loaded(builder, table, offsets, _FLOATS))

    return EIGHT_LINES(EIGHT_LINES, lines, types.int64, cells, types.int64), generate


@intrinsic
def add_products_of_lines(
    typing: Any, total: Any, lines: Any, line: Any, products: Any, product: Any, step: Any, cells: Any, start: Any
) -> Generated:
    """Add line `line + step * c` times product `product + step * p` to the total of row i, for eight rows.

    c is cells[start + i] and p is the cell on the partner, cells[start + 64 + i].
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        total, lines, line, products, product, step, cells, start = values
        kinds, size = signature.args, ir.Constant(_I64, FLOATS_PER_VECTOR)
        table = _address(context, builder, kinds[1], lines, builder.mul(line, size), _F64)
        factors = _address(context, builder, kinds[3], products, product, _F64)
        offsets = _offsets_of_rows(context, builder, kinds[6], cells, start, builder.mul(step, size))
        partner = builder.add(start, ir.Constant(_I64, BYTES_PER_VECTOR))
        of_partner = _offsets_of_rows(context, builder, kinds[6], cells, partner, step)
        loaded = _loaded(builder, table, offsets, _FLOATS)
        weights = [_filled(builder, weight, _FLOATS) for weight in _loaded(builder, factors, of_partner, _F64)]
        terms = [builder.fmul(weight, own) for weight, own in zip(weights, loaded, strict=True)]
        return _sums(context, builder, total, terms)

    kinds = (lines, types.int64, products, types.int64, types.int64, cells, types.int64)
    return EIGHT_LINES(EIGHT_LINES, *kinds), generate


_STEPS = (1, 2, 4)


@intrinsic
def add_to_features(typing: Any, phi: Any, lanes: Any, first_lane: Any, row: Any, lines: Any) -> Generated:
    """Add value j of line i to phi[lanes[first_lane + j], row + i], for eight rows i and eight lanes j."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        phi, lanes, first_lane, row, lines = values
        columns = cgutils.unpack_tuple(builder, lines)
        for step in _STEPS:
            columns = _exchanged(builder, columns, step)
        features = _address(context, builder, signature.args[1], lanes, first_lane, _I32)
        values_of = context.make_array(signature.args[0])(context, builder, phi)
        stride = builder.extract_value(values_of.shape, 1)
        for j, column in enumerate(columns):
            feature = builder.zext(builder.load(builder.gep(features, [ir.Constant(_I64, j)])), _I64)
            start = builder.add(builder.mul(feature, stride), row)
            pointer = builder.bitcast(builder.gep(values_of.data, [start]), _FLOATS.as_pointer())
            builder.store(builder.fadd(builder.load(pointer, align=_UNALIGNED), column), pointer, align=_UNALIGNED)
        return context.get_dummy_value()

    return types.void(phi, lanes, types.int64, types.int64, EIGHT_LINES), generate


def _exchanged(builder: Any, rows: list[Any], step: int) -> list[Any]:
    """Swap, for each pair of rows `step` apart, the off-diagonal blocks of `step` columns."""
    low = [lane if not lane & step else lane - step + 8 for lane in range(8)]
    high = [lane + step if not lane & step else lane + 8 for lane in range(8)]
    masks = [ir.Constant(ir.VectorType(_I32, 8), lanes) for lanes in (low, high)]
    result = list(rows)
    for i in range(8):
        if not i & step:
            for j, mask in zip((i, i + step), masks, strict=True):
                result[j] = builder.shuffle_vector(rows[i], rows[i + step], mask)
    return result
