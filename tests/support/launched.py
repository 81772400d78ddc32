"""Processes that a launcher has started: ranks by ``mpiexec``, on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import psutil

#: The wheel's, beside the interpreter: a machine may have others.
MPIEXEC = shutil.which("mpiexec", path=sysconfig.get_path("scripts")) or "mpiexec"


def ranks_of(ranks: int, *arguments: object, script: Path | None = None) -> list[str]:
    """Return the line that starts so many ranks of the command line.

    ``script`` leads to it.
    """
    program = ["-m", "cfr_shm"] if script is None else [str(script)]
    return [MPIEXEC, "-n", str(ranks), sys.executable, *program, *map(str, arguments)]


def call_ranks(
    ranks: int, *arguments: object, script: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run so many ranks to their end."""
    return subprocess.run(
        ranks_of(ranks, *arguments, script=script),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )


def end_with_all_below(launcher: subprocess.Popen) -> None:
    """Kill what a launcher has started and is still there, then itself."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in psutil.Process(launcher.pid).children(recursive=True):
            each.kill()
    launcher.kill()
    launcher.wait()
