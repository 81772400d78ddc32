"""What a training needs around it: kernels, tables and an engine; taken and given back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from cfr_shm.engine.algorithm_kernels import make_algorithm_ready
from cfr_shm.engine.compiling_ahead import compiling_ahead
from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.games.game import Game
from cfr_shm.games.trees.vector_form import outline
from cfr_shm.kernels.warm import compile_kernels
from cfr_shm.layout.rows import table_bytes
from cfr_shm.memory.arena import HUGE_PAGES_REMEDY
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.memory.limits import size_text
from cfr_shm.memory.segments import remove_stale_segments
from cfr_shm.memory.tables import (
    TrainingViews,
    create_training_arena,
    private_views,
    training_views,
)
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.quality import OFF, make_quality_ready, quality_mode
from cfr_shm.run.setup import Settled
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.stopping import gain_below
from cfr_shm.telemetry.events import (
    KernelsCompiling,
    KernelsReady,
    Listener,
    Noted,
    RunStarted,
    Warned,
)


def sweep(listen: Listener) -> None:
    """Free the memory that killed runs have left, before this one asks how much there is."""
    for segment in remove_stale_segments():
        size = size_text(segment.byte_count)
        listen(Warned(f"removed {size} of shared memory that a killed run had left"))


#: From here on workers wait for address translation, and huge pages pay.
HUGE_PAGES_PAY_BYTES = 100 << 20


@contextlib.contextmanager
def tables_and_engine(
    settled: Settled, game: Game, signals: StopSignals, listen: Listener
) -> Iterator[tuple[TrainingViews, Engine]]:
    """Reserve the tables, in shared memory where workers need it, and return an engine on them.

    Until they are reserved a signal ends the command at once; from then on it is deferred.
    """
    settings, compact = settled.engine, settled.compact
    count, planes, freeze = (
        settings.worker_count,
        settings.algorithm.state_planes,
        settings.freeze,
    )
    if settled.in_process:
        views = private_views(game, count, planes, freeze, compact)
        signals.defer()
        engine = open_engine(settings, views, in_process=True)
        signals.on_stop(engine.wake)
        yield views, engine
        return
    mark = settled.fingerprint
    words = outline(game.tree, game.deals).vector_words if settings.works_together else 0
    with create_training_arena(game, count, mark, planes, freeze, words, compact) as arena:
        signals.defer()
        signals.on_abandon(arena.unlink)
        pages = note_on_pages(arena.nbytes, arena.huge_page_bytes())
        if pages:
            listen(Noted(pages))
        engine = open_engine(settings, arena, in_process=False)
        engine.while_starting = signals.raise_pending
        signals.on_stop(engine.wake)
        yield training_views(arena), engine


def run_started(
    settled: Settled, game: Game, directory: RunDirectory, resume: Checkpoint | None
) -> RunStarted:
    """Return what is told when game and table stand."""
    config, workers = settled.config, settled.engine.worker_count
    chosen = config.engine.num_workers == 0 and config.engine.in_process is not True
    return RunStarted(
        game=game.name,
        directory=str(directory.path),
        workers=workers,
        in_process=settled.in_process,
        idle_cores=settled.engine.cores - workers if chosen else 0,
        table_bytes=table_bytes(game.table_entries, settled.compact),
        iterations=0 if resume is None else resume.iterations,
        target_iterations=config.run.iterations,
        time_budget=config.run.time_budget,
    )


def make_kernels_ready(settled: Settled, game: Game, listen: Listener) -> None:
    """Load the kernels, or compile them, and tell of it."""
    frozen = settled.config.engine.mode == "deterministic"
    started = time.monotonic()
    announced: list[str] = []

    def announce(text: str) -> None:
        announced.append(text)
        listen(KernelsCompiling(text))

    with compiling_ahead(settled.algorithm, frozen, settled.compact):
        compile_kernels(announce, settled.compact)
        make_algorithm_ready(settled.algorithm, frozen, settled.compact, announce)
    if quality_mode(settled.config, game) != OFF:
        matches = gain_below(settled.config.run) is not None
        make_quality_ready(game, announce, matches=matches)
    listen(KernelsReady(time.monotonic() - started, compiled=bool(announced)))


def note_on_pages(byte_count: int, by_huge_pages: int | None) -> str:
    """Return what to say of an arena's pages; nothing where it makes no difference."""
    if byte_count < HUGE_PAGES_PAY_BYTES or by_huge_pages is None:
        return ""
    note = f"{size_text(by_huge_pages)} of {size_text(byte_count)} in shared memory by huge pages"
    if by_huge_pages >= byte_count // 2:
        return note
    return f"{note}: up to 1.6 times as fast after '{HUGE_PAGES_REMEDY}'"


def notes_on(game: Game) -> tuple[str, ...]:
    """Return what should be known of a game before looking at what training makes of it."""
    notes = []
    if game.player_count > 2:
        notes.append(
            f"{game.player_count} players: there is no guarantee that training approaches a Nash "
            "equilibrium, as there is for two players of a constant-sum game"
        )
    if game.bucket_file is not None:
        file = game.bucket_file
        notes.append(f"card buckets {file.fingerprint[:16]} from {file.path}")
    return tuple(notes)
