"""What a run's summary says of its ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cfr_shm.ranks.agreement import Report
from cfr_shm.telemetry.events import RankProgress

#: Key of a checkpoint's ``extra``: ``RanksAccount.iterations_not_averaged`` as of then.
NOT_AVERAGED = "iterations_not_averaged"


def not_averaged_before(extra: Mapping[str, Any]) -> int:
    """Return what a checkpoint says that is missing in its averages, 0 where it says nothing."""
    told = extra.get(NOT_AVERAGED)
    return told if isinstance(told, int) and told > 0 else 0


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

    def progress(self, iterations: int, rate: float) -> RankProgress:
        """Return how far it is."""
        return RankProgress(self.rank, self.host, self.workers, iterations, rate)


@dataclass(frozen=True)
class Fallen:
    """A rank that has died.

    Attributes:
        member: who it was.
        report: the last that all ranks agreed on, None for none.
        not_averaged: iterations of it that are in nobody's averages, at least in some rows.
    """

    member: Member
    report: Report | None
    not_averaged: int

    @property
    def progress(self) -> RankProgress:
        """How far it came."""
        done = 0 if self.report is None else self.report.iterations
        return replace(self.member.progress(done, 0.0), lost=True)


@dataclass(frozen=True)
class RanksAccount:
    """The ranks of a run and what their exchanges took; nothing for a run on one machine.

    Attributes:
        members: what each rank has done; none on one machine.
        exchanges: of regrets, so far.
        exchange_seconds: that they took, as the slowest rank saw them.
        longest_exchange_seconds: that one of them took.
        iterations_not_averaged: of ranks that died, in the regrets and not in all averages; of
            former parts of the run too.
    """

    members: tuple[RankProgress, ...] = ()
    exchanges: int = 0
    exchange_seconds: float = 0.0
    longest_exchange_seconds: float = 0.0
    iterations_not_averaged: int = 0

    @property
    def workers(self) -> int:
        """Workers of all ranks that live, 0 where there are no ranks."""
        return sum(each.workers for each in self.members if not each.lost)

    def as_dict(self) -> dict[str, Any]:
        """Return it with the keys of the summary, in their order."""
        return {
            "ranks": [asdict(each) for each in self.members] or None,
            "exchanges": self.exchanges,
            "exchange_seconds": self.exchange_seconds,
            "longest_exchange_seconds": self.longest_exchange_seconds,
            "ranks_lost": sum(each.lost for each in self.members),
            NOT_AVERAGED: self.iterations_not_averaged,
        }


#: Of a run on one machine.
ALONE = RanksAccount()
