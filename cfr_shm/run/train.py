"""Train: wire game, tables, engine, checkpoints and telemetry together, and run.

::

    config, game -> settled -> tables (arena) -> engine --totals--> meter -> listeners
                                  |                 ^                         (terminal, log.txt,
                                  |                 | ledger                   metrics.jsonl, ...)
                                  |     pause: checkpoint due, time is up, signal
                                  v
               rows copied at the barrier -> checkpoint on disk -> measures -> summary.json

What lies right of ``settled`` is ``run.training``. Nobody writes to the tables while the engine is
paused; that is when rows are copied.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cfr_shm.config.sections import Config
from cfr_shm.engine.freezes import Freezes
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game, pinned
from cfr_shm.layout.control import RANKS_AT_FIRST, RANKS_LEFT
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.memory.segments import remove_stale_segments
from cfr_shm.memory.tables import TrainingViews, begin_rows, table_written
from cfr_shm.ranks.account import not_averaged_before
from cfr_shm.ranks.alone import Alone
from cfr_shm.ranks.exchange import Exchange, Exchanging
from cfr_shm.ranks.meetings import Bounds, Meetings
from cfr_shm.ranks.shared_freezes import SharedFreezes
from cfr_shm.ranks.world import World
from cfr_shm.run.budgeted_buckets import choose_buckets, with_buckets
from cfr_shm.run.crowded_hosts import refuse_crowded_hosts
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.forecast import refuse_too_large
from cfr_shm.run.listening import listeners
from cfr_shm.run.other_rank import follow
from cfr_shm.run.ranked import (
    is_damped,
    refuse_differences,
    refuse_with_ranks,
    together,
    with_ranks,
)
from cfr_shm.run.resources import (
    make_kernels_ready,
    notes_on,
    run_started,
    sweep,
    tables_and_engine,
)
from cfr_shm.run.setup import Settled, doubts_of, settle
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.stopping import StopRules, stop_rules, take_former
from cfr_shm.run.training import Parts, Training
from cfr_shm.telemetry.events import GameImporting, Listener, Noted, Warned, ignore
from cfr_shm.telemetry.tensorboard import require_tensorboard

#: After a coordinator's death.
_WORKERS_GONE_SECONDS = 3.0


def train(
    config: Config,
    run_directory: Path,
    *,
    resume: Checkpoint | None = None,
    report: Listener = ignore,
    signals: StopSignals | None = None,
    world: World | None = None,
) -> dict[str, Any]:
    """Train as configured and return the content of ``summary.json``.

    Args:
        config: the run's.
        run_directory: made if need be; it must not hold another run, or must be the one that
            ``resume`` is from.
        resume: the checkpoint to go on from.
        report: is told what happens, besides the run directory's own files; of another rank than
            the first only what is wrong there.
        signals: entered by the caller; without them nothing but the bounds ends the run.
        world: the ranks of the run; None for this one alone. Rank 0 alone writes and reports;
            at the others what is returned says only how the run ended.

    Raises:
        CfrShmError: its kind and line say what went wrong; checkpoints on disk are intact.
    """
    signals = StopSignals() if signals is None else signals
    world = Alone() if world is None else world
    config, chosen = _with_buckets(config, resume, report, world)
    settled, game, stop = _agreed(config, run_directory, resume, report, world)
    with contextlib.ExitStack() as stack:
        if world.rank > 0:
            return _as_another_rank(stack, settled, game, resume, report, signals, world)
        with together(world):
            claim = RunDirectory.claim(run_directory, settled.config, resuming=resume is not None)
            directory = stack.enter_context(claim)
            listen = stack.enter_context(listeners(settled.config, directory, report))
            sweep(listen)
            make_kernels_ready(settled, game, listen)
            views, engine = stack.enter_context(tables_and_engine(settled, game, signals, listen))
            meetings = _begun(stack, views, settled, game, resume, world)
        ranks = meetings.introduce(settled.engine.worker_count)
        _tell_the_start(settled, game, directory, resume, listen, (ranks, chosen))
        with engine:
            parts = Parts(
                settled=settled,
                game=game,
                directory=directory,
                listen=listen,
                views=views,
                engine=engine,
                resume=resume,
                signals=signals,
                meetings=meetings,
                stop=stop,
            )
            return Training(parts).execute()


def _tell_the_start(
    settled: Settled,
    game: Game,
    directory: RunDirectory,
    resume: Checkpoint | None,
    listen: Listener,
    notes: Sequence[str],
) -> None:
    listen(run_started(settled, game, directory, resume))
    for note in (*filter(None, notes), *notes_on(game)):
        listen(Noted(note))
    for warning in (*game.warnings, *doubts_of(settled.config)):
        listen(Warned(warning))


def _with_buckets(
    config: Config, resume: Checkpoint | None, report: Listener, world: World
) -> tuple[Config, str]:
    """Choose the buckets of a new run where they are left open, as the first rank does.

    Returns the configuration, and what there is to say of it.

    Raises:
        CfrShmError: its kind and line say what cannot be.
    """
    if resume is not None:
        return config, ""
    with together(world):
        own = choose_buckets(config, world.size, lambda text: report(GameImporting(text)))
    named = world.texts(own.candidate.named if own else "")[0]
    if own is None:
        return config, ""
    return with_buckets(config, own.instead(named)), own.text


def _agreed(
    config: Config,
    run_directory: Path,
    resume: Checkpoint | None,
    report: Listener,
    world: World,
) -> tuple[Settled, Game, StopRules]:
    """Build the game and settle what is open, at all ranks or at none.

    Raises:
        CfrShmError: its kind and line say what cannot be.
    """
    with together(world):
        settled, game, stop = _settled(config, run_directory, resume, report)
        refuse_with_ranks(settled, world)
    with together(world):
        refuse_differences(settled, game, resume, world)
        refuse_crowded_hosts(settled, world)
    return with_ranks(settled, world.size), game, stop


def _begun(
    stack: contextlib.ExitStack,
    views: TrainingViews,
    settled: Settled,
    game: Game,
    resume: Checkpoint | None,
    world: World,
) -> Meetings:
    """Write what the tables begin with, this rank's share of it, and return its meetings."""
    if resume is None:
        begin_rows(views, game)
    else:
        resume.copy_rows(views.rows)
    config = settled.config
    bounds = Bounds(
        target=config.run.iterations,
        completed=() if resume is None else resume.completed,
        window=settled.engine.drain_window,
        seconds=0.0 if resume is None else resume.seconds,
        exchange_seconds=None if config.engine.exchange == "auto" else config.engine.exchange,
        not_averaged=0 if resume is None else not_averaged_before(resume.extra),
        damped=is_damped(settled, world.size),
    )
    meetings = Meetings(world, _exchanging(views, settled, world), bounds)
    meetings.on_fewer = partial(_with_fewer, stack, views)
    meetings.take_share(views.table, resumed=resume is not None)
    table_written(views)
    return meetings


