"""The config section ``engine``: how the work is spread over processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfr_shm.config.fields import Section, flag, real, whole, word
from cfr_shm.errors import ConfigError


@dataclass(frozen=True)
class EngineConfig(Section):
    """How the work is spread over processes.

    Only `mode`, `freeze` and `drain_window` change what is computed.
    """

    mode: Literal["async", "deterministic"] = word(
        "async",
        ("async", "deterministic"),
        "`async`: workers update the table as they go, fastest. `deterministic`: the table does "
        "not depend on the number of workers, on deaths or on how a run was cut up, to the bit "
        "(see deterministic.md).",
    )
    freeze: int | None = whole(
        None,
        1,
        2**30,
        "`mode: deterministic`: iterations between two updates of the table; checkpoints and "
        "tasks begin and end there. null = by the size of the table.",
        optional=True,
    )

    ranks: Literal["none", "mpi"] = word(
        "none",
        ("none", "mpi"),
        "`mpi`: this is one of several processes that mpiexec or srun has started, usually on "
        "machines of their own, which train one strategy (see many_machines.md).",
    )
    exchange: float | Literal["auto"] = real(
        "auto",
        0.01,
        600.0,
        "Seconds between two exchanges of regrets between ranks. `auto`: 1/20 of the training so "
        "far, and of N ranks, from four on, 1/(5 N), or 1/(32 N) where gains are damped; at least "
        "20 times what an exchange takes.",
        words=("auto",),
    )
    rank_gains: Literal["mean", "damped"] = word(
        "mean",
        ("mean", "damped"),
        "What ranks make of what all have learned since they last exchanged. `mean`: it. "
        "`damped`: two thirds of it, and each sweep of external sampling has a deal of its own; "
        "comes farther with many ranks where rows are warm and nothing is discounted (see "
        "many_machines.md).",
    )
    oversubscribe: bool = flag(
        False,
        "Let ranks on one host have more workers together than it has cores; else refused.",
    )
    on_rank_death: Literal["end", "shrink"] = word(
        "end",
        ("end", "shrink"),
        "`end`: a rank that dies ends the run, as MPI does. `shrink`: the others go on without it; "
        "needs Open MPI started by `mpiexec --with-ft ulfm` (see many_machines.md).",
    )
    num_workers: int = whole(0, 0, 1024, "Worker processes; 0 = one per usable core.")
    in_process: bool | Literal["auto"] = flag(
        "auto",
        "Run the kernels in this process instead of in workers (needs one worker). `auto`: "
        "when there is one worker.",
        words=("auto",),
    )
    start_method: Literal["spawn", "fork"] = word(
        "spawn", ("spawn", "fork"), "How workers are started; `fork` on Linux only."
    )
    updates: Literal["auto", "racy", "atomic"] = word(
        "auto",
        ("auto", "racy", "atomic"),
        "How workers add to shared rows: plain adds, which lose a few updates (measured and "
        "reported), or atomic adds. `auto`: racy while the table is at most 16 MiB, else "
        "atomic. One worker needs neither.",
    )
    batch_size: int | Literal["auto"] = whole(
        "auto",
        1,
        2**40,
        "Iterations in one task. `auto`: sized by time (`batch_seconds`).",
        words=("auto",),
    )
    batch_seconds: float = real(
        0.5, 0.01, 60.0, "Seconds that one task is meant to take when its size is `auto`."
    )
    drain_window: int = whole(
        1024,
        1,
        2**14,
        "Interleaved traversals are finished at multiples of this many iterations; tasks and "
        "checkpoints begin and end there, and the end of a time budget waits for the next one.",
    )
    wait_base_ms: float | None = real(
        None, 0.1, 60000.0, "First wait for results; null = by platform.", optional=True
    )
    wait_min_ms: float | None = real(
        None, 0.1, 60000.0, "Shortest wait for results; null = by platform.", optional=True
    )
    wait_max_ms: float | None = real(
        None, 0.1, 60000.0, "Longest wait for results; null = by platform.", optional=True
    )
    deadline_seconds: float | None = real(
        None,
        0.1,
        1e6,
        "A worker that is at one task for longer is taken for dead. null = by the measured rate: "
        "a worker that has not finished a window for 20 times the time that its task should take, "
        "and at least 10 s, which no slow machine explains.",
        optional=True,
    )
    on_worker_death: Literal["respawn", "abort"] = word(
        "respawn",
        ("respawn", "abort"),
        "A worker that died or hangs is replaced and its task run again (see reliability.md), or "
        "ends the run with an error. In full-width algorithms it always ends the run.",
    )

    def check(self) -> None:
        """Refuse values that are fine alone and not together.

        Raises:
            ConfigError: the first of them.
        """
        if self.freeze is not None and self.mode != "deterministic":
            raise ConfigError("engine.freeze needs engine.mode deterministic")
        if self.in_process is True and self.num_workers > 1:
            raise ConfigError(
                f"engine.in_process runs one worker, but engine.num_workers is {self.num_workers}; "
                "set one of them to another value"
            )
        waits = {"wait_min_ms": self.wait_min_ms, "wait_max_ms": self.wait_max_ms}
        if None not in waits.values() and waits["wait_min_ms"] > waits["wait_max_ms"]:  # type: ignore[operator]
            raise ConfigError(
                f"engine.wait_min_ms ({self.wait_min_ms}) must not exceed "
                f"engine.wait_max_ms ({self.wait_max_ms})"
            )
