"""Atomics, fences, prefetches, rounding, bits of floats: what Numba lacks and LLVM has.

Each intrinsic has a plain twin that runs under ``NUMBA_DISABLE_JIT=1`` (single-threaded, so
plain is right). All of them work on memory that several processes share.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np import arrayobj

from cfr_shm.kernels.jit import intrinsic_twin


def element_pointer(context, builder, array_type, array, index_type, index):  # type: ignore[no-untyped-def]
    """Emit the address of an element, unchecked."""
    struct = arrayobj.make_array(array_type)(context, builder, array)
    index = context.cast(builder, index, index_type, types.intp)
    return cgutils.get_item_pointer(context, builder, array_type, struct, [index], wraparound=False)


def _plain_add(array, index, value):  # type: ignore[no-untyped-def]
    array[index] += value


@intrinsic_twin(_plain_add)
def atomic_add(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """Add ``value`` to ``array[index]`` so that no concurrent add is lost."""
    dtype = array.dtype

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element_pointer(context, builder, array, args[0], index, args[1])
        operand = context.cast(builder, args[2], value, dtype)
        operation = "fadd" if isinstance(dtype, types.Float) else "add"
        builder.atomic_rmw(operation, pointer, operand, "monotonic")
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


def _plain_load(array, index):  # type: ignore[no-untyped-def]
    return array[index]


@intrinsic_twin(_plain_load)
def atomic_load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Read ``array[index]`` afresh: a plain load of a flag is hoisted out of the loop."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element_pointer(context, builder, array, args[0], index, args[1])
        size = context.get_abi_sizeof(context.get_data_type(array.dtype))
        return builder.load_atomic(pointer, "monotonic", size)

    return array.dtype(array, index), codegen


def _plain_store(array, index, value):  # type: ignore[no-untyped-def]
    array[index] = value


@intrinsic_twin(_plain_store)
def atomic_store(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """Write ``array[index]`` in one piece, visible to other processes."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element_pointer(context, builder, array, args[0], index, args[1])
        operand = context.cast(builder, args[2], value, array.dtype)
        size = context.get_abi_sizeof(context.get_data_type(array.dtype))
        builder.store_atomic(operand, pointer, "monotonic", size)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


def _nothing():  # type: ignore[no-untyped-def]
    return None


@intrinsic_twin(_nothing)
def fence(typing_context):  # type: ignore[no-untyped-def]
    """Order all loads and stores before against all after, as every process sees them."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


def _plain_claim(array, index, count):  # type: ignore[no-untyped-def]
    before = array[index]
    array[index] += count
    return before


@intrinsic_twin(_plain_claim)
def atomic_claim(typing_context, array, index, count):  # type: ignore[no-untyped-def]
    """Add ``count`` to ``array[index]``, integers, and return what it was before."""
    dtype = array.dtype

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = element_pointer(context, builder, array, args[0], index, args[1])
        operand = context.cast(builder, args[2], count, dtype)
        return builder.atomic_rmw("add", pointer, operand, "monotonic")

    return dtype(array, index, count), codegen


@intrinsic_twin(_nothing)
def in_order(typing_context):  # type: ignore[no-untyped-def]
    """Let no store move past this point; it costs nothing.

    A process that is killed leaves the stores before a point of its program and none after it:
    with this, the point is one of the source's. What others see while it runs, is said by
    ``in_order_for_all``.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.fence("acq_rel", "singlethread")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic_twin(_nothing)
def in_order_for_all(typing_context):  # type: ignore[no-untyped-def]
    """Order stores before against stores after, and loads likewise, as other processors see them.

    A flag that is written after what it stands for, with this between, and read before that, with
    this between, is right also where memory is weakly ordered (``dmb ish`` on ARM). On x86 it is
    no instruction. Loads may still be early against stores before them: that takes ``fence``.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.fence("acq_rel")
        return context.get_dummy_value()

    return types.void(), codegen


def _plain_bits(value):  # type: ignore[no-untyped-def]
    return int(np.float32(value).view(np.uint32))


@intrinsic_twin(_plain_bits)
def bits_of(typing_context, value):  # type: ignore[no-untyped-def]
    """Return the bits of a float32 as a whole number below 2 ** 32, int64."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.zext(builder.bitcast(args[0], ir.IntType(32)), ir.IntType(64))

    return types.int64(types.float32), codegen


def _plain_float(bits):  # type: ignore[no-untyped-def]
    return np.uint32(bits & 0xFFFFFFFF).view(np.float32)


@intrinsic_twin(_plain_float)
def float_of(typing_context, bits):  # type: ignore[no-untyped-def]
    """Return the float32 that has the low 32 bits of an int64."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(builder.trunc(args[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.int64), codegen


def _plain_nearest(value):  # type: ignore[no-untyped-def]
    return int(np.rint(value))


@intrinsic_twin(_plain_nearest)
def nearest(typing_context, value):  # type: ignore[no-untyped-def]
    """Return the whole number nearest to a float64, int64, of two the even one.

    One instruction: ``rint`` and a conversion that cuts off are two.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        whole = ir.IntType(64)
        function_type = ir.FunctionType(whole, [ir.DoubleType()])
        function = cgutils.get_or_insert_function(
            builder.module, function_type, "llvm.lrint.i64.f64"
        )
        return builder.call(function, args)

    return types.int64(types.float64), codegen


def _plain_prefetch(array, index):  # type: ignore[no-untyped-def]
    return None


def _prefetch_instruction(for_writing):  # type: ignore[no-untyped-def]
    """Return the code generator of a prefetch into every cache level."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        array, index = signature.args
        pointer = element_pointer(context, builder, array, args[0], index, args[1])
        byte_pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [byte_pointer.type, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        builder.call(function, [byte_pointer, flag(for_writing), flag(3), flag(1)])
        return context.get_dummy_value()

    return codegen


@intrinsic_twin(_plain_prefetch)
def prefetch(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Ask for the cache line of ``array[index]``, for writing, into every cache level."""
    return types.void(array, index), _prefetch_instruction(1)


@intrinsic_twin(_plain_prefetch)
def prefetch_to_read(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Ask for the cache line of ``array[index]``, for reading, into every cache level."""
    return types.void(array, index), _prefetch_instruction(0)