def _with_fewer(stack: contextlib.ExitStack, views: TrainingViews, first: int, left: int) -> None:
    """Let workers know that regrets are larger, and free the memory of the dead on this machine."""
    views.control[RANKS_AT_FIRST], views.control[RANKS_LEFT] = first, left
    # Their workers see it within a second, and use it until then.
    later = threading.Timer(_WORKERS_GONE_SECONDS, remove_stale_segments)
    later.daemon = True
    later.start()
    stack.callback(remove_stale_segments)
    stack.callback(later.cancel)


def _exchanging(views: TrainingViews, settled: Settled, world: World) -> Exchanging:
    """Return what ranks do when they meet."""
    sets = row_sets(views.tree, views.deals.bucket_count)
    if settled.engine.freeze is None or world.size == 1:
        return Exchange(world, sets, damped=is_damped(settled, world.size))
    return SharedFreezes(world, sets, Freezes(settled.engine, views))


def _as_another_rank(
    stack: contextlib.ExitStack,
    settled: Settled,
    game: Game,
    resume: Checkpoint | None,
    report: Listener,
    signals: StopSignals,
    world: World,
) -> dict[str, Any]:
    """Train as another rank than the first; return how the run ended."""
    with together(world):
        make_kernels_ready(settled, game, ignore)
        views, engine = stack.enter_context(tables_and_engine(settled, game, signals, ignore))
        meetings = _begun(stack, views, settled, game, resume, world)
    meetings.introduce(settled.engine.worker_count)
    engine.on_loss = meetings.on_warning = lambda text: report(Warned(text))
    with engine:
        at_the_end = follow(settled, views, engine, meetings, signals)
    return {"status": "finished" if at_the_end else "interrupted", "moved_to": None}


def _settled(
    config: Config, run_directory: Path, resume: Checkpoint | None, report: Listener
) -> tuple[Settled, Game, StopRules]:
    """Build the game and settle what is open: what cannot be is refused before anything is written.

    Raises:
        CfrShmError: its kind and line say what cannot be.
    """
    if config.run.tensorboard:
        require_tensorboard()
    if resume is None:
        config = pinned(config)

    def importing(text: str) -> None:
        report(GameImporting(text))

    refuse_too_large(config, importing)
    game = load_game(config.game, importing, config.abstraction)
    rules = stop_rules(config, game)
    if resume is not None:
        take_former(rules, run_directory, resume.iterations)
    return settle(config, game, run_directory), game, rules
