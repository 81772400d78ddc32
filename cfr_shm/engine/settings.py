"""What an engine needs to know: one frozen record, small enough to hand to every worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cfr_shm.algorithms import AlgorithmSettings
from cfr_shm.games.game import Game
from cfr_shm.layout.task import UPDATE_ATOMIC, UPDATE_PLAIN, WEIGHT_LINEAR, WEIGHT_VANILLA
from cfr_shm.memory.increments import FreezePlan


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """The settled figures of one engine; the config has been checked before.

    What the config decides has no default here: nothing is settled twice.

    Attributes:
        worker_count: workers, >= 1 (0 has been turned into the usable cores).
        player_count: players of the game.
        street_count: streets of the game, >= 1.
        max_depth: most decision nodes of one player on any path, >= 1.
        max_actions: most actions at any decision node, >= 1.
        seed: the run's seed, 0 <= seed < 2**63.
        weighting: of iterations, ``linear`` or ``vanilla``.
        in_flight: traversals interleaved in one kernel.
        drain_window: iterations; tasks end at its multiples.
        update: how workers add to shared rows, ``racy`` or ``atomic``.
        start_method: of processes, ``spawn`` or ``fork``.
        batch_size: iterations of a task, or None to size tasks by time.
        batch_seconds: the time that a task is sized for.
        wait_base_ms: base wait of the platform profile, None for the platform's own.
        wait_min_ms: least wait, None for the platform's own.
        wait_max_ms: longest wait, None for the platform's own.
        deadline_seconds: time that a task may take, None to derive it from the measured rate.
        on_worker_death: ``respawn`` replaces a worker that died or hangs, ``abort`` ends the run.
        trace_directory: where a crashing worker writes its stack, None for standard error.
        algorithm: what is run, and its parameters.
        freeze: how the run is frozen in deterministic mode, None in async mode.
        cores: that workers may use; where they are fewer than workers, nobody spins.
        kernel: import path, ``module:function``, of what is run in place of the kernel of plain
            external sampling; tests have kernels that misbehave.
    """

    worker_count: int
    player_count: int
    street_count: int
    max_depth: int
    max_actions: int
    seed: int
    weighting: Literal["linear", "vanilla"]
    in_flight: int
    drain_window: int
    update: Literal["racy", "atomic"]
    start_method: Literal["spawn", "fork"]
    batch_size: int | None
    batch_seconds: float
    wait_base_ms: float | None
    wait_min_ms: float | None
    wait_max_ms: float | None
    deadline_seconds: float | None
    on_worker_death: Literal["respawn", "abort"]
    trace_directory: str | None
    algorithm: AlgorithmSettings
    freeze: FreezePlan | None
    cores: int
    kernel: str | None = None

    def __post_init__(self) -> None:
        for name in ("worker_count", "player_count", "in_flight", "drain_window"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")

    @classmethod
    def for_game(cls, game: Game, worker_count: int, **further: Any) -> EngineSettings:
        """Return settings with the sizes of ``game``; ``further`` are all other fields."""
        return cls(
            worker_count=worker_count,
            player_count=game.player_count,
            street_count=game.street_count,
            max_depth=game.max_depth,
            max_actions=game.max_actions,
            **further,
        )

    @property
    def races(self) -> bool:
        """Whether several workers add to the same rows with plain adds, which may be lost."""
        apart = self.freeze is not None or self.works_together
        return self.update == "racy" and self.worker_count > 1 and not apart

    @property
    def works_together(self) -> bool:
        """Whether all workers run each iteration together, as full-width algorithms do."""
        return self.algorithm.is_full_width and self.worker_count > 1

    @property
    def update_kind(self) -> int:
        """The layout constant for ``update``: with one writer no atomics are used."""
        atomic = self.update == "atomic" and self.worker_count > 1
        return UPDATE_ATOMIC if atomic else UPDATE_PLAIN

    @property
    def increment_kind(self) -> int:
        """The layout constant for adding to increments: only shared ones need atomic adds."""
        shared = self.freeze is not None and self.freeze.copies < self.worker_count
        return UPDATE_ATOMIC if shared else UPDATE_PLAIN

    @property
    def weighting_kind(self) -> int:
        """The layout constant for ``weighting``."""
        return WEIGHT_LINEAR if self.weighting == "linear" else WEIGHT_VANILLA
