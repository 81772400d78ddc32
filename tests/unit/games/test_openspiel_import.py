"""Games imported from OpenSpiel: equal to OpenSpiel's own, and refused where they do not fit."""

from __future__ import annotations

import json
import re
import sys

import pyspiel
import pytest
from policies import openspiel_policy, random_strategy, uniform_strategy
from production import train

from cfr_shm.config.game import GameConfig
from cfr_shm.errors import EXIT_USAGE, GameError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games import registry
from cfr_shm.games.imported import openspiel as openspiel_import
from cfr_shm.games.imported.openspiel import import_game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.strategy.export import export_openspiel

ZERO_SUM = [
    "kuhn_poker(players=3)",
    "leduc_poker",
    "matrix_rps",  # simultaneous
    "blotto(coins=4,fields=3)",  # simultaneous
    "goofspiel(num_cards=3)",  # simultaneous, point cards in random order
    "goofspiel(num_cards=4,imp_info=True)",
    "dark_hex(board_size=2)",
    "battleship(board_width=2,board_height=2,ship_sizes=[1],ship_values=[1],num_shots=2)",
    "coordinated_mp",
    "nim(pile_sizes=2;3)",
    "misere(game=kuhn_poker())",
    "restricted_nash_response(game=kuhn_poker())",
    "turn_based_simultaneous_game(game=matrix_mp())",
]
OTHERS = [
    "tiny_hanabi",
    "matching_pennies_3p",  # simultaneous, 3 players
    "matrix_shapleys_game",
    "first_sealed_auction(max_value=4)",
    "trade_comm(num_items=2)",
    "sheriff(item_penalty=2.0,max_items=2,max_bribe=2,num_rounds=1)",
    "lewis_signaling",
]


@pytest.mark.parametrize("specification", ZERO_SUM + OTHERS)
def test_random_profiles_are_worth_what_openspiel_says(specification):
    game = import_game(specification)
    theirs = pyspiel.load_game(game.openspiel_name)
    strategy = random_strategy(game, 3)
    policy = openspiel_policy(game, strategy)
    found = evaluate(game, strategy)
    assert game.player_count == theirs.num_players()
    assert game.constant_sum == (specification in ZERO_SUM)
    assert found.nash_conv == pytest.approx(pyspiel.nash_conv(theirs, policy, False), abs=1e-9)
    values = pyspiel.expected_returns(theirs.new_initial_state(), policy, -1, False, 0.0)
    assert found.values == pytest.approx(values, abs=1e-9)
    if game.constant_sum and game.player_count == 2:
        theirs_found = pyspiel.exploitability(theirs, policy)
        assert found.exploitability == pytest.approx(theirs_found, abs=1e-9)


def histories_of(state) -> int:
    if state.is_terminal():
        return 1
    return 1 + sum(histories_of(state.child(action)) for action in state.legal_actions())


@pytest.mark.parametrize("specification", ["kuhn_poker(players=3)", "goofspiel(num_cards=3)"])
def test_every_history_becomes_a_node(specification):
    game = import_game(specification)
    root = pyspiel.load_game(game.openspiel_name).new_initial_state()
    assert len(game.tree.nodes) == histories_of(root)


@pytest.mark.parametrize(
    "build",
    [
        lambda: leduc(merge_suits=False),
        lambda: liars_dice(dice=2, sides=2),
        lambda: liars_dice(dice=1, sides=4),
        lambda: goofspiel(cards=4),
    ],
)
def test_own_games_have_the_imported_games_infosets_and_values(build):
    ours = build()
    imported = import_game(ours.openspiel_name)
    strategy, uniform = random_strategy(ours, 5), uniform_strategy(imported)
    rows = {label.name: label for label in imported.infosets()}
    probability = uniform.probability.copy()
    for label in ours.infosets():
        other = rows.pop(label.name)
        assert (other.player, other.actions) == (label.player, label.actions)
        count = len(label.actions)
        probability[other.row : other.row + count] = strategy.probability[label.row :][:count]
    assert not rows
    same = type(uniform)(probability, uniform.weight.copy())
    found, expected = evaluate(imported, same), evaluate(ours, strategy)
    assert found.values == pytest.approx(expected.values, abs=1e-12)
    assert found.best_response_values == pytest.approx(expected.best_response_values, abs=1e-12)


@pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels")
def test_an_imported_game_is_trained_and_exported_under_its_own_names(tmp_path):
    game = import_game("kuhn_poker")
    strategy = train(game, 300_000, seed=1, linear=True).strategy()
    assert evaluate(game, strategy).exploitability < 0.01
    export_openspiel(game, strategy, tmp_path / "policy.json")
    document = json.loads((tmp_path / "policy.json").read_text())
    policy = pyspiel.TabularPolicy(
        {
            name: [(int(action), probability) for action, probability in entries.items()]
            for name, entries in document["policy"].items()
        }
    )
    assert pyspiel.exploitability(pyspiel.load_game(document["game"]), policy) < 0.01


def test_perfect_information_games_without_names_are_named_by_their_histories():
    game = import_game("pig(winscore=3,horizon=5)")
    names = [label.name for label in game.infosets()]
    assert len(names) == len(set(names)) > 100
    assert evaluate(game, uniform_strategy(game)).nash_conv > 0.0


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("kuhn_pokr", "OpenSpiel has no game 'kuhn_pokr'; did you mean 'kuhn_poker'"),
        ("", "OpenSpiel has no game ''"),
        ("kuhn_poker)", "OpenSpiel has no game"),
        ("kuhn_poker(player=3)", "no parameter 'player'; did you mean 'players'"),
        ("kuhn_poker(x=3)", "no parameter 'x'; it has players"),
        ("kuhn_poker(players=3", "closed brackets"),
        ("kuhn_poker(players=x)", "OpenSpiel cannot load it"),
        ("kuhn_poker(players=40)", "OpenSpiel cannot load it"),
        ("efg_game(filename=/no/such/file)", "OpenSpiel cannot load it"),
        ("catch", "has 1 player"),
        ("mfg_garnet", "is a mean-field game|has 1 player"),
        ("laser_tag", "does not tell what its players know"),
        ("liars_dice_ir(dice_sides=3)", "perfect recall is needed"),
        ("negotiation", "does not list its chance outcomes"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(specification, message, capfd):
    with pytest.raises(GameError, match=message) as caught:
        import_game(specification)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"openspiel:{specification}")
    assert caught.value.exit_code == EXIT_USAGE
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("specification", ["phantom_ttt", "oshi_zumo"])
def test_too_big_a_tree_is_refused_with_the_count_and_the_limit(specification):
    message = r"too big: 20,0\d\d histories so far, and the limit is 20,000; .* --max-histories"
    with pytest.raises(GameError, match=message):
        import_game(specification, max_histories=20_000)


def test_a_long_import_tells_how_far_it_is(monkeypatch):
    monkeypatch.setattr(openspiel_import, "_PROGRESS_SECONDS", 0.0)
    told = []
    import_game("leduc_poker", progress=told.append)
    assert told
    assert all("importing openspiel:leduc_poker: " in text for text in told)
    about = r"\(about (?:[5-9]e\+03|1e\+04) in all, by a sample\)"  # they are 9,457
    assert all(re.search(about, text) for text in told)


def test_a_game_that_is_loaded_twice_is_imported_once(monkeypatch):
    built = []
    monkeypatch.setattr(registry, "_imported", {})
    monkeypatch.setattr(registry, "import_game", lambda *arguments, **_: built.append(arguments))
    for _ in range(2):
        registry.load_game(GameConfig(name="openspiel:kuhn_poker"))
    registry.load_game(GameConfig(name="openspiel:kuhn_poker", max_histories=9))
    assert built == [("kuhn_poker", openspiel_import.DEFAULT_MAX_HISTORIES), ("kuhn_poker", 9)]


def test_without_openspiel_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspiel", None)
    with pytest.raises(GameError, match=r"pip install 'cfr-shm\[openspiel\]'"):
        import_game("kuhn_poker")
