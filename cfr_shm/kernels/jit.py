"""The only place that uses Numba's decorators, and the home of the kernel cache.

``kernel`` compiles a function lazily, without the GIL and without fastmath. ``intrinsic_twin``
pairs a code-generating intrinsic with a plain Python function of the same behaviour, which
takes its place under ``NUMBA_DISABLE_JIT=1``.

Numba's own disk cache is keyed by the caller's file only, so that an edited callee in another
file would return OLD results (numba #6061 and friends). We key the directory by everything
that can change the machine code instead.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config as numba_config
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic

#: Wrap every index that is never negative in this cast: an unsigned index skips Numba's
#: wraparound test, and with it the load of the array's length.
at = np.uintp

JIT_DISABLED = bool(numba_config.DISABLE_JIT)

_PACKAGE = Path(__file__).resolve().parent.parent


def cache_root() -> Path:
    """Return the directory below which every version's kernel cache lies.

    ``CFR_SHM_CACHE_DIR`` names it; otherwise the platform's user cache directory.
    """
    named = os.environ.get("CFR_SHM_CACHE_DIR")
    if named:
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "cfr-shm"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home()) / "cfr-shm"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cfr-shm"


def kernel_sources() -> list[Path]:
    """Return the files whose text is compiled into kernels, in a fixed order."""
    return [
        path for room in ("layout", "kernels") for path in sorted((_PACKAGE / room).rglob("*.py"))
    ]


def cache_key() -> str:
    """Hash everything that can change the machine code of a kernel."""
    digest = hashlib.sha256()
    for source in kernel_sources():
        name = source.relative_to(_PACKAGE).as_posix()
        digest.update(name.encode() + b"\0" + source.read_bytes())
    for part in (
        numba.__version__,
        llvmlite.__version__,
        sys.version,
        str(numba_config.BOUNDSCHECK),
        _cpu(),
    ):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def _cpu() -> str:
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def cache_directory() -> Path:
    """Return this version's kernel cache directory (it may not exist yet)."""
    return cache_root() / f"kernels-{cache_key()}"


def _use_cache_directory() -> bool:
    directory = cache_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(directory, os.W_OK)
    except OSError:
        usable = False
    if usable:
        numba_config.CACHE_DIR = str(directory)
        _hold(directory)
    return usable


def _hold(directory: Path) -> None:
    """Lock the directory, shared, until this process ends: ``clean`` then leaves it alone."""
    if sys.platform == "win32":
        return
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(os.open(directory, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)


#: False when the cache directory cannot be written: kernels are then compiled in every process.
CACHE_USABLE = False if JIT_DISABLED else _use_cache_directory()

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


@functools.cache
def _entry(part: _Part) -> Any:
    return numba.njit(**_OPTIONS)(part.py_func)


def _part(function: Callable[..., Any], **options: bool) -> Any:
    part = numba.njit(**_PART_OPTIONS, **options)(function)
    if not JIT_DISABLED:
        part.__class__ = _Part
    return part


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as an entry point that Python calls: no GIL, no recursion, no raise."""
    return numba.njit(**_OPTIONS, cache=CACHE_USABLE)(function)


def device(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as a part of kernels, always inlined.

    A call that passes a dozen arrays pushes every array's seven-word struct: inlining the
    parts of a traversal is worth more than a factor of two.
    """
    return _part(function, forceinline=True)


def outlined(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as a part of kernels that stays a function of its own.

    For parts that are long, called rarely and from several places: inlined, they slow down the
    compiling, and the loop around them.
    """
    return _part(function)


def intrinsic_twin(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make an intrinsic whose behaviour ``plain`` has when compilation is disabled."""

    def decorate(typing_function: Callable[..., Any]) -> Any:
        return plain if JIT_DISABLED else intrinsic(typing_function)

    return decorate
