"""Numba's array functions come without SciPy, and find its BLAS where somebody wants it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

SCRIPT = """\
import sys

import numpy as np
import numba

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.kernels.numba_arrays import load_array_functions

load_array_functions()
assert evaluate(STANDARD, [0, 1, 2, 3, 4]) > 0
print("numba.np.arraymath" in sys.modules, "scipy.linalg" in sys.modules)

@numba.njit
def product(one, two):
    return np.dot(one, two)

try:
    print(product(2 * np.eye(3), np.eye(3)).sum())
except numba.TypingError:
    print("none")
"""


def test_they_are_loaded_without_scipy_which_whoever_multiplies_still_gets(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    found = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    *loaded, product = found.stdout.split()
    assert loaded == ["True", "False"]
    assert product == "6.0" or (product == "none" and importlib.util.find_spec("scipy") is None)
