"""A run of ranks in threads, disturbed at chosen calls of the world: signals where it hurts."""

from __future__ import annotations

import dataclasses
import signal
import threading

from threaded_world import ThreadedWorld, run_ranks

from cfr_shm.config.load import load_config
from cfr_shm.run.signals import StopRequested, StopSignals
from cfr_shm.run.train import train

#: Verbs of a world in which a rank waits for the others.
VERBS = (
    "wait_for_all", "gather", "gather_ranges", "add_up", "add_up_at_first", "is_called", "commit",
    "shrink",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """A signal that comes to a rank as it enters, or leaves, its n-th call of the world.

    SIGKILL ends the rank, whatever it holds.
    """

    rank: int
    call: int
    leaving: bool
    number: int


class DisturbedWorld(ThreadedWorld):
    """A rank's world that counts its calls, and sends itself signals at some of them."""

    def __init__(self, table, rank, signals, disturbances):
        super().__init__(table, rank)
        self._own = signals
        self._calls = 0
        self._due = {(each.call, each.leaving): each.number for each in disturbances}
        for verb in VERBS:
            setattr(self, verb, self._disturbed(getattr(self, verb)))

    def _disturbed(self, verb):
        def call(*arguments):
            self._calls += 1
            self._come(self._calls, False)
            found = verb(*arguments)
            self._come(self._calls, True)
            return found

        return call

    def _come(self, call, leaving):
        number = self._due.get((call, leaving))
        if number == signal.SIGKILL:
            self.die()
        if number is not None and self._own.deferred:
            self._own.send(number)


class SentSignals(StopSignals):
    """Signals that a test sends."""

    @property
    def deferred(self):
        return self._deferred

    def send(self, number):
        handle = self._want_checkpoint if number == signal.SIGUSR1 else self._handle
        handle(number, None)


def run_disturbed(directory, size, disturbances, *overrides):
    """Train Leduc; return what each rank's command would: (status, exit code, reports)."""
    config = load_config(
        "leduc",
        {},
        ("engine.num_workers=1", "engine.drain_window=64", "engine.oversubscribe=true", *overrides),
    )

    def work(world):
        signals = SentSignals()
        own = [each for each in disturbances if each.rank == world.rank]
        disturbed = DisturbedWorld(world._table, world.rank, signals, own)
        try:
            summary = train(config, directory, signals=signals, world=disturbed)
        except StopRequested as error:
            return "nothing done", 128 + error.signal_number, None
        interrupted = summary["status"] == "interrupted"
        return summary["status"], signals.exit_code if interrupted else 0, summary

    before = threading.active_count()
    results = run_ranks(size, work)
    assert threading.active_count() <= before + 1
    return results
