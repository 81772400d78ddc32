"""Two ranks on this machine, measured: busy workers, bytes on the wire, memory, and the forecast.

::

    mpiexec -n 2 ... train, each rank counting for itself
       tiny table ----+--> busy share, bytes, peaks --> beside what they must be
       68 MB table ---+                             --> beside ``bench ranks`` (the simulation)

``python -m benchmarks.bench_ranks --results DIR`` (extra ``mpi``, and the MPICH wheel or another
MPI); two minutes of two cores. What must hold: workers are in their kernels for 95 % of the time
from the first task to the last, bytes are 4 an entry and exchange (and 8 an entry whenever strategy
sums are gathered), a rank takes its table, 4 bytes an entry and 128 MiB at most, and the forecast
has the exchanges and their length within a factor of two. Entries are counted from the game's
infosets, not from what is exchanged.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from cfr_shm.bench.ranks_on_paper import LOCAL_GB_PER_SECOND, Machines, plan
from cfr_shm.bench.results import keep_result
from cfr_shm.config.load import load_config
from cfr_shm.layout.rows import table_bytes
from cfr_shm.run.forecast import game_of, sizes_of

RANKS = 2

#: Buckets of the synthetic game: a table of nothing, and one of 68 MB.
TINY, LARGE = 1, 5_000

SLACK_BYTES = 128 << 20
BUSY_SHARE = 0.95


class Kernels:
    """Counts the time in kernels of this process, from the first task to the last."""

    def __init__(self) -> None:
        """Stand before the runner of tasks."""
        from cfr_shm.engine.task_runner import TaskRunner

        self.seconds, self.first, self.last = 0.0, 0.0, 0.0
        run = TaskRunner.run

        def counted(runner: TaskRunner, first: int, count: int) -> Any:
            began = time.perf_counter()
            result = run(runner, first, count)
            ended = time.perf_counter()
            if count:
                self.first = self.first or began
                self.seconds, self.last = self.seconds + ended - began, ended
            return result

        TaskRunner.run = counted  # type: ignore[method-assign]


def as_rank(place: Path, arguments: list[str]) -> int:
    """Run the command line as one rank; write what it took."""
    import resource

    from cfr_shm.cli.main import main
    from cfr_shm.ranks.exchange import Exchange
    from cfr_shm.ranks.world import Mpi

    kernels, worlds, gathered, lengths = Kernels(), [], [0], []
    begin, gather, average = Mpi.__init__, Exchange.move_sums_to_first, Exchange.average_regrets

    def begin_noted(world: Mpi) -> None:
        begin(world)
        worlds.append(world)

    def gather_noted(exchange: Exchange, *further: Any) -> None:
        gathered[0] += 1
        gather(exchange, *further)

    def average_timed(exchange: Exchange, table: Any) -> None:
        began = time.perf_counter()
        average(exchange, table)
        lengths.append(time.perf_counter() - began)

    Mpi.__init__ = begin_noted  # type: ignore[method-assign]
    Exchange.move_sums_to_first = gather_noted  # type: ignore[method-assign]
    Exchange.average_regrets = average_timed  # type: ignore[method-assign]
    code = main(arguments)
    found = {
        "busy_share": kernels.seconds / max(kernels.last - kernels.first, 1e-9),
        "sent_bytes": worlds[0].sent_bytes,
        "gathers": gathered[0],
        "exchange_seconds": statistics.median(lengths),
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    (place / f"rank-{worlds[0].rank}.json").write_text(json.dumps(found))
    return code


def run_ranks(buckets: int, seconds: float, place: Path) -> dict[str, Any]:
    """Train so long on two ranks; return the summary, and what each rank counted."""
    place.mkdir()
    mpiexec = shutil.which("mpiexec", path=sysconfig.get_path("scripts")) or "mpiexec"
    line = [
        mpiexec,
        "-n",
        RANKS,
        sys.executable,
        "-m",
        "benchmarks.bench_ranks",
        "--as-rank",
        place,
    ]
    line += ["train", "-c", "synthetic_16mb", "--mpi", "--num-workers", 1, "--time-budget", seconds]
    line += ["--set", f"game.buckets={buckets}", "--logdir", place / "run"]
    subprocess.run([str(each) for each in line], check=True, stdout=sys.stderr)
    ranks = [json.loads((place / f"rank-{rank}.json").read_text()) for rank in range(RANKS)]
    return {"summary": json.loads((place / "run" / "summary.json").read_text()), "ranks": ranks}


def entries_of(buckets: int) -> int:
    """Count the game's entries street by street: infosets times their actions."""
    config = load_config("synthetic_16mb", {}, (f"game.buckets={buckets}",))
    return sizes_of(config, game_of(config)).entries


