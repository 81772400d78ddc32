"""Hold'em betting for Python: rules from a config's values, and one hand at a time.

The rules themselves are cfr_shm/kernels/holdem/betting.py; nothing here knows them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.kernels.holdem.betting import begin_hand, legal_range, play_move, settle_hand
from cfr_shm.layout.betting import (
    BET_ACTOR,
    BET_ALL_IN,
    BET_FOLDED,
    BET_HIGHEST,
    BET_POT,
    BET_RAISES,
    BET_SEATS,
    BET_STATUS,
    BET_STREET,
    CALL,
    FIXED_LIMIT,
    FOLD,
    NO_LIMIT,
    NO_RAISE_CAP,
    PLAYING,
    POT_LIMIT,
    BettingRules,
    betting_words,
)

LIMITS = {"no_limit": NO_LIMIT, "pot_limit": POT_LIMIT, "fixed_limit": FIXED_LIMIT}
RAKE_FROM = {"preflop": 0, "flop": 1}
MAX_PLAYERS = 10
#: Sums over all seats stay far below 2**63, also times each other when rake is shared out.
MAX_CHIPS = 10**8

#: Bets and raises by real street in fixed limit: a bet and three raises, the big blind being the
#: bet preflop.
FIXED_LIMIT_CAPS = (3, 4, 4, 4)
#: Turn and river, where fixed-limit bets are twice as large.
DOUBLED_STREETS = (2, 3)


class Pot(NamedTuple):
    """Chips to be won, rake taken out, and the seats that may win them, ascending."""

    amount: int
    seats: tuple[int, ...]


class Hand:
    """One hand's public state; immutable: ``apply`` returns the next one.

    Chips everywhere. A move is ``FOLD``, ``CALL`` (check, call, all-in for less)
    or the number of chips to bet or raise *to* on this street.

    >>> rules = betting_rules(players=2, blinds=[50, 100], stacks=1000)
    >>> hand = Hand(rules)
    >>> hand.actor, hand.call_amount, hand.raise_bounds
    (0, 50, (200, 1000))
    >>> hand = hand.apply(300).apply(CALL)
    >>> hand.street, hand.pot, hand.actor
    (1, 600, 1)
    """

    __slots__ = ("_range", "_state", "rules")

    def __init__(self, rules: BettingRules, state: NDArray[np.int64] | None = None) -> None:
        self.rules = rules
        if state is None:
            state = np.zeros((1, betting_words(rules.players)), np.int64)
            begin_hand(rules, state)
        self._state = state
        found = np.zeros(3, np.int64)
        legal_range(rules, state, found)
        self._range = (int(found[0]), int(found[1]), int(found[2]))

    @property
    def street(self) -> int:
        """The game's street, from 0; of a finished hand, the last one with a choice for anybody."""
        return self._word(BET_STREET)

    @property
    def status(self) -> int:
        """``PLAYING``, ``FOLDED_OUT`` or ``AT_SHOWDOWN``."""
        return self._word(BET_STATUS)

    @property
    def finished(self) -> bool:
        """Whether the betting is over."""
        return self.status != PLAYING

    @property
    def actor(self) -> int:
        """The seat to move; -1 when the betting is over."""
        return self._word(BET_ACTOR)

    @property
    def may_fold(self) -> bool:
        """Whether there is something to call: nobody folds where a check is free."""
        return self.call_amount > 0

    @property
    def call_amount(self) -> int:
        """What a call costs now: 0 is a check, the whole stack perhaps less than the bet."""
        return self._range[0]

    @property
    def raise_bounds(self) -> tuple[int, int] | None:
        """Least and most to bet or raise to, or None; equal for all-in below a full raise."""
        _, least, most = self._range
        return (least, most) if most > 0 else None

    @property
    def highest_bet(self) -> int:
        """The street bet that others have to match."""
        return self._word(BET_HIGHEST)

    @property
    def raises(self) -> int:
        """Bets and raises on this street; blinds are none."""
        return self._word(BET_RAISES)

    @property
    def pot(self) -> int:
        """All that was put in by now, before rake."""
        return self._word(BET_POT)

    @property
    def street_bets(self) -> tuple[int, ...]:
        """What each seat has put in on this street."""
        return self._seats(0)

    @property
    def committed(self) -> tuple[int, ...]:
        """What each seat has put in, antes and blinds too."""
        return self._seats(1)

    @property
    def stacks(self) -> tuple[int, ...]:
        """What each seat has left."""
        pairs = zip(self.rules.stack, self.committed, strict=True)
        return tuple(int(stack) - put for stack, put in pairs)

    @property
    def folded(self) -> tuple[int, ...]:
        """The seats that have folded."""
        return _seats_of(self._word(BET_FOLDED))

    @property
    def all_in(self) -> tuple[int, ...]:
        """The seats that have nothing left."""
        return _seats_of(self._word(BET_ALL_IN))

    @property
    def state(self) -> NDArray[np.int64]:
        """A copy of the row that kernels work on, (1, betting_words(players))."""
        return self._state.copy()

    def refusal(self, move: int) -> str | None:
        """Say why ``move`` is not legal here, or None if it is."""
        if self.finished:
            return "the hand is over"
        if move == CALL:
            return None
        if move == FOLD:
            return None if self.may_fold else "nothing to call: check instead of folding"
        if self.raise_bounds is None:
            return f"seat {self.actor} may not bet or raise here"
        least, most = self.raise_bounds
        if least <= move <= most:
            return None
        return f"seat {self.actor} may bet or raise to {least} up to {most} chips, not {move}"

    def apply(self, move: int) -> Hand:
        """Return the hand after a move.

        Raises:
            GameError: the move is not legal.
        """
        reason = self.refusal(move)
        if reason is not None:
            raise GameError(f"illegal move {move}: {reason}")
        state = self._state.copy()
        play_move(self.rules, state, move)
        return Hand(self.rules, state)

    def pots(self) -> tuple[Pot, ...]:
        """Return the pots of a finished hand, main pot first; uncalled chips are in none."""
        pots, _ = self._settled()
        return pots

    def losing_utility(self) -> tuple[int, ...]:
        """Return each seat's net chips in a finished hand if it wins no pot."""
        _, losing = self._settled()
        return losing

    def payoffs(self, strengths: Sequence[int] = ()) -> tuple[int, ...]:
        """Return each seat's net chips in a finished hand.

        Args:
            strengths: of the hands by seat, higher wins; not needed when all but one folded.

        As in pokerkit: hands that win no pot are out, neighbouring pots of the same remaining
        seats are one, each pot is split evenly, and its odd chips go to the first winner left
        of the button.
        """
        pots, losing = self._settled()
        payoff = list(losing)
        for amount, winners in _won(pots, strengths):
            share, odd = divmod(amount, len(winners))
            for seat in winners:
                payoff[seat] += share
            payoff[self._first_left_of_button(winners)] += odd
        return tuple(payoff)

    def _first_left_of_button(self, seats: tuple[int, ...]) -> int:
        # Heads-up the button has seat 0.
        return max(seats) if self.rules.players == 2 else min(seats)

    def _settled(self) -> tuple[tuple[Pot, ...], tuple[int, ...]]:
        if not self.finished:
            raise GameError("the hand is not over: it has no pots yet")
        players = self.rules.players
        amount, mask, losing = (np.zeros(players, np.int64) for _ in range(3))
        count = settle_hand(self.rules, self._state, amount, mask, losing)
        pots = (Pot(int(amount[i]), _seats_of(int(mask[i]))) for i in range(count))
        return tuple(pots), tuple(int(chips) for chips in losing)

    def _word(self, word: int) -> int:
        return int(self._state[0, word])

    def _seats(self, block: int) -> tuple[int, ...]:
        first = BET_SEATS + block * self.rules.players
        return tuple(int(chips) for chips in self._state[0, first : first + self.rules.players])


