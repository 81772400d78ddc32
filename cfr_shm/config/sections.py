"""What a run can be told: sections of frozen dataclasses.

Each key carries the rule for its values and its documentation; ``docs/configuration.md`` lists
them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.algorithm import AlgorithmConfig
from cfr_shm.config.engine import EngineConfig
from cfr_shm.config.fields import Section
from cfr_shm.config.game import GameConfig
from cfr_shm.config.reader import Rule
from cfr_shm.config.run import RunConfig
from cfr_shm.config.spot import SpotConfig
from cfr_shm.config.table import TableConfig


@dataclass(frozen=True)
class Config:
    """Everything a run can be told."""

    game: GameConfig = field(default_factory=GameConfig)
    abstraction: AbstractionConfig = field(default_factory=AbstractionConfig)
    algorithm: AlgorithmConfig = field(default_factory=AlgorithmConfig)
    table: TableConfig = field(default_factory=TableConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    run: RunConfig = field(default_factory=RunConfig)
    spot: SpotConfig = field(default_factory=SpotConfig)


SECTIONS: Mapping[str, type[Section]] = {
    "game": GameConfig,
    "abstraction": AbstractionConfig,
    "algorithm": AlgorithmConfig,
    "table": TableConfig,
    "engine": EngineConfig,
    "run": RunConfig,
    "spot": SpotConfig,
}
RULES: Mapping[str, Rule] = {
    f"{section}.{entry.name}": entry.metadata["rule"]
    for section, kind in SECTIONS.items()
    for entry in dataclasses.fields(kind)  # type: ignore[arg-type]
}


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Return the configuration as plain sections of plain values."""
    return dataclasses.asdict(config)
