"""Hold'em on small decks: every deal listed, so that the production path meets the exact truth."""

from __future__ import annotations

import json
from pathlib import Path

import betting_lines as plain
import numpy as np
import pytest
from production import table_with
from small_holdem import SmallHoldem, uniform

from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.strategy.average import Strategy

NO_LIMIT = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
"""
FIXED_LIMIT = """
game:
  {name: holdem, betting: fixed_limit, blinds: [1, 2], bet_sizes: [2, 4], raise_caps: [2, 2],
   stacks: 20, ranks: 3, suits: 4, board_cards: [0, 3]}
"""


def written(text: str, tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return path


def exploitabilities(text: str, tmp_path: Path, capsys, counts, *options: str) -> list[float]:
    """Train by the command line for each count of iterations; return what was evaluated."""
    config = str(written(text, tmp_path))
    found = []
    for count in counts:
        run = ["--iters", str(count), "--logdir", str(tmp_path / f"run-{count}"), "--json"]
        assert main(["train", "-c", config, "--seed", "5", *run, *options]) == 0
        found.append(json.loads(capsys.readouterr().out)["exploitability"]["value"])
    return found


@pytest.fixture(scope="module")
def reference() -> SmallHoldem:
    big_blind = (("chips", 5),)
    menus = (((big_blind, (("allin",),)), ((("pot", 1),), (("allin",),))),) * 2
    abstraction = plain.Abstraction(menus, ((99, 99), (99, 99)))
    rules = plain.Rules((12, 12), (1, 2), streets=2)
    return SmallHoldem(3, plain.build(rules, abstraction))


def test_uniform_play_is_as_exploitable_as_with_real_cards(reference, tmp_path):
    config = load_config(written(NO_LIMIT, tmp_path))
    game = load_game(config.game, abstraction=config.abstraction)
    assert len(game.tree.nodes) == plain.size(reference.tree)
    sums = np.zeros(game.table_entries)
    strategy = Strategy.from_table(game, table_with(game, sums))
    found = evaluate(game, strategy)
    assert 2 * found.exploitability == pytest.approx(reference.nash_conv(uniform), rel=1e-9)


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels")
@pytest.mark.parametrize("text", [NO_LIMIT, FIXED_LIMIT], ids=["no limit", "fixed limit"])
def test_exploitability_falls_with_the_root_of_the_iterations(text, tmp_path, capsys):
    """Ten times the iterations: a third, or less while uniform play is still being left.

    Source of the rate: Lanctot et al. 2009, theorem 5.
    """
    first, second, third = exploitabilities(text, tmp_path, capsys, (20_000, 200_000, 2_000_000))
    assert first / second > 2.0
    assert second / third > 2.0


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels")
def test_full_width_ends_below_what_sampling_reaches(tmp_path, capsys):
    (sampled,) = exploitabilities(FIXED_LIMIT, tmp_path, capsys, (200_000,))
    options = ("--set", "algorithm.name=dcfr")
    (exact,) = exploitabilities(FIXED_LIMIT, tmp_path, capsys, (200,), *options)
    assert exact < sampled / 20
