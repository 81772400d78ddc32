"""Ranges as text: weights in the order of hands' numbers, for every line and action."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cfr_shm.cards.deck import DECKS, STANDARD
from cfr_shm.cards.ranges import hand_of, parse_range
from cfr_shm.cli.main import main

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[3bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("ranges")
    (place / "royal.yaml").write_text(ROYAL)
    quiet = ["--num-workers", "1", "--iters", "3000", "--logdir", str(place / "run")]
    assert main(["train", "-c", str(place / "royal.yaml"), *quiet]) == 0
    return place / "run"


def test_ranges_are_what_query_says(run, tmp_path, capsys):
    deck = next(each for each in DECKS.values() if each.card_count == 20)
    board = "Qc Jd Tc"
    out = tmp_path / "ranges.txt"
    asked = ["export", str(run), "--format", "ranges", "--board", board, "--out", str(out)]
    assert main(asked) == 0
    header, *lines = out.read_text().splitlines()
    assert header.split("\t") == ["line", "seat", "action", "weights"]
    found: dict[str, list] = {}
    for text in lines:
        line, seat, _, weights = text.split("\t")
        # Lines take b and r for the same; before the flop the two writers differ.
        of_line = found.setdefault(line.replace("r", "b"), [])
        of_line.append((int(seat), np.array(weights.split(), float)))
    assert all(len(weights) == 190 for each in found.values() for _, weights in each)
    hole = deck.parse("AhKd")
    for line, cards in (("", []), ("b3bb", []), ("b3bb c / x", ["--board", board])):
        capsys.readouterr()
        query = ["query", str(run), "--hole", "AhKd", "--line", line, *cards, "--json"]
        assert main(query) == 0
        told = json.loads(capsys.readouterr().out)
        (seat, weights), *actions = found[line]
        assert seat == told["seat"]
        assert weights[hand_of(*hole)] == pytest.approx(told["reach"], rel=1e-5)
        shares = told["probability"] or [0.0] * len(told["actions"])
        for (_, taken), share in zip(actions, shares, strict=True):
            expected = told["reach"] * share
            assert taken[hand_of(*hole)] == pytest.approx(expected, rel=1e-4, abs=1e-12)


def test_boards_that_no_street_has_are_refused(run, tmp_path, capsys):
    out = str(tmp_path / "x.txt")
    asked = ["export", str(run), "--format", "ranges", "--out", out, "--board", "Qc Jd"]
    assert main(asked) == 2
    assert "streets of holdem have 0, 3, 4, 5" in capsys.readouterr().err
    assert main(["export", str(run), "--format", "npz", "--out", out, "--board", "Qc"]) == 2
    assert "--board is for --format ranges" in capsys.readouterr().err


def test_ranges_of_the_standard_deck_are_1326_weights_that_are_read_back(tmp_path):
    run, out = str(tmp_path / "run"), tmp_path / "ranges.txt"
    quiet = ["--num-workers", "1", "--iters", "5000", "--loglevel", "warning"]
    assert main(["train", "-c", "pushfold", "--logdir", run, *quiet]) == 0
    assert main(["export", run, "--format", "ranges", "--out", str(out)]) == 0
    rows = [line.split("\t") for line in out.read_text().splitlines()[1:]]
    found = {(line, action): weights for line, _, action, weights in rows}
    assert len(found) >= 6
    for line in {line for line, _ in found}:
        parts = {action: parse_range(STANDARD, text)
                 for (there, action), text in found.items() if there == line}  # fmt: skip
        whole = parts.pop("")
        assert all(len(text.split()) == 1326 for (there, _), text in found.items() if there == line)
        assert sum(parts.values()) == pytest.approx(whole, abs=1e-5)  # every row was visited


def test_hands_that_only_the_other_seat_holds_weigh_nothing(tmp_path):
    """The table has no rows for them, not even behind those that it has."""
    game = ["name=holdem", "blinds=[0,0]", "dead=100", "bet_sizes=[1,1]", "stacks=100"]
    game += ["board_cards=[4,1]", "board=Ts9s2s3d", 'ranges=["KsQs,KdQd","AsJs,8h8c"]']
    sets = [part for each in game for part in ("--set", f"game.{each}")]
    run, out = str(tmp_path / "run"), tmp_path / "ranges.txt"
    asked = ["train", *sets, "--logdir", run, "--iters", "2000", "--num-workers", "1"]
    assert main([*asked, "--loglevel", "warning"]) == 0
    board = ["--board", "Ts9s2s3d4c"]
    assert main(["export", run, "--format", "ranges", *board, "--out", str(out)]) == 0
    hands = {seat: [hand_of(*STANDARD.parse(hand)) for hand in held]
             for seat, held in ((0, ("KsQs", "KdQd")), (1, ("AsJs", "8h8c")))}  # fmt: skip
    rows = [line.split("\t") for line in out.read_text().splitlines()[1:]]
    assert {int(seat) for _, seat, _, _ in rows} == {0, 1}
    for _, seat, _, text in rows:
        weights = np.array(text.split(), float)
        weights[hands[int(seat)]] = 0.0
        assert not weights.any()
