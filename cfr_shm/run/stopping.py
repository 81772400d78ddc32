"""When a run is good enough to end: the rules of ``run.stop``, taken point by point.

A rule looks again and again, and some look is always lucky. So a bound with an interval counts
only where its upper end is below the value at a confidence that grows from look to look: the
``k``-th look may be wrong with 5 % / (k (k + 1)), which adds up to 5 % over all looks of a run,
however much they depend on each other. A match of a checkpoint against one before has an interval
that may be watched, and counts where the gain is below the value and its upper end below twice
that, several times running.

What rules have seen is in ``metrics.jsonl``: a resumed run takes those points first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cfr_shm.config.run import RunConfig
from cfr_shm.config.sections import Config
from cfr_shm.config.stop_rules import EXACT, PAST, StopRule, read_stop_rules
from cfr_shm.errors import ConfigError, UsageError
from cfr_shm.evaluation.estimates import CONFIDENCE, student_quantile
from cfr_shm.games.game import Game
from cfr_shm.run.measures import evaluated_at_checkpoints
from cfr_shm.run.quality import OFF, curve_method, quality_mode
from cfr_shm.telemetry.events import Evaluated, Event, QualityMeasured
from cfr_shm.telemetry.metrics_lines import EVALUATION, QUALITY, metrics_lines

#: All looks of one rule together end a run that is not good enough at most so often.
WRONGLY = 1.0 - CONFIDENCE


class Look(NamedTuple):
    """One point, as rules see it."""

    measure: str
    iterations: int
    value: float
    high: float  # of the 95 % interval; ``value`` where it is exact
    n: int  # samples; 0: exact
    unit: str


class StopRules:
    """Takes every point of a run, and says when a rule is met.

    It is told by one thread at a time for each measure, and read by the run's.

    Attributes:
        why: which rule is met and by what; nothing as long as none is.
    """

    def __init__(self, rules: tuple[StopRule, ...]) -> None:
        self.why = ""
        self._rules = rules
        self._looks = dict.fromkeys(range(len(rules)), 0)
        self._met = dict.fromkeys(range(len(rules)), 0)

    def __call__(self, event: Event) -> None:
        """Take a point in; other events are none."""
        match event:
            case Evaluated():
                value = event.exploitability
                self.take(Look(EXACT, event.iterations, value, value, 0, event.unit))
            case QualityMeasured():
                found = Look(
                    event.method, event.iterations, event.value, event.high, event.n, event.unit
                )
                self.take(found)

    def take(self, look: Look) -> None:
        """Take a point in."""
        for index, rule in enumerate(self._rules):
            if rule.measure != look.measure or self.why:
                continue
            self._looks[index] += 1
            holds, known = _holds(rule, look, self._looks[index])
            self._met[index] = self._met[index] + 1 if holds else 0
            if self._met[index] >= rule.points:
                self.why = (
                    f"run.stop {rule.words}: {look.value:.4g} {look.unit}{known} at iteration "
                    f"{look.iterations:,}"
                )


def _holds(rule: StopRule, look: Look, looks: int) -> tuple[bool, str]:
    """Return whether a point is below a rule's value, and how surely, in words."""
    if look.n == 0:
        return look.value < rule.below, ""
    if rule.measure == PAST:
        holds = look.value < rule.below and look.high < 2.0 * rule.below
        return holds, f", {look.high:.4g} at most"
    if look.n < 2:
        return False, ""
    wrongly = WRONGLY / (looks * (looks + 1))
    error = (look.high - look.value) / student_quantile(0.5 + CONFIDENCE / 2.0, look.n - 1)
    high = look.value + error * student_quantile(1.0 - wrongly, look.n - 1)
    return high < rule.below, f", {high:.4g} at most at look {looks}"


def stop_rules(config: Config, game: Game) -> StopRules:
    """Return the rules of a run, none of which is met yet.

    Raises:
        ConfigError: one looks at what is not measured of this run; says what is.
    """
    rules = read_stop_rules(config.run.stop)
    if rules:
        _refuse_unseen(config, game, rules)
    return StopRules(rules)


def gain_below(run: RunConfig) -> float | None:
    """Return how little matches against the past are to be told apart from, None for none."""
    found = [rule.below for rule in read_stop_rules(run.stop) if rule.measure == PAST]
    return min(found, default=None)


def _refuse_unseen(config: Config, game: Game, rules: tuple[StopRule, ...]) -> None:
    exact = evaluated_at_checkpoints(game)
    curve = quality_mode(config, game)
    seen = [EXACT] if exact else []
    if not exact and curve != OFF:
        method = curve_method(game)
        seen += [method] if method else []
        seen += [PAST] if game.player_count == 2 else []
    for rule in rules:
        if rule.measure in seen:
            continue
        if seen:
            there = f"which has {' and '.join(seen)}"
        elif config.run.quality == OFF:
            there = "while run.quality is off"
        else:
            there = "whose checkpoints are not measured while it trains"
        raise ConfigError(
            f"run.stop: {rule.measure} is not measured of {game.name}, {there}; "
            + (f"write {seen[0]}<VALUE" if seen else "give --iters or --time-budget instead")
        )
    if not config.run.checkpoint_interval:
        raise ConfigError(
            "run.stop: a run ends by what its checkpoints are like, and run.checkpoint_interval 0 "
            "leaves one at the end only; give --checkpoint-interval SECONDS"
        )


def take_former(rules: StopRules, directory: Path, iterations: int) -> None:
    """Let rules see the points of the parts of a run before this one.

    Args:
        rules: new ones.
        directory: of the run.
        iterations: of the checkpoint that it goes on from; what came later is done again.

    Raises:
        UsageError: one of them is met: there is nothing left to do.
    """
    try:
        found = list(_former(directory, iterations))
    except UsageError:  # no metrics were written
        return
    for look in found:
        rules.take(look)
    if rules.why:
        raise UsageError(
            f"{directory}: nothing is left to do: {rules.why}; to go on, --set run.stop=null, or "
            "another rule"
        )


def _former(directory: Path, iterations: int) -> Iterator[Look]:
    kept: list[Look] = []
    for line in metrics_lines(directory, evaluation=EVALUATION, quality=QUALITY):
        look = _look(line)
        # A part that went back to an earlier checkpoint measured anew.
        kept = [
            each
            for each in kept
            if each.measure != look.measure or each.iterations < look.iterations
        ]
        if look.iterations <= iterations:
            kept.append(look)
    yield from kept


def _look(line: dict[str, Any]) -> Look:
    unit, iterations = line.get("unit") or "", int(line["iterations"])
    if line["kind"] == "evaluation":
        value = line["exploitability"]
        return Look(EXACT, iterations, value, value, 0, unit)
    # Lines that do not tell how many samples: nothing is known of them.
    high, n = line.get("high"), line.get("n")
    value = line["value"]
    if high is None or n is None:
        high, n = value, 1
    return Look(line["method"], iterations, value, high, n, unit)