def _won(pots: Sequence[Pot], strengths: Sequence[int]) -> list[Pot]:
    """Return each pot with the seats that share it, after merging as ``Hand.payoffs`` says."""
    winners = [_best(pot.seats, strengths) for pot in pots]
    alive = {seat for seats in winners for seat in seats}
    merged: list[Pot] = []
    before: tuple[int, ...] = ()
    for pot, won_by in zip(pots, winners, strict=True):
        contenders = tuple(seat for seat in pot.seats if seat in alive)
        if merged and contenders == before:
            merged[-1] = Pot(merged[-1].amount + pot.amount, won_by)
        else:
            merged.append(Pot(pot.amount, won_by))
        before = contenders
    return merged


def _best(seats: tuple[int, ...], strengths: Sequence[int]) -> tuple[int, ...]:
    if len(seats) == 1:
        return seats
    best = max(strengths[seat] for seat in seats)
    return tuple(seat for seat in seats if strengths[seat] == best)


def betting_rules(
    *,
    players: int,
    blinds: Sequence[int],
    stacks: int | Sequence[int],
    ante: int | Sequence[int] = 0,
    betting: str = "no_limit",
    streets: int | Sequence[int] = 4,
    big_blind: int | None = None,
    bet_sizes: Sequence[int] | None = None,
    raise_caps: Sequence[int] | None = None,
    rake_fraction: float = 0.0,
    rake_cap: int | None = None,
    rake_from: str = "flop",
    dead: int = 0,
    short_blinds: bool = False,
) -> BettingRules:
    """Check a config's values, once and for all, and return the rules for kernels.

    Args:
        players: seats, 2 to MAX_PLAYERS.
        blinds: chips by seat; missing seats post none. Straddles are blinds of later seats.
        stacks: chips before antes and blinds, of each or by seat.
        ante: chips, of each or by seat. Antes that differ are dead money in the main pot.
        betting: ``no_limit``, ``pot_limit`` or ``fixed_limit``.
        streets: betting rounds from preflop on, or which streets they are, 0 preflop to 3
            river.
        big_blind: chips that default bets go by where nobody posts a blind.
        bet_sizes: chips by street of the game: fixed bets, or the smallest ones. The default is
            the largest blind preflop and the big blind later, in fixed limit twice that on turn
            and river.
        raise_caps: bets and raises by street of the game; default none, in fixed limit
            FIXED_LIMIT_CAPS.
        rake_fraction: of the pots of a hand together, below 1; rounded down to whole chips.
        rake_cap: chips per hand; None for no cap.
        rake_from: ``flop`` for no flop, no drop; ``preflop`` for always.
        dead: chips in the main pot that nobody at the table put in.
        short_blinds: allow stacks that do not cover the seat's own ante and blind.

    Raises:
        GameError: one line that names the config key.
    """
    real = _real_streets(streets)
    _in_range("game.dead", dead, 0)
    stack, antes, blind = _posts(players, stacks, ante, blinds, short_blinds)
    if not any((*blind, *antes, dead)):
        raise GameError("game.blinds: no blind and no ante, so nobody has anything to play for")
    limit = _one_of("game.betting", betting, LIMITS)
    return BettingRules(
        stack=_array(stack),
        blind=_array(blind),
        ante=_array(antes),
        first_actor=_array(_first_actors(stack, antes, blind, real)),
        bet_size=_array(_bet_sizes(bet_sizes, blind, antes, limit, real, big_blind)),
        max_raises=_array(_raise_caps(raise_caps, limit, real)),
        limit=limit,
        dead_antes=int(len(set(antes)) > 1),
        dead=dead,
        rake_fraction=_rake_fraction(rake_fraction),
        rake_cap=_rake_cap(rake_cap),
        rake_from_street=_one_of("game.rake_from", rake_from, RAKE_FROM),
        real_street=_array(real),
        players=players,
        streets=len(real),
    )


