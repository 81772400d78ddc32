"""A diagnosis as a picture (extra ``plots``); matplotlib is imported when one is asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.telemetry.diagnostics import Diagnosis
from cfr_shm.telemetry.samples import TRACKER, ProcessUse


def require_matplotlib(what: str) -> None:
    """Raise ``UsageError`` with the remedy when matplotlib is not installed.

    Args:
        what: draws with it: a flag, or a function.
    """
    if importlib.util.find_spec("matplotlib") is None:
        otherwise = " (or leave the flag out)" if what.startswith("-") else ""
        raise UsageError(
            f"{what} draws with matplotlib, which is not installed; "
            f"run: pip install 'cfr-shm[plots]'{otherwise}"
        )


def new_figure(rows: int, width: float = 9.0, height: float = 2.4) -> tuple[Any, list[Any]]:
    """Return a figure with ``rows`` axes below each other; it needs no display."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height * rows), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False)
    return figure, [row[0] for row in axes]


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG.

    Raises:
        UsageError: the file cannot be written, or belongs to a run.
    """
    with replaced_file(path) as file:
        figure.savefig(file, format="png", dpi=120)


def draw_diagnosis(diagnosis: Diagnosis, path: Path) -> None:
    """Draw CPU, system CPU and switches of every process over time, and the rate if known."""
    require_matplotlib("--plot")
    has_rate = bool(diagnosis.rate.value)
    figure, axes = new_figure(3 + has_rate)
    figure.suptitle(diagnosis.subject)
    start = diagnosis.frames[0].time - diagnosis.frames[0].seconds if diagnosis.frames else 0.0
    panels: tuple[tuple[str, Callable[[ProcessUse], float]], ...] = (
        ("CPU, cores", lambda use: use.cpu_fraction),
        ("system CPU, cores", lambda use: use.system_fraction),
        ("voluntary switches/s", lambda use: use.voluntary_per_second),
    )
    for axis, (label, figure_of) in zip(axes, panels, strict=False):
        for process in diagnosis.processes:
            if process.role == TRACKER:
                continue
            points = [
                (frame.time - start, figure_of(use))
                for frame in diagnosis.frames
                for use in frame.processes
                if use.pid == process.pid
            ]
            name = f"{process.role} {process.pid}"
            axis.plot(*zip(*points, strict=True), label=name, marker=".", linewidth=1)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
    if diagnosis.processes:
        axes[0].legend(fontsize="small", ncols=4)
    if has_rate:
        axes[3].plot(diagnosis.rate.seconds, diagnosis.rate.value, marker=".")
        axes[3].set_ylabel("iterations/s")
        axes[3].set_ylim(bottom=0)
    axes[-1].set_xlabel("seconds")
    save_figure(figure, path)
