"""The config section ``algorithm``: what solves the game, and how its iterations are weighted."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

from cfr_shm.algorithms import (
    DEFAULT_EPSILON,
    EXTERNAL_SAMPLING,
    FULL_WIDTH,
    OUTCOME_SAMPLING,
    SAMPLED,
    parameters_of,
)
from cfr_shm.config.fields import Section, real, text, whole, word
from cfr_shm.errors import ConfigError

#: Of sampled hold'em where nothing is said (docs/adr/0007-default-weighting.md).
HOLDEM_WEIGHTING = "linear"

#: Of sampled algorithms with ``weighting: dcfr``.
DISCOUNT_INTERVAL = 100_000

#: Pluribus floors regrets at -310 million and skips below -300 million.
PRUNED_FLOOR = 31 / 30
PRUNE_PROBABILITY = 0.95

_OWNERS = {
    "in_flight": (EXTERNAL_SAMPLING,),
    "averaging": (EXTERNAL_SAMPLING,),
    "average_opponents": (EXTERNAL_SAMPLING,),
    "average_probability": (EXTERNAL_SAMPLING,),
    "epsilon": (OUTCOME_SAMPLING,),
    "prune_threshold": (EXTERNAL_SAMPLING,),
    "prune_probability": (EXTERNAL_SAMPLING,),
    "prune_after": (EXTERNAL_SAMPLING,),
    "regret_floor": SAMPLED,
    "discount_interval": SAMPLED,
    "discount_until": SAMPLED,
    "pooling": SAMPLED,
    "restart_interval": SAMPLED,
}


@dataclass(frozen=True)
class AlgorithmConfig(Section):
    """How the game is solved."""

    name: str = word(
        EXTERNAL_SAMPLING,
        (*SAMPLED, *FULL_WIDTH),
        "The algorithm (see algorithms.md). One iteration updates each player once.",
    )
    weighting: Literal["linear", "vanilla", "dcfr"] = word(
        "vanilla",
        ("linear", "vanilla", "dcfr"),
        "Sampled algorithms: weight of iteration t in the average strategy and the regrets, t "
        "(`linear`) or 1 (`vanilla`, which measured better for external sampling on Leduc at "
        "every length; docs/adr/0007); `dcfr` discounts what there is every "
        f"`discount_interval` iterations. Of hold'em the default is `{HOLDEM_WEIGHTING}`.",
    )
    alpha: float | None = real(
        None,
        -100.0,
        100.0,
        "`dcfr`, `dcfr_plus`, `pdcfr_plus`, and `weighting: dcfr`: positive regrets are "
        "multiplied by t^alpha / (t^alpha + 1). null = as published.",
        optional=True,
    )
    beta: float | None = real(
        None,
        -100.0,
        100.0,
        "`dcfr` and `weighting: dcfr`: the same for negative regrets. null = as published.",
        optional=True,
    )
    gamma: float | None = real(
        None,
        0.0,
        20.0,
        "`dcfr`, `dcfr_plus`, `pcfr_plus`, `pdcfr_plus`, and `weighting: dcfr`: iteration t "
        "weighs t^gamma in the average. null = as published.",
        optional=True,
    )
    discount_interval: int | None = whole(
        None,
        1,
        1 << 53,
        f"`weighting: dcfr`: iterations between discounts; null = {DISCOUNT_INTERVAL}.",
        optional=True,
    )
    discount_until: int | None = whole(
        None,
        1,
        1 << 53,
        "`weighting: dcfr`: no more discounts after this many iterations; null = no end.",
        optional=True,
    )
    pooling: float | None = real(
        None,
        1e-9,
        1000.0,
        "`weighting: dcfr` in hold'em with card buckets: regrets of flop, turn and river are "
        "averaged over neighbouring buckets, once more whenever the iterations have grown by "
        "1/pooling of what they were (docs/adr/0039); null = never.",
        optional=True,
    )
    restart_interval: int | None = whole(
        None,
        1,
        1 << 53,
        "`weighting: dcfr`: regrets begin anew every so many iterations, a multiple of "
        "`discount_interval`, and the average goes on: a run is then the sum of parts that learn "
        "for themselves (docs/adr/0042); null = never.",
        optional=True,
    )
    epsilon: str | None = text(
        None,
        "`outcome_sampling`: probability that the traverser's action is drawn uniformly, in "
        f"(0, 1]; null = {DEFAULT_EPSILON}. A schedule names the iteration from which each "
        "value holds: `0:0.6, 1000000:0.2`.",
        optional=True,
    )
    averaging: Literal["on_the_way", "separate"] | None = word(
        None,
        ("on_the_way", "separate"),
        "`external_sampling`: take the average at the other players' nodes (`on_the_way`), or in "
        "a pass for each player (`separate`), which 3 and more players need. null = by players.",
        optional=True,
    )
    average_opponents: Literal["sampled", "explored"] | None = word(
        None,
        ("sampled", "explored"),
        "With `averaging: separate`: follow one action of each of the others in a pass, drawn by "
        "chances that never change (`sampled`), or all of them (`explored`), which in large "
        "trees takes far longer than a sweep. null = `sampled`.",
        optional=True,
    )
    average_probability: float | None = real(
        None,
        1e-9,
        1.0,
        "With `averaging: separate`: share of the iterations that have their passes; null = 1. "
        "Where passes are `explored`, 0.05 is much faster in large trees.",
        optional=True,
    )
    regret_floor: float | None = real(
        None,
        -1e30,
        0.0,
        "Sampled algorithms: regrets never fall below it, 0 as in CFR+; null = no floor (with "
        f"`prune_threshold`: {PRUNED_FLOOR:.4g} times that).",
        optional=True,
    )
    prune_threshold: float | None = real(
        None,
        -1e30,
        -1e-9,
        "`external_sampling`: actions whose regret is below it may be skipped, chips; null = "
        "none. Pluribus took -300000000.",
        optional=True,
    )
    prune_probability: float | None = real(
        None,
        1e-9,
        1.0,
        f"With `prune_threshold`: share of the iterations that skip; null = {PRUNE_PROBABILITY}.",
        optional=True,
    )
    prune_after: int | None = whole(
        None,
        0,
        1 << 53,
        "With `prune_threshold`: iterations before the first that skips; null = 0.",
        optional=True,
    )
    in_flight: int | Literal["auto"] = whole(
        "auto",
        1,
        64,
        "`external_sampling`: traversals that a kernel interleaves, each fetching its next row "
        "while the others compute. `auto`: 1 while the table is at most 4 MiB (1 MiB with several "
        "workers), else 8.",
        words=("auto",),
    )

    def check(self) -> None:
        """Refuse values that are fine alone and not together.

        Raises:
            ConfigError: the first of them.
        """
        self.epsilon_schedule()
        self._check_owners()
        discounts = self.discounts
        if self.weighting != "vanilla" and self.name not in SAMPLED:
            raise ConfigError(
                f"algorithm.weighting is for sampled algorithms, {self.name} has its own weights; "
                "leave it out"
            )
        for key in ("discount_interval", "discount_until", "pooling", "restart_interval"):
            if getattr(self, key) is not None and not discounts:
                raise ConfigError(f"algorithm.{key} needs algorithm.weighting dcfr")
        self._check_restarts()
        for key in ("prune_probability", "prune_after"):
            if getattr(self, key) is not None and self.prune_threshold is None:
                raise ConfigError(f"algorithm.{key} needs algorithm.prune_threshold")
        every = self.average_probability in (None, 1.0)
        explored = self.average_opponents == "explored" and every
        if explored and self.in_flight not in ("auto", 1):
            raise ConfigError(
                f"algorithm.in_flight is {self.in_flight}, but algorithm.average_opponents "
                "explored has 1; leave it out, or set algorithm.average_probability"
            )

    def _check_restarts(self) -> None:
        """Refuse parts that discounts cannot weigh."""
        if self.restart_interval is None:
            return
        if self.discount_until is not None:
            raise ConfigError(
                "algorithm.restart_interval: parts are weighed by discounts that go on; leave "
                "algorithm.discount_until out"
            )
        if self.restart_interval % self.interval:
            raise ConfigError(
                f"algorithm.restart_interval {self.restart_interval} is no multiple of "
                f"algorithm.discount_interval, which is {self.interval}"
            )

    @property
    def interval(self) -> int:
        """Iterations between discounts, where there are any."""
        return self.discount_interval or DISCOUNT_INTERVAL

    @property
    def discounts(self) -> bool:
        """Whether tables are discounted every so many iterations."""
        return self.weighting == "dcfr"

    def epsilon_schedule(self) -> tuple[tuple[int, float], ...]:
        """Return from which iteration on epsilon is how much.

        Raises:
            ConfigError: not a number or a schedule, out of range, or out of order.
        """
        if self.epsilon is None:
            return ((0, DEFAULT_EPSILON),)
        parts = self.epsilon.split(",")
        if len(parts) == 1 and ":" not in self.epsilon:
            return ((0, _epsilon(self.epsilon)),)
        steps = []
        for part in parts:
            first, colon, value = part.partition(":")
            if not colon or not first.strip().isdecimal():
                raise ConfigError(
                    f"algorithm.epsilon: '{part.strip()[:40]}' is no step of a schedule; write "
                    "iteration:epsilon, for example 0:0.6, 1000000:0.2"
                )
            steps.append((int(first), _epsilon(value)))
        if steps[0][0] != 0:
            raise ConfigError(
                f"algorithm.epsilon: the schedule begins at iteration {steps[0][0]}; begin at 0"
            )
        for (before, _), (after, _) in itertools.pairwise(steps):
            if after <= before:
                raise ConfigError(
                    f"algorithm.epsilon: iteration {after} comes after {before}; sort the schedule"
                )
        return tuple(steps)

    def _check_owners(self) -> None:
        """Refuse parameters that the algorithm does not have."""
        for key, owners in _OWNERS.items():
            if getattr(self, key) not in (None, "auto") and self.name not in owners:
                raise ConfigError(
                    f"algorithm.{key} is for {' and '.join(owners)}, not for {self.name}; "
                    "leave it out"
                )
        for key in ("alpha", "beta", "gamma"):
            if getattr(self, key) is None:
                continue
            if self.name in FULL_WIDTH and key not in parameters_of(self.name):
                having = [name for name in FULL_WIDTH if key in parameters_of(name)]
                raise ConfigError(
                    f"algorithm.{key}: {self.name} has no {key}; {', '.join(having)} have"
                )
            if self.name in SAMPLED and not self.discounts:
                raise ConfigError(f"algorithm.{key} needs algorithm.weighting dcfr")


def _epsilon(value: str) -> float:
    try:
        epsilon = float(value)
    except ValueError:
        epsilon = math.nan
    if not 0.0 < epsilon <= 1.0:
        raise ConfigError(
            f"algorithm.epsilon: '{value.strip()[:40]}' is outside (0, 1]: without exploring, "
            "actions would never be tried again"
        )
    return epsilon