def _real_streets(streets: int | Sequence[int]) -> tuple[int, ...]:
    real = tuple(range(streets)) if isinstance(streets, int) else tuple(streets)
    if not real:
        raise GameError("game.board_cards: no streets; a hand has at least one")
    return real


def _rake_fraction(fraction: float) -> float:
    if not 0.0 <= fraction < 1.0:
        raise GameError(f"game.rake_fraction: {fraction} is not a fraction from 0 to below 1")
    return float(fraction)


def _rake_cap(cap: int | None) -> int:
    if cap is None:
        return MAX_PLAYERS * MAX_CHIPS + MAX_CHIPS
    if cap < 0:
        raise GameError(f"game.rake_cap: {cap} chips is negative; leave it out for no cap")
    return cap


def _array(values: Sequence[int]) -> NDArray[np.int64]:
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array


def _seats_of(mask: int) -> tuple[int, ...]:
    return tuple(seat for seat in range(mask.bit_length()) if (mask >> seat) & 1)


def _in_range(key: str, chips: int, least: int) -> None:
    if not least <= chips <= MAX_CHIPS:
        raise GameError(f"{key}: {chips} chips is not in the range {least} to {MAX_CHIPS}")


def _one_of(key: str, value: str, known: dict[str, int]) -> int:
    if value not in known:
        raise GameError(f"{key}: unknown '{value}'; one of {', '.join(known)}")
    return known[value]


