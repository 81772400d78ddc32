"""Matches of games whose deals are listed: exact against pyspiel, signs and bits, and by play."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyspiel
import pytest
from policies import openspiel_policy
from small_decks import THREE_STREETS, TWO_STREETS, game_of, probabilities_of

from cfr_shm.cli.main import main
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.listed_match import drawn_match, exact_match, seen_alike, why_not_alike
from cfr_shm.evaluation.play_match import seatings_of
from cfr_shm.evaluation.range_match import range_match
from cfr_shm.games.game import Game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.listed import ListedStrategy
from cfr_shm.strategy.table import TableStrategy

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="whole games need compiled kernels")

THREE_SEATS = """
game: {name: holdem, players: 3, blinds: [1, 2], stacks: 6, ranks: 3, suits: 3,
       board_cards: [0, 1]}
abstraction: {preflop: [[allin]], flop: [[1]], limp: false}
"""
GAMES = {
    "kuhn": kuhn,
    "kuhn 3": lambda: kuhn(3),
    "leduc": leduc,
    "leduc apart": lambda: leduc(merge_suits=False),
    "liar's dice": liars_dice,
    "goofspiel": goofspiel,
}
HOLDEM = {"two streets": TWO_STREETS, "three seats": THREE_SEATS}


def named(name: str, tmp_path) -> Game:
    return GAMES[name]() if name in GAMES else game_of(HOLDEM[name], tmp_path)


def drawn(game: Game, seed: int) -> ListedStrategy:
    """A random strategy in which a third of the actions is never played."""
    rng = np.random.default_rng(seed)

    def row(_, record, __):
        shares = rng.exponential(size=int(record["count"])) * (rng.random(record["count"]) < 0.67)
        return shares / shares.sum() if shares.sum() > 0 else np.full(len(shares), 1 / len(shares))

    return ListedStrategy(f"drawn {seed}", game, probabilities_of(game, row))


def rows(strategy: ListedStrategy) -> Strategy:
    return Strategy(strategy.probability, np.ones(strategy.game.table_entries))


def by_pyspiel(one: ListedStrategy, two: ListedStrategy) -> float:
    """What the seats of ``one`` win, the mean over all seatings, by OpenSpiel."""
    theirs = pyspiel.load_game(one.game.openspiel_name)
    both = openspiel_policy(one.game, rows(one)), openspiel_policy(two.game, rows(two))
    total, masks = 0.0, seatings_of(one.game.player_count)
    for mask in masks.tolist():
        mine = [bool(mask >> seat & 1) for seat in range(one.game.player_count)]
        seated = [both[0] if own else both[1] for own in mine]
        root = theirs.new_initial_state()
        won = pyspiel.expected_returns(root, seated, -1, True, 0.0)
        total += sum(0.5 * (each if own else -each) for each, own in zip(won, mine, strict=True))
    return total / len(masks)


@pytest.mark.parametrize("name", ["kuhn", "kuhn 3", "leduc", "leduc apart"])
def test_a_match_is_what_pyspiel_says(name):
    game = GAMES[name]()
    for seed in range(2):
        one, two = drawn(game, seed), drawn(game, seed + 100)
        assert exact_match(one, two).value.value == pytest.approx(by_pyspiel(one, two), abs=1e-10)


@pytest.mark.parametrize(
    "name",
    [*GAMES, "three seats", pytest.param("two streets", marks=pytest.mark.thorough)],
)
def test_against_itself_nothing_and_swapped_the_negative_to_the_bit(name, tmp_path):
    game = named(name, tmp_path)
    one, two = drawn(game, 1), drawn(game, 2)
    assert exact_match(one, one).value == (0.0, 0.0, 0.0, 0)
    found = exact_match(one, two)
    assert found.value.low == found.value.value == found.value.high != 0.0
    assert exact_match(two, one).value.value == -found.value.value


@pytest.mark.parametrize("name", ["leduc", "kuhn 3"])
@pytest.mark.thorough
def test_play_agrees_with_the_walk_and_has_the_same_signs(name):
    game = GAMES[name]()
    one, two = drawn(game, 3), drawn(game, 4)
    exact, length = exact_match(one, two).value.value, Length(40_000)
    found = drawn_match(one, two, length, workers=1)
    error = (found.value.high - found.value.low) / (2 * 1.96)
    assert abs(found.value.value - exact) < 4.5 * error
    assert error < 0.1 * abs(exact) + 0.02
    again = drawn_match(one, two, length, workers=3)
    np.testing.assert_array_equal(found.samples, again.samples)
    swapped = drawn_match(two, one, length)
    np.testing.assert_array_equal(swapped.samples, -found.samples)
    assert not drawn_match(one, one, Length(2000)).samples.any()


def test_a_game_too_large_to_list_is_played():
    game = synthetic(streets=2, max_raises=1, buckets=50)
    assert game.why_not_enumerable() is not None
    one, two = drawn(game, 5), drawn(game, 6)
    found = drawn_match(one, two, Length(3000))
    np.testing.assert_array_equal(drawn_match(two, one, Length(3000)).samples, -found.samples)
    assert found.samples.any()
    assert not drawn_match(two, two, Length(500)).samples.any()


def test_merged_suits_meet_suits_apart():
    apart, merged = leduc(merge_suits=False), leduc()
    one, two = drawn(apart, 7), drawn(merged, 8)
    both = seen_alike(one, two)
    assert both is not None
    assert exact_match(*both).value.value == pytest.approx(by_pyspiel(one, two), abs=1e-10)
    turned = seen_alike(two, one)
    assert exact_match(*turned).value.value == -exact_match(*both).value.value


@pytest.mark.thorough
def test_a_match_by_ranges_on_drawn_boards_says_the_same(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    one, two = drawn(game, 9), drawn(game, 10)
    exact = exact_match(one, two).value.value
    sides = [TableStrategy(each.name, game, rows(each)) for each in (one, two)]
    found = range_match(*sides, Length(4000)).value
    assert abs(found.value - exact) < 4.5 * (found.high - found.low) / (2 * 1.96)


def test_what_differs_is_said():
    assert why_not_alike(kuhn(), leduc()) == "kuhn and leduc"
    assert why_not_alike(kuhn(), kuhn(3)) == "kuhn for 2 and for 3"
    assert why_not_alike(goofspiel(cards=3), goofspiel(cards=4)) == "goofspiel with cards 3 and 4"
    assert "merge_suits" in why_not_alike(leduc(), leduc(merge_suits=False))
    assert why_not_alike(leduc(), leduc()) is None
    assert seen_alike(drawn(kuhn(), 1), drawn(kuhn(3), 1)) is None


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("listed")
    quiet = ["--num-workers", "1", "--loglevel", "warning"]
    for name, more in (
        ("kuhn", ["-c", "kuhn", "--set", "run.keep_checkpoints=5"]),
        ("three", ["-c", "kuhn", "--set", "game.players=3"]),
        ("imported", ["-c", "kuhn", "--set", "game.name=openspiel:kuhn_poker"]),
    ):
        train = ["train", *more, "--iters", "3000", "--logdir", str(place / name)]
        assert main([*train, *quiet]) == 0
    assert main(["resume", str(place / "kuhn"), "--iters", "9000"]) == 0
    return place


def told(capsys, *arguments) -> dict:
    capsys.readouterr()
    assert main(["match", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_checkpoints_and_exports_meet_in_pairs(runs, capsys):
    kuhn_run, out = runs / "kuhn", runs / "policy.npz"
    assert main(["export", f"{kuhn_run}@3000", "--format", "npz", "--out", str(out)]) == 0
    found = told(capsys, kuhn_run, f"{kuhn_run}@3000", out)
    assert (found["method"], found["exact"], found["unit"]) == ("exact", True, "chips")
    first, second, third = found["pairs"]
    assert first["names"] == ["kuhn@9000", "kuhn@3000"]
    assert first["value"] == first["low"] == first["high"] == second["value"] != 0.0
    assert third["value"] == 0.0
    turned = told(capsys, out, kuhn_run)
    assert turned["value"] == -first["value"]
    capsys.readouterr()
    assert main(["match", str(kuhn_run), str(out)]) == 0
    said = capsys.readouterr().out
    assert "chips (exact): " in said
    assert "all deals and lines, both seatings" in said


@pytest.mark.parametrize("name", ["three", "imported"])
def test_other_kinds_of_games_meet_too(runs, capsys, name):
    found = told(capsys, runs / name, runs / name)
    assert (found["value"], found["method"]) == (0.0, "exact")
    assert found["seatings"] == (6 if name == "three" else 2)


def test_a_game_of_one_s_own_meets_itself(tmp_path, capsys):
    block = (Path(__file__).parents[3] / "docs" / "your_own_game.md").read_text()
    begin = block.index("```python\n", block.index("<!-- example: begin -->")) + len("```python\n")
    (tmp_path / "coins.py").write_text(block[begin : block.index("```\n", begin)])
    run = tmp_path / "run"
    train = ["train", "-c", "kuhn", "--set", f"game.name={tmp_path}/coins.py:coins"]
    assert main([*train, "--iters", "500", "--logdir", str(run), "--num-workers", "1"]) == 0
    assert told(capsys, run, run)["value"] == 0.0


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        (("kuhn", "three"), [], "are strategies of different games, so their hands cannot meet"),
        (("kuhn", "imported"), [], "kuhn and openspiel:kuhn_poker"),
        (("kuhn", "kuhn"), ["--method", "ranges"], "--method ranges is for hold'em, not for kuhn"),
        (("kuhn", "kuhn"), ["--boards", "5"], "these strategies meet by exact"),
        (("kuhn", "kuhn"), ["--resolve", "river:1"], "--resolve is for hold'em, not for kuhn"),
    ],
)
def test_what_cannot_meet_is_refused(runs, capsys, names, more, said):
    assert main(["match", *(str(runs / name) for name in names), *more]) == 2
    assert said in capsys.readouterr().err


def test_play_by_name_tells_an_interval(runs, capsys):
    found = told(
        capsys, runs / "kuhn", f"{runs / 'kuhn'}@3000", "--method", "play", "--deals", 5000
    )
    assert (found["method"], found["exact"], found["deals"]) == ("play", False, 5000)
    assert found["low"] < found["value"] < found["high"]
    assert not math.isnan(found["value"])
