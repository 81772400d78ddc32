"""Games that begin after preflop: the streets are the real ones, by the cards that lie there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cfr_shm.cli.main import main
from cfr_shm.cli.session import load_strategy
from cfr_shm.config.load import load_config
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.games.holdem.build import rules_of
from cfr_shm.layout.betting import CALL, FOLD, FOLDED_OUT
from cfr_shm.strategy.export_blueprint import export_blueprint

TURN = """
game:
  {name: holdem, betting: fixed_limit, ranks: 6, suits: 2, blinds: [0, 0], big_blind: 20,
   dead: 30, stacks: 400, board: AcKcQcJc, board_cards: [4, 1]}
"""


def hand_on(*streets, players=2, moves=(), **values):
    values = {"blinds": [], "stacks": 1000, "dead": 100, "big_blind": 20, **values}
    hand = Hand(betting_rules(players=players, streets=streets, **values))
    for move in moves:
        hand = hand.apply(move)
    return hand


# --- who acts ------------------------------------------------------------------------------


@pytest.mark.parametrize("streets", [(1, 2, 3), (2, 3), (3,)])
def test_heads_up_the_big_blind_opens(streets):
    assert hand_on(*streets).actor == 1
    assert hand_on(*streets, moves=[CALL]).actor == 0


@pytest.mark.parametrize(("players", "streets"), [(3, (2, 3)), (4, (1, 2, 3)), (6, (3,))])
def test_the_first_seat_left_of_the_button_opens(players, streets):
    hand = hand_on(*streets, players=players)
    asked = []
    while hand.street == 0 and not hand.finished:
        asked.append(hand.actor)
        hand = hand.apply(CALL)
    assert asked == list(range(players))
    assert hand.finished or hand.actor == 0


# --- sizes and caps ------------------------------------------------------------------------


def fixed(*streets, **values):
    return hand_on(*streets, betting="fixed_limit", **values)


def raises_on(hand):
    """Raise until nobody may; return what was raised to."""
    found = []
    while hand.raise_bounds is not None:
        least, most = hand.raise_bounds
        assert least == most
        found.append(least)
        hand = hand.apply(least)
    return found


def test_fixed_limit_bets_double_on_the_turn_wherever_the_game_begins():
    assert raises_on(fixed(2, 3)) == [40, 80, 120, 160]
    assert raises_on(fixed(2, 3, moves=[CALL, CALL])) == [40, 80, 120, 160]
    assert raises_on(fixed(1, 2, 3)) == [20, 40, 60, 80]
    assert raises_on(fixed(1, 2, 3, moves=[CALL, CALL])) == [40, 80, 120, 160]
    assert raises_on(fixed(3, players=3)) == [40, 80, 120, 160]
    # Three streets from preflop on: the turn is the third of them, and not the last of four.
    preflop = fixed(0, 1, 2, blinds=[10, 20], moves=[CALL, CALL])
    assert raises_on(preflop) == [20, 40, 60, 80]
    assert raises_on(preflop.apply(CALL).apply(CALL)) == [40, 80, 120, 160]


def test_antes_say_the_size_where_no_big_blind_is_named():
    assert raises_on(fixed(2, 3, ante=5, big_blind=None))[0] == 10
    assert raises_on(fixed(2, 3, ante=5))[0] == 40
    with pytest.raises(GameError, match=r"say the size of a bet, or game\.big_blind"):
        fixed(2, 3, big_blind=None)


def test_lists_keep_their_index():
    hand = fixed(2, 3, bet_sizes=[15, 25], raise_caps=[1, 2])
    assert raises_on(hand) == [15]
    assert raises_on(hand.apply(CALL).apply(CALL)) == [25, 50]
    assert hand_on(3, bet_sizes=[7]).raise_bounds == (7, 1000)
    assert hand_on(3).raise_bounds == (20, 1000)


# --- rake ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("streets", "rake_from", "taken"),
    [
        ((1, 2, 3), "flop", 5),
        ((2, 3), "flop", 5),
        ((3,), "flop", 5),
        ((3,), "preflop", 5),
        ((0, 1), "flop", 0),
        ((0, 1), "preflop", 5),
    ],
)
def test_a_pot_won_by_a_fold_pays_rake_from_the_flop_on(streets, rake_from, taken):
    hand = hand_on(*streets, rake_fraction=0.05, rake_from=rake_from)
    folded = hand.apply(50).apply(FOLD)
    assert folded.status == FOLDED_OUT
    # The bet that nobody called goes back; what lay in the pot is won.
    assert folded.payoffs()[hand.actor] == 100 - taken


def test_rake_of_three_players_who_fold_on_the_turn():
    hand = hand_on(2, 3, players=3, rake_fraction=0.1, rake_cap=12)
    hand = hand.apply(50).apply(CALL).apply(FOLD)
    assert hand.street == 1
    hand = hand.apply(100).apply(FOLD)
    # 200 in the pot, 10 % of it is above the cap.
    assert hand.payoffs() == (200 - 12 - 50, -50, 0)


# --- what is said --------------------------------------------------------------------------


def test_the_config_of_a_turn(tmp_path):
    path = tmp_path / "turn.yaml"
    path.write_text(TURN)
    rules = rules_of(load_config(path).game)
    assert rules.real_street.tolist() == [2, 3]
    assert rules.bet_size.tolist() == [40, 40]
    assert rules.max_raises.tolist() == [4, 4]
    assert rules.first_actor.tolist() == [1, 1]


def test_a_turn_is_called_a_turn(tmp_path, capsys):
    path, run = tmp_path / "turn.yaml", str(tmp_path / "run")
    path.write_text(TURN)
    assert main(["train", "-c", str(path), "--iters", "64", "--logdir", run]) == 0
    capsys.readouterr()
    assert main(["show", run]) == 0
    assert "BB to act on the turn Ac Kc Qc Jc: pot 30, nothing to call" in capsys.readouterr().out
    arguments = ["query", run, "--hole", "TcTd", "--json"]
    assert main([*arguments, "--line", "x"]) == 0
    assert json.loads(capsys.readouterr().out)["street"] == 2
    assert main([*arguments, "--line", "b40 c / x", "--board", "AcKcQcJc9c"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["street"], document["pot"]) == (3, 110)
    assert [action["token"] for action in document["actions"]] == ["x", "b2bb"]
    assert main(["query", run, "--hole", "TcTd", "--line", "x x"]) == 2
    assert "the line ends on the river: give its 5 board cards" in capsys.readouterr().err
    assert main(["show", run, "--line", "b30"]) == 2
    assert "of BB on the turn: a bet or raise is to 2bb, not" in capsys.readouterr().err
    found = load_strategy(str(run))
    out = tmp_path / "strategy.npz"
    export_blueprint(found.game, found.strategy, out)
    with np.load(out) as stored:
        ended = [line.count(b"/") for line in stored["line"]]
        assert stored["street"].tolist() == [2 + count for count in ended]
        assert set(ended) == {0, 1}
