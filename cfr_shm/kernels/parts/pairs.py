"""Arithmetic on two neighbours at a time, where they lie side by side but the next do not.

A compiler turns a loop over consecutive elements into vectors, a loop over scattered ones not.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types

from cfr_shm.kernels.jit import intrinsic_twin
from cfr_shm.kernels.parts.atomics import element_pointer

FLOAT_BYTES = 4


def _plain_add(out, index, left, left_index, right, right_index):  # type: ignore[no-untyped-def]
    for each in (0, 1):
        out[index + each] = left[left_index + each] + right[right_index + each]


def _plain_subtract(out, index, left, left_index, right, right_index):  # type: ignore[no-untyped-def]
    for each in (0, 1):
        out[index + each] = left[left_index + each] - right[right_index + each]


def _instruction(name):  # type: ignore[no-untyped-def]
    """Return the code generator of an instruction on two float32 at once."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        vector = ir.VectorType(ir.FloatType(), 2).as_pointer()
        out, left, right = (
            builder.bitcast(
                element_pointer(
                    context, builder, signature.args[k], args[k], signature.args[k + 1], args[k + 1]
                ),
                vector,
            )
            for k in (0, 2, 4)
        )
        values = (builder.load(pointer, align=FLOAT_BYTES) for pointer in (left, right))
        builder.store(getattr(builder, name)(*values), out, align=FLOAT_BYTES)
        return context.get_dummy_value()

    return codegen


@intrinsic_twin(_plain_add)
def add_pair(typing_context, out, index, left, left_index, right, right_index):  # type: ignore[no-untyped-def]
    """Let two of ``out`` be two of ``left`` + two of ``right``, from the indices on; of float32."""
    signature = types.void(out, index, left, left_index, right, right_index)
    return signature, _instruction("fadd")


@intrinsic_twin(_plain_subtract)
def subtract_pair(typing_context, out, index, left, left_index, right, right_index):  # type: ignore[no-untyped-def]
    """Let two of ``out`` be two of ``left`` - two of ``right``, from the indices on; of float32."""
    signature = types.void(out, index, left, left_index, right, right_index)
    return signature, _instruction("fsub")
