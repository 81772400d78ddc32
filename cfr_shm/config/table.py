"""The config section ``table``: how the training table is stored."""

from __future__ import annotations

from dataclasses import dataclass

from cfr_shm.algorithms import FULL_WIDTH
from cfr_shm.config.fields import Section, flag
from cfr_shm.errors import ConfigError


@dataclass(frozen=True)
class TableConfig(Section):
    """How the training table is stored."""

    compact: bool = flag(
        False,
        "Keep the average strategy's sums as float32, rounded up or down at random so that they "
        "stay right on average: 8 instead of 12 bytes per infoset and action. For sampled "
        "algorithms.",
    )

    def check(self, algorithm: str) -> None:
        """Refuse an algorithm that gains nothing from a compact table.

        Raises:
            ConfigError: names both keys.
        """
        if self.compact and algorithm in FULL_WIDTH:
            raise ConfigError(
                f"table.compact true does not fit algorithm.name {algorithm}: full-width "
                "algorithms keep float64 regrets and policies besides the table; leave it out"
            )
