"""What a run's summary says of its ranks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cfr_shm.telemetry.events import RankProgress


@dataclass(frozen=True)
class Member:
    """Who a rank is, as far as it has told."""

    rank: int
    host: str = ""
    process: int = 0
    workers: int = 0

    @classmethod
    def of_text(cls, rank: int, text: str) -> Member:
        """Return the member that told ``HOST PROCESS WORKERS`` of itself."""
        host, process, workers = text.rsplit(" ", 2)
        return cls(rank, host, int(process), int(workers))

    @property
    def text(self) -> str:
        """What people are told: where it is, and as what the launcher knows it."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"rank {self.rank} (process {self.process} on {self.host}, {workers})"


@dataclass(frozen=True)
class RanksAccount:
    """The ranks of a run and what their exchanges took; nothing for a run on one machine.

    Attributes:
        members: what each rank has done; none on one machine.
        exchanges: of regrets, so far.
        exchange_seconds: that they took, as the slowest rank saw them.
        longest_exchange_seconds: that one of them took.
    """

    members: tuple[RankProgress, ...] = ()
    exchanges: int = 0
    exchange_seconds: float = 0.0
    longest_exchange_seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it with the keys of the summary, in their order."""
        return {
            "ranks": [asdict(each) for each in self.members] or None,
            "exchanges": self.exchanges,
            "exchange_seconds": self.exchange_seconds,
            "longest_exchange_seconds": self.longest_exchange_seconds,
        }


#: Of a run on one machine.
ALONE = RanksAccount()
