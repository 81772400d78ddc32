"""Push or fold, heads-up: what the production path learns, against the exact matrix game."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import preflop_equities
import pytest
from first_cases import first_cases
from push_fold import PushFold, exploitability, push_fold, solve, value
from small_decks import strategy_of

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.isomorphism import card_index
from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config
from cfr_shm.evaluation.exact_response import exact_response
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.holdem.card_index import number_hands
from cfr_shm.kernels.jit import JIT_DISABLED

MBB = 1e-3
BIG_BLIND = 200

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels")


def trained(stack: int, iterations: int, tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Train by the command line; return how often each class pushes, and calls."""
    run = str(tmp_path / f"stack-{stack}")
    table = tmp_path / f"stack-{stack}.csv"
    game = ["--set", f"game.stacks={stack}bb", "--num-workers", "1", "--seed", "3"]
    game += ["--time-budget", "3600"]
    assert (
        main(["train", "-c", "pushfold", *game, "--iters", str(iterations), "--logdir", run]) == 0
    )
    assert main(["export", run, "--format", "csv", "--out", str(table)]) == 0
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["action"] != "-1"]
    going = np.array([float(row["probability"]) for row in rows]).reshape(2, 169)
    assert [row["player"] for row in rows] == ["0"] * 169 + ["1"] * 169
    order = buckets_of_classes()
    return going[0][order], going[1][order]


def buckets_of_classes() -> np.ndarray:
    """Return the bucket of each of the reference's classes: the hand's number preflop."""
    hands = dict(
        zip(
            (preflop_equities.class_name(*hand) for hand in preflop_equities.HANDS),
            preflop_equities.HANDS,
            strict=True,
        )
    )
    cards = np.array([hands[name] for name in preflop_equities.CLASSES], np.uint8)
    number = np.empty(169, np.int64)
    number_hands(card_index(STANDARD), 0, cards, number)
    assert sorted(number) == list(range(169))
    return number


def check(stack: int, iterations: int, tmp_path: Path, most_mbb: float) -> None:
    game = push_fold(stack)
    push, call = trained(stack, iterations, tmp_path)
    assert exploitability(game, push, call) < most_mbb * MBB
    exact = value(game, *solve(game))
    assert value(game, push, call) == pytest.approx(exact, abs=2 * most_mbb * MBB)


@pytest.mark.parametrize(("stack", "most_mbb"), first_cases([(10, 2.5), (2, 0.5), (20, 6.0)]))
def test_training_approaches_the_exact_solution(stack: int, most_mbb: float, tmp_path: Path):
    check(stack, 4_000_000, tmp_path, most_mbb)


@pytest.mark.slow
@pytest.mark.parametrize("stack", [2, 3, 5, 8, 10, 12, 15, 20])
def test_best_responses_to_a_longer_training_win_less_than_1_mbb(stack: int, tmp_path: Path):
    check(stack, 100_000_000, tmp_path, most_mbb=1.0)


# --- the reference itself ------------------------------------------------------------------


@pytest.mark.thorough
def test_the_solution_of_10_big_blinds_is_worth_minus_45_mbb_over_all_boards():
    """What the matrix says of its own solution, the exact evaluator says of it hand by hand."""
    config = load_config("pushfold")
    game = load_game(config.game, abstraction=config.abstraction)
    push, call = solve(push_fold(10))
    of_bucket = np.zeros((2, 169))
    of_bucket[:, buckets_of_classes()] = push, call

    def of_row(_node, record, bucket):
        going = of_bucket[int(record["actor"]), bucket]
        return (1.0 - going, going)

    found = exact_response(strategy_of(game, of_row))
    in_mbb = 1.0 / (BIG_BLIND * MBB)
    assert found.values[0] * in_mbb == pytest.approx(-45.3707, abs=0.01)
    assert found.values[0] / BIG_BLIND == pytest.approx(value(push_fold(10), push, call), abs=1e-9)
    assert 0.0 <= found.exploitability * in_mbb < 0.01


@pytest.mark.parametrize(("stack", "pushed", "called"), [(10, 0.5828, 0.3738), (20, 0.401, 0.217)])
def test_the_reference_solves_the_known_game(stack: int, pushed: float, called: float):
    game: PushFold = push_fold(stack)
    push, call = solve(game)
    assert exploitability(game, push, call) < 0.01 * MBB
    weight: Sequence[float] = game.probability.sum(axis=1)
    assert push @ weight == pytest.approx(pushed, abs=0.002)
    assert call @ weight == pytest.approx(called, abs=0.002)


def test_export_of_a_push_or_fold_run_counts_visits(tmp_path: Path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "-c", "pushfold", "--iters", "20480", "--logdir", run, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["iterations"] == 20480
    assert summary["exploitability"] is None
