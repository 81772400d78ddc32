"""Settle what the configuration leaves open, once: workers, algorithm, freezes, discounts.

``settle`` makes one record of it, which is handed down; nobody below asks the configuration
again for what is in it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cfr_shm.algorithms import (
    CHANCE_SAMPLING,
    DISCOUNT,
    EXTERNAL_SAMPLING,
    FULL_WIDTH,
    OUTCOME_SAMPLING,
    PUBLIC_CHANCE_SAMPLING,
    SAMPLED,
    AlgorithmSettings,
    Pruning,
    average_exponent,
)
from cfr_shm.config.algorithm import (
    PRUNE_PROBABILITY,
    PRUNED_FLOOR,
    AlgorithmConfig,
)
from cfr_shm.config.holdem import HOLDEM
from cfr_shm.config.identity import fingerprint
from cfr_shm.config.sections import Config
from cfr_shm.engine.discounts import DiscountPlan, Pooling, Restarts
from cfr_shm.engine.freezes import default_freeze, plan_freezes
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.errors import ConfigError
from cfr_shm.games.game import Game
from cfr_shm.games.trees.sweep_shares import sweep_nanoseconds
from cfr_shm.games.trees.vector_form import classify, has_hidden_moves
from cfr_shm.kernels.tables.pooling import ALL_NEIGHBOURS, NO_NEIGHBOURS
from cfr_shm.layout.rows import table_bytes
from cfr_shm.machine.cores import usable_cores
from cfr_shm.memory.increments import FreezePlan
from cfr_shm.strategy.smoothing import require_neighbours, streets_with_neighbours

#: Tables up to this size have one traversal in flight, larger ones several: for one worker, and
#: for several, who also wait for lines in each other's caches (docs/adr/0005-in-flight.md).
ONE_IN_FLIGHT_BYTES = 4 << 20
SHARED_ONE_IN_FLIGHT_BYTES = 1 << 20
IN_FLIGHT_BEYOND = 8

#: Where workers sweep a game together, each should have so much to do in an iteration
#: (docs/adr/0020-meeting-in-shared-memory.md).
LEAST_SHARE_NANOSECONDS = 100_000

#: Board cards of the first street whose regrets are pooled.
_FLOP_CARDS = 3

#: As many as the configuration allows.
MOST_WORKERS = 1024

#: Up to this size racing adds gain more than they lose (docs/adr/0003-updates.md).
RACY_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a run does, with nothing left open; made once, at its start, and handed down.

    Attributes:
        config: as given, and what checkpoints depend on filled in.
        fingerprint: of ``config``.
        engine: the engine's settings: the algorithm, the workers and the freezes are in it.
        in_process: whether the kernels run in this process.
        discounts: when the table is discounted, None for never.
    """

    config: Config
    fingerprint: str
    engine: EngineSettings
    in_process: bool
    discounts: DiscountPlan | None

    @property
    def algorithm(self) -> AlgorithmSettings:
        """What is run, and its parameters."""
        return self.engine.algorithm

    @property
    def compact(self) -> bool:
        """Whether the table has the compact layout."""
        return self.config.table.compact

    def epsilon_at(self, iterations: int) -> float | None:
        """Return how much is explored after so many iterations, None where nothing is."""
        if self.algorithm.name != OUTCOME_SAMPLING:
            return None
        return [epsilon for first, epsilon in self.algorithm.epsilon if first <= iterations][-1]


def settle(config: Config, game: Game, directory: Path) -> Settled:
    """Settle what ``config`` leaves open for ``game``.

    Args:
        config: the run's.
        game: what it trains.
        directory: where workers that crash write their stacks.

    Raises:
        ConfigError: the algorithm does not fit the game, or the freezes do not.
        GameError: buckets are to be smoothed or pooled, and they have no neighbours.
    """
    if config.run.smoothing:
        require_neighbours(game)
    config = with_freeze(config, game)
    algorithm = algorithm_settings(config, game)
    config = with_averages(config, algorithm)
    engine = engine_settings(config, game, algorithm, directory)
    return Settled(
        config=config,
        fingerprint=fingerprint(config),
        engine=engine,
        in_process=runs_in_process(config, engine.worker_count),
        discounts=discount_plan(config, game),
    )


def doubts_of(config: Config) -> list[str]:
    """Return what does nothing in a configuration, or was measured to lose, with its cost."""
    found = []
    floored = config.algorithm.regret_floor == 0.0 and config.algorithm.name in SAMPLED
    if floored and config.game.name == HOLDEM:
        found.append(
            "algorithm.regret_floor 0 forgets what sampling has found: in heads-up hold'em it "
            "lost 43 big blinds per 100 hands (one training of a minute; 95 % CI over deals 40 to "
            "47) to the same without a floor; leave it out (docs/adr/0007-default-weighting.md)"
        )
    if config.run.smoothing_own and not config.run.smoothing:
        found.append(
            "run.smoothing_own says what of smoothing is taken, and run.smoothing says that there "
            "is none; say how many passes, such as run.smoothing=16 (docs/evaluation.md)"
        )
    return found


