"""Fingerprints stay, but for games that were played by other rules: their old runs are refused."""

from __future__ import annotations

import pytest

from cfr_shm.cli.main import main
from cfr_shm.config.identity import fingerprint
from cfr_shm.config.load import load_config
from cfr_shm.games import registry
from cfr_shm.games.holdem.rules_version import RULES, corrections

#: Beginnings of the fingerprints that runs of the shipped configs had before anything was
#: corrected.
SHIPPED = {
    "blueprint_5h": "8cf1e62ea5733c78",
    "goofspiel": "14bdb5f1bde00645",
    "hu_rich": "f6cc26e0a14a3aaf",
    "hu_small": "2b4f0b13f2aa02f9",
    "hu_standard": "309b856d4c6b8cbb",
    "kuhn": "0136f6dc95a787b4",
    "leduc": "f5b166b7e5c0357f",
    "leduc_openspiel": "e67ee293d7153604",
    "liars_dice": "d2c137e2f6f7ec0b",
    "peer_donk_6max100": "d940421ab69422f0",
    "peer_donk_hu100": "1d8cafcb10b6ec65",
    "pushfold": "9a982375db611731",
    "sixmax": "7e378d82e53a95c5",
    "sixmax_small": "1b701e4e15bd699f",
    "smoke_test_30m": "992ffb8a51490063",
    "synthetic_16mb": "323c76a3c66dbd50",
    "synthetic_large": "79180a293fcaa7a6",
}

FLOP = ["game.blinds=[0,0]", "game.dead=60", "game.stacks=500", "game.board_cards=[3,1,1]"]
TURN = ["game.blinds=[0,0]", "game.dead=30", "game.stacks=400", "game.board_cards=[4,1]"]
FIXED = "game.betting=fixed_limit"
BET, BETS = "game.bet_sizes=[1]", "game.bet_sizes=[1,1,1]"
SMALL_TURN = ["game.ranks=6", "game.suits=2", "game.board=AcKcQcJc", *TURN]

#: Games whose meaning stays, with the beginnings of their former fingerprints.
UNCHANGED = {
    "flop without rake": ([*FLOP, "game.big_blind=10"], "8b539fda491a248e"),
    "flop raked from preflop on": (
        [
            *FLOP,
            "game.big_blind=10",
            "game.bet_sizes=[10,10,10]",
            "game.rake_fraction=0.05",
            "game.rake_from=preflop",
        ],
        "8c904b3951da05b9",
    ),
    "rake": (["game.rake_fraction=0.05"], "0ae74b11d6a8b537"),
    "fixed limit": ([FIXED], "ce56c3102fbdfd2d"),
    "fixed limit to the flop": (
        [FIXED, "game.board_cards=[0,3]", "game.ranks=3"],
        "45e00a21345e635c",
    ),
    "fixed limit with all said": (
        [FIXED, *SMALL_TURN, "game.bet_sizes=[40,40]", "game.raise_caps=[4,4]"],
        "1f95d72b79a29241",
    ),
    "ranges of classes on a small deck": (
        ["game.ranks=3", "game.board_cards=[0,3]", "game.ranges=['*','AA,KK,AKs,AQo:0.5']"],
        "ca5e3b578c6a16dd",
    ),
    "ranges of classes": (['game.ranges=["AA,KK","*"]'], "2d2110b5e35defbb"),
    "a board of a small deck that all see": (
        ["game.ranks=4", "game.board=AcKcQc", *FLOP[:3], "game.board_cards=[3]", BET],
        "56b3a7ba55923252",
    ),
    "preflop classes": (
        ["game.board_cards=[0]", 'game.ranges=["AKs,QQ:0.5","22+"]'],
        "fc0c7affa9f50322",
    ),
    "suits in the buckets of the whole game": (
        ['game.ranges=["AcKc,AdKd","*"]'],
        "13594b507600acfb",
    ),
}

