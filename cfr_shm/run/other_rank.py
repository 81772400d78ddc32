"""The part of every rank but the first: it trains, meets, and writes nothing."""

from __future__ import annotations

from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.stats import EngineStats
from cfr_shm.memory.tables import TrainingViews
from cfr_shm.ranks.agreement import Report
from cfr_shm.ranks.meetings import Meetings
from cfr_shm.run.setup import Settled
from cfr_shm.run.signals import StopSignals


def follow(
    settled: Settled,
    views: TrainingViews,
    engine: Engine,
    meetings: Meetings,
    signals: StopSignals,
) -> bool:
    """Train until rank 0 says that the run is over; then the sums are at rank 0.

    Args:
        settled: the run's.
        views: the tables, this rank's share of them.
        engine: entered.
        meetings: with the other ranks.
        signals: entered by the caller; one that comes here ends the run everywhere.

    Returns:
        Whether the run came to its end; otherwise a signal did, at any rank.
    """
    discounts, table = settled.discounts, views.table

    def should_pause() -> bool:
        return signals.pending or signals.wants_checkpoint or meetings.is_called()

    while True:
        done = meetings.completed_count
        barrier = None if discounts is None else discounts.next_after(done)
        ledger = meetings.ledger(barrier)
        meetings.advance(engine, ledger, should_pause, _ignore, None)
        agreed = meetings.meet(ledger, table, _report(engine.stats(), signals))
        signals.signal_number = agreed.signal or signals.signal_number
        if discounts is not None and meetings.completed_count == barrier:
            discounts.apply(views, meetings.completed_count)
        over = bool(agreed.signal) or agreed.over or meetings.finished
        if over or agreed.checkpoint:
            meetings.gather_sums(table)
        if over:
            return agreed.over or meetings.finished


def _report(stats: EngineStats, signals: StopSignals) -> Report:
    return Report(
        iterations=stats.iterations,
        nodes=stats.nodes,
        seconds=stats.seconds,
        busy_seconds=0.0,
        signal=signals.signal_number,
        over=False,
        checkpoint=signals.take_checkpoint_request(),
        utility_sums=stats.utility_sums,
    )


def _ignore(stats: EngineStats) -> None:
    """Rank 0 tells how it goes."""
