"""The config section ``run``: how long a run lasts and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfr_shm.config.fields import Section, flag, real, text, whole, word
from cfr_shm.config.stop_rules import read_stop_rules

#: The training time when neither iterations nor a time budget is given.
DEFAULT_TIME_BUDGET_SECONDS = 15.0

#: Iterations are counted in float64 words, which are exact up to here.
MOST_ITERATIONS = 1 << 53


@dataclass(frozen=True)
class RunConfig(Section):
    """How long a run lasts and what it leaves behind."""

    iterations: int | None = whole(
        None, 1, MOST_ITERATIONS, "Stop after this many iterations.", optional=True
    )
    time_budget: float | None = real(
        None,
        0.01,
        1e9,
        "Stop after this many seconds of training; compiling and building the game do not "
        "count. With `iterations` as well, whichever comes first ends the run. When both, and "
        f"`stop`, are null it is {DEFAULT_TIME_BUDGET_SECONDS:.0f}.",
        optional=True,
    )
    seed: int = whole(0, 0, 2**63 - 1, "Seed of every random number.")
    logdir: str | None = text(
        None,
        "The run directory. null = `runs/<name>-<YYYYmmdd-HHMMSS>`.",
        optional=True,
    )
    checkpoint_interval: float = real(
        60.0, 0.0, 1e9, "Seconds of training between checkpoints; 0 = one at the end only."
    )
    keep_checkpoints: int = whole(2, 2, 1000, "Checkpoints that are kept; older ones are deleted.")
    progress_interval: float = real(
        30.0,
        0.1,
        1e6,
        "Seconds between progress lines, and between lines of `metrics.jsonl`. Longer "
        "intervals begin with lines at 5 and 10 seconds.",
    )
    keep_history: bool | None = flag(
        None,
        "Keep a checkpoint at each 1.5 times the iterations of the one before, from ten seconds of "
        "training on, beside `keep_checkpoints`; `RUN@ITERATIONS` names one. null = for hold'em "
        "with a table below 256 MiB.",
        optional=True,
    )
    smoothing: int | None = whole(
        None,
        0,
        1000,
        "Hold'em: average the strategy of each turn and river bucket so often with its neighbours "
        "in strength, whenever the run's strategy is measured, shown, played or exported "
        "(evaluation.md); training is not touched. null = 0.",
        optional=True,
    )
    smoothing_own: float = real(
        0.0,
        0.0,
        1.0,
        "With `smoothing`: of an action that a bucket itself plays less than this share of the "
        "time so much less is left, of what it gets from neighbours and, preflop and on the flop, "
        "of its own; 0 = all.",
    )
    quality: Literal["off", "light", "full"] = word(
        "light",
        ("off", "light", "full"),
        "Measure checkpoints of hold'em while training goes on, at 2 % of one core, and the last "
        "one: what best responses win at least, or, with three and more players, seats that learn "
        "(docs/evaluation.md). `light` takes so many boards as half a minute allows, `full` 1,000.",
    )
    stop: str | None = text(
        None,
        "Stop when a measure is known to be low enough: `exploitability<0.01` where it is exact, "
        "`river<300` for what is measured of hold'em (`quality`), `match<2` when a checkpoint wins "
        "less than 2 mbb of one two thirds as far, three times running (`for N`: N times). "
        "Several rules: commas, whichever comes first (docs/evaluation.md).",
        optional=True,
    )
    tensorboard: bool = flag(
        False, "Write TensorBoard events below `tensorboard/`; needs `pip install 'cfr-shm[tb]'`."
    )
    loglevel: Literal["debug", "info", "warning", "error"] = word(
        "info",
        ("debug", "info", "warning", "error"),
        "Least severity of what is written to the terminal and to `log.txt`.",
    )
    log_format: Literal["text", "json"] = word(
        "text",
        ("text", "json"),
        "How `log.txt` is written: lines with a time, or one JSON object for each event.",
    )

    def check(self) -> None:
        """Refuse values that no run can have.

        Raises:
            ConfigError: ``stop`` holds something that is no rule.
        """
        read_stop_rules(self.stop)
