"""Processes that a launcher has started."""

from __future__ import annotations

import contextlib
import subprocess

import psutil


def end_with_all_below(launcher: subprocess.Popen) -> None:
    """Kill what a launcher has started and is still there, then itself."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in psutil.Process(launcher.pid).children(recursive=True):
            each.kill()
    launcher.kill()
    launcher.wait()