def _by_seat(key: str, chips: int | Sequence[int], players: int) -> tuple[int, ...]:
    given = (chips,) * players if isinstance(chips, int) else tuple(chips)
    if len(given) != players:
        raise GameError(
            f"{key}: {len(given)} values for {players} players; give one for all or one per seat"
        )
    for value in given:
        _in_range(key, value, 0)
    return given


def _blinds(blinds: Sequence[int], players: int) -> tuple[int, ...]:
    if len(blinds) > players:
        raise GameError(f"game.blinds: {len(blinds)} blinds for {players} players")
    for chips in blinds:
        _in_range("game.blinds", chips, 0)
    return (*blinds, *(0,) * (players - len(blinds)))


def _posts(
    players: int,
    stacks: int | Sequence[int],
    ante: int | Sequence[int],
    blinds: Sequence[int],
    short_blinds: bool,
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    if not 2 <= players <= MAX_PLAYERS:
        raise GameError(f"game.players: hold'em is for 2 to {MAX_PLAYERS} players, not {players}")
    stack = _by_seat("game.stacks", stacks, players)
    antes = _by_seat("game.ante", ante, players)
    blind = _blinds(blinds, players)
    _check_stacks(stack, antes, blind, short_blinds)
    return stack, antes, blind


def _check_stacks(
    stack: Sequence[int], ante: Sequence[int], blind: Sequence[int], short_blinds: bool
) -> None:
    for seat, chips in enumerate(stack):
        if chips < 1:
            raise GameError(f"game.stacks: seat {seat} has {chips} chips; every seat needs some")
        if chips < ante[seat] + blind[seat] and not short_blinds:
            raise GameError(
                f"game.stacks: seat {seat} has {chips} chips, not enough for its ante of "
                f"{ante[seat]} and its blind of {blind[seat]}; stacks count chips unless they "
                "end in bb, as in 100bb"
            )


def _first_actors(
    stack: Sequence[int], ante: Sequence[int], blind: Sequence[int], streets: Sequence[int]
) -> list[int]:
    """Return who opens each street.

    Preflop it is the seat left of the largest posted blind, later the first left of the button.
    """
    players = len(stack)
    left_of_button = 1 if players == 2 else 0
    posted = [
        min(blind[seat], stack[seat] - min(ante[seat], stack[seat])) for seat in range(players)
    ]
    # The last of the largest, counted from the left of the button.
    order = [(left_of_button + step) % players for step in range(players)]
    largest = max(order, key=lambda seat: (posted[seat], order.index(seat)))
    return [(largest + 1) % players if street == 0 else left_of_button for street in streets]


def _bet_sizes(
    given: Sequence[int] | None,
    blind: Sequence[int],
    ante: Sequence[int],
    limit: int,
    streets: Sequence[int],
    named: int | None,
) -> Sequence[int]:
    if given is None:
        later = named if streets[0] > 0 else None
        big_blind = blind[1] or max(blind) or later or max(ante) or named or 0
        if big_blind == 0:
            raise GameError(
                "game.bet_sizes: without blinds and antes, say the size of a bet, or game.big_blind"
            )
        doubled = 2 * big_blind if limit == FIXED_LIMIT else big_blind
        sizes = [doubled if street in DOUBLED_STREETS else big_blind for street in streets]
        return [max(*blind, big_blind) if streets[0] == 0 else sizes[0], *sizes[1:]]
    if len(given) != len(streets):
        raise GameError(f"game.bet_sizes: {len(given)} sizes for {len(streets)} streets")
    for chips in given:
        _in_range("game.bet_sizes", chips, 1)
    return given


def _raise_caps(given: Sequence[int] | None, limit: int, streets: Sequence[int]) -> Sequence[int]:
    if given is None:
        if limit != FIXED_LIMIT:
            return [NO_RAISE_CAP] * len(streets)
        return [FIXED_LIMIT_CAPS[min(s, len(FIXED_LIMIT_CAPS) - 1)] for s in streets]
    if len(given) != len(streets):
        raise GameError(f"game.raise_caps: {len(given)} caps for {len(streets)} streets")
    for cap in given:
        if cap < 0:
            raise GameError(f"game.raise_caps: {cap} is negative; leave it out for no cap")
    return given