#: Games whose meaning changed, and what is said of it.
CHANGED = {
    "raked flop": (
        [*FLOP, "game.big_blind=10", "game.rake_fraction=0.05"],
        "a pot won by a fold on the flop pays rake",
    ),
    "raked turn of three": (
        [*TURN, "game.players=3", "game.bet_sizes=[9,9]", "game.rake_fraction=0.01"],
        "a pot won by a fold on the turn pays rake",
    ),
    "fixed limit on the turn": (
        [FIXED, *SMALL_TURN, "game.ante=10", "game.raise_caps=[3,3]"],
        "fixed-limit bets are twice as large on turn and river",
    ),
    "fixed limit to the turn": (
        [FIXED, "game.board_cards=[0,3,1]", "game.ranks=4"],
        "fixed-limit bets are twice as large on turn and river",
    ),
    "caps of the flop": (
        [FIXED, *FLOP, "game.bet_sizes=[10,20,20]"],
        "the flop has a bet and three raises in fixed limit",
    ),
    "blinds that nobody wrote": (
        ["game.dead=30", "game.stacks=400", "game.board_cards=[4,1]", "game.bet_sizes=[1,1]"],
        "nobody posts a blind on the turn",
    ),
    "suits told apart on a small deck": (
        ["game.ranks=4", "game.board_cards=[0]", 'game.ranges=["KcQc,KdQd","AcAd,KcJc"]'],
        "suits are merged only where the ranges and the board allow it",
    ),
    "suits told apart preflop": (
        ["game.board_cards=[0]", 'game.ranges=["AhKh,QsJs","*"]'],
        "suits are merged only where the ranges and the board allow it",
    ),
    "a board that comes after preflop": (
        ["game.ranks=3", "game.board_cards=[0,3]", "game.board=AcKcQd"],
        "suits are merged only where the ranges and the board allow it",
    ),
    "few hands on a river": (
        [*FLOP[:3], "game.board_cards=[5]", BET, "game.board=Td9d6h2c2s", "game.ranges=[AA,KK]"],
        "hands on the fixed board are told apart one by one",
    ),
    "buckets of few hands on a turn": (
        [
            *TURN,
            "game.bet_sizes=[1,1]",
            "game.board=Td9d6h2c",
            "game.ranges=[AA,KK]",
            "abstraction.bucket_counts=[2,2]",
        ],
        "buckets are made for the board and the ranges",
    ),
    "many hands on a turn": (
        [*TURN, "game.bet_sizes=[1,1]", "game.board=Td9d6h2c"],
        "hands on the fixed board are told apart one by one",
    ),
    "buckets of many hands on a flop": (
        [*FLOP, "game.bet_sizes=[1,1,1]", "game.board=Td9d6h", "abstraction.bucket_counts=[9,9,9]"],
        "buckets are made for the board and the ranges",
    ),
    "antes beside a big blind": (
        [*FLOP, "game.ante=1", "game.big_blind=10"],
        "bets on the flop go by the big blind, not by the ante",
    ),
}


def trained_as(*overrides):
    """Return the configuration that a run of it bears."""
    said = ["game.name=holdem", "algorithm.weighting=vanilla", *overrides]
    return registry.pinned(load_config(overrides=said))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_keep_their_fingerprints(name):
    assert fingerprint(registry.pinned(load_config(name))).startswith(SHIPPED[name])


@pytest.mark.parametrize("name", UNCHANGED)
def test_games_that_stay_keep_their_fingerprints(name):
    overrides, known = UNCHANGED[name]
    config = trained_as(*overrides)
    assert config.game.rules is None
    assert fingerprint(config).startswith(known)


@pytest.mark.parametrize("name", CHANGED)
def test_games_that_changed_bear_the_version_of_their_rules(name):
    overrides, reason = CHANGED[name]
    config = trained_as(*overrides)
    assert config.game.rules == RULES
    assert reason in corrections(config.game, config.abstraction)
    assert trained_as(*overrides, "game.rules=1") == config


def old_run(tmp_path, monkeypatch, *overrides):
    """Train as earlier versions did, which knew nothing of versions."""
    directory = str(tmp_path / "run")
    settings = [part for each in ("game.name=holdem", *overrides) for part in ("--set", each)]
    with monkeypatch.context() as patched:
        patched.setattr("cfr_shm.games.holdem.rules_version.corrections", lambda *_: ())
        command = ["train", "--iters", "64", "--num-workers", "1", "--logdir", directory]
        assert main([*command, *settings]) == 0
    return directory


@pytest.mark.parametrize("command", ["resume", "eval", "show", "export"])
def test_old_runs_of_changed_games_are_refused_with_the_reason(
    tmp_path, monkeypatch, capsys, command
):
    directory = old_run(tmp_path, monkeypatch, FIXED, *SMALL_TURN, "game.big_blind=10")
    capsys.readouterr()
    more = {
        "resume": ["--iters", "128"],
        "export": ["--format", "npz", "--out", str(tmp_path / "s.npz")],
    }
    assert main([command, directory, *more.get(command, [])]) != 0
    error = capsys.readouterr().err
    assert "was trained by rules that were corrected since: " in error
    assert "the turn has a bet and three raises in fixed limit; train anew" in error


def test_old_runs_of_other_games_go_on(tmp_path, monkeypatch):
    overrides, _ = UNCHANGED["fixed limit with all said"]
    directory = old_run(tmp_path, monkeypatch, *overrides)
    assert main(["resume", directory, "--iters", "128"]) == 0
    assert main(["eval", directory]) == 0


def test_new_runs_of_changed_games_go_on(tmp_path):
    directory = str(tmp_path / "run")
    overrides = ["game.name=holdem", FIXED, *SMALL_TURN, "game.big_blind=10"]
    settings = [part for each in overrides for part in ("--set", each)]
    command = ["train", "--iters", "64", "--num-workers", "1", "--logdir", directory]
    assert main([*command, *settings]) == 0
    assert main(["resume", directory, "--iters", "128"]) == 0
