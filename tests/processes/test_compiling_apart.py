"""A process that compiles for a command: what it stores is loaded, and nobody depends on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_kernels

from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = [
    pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled"),
    pytest.mark.thorough,
]

SCRIPT = """
import multiprocessing, sys, time
import numpy as np
from compiled_kernels import counting_compiled
from cfr_shm.engine import compiling_apart
from cfr_shm.kernels.holdem.card_index import find_canonical

def called():
    canonical, mask = np.empty(20, np.int32), np.empty(20, np.uint64)
    scratch, keys = np.zeros((2, 6), np.int64), np.zeros(8, np.int64)
    return find_canonical(3, 20, scratch, keys, canonical, mask)
"""


def outcome(directory: Path, script: str) -> list[str]:
    file = directory / "script.py"
    file.write_text(SCRIPT + script)
    support = str(Path(tiny_kernels.__file__).parent)
    path = os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")]))
    environment = {"CFR_SHM_CACHE_DIR": str(directory / "cache"), "PYTHONPATH": path}
    found = subprocess.run(
        [sys.executable, str(file)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


def test_it_compiles_in_another_process_which_is_gone_afterwards(tmp_path):
    script = """
with counting_compiled() as compiled, compiling_apart.compiling_apart():
    print(called(), len(multiprocessing.active_children()))
print(len(compiled), len(multiprocessing.active_children()))
"""
    assert outcome(tmp_path, script) == ["5 1", "0 0"]


def test_the_command_compiles_where_the_helper_cannot_be_had(tmp_path):
    script = """
def none(self):
    raise OSError("no process")

compiling_apart._Helper._start = none
with counting_compiled() as compiled, compiling_apart.compiling_apart():
    print(called())
print(len(compiled))
"""
    assert outcome(tmp_path, script) == ["5", "1"]


def test_the_command_compiles_what_the_helper_could_not_store(tmp_path):
    script = """
told = []
compiling_apart._Helper._ask = lambda self, *asked: told.append(asked)
with counting_compiled() as compiled, compiling_apart.compiling_apart():
    print(called())
print(len(told), len(compiled))
"""
    assert outcome(tmp_path, script) == ["5", "1 1"]
