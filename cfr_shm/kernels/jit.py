"""The only place that uses Numba's decorators.

``kernel`` compiles a function lazily, without the GIL and without fastmath, and stores it
(``kernels.cache``); ``device``, ``swept`` and ``outlined`` are its parts. ``intrinsic_twin``
pairs a code-generating intrinsic with a plain Python function of the same behaviour, which
takes its place under ``NUMBA_DISABLE_JIT=1``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import config as numba_config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic

from cfr_shm.kernels.cache import CACHE_USABLE, KernelStore, turn_without_store
from cfr_shm.kernels.part_compiler import PartCompiler

#: Wrap every index that is never negative in this cast: an unsigned index skips Numba's
#: wraparound test, and with it the load of the array's length.
at = np.uintp

JIT_DISABLED = bool(numba_config.DISABLE_JIT)

#: Nobody calls us from C, and nothing but kernels calls their parts: code for such calls, which
#: unpacks dozens of arrays, would be half of all that is compiled.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
}
_PART_OPTIONS = _OPTIONS | {"no_cpython_wrapper": True}


class _Part(CPUDispatcher):
    """A part of kernels. Tests call some from Python, which is compiled when they do."""

    def __call__(self, *arguments: Any) -> Any:
        return _entry(self)(*arguments)

    def add_overload(self, cres: Any) -> None:
        """Note it for the kernels that call it, not for Python: there is no machine code."""
        self.overloads[tuple(cres.signature.args)] = cres


@functools.cache
def _entry(part: _Part) -> Any:
    return numba.njit(**_OPTIONS)(part.py_func)


def _part(function: Callable[..., Any], **options: Any) -> Any:
    part = numba.njit(**_PART_OPTIONS, **options)(function)
    if not JIT_DISABLED:
        part.__class__ = _Part
    return part


class _Kernel(CPUDispatcher):
    """A kernel that one process compiles and stores, while others wait for it and load it."""

    def compile(self, sig: Any) -> Any:
        # Threads of this process first: who waits for the lock of a kernel must not keep the one
        # who holds it from compiling.
        with global_compiler_lock:
            if isinstance(sig, tuple) and sig in self.overloads:
                return super().compile(sig)
            stored = isinstance(self._cache, KernelStore)
            turn = self._cache.turn(sig, self.targetctx) if stored else turn_without_store()
            with turn:
                return super().compile(sig)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as an entry point that Python calls: no GIL, no recursion, no raise."""
    compiled = numba.njit(**_OPTIONS)(function)
    if not JIT_DISABLED:
        compiled.__class__ = _Kernel
        # What a closure holds is in no file.
        if CACHE_USABLE and function.__closure__ is None:
            compiled._cache = KernelStore(function)
    return compiled


def device(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as a part of kernels, always inlined.

    A call that passes a dozen arrays pushes every array's seven-word struct: inlining the
    parts of a traversal is worth more than a factor of two.
    """
    return _part(function, forceinline=True, pipeline_class=PartCompiler)


def swept(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as a part, always inlined, that is optimised by itself before.

    For loops over long vectors: optimised only within the whole kernel they are slower by a tenth
    (docs/adr/0028-one-kernel-contract.md).
    """
    return _part(function, forceinline=True)


def outlined(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as a part of kernels that stays a function of its own.

    For parts that are long, called rarely and from several places: inlined, they slow down the
    compiling, and the loop around them.
    """
    return _part(function, pipeline_class=PartCompiler)


def intrinsic_twin(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make an intrinsic whose behaviour ``plain`` has when compilation is disabled."""

    def decorate(typing_function: Callable[..., Any]) -> Any:
        return plain if JIT_DISABLED else intrinsic(typing_function)

    return decorate
