"""Numba's array functions, loaded without SciPy.

Numba loads them before the first kernel, and asks meanwhile whether SciPy is there: ``np.dot`` and
its like need its BLAS. Asking imports SciPy's linear algebra, .2 s where it is installed, for
functions that no kernel of ours calls. Here the answer is whether it is installed; whatever does
call them still imports it when it is compiled.
"""

from __future__ import annotations

import functools
import importlib.util


@functools.cache
def load_array_functions() -> None:
    """Load them, once; where Numba has no such place any more it loads them itself, later."""
    try:
        from numba.np import linalg

        asked = linalg.ensure_blas
    except (ImportError, AttributeError):
        return

    def is_installed() -> None:
        if importlib.util.find_spec("scipy") is None:
            raise ImportError("scipy is not installed")

    linalg.ensure_blas = is_installed
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = asked
