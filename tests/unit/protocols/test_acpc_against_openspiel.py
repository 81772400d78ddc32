"""ACPC's lines against OpenSpiel's universal_poker: legal moves, betting, cards, payoffs."""

from __future__ import annotations

import random

import pytest
import universal_poker
from random_hands import random_move

from cfr_shm.games.holdem.betting import Hand
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.protocols.acpc import (
    before_street,
    move_text,
    read_betting,
    read_game,
    read_state,
    write_state,
)
from cfr_shm.protocols.played_hand import PlayedHand, even_payoffs, strengths_of
from cfr_shm.protocols.slumbot import RULES, read_line, write_line

#: (players, blinds, stacks, limit): more than two have even stacks, where short all-ins cannot
#: differ: universal_poker lets them reopen the betting, poker does not.
GAMES = (
    (2, (50, 100), 20_000, "nolimit"),
    (2, (5, 10), 1_000, "nolimit"),
    (2, (5, 10), (55, 340), "nolimit"),
    (2, (1, 3), (301, 20), "nolimit"),
    (3, (5, 10), 400, "nolimit"),
    (4, (7, 15), 201, "nolimit"),
    (6, (5, 10), 1_000, "nolimit"),
    (2, (5, 10), 1_000, "limit"),
    (3, (5, 10), 1_000, "limit"),
)


def action_of(hand: Hand, move: int, limit: bool) -> int:
    """universal_poker's number of a move: a raise is its total over the hand."""
    if move in (FOLD, CALL):
        return 0 if move == FOLD else 1
    return 2 if limit else move + before_street(hand)


def assert_same_legal(hand: Hand, theirs) -> None:
    may_fold, raises = theirs.legal()
    assert may_fold == hand.may_fold
    ours = hand.raise_bounds
    put_in = before_street(hand)
    assert raises == (None if ours is None else (ours[0] + put_in, ours[1] + put_in))


def play(rng: random.Random, description) -> None:
    """Play one hand in both programs side by side and compare all that can be compared."""
    text = universal_poker.game_text(*description)
    game, limit = read_game(text), description[3] == "limit"
    players = game.rules.players
    cards = rng.sample(range(52), 2 * players + 5)
    theirs = universal_poker.UniversalHand(_loaded(text), cards)
    by_position = [tuple(cards[2 * place : 2 * place + 2]) for place in range(players)]
    holes = tuple(by_position[game.seats.index(seat)] for seat in range(players))
    hand, moves = Hand(game.rules), []
    while not hand.finished:
        assert game.seats[theirs.position] == hand.actor
        if limit:
            assert theirs.state.legal_actions() == [
                *([0] if hand.may_fold else []),
                1,
                *([2] if hand.raise_bounds else []),
            ]
        else:
            assert_same_legal(hand, theirs)
        move = random_move(rng, hand)
        before = len(moves)
        theirs.play(action_of(hand, move, limit))
        moves.append(move)
        assert move_text(game, hand, move) in theirs.line()
        hand = hand.apply(move)
        assert read_betting(game, _betting(theirs))[before:] == (move,)
    assert theirs.finished
    played = PlayedHand(game.rules, tuple(moves), holes, tuple(cards[2 * players :]), number=0)
    assert _sorted_cards(f"0:{write_state(game, played)}") == _sorted_cards(theirs.line())
    told = read_state(game, f"MATCHSTATE:0:0:{_betting(theirs)}:{theirs.line().split(':')[2]}")
    assert told is not None
    assert told.played.moves == played.moves
    assert [set(hole) for hole in told.played.holes] == [set(hole) for hole in holes]
    strengths = strengths_of(played, hand) or ()
    payoffs = even_payoffs(hand, strengths)
    expected = theirs.state.returns()
    assert [float(payoffs[seat]) for seat in game.seats] == pytest.approx(expected, abs=1e-9)
    if game.rules.stack.tolist() == RULES.stack.tolist():
        assert read_line(_as_slumbot(moves)) == tuple(moves) == read_line(write_line(tuple(moves)))


_GAMES: dict[str, object] = {}


def _loaded(text: str):
    if text not in _GAMES:
        _GAMES[text] = universal_poker.load(text)
    return _GAMES[text]


def _betting(theirs) -> str:
    return theirs.line().split(":")[1]


def _sorted_cards(line: str) -> list[str]:
    """The server writes the cards of a hand and of a flop sorted; their order says nothing."""
    number, betting, cards = line.split(":")
    private, *board = cards.split("/")
    parts = [*private.split("|"), *board]
    return [number, betting, *("".join(sorted(_pairs(part))) for part in parts)]


def _pairs(text: str) -> list[str]:
    return [text[place : place + 2] for place in range(0, len(text), 2)]


def _as_slumbot(moves: list[int]) -> str:
    """Slumbot's words for the same betting, worked out from the moves alone."""
    words, owed, acted, bets, seat, street = [], 50, 0, [50, 100], 0, 0
    left = [19_950, 19_900]
    for move in moves:
        if move == FOLD:
            words.append("f")
            break
        if move == CALL:
            words.append("c" if owed else "k")
            left[seat] -= owed
            bets[seat] += owed
        else:
            words.append(f"b{move}")
            left[seat] -= move - bets[seat]
            bets[seat] = move
        acted += 1
        if bets[0] == bets[1] and acted >= 2:
            words.append("/" if street < 3 else "")
            street, acted, bets, owed = street + 1, 0, [0, 0], 0
            seat = 1
            if 0 in left:
                words.append("/" * (3 - street))
        else:
            seat = 1 - seat
            owed = min(bets[1 - seat] - bets[seat], left[seat])
    return "".join(words)


@pytest.mark.parametrize("description", GAMES, ids=str)
def test_random_hands_are_the_same_hands(description):
    rng = random.Random(str(description))
    for _ in range(15):
        play(rng, description)


@pytest.mark.slow
def test_ten_thousand_random_hands_are_the_same_hands():
    rng = random.Random(1)
    for number in range(10_000):
        play(rng, GAMES[number % len(GAMES)])
