"""What a run will take, before it is started: nodes, infosets, memory, speed and hours.

Hold'em is measured without building buckets or writing its tree. The speed is that of the real
kernel, run for a second; how often it comes by each infoset follows from the tree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import EXTERNAL_SAMPLING, FULL_WIDTH, state_planes
from cfr_shm.cards.bucket_file import all_kept_bytes
from cfr_shm.config.holdem import HOLDEM
from cfr_shm.config.sections import Config
from cfr_shm.engine.algorithm_kernels import make_algorithm_ready
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.errors import MemoryReserveError
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.games.trees.visits import row_visits
from cfr_shm.kernels.warm import compile_kernels
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.rows import WORD_BYTES, table_bytes
from cfr_shm.layout.task import RESULT_NODES
from cfr_shm.layout.tree import CHANCE, DECISION, Tree
from cfr_shm.machine.cores import usable_cores
from cfr_shm.memory.limits import Limit, private_limits, require_memory, shared_limits
from cfr_shm.memory.own_tables import own_table_bytes
from cfr_shm.memory.tables import private_views
from cfr_shm.ranks.exchange import exchange_bytes
from cfr_shm.run.budgeted_buckets import choose_buckets, with_buckets
from cfr_shm.run.schedule import history_length, keeps_history
from cfr_shm.run.setup import runs_in_process, settle, worker_count

#: Larger tables are stood in for by smaller ones when the speed is measured: filling them
#: would take longer than the measurement, and beyond the cache size matters little.
MEASURED_BYTES = 1 << 30
MEASURED_SECONDS = 1.0
_PROBED = 16
SHARES = (0.5, 0.9, 0.99)

Report = Callable[[str], None]


class Street(NamedTuple):
    """What a game has on one street."""

    name: str
    decisions: int  # decision nodes
    infosets: int
    entries: int  # infoset-action pairs
    bytes: int  # of the training table


class Sizes(NamedTuple):
    """What a game and its tables take."""

    nodes: int
    leaves: int
    streets: tuple[Street, ...]
    table_bytes: int  # average strategy and regrets
    state_bytes: int  # what the algorithm keeps besides
    own_bytes: int  # of tables of the workers' own beside a small one
    exchange_bytes: int  # of what one of several ranks exchanges with the others
    tree_bytes: int
    bucket_bytes: int  # of card buckets, in memory that all processes share
    buckets: NDArray[np.int64]  # (players, streets)
    unused: tuple[str, ...]  # keys of sizes of the menu that are no move of any node

    @property
    def infosets(self) -> int:
        """On all streets."""
        return sum(street.infosets for street in self.streets)

    @property
    def entries(self) -> int:
        """On all streets."""
        return sum(street.entries for street in self.streets)

    @property
    def needed_bytes(self) -> int:
        """Bytes of everything that training reserves."""
        tables = self.table_bytes + self.state_bytes + self.own_bytes + self.exchange_bytes
        return tables + self.tree_bytes + self.bucket_bytes


class Rate(NamedTuple):
    """What one worker did in a second or so."""

    iterations_per_second: float
    nodes_per_second: float
    seconds: float
    measured_on: str


class Hours(NamedTuple):
    """How long until infosets have their visits, all playing uniformly as at the start."""

    visits: int
    mean_per_iteration: float  # updates of an infoset, averaged over all infosets
    mean: float  # hours until the average over all infosets is reached
    by_share: dict[float, float]  # hours until this share of the infosets has its own


class Disk(NamedTuple):
    """What a run's checkpoints take on disk in the end."""

    newest: int  # checkpoints, with the one that is being written
    history: int  # checkpoints that are kept for good
    bytes: int


