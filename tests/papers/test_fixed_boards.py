"""Fixed boards and narrow ranges against closed forms, hand by hand and in buckets of the board.

One bet, all-in: seat 1 opens with hands that beat every hand of seat 0, or lose to every one.
The bluffs make seat 0 indifferent between call and fold, the calls make bluffs indifferent to
giving up (Chen and Ankenman 2006, "The Mathematics of Poker", chapter 11).
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from real_games import loaded, policy_of, real_hands

from cfr_shm.cards import buckets as bucket_files
from cfr_shm.cards.deck import STANDARD
from cfr_shm.cli.main import main
from cfr_shm.cli.session import load_strategy
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels")

RIVER = ["blinds=[0,0]", "big_blind=1", "dead=100", "bet_sizes=[1]", "board_cards=[5]"]
POLARISED = 'ranges=["KK","AA,QQ"]'
FULL_HOUSES = "board=2s2h2d3c3d"
ALL_IN = ["river=[[allin]]"]
EXACT = ["algorithm.name=dcfr", "run.iterations=4000"]


def trained(tmp_path, game, abstraction, more=EXACT):
    """Train; return the config, the game, its strategy and the summary."""
    directory = tmp_path / "run"
    settings = [f"game.{each}" for each in ("name=holdem", *game)]
    settings += [f"abstraction.{each}" for each in abstraction]
    command = ["train", "--num-workers", "1", "--loglevel", "warning", "--logdir", str(directory)]
    for each in (*settings, *more):
        command += ["--set", each]
    assert main(command) == 0
    summary = json.loads((directory / "summary.json").read_text())
    return loaded(game, abstraction, more), load_strategy(str(directory)), summary


def played(found, line, hole, board):
    """Return what is done with a hand after some moves, by move."""
    game, node = found.game, 0
    betting, nodes = game.betting, game.tree.nodes

    def children(node):
        first = int(nodes[node]["first_child"])
        count = int(nodes[node]["count"])
        return {int(betting.move[child]): child for child in range(first, first + count)}

    for move in line:
        node = children(node)[move]
    record = nodes[node]
    hand = np.array([STANDARD.parse(hole)], np.uint8)
    cards = STANDARD.parse(board)
    (bucket,) = game.hole_cards.buckets(int(record["actor"]), int(record["street"]), hand, cards)
    first = int(record["row_base"]) + int(bucket) * int(record["row_stride"])
    moves = list(children(node))
    return dict(zip(moves, found.strategy.probability[first : first + len(moves)], strict=True))


@pytest.mark.parametrize(
    ("board", "stack", "rake", "bluffs", "calls", "value"),
    [
        (FULL_HOUSES, 100, 0.0, 1 / 2, 1 / 2, 25.0),
        ("board=Ts3h2h5c9s", 100, 0.0, 1 / 2, 1 / 2, 25.0),
        ("board=Ts3h2h5c9s", 50, 0.0, 1 / 3, 2 / 3, 100 / 3),
        # A pot that a fold wins pays rake too: without it the bluffs were fewer.
        ("board=Ts3h2h5c9s", 100, 0.05, 100 / 185, 95 / 195, 21.824),
    ],
)
def test_bluffs_calls_and_value_of_a_river(tmp_path, board, stack, rake, bluffs, calls, value):
    game = [*RIVER, board, POLARISED, f"stacks={stack}", f"rake_fraction={rake}"]
    config, found, summary = trained(tmp_path, game, ALL_IN)
    assert summary["buckets"] is None
    # 6 kings against 12 hands, and each king takes none of their cards.
    assert len(found.game.deals.probability) <= 72
    shown = board.removeprefix("board=")
    for queens in ("QsQh", "QdQc"):
        assert played(found, [], queens, shown)[stack] == pytest.approx(bluffs, abs=0.01)
    for aces in ("AsAh", "AhAc"):
        assert played(found, [], aces, shown)[stack] == pytest.approx(1.0, abs=0.01)
    for kings in ("KsKh", "KdKc"):
        assert played(found, [stack], kings, shown)[0] == pytest.approx(calls, abs=0.01)
    policy = policy_of(found.game, found.strategy.probability)
    reference = real_hands(config)
    assert reference.values(policy)[0] == pytest.approx(value, abs=0.05)
    gained = np.subtract(reference.best_responses(policy), reference.values(policy)).sum()
    told = summary["exploitability"]["value"] * (1 if rake else 2)
    assert gained == pytest.approx(told, abs=1e-9)


def test_suits_that_the_ranges_tell_apart_are_played_apart(tmp_path):
    """Kings with the suit that the other's king lacks must fold; the other must not know."""
    game = [
        "ranks=4",
        "blinds=[10,10]",
        "stacks=30",
        "board_cards=[0]",
        'ranges=["KcQc,KdQd","AcAd,KcJc"]',
    ]
    config, found, summary = trained(tmp_path, game, ["preflop=[[allin]]"])
    assert summary["exploitability"]["value"] < 0.02
    policy = policy_of(found.game, found.strategy.probability)
    assert real_hands(config).values(policy)[1] == pytest.approx(6.6667, abs=0.02)
    assert played(found, [30], "KcQc", "")[-1] == pytest.approx(1.0, abs=0.005)
    assert played(found, [30], "KdQd", "")[-1] < 0.9


def test_buckets_that_are_asked_for_are_made_of_these_hands(tmp_path, monkeypatch, capsys):
    """Two buckets for three kinds of hands: the two best share one, and a warning names them."""
    monkeypatch.setattr(bucket_files, "build", None)  # Nothing is built for the whole game.
    game = [*RIVER, FULL_HOUSES, POLARISED, "stacks=100"]
    buckets = [*ALL_IN, "bucket_method=percentile", "bucket_counts=[2]"]
    config, found, summary = trained(tmp_path, game, buckets, ["run.iterations=200000"])
    told = capsys.readouterr().err
    assert summary["exploitability"] is None
    cards = found.game.hole_cards
    shared = {
        hole: int(cards.buckets(seat, 0, hands(hole), cards_on(FULL_HOUSES))[0])
        for seat, hole in ((1, "AsAh"), (0, "KsKh"), (1, "QsQh"))
    }
    # Kings win half of their deals, aces all, queens none: of equal weight, in two buckets.
    assert len(set(shared.values())) == 2
    assert shared["AsAh"] != shared["QsQh"]
    assert "starting hands of seat 1 share a row and are played alike, though board and" in told
    assert "AsAh, AsAd, AsAc and 3 more" in told
    # What is called exact is that of the real hands.
    assert main(["eval", str(tmp_path / "run"), "--method", "exact", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    policy = policy_of(found.game, found.strategy.probability)
    reference = real_hands(config)
    assert document["exact"] is True
    assert document["values"] == pytest.approx(reference.values(policy), abs=1e-6)
    best = reference.best_responses(policy)
    assert document["best_response_values"] == pytest.approx(best, abs=1e-6)


def test_different_hands_of_a_bucket_are_named(tmp_path, capsys):
    game = [*RIVER, "board=Ts3h2h5c9s", 'ranges=["KK","AA,QQ,JJ"]', "stacks=100"]
    buckets = [*ALL_IN, "bucket_method=percentile", "bucket_counts=[3]"]
    trained(tmp_path, game, buckets, ["run.iterations=1024"])
    # Queens and jacks never win against kings.
    assert "QQ, JJ" in capsys.readouterr().err


def hands(hole):
    return np.array([STANDARD.parse(hole)], np.uint8)


def cards_on(board):
    return STANDARD.parse(board.removeprefix("board="))
