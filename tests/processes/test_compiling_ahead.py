"""The process that compiles beside its coordinator: killed, orphaned, and not needed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import tiny_kernels

from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.machine.cores import usable_cores

pytestmark = [
    pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled"),
    pytest.mark.skipif(usable_cores() < 2, reason="nobody compiles beside on one core"),
    pytest.mark.thorough,
]

BEGIN = """
import multiprocessing, os, signal
from compiled_kernels import counting_compiled
from plain_settings import algorithm_settings
from cfr_shm.engine.algorithm_kernels import is_stored, make_algorithm_ready
from cfr_shm.engine.compiling_ahead import compiling_ahead
wanted = algorithm_settings(name="outcome_sampling"), False, False
"""


def start(directory: Path, script: str) -> subprocess.Popen[str]:
    support = str(Path(tiny_kernels.__file__).parent)
    path = os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")]))
    environment = {"CFR_SHM_CACHE_DIR": str(directory), "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + script],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_coordinator_does_the_work_of_a_helper_that_was_killed(tmp_path):
    script = """
with counting_compiled() as compiled, compiling_ahead(*wanted):
    (helper,) = multiprocessing.active_children()
    helper.kill()
    helper.join()
    make_algorithm_ready(*wanted, print)
print(compiled)
assert is_stored(*wanted)
with compiling_ahead(*wanted):
    assert multiprocessing.active_children() == []
"""
    first = start(tmp_path, script)
    out, _ = first.communicate(timeout=300)
    assert first.returncode == 0
    said, compiled = out.splitlines()
    assert said.startswith("compiling the kernel of outcome_sampling")
    assert compiled == "['outcome_sampling']"


def test_a_helper_ends_with_its_coordinator(tmp_path):
    script = """
with compiling_ahead(*wanted):
    print(multiprocessing.active_children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    orphaned = start(tmp_path, script)
    out, _ = orphaned.communicate(timeout=300)
    helper = int(out)
    deadline = time.monotonic() + 60.0
    while psutil.pid_exists(helper) and psutil.Process(helper).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
