"""Pictures of what was measured (extra ``plots``)."""

from __future__ import annotations

from pathlib import Path

from cfr_shm.bench.incidents.replay import Replay
from cfr_shm.bench.scaling import Scaling
from cfr_shm.bench.soak import Soak
from cfr_shm.telemetry.plots import new_figure, require_matplotlib, save_figure


def draw_replay(replay: Replay, path: Path) -> None:
    """Draw busy workers over time, and how much less of everything there is.

    Raises:
        UsageError: matplotlib is missing, or the file cannot be written.
    """
    require_matplotlib("--plot")
    figure, (busy, ratios) = new_figure(2, height=3.2)
    for label, trace in (
        ("1 s polling (D2)", replay.old_trace),
        ("cfr-shm", replay.new_trace),
    ):
        if trace:
            seconds, cores = zip(*trace, strict=True)
            busy.step(seconds, cores, where="pre", label=label)
    busy.set_xlabel("seconds")
    busy.set_ylabel(f"cores used by {replay.trace_workers} workers")
    busy.set_ylim(bottom=0)
    busy.legend()
    rows = [row for row in replay.comparisons if row.ratio and row.figure != "busy fraction"]
    names = [f"{row.incident} {row.figure}" for row in rows]
    bars = ratios.barh(names, [row.ratio for row in rows])
    ratios.bar_label(bars, [f"{row.old} -> {row.new}" for row in rows], padding=3)
    ratios.set_xscale("log")
    ratios.set_xlabel("old / cfr-shm")
    ratios.margins(x=0.35)
    ratios.invert_yaxis()
    save_figure(figure, path)


def draw_scaling(result: Scaling, path: Path) -> None:
    """Draw speed-up over workers, per second and per CPU second, beside the ideal.

    Raises:
        UsageError: matplotlib is missing, or the file cannot be written.
    """
    require_matplotlib("--plot")
    figure, (axis,) = new_figure(1, width=6.0, height=4.0)
    workers = [point.workers for point in result.points]
    ideal = [count / workers[0] for count in workers]
    axis.plot(workers, ideal, linestyle=":", color="grey", label="ideal")
    axis.plot(workers, [p.speed_up for p in result.points], marker="o", label="per second")
    axis.plot(workers, [p.cpu_speed_up for p in result.points], marker="x", label="per CPU second")
    axis.set_xlabel("workers")
    axis.set_ylabel(f"speed-up over {workers[0]}")
    axis.set_title(result.game)
    axis.legend()
    save_figure(figure, path)


def draw_soak(result: Soak, path: Path) -> None:
    """Draw over time what a user gets, and the program's part in it.

    Raises:
        UsageError: matplotlib is missing, or the file cannot be written.
    """
    require_matplotlib("--plot")
    figure, (axis,) = new_figure(1, height=4.0)
    minutes = [minute.seconds / 60 for minute in result.minutes]
    for label, rates in (
        ("iterations per second", [minute.iterations_per_second for minute in result.minutes]),
        ("nodes per CPU second, by the calibration loop", [m.own_rate for m in result.minutes]),
    ):
        mean = sum(rates) / len(rates)
        axis.plot(minutes, [rate / mean for rate in rates], marker=".", label=label)
    axis.set_ylim(0, max(1.5, 1.05 * axis.get_ylim()[1]))
    axis.set_xlabel("minutes")
    axis.set_ylabel("rate over its mean")
    axis.set_title(f"{result.game}, {result.workers} workers: {result.verdict}")
    axis.legend()
    save_figure(figure, path)
