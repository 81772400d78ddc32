"""What a run's summary says of its ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RanksAccount:
    """The ranks of a run and what their exchanges took; nothing for a run on one machine.

    Attributes:
        members: a dict for each rank (rank, host, iterations, iterations_per_second), or None.
        exchanges: of regrets, so far.
        exchange_seconds: that they took, as the slowest rank saw them.
        longest_exchange_seconds: that one of them took.
    """

    members: list[dict[str, Any]] | None = None
    exchanges: int = 0
    exchange_seconds: float = 0.0
    longest_exchange_seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it with the keys of the summary, in their order."""
        return {
            "ranks": self.members,
            "exchanges": self.exchanges,
            "exchange_seconds": self.exchange_seconds,
            "longest_exchange_seconds": self.longest_exchange_seconds,
        }


#: Of a run on one machine.
ALONE = RanksAccount()
