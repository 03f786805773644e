"""Vectors of 8 float64 and of 64 bytes as values in kernels, compiled to whatever the machine has.

LLVM's automatic vectorizer neither keeps a table line in one register nor compares 64 codes at once; these few
operations say so directly. On AVX-512 each is one instruction (a transpose 24); elsewhere LLVM splits them. All
are elementwise IEEE operations in the written order, so that results do not depend on the machine.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.core.typing.templates import Signature
from numba.extending import intrinsic, models, register_model

FLOATS_PER_VECTOR = 8
BYTES_PER_VECTOR = 64

_I8, _I32, _I64, _F64 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()
_FLOATS = ir.VectorType(_F64, FLOATS_PER_VECTOR)
_BYTES = ir.VectorType(_I8, BYTES_PER_VECTOR)
_FEW_BYTES = ir.VectorType(_I8, FLOATS_PER_VECTOR)
_UNALIGNED = 1


class FloatVector(types.Type):
    """Eight float64: one line of a table, or one value of eight rows."""

    def __init__(self) -> None:
        super().__init__(name="FloatVector")


class ByteVector(types.Type):
    """The codes or cells of 64 rows."""

    def __init__(self) -> None:
        super().__init__(name="ByteVector")


FLOAT_VECTOR, BYTE_VECTOR = FloatVector(), ByteVector()


@register_model(FloatVector)
class _FloatVectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)


@register_model(ByteVector)
class _ByteVectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _BYTES)


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
def store_bytes(typing: Any, array: Any, start: Any, vector: Any) -> Generated:
    """array[start : start + 64] = vector, in flat indices."""
    return _storer(BYTE_VECTOR, _BYTES, array)


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
def zero_bytes(typing: Any) -> Generated:
    """Sixty-four zero bytes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(_BYTES, [0] * BYTES_PER_VECTOR)

    return BYTE_VECTOR(), generate


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
    """cells + (delta where codes > limit), per byte and modulo 256."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        cells, codes, limit, delta = values
        above = builder.icmp_unsigned(">", codes, _filled(builder, limit, _BYTES))
        zero = ir.Constant(_BYTES, [0] * BYTES_PER_VECTOR)
        return builder.add(cells, builder.select(above, _filled(builder, delta, _BYTES), zero))

    return BYTE_VECTOR(BYTE_VECTOR, BYTE_VECTOR, types.uint8, types.uint8), generate


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


_STEPS = (1, 2, 4)


@intrinsic
def transpose(typing: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Generated:
    """Eight lines as eight columns: value i of result j is value j of line i."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows = list(values)
        for step in _STEPS:
            rows = _exchanged(builder, rows, step)
        return context.make_tuple(builder, signature.return_type, rows)

    return types.UniTuple(FLOAT_VECTOR, 8)(*[FLOAT_VECTOR] * 8), generate


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