def worker_count(config: Config, game: Game | None, cores: int) -> int:
    """Return the number of workers: as configured, or one per core that is of use.

    Args:
        config: the run's.
        game: None for hold'em that is not built yet.
        cores: that workers may use.
    """
    if config.engine.in_process is True:
        return 1
    if config.engine.num_workers:
        return config.engine.num_workers
    return cores if game is None else min(cores, workers_of_use(config, game))


def workers_of_use(config: Config, game: Game) -> int:
    """Return how many workers can gain anything, however many cores there are.

    Workers of a full-width algorithm meet several times in each iteration: where that is short,
    they would spend their time on meeting.
    """
    if config.algorithm.name not in FULL_WIDTH or game.why_not_enumerable() is not None:
        return MOST_WORKERS
    nanoseconds = sweep_nanoseconds(game.tree, game.deals)
    return max(1, min(MOST_WORKERS, nanoseconds // LEAST_SHARE_NANOSECONDS))


def runs_in_process(config: Config, workers: int) -> bool:
    """Return whether the kernels run in this process, with so many workers."""
    in_process = config.engine.in_process
    return workers == 1 if in_process == "auto" else bool(in_process)


def engine_settings(
    config: Config, game: Game, algorithm: AlgorithmSettings, directory: Path
) -> EngineSettings:
    """Return what the engine needs to know; crashing workers write traces to ``directory``.

    Raises:
        ConfigError: the sums of a freeze do not fit whole numbers; names the figures.
    """
    engine, cores = config.engine, usable_cores()
    workers = worker_count(config, game, cores)
    size = table_bytes(game.table_entries, config.table.compact)
    updates = engine.updates
    if updates == "auto":
        updates = "racy" if size <= RACY_BYTES else "atomic"
    return EngineSettings.for_game(
        game,
        worker_count=workers,
        seed=config.run.seed,
        weighting="linear" if config.algorithm.weighting == "linear" else "vanilla",
        in_flight=in_flight(config, size, workers),
        drain_window=drain_window(config),
        freeze=freeze_plan(config, game, algorithm, workers),
        cores=cores,
        update=updates,
        start_method=engine.start_method,
        batch_size=None if engine.batch_size == "auto" else engine.batch_size,
        batch_seconds=engine.batch_seconds,
        wait_base_ms=engine.wait_base_ms,
        wait_min_ms=engine.wait_min_ms,
        wait_max_ms=engine.wait_max_ms,
        deadline_seconds=engine.deadline_seconds,
        on_worker_death=death_policy(config),
        trace_directory=str(directory),
        algorithm=algorithm,
    )


def in_flight(config: Config, byte_count: int, workers: int) -> int:
    """Return how many traversals a kernel interleaves on a table of so many bytes.

    It is no part of the run: a run goes on with what fits the workers that it has then.
    """
    chosen = config.algorithm.in_flight
    if chosen != "auto":
        return chosen
    alone = ONE_IN_FLIGHT_BYTES if workers == 1 else SHARED_ONE_IN_FLIGHT_BYTES
    return 1 if byte_count <= alone else IN_FLIGHT_BEYOND


def death_policy(config: Config) -> Literal["respawn", "abort"]:
    """Return what a worker's death means.

    A full-width iteration rewrites the whole table: half of one cannot be run again.
    """
    return "abort" if config.algorithm.name in FULL_WIDTH else config.engine.on_worker_death


def drain_window(config: Config) -> int:
    """Return the multiple of iterations at which tasks begin and end.

    Nothing is interleaved in full-width algorithms, whose iterations may take long. In
    deterministic mode it is the freeze.
    """
    if config.engine.freeze is not None:
        return config.engine.freeze
    return 1 if config.algorithm.name in FULL_WIDTH else config.engine.drain_window


def with_freeze(config: Config, game: Game) -> Config:
    """Return the configuration with the freeze that it leaves open; it is part of the run."""
    engine = config.engine
    if engine.mode != "deterministic" or config.algorithm.name in FULL_WIDTH:
        return config
    freeze = engine.freeze or default_freeze(game)
    return dataclasses.replace(config, engine=dataclasses.replace(engine, freeze=freeze))


def with_averages(config: Config, algorithm: AlgorithmSettings) -> Config:
    """Return the configuration with the kind of passes that it leaves open; it is part of the run.

    Sums of one kind are no sums of the other: a run begun with one goes on with it.
    """
    if algorithm.averaging != "separate":
        return config
    chosen = dataclasses.replace(config.algorithm, average_opponents=algorithm.average_opponents)
    return dataclasses.replace(config, algorithm=chosen)


def freeze_plan(
    config: Config, game: Game, algorithm: AlgorithmSettings, workers: int
) -> FreezePlan | None:
    """Return how the run is frozen, None where it is not.

    Full-width algorithms need no freezes to be deterministic.

    Raises:
        ConfigError: the sums of a freeze do not fit whole numbers; names the figures.
    """
    freeze = config.engine.freeze
    if freeze is None or config.algorithm.name in FULL_WIDTH:
        return None
    return plan_freezes(game, algorithm, freeze, workers)


def algorithm_settings(config: Config, game: Game) -> AlgorithmSettings:
    """Return the algorithm and its settled parameters.

    Raises:
        ConfigError: the algorithm does not fit the game.
    """
    chosen = config.algorithm
    _check_fit(chosen.name, game)
    averaging = chosen.averaging
    if averaging is None and chosen.name == EXTERNAL_SAMPLING and game.player_count > 2:
        averaging = "separate"
    share = chosen.average_probability
    for key in ("average_probability", "average_opponents"):
        if getattr(chosen, key) is not None and averaging != "separate":
            raise ConfigError(
                f"algorithm.{key} {getattr(chosen, key)} needs algorithm.averaging separate; "
                f"set it, or leave {key} out"
            )
    pruning = None
    floor = chosen.regret_floor
    if chosen.prune_threshold is not None:
        skips, after = chosen.prune_probability, chosen.prune_after
        pruning = Pruning(
            threshold=chosen.prune_threshold,
            probability=PRUNE_PROBABILITY if skips is None else skips,
            after=0 if after is None else after,
        )
        floor = PRUNED_FLOOR * chosen.prune_threshold if floor is None else floor
    return AlgorithmSettings(
        name=chosen.name,
        alpha=chosen.alpha,
        beta=chosen.beta,
        gamma=chosen.gamma,
        epsilon=chosen.epsilon_schedule(),
        averaging=averaging or "on_the_way",
        average_opponents=chosen.average_opponents or "sampled",
        average_probability=1.0 if share is None else share,
        regret_floor=floor,
        pruning=pruning,
        deals_apart=False,
    )


def _check_fit(name: str, game: Game) -> None:
    """Refuse an algorithm that cannot solve the game, or not soundly.

    Raises:
        ConfigError: names the algorithm, the game and the reason.
    """
    reason = None
    if name in FULL_WIDTH or name == PUBLIC_CHANCE_SAMPLING:
        reason = game.why_not_enumerable()
    drawn = reason is None and name == PUBLIC_CHANCE_SAMPLING
    if drawn and classify(game.deals).public_count[-1] == 1:
        reason = "nothing public is dealt in it"
    if reason is None and name == CHANCE_SAMPLING and has_hidden_moves(game.tree):
        reason = "players move without seeing each other's moves"
    if reason is not None:
        raise ConfigError(
            f"algorithm.name {name} does not fit game {game.name}: {reason}; "
            "external_sampling fits every game"
        )


def discount_plan(config: Config, game: Game) -> DiscountPlan | None:
    """Return when the table is discounted, None for never.

    Raises:
        GameError: regrets are to be pooled, and buckets have no neighbours.
    """
    chosen = config.algorithm
    if not chosen.discounts:
        return None
    pooling = None if chosen.pooling is None else _pooling(chosen.pooling, game)
    return replace(_discounts(chosen), pooling=pooling)


def _discounts(chosen: AlgorithmConfig) -> DiscountPlan:
    """Return the discounts of any game: all but what is pooled."""
    given = {"alpha": chosen.alpha, "beta": chosen.beta, "gamma": chosen.gamma}
    parameters = {key: DISCOUNT[key] if each is None else each for key, each in given.items()}
    length = chosen.restart_interval
    return DiscountPlan(
        interval=chosen.interval,
        until=chosen.discount_until,
        pooling=None,
        restarts=None if length is None else Restarts(length // chosen.interval),
        **parameters,
    )


def _pooling(rate: float, game: Game) -> Pooling:
    """Return what is pooled: every street with a board."""
    apart = [NO_NEIGHBOURS] * game.street_count
    for street, bucket in streets_with_neighbours(game, _FLOP_CARDS).items():
        apart[street] = ALL_NEIGHBOURS if bucket is None else bucket
    return Pooling(rate, tuple(apart))


def mean_iteration_weight(config: Config, iterations: int) -> float:
    """Return the mean weight of an iteration in the average strategy.

    With ``weighting: dcfr``, whose discounts come in steps, it is about that.
    """
    chosen = config.algorithm
    exponent = 0.0 if chosen.weighting == "vanilla" else 1.0
    if chosen.name in FULL_WIDTH:
        exponent = average_exponent(chosen.name, chosen.gamma)
    elif chosen.discounts:
        return _discounts(chosen).mean_weight(iterations)
    return 1.0 if exponent == 0.0 else (iterations + 1.0) ** exponent / (exponent + 1.0)
