"""Spots on a blueprint: lines, boards, hands and sizes that nobody has foreseen.

What ``solve --from``, ``show`` and ``query`` are asked for; see ``test_fuzz_readers``.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from fuzzing import Target, meaning_or_refusal, text

from cfr_shm.cli.blueprint import Blueprint, hold_em, spot_from
from cfr_shm.cli.session import StoredStrategy, load_table, public_strategy
from cfr_shm.config.load import load_config, parse_config
from cfr_shm.config.reader import Setting
from cfr_shm.evaluation.own_sizes import own_tree
from cfr_shm.evaluation.subgame import Subgame, subgame_tree
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.run.train import train
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.lookup import parse_hole

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="trainings are slow when interpreted")

GAME = """
game: {name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 6, suits: 4,
       board_cards: [4, 1], board: AsKsQdTc, ranges: ["AJ,KK:0.5,QTs,99", "AKo:0.5,JJ,TT,J9s"]}
abstraction: {turn: [[1], [allin]], river: [[1], [allin]]}
algorithm: {name: external_sampling}
engine: {num_workers: 1}
run: {iterations: 300}
"""


@cache
def blueprint() -> Blueprint:
    with tempfile.TemporaryDirectory() as parent:
        path = Path(parent) / "run"
        train(parse_config(GAME), path)
        found = hold_em(load_table(str(path), lambda _: True))
    assert found is not None
    return found


@cache
def strategy():
    stored = blueprint().stored
    table = Strategy.from_table(stored.game, stored.table)
    whole = StoredStrategy(stored.config, stored.game, stored.checkpoint, table)
    return public_strategy(whole)


def subgame(line: str, board: str | None) -> Subgame:
    spot = spot_from(blueprint(), argparse.Namespace(line=line, board=board, randomize=None))
    return Subgame(strategy(), spot.place.node, spot.board)


def read_place(given: str) -> None:
    line, _, board = given.partition("|")
    found = subgame(line, board or None)
    assert found.node in found.path
    subgame_tree(found)


def read_hole(given: str) -> None:
    hole, _, seed = given.partition("|")
    cards = parse_hole(blueprint().cards, hole, "--")
    there = argparse.Namespace(line=seed, board="AsKsQdTc", randomize=1)
    spot_from(blueprint(), there, cards)


def read_sizes(given: str) -> None:
    bets, _, raises = given.partition("|")
    flags = [Setting("spot.bets", bets, "--bets", "--bets")]
    if raises:
        flags.append(Setting("spot.raises", raises, "--raises", "--raises"))
    config = load_config(None, {}, [], flags)
    with mock.patch("cfr_shm.spots.street_trees.MOST_NODES", 5000):
        own_tree(subgame("", "AsKsQdTc"), config.spot)


TARGETS = {
    "place": Target(
        text(read_place),
        (b"x b1p c / x|AsKsQdTc9h", b"x x / b1p|As Ks Qd Tc 9c", b"a|AsKsQdTc", b"|"),
    ),
    "hole": Target(text(read_hole), (b"9c9d|x b1p", b"JhJs|b2bb", b"AhJd|")),
    "own_sizes": Target(text(read_sizes), (b"60%, a|2.5x, a", b"33 75", b"50c, e|3x")),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_spots_of_a_blueprint(name: str) -> None:
    meaning_or_refusal(TARGETS[name])


@pytest.mark.thorough
@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_blueprint_are_read(name: str) -> None:
    TARGETS[name].read(TARGETS[name].seeds[0])
