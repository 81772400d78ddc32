"""AIVAT's core on Kuhn and Leduc, every way to the end enumerated: its mean, its spread.

Figures were computed apart from this package, with values that are those of the profile.
"""

from __future__ import annotations

import math
import random
from functools import cache

import numpy as np
import pyspiel
import pytest

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.aivat import Choice, luck, without_luck

CHANCE = -1
#: Kuhn's equilibrium in which the first player bets jacks a third of the time.
BETS = {"0": 1 / 3, "1": 0.0, "2": 1.0, "0pb": 0.0, "1pb": 2 / 3, "2pb": 1.0}
BETS |= {"0p": 1 / 3, "1p": 0.0, "2p": 1.0, "0b": 0.0, "1b": 1 / 3, "2b": 1.0}
RAISE = 2


def uniform(state):
    legal = state.legal_actions()
    return [(action, 1.0 / len(legal)) for action in legal]


def equilibrium(state):
    bets = BETS[state.information_state_string()]
    return [(0, 1.0 - bets), (1, bets)]


def always_raise(state):
    legal = state.legal_actions()
    chosen = RAISE if RAISE in legal else 1
    return [(action, float(action == chosen)) for action in legal]


def outcomes(state, seats):
    return (
        state.chance_outcomes() if state.is_chance_node() else seats[state.current_player()](state)
    )


class Values:
    """The first player's value of every history of a profile."""

    def __init__(self, seats):
        self._seats = seats
        self._known = {}

    def __call__(self, state) -> float:
        if state.is_terminal():
            return state.player_return(0)
        key = str(state.history())
        if key not in self._known:
            self._known[key] = sum(
                share * self(state.child(action)) for action, share in outcomes(state, self._seats)
            )
        return self._known[key]


def results(game, seats, values, known):
    """Yield the probability and the corrected result of every way to the end."""

    def walk(state, reach, choices):
        if state.is_terminal():
            yield reach, without_luck(state.player_return(0), choices)
            return
        actor = CHANCE if state.is_chance_node() else state.current_player()
        moves = [(action, share) for action, share in outcomes(state, seats) if share > 0.0]
        children = [state.child(action) for action, _ in moves]
        shares = [share for _, share in moves]
        worth = [values(child) for child in children] if actor in known else []
        for place, child in enumerate(children):
            made = [Choice(shares, worth, place)] if actor in known else []
            yield from walk(child, reach * shares[place], [*choices, *made])

    return list(walk(pyspiel.load_game(game).new_initial_state(), 1.0, []))


@cache
def mean_and_deviation(game, names, values_of, known):
    seats = [globals()[name] for name in names]
    values = Values([globals()[name] for name in values_of])
    found = results(game, seats, values, known)
    mean = sum(reach * value for reach, value in found)
    spread = sum(reach * (value - mean) ** 2 for reach, value in found)
    return mean, math.sqrt(max(spread, 0.0)), len(found)


@pytest.mark.parametrize(
    ("game", "names", "mean", "deviations"),
    [
        ("kuhn_poker", ("uniform", "uniform"), 0.125, (1.452369, 1.053269, 0.810093, 0.0)),
        (
            "kuhn_poker",
            ("equilibrium", "equilibrium"),
            -1 / 18,
            (1.352866, 0.608581, 0.384900, 0.0),
        ),
        (
            "leduc_poker",
            ("uniform", "uniform"),
            -0.078125,
            (4.512845, 3.752772, 2.694139, 0.0),
        ),
    ],
    ids=["kuhn uniform", "kuhn equilibrium", "leduc uniform"],
)
def test_the_spread_goes_down_and_the_mean_stays(game, names, mean, deviations):
    for known, deviation in zip(
        ((), (CHANCE,), (CHANCE, 0), (CHANCE, 0, 1)), deviations, strict=True
    ):
        found = mean_and_deviation(game, names, names, known)
        assert found[0] == pytest.approx(mean, abs=1e-9)
        assert found[1] == pytest.approx(deviation, abs=1e-6)
    assert game != "leduc_poker" or found[2] == 5520


