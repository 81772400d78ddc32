"""What several machines would do, on paper: exchanges, their share of the time, memory, traffic.

The rule by which ranks meet is the product's own (``ranks.agreement.seconds_between``); how long an
exchange takes is reckoned from three rates, which ``cfr-shm doctor --mpi`` and a run's summary
measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cfr_shm.layout.rows import entry_words
from cfr_shm.ranks.agreement import seconds_between
from cfr_shm.ranks.exchange import exchange_bytes

#: Bytes of a regret, as it travels.
REGRET_BYTES = 4

#: Regrets of a table's rows to one array and back, on one core: collected and spread once each.
LOCAL_GB_PER_SECOND = 2.8

#: What comes of a line's speed once protocols have had their part.
LINE_SHARE = 0.8

#: After so many exchanges for each rank so far, progress was .91 of one rank's and more
#: (docs/adr/0033-ranks.md).
ENOUGH_EXCHANGES = 8


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What there is.

    Attributes:
        rate: iterations per second of one machine.
        gb_per_second: at which regrets of two ranks are added up and sent back.
        table_bytes: of one rank's table.
        compact: whether the table has the compact layout.
        hours: of training.
        damped: whether ranks take over a part of their mean gains only.
    """

    rate: float
    gb_per_second: float
    table_bytes: float
    compact: bool
    hours: float
    damped: bool = False

    @property
    def regret_bytes(self) -> float:
        """Bytes that a rank gives to one exchange."""
        return self.table_bytes / entry_words(self.compact)


@dataclass(frozen=True)
class Planned:
    """A run on so many ranks.

    Attributes:
        ranks: machines.
        exchange_seconds: of one exchange, pausing.
        exchanges: in all.
        training_share: of the time, the rest is exchanging.
        iterations: that all ranks do.
        last_interval_seconds: between the last two exchanges.
        enough: whether there are as many exchanges as ranks need.
        sent_bytes: by each rank, over the run.
        memory_bytes: of each rank: the table and what exchanges take.
    """

    ranks: int
    exchange_seconds: float
    exchanges: int
    training_share: float
    iterations: float
    last_interval_seconds: float
    enough: bool
    sent_bytes: float
    memory_bytes: float

    def as_dict(self) -> dict[str, Any]:
        """Return the document that ``--json`` prints."""
        return asdict(self)


def gb_per_second_of_line(gigabits: float) -> float:
    """Return at how many GB/s two ranks add up regrets over a line of so many Gbit/s."""
    return gigabits / 8.0 * LINE_SHARE


def plan(machines: Machines, ranks: int) -> Planned:
    """Play through the meetings of a run, one after the other.

    >>> small = Machines(rate=1e6, gb_per_second=2.5, table_bytes=3e8, compact=False, hours=1.0)
    >>> plan(small, 1).exchanges, plan(small, 8).enough
    (0, True)
    """
    length, regrets = _exchange_seconds(machines, ranks), machines.regret_bytes
    trained = paused = interval = 0.0
    exchanges, left = 0, machines.hours * 3600.0
    while ranks > 1 and trained + paused < left:
        interval = min(
            seconds_between(
                ranks, trained, length if exchanges else 0.0, None, damped=machines.damped
            ),
            left - trained - paused,
        )
        trained, paused, exchanges = trained + interval, paused + length, exchanges + 1
    if ranks == 1:
        trained = left
    return Planned(
        ranks=ranks,
        exchange_seconds=length,
        exchanges=exchanges,
        training_share=trained / (trained + paused),
        iterations=trained * machines.rate * ranks,
        last_interval_seconds=interval,
        enough=exchanges >= ENOUGH_EXCHANGES * ranks or ranks == 1,
        sent_bytes=exchanges * regrets,
        memory_bytes=machines.table_bytes
        + exchange_bytes(
            int(regrets / REGRET_BYTES), survives=False, damped=machines.damped and ranks > 1
        ),
    )


def plans(machines: Machines, ranks: Sequence[int]) -> list[Planned]:
    """Return a plan for each number of ranks."""
    return [plan(machines, each) for each in ranks]


def _exchange_seconds(machines: Machines, ranks: int) -> float:
    """Return how long an exchange takes: N ranks send 2 (N - 1) / N of the regrets, two all."""
    if ranks == 1:
        return 0.0
    sent = machines.regret_bytes * 2.0 * (ranks - 1) / ranks
    return (sent / machines.gb_per_second + machines.regret_bytes / LOCAL_GB_PER_SECOND) / 1e9
