"""``play`` and ``replay`` of every kind of strategy that ``match`` takes."""

from __future__ import annotations

import io
import json
import random

import pytest
from random_hands import random_hand
from small_decks import ROYAL, TWO_STREETS, game_of

from cfr_shm.cli.main import main
from cfr_shm.protocols.phh import documents, read_hand, write_hand

DEEP = ROYAL.replace("stacks: 20", "stacks: 100").replace("[[allin]]", "[[2.5bb], [3x, allin]]")
FUNCTIONS = """
asked = []

def uniform(state, hole):
    asked.append((state.seat, hole))
    return [1 / len(state.actions)] * len(state.actions)

def fails(state, hole):
    asked.append(state)
    if len(asked) > 40:
        raise RuntimeError("no idea")
    return "c" if state.to_call else "x"

def fails_soon(state, hole):
    asked.append(state)
    return "c" if state.to_call else "x" if len(asked) < 6 else "bluff"

def seen(state, hole):
    with open(__file__ + ".seen", "a") as file:
        print(hole, file=file)
    return "c" if state.to_call else "x"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, all that it is exported to, functions, and hands of its game."""
    place = tmp_path_factory.mktemp("kinds")
    (place / "play.py").write_text(FUNCTIONS)
    for name, text in (("deep", DEEP), ("small", TWO_STREETS)):
        (place / f"{name}.yaml").write_text(text)
        flags = ["--iters", "4000", "--num-workers", "1", "--logdir", str(place / name)]
        assert main(["train", "-c", str(place / f"{name}.yaml"), *flags]) == 0
    for kind, out in (("npz", "deep.npz"), ("parquet", "deep.parquet"), ("bundle", "bundle")):
        export = ["export", str(place / "deep"), "--format", kind, "--out", str(place / out)]
        assert main(export) == 0
    export = ["export", str(place / "small"), "--format", "npz"]
    assert main([*export, "--out", str(place / "small.npz")]) == 0
    rules = game_of(DEEP, place).betting.rules
    draws = random.Random(4)
    hands = [random_hand(draws, rules, ranks=5) for _ in range(30)]
    text = "\n".join(f"[{number}]\n{write_hand(each)}" for number, each in enumerate(hands, 1))
    (place / "hands.phhs").write_text(text)
    return place


def replayed(place, capsys, source, *flags, code: int = 0):
    capsys.readouterr()
    arguments = ["replay", str(place / source), str(place / "hands.phhs"), *flags, "--json"]
    assert main(arguments) == code
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_replay_of_what_was_exported_is_that_of_the_run(place, capsys):
    """Bit for bit; parquet keeps single precision."""
    run, _ = replayed(place, capsys, "deep")
    assert run.pop("strategy") == "deep@4000"
    assert run["hands_followed"] == 30
    for source in ("deep@4000", "bundle", "deep.npz"):
        found, _ = replayed(place, capsys, source)
        found.pop("strategy")
        assert found == run
    found, _ = replayed(place, capsys, "deep.parquet")
    name = "mean_probability_of_what_was_done"
    assert found.pop(name) == pytest.approx(run.pop(name), abs=1e-6)
    assert found.pop("strategy") == "deep.parquet"
    assert found == run


def test_replay_of_a_function(place, capsys):
    """It plays uniformly what its tree has: what was done has the share of one of these."""
    config = ["-c", str(place / "deep.yaml"), "--decisions"]
    found, _ = replayed(place, capsys, "play.py:uniform", *config)
    assert (found["hands_followed"], found["never_visited"]) == (30, 0.0)
    decisions = [each for hand in found["hands"] for each in hand["decisions"]]
    compared = 0
    for each in decisions:
        if each["in_tree"] and each["probability"] is not None and each["read_as"] is not None:
            assert each["probability"] == pytest.approx(1 / len(each["moves"]))
            compared += 1
    assert compared > 60


def test_a_function_that_fails_ends_a_replay_and_what_was_followed_is_told(place, capsys):
    found, err = replayed(place, capsys, "play.py:fails", "-c", str(place / "deep.yaml"), code=2)
    assert 0 < found["hands_followed"] < 30
    assert found["hands_damaged"] == 0
    (error,) = [line for line in err.splitlines() if "error" in line]
    assert "play.py:11: RuntimeError: no idea" in error


def played(place, capsys, monkeypatch, source, *flags, code: int = 0):
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("x\nc\n" * 200))
    arguments = ["play", str(place / source), "--seed", "3", "--hands", "6", *flags, "--json"]
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return json.loads(out)


def test_play_against_what_was_exported_is_play_against_the_run(place, capsys, monkeypatch):
    run = played(place, capsys, monkeypatch, "deep")
    assert (run["hands"], run["names"]) == (6, ["you", "deep@4000"])
    for source in ("bundle", "deep.npz", "deep.parquet", "deep@4000"):
        found = played(place, capsys, monkeypatch, source)
        assert (found["hands"], found["chips"]) == (6, run["chips"])
    small = played(place, capsys, monkeypatch, "small.npz")
    assert (small["hands"], small["names"]) == (6, ["you", "small.npz"])


def test_play_against_a_function(place, capsys, monkeypatch):
    """Without --review it never sees the cards of who plays against it."""
    flags = ["-c", str(place / "deep.yaml"), "--phh", str(place / "played.phhs")]
    found = played(place, capsys, monkeypatch, "play.py:seen", *flags)
    assert (found["hands"], found["error"]) == (6, None)
    seen = set((place / "play.py.seen").read_text().split())
    hands = [read_hand(each) for each in documents((place / "played.phhs").read_text(), "all")]
    held = [hand.holes[1 - hand.names.index("you")] for hand in hands]
    assert 0 < len(seen) <= len(hands) == 6
    assert seen <= {hands[0].deck.text(sorted(hole, reverse=True)) for hole in held}
    found = played(place, capsys, monkeypatch, "play.py:fails_soon", *flags[:2], code=2)
    assert "returned the action 'bluff'" in found["error"]
    assert 0 < found["hands"] < 6


@pytest.mark.parametrize("command", ["play", "replay"])
@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("nowhere", 2, "nowhere"),
        ("deep@77", 2, "77"),
        ("play.py:uniform", 2, "name the game's configuration with -c"),
        ("play.py:fold", 2, "with -c"),
        ("hands.npz", 2, "hands.npz: cannot be read as a strategy"),
        ("gone.npz", 2, "gone.npz: there is no such file"),
        ("deep.yaml", 2, "deep.yaml: is a file, and no exported strategy by its name"),
        ("play.py", 2, "play.py:FUNCTION"),
    ],
)
def test_what_is_no_strategy_is_refused_in_one_line(place, capsys, command, source, code, said):
    (place / "hands.npz").write_bytes(b"PK nothing")
    capsys.readouterr()
    file = [str(place / "hands.phhs")] if command == "replay" else []
    assert main([command, str(place / source), *file]) == code
    errors = capsys.readouterr().err.splitlines()
    assert said in errors[-1]
    assert errors[-1].startswith("cfr-shm: error: ")