def test_a_seat_of_unknown_strategy_is_not_corrected():
    """It raises always; values are of uniform play, and the first seat plays uniformly."""
    names, values = ("uniform", "always_raise"), ("uniform", "uniform")
    for known, deviation in (
        ((), 6.635322),
        ((CHANCE,), 5.240383),
        ((CHANCE, 0), 3.110410),
    ):
        mean, spread, _ = mean_and_deviation("leduc_poker", names, values, known)
        assert mean == pytest.approx(-2.576389, abs=1e-6)
        assert spread == pytest.approx(deviation, abs=1e-6)


def test_every_correction_is_zero_on_average_whatever_the_values():
    """Values of another profile in another game's units: the spread is theirs, the mean stays."""
    shuffled = Values([always_raise, uniform])
    for known in ((CHANCE,), (CHANCE, 0), (CHANCE, 0, 1)):
        found = results(
            "leduc_poker", [uniform, uniform], lambda state: 17.0 - 3.0 * shuffled(state), known
        )
        assert sum(reach * value for reach, value in found) == pytest.approx(-0.078125, abs=1e-9)
    choice = Choice((0.2, 0.5, 0.3), (4.0, -7.0, 11.0), 0)
    every = [share * luck([choice._replace(taken=k)]) for k, share in enumerate(choice[0])]
    assert sum(every) == pytest.approx(0.0, abs=1e-12)


def test_what_could_not_be_drawn_is_refused():
    with pytest.raises(UsageError, match="outcome 1 was taken"):
        luck([Choice((1.0, 0.0), (3.0, 2.0), 1)])


def hands_of(game, seats, values, known, count, seed):
    """Return (count, 2) what the first wins in hands that are played: as paid, and corrected.

    Only sides that are ``known`` say how likely they are to do what; of the others a move is seen.
    """
    draws = random.Random(seed)
    start = pyspiel.load_game(game).new_initial_state()
    found = []
    for _ in range(count):
        state, choices = start.clone(), []
        while not state.is_terminal():
            actor = CHANCE if state.is_chance_node() else state.current_player()
            if actor not in known:
                state = state.child(seats[actor](state, draws))
                continue
            moves = [move for move in outcomes(state, seats) if move[1] > 0.0]
            shares = [share for _, share in moves]
            (place,) = draws.choices(range(len(moves)), shares)
            children = [state.child(action) for action, _ in moves]
            choices.append(Choice(shares, [values(child) for child in children], place))
            state = children[place]
        found.append((state.player_return(0), without_luck(state.player_return(0), choices)))
    return np.array(found)


@pytest.mark.parametrize(
    ("game", "hands", "mean", "deviations"),
    [
        ("kuhn_poker", 4000, 0.125, (1.452369, 0.810093)),
        ("leduc_poker", 1500, -0.078125, (4.512845, 2.694139)),
    ],
)
def test_a_player_of_whom_only_moves_are_seen(game, hands, mean, deviations):
    """It plays uniformly and says so to nobody: chance and the first seat alone are corrected."""

    def bare(state, draws):
        return draws.choice(state.legal_actions())

    values = Values([uniform, uniform])
    found = hands_of(game, (uniform, bare), values, (CHANCE, 0), hands, 11)
    for column, deviation in zip(found.T, deviations, strict=True):
        assert abs(column.mean() - mean) < 4.5 * deviation / np.sqrt(hands)
        assert column.std(ddof=1) == pytest.approx(deviation, rel=0.08)
    luck_alone = found[:, 0] - found[:, 1]
    assert abs(luck_alone.mean()) < 4.5 * luck_alone.std(ddof=1) / np.sqrt(hands)


def test_a_bare_player_who_plays_otherwise_keeps_its_own_result():
    """It raises always, values are of uniform play: the mean is its own, not that of the values."""

    def bare(state, _):
        return RAISE if RAISE in state.legal_actions() else 1

    values = Values([uniform, uniform])
    found = hands_of("leduc_poker", (uniform, bare), values, (CHANCE, 0), 1500, 12)[:, 1]
    assert abs(found.mean() + 2.576389) < 4.5 * 3.110410 / np.sqrt(len(found))
    assert found.std(ddof=1) == pytest.approx(3.110410, rel=0.08)