@dataclass(frozen=True)
class Estimate:
    """What a training will take, before it is started.

    Attributes:
        sizes: nodes, infosets and bytes, by street too.
        limits: what bounds its memory.
        workers: that it will have.
        refused: why it does not fit, None if it does.
        rate: what one worker does on this machine, None where it does not fit.
        hours: until infosets were visited often enough, None where that is not known.
        disk: what checkpoints take in the end, None where it does not fit.
    """

    sizes: Sizes
    limits: tuple[Limit, ...]
    workers: int
    refused: str | None
    rate: Rate | None
    hours: Hours | None
    disk: Disk | None = None

    @property
    def nodes(self) -> int:
        """Nodes of the public tree."""
        return self.sizes.nodes

    @property
    def infosets(self) -> int:
        """Infosets, as far as they are told apart."""
        return self.sizes.infosets

    @property
    def needed_bytes(self) -> int:
        """Bytes of everything that training reserves."""
        return self.sizes.needed_bytes

    @property
    def fits(self) -> bool:
        """Whether there is memory for it."""
        return self.refused is None


def estimate(config: Config, visits: int, say: Report) -> Estimate:
    """Return what a training will take; ``say`` is told what takes a while.

    Raises:
        GameError: the game cannot be played as configured.
        ConfigError: the algorithm does not fit the game, or the time budget any buckets.
    """
    compile_kernels(say, config.table.compact)
    config = with_buckets(config, choose_buckets(config, progress=say))
    game = game_of(config, say)
    workers = worker_count(config, game, usable_cores())
    sizes, limits = sizes_of(config, game, workers, say), tuple(limits_of(config, workers))
    try:
        require_room(config, sizes, workers)
    except MemoryReserveError as error:
        return Estimate(sizes, limits, workers, str(error), None, None)
    rate = measured_rate(config, game, sizes, say)
    hours = hours_until(config, game, sizes, rate, workers, visits)
    disk = disk_of(config, sizes, rate, workers)
    return Estimate(sizes, limits, workers, None, rate, hours, disk)


def disk_of(config: Config, sizes: Sizes, rate: Rate, workers: int) -> Disk:
    """Return what checkpoints of a run take, which lasts as its configuration says."""
    run, limits = config.run, []
    if run.time_budget is not None:
        limits.append(run.time_budget)
    if run.iterations is not None:
        limits.append(run.iterations / max(rate.iterations_per_second * workers, 1e-9))
    wide = table_bytes(sizes.entries)
    wanted = keeps_history(run, config.game.name == HOLDEM, wide)
    history = history_length(min(limits)) if wanted and limits else 0
    newest = run.keep_checkpoints + 1
    each = sizes.table_bytes + sizes.state_bytes
    return Disk(newest, history, (newest + history) * each)


def game_of(config: Config, progress: Report | None = None) -> Game | None:
    """Return the game of a configuration; None for hold'em, which is measured without building.

    Raises:
        GameError: the game cannot be played as configured.
    """
    if config.game.name == HOLDEM:
        return None
    return load_game(config.game, progress, config.abstraction)


def sizes_of(
    config: Config, game: Game | None, workers: int = 1, progress: Report | None = None
) -> Sizes:
    """Measure the game of a configuration, ``game_of``'s, that so many workers train.

    Raises:
        GameError: hold'em that cannot be played as configured, or is beyond ``max_nodes``.
    """
    planes = state_planes(config.algorithm.name)
    if game is None:
        return _sizes_of_holdem(config, planes, workers, progress)
    nodes = game.tree.nodes
    compact = config.table.compact
    streets = [_street(game, street, compact) for street in range(game.street_count)]
    return Sizes(
        nodes=len(nodes),
        leaves=int(np.count_nonzero((nodes["kind"] != DECISION) & (nodes["kind"] != CHANCE))),
        streets=tuple(street for street in streets if street.decisions),
        table_bytes=table_bytes(game.table_entries, compact),
        state_bytes=planes * game.table_entries * WORD_BYTES,
        own_bytes=own_table_bytes(game.table_entries, workers, compact),
        exchange_bytes=_exchange_bytes(config, sum(street.entries for street in streets)),
        tree_bytes=sum(array.nbytes for array in game.tree),
        bucket_bytes=0,
        buckets=game.deals.bucket_count,
        unused=(),
    )


