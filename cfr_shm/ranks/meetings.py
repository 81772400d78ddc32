"""Where a rank meets the others: what they exchange, what they agree on, who trains what next.

::

    ledger() --lease--> engine.advance(...) --pause--> meet(): wait, tell, average regrets
       ^                 own tables, own workers                       |
       +------------- leases in proportion to everybody's rates <------+

Alone nothing is exchanged, and the one ledger lasts as long as the run.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.ledger import IterationLedger, Range
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import RankLostError
from cfr_shm.layout.table import Table
from cfr_shm.ranks.account import Fallen, Member, RanksAccount
from cfr_shm.ranks.agreement import Agreed, Report, agree, seconds_between
from cfr_shm.ranks.exchange import Exchanging
from cfr_shm.ranks.world import World

_Found = TypeVar("_Found")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a run has done when its ranks first meet, and how far it goes.

    Attributes:
        target: iterations of the run, None where only time ends it.
        completed: ranges that are done.
        window: iterations; leases and tasks end at its multiples.
        seconds: trained before.
        exchange_seconds: between two exchanges, None for automatic.
        not_averaged: iterations of ranks that died in former parts of the run.
        damped: whether ranks take over a part of their gains only.
    """

    target: int | None
    completed: tuple[Range, ...]
    window: int
    seconds: float
    exchange_seconds: float | None
    not_averaged: int = 0
    damped: bool = False


