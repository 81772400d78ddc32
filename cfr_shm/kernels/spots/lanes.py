"""Sixteen float32 numbers as one value of a kernel: loads, stores, arithmetic, transposing.

Numba vectorises loops only where it can prove that arrays do not overlap, and leaves a
remainder loop behind each. Rows here are padded to sixteen, and a ``Lanes`` value is LLVM's
``<16 x float>``: one register with AVX-512, two with AVX2, four on ARM, the same bits on each
but for fused multiply-adds.

A table's dtype says how its numbers are stored: float32 as they are; int16 as IEEE half floats,
whose bits they are; uint16 as parts of 65,535, for numbers from 0 to 1.

With compilation disabled a ``Lanes`` value is a NumPy array of sixteen float32.
"""

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, overload, register_model

from cfr_shm.kernels.jit import JIT_DISABLED, intrinsic_twin

LANES = 16

#: The largest half float is 65,504; what is larger is stored as this.
LARGEST_HALF = 65000.0
#: One, as it is stored in uint16.
WHOLE_PARTS = 65535.0

_FLOAT, _HALF = ir.FloatType(), ir.HalfType()
_INT16, _INT32 = ir.IntType(16), ir.IntType(32)
_FLOATS, _HALVES, _WORDS, _INTS = (
    ir.VectorType(kind, LANES) for kind in (_FLOAT, _HALF, _INT16, _INT32)
)
_FLAGS = ("contract", "nsz")


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes_type = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):  # type: ignore[no-untyped-def]
        super().__init__(manager, kind, _FLOATS)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_FLOATS, [float(np.float32(value))] * LANES)


def _pointer(context, builder, array_type, array, index, vector):  # type: ignore[no-untyped-def]
    """Return the address of ``array[index]`` as one of ``vector``."""
    struct = cgutils.create_struct_proxy(array_type)(context, builder, value=array)
    return builder.bitcast(builder.gep(struct.data, [index]), vector.as_pointer())


def _plain_load(array, index):  # type: ignore[no-untyped-def]
    row = array[index : index + LANES]
    if row.dtype == np.int16:
        return row.view(np.float16).astype(np.float32)
    if row.dtype == np.uint16:
        return row.astype(np.float32) * np.float32(1.0 / WHOLE_PARTS)
    return row.copy()


@intrinsic_twin(_plain_load)
def load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Return ``array[index : index + 16]`` as lanes."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        place = context.cast(builder, args[1], signature.args[1], types.intp)
        kind = signature.args[0]
        if kind.dtype == types.float32:
            return builder.load(_pointer(context, builder, kind, args[0], place, _FLOATS), align=4)
        if kind.dtype == types.int16:
            pointer = _pointer(context, builder, kind, args[0], place, _HALVES)
            return builder.fpext(builder.load(pointer, align=2), _FLOATS)
        pointer = _pointer(context, builder, kind, args[0], place, _WORDS)
        whole = builder.zext(builder.load(pointer, align=2), _INTS)
        return builder.fmul(builder.sitofp(whole, _FLOATS), _constant(1.0 / WHOLE_PARTS))

    return lanes_type(array, index), codegen


def _plain_store(array, index, value):  # type: ignore[no-untyped-def]
    row = array[index : index + LANES]
    if row.dtype == np.int16:
        row[:] = np.clip(value, -LARGEST_HALF, LARGEST_HALF).astype(np.float16).view(np.int16)
    elif row.dtype == np.uint16:
        row[:] = (np.clip(value, 0.0, 1.0) * np.float32(WHOLE_PARTS) + 0.5).astype(np.uint16)
    else:
        row[:] = value


def _clamp(builder, value, low, high):  # type: ignore[no-untyped-def]
    above = builder.fcmp_ordered(">", value, _constant(low))
    value = builder.select(above, value, _constant(low))
    below = builder.fcmp_ordered("<", value, _constant(high))
    return builder.select(below, value, _constant(high))


