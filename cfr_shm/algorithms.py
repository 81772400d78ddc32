"""The algorithms by name: which kernel runs, with what parameters and what memory.

An algorithm is *full width* (every deal and action in every iteration) or *sampled*. The
first kind keeps float64 regrets and policies in ``TrainingViews.planes``, beside the strategy
sums in the rows; the second keeps everything in the rows.

The config is checked against these tables, and ``cfr-shm --help`` imports it: no NumPy here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cfr_shm.layout.task import Task
    from cfr_shm.layout.vector import FullWidthRule

EXTERNAL_SAMPLING = "external_sampling"
OUTCOME_SAMPLING = "outcome_sampling"
CHANCE_SAMPLING = "chance_sampling"
PUBLIC_CHANCE_SAMPLING = "public_chance_sampling"

SAMPLED = (EXTERNAL_SAMPLING, OUTCOME_SAMPLING, CHANCE_SAMPLING, PUBLIC_CHANCE_SAMPLING)

#: What is carried from iteration to iteration beside the rows: regrets and policies.
FULL_WIDTH_PLANES = 2

DEFAULT_EPSILON = 0.6

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


#: What DCFR's authors recommend (docs/algorithms.md), in full width and of sampled algorithms with
#: ``weighting: dcfr``.
DISCOUNT = {"alpha": 1.5, "beta": 0.0, "gamma": 2.0}

FULL_WIDTH = {
    "cfr": _Variant(),
    "cfr_plus": _Variant(floored=True, average=1.0),
    "lcfr": _Variant(average=1.0),
    "dcfr": _Variant(alpha=DISCOUNT["alpha"], beta=DISCOUNT["beta"], gamma=DISCOUNT["gamma"]),
    "dcfr_plus": _Variant(alpha=1.5, gamma=4.0, offset=1.5, floored=True),
    "pcfr_plus": _Variant(gamma=2.0, floored=True, predicts=True),
    "pdcfr_plus": _Variant(alpha=2.3, gamma=5.0, floored=True, predicts=True),
}


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """Which iterations of external sampling skip which actions; as in Pluribus.

    Attributes:
        threshold: actions of smaller regret are skipped, chips.
        probability: that an iteration skips.
        after: iterations before the first that may.
    """

    threshold: float
    probability: float
    after: int


@dataclass(frozen=True, kw_only=True)
class AlgorithmSettings:
    """An algorithm and its settled parameters; None means the published default.

    No field has a default: the config decides what is run where nothing is said.

    Attributes:
        name: one of ``SAMPLED`` or a key of ``FULL_WIDTH``.
        alpha: how slowly positive regrets are forgotten.
        beta: how slowly negative regrets are forgotten.
        gamma: weight ``t ** gamma`` of iteration t in the average.
        epsilon: of outcome sampling, from which iteration on it is how much; from 0 upwards.
        averaging: of external sampling, ``on_the_way`` or ``separate``.
        average_opponents: of the passes where averages are ``separate``: all actions of the
            others ``explored``, or one of each ``sampled``.
        average_probability: that an iteration has its passes where averages are ``separate``.
        regret_floor: of sampled algorithms, what regrets never fall below, chips.
        pruning: of external sampling, None: nothing is skipped.
        deals_apart: of external sampling, whether each sweep has a deal of its own, not each
            iteration: what several ranks want (docs/adr/0033-ranks.md).
    """

    name: str
    alpha: float | None
    beta: float | None
    gamma: float | None
    epsilon: tuple[tuple[int, float], ...]
    averaging: Literal["on_the_way", "separate"]
    average_opponents: Literal["explored", "sampled"]
    average_probability: float
    regret_floor: float | None
    pruning: Pruning | None
    deals_apart: bool

    @property
    def explores_for_averages(self) -> bool:
        """Whether passes for the average explore all of the others' actions."""
        return self.averaging == "separate" and self.average_opponents == "explored"

    @property
    def is_full_width(self) -> bool:
        """Whether every iteration takes in every deal and action."""
        return self.name in FULL_WIDTH

    @property
    def state_planes(self) -> int:
        """How many float64 words are kept for each word of the table, beside the rows."""
        return state_planes(self.name)

    def extend(self, task: Task) -> Task:
        """Return ``task`` with what the algorithm says of averages, floors and skipping."""
        from cfr_shm.layout.task import NEVER

        pruning = self.pruning
        if pruning is not None:
            task = task._replace(
                prune_threshold=pruning.threshold,
                prune_probability=pruning.probability,
                prune_after=pruning.after,
            )
        return task._replace(
            average_probability=self.average_probability,
            deals_apart=int(self.deals_apart),
            regret_floor=NEVER if self.regret_floor is None else self.regret_floor,
        )


def parameters_of(name: str) -> tuple[str, ...]:
    """Return which of alpha, beta and gamma a full-width algorithm has."""
    variant = FULL_WIDTH[name]
    return tuple(key for key in ("alpha", "beta", "gamma") if getattr(variant, key) is not None)


def state_planes(name: str) -> int:
    """Return how many float64 words an algorithm keeps for each word of the table, beside it.

    >>> state_planes("cfr"), state_planes("external_sampling")
    (2, 0)
    """
    return FULL_WIDTH_PLANES if name in FULL_WIDTH else 0


def average_exponent(name: str, gamma: float | None) -> float:
    """Return g, where iteration t of a full-width algorithm weighs ``t ** g`` in the average.

    >>> average_exponent("dcfr", None), average_exponent("cfr_plus", None)
    (2.0, 1.0)
    """
    variant = FULL_WIDTH[name]
    return _chosen(variant.gamma, gamma, variant.average)


def _chosen(published: float | None, given: float | None, otherwise: float) -> float:
    """Return a parameter: ``otherwise`` if the algorithm has none, as published if not given."""
    if published is None:
        return otherwise
    return published if given is None else given


def full_width_rule(settings: AlgorithmSettings) -> FullWidthRule:
    """Return the weights of a full-width algorithm."""
    from cfr_shm.layout.vector import FullWidthRule

    variant = FULL_WIDTH[settings.name]

    # LCFR's regrets, weighted by t, are regrets that keep (t - 1) / t of the old ones.
    alpha = 1.0
    if settings.name != "lcfr":
        alpha = _chosen(variant.alpha, settings.alpha, _KEEP_ALL)
    return FullWidthRule(
        keep_positive=alpha,
        keep_negative=_chosen(variant.beta, settings.beta, alpha),
        offset=variant.offset,
        average=average_exponent(settings.name, settings.gamma),
        floored=int(variant.floored),
        predicts=int(variant.predicts),
    )
