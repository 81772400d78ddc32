"""Waiting within a kernel that costs no CPU: the operating system's own, without Python.

On Linux a word of shared memory is waited on and woken (futex): a sleeper costs nothing and
wakes some microseconds after it is called. Elsewhere a sleeper looks again every millisecond;
nobody can call it. Every sleep is bounded, so that flags are seen and a lost call does no harm.

The symbols are the C library's (the Windows kernel's), resolved by LLVM in the process that
runs the kernel: nothing is baked into the code that lies in the cache.
"""

from __future__ import annotations

import platform
import sys
import time

from llvmlite import ir
from numba.core import cgutils, types
from numba.np import arrayobj

from cfr_shm.kernels.jit import intrinsic_twin

#: The longest single sleep: after it the sleeper looks at the stop flag.
SLEEP_SECONDS = 0.02

#: The longest sleep where a sleeper cannot be called.
BLIND_SLEEP_SECONDS = 0.001

_FUTEX_WAIT, _FUTEX_WAKE = 0, 1
_EVERYBODY = 2**31 - 1

#: Number of the system call ``futex``, 64-bit kernels.
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}.get(platform.machine())

CAN_CALL = sys.platform == "linux" and _FUTEX is not None

_INT = ir.IntType(32)
_LONG = ir.IntType(64)
_POINTER = ir.IntType(8).as_pointer()


def _declare(builder, name, result, parameters, variadic=False):  # type: ignore[no-untyped-def]
    kind = ir.FunctionType(result, parameters, var_arg=variadic)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _word_pointer(context, builder, signature, args):  # type: ignore[no-untyped-def]
    """Return the address of ``array[index]``; its low half comes first on every platform here."""
    array = signature.args[0]
    struct = arrayobj.make_array(array)(context, builder, args[0])
    index = context.cast(builder, args[1], signature.args[1], types.intp)
    pointer = cgutils.get_item_pointer(context, builder, array, struct, [index], wraparound=False)
    return builder.bitcast(pointer, _POINTER)


def _futex(builder, pointer, operation, value, timeout):  # type: ignore[no-untyped-def]
    syscall = _declare(builder, "syscall", _LONG, [_LONG], variadic=True)
    arguments = [pointer, _INT(operation), value, timeout, _POINTER(None), _INT(0)]
    builder.call(syscall, [_LONG(_FUTEX), *arguments])


def _plain_sleep(array, index, value):  # type: ignore[no-untyped-def]
    if array[index] == value:
        time.sleep(BLIND_SLEEP_SECONDS)


@intrinsic_twin(_plain_sleep)
def sleep_on(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """Sleep ``SLEEP_SECONDS`` at most, if ``array[index]``, int64, is still ``value``."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if CAN_CALL:
            pair = ir.LiteralStructType([_LONG, _LONG])
            duration = cgutils.alloca_once_value(
                builder, ir.Constant(pair, (0, int(SLEEP_SECONDS * 1e9)))
            )
            pointer = _word_pointer(context, builder, signature, args)
            expected = builder.trunc(context.cast(builder, args[2], value, types.int64), _INT)
            timeout = builder.bitcast(duration, _POINTER)
            _futex(builder, pointer, _FUTEX_WAIT, expected, timeout)
        elif sys.platform == "win32":
            sleep = _declare(builder, "Sleep", ir.VoidType(), [_INT])
            builder.call(sleep, [_INT(int(BLIND_SLEEP_SECONDS * 1e3))])
        else:
            sleep = _declare(builder, "usleep", _INT, [_INT])
            builder.call(sleep, [_INT(int(BLIND_SLEEP_SECONDS * 1e6))])
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


def _plain_call(array, index):  # type: ignore[no-untyped-def]
    return None


@intrinsic_twin(_plain_call)
def call_sleepers(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Wake everybody who sleeps on ``array[index]``, in any process."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if CAN_CALL:
            pointer = _word_pointer(context, builder, signature, args)
            _futex(builder, pointer, _FUTEX_WAKE, _INT(_EVERYBODY), _POINTER(None))
        return context.get_dummy_value()

    return types.void(array, index), codegen


def _plain_pause():  # type: ignore[no-untyped-def]
    return None


@intrinsic_twin(_plain_pause)
def pause(typing_context):  # type: ignore[no-untyped-def]
    """Tell the processor that this is a loop that waits."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        machine = platform.machine()
        if machine in ("x86_64", "AMD64"):
            builder.call(_declare(builder, "llvm.x86.sse2.pause", ir.VoidType(), []), [])
        elif machine in ("aarch64", "arm64"):
            builder.call(_declare(builder, "llvm.aarch64.hint", ir.VoidType(), [_INT]), [_INT(1)])
        return context.get_dummy_value()

    return types.void(), codegen
