"""Which card buckets a time budget is enough for, where a configuration leaves them open.

More buckets tell hands apart that fewer play alike, and each is visited less often: what has not
been learnt yet plays worse than what was merged. The rule is one figure, how often training comes
by a row on average, and was measured (docs/strength.md, docs/adr/0038-buckets-by-time.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cfr_shm.algorithms import SAMPLED
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.holdem import HOLDEM
from cfr_shm.config.sections import Config
from cfr_shm.errors import ConfigError
from cfr_shm.games.holdem.dealing import deck_of, is_listed, is_of_board, played_streets
from cfr_shm.games.holdem.size import buckets_are_ready, measure_holdem
from cfr_shm.machine.cores import usable_cores
from cfr_shm.run.setup import worker_count

Report = Callable[[str], None]

#: Rows that one core updates in a second in heads-up hold'em, all playing uniformly.
UPDATES_PER_SECOND = 3e6
#: A build may take this share of the time there is; what is left is trained.
BUILD_SHARE = 0.5


class Candidate(NamedTuple):
    """Buckets that may be chosen."""

    method: str
    buckets: int  # on flop, turn and river, each
    build_seconds: float  # of one core
    least_updates: float  # of a row on average, from which on they are the better ones

    @property
    def named(self) -> str:
        """As it is told."""
        return f"{self.method} {self.buckets}"


#: From the best one on that is to be had with enough time.
CANDIDATES = (
    Candidate("ochs", 200, 76.0, 4000.0),
    Candidate("ochs", 50, 60.0, 0.0),
    Candidate("percentile", 50, 8.0, 0.0),
)
#: Preflop hands are never merged; those of the streets after it are.
PREFLOP = 169
LATER_STREETS = 3


class Choice(NamedTuple):
    """What was chosen, and why, in words."""

    candidate: Candidate
    updates: float  # of a row, on average
    text: str

    def instead(self, named: str) -> Choice:
        """Return another rank's candidate in place of the own one, if that rank chose any."""
        candidates = [each for each in CANDIDATES if each.named == named]
        return self._replace(candidate=[*candidates, self.candidate][0])


def leaves_open(config: Config) -> bool:
    """Return whether a run's buckets follow its time budget.

    So they do in heads-up hold'em of four streets and a whole deck that is sampled, where no key
    of the configuration says anything of buckets and the time alone bounds the run.
    """
    game, abstraction, run = config.game, config.abstraction, config.run
    named = (abstraction.buckets, abstraction.bucket_method, abstraction.bucket_counts)
    if game.name != HOLDEM or game.players != 2 or named != (None, None, None):
        return False
    if run.time_budget is None or run.iterations is not None:
        return False
    if config.algorithm.name not in SAMPLED:
        return False
    if deck_of(game, abstraction) is None or is_listed(game, abstraction):
        return False
    streets = len(played_streets(game))
    return streets == LATER_STREETS + 1 and not is_of_board(game, abstraction)


def with_buckets(config: Config, choice: Choice | None) -> Config:
    """Return the configuration with what was chosen, as a user would have written it."""
    if choice is None:
        return config
    return dataclasses.replace(config, abstraction=_asking_for(config, choice.candidate))


def choose_buckets(config: Config, ranks: int = 1, progress: Report | None = None) -> Choice | None:
    """Choose the buckets of a new run; None where they are not left open.

    Args:
        config: the run's.
        ranks: machines that train, each with as many workers.
        progress: told how far the counting of a large tree is.

    Raises:
        ConfigError: the time is shorter than any build, and no candidate's buckets are there.
        GameError: the game cannot be played as configured.
    """
    if not leaves_open(config):
        return None
    budget = config.run.time_budget or 0.0
    cores = usable_cores()
    workers = worker_count(config, None, cores) * ranks
    decisions = measure_holdem(config.game, config.abstraction, progress).street_rows.decisions
    ready = [buckets_are_ready(config.game, _asking_for(config, each)) for each in CANDIDATES]
    return chosen_of(decisions.tolist(), budget, workers, cores, ready)


def chosen_of(
    decisions: Sequence[int], budget: float, workers: int, cores: int, ready: Sequence[bool]
) -> Choice:
    """Choose among the candidates.

    Args:
        decisions: decision nodes by street, preflop first.
        budget: seconds that the user waits.
        workers: that train.
        cores: that build.
        ready: for each candidate, whether its buckets are there already.

    Raises:
        ConfigError: the time is shorter than any build, and no candidate's buckets are there.
    """
    builds = [
        0.0 if there else each.build_seconds / cores
        for each, there in zip(CANDIDATES, ready, strict=True)
    ]
    if min(builds) >= budget:
        quickest = CANDIDATES[builds.index(min(builds))]
        raise ConfigError(
            f"run.time_budget {budget:g} s is shorter than building any card buckets: those of "
            f"{quickest.named} take about {min(builds):.0f} s here; raise it, name a file in "
            "abstraction.buckets, or say what is built in abstraction.bucket_counts"
        )
    affordable = []
    for each, build in zip(CANDIDATES, builds, strict=True):
        rows = PREFLOP * decisions[0] + each.buckets * sum(decisions[1:])
        updates = UPDATES_PER_SECOND * workers * (budget - build) / rows
        choice = Choice(each, updates, _told(each, updates, budget, workers, build))
        if build <= BUILD_SHARE * budget and updates >= each.least_updates:
            return choice
        affordable.append((build, choice))
    # More time would be better spent: what is there, or is built soonest.
    return min(affordable, key=lambda pair: pair[0])[1]


def _told(each: Candidate, updates: float, budget: float, workers: int, build: float) -> str:
    crew = "1 worker" if workers == 1 else f"{workers} workers"
    built = f", of which building them takes about {build:.0f}" if build else ""
    return (
        f"card buckets for {budget:g} s of {crew}{built}: {each.named} a street, each row updated "
        f"about {updates:,.0f} times (written to config.yaml; abstraction.bucket_method and "
        "bucket_counts say otherwise)"
    )


def _asking_for(config: Config, candidate: Candidate) -> AbstractionConfig:
    return dataclasses.replace(
        config.abstraction,
        bucket_method=candidate.method,
        bucket_counts=(PREFLOP, *[candidate.buckets] * LATER_STREETS),
    )
