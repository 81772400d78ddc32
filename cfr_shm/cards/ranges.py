"""Ranges: which hole hands a player may hold, with weights, as poker players write them.

Pieces are separated by commas: ``AKs`` suited, ``AKo`` offsuit, ``AK`` both, ``TT`` a pair,
``TT+`` and ``ATs+`` these and all above (the second card climbs to just below the first),
``KK-TT``, ``A9s-A6s`` and ``T9s-65s`` from one to the other, ``AhKd`` one hand, ``*`` (or
``random``) every hand. ``:0.75`` behind a piece is its weight, 0 to 1; a later piece replaces
the weight that an earlier one gave. What other tools write is read too: ``cards.range_pieces``
says how it is taken apart, and as many numbers as there are hands are weights in the order of
the hands' numbers, which is PioSOLVER's.

Hands are numbered as ``kernels.holdem.card_index.pair_number`` does: the hand of cards ``low`` and
``high`` is ``high * (high - 1) // 2 + low``, 0 to 1,325 on 52 cards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, SUITS, Deck
from cfr_shm.cards.range_pieces import EXAMPLES, range_pieces, shown
from cfr_shm.errors import UsageError

EVERY_HAND = "*"
_CLASS = re.compile(r"(?P<ranks>\w\w)(?P<suits>[soSO]?)(?P<plus>\+?)")

#: Ranks (high, low), and ``s``, ``o`` or nothing: 169 of them with pairs' nothing.
_Kind = tuple[int, int, str]


def hand_pairs(deck: Deck) -> NDArray[np.int64]:
    """Return (hands, 2): the two cards of each hand by its number, lower card first."""
    high, low = np.tril_indices(deck.card_count, -1)
    return np.stack([low, high], axis=1).astype(np.int64)


def hand_of(first: int, second: int) -> int:
    """Return the number of the hand that two different cards make."""
    low, high = sorted((first, second))
    return high * (high - 1) // 2 + low


def parse_range(deck: Deck, text: str) -> NDArray[np.float64]:
    """Return the weight of every hole hand, (hands,) float64 in [0, 1].

    Raises:
        UsageError: a piece that is no hand or hands, or a weight that is none: names the piece;
            or a range without any hand.

    >>> from cfr_shm.cards.deck import STANDARD
    >>> parse_range(STANDARD, "AA, KQs:0.5").sum()
    8.0
    """
    weights = np.zeros(deck.card_count * (deck.card_count - 1) // 2)
    numbers = text.split()
    if len(numbers) == len(weights):
        weights[:] = [_listed_weight(number) for number in numbers]
    else:
        for piece in range_pieces(text):
            weights[list(_hands(deck, piece.name, text))] = piece.weight
    if not weights.any():
        raise UsageError(f"the range {shown(text)} holds no hand; {EXAMPLES}")
    return weights


def range_text(deck: Deck, weights: NDArray[np.float64]) -> str:
    """Write a range so that ``parse_range`` gives exactly these weights again.

    Classes of one weight are written as such, and neighbouring ones from the first to the
    last; other hands one by one.

    Raises:
        UsageError: the weights are not one for each hand, in [0, 1], and one of them above 0.
    """
    hands = deck.card_count * (deck.card_count - 1) // 2
    if weights.shape != (hands,) or not np.all((weights >= 0.0) & (weights <= 1.0)):
        raise UsageError(f"a range has {hands} weights from 0 to 1")
    if not weights.any():
        raise UsageError(f"the range holds no hand; {EXAMPLES}")
    if np.all(weights == weights[0]):
        return EVERY_HAND + _weight_text(float(weights[0]))
    pieces: list[str] = []
    for run in _runs(deck):
        pieces.extend(_run_text(deck, run, weights))
    return ",".join(pieces)


# --- reading -----------------------------------------------------------------------------


def _listed_weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0.0 <= weight <= 1.0:
        raise UsageError(f"a range of one number for each hand: {text!r} is none from 0 to 1")
    return weight


def _hands(deck: Deck, name: str, whole: str) -> Iterator[int]:
    """Yield the numbers of the hands that a piece without its weight means."""
    if name in (EVERY_HAND, "random", "any"):
        yield from range(deck.card_count * (deck.card_count - 1) // 2)
        return
    if len(name) == 4 and "-" not in name and name[1].lower() in SUITS:
        one, two = deck.parse(name)
        yield hand_of(one, two)
        return
    first, dash, last = name.partition("-")
    start, plus = _kind(deck, first.strip(), name, whole)
    kinds = [start]
    if dash:
        end, end_plus = _kind(deck, last.strip(), name, whole)
        if plus or end_plus:
            raise UsageError(_no_piece(name, whole, "'+' and '-' exclude each other"))
        kinds = _between(start, end, name, whole)
    elif plus:
        kinds = _above(deck, start)
    for kind in kinds:
        yield from _hands_of(kind)


def _kind(deck: Deck, name: str, piece: str, whole: str) -> tuple[_Kind, bool]:
    found = _CLASS.fullmatch(name)
    ranks = [deck.ranks.find(rank) for rank in found["ranks"].upper()] if found else []
    if found is None or -1 in ranks:
        raise UsageError(_no_piece(piece, whole, _no_class(deck, name)))
    high, low = max(ranks), min(ranks)
    if high == low and found["suits"]:
        raise UsageError(_no_piece(piece, whole, "a pair is neither suited nor offsuit"))
    return (high, low, found["suits"].lower()), bool(found["plus"])


def _no_class(deck: Deck, name: str) -> str:
    """Say what a text lacks to be a class of hands, and how what was meant is written."""
    if name.endswith("%"):
        return f"shares of all hands are not read; write the hands, or {EVERY_HAND} for all"
    if "10" in name:
        return "the ten is written T"
    if "x" in name.lower():
        lowest = deck.ranks[0]
        return (
            f"for a card of any rank write the lowest and +, for example A{lowest}s+ or A{lowest}+"
        )
    return f"hands are two ranks of {deck.ranks}, then s, o or nothing"


def _no_piece(piece: str, whole: str, why: str) -> str:
    return f"{piece!r} in the range {shown(whole)} means no hands: {why}; {EXAMPLES}"


def _above(deck: Deck, kind: _Kind) -> list[_Kind]:
    """Return a class and those above: pairs to the aces, otherwise up to the first card."""
    high, low, suits = kind
    if high == low:
        return [(rank, rank, suits) for rank in range(high, deck.rank_count)]
    return [(high, rank, suits) for rank in range(low, high)]


def _between(start: _Kind, end: _Kind, piece: str, whole: str) -> list[_Kind]:
    """Return the classes from one to another: of one first card, or of one gap."""
    if start[2] != end[2] or (start[0] == start[1]) != (end[0] == end[1]):
        raise UsageError(_no_piece(piece, whole, "its ends are of different kinds"))
    low, high = sorted((start, end))
    if low[0] == high[0]:
        return [(low[0], rank, low[2]) for rank in range(low[1], high[1] + 1)]
    if low[0] - low[1] == high[0] - high[1]:
        return [(low[0] + step, low[1] + step, low[2]) for step in range(high[0] - low[0] + 1)]
    raise UsageError(
        _no_piece(piece, whole, "its ends have neither the first card nor the gap in common")
    )


def _hands_of(kind: _Kind) -> Iterator[int]:
    high, low, suits = kind
    for one in range(SUIT_COUNT):
        for two in range(SUIT_COUNT):
            if high == low and one <= two:
                continue
            if high != low and ((suits == "s" and one != two) or (suits == "o" and one == two)):
                continue
            yield hand_of(SUIT_COUNT * high + one, SUIT_COUNT * low + two)


# --- writing -----------------------------------------------------------------------------


def _runs(deck: Deck) -> Iterator[list[_Kind]]:
    """Yield the classes in rows of neighbours, strongest first: pairs, then by first card."""
    ranks = range(deck.rank_count - 1, -1, -1)
    yield [(rank, rank, "") for rank in ranks]
    for suits in ("s", "o"):
        for high in ranks:
            if high > 0:
                yield [(high, low, suits) for low in range(high - 1, -1, -1)]


def _run_text(deck: Deck, run: list[_Kind], weights: NDArray[np.float64]) -> Iterator[str]:
    """Write a row of neighbours: stretches of one weight together, uneven classes by hand."""
    pairs = hand_pairs(deck)
    stretch: list[_Kind] = []
    common = 0.0
    for kind in [*run, None]:
        hands = [] if kind is None else list(_hands_of(kind))
        even = bool(hands) and bool(np.all(weights[hands] == weights[hands[0]]))
        if stretch and not (even and weights[hands[0]] == common):
            yield _stretch_text(deck, stretch) + _weight_text(common)
            stretch = []
        if kind is not None and even and weights[hands[0]] > 0.0:
            common = float(weights[hands[0]])
            stretch.append(kind)
        elif not even:
            for hand in hands:
                if weights[hand] > 0.0:
                    yield deck.text(pairs[hand][::-1].tolist()) + _weight_text(float(weights[hand]))


def _stretch_text(deck: Deck, kinds: list[_Kind]) -> str:
    names = [deck.ranks[high] + deck.ranks[low] + suits for high, low, suits in kinds]
    return names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"


def _weight_text(weight: float) -> str:
    return "" if weight == 1.0 else f":{weight!r}"