class Meetings:
    """One rank's view of all meetings of a run.

    Args:
        world: the other ranks.
        exchange: deals out iterations, and brings together what was learnt in them.
        bounds: of the run.
        clock: monotonic, in seconds.

    Attributes:
        moment: monotonic moment of the next meeting, infinity alone.
        on_warning: told in one line of ranks that others wait for, or that have died.
        on_fewer: told of how many ranks there were at first, and how many go on without the others.
        exchanges: so far.
        exchange_seconds: that they took.
        longest_exchange_seconds: that one of them took.
    """

    def __init__(
        self,
        world: World,
        exchange: Exchanging,
        bounds: Bounds,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = world
        self.moment = math.inf
        self.exchanges = 0
        self.exchange_seconds = 0.0
        self.longest_exchange_seconds = 0.0
        self.on_warning: Callable[[str], None] = _tell_nobody
        self.on_fewer: Callable[[int, int], None] = _need_not_know
        self._first_size = world.size
        self._members = tuple(Member(rank) for rank in range(world.size))
        self._fallen: tuple[Fallen, ...] = ()
        self._averaged = (0,) * world.size
        world.on_missing = self._tell_missing
        self._exchange = exchange
        self._bounds = bounds
        self._clock = clock
        self._whole = self._ledger_of(bounds.completed)
        self._agreed: Agreed | None = None
        self._begun = 0.0
        self._last_exchange = 0.0
        self._number = 1
        self._dealt_all = False

    @property
    def alone(self) -> bool:
        """Whether there is nobody to meet."""
        return self._first_size == 1

    @property
    def is_first(self) -> bool:
        """Whether this rank writes and speaks for all."""
        return self.world.rank == 0

    @property
    def completed_count(self) -> int:
        """Iterations that all ranks have completed, as far as is known here."""
        return self._whole.completed_count

    @property
    def finished(self) -> bool:
        """Whether every iteration of the run is completed."""
        return self._whole.finished

    @property
    def completed(self) -> tuple[Range, ...]:
        """The ranges that all ranks have completed, as far as is known here."""
        return self._whole.completed

    def sooner(self, moment: float | None) -> float | None:
        """Return the sooner of a moment and the next meeting, None for never."""
        soonest = min(self.moment, math.inf if moment is None else moment)
        return None if soonest == math.inf else soonest

    def ledger(self, barrier: int | None) -> IterationLedger:
        """Return what this rank trains until the next meeting.

        Args:
            barrier: the iteration before which everybody stops, None for no such.
        """
        if self.alone:
            self._whole.stop_before(barrier)
            return self._whole
        bounds = self._bounds
        plan = self._ledger_of(self._whole.completed)
        plan.stop_before(barrier)
        trained = 0.0 if self._agreed is None else self._agreed.reports[0].seconds
        seconds = seconds_between(
            self.world.size,
            bounds.seconds + trained,
            self._last_exchange,
            bounds.exchange_seconds,
            damped=bounds.damped,
        )
        rates = (0.0,) * self.world.size if self._agreed is None else self._agreed.rates
        dealt = self._exchange.deal(plan, rates, seconds, bounds.window)
        self._dealt_all = plan.remaining == 0
        own = self._ledger_of(self._whole.completed)
        own.stop_before(barrier)
        own.restrict_to(dealt[self.world.rank])
        self._begun = self._clock()
        self.moment = self._begun + seconds
        return own

    def advance(
        self,
        engine: Engine,
        ledger: IterationLedger,
        should_pause: Callable[[], bool],
        on_collect: Callable[[EngineStats], None],
        pause_at: float | None,
    ) -> None:
        """Train what this rank was given, until a pause is due: at the next border, in step.

        Args:
            engine: entered.
            ledger: as ``ledger`` returned it.
            should_pause: as ``Engine.advance`` asks it.
            on_collect: as ``Engine.advance`` calls it.
            pause_at: monotonic moment at which to pause, if the next meeting is not before.
        """
        if not self.alone and self._exchange.in_step:
            engine.advance(ledger, _never, on_collect)
        else:
            engine.advance(ledger, should_pause, on_collect, self.sooner(pause_at))

    def is_called(self) -> bool:
        """Return whether another rank waits for the others to come at once."""
        return not self.alone and self.world.is_called(self._number)

    def meet(self, ledger: IterationLedger, table: Table, report: Report) -> Agreed:
        """Come together; on return regrets are the same everywhere, and so is what is known.

        Args:
            ledger: as ``ledger`` returned it; nothing of it is given out.
            table: this rank's; nobody uses it.
            report: of this rank, its ``busy_seconds`` left to us.
        """
        if self.alone:
            self._agreed = Agreed((report,), (0.0,))
            return self._agreed
        now = self._clock()
        if not self._exchange.in_step and self._is_early(now, report):
            self.world.call(self._number)
        report = replace(report, busy_seconds=now - self._begun)
        fresh = _without(ledger.completed, self._whole.completed)
        step = partial(self._come_together, table, report, fresh)
        began, agreed, everybodys = self._surely(table, step)
        self._number += 1
        self._agreed = agreed
        self._whole = self._ledger_of((*self._whole.completed, *everybodys))
        if everybodys:
            self._exchange.take_in(table, everybodys)
            self._exchanged(table, self._clock() - began)
        return self._agreed

    def _come_together(
        self, table: Table, report: Report, fresh: Sequence[Range]
    ) -> tuple[float, Agreed, list[Range]]:
        """Wait, tell, and bring together what all have learnt; none of it counts as yet.

        Returns:
            When all were there, what they know then, and what they have done since they last met.
        """
        self.world.wait_for_all()
        began = self._clock()
        agreed = agree(self.world, report, self._agreed)
        everybodys = [each for ranges in self.world.gather_ranges(fresh) for each in ranges]
        if everybodys:
            self._exchange.bring_together(table, everybodys)
        return began, agreed, everybodys

    def _surely(self, table: Table, step: Callable[[], _Found]) -> _Found:
        """Do what all ranks take part in; where one dies over it, again without that one.

        A step leaves everything as it was, but for what it returns: all ranks go on from it, or
        none does.
        """
        while True:
            try:
                found = step()
            except RankLostError:
                if not self.world.survives:
                    raise
                self.world.commit(False)
            else:
                if self.world.commit(True):
                    return found
            self._go_on_without(table)

    def _go_on_without(self, table: Table) -> None:
        """Forget the ranks that have died: what they had not told is given out again."""
        size, left = self.world.size, self.world.shrink()
        dead = [rank for rank in range(size) if rank not in left]
        told = None if self._agreed is None else self._agreed.reports
        fallen = tuple(
            Fallen(self._members[rank], None, 0)
            if told is None
            else Fallen(
                self._members[rank], told[rank], told[rank].iterations - self._averaged[rank]
            )
            for rank in dead
        )
        gone = ", ".join(self._members[rank].text for rank in dead)
        self._fallen += fallen
        self._members = tuple(self._members[rank] for rank in left)
        self._averaged = tuple(self._averaged[rank] for rank in left)
        if self._agreed is not None:
            self._agreed = self._agreed.of(left)
        self._exchange.hold_more(table, size)
        self.on_fewer(self._first_size, self.world.size)
        if self.is_first:
            missing = sum(each.not_averaged for each in fallen)
            self.on_warning(
                f"{gone} died: {self.world.size} go on; what was not told before is given out "
                f"again, and of what was, {missing:,} iterations are missing in averages"
            )

    def everybody(self, stats: EngineStats) -> EngineStats:
        """Return this rank's totals with what the others had done at the last meeting."""
        if self.alone or self._agreed is None:
            return stats
        others = [each for rank, each in enumerate(self._agreed.reports) if rank != self.world.rank]
        others += [each.report for each in self._fallen if each.report is not None]
        sums = zip(stats.utility_sums, *(each.utility_sums for each in others), strict=True)
        return replace(
            stats,
            iterations=stats.iterations + sum(each.iterations for each in others),
            nodes=stats.nodes + sum(each.nodes for each in others),
            utility_sums=tuple(sum(each) for each in sums),
        )

    def account(self) -> RanksAccount:
        """Return what the summary says of the ranks."""
        if self.alone:
            return RanksAccount(iterations_not_averaged=self.not_averaged)
        known = (
            ()
            if self._agreed is None
            else zip(self._agreed.reports, self._agreed.rates, strict=True)
        )
        members = [
            who.progress(report.iterations, rate)
            for who, (report, rate) in zip(self._members, known, strict=False)
        ]
        members += [each.progress for each in self._fallen]
        return RanksAccount(
            tuple(sorted(members, key=lambda each: each.rank)),
            self.exchanges,
            self.exchange_seconds,
            self.longest_exchange_seconds,
            self.not_averaged,
        )

    @property
    def not_averaged(self) -> int:
        """Iterations of ranks that died which are in the regrets, and not in all averages."""
        return self._bounds.not_averaged + sum(each.not_averaged for each in self._fallen)

    def introduce(self, workers: int) -> str:
        """Tell the others of this rank, which has so many workers; return who everybody is."""
        if self.alone:
            return ""
        own = f"{socket.gethostname()} {os.getpid()} {workers}"
        self._members = tuple(
            Member.of_text(rank, text) for rank, text in enumerate(self.world.texts(own))
        )
        return f"{self.world.size} ranks: " + ", ".join(each.text for each in self._members)

    def take_share(self, table: Table, *, resumed: bool) -> None:
        """Make of the whole table, which every rank has, what this rank is to hold of it."""
        if not self.alone:
            self._exchange.take_share(table, resumed=resumed)

    def gather_sums(self, table: Table) -> None:
        """Bring all strategy sums together at rank 0; every rank calls it."""
        if not self.alone:
            self._exchange.gather_sums(table, partial(self._surely, table))
            if self._agreed is not None:
                self._averaged = tuple(each.iterations for each in self._agreed.reports)

    def make_whole(self, table: Table) -> None:
        """Make of rank 0's table, or a copy, what one machine would have: what files hold."""
        if not self.alone:
            self._exchange.make_whole(table)

    def _tell_missing(self, ranks: Sequence[int]) -> None:
        late = ", ".join(self._members[rank].text for rank in ranks)
        self.on_warning(
            f"waiting for {late}: not yet through meeting {self._number}; it is slow, stopped "
            "or hangs"
        )

    def _is_early(self, now: float, report: Report) -> bool:
        """Return whether the others would not come by themselves about now."""
        urgent = bool(report.signal) or report.over or report.checkpoint
        return urgent or (now < self.moment and not self._dealt_all)

    def _exchanged(self, table: Table, seconds: float) -> None:
        # The same at every rank where anything follows from it.
        slowest = seconds
        if not self._exchange.in_step:
            own = np.array([seconds])
            slowest = float(self._surely(table, lambda: self.world.gather(own)).max())
        self._last_exchange = slowest
        self.exchanges += 1
        self.exchange_seconds += slowest
        self.longest_exchange_seconds = max(self.longest_exchange_seconds, slowest)

    def _ledger_of(self, completed: Iterable[Range]) -> IterationLedger:
        bounds = self._bounds
        return IterationLedger(bounds.target, completed, drain_window=bounds.window)


def _never() -> bool:
    return False


def _tell_nobody(_text: str) -> None:
    """Listen to nothing."""


def _need_not_know(_first: int, _now: int) -> None:
    """Hold nothing that depends on how many ranks there are."""


def _without(ranges: Iterable[Range], known: Iterable[Range]) -> list[Range]:
    """Return what of ascending ``ranges`` is in none of the ascending ``known``."""
    left: list[Range] = []
    taken = list(known)
    for first, end in ranges:
        for begin, stop in taken:
            if stop <= first or begin >= end:
                continue
            if first < begin:
                left.append((first, begin))
            first = max(first, stop)
        if first < end:
            left.append((first, end))
    return left
