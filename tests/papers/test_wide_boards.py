"""Fixed boards and wide ranges, hand by hand and in buckets of the board, against exact solutions.

The value of the game, as it is solved to an equilibrium hand by hand, lies between what the one
seat's best response gets and what the other's leaves, whatever is played.
"""

from __future__ import annotations

import json

import pytest
from spot_cases import BASIC_IP, BASIC_OOP, menu

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.street_trees import TreeRules

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels"),
]

#: Board, first seat's range, last one's, dead chips, stacks, iterations.
SPOTS = {
    "river": ("Kc9h5s2d2c", "*,AA:0.25,76s:0.5", "*,KK-TT:0.5,72o:0.1,AhKh:0.3", 100, 100),
    "turn": ("Td9d6hQc", f"{BASIC_OOP},AhKd:0.3", f"{BASIC_IP},Jc8c:0.2", 200, 300),
}
#: What a best response may gain, in % of the pot, after ``ITERATIONS``.
ITERATIONS = 3_000_000
HAND_BY_HAND = {"river": 0.6, "turn": 1.6}
BUCKETS = {"river": ("[60]", 0.3), "turn": ("[100,150]", 2.0)}


def exact_value(name):
    """Return what the first seat gets in equilibrium, chips, and by how much it may be wrong."""
    board, oop, ip, pot, stack = SPOTS[name]
    jam = menu("a", "a")
    rules = TreeRules(len(board) // 2 - 3, float(pot), float(stack), ((jam, jam),) * 3)
    ranges = [parse_range(STANDARD, text) for text in (oop, ip)]
    with SpotSolver(build_spot(STANDARD.parse(board), ranges, rules, ChipPayoffs(pot))) as solver:
        solver.iterate(300)
        quality = solver.quality()
    assert quality.exploitability < 0.0004 * pot
    return quality.values[0], 2.0 * quality.exploitability


def trained(tmp_path, capsys, name, buckets):
    """Train the spot as a game; return what ``eval --method exact`` says."""
    board, oop, ip, pot, stack = SPOTS[name]
    streets = ("turn", "river")[len(board) // 2 - 4 :]
    dealt = [len(board) // 2, *[1] * (len(streets) - 1)]
    keys = {
        "game.name": "holdem",
        "game.blinds": "[0,0]",
        "game.big_blind": 1,
        "game.dead": pot,
        "game.stacks": stack,
        "game.board": board,
        "game.board_cards": dealt,
        "game.ranges": json.dumps([ip, oop]),
        "run.iterations": ITERATIONS,
        **{f"abstraction.{street}": "[[allin]]" for street in streets},
    }
    if buckets is not None:
        keys["abstraction.bucket_counts"] = buckets
    run = tmp_path / "run"
    command = ["train", "--num-workers", "1", "--seed", "7", "--logdir", str(run)]
    for key, value in keys.items():
        command += ["--set", f"{key}={value}"]
    assert main([*command, "--loglevel", "error"]) == 0
    capsys.readouterr()
    assert main(["eval", str(run), "--method", "exact", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("buckets", [False, True], ids=["hand by hand", "in buckets"])
@pytest.mark.parametrize("name", SPOTS)
def test_the_exact_value_lies_between_best_responses(tmp_path, capsys, name, buckets):
    pot = SPOTS[name][3]
    shares, most = BUCKETS[name] if buckets else (None, HAND_BY_HAND[name])
    value, error = exact_value(name)
    found = trained(tmp_path, capsys, name, shares)
    last, first = found["best_response_values"]
    assert pot - last - error <= value <= first + error
    assert (first + last - pot) / 2.0 < most / 100.0 * pot
    assert found["exact"] is True
