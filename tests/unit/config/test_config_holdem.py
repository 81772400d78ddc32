"""Hold'em in the configuration: what goes together, what is said when it does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cfr_shm.config.identity import differences, fingerprint
from cfr_shm.config.load import load_config, located, parse_config
from cfr_shm.config.sections import Config, to_dict
from cfr_shm.config.text import to_yaml
from cfr_shm.errors import ConfigError

HOLDEM = "game:\n  name: holdem\n"


def loaded(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return load_config(path)


def refusal(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message.removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  blinds: [1, 2, 3]\n", "run.yaml:3:11: game.blinds: 3 blinds for 2 players"),
        ("  stacks: [1, 2, 3]\n", "run.yaml:3:11: game.stacks has 3 values for 2 players"),
        ("  stacks: 100.5\n", "run.yaml:3:11: game.stacks: 100.5 is 100.5 chips; chips are whole"),
        ("  stacks: [9, 0.0021bb]\n", "game.stacks[1] must be a number from 1 to 100000000"),
        ("  blinds: [0]\n  stacks: 9bb\n", "run.yaml:4:11: game.stacks: 9bb needs a big blind"),
        ("  board_cards: [1, 2]\n", "run.yaml:3:16: game.board_cards [1, 2]: begin with 0, 3, 4"),
        ("  board_cards: [3, 1, 2]\n", "game.board_cards [3, 1, 2]: begin with 0, 3, 4 or 5"),
        ("  board_cards: [4, 1, 0]\n", "game.board_cards [4, 1, 0]"),
        ("  board_cards: [3, 1, 1, 0]\n", "game.board_cards"),
        ("  bet_sizes: [1, 2]\n", "game.bet_sizes has 2 values for 4 streets (preflop, flop,"),
        ("  ranks: 2\n", "run.yaml:3:10: game.ranks: a deck of 8 cards is too small for 2 hands"),
        ("  rake_cap: 1\n", "run.yaml:3:13: game.rake_cap needs game.rake_fraction"),
        (
            "abstraction:\n  multiway_flop: [[1]]\n",
            ":4:18: abstraction.multiway_flop: with game.pl",
        ),
        ("abstraction:\n  multiway_players: 3\n", "with game.players 2 no hand is multiway"),
        ("abstraction:\n  max_flop_players: 2\n", "with game.players 2 no hand is multiway"),
        ("abstraction:\n  allin_pots: 2\n", "abstraction.allin_pots needs abstraction.allin pots"),
        ("abstraction:\n  allin_rule: skip\n", "needs abstraction.allin_threshold"),
        (
            "abstraction:\n  flop: [[0.5], [1, .75]]\n",
            ":4:21: abstraction.flop[1][1]: 0.75 follows",
        ),
        ("abstraction:\n  flop: [[1, 1]]\n", ":4:14: abstraction.flop[0][1]: 1 follows a size"),
        ("abstraction:\n  flop: [[allin, allin]]\n", "abstraction.flop[0][1]: allin follows"),
        ("abstraction:\n  flop: [[1x]]\n", "abstraction.flop[0][0]: 1x is no raise; write more"),
        (
            "abstraction:\n  preflop: [[3bb, 5bb], [3bb]]\n",
            ":4:26: abstraction.preflop[1][0]: 3bb is not above the 3bb of the raise before it",
        ),
        ("abstraction:\n  folp: [[1]]\n", ":4:3: unknown key 'folp'; did you mean 'flop'?"),
        ("abstraction:\n  flop: [[0]]\n", ":4:11: abstraction.flop[0][0] must be a number from"),
        (
            "  board_cards: [4, 1]\n  blinds: [10, 20]\n  dead: 4\n",
            "run.yaml:4:11: game.blinds: blinds are posted preflop and this game begins on the "
            "turn, where what was put in before lies in the pot: write blinds: [0, 0], dead: 34 "
            "and big_blind: 20, and stacks as they are on the turn",
        ),
        (
            "  board_cards: [5]\n",
            "game.dead: this game begins on the river with an empty pot, for blinds are posted",
        ),
        (
            "  board_cards: [3, 1, 1]\n  dead: 90\n",
            "game.stacks: 100bb needs a big blind; set game.big_blind",
        ),
        (
            "  board_cards: [3]\n  dead: 9\n  stacks: 9\n  players: 3\n"
            "abstraction:\n  max_flop_players: 2\n",
            ":8:21: abstraction.max_flop_players: the flop is there when the game begins on",
        ),
        (
            "  board_cards: [4]\n  dead: 9\n  stacks: 9\n  players: 3\n"
            "abstraction:\n  check_down_above: 2\n",
            "abstraction.check_down_above: 3 players begin on the turn, so that with 2 nobody",
        ),
        (
            "abstraction:\n  bucket_counts: [169, 0]\n",
            ":4:24: abstraction.bucket_counts[1] must be",
        ),
        ("abstraction:\n  bucket_counts: [169, 9]\n", "abstraction.bucket_counts has 2 values for"),
        ("abstraction:\n  max_nodes: 0\n", ":4:14: abstraction.max_nodes must be a whole number"),
        (
            "  board_cards: [0]\nabstraction:\n  flop: [[1]]\n",
            ":5:9: abstraction.flop: there is no flop; game.board_cards makes the streets preflop",
        ),
        (
            "  betting: fixed_limit\nabstraction:\n  flop: [[1]]\n",
            ":5:9: abstraction.flop: game.betting fixed_limit has one size of bet",
        ),
        (
            "abstraction:\n  buckets: mine.bin\n  bucket_method: emd\n",
            ":5:18: abstraction.bucket_method: the file in abstraction.buckets has its own",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_place(tmp_path, text, expected):
    assert expected in refusal(tmp_path, HOLDEM + text)


def test_elements_of_lists_are_placed_where_the_list_was_set():
    message = "game.ranges[1]: 'AX' means no hands"
    assert located(message, overrides=["game.ranges=[AA,AX]"]) == f"--set game.ranges: {message}"


def test_other_games_take_no_key_of_holdem(tmp_path):
    text = "game:\n  name: kuhn\n  blinds: [1, 2]\n"
    assert refusal(tmp_path, text) == (
        "run.yaml:3:11: game.blinds is for game holdem, not for kuhn; leave it out"
    )
    text = "game:\n  name: kuhn\nabstraction:\n  limp: true\n"
    assert refusal(tmp_path, text).startswith("run.yaml:4:9: abstraction.limp is for game holdem")


def test_streets_have_names_wherever_a_game_begins(tmp_path):
    def names(cards, more="  dead: 30\n  stacks: 100\n"):
        return loaded(tmp_path, f"{HOLDEM}  board_cards: {cards}\n{more}").game.street_names

    assert load_config(overrides=["game.name=holdem"]).game.street_names == (
        "preflop",
        "flop",
        "turn",
        "river",
    )
    assert names([0]) == ("preflop",)
    assert names([0, 1]) == ("preflop", "flop")
    assert names([3, 1, 1]) == ("flop", "turn", "river")
    assert names([4, 1]) == ("turn", "river")
    assert names([5]) == ("river",)
    # By the cards that lie there, in small decks too.
    assert names([0, 5]) == ("preflop", "river")
    assert names([0, 3, 2]) == ("preflop", "flop", "river")
    assert names([0, 1, 1, 1]) == ("preflop", "flop", "turn", "river")
    assert names([0, 2, 1, 1]) == ("preflop", "flop", "turn", "river")


def test_big_blinds_become_chips(tmp_path):
    game = loaded(tmp_path, f"{HOLDEM}  blinds: [1, 2]\n  stacks: [100bb, 30]\n").game
    assert game.stack_chips == (Decimal(200), Decimal(30))
    assert load_config(overrides=["game.name=holdem"]).game.stack_chips == (20000, 20000)
    straddled = ["game.name=holdem", "game.players=3", "game.blinds=[1, 2, 4]"]
    assert load_config(overrides=straddled).game.big_blind_chips == 2


def test_menus_fall_back(tmp_path):
    text = "  players: 3\nabstraction:\n  flop: [[0.5]]\n  multiway_turn: [[2x]]\n"
    abstraction = loaded(tmp_path, HOLDEM + text).abstraction
    assert abstraction.menu("flop", True) == (("0.5",),)
    assert abstraction.menu("turn", True) == (("2x",),)
    assert abstraction.menu("turn", False) == (("1", "allin"),)


def test_lists_come_back_from_yaml_and_from_json(tmp_path):
    text = (
        '  players: 3\n  ranges: ["AA,KK", "all", "AQo:0.75"]\n  stacks: [100bb, 9, 8]\n'
        "abstraction:\n  preflop: [[2.5bb, allin], []]\n  max_raises: [4, 3, 3, 3]\n"
    )
    config = loaded(tmp_path, HOLDEM + text)
    assert parse_config(to_yaml(config)) == config
    assert "  preflop: [[2.5bb, allin], []]\n" in to_yaml(config)
    stored = to_dict(config)
    stored["game"]["ranges"] = list(stored["game"]["ranges"])
    stored["abstraction"]["preflop"] = [list(level) for level in stored["abstraction"]["preflop"]]
    assert differences(stored, config) == []


def test_the_abstraction_is_part_of_the_fingerprint():
    base = load_config(overrides=["game.name=holdem"])
    other = load_config(overrides=["game.name=holdem", "abstraction.flop=[[0.5]]"])
    assert fingerprint(base) != fingerprint(other)
    assert differences(other, base) == ["abstraction.flop: [['0.5']] != (missing)"]
    assert "abstraction" not in to_yaml(Config())