def _exchange_bytes(config: Config, entries: int) -> int:
    """Return what a rank takes for its exchanges, 0 for a run on one machine."""
    if config.engine.ranks == "none":
        return 0
    return exchange_bytes(
        entries,
        survives=config.engine.on_rank_death == "shrink",
        damped=config.engine.rank_gains == "damped",
    )


def _street(game: Game, street: int, compact: bool) -> Street:
    """Count one street of a game, rows that several nodes share once."""
    nodes = game.tree.nodes
    here = (nodes["kind"] == DECISION) & (nodes["street"] == street)
    sets = row_sets(game.tree, game.deals.bucket_count)
    on_it = nodes["street"][sets.node] == street
    rows = sets.rows[on_it]
    entries = int((rows * sets.actions[on_it]).sum())
    return Street(
        name=str(street),
        decisions=int(np.count_nonzero(here)),
        infosets=int(rows.sum()),
        entries=entries,
        bytes=table_bytes(entries, compact),
    )


def _sizes_of_holdem(config: Config, planes: int, workers: int, progress: Report | None) -> Sizes:
    from cfr_shm.games.holdem.size import (
        bucket_bytes,
        bucket_counts,
        measure_holdem,
        unused_sizes,
    )

    size = measure_holdem(config.game, config.abstraction, progress)
    rows = size.street_rows
    compact = config.table.compact
    sizes = [table_bytes(each, compact) for each in rows.entries.tolist()]
    columns = zip(rows.decisions, rows.rows, rows.entries, sizes, strict=True)
    return Sizes(
        nodes=size.nodes,
        leaves=size.folded_out + size.showdowns,
        streets=tuple(
            Street(name, *(int(each) for each in figures))
            for name, figures in zip(config.game.street_names, columns, strict=True)
        ),
        table_bytes=table_bytes(size.table_entries, compact),
        state_bytes=planes * size.table_entries * WORD_BYTES,
        own_bytes=own_table_bytes(size.table_entries, workers, compact),
        exchange_bytes=_exchange_bytes(config, int(rows.entries.sum())),
        tree_bytes=size.tree_bytes,
        bucket_bytes=bucket_bytes(config.game, config.abstraction),
        buckets=bucket_counts(config.game, config.abstraction),
        unused=unused_sizes(config.game, config.abstraction, size),
    )


# --- memory ------------------------------------------------------------------------------


def limits_of(config: Config, workers: int) -> list[Limit]:
    """Return what bounds the memory of the run: shared where workers need it."""
    return private_limits() if runs_in_process(config, workers) else shared_limits()


def require_room(config: Config, sizes: Sizes, workers: int) -> None:
    """Refuse a run that memory is too small for.

    Raises:
        MemoryReserveError: names the tightest limit, with both sizes.
    """
    # Card buckets lie beside the tables, not in /dev/shm; some may be in memory already.
    in_memory = min(all_kept_bytes(), sizes.bucket_bytes)
    require_memory(sizes.needed_bytes - in_memory, private_limits())
    require_memory(sizes.needed_bytes - sizes.bucket_bytes, limits_of(config, workers))


def refuse_too_large(config: Config, progress: Report | None = None) -> None:
    """Refuse hold'em that is too large before its tree and buckets are built.

    Raises:
        GameError: the tree is beyond ``max_nodes``.
        MemoryReserveError: the same, in the same words, as ``require_room``.
    """
    if config.game.name == HOLDEM:
        workers = worker_count(config, None, usable_cores())
        require_room(config, sizes_of(config, None, workers, progress), workers)


# --- speed -------------------------------------------------------------------------------


