"""The config section ``spot``: what ``cfr-shm solve`` solves. Keys are null unless they are set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfr_shm.config.fields import Section, flag, listed, real, text, whole, word
from cfr_shm.errors import ConfigError

DEFAULT_TARGET_PERCENT = 0.3

#: What dcfr's alpha, and which iterations were in the average, of runs whose configuration says
#: neither: as it was before runs recorded them.
ALPHA_BEFORE = 1.5
EVERY_BEFORE = 1

#: More would be beyond what floating point holds after some million iterations.
_LARGEST_ALPHA = 20.0

_MOST_CHIPS = 1e9
_SIZES = (
    "`60%` of the pot, `2.5x` the bet, `100c` chips, `e`, `2e`, `3e200%` geometric, `a` all-in, "
    "separated by commas; `none` = no such move; a list gives each street its own, first street "
    "of the spot first"
)


def _sizes(doc: str) -> object:
    return listed(text(None, "", optional=True), 1, 3, doc, alone=True)


@dataclass(frozen=True)
class SpotConfig(Section):
    """A board, two ranges, a pot and what may be bet."""

    board: str | None = text(None, "3 to 5 cards, e.g. `Td9d6hQc`.", optional=True)
    pot: float | None = real(None, 0.01, _MOST_CHIPS, "Chips in the pot.", optional=True)
    stack: float | None = real(
        None, 0.01, _MOST_CHIPS, "Chips behind of each player (the smaller stack).", optional=True
    )
    oop: str | None = text(None, "Range of the player who acts first.", optional=True)
    ip: str | None = text(None, "Range of the player who acts last.", optional=True)
    bets: tuple[str | None, ...] | str | None = _sizes(  # type: ignore[assignment]
        f"First bets of both players: {_SIZES}. null = none."
    )
    raises: tuple[str | None, ...] | str | None = _sizes(  # type: ignore[assignment]
        "Raises of both players; in % they are of the pot after the call. null = none."
    )
    oop_bets: tuple[str | None, ...] | str | None = _sizes(  # type: ignore[assignment]
        "In place of `bets` for the first player; null in a list = as `bets`."
    )
    ip_bets: tuple[str | None, ...] | str | None = _sizes("The same for the last player.")  # type: ignore[assignment]
    oop_raises: tuple[str | None, ...] | str | None = _sizes(  # type: ignore[assignment]
        "In place of `raises` for the first player."
    )
    ip_raises: tuple[str | None, ...] | str | None = _sizes("The same for the last player.")  # type: ignore[assignment]
    donk: tuple[str | None, ...] | str | None = _sizes(  # type: ignore[assignment]
        "Bets of the first player into the one whose bet he called on the street before; null = "
        "his ordinary bets, `none` = he checks."
    )
    add_allin: float | None = real(
        None, 0.0, 1e6, "Add all-in where it is at most so many pots; null = never.", optional=True
    )
    force_allin: float | None = real(
        None,
        0.0,
        1e6,
        "A bet is all-in where a call would leave at most so many pots behind; null = never.",
        optional=True,
    )
    merge: float | None = real(
        None,
        0.0,
        10.0,
        "Leave out a size where (1 + the next larger) / (1 + it), in pots, is below 1 + this; "
        "null = none.",
        optional=True,
    )
    chip: float | None = real(
        None,
        1e-6,
        1e6,
        "The smallest amount; bets are rounded to its multiples. null = 1, or 0.01 where pot or "
        "stack is below 50 or no whole number.",
        optional=True,
    )
    remove_lines: tuple[str, ...] | None = listed(
        text(None, ""), 1, 10_000, "Lines that are cut off, e.g. `b120-r300`."
    )
    add_lines: tuple[str, ...] | None = listed(
        text(None, ""), 1, 10_000, "Lines whose last bet or raise is put into the tree."
    )
    rake_fraction: float | None = real(
        None, 0.0, 0.5, "Part of every pot that is taken; null = 0.", optional=True
    )
    rake_cap: float | None = real(
        None, 0.0, _MOST_CHIPS, "The most that is taken, chips; null = no cap.", optional=True
    )
    payouts: tuple[float, ...] | None = listed(
        real(None, 0.0, 1e12, ""),
        1,
        10,
        "Prizes of first, second, ... place: chips are worth what they win of them (ICM).",
    )
    other_stacks: tuple[float, ...] | None = listed(
        real(None, 0.0, _MOST_CHIPS, ""),
        1,
        8,
        "With `payouts`: chips of the players who are not in the hand.",
    )
    locks: str | None = text(
        None, "A file with strategies that are given; see docs/solve.md.", optional=True
    )
    lock_ranges: tuple[str, ...] | None = listed(
        text(None, ""),
        1,
        1_000,
        "Strategies that are given, `LINE [CARDS]: ACTION RANGE`, e.g. `x-b120: f AA:0.5,KK`.",
    )
    algorithm: Literal["dcfr", "dcfr_resets", "cfr_plus", "pcfr_plus", "pdcfr_plus"] | None = word(
        None,
        ("dcfr", "dcfr_resets", "cfr_plus", "pcfr_plus", "pdcfr_plus"),
        "How it is solved; null = dcfr.",
        optional=True,
    )
    gamma: float | None = real(
        None,
        0.0,
        100.0,
        "Power by which later iterations weigh more; null = its own.",
        optional=True,
    )
    alpha: tuple[float, ...] | float | None = listed(
        real(None, 0.0, 1e6, ""),
        3,
        3,
        "Of dcfr, dcfr_resets and pdcfr_plus: after t iterations positive regrets keep t^alpha / "
        "(t^alpha + 1); `[a, b, n]`: a, rising to b in n iterations. null = its own, which the run "
        "directory then says.",
        alone=True,
    )
    average_every: int | None = whole(
        None,
        1,
        100,
        "The average is moved by every such iteration (and the first). null = its own, which the "
        "run directory then says: 2 of dcfr, else 1.",
        optional=True,
    )
    compact: bool | None = flag(
        None, "Tables of 16 instead of 32 bits a number; null = false.", optional=True
    )
    save: Literal["whole", "no_rivers", "no_turns"] | None = word(
        None,
        ("whole", "no_rivers", "no_turns"),
        "What is kept of a solve that is finished: all tables, or those of the streets before; the "
        "others are solved again where they are looked at. null = whole.",
        optional=True,
    )
    isomorphic: bool | None = flag(
        None, "Solve run-outs once that suits alone tell apart; null = true.", optional=True
    )
    target: float | None = real(
        None,
        0.0,
        100.0,
        f"Stop at this exploitability, in % of the pot; null = {DEFAULT_TARGET_PERCENT} unless "
        "`run.iterations` or `run.time_budget` is set.",
        optional=True,
    )

    @property
    def given(self) -> bool:
        """Whether the configuration is one of a spot, or of a list of flops to solve."""
        return self.board is not None or self.oop is not None

    def check(self, players: int = 2) -> None:
        """Refuse a spot that is not whole, and keys that do not go together.

        Args:
            players: that section ``game`` says.

        Raises:
            ConfigError: the first of them.
        """
        self._check_alpha()
        if self.given and players != 2:
            raise ConfigError(
                f"game.players is {players}, and spots are solved for two: give the ranges of the "
                "two who are still in, oop and ip; 'cfr-shm train' plays more"
            )
        if self.board is None:
            return
        for key in ("pot", "stack", "oop", "ip"):
            if getattr(self, key) is None:
                raise ConfigError(f"spot.{key} is needed with spot.board")
        if self.other_stacks is not None and self.payouts is None:
            raise ConfigError("spot.other_stacks is of use with spot.payouts only")
        if self.rake_cap is not None and self.rake_fraction is None:
            raise ConfigError("spot.rake_cap needs spot.rake_fraction (--rake)")
        if self.payouts is not None and self.rake_fraction:
            raise ConfigError("spot.rake_fraction and spot.payouts exclude each other")

    def _check_alpha(self) -> None:
        first, last, count = (
            self.alpha if isinstance(self.alpha, tuple) else (self.alpha or 0.0, 0.0, 0.0)
        )
        if max(first, last) > _LARGEST_ALPHA or not float(count).is_integer():
            raise ConfigError(
                f"spot.alpha must be a power up to {_LARGEST_ALPHA:g}, or two and the iterations "
                f"from one to the other, found {self.alpha}"
            )