def measure(seconds: float, place: Path) -> dict[str, Any]:
    """Return the figures, and whether each is as it must be."""
    tiny = run_ranks(TINY, min(seconds, 5.0), place / "tiny")
    large = run_ranks(LARGE, seconds, place / "large")
    summary, entries = large["summary"], entries_of(LARGE)
    exchanges, table = summary["exchanges"], table_bytes(entries)
    ranks = []
    for rank, (small, each) in enumerate(zip(tiny["ranks"], large["ranks"], strict=True)):
        taken = each["peak_bytes"] - small["peak_bytes"]
        copies = table if rank == 0 else 0  # of rank 0's, for the checkpoint
        expected = 4 * entries * exchanges + 8 * entries * each["gathers"]
        ranks.append(
            each
            | {"taken_bytes": taken, "expected_bytes": expected}
            | {
                "busy": each["busy_share"] >= BUSY_SHARE,
                "bytes": each["sent_bytes"] == expected,
                "memory": taken <= table + copies + 4 * entries + SLACK_BYTES,
            }
        )
    return {
        "entries": entries,
        "table_bytes": table,
        "exchanges": exchanges,
        "exchange_seconds": summary["exchange_seconds"] / exchanges,
        "ranks": ranks,
        "forecast": forecast(summary, ranks, table, seconds),
    }


def forecast(
    summary: dict[str, Any], ranks: list[dict[str, Any]], table: int, seconds: float
) -> dict[str, Any]:
    """Return what ``bench ranks`` says of the same run, from the rate at which sums were exchanged.

    That rate comes from the median of one rank's exchanges; the number of exchanges, their mean
    length with all waiting in it, and the share of the time are the forecast's own.
    """
    length = min(each["exchange_seconds"] for each in ranks)
    local = table / 3 / (1e9 * LOCAL_GB_PER_SECOND)
    rate = table / 3 / 1e9 / max(length - local, 1e-3)
    machines = Machines(
        rate=summary["iterations"] / seconds / RANKS,
        gb_per_second=rate,
        table_bytes=table,
        compact=False,
        hours=seconds / 3600.0,
    )
    planned = plan(machines, RANKS)
    mean = summary["exchange_seconds"] / summary["exchanges"]
    return {
        "gb_per_second": rate,
        "exchanges": planned.exchanges,
        "exchange_seconds": planned.exchange_seconds,
        "training_share": planned.training_share,
        "fits": 0.5 <= planned.exchanges / summary["exchanges"] <= 2.0
        and 0.5 <= planned.exchange_seconds / mean <= 2.0,
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of the large training")
    parser.add_argument("--results", type=Path, help="directory to keep the result in")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        figures = measure(chosen.seconds, Path(place))
    print(json.dumps(figures, indent=2))
    if chosen.results is not None:
        print(keep_result("ranks", figures, chosen.results))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as-rank"]:
        os.environ["CFR_SHM_ENGINE_OVERSUBSCRIBE"] = "true"
        sys.exit(as_rank(Path(sys.argv[2]), sys.argv[3:]))
    main()