def measured_rate(
    config: Config, game: Game | None, sizes: Sizes, progress: Report | None = None
) -> Rate:
    """Run the configured kernel for a second, on one worker.

    Raises:
        MemoryReserveError: there is not even room for the table that is measured on.
    """
    game, measured_on = _measured_game(config, game, sizes, progress)
    engine = replace(config.engine, num_workers=1, in_process=True)
    settings = settle(replace(config, engine=engine), game, Path()).engine
    plan, compact = settings.freeze, config.table.compact
    make_algorithm_ready(
        settings.algorithm, plan is not None, compact, progress or (lambda _: None)
    )
    views = private_views(game, 1, settings.algorithm.state_planes, plan, compact)
    if plan is None:
        # Few iterations tell how many will do: those of a large tree take long.
        window = min(_PROBED, settings.drain_window)
        probe = _run_for(TaskRunner(replace(settings, drain_window=window), views, 0), window, 0.0)
        if probe.seconds * settings.drain_window / window > MEASURED_SECONDS:
            settings = replace(settings, drain_window=window)
    step = settings.drain_window if plan is None else plan.iterations
    done = _run_for(TaskRunner(settings, views, 0), step, MEASURED_SECONDS)
    return Rate(
        done.iterations / done.seconds, done.nodes / done.seconds, done.seconds, measured_on
    )


class _Done(NamedTuple):
    iterations: int
    nodes: int
    seconds: float


def _run_for(runner: TaskRunner, step: int, seconds: float) -> _Done:
    """Run tasks of ``step`` iterations from iteration 0 on until so many seconds are over."""
    runner.run(0, 0)  # Compiles, or loads from the cache.
    done = nodes = 0
    began = time.perf_counter()
    while True:
        result = runner.run(done, step)
        done, nodes = done + step, nodes + int(result[RESULT_NODES])
        spent = time.perf_counter() - began
        if spent >= seconds:
            return _Done(done, nodes, spent)


def _measured_game(
    config: Config, game: Game | None, sizes: Sizes, progress: Report | None
) -> tuple[Game, str]:
    """Return the game to measure on, and what it is in words."""
    if game is not None:
        return game, "the game itself"
    from cfr_shm.games.holdem.size import buckets_are_ready, stand_in

    scale = -(-(sizes.table_bytes + sizes.state_bytes) // MEASURED_BYTES)
    if scale <= 1 and buckets_are_ready(config.game, config.abstraction):
        return load_game(config.game, progress, config.abstraction), "the game itself"
    counts = np.maximum(sizes.buckets // max(scale, 1), 1)
    game = stand_in(config.game, config.abstraction, counts, progress)
    size = "its table" if scale <= 1 else f"a table with 1/{scale} of the buckets"
    return game, f"its betting tree and {size}, buckets drawn at random instead of cards"


def hours_until(
    config: Config, game: Game | None, sizes: Sizes, rate: Rate, workers: int, visits: int
) -> Hours | None:
    """Return when infosets have been updated ``visits`` times; None where it is not known.

    What ``workers`` workers do is taken to be that many times what one does.
    """
    if config.algorithm.name == EXTERNAL_SAMPLING:
        tree = _visited_tree(config, game, sizes)
        per_row, rows = row_visits(tree, sizes.buckets)
    elif config.algorithm.name in FULL_WIDTH:
        per_row, rows = np.ones(1), np.array([sizes.infosets])
    else:
        return None
    order = np.argsort(-per_row)
    covered = np.cumsum(rows[order]) / rows.sum()
    mean = float((per_row * rows).sum() / rows.sum())
    per_hour = rate.iterations_per_second * workers * 3600.0
    by_share = {
        share: visits / (float(per_row[order[np.searchsorted(covered, share)]]) * per_hour)
        for share in SHARES
    }
    return Hours(visits, mean, visits / (mean * per_hour), by_share)


def _visited_tree(config: Config, game: Game | None, sizes: Sizes) -> Tree:
    if game is not None:
        return game.tree
    from cfr_shm.games.holdem.size import stand_in

    return stand_in(config.game, config.abstraction, np.ones_like(sizes.buckets)).tree
