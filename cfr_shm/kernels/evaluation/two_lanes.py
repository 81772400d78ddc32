"""Two float64 as one value of a kernel: loads, stores, arithmetic; each lane rounds by itself.

What is done to both lanes is done to each as if it were alone, bit for bit: nothing is contracted.
Who scatters into sums by card pays for addresses and not for arithmetic, so that two sums side by
side cost little more than one.

With compilation disabled a value is a NumPy array of two float64.
"""

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, overload, register_model

from cfr_shm.kernels.jit import JIT_DISABLED, intrinsic_twin

LANES = 2

_ALIGN = 8  # rows begin anywhere
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_INDEX = ir.IntType(32)


class _TwoType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="TwoLanes")


two_type = _TwoType()


@register_model(_TwoType)
class _TwoModel(models.PrimitiveModel):
    def __init__(self, manager, kind):  # type: ignore[no-untyped-def]
        super().__init__(manager, kind, _DOUBLES)


def _pointer(context, builder, signature, args):  # type: ignore[no-untyped-def]
    """Return the address of ``array[2 * index]``; they are the first two arguments."""
    struct = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0])
    place = context.cast(builder, args[1], signature.args[1], types.intp)
    place = builder.shl(place, ir.Constant(place.type, 1))
    return builder.bitcast(builder.gep(struct.data, [place]), _DOUBLES.as_pointer())


def _plain_load(array, index):  # type: ignore[no-untyped-def]
    return array[2 * int(index) : 2 * int(index) + LANES].copy()


@intrinsic_twin(_plain_load)
def load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Return ``array[2 * index : 2 * index + 2]`` of float64."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load(_pointer(context, builder, signature, args), align=_ALIGN)

    return two_type(array, index), codegen


def _plain_store(array, index, value):  # type: ignore[no-untyped-def]
    array[2 * int(index) : 2 * int(index) + LANES] = value


@intrinsic_twin(_plain_store)
def store(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """Write both lanes to ``array[2 * index : 2 * index + 2]``."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.store(args[2], _pointer(context, builder, signature, args), align=_ALIGN)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


def _plain_both(one, two):  # type: ignore[no-untyped-def]
    return np.array([one, two], np.float64)


@intrinsic_twin(_plain_both)
def both(typing_context, one, two):  # type: ignore[no-untyped-def]
    """Return two numbers as lanes."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        value = ir.Constant(_DOUBLES, ir.Undefined)
        for lane, kind in enumerate(signature.args):
            number = context.cast(builder, args[lane], kind, types.float64)
            value = builder.insert_element(value, number, ir.Constant(_INDEX, lane))
        return value

    return two_type(one, two), codegen


def _plain_first(value):  # type: ignore[no-untyped-def]
    return value[0]


def _plain_second(value):  # type: ignore[no-untyped-def]
    return value[1]


def _lane(number, plain):  # type: ignore[no-untyped-def]
    def typing_function(typing_context, value):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.extract_element(args[0], ir.Constant(_INDEX, number))

        return types.float64(two_type), codegen

    return intrinsic_twin(plain)(typing_function)


first_of = _lane(0, _plain_first)
second_of = _lane(1, _plain_second)


def _arithmetic(instruction, plain):  # type: ignore[no-untyped-def]
    def typing_function(typing_context, one, two):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return getattr(builder, instruction)(args[0], args[1])

        return two_type(two_type, two_type), codegen

    return intrinsic_twin(plain)(typing_function)


_OPERATIONS = {
    operator.add: _arithmetic("fadd", operator.add),
    operator.sub: _arithmetic("fsub", operator.sub),
    operator.mul: _arithmetic("fmul", operator.mul),
}


def _install(sign, operation):  # type: ignore[no-untyped-def]
    """Let kernels write ``one + two`` for lanes."""

    @overload(sign)
    def choose(one, two):  # type: ignore[no-untyped-def]
        if isinstance(one, _TwoType) and isinstance(two, _TwoType):
            return lambda one, two: operation(one, two)
        return None


if not JIT_DISABLED:
    for _sign, _operation in _OPERATIONS.items():
        _install(_sign, _operation)
