"""What happens during a run: frozen records, and the broadcast that brings them to listeners.

Whoever runs a training says what happened; who listens decides what to show or write. A
listener is any callable that takes an event.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GameImporting:
    """A game is being imported, and that takes a while."""

    text: str


@dataclass(frozen=True)
class KernelsCompiling:
    """The kernels are not in the cache, or not intact there, and are being compiled."""

    text: str


@dataclass(frozen=True)
class KernelsReady:
    """The kernels are compiled, or were in the cache."""

    seconds: float
    compiled: bool  # else they came from the cache


@dataclass(frozen=True)
class RunStarted:
    """Game and table stand; workers are about to start."""

    game: str
    directory: str
    workers: int
    in_process: bool
    table_bytes: int
    iterations: int  # already done, by the run that is being resumed
    target_iterations: int | None  # in total
    time_budget: float | None  # seconds of training in total
    idle_cores: int = 0  # that more workers could use, and would gain nothing


@dataclass(frozen=True)
class RankProgress:
    """How far one of several ranks is, as it said when they last met."""

    rank: int
    host: str
    workers: int
    iterations: int  # since the run was started or resumed
    iterations_per_second: float  # since the meeting before
    lost: bool = False  # it has died; the iterations are what it had told before


@dataclass(frozen=True)
class Progress:
    """How far the training is. Rates are over the last interval, CPU times since the start."""

    due: bool  # the end of an interval; else an update in between, for live displays
    iterations: int
    nodes: int
    seconds: float  # of training, with those before a resume
    iterations_per_second: float
    nodes_per_second: float
    utility: float  # mean sampled utility of player 0, chips
    workers: int
    busy_fraction: tuple[float, ...]  # per worker
    user_cpu_seconds: float
    system_cpu_seconds: float
    system_cpu_fraction: float  # of the CPU time of the last interval
    voluntary_context_switches: int
    involuntary_context_switches: int
    context_switches_per_second: float = 0.0  # both kinds, over the last interval
    utility_moving_average: float = 0.0  # of player 0 over the last ten intervals, chips
    batch_iterations: tuple[int, ...] = ()  # per worker, of its last task
    restarts: int = 0  # workers replaced since the start
    worker_restarts: tuple[int, ...] = ()  # the same, per worker
    epsilon: float | None = None  # of algorithms that explore
    ranks: tuple[RankProgress, ...] = ()  # of several machines
    exchanges: int = 0  # between ranks, since the start
    exchange_seconds: float = 0.0  # that they took


@dataclass(frozen=True)
class CheckpointBegun:
    """The checkpoint that ends a run is being written, and that takes a while."""

    iterations: int
    table_bytes: int


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint is on disk, in full."""

    path: str
    iterations: int
    seconds: float  # that writing took


@dataclass(frozen=True)
class CheckpointFailed:
    """A checkpoint could not be written; training goes on."""

    reason: str
    iterations: int


@dataclass(frozen=True)
class Evaluated:
    """The average strategy after ``iterations`` was measured."""

    iterations: int
    seconds: float  # of training before it
    exploitability: float
    nash_conv: float
    unit: str
    method: str


@dataclass(frozen=True)
class QualityMeasured:
    """What somebody wins at least of the average strategy after ``iterations``.

    With method ``match`` it is what that strategy wins of an earlier one.
    """

    iterations: int
    seconds: float  # of training before it
    method: str  # how the responder was restricted: ``evaluation.measure.METHODS``
    unit: str
    value: float
    low: float  # of the 95 % interval
    high: float
    n: int  # boards
    checkpoint: str  # name of its directory
    against: str | None = None  # the same of an earlier one that it met in a match


@dataclass(frozen=True)
class StreetMeasured:
    """What the table says of one street, or of the whole game; means over visited infosets."""

    infosets: int  # rows of the table
    infosets_visited: int
    average_regret_norm: float | None  # chips; None where an algorithm keeps regrets elsewhere
    policy_entropy: float  # of the average strategy, nats


@dataclass(frozen=True)
class TableMeasured:
    """The table of a checkpoint was looked through, beside the workers."""

    iterations: int
    seconds: float  # of training before it
    whole: StreetMeasured
    streets: tuple[StreetMeasured, ...]


@dataclass(frozen=True)
class Noted:
    """Something a user should know when looking at the results."""

    text: str


@dataclass(frozen=True)
class Warned:
    """Something a user should know about."""

    text: str


@dataclass(frozen=True)
class RunEnded:
    """The run is over; the last thing that is said of it."""

    status: str  # "finished", "interrupted" or "failed"
    game: str
    directory: str
    iterations: int
    seconds: float
    iterations_per_second: float
    nodes_per_second: float
    workers: int
    utility: float | None
    exploitability: float | None
    unit: str | None
    method: str | None
    not_evaluated: str | None = None  # why there is no exploitability
    restarts: int = 0
    replayed_iterations: int = 0
    checkpoints: int = 0
    pause_seconds: float = 0.0  # that workers stood still for checkpoints
    pause_fraction: float = 0.0  # of the training's time
    longest_pause_seconds: float = 0.0
    quality: QualityMeasured | None = None  # of the strategy that it ends with
    ended_by: str | None = None  # what ended it, in words


@dataclass(frozen=True)
class RunFailed:
    """The run ends by an error, which the caller gets as an exception."""

    text: str  # with the traceback of a worker, if there is one


Event = (
    GameImporting
    | KernelsCompiling
    | KernelsReady
    | RunStarted
    | Progress
    | CheckpointBegun
    | CheckpointSaved
    | CheckpointFailed
    | Evaluated
    | QualityMeasured
    | TableMeasured
    | Noted
    | Warned
    | RunEnded
    | RunFailed
)

Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""


class Broadcast:
    """Bring every event to every listener, one event at a time, from any thread.

    A listener that cannot write (disk full, terminal gone) must not end a training: its
    ``OSError`` is told to the other listeners, once for each listener, and it is called again
    for the next event.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)
        self._failed: set[int] = set()
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Bring ``event`` to every listener."""
        with self._lock:
            for index, listener in enumerate(self._listeners):
                try:
                    listener(event)
                except OSError as error:
                    self._tell(index, error)

    def _tell(self, index: int, error: OSError) -> None:
        if index in self._failed:
            return
        self._failed.add(index)
        name = getattr(self._listeners[index], "name", "a listener")
        self(Warned(f"cannot write {name}: {error.strerror or error}; training goes on"))
