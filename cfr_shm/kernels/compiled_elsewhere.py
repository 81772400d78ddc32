"""Who compiles what is not stored, where it is not the process that calls it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from cfr_shm.kernels.announcing import compiling

#: Has a kernel compiled and stored: its module, its name, the types of its arguments.
CompiledBy = Callable[[str, str, Any], None]

_helper: CompiledBy | None = None


@contextlib.contextmanager
def compiled_by(helper: CompiledBy) -> Iterator[None]:
    """Have ``helper`` compile and store kernels before they are loaded here; it raises nothing."""
    global _helper
    before, _helper = _helper, helper
    try:
        yield
    finally:
        _helper = before


def have_compiled(module: str, name: str, signature: Any) -> None:
    """Have the helper compile a kernel, if there is one; what it fails in is compiled here."""
    if _helper is not None:
        compiling(module)
        _helper(module, name, signature)