@intrinsic_twin(_plain_store)
def store(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """Write lanes to ``array[index : index + 16]``, in the array's way of storing."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        place = context.cast(builder, args[1], signature.args[1], types.intp)
        kind = signature.args[0]
        if kind.dtype == types.float32:
            pointer = _pointer(context, builder, kind, args[0], place, _FLOATS)
            builder.store(args[2], pointer, align=4)
        elif kind.dtype == types.int16:
            pointer = _pointer(context, builder, kind, args[0], place, _HALVES)
            kept = _clamp(builder, args[2], -LARGEST_HALF, LARGEST_HALF)
            builder.store(builder.fptrunc(kept, _HALVES), pointer, align=2)
        else:
            pointer = _pointer(context, builder, kind, args[0], place, _WORDS)
            kept = _clamp(builder, args[2], 0.0, 1.0)
            scaled = builder.fadd(builder.fmul(kept, _constant(WHOLE_PARTS)), _constant(0.5))
            whole = builder.fptosi(scaled, _INTS)
            builder.store(builder.trunc(whole, _WORDS), pointer, align=2)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


def _plain_same(value):  # type: ignore[no-untyped-def]
    return np.full(LANES, value, np.float32)


@intrinsic_twin(_plain_same)
def same(typing_context, value):  # type: ignore[no-untyped-def]
    """Return sixteen times one number."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        number = context.cast(builder, args[0], signature.args[0], types.float32)
        undefined = ir.Constant(_FLOATS, ir.Undefined)
        first = builder.insert_element(undefined, number, ir.Constant(_INT32, 0))
        zeros = ir.Constant(_INTS, [0] * LANES)
        return builder.shuffle_vector(first, undefined, zeros)

    return lanes_type(value), codegen


def _plain_larger(one, two):  # type: ignore[no-untyped-def]
    return np.maximum(one, two)


@intrinsic_twin(_plain_larger)
def larger(typing_context, one, two):  # type: ignore[no-untyped-def]
    """Return the larger of each two lanes."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[0], args[1])

    return lanes_type(lanes_type, lanes_type), codegen


def _plain_choose(test, one, two):  # type: ignore[no-untyped-def]
    return np.where(test > 0, one, two)


@intrinsic_twin(_plain_choose)
def where_positive(typing_context, test, one, two):  # type: ignore[no-untyped-def]
    """Return, by lane, ``one`` where ``test`` is above 0 and ``two`` elsewhere."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        above = builder.fcmp_ordered(">", args[0], _constant(0.0))
        return builder.select(above, args[1], args[2])

    return lanes_type(lanes_type, lanes_type, lanes_type), codegen


def _arithmetic(instruction, plain):  # type: ignore[no-untyped-def]
    def typing_function(typing_context, one, two):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return getattr(builder, instruction)(args[0], args[1], flags=_FLAGS)

        return lanes_type(lanes_type, lanes_type), codegen

    return intrinsic_twin(plain)(typing_function)


_OPERATIONS = {
    operator.add: _arithmetic("fadd", operator.add),
    operator.sub: _arithmetic("fsub", operator.sub),
    operator.mul: _arithmetic("fmul", operator.mul),
    operator.truediv: _arithmetic("fdiv", operator.truediv),
}


def _install(sign, operation):  # type: ignore[no-untyped-def]
    """Let kernels write ``one + two`` for lanes."""

    @overload(sign)
    def choose(one, two):  # type: ignore[no-untyped-def]
        if isinstance(one, _LanesType) and isinstance(two, _LanesType):
            return lambda one, two: operation(one, two)
        return None


if not JIT_DISABLED:
    for _sign, _operation in _OPERATIONS.items():
        _install(_sign, _operation)


def _transposed(builder, rows):  # type: ignore[no-untyped-def]
    """Return the sixteen columns of sixteen rows, by four rounds of butterflies."""
    step = 1
    while step < LANES:
        kept = [lane if not lane & step else lane - step + LANES for lane in range(LANES)]
        moved = [lane + step if not lane & step else lane + LANES for lane in range(LANES)]
        columns = list(rows)
        for row in range(LANES):
            if not row & step:
                one, two = rows[row], rows[row | step]
                for place, mask in ((row, kept), (row | step, moved)):
                    columns[place] = builder.shuffle_vector(one, two, ir.Constant(_INTS, mask))
        rows = columns
        step *= 2
    return rows


def _plain_columns_of(source, offsets, first, place, target, target_place):  # type: ignore[no-untyped-def]
    for row in range(LANES):
        begin = offsets[first + row] + place
        target[target_place + row : target_place + LANES * LANES : LANES] = source[
            begin : begin + LANES
        ]


@intrinsic_twin(_plain_columns_of)
def columns_of(typing_context, source, offsets, first, place, target, target_place):  # type: ignore[no-untyped-def]
    """Write ``target[target_place + 16 * l + r] = source[offsets[first + r] + place + l]``."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        starts = cgutils.create_struct_proxy(signature.args[1])(context, builder, value=args[1])
        inside = context.cast(builder, args[3], signature.args[3], types.intp)
        rows = []
        for row in range(LANES):
            number = builder.add(args[2], ir.Constant(args[2].type, row))
            offset = builder.load(builder.gep(starts.data, [number]))
            begin = builder.add(offset, inside)
            pointer = _pointer(context, builder, signature.args[0], args[0], begin, _FLOATS)
            rows.append(builder.load(pointer, align=4))
        for lane, column in enumerate(_transposed(builder, rows)):
            begin = builder.add(args[5], ir.Constant(args[5].type, LANES * lane))
            pointer = _pointer(context, builder, signature.args[4], args[4], begin, _FLOATS)
            builder.store(column, pointer, align=4)
        return context.get_dummy_value()

    return types.void(source, offsets, first, place, target, target_place), codegen


def _plain_rows_of(source, source_place, target, offsets, first, place):  # type: ignore[no-untyped-def]
    for row in range(LANES):
        begin = offsets[first + row] + place
        target[begin : begin + LANES] = source[
            source_place + row : source_place + LANES * LANES : LANES
        ]


@intrinsic_twin(_plain_rows_of)
def rows_of(typing_context, source, source_place, target, offsets, first, place):  # type: ignore[no-untyped-def]
    """Write ``target[offsets[first + r] + place + l] = source[source_place + 16 * l + r]``."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        starts = cgutils.create_struct_proxy(signature.args[3])(context, builder, value=args[3])
        inside = context.cast(builder, args[5], signature.args[5], types.intp)
        columns = []
        for lane in range(LANES):
            begin = builder.add(args[1], ir.Constant(args[1].type, LANES * lane))
            pointer = _pointer(context, builder, signature.args[0], args[0], begin, _FLOATS)
            columns.append(builder.load(pointer, align=4))
        for row, kept in enumerate(_transposed(builder, columns)):
            number = builder.add(args[4], ir.Constant(args[4].type, row))
            offset = builder.load(builder.gep(starts.data, [number]))
            begin = builder.add(offset, inside)
            pointer = _pointer(context, builder, signature.args[2], args[2], begin, _FLOATS)
            builder.store(kept, pointer, align=4)
        return context.get_dummy_value()

    return types.void(source, source_place, target, offsets, first, place), codegen
