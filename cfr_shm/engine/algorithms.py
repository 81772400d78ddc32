"""The algorithms by name: which kernel runs, with what parameters and what memory.

An algorithm is *full width* (every deal and action in every iteration) or *sampled*. The
first kind keeps float64 regrets and policies in ``TrainingViews.state``, beside the strategy
sums in the rows; the second keeps everything in the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cfr_shm.layout import FullWidthRule

EXTERNAL_SAMPLING = "external_sampling"
OUTCOME_SAMPLING = "outcome_sampling"
CHANCE_SAMPLING = "chance_sampling"
PUBLIC_CHANCE_SAMPLING = "public_chance_sampling"

#: What is carried from iteration to iteration beside the rows: regrets and policies.
FULL_WIDTH_PLANES = 2

_KEEP_ALL = math.nan


@dataclass(frozen=True)
class _Variant:
    """The parameters of a full-width algorithm as published; None: it has no such parameter."""

    alpha: float | None = None
    beta: float | None = None
    gamma: float | None = None
    offset: float = 1.0
    floored: bool = False
    predicts: bool = False
    average: float = 0.0  # where there is no gamma


FULL_WIDTH = {
    "cfr": _Variant(),
    "cfr_plus": _Variant(floored=True, average=1.0),
    "lcfr": _Variant(average=1.0),
    "dcfr": _Variant(alpha=1.5, beta=0.0, gamma=2.0),
    "dcfr_plus": _Variant(alpha=1.5, gamma=4.0, offset=1.5, floored=True),
    "pcfr_plus": _Variant(gamma=2.0, floored=True, predicts=True),
    "pdcfr_plus": _Variant(alpha=2.3, gamma=5.0, floored=True, predicts=True),
}


@dataclass(frozen=True, kw_only=True)
class AlgorithmSettings:
    """An algorithm and its settled parameters; None means the published default.

    Attributes:
        name: ``external_sampling`` or a key of ``FULL_WIDTH``.
        alpha: how slowly positive regrets are forgotten.
        beta: how slowly negative regrets are forgotten.
        gamma: weight ``t ** gamma`` of iteration t in the average.
    """

    name: str = EXTERNAL_SAMPLING
    alpha: float | None = None
    beta: float | None = None
    gamma: float | None = None

    @property
    def is_full_width(self) -> bool:
        """Whether every iteration takes in every deal and action."""
        return self.name in FULL_WIDTH

    @property
    def state_planes(self) -> int:
        """How many float64 words are kept for each word of the table, beside the rows."""
        return FULL_WIDTH_PLANES if self.is_full_width else 0


def parameters_of(name: str) -> tuple[str, ...]:
    """Return which of alpha, beta and gamma an algorithm has."""
    variant = FULL_WIDTH.get(name)
    if variant is None:
        return ()
    return tuple(key for key in ("alpha", "beta", "gamma") if getattr(variant, key) is not None)


def full_width_rule(settings: AlgorithmSettings) -> FullWidthRule:
    """Return the weights of a full-width algorithm.

    >>> full_width_rule(AlgorithmSettings(name="cfr_plus")).floored
    1
    """
    variant = FULL_WIDTH[settings.name]

    def chosen(key: str, otherwise: float) -> float:
        default: float | None = getattr(variant, key)
        given: float | None = getattr(settings, key)
        if default is None:
            return otherwise
        return default if given is None else given

    # LCFR's regrets, weighted by t, are regrets that keep (t - 1) / t of the old ones.
    alpha = 1.0 if settings.name == "lcfr" else chosen("alpha", _KEEP_ALL)
    return FullWidthRule(
        keep_positive=alpha,
        keep_negative=chosen("beta", alpha),
        offset=variant.offset,
        average=chosen("gamma", variant.average),
        floored=int(variant.floored),
        predicts=int(variant.predicts),
    )
