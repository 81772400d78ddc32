"""Games from users' files: the example of the docs, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from production import train

from cfr_shm.errors import EXIT_USAGE, GameError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.imported.user_game import file_digest, load_user_game, names_user_game
from cfr_shm.kernels.jit import JIT_DISABLED

DOCS = Path(__file__).resolve().parents[3] / "docs" / "your_own_game.md"


@pytest.fixture
def coins(tmp_path) -> Path:
    """The example of the docs as a file."""
    block = re.search(
        r"<!-- example: begin -->\n```python\n(.*?)```\n<!-- example: end -->",
        DOCS.read_text(),
        re.DOTALL,
    )
    assert block is not None
    path = tmp_path / "coins.py"
    path.write_text(block[1])
    return path


def test_the_docs_example_is_about_forty_lines(coins):
    assert len(coins.read_text().splitlines()) <= 42


@pytest.mark.parametrize(("call", "value"), [("coins", 0.5), ("coins(stake=6.0)", 0.75)])
def test_the_docs_example_is_solved_to_its_value(coins, call, value):
    game = load_user_game(f"{coins}:{call}")
    assert game.value == value
    assert game.constant_sum
    assert [(label.name, label.player) for label in game.infosets()] == [
        ("heads", 0),
        ("facing a bet", 1),
        ("tails", 0),
    ]
    iterations, bound = (1_000, 0.5) if JIT_DISABLED else (100_000, 0.02)
    found = evaluate(game, train(game, iterations, seed=1, linear=True).strategy())
    assert found.exploitability < bound
    assert found.values[0] == pytest.approx(value, abs=2 * bound)


@pytest.mark.parametrize(
    ("text", "call", "message"),
    [
        (None, "coins", "there is no file"),
        ("def coinz(): ...", "coins", "no function 'coins'; did you mean 'coinz'"),
        ("coins = 3", "coins", "no function 'coins'"),
        ("def coins(): return 3", "coins", "coins returned int; it must return a Game"),
        ("x = 1\ndef coins(: ...", "coins", r"mine.py:2: invalid syntax"),
        ("def coins():\n    x = 1\n    return x / 0", "coins", "mine.py:3: ZeroDivisionError"),
        ("import no_such_module", "coins", "mine.py:1: ModuleNotFoundError"),
        ("def coins(): ...", "coins(cards=3)", "unexpected keyword argument 'cards'"),
        ("def coins(): ...", "coins(open('x'))", "expected file.py:function"),
        ("def coins(): ...", "coins(x=open)", "expected file.py:function"),
        ("def coins(): ...", "", "expected file.py:function"),
        ("def coins(): ...", "os.system", "expected file.py:function"),
    ],
)
def test_what_is_no_game_is_refused_in_one_line(tmp_path, text, call, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(GameError, match=message) as caught:
        load_user_game(f"{path}:{call}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


def test_the_builder_s_own_refusals_name_the_game(coins):
    coins.write_text(coins.read_text().replace('infoset="facing a bet"', "infoset=coin"))
    with pytest.raises(GameError, match="'heads' belongs to player 0 with 2 actions and to player"):
        load_user_game(f"{coins}:coins")


def test_a_file_that_was_changed_since_is_not_run(coins):
    name = f"{coins}:coins"
    digest = file_digest(name)
    load_user_game(name, digest)
    coins.write_text("raise RuntimeError('was run')")
    with pytest.raises(GameError, match="was changed since the run began"):
        load_user_game(name, digest)


def test_names_of_other_games_are_told_apart():
    assert names_user_game("games/coins.py:coins")
    assert not names_user_game("openspiel:python_kuhn_poker")
    assert not names_user_game("leduc")
