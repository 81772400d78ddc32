"""``match --method play`` of Python functions: asked hand by hand, and never corrected."""

from __future__ import annotations

import json

import pytest

from cfr_shm.cli.main import main

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[3bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""
THREE = ROYAL.replace("ranks: 5", "ranks: 5, players: 3")
FUNCTIONS = """
import random, sys

asked = []

def any_of(state, hole):
    return random.Random(len(state.line)).choice(state.actions)

def uniform(state, hole):
    return [1 / len(state.actions)] * len(state.actions)

def after(count, what):
    def player(state, hole):
        asked.append(hole)
        return what(hole) if len(asked) > count else any_of(state, hole)
    return player

def trips(hole):
    raise RuntimeError(f"no idea what to do with {hole}")

def signal(hole):
    raise KeyboardInterrupt

fails = after(60, trips)
leaves = after(60, lambda hole: sys.exit(0))
nonsense = after(60, lambda hole: [0.5, 0.6])
illegal = after(60, lambda hole: "b1")
strange = after(60, lambda hole: "bluff")
nothing = after(60, lambda hole: None)
numbers = after(60, lambda hole: 3)
interrupted = after(60, signal)

def ends(hole):
    raise GeneratorExit

class Mute(Exception):
    def __str__(self):
        raise RuntimeError

def mute(hole):
    raise Mute

class Word(str):
    __hash__ = str.__hash__
    def __eq__(self, other):
        raise RuntimeError("nobody compares me")

class Share:
    def __float__(self):
        raise RuntimeError("no number")

class Unseen:
    def __repr__(self):
        raise RuntimeError("not to be shown")

ended = after(60, ends)
muted = after(60, mute)
words = after(60, lambda hole: Word("x"))
shares = after(60, lambda hole: [Share(), Share()])
unseen = after(60, lambda hole: Unseen())
endless = after(60, lambda hole: (1.0 for _ in hole))
unknown = after(60, lambda hole: {"a": float("nan")})

def talks(state, hole):
    print("I have", hole)
    return any_of(state, hole)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A royal run, a run for three, and a file of functions."""
    place = tmp_path_factory.mktemp("bare")
    (place / "play.py").write_text(FUNCTIONS)
    for name, text in (("run", ROYAL), ("three", THREE)):
        (place / f"{name}.yaml").write_text(text)
        flags = ["--iters", "3000", "--num-workers", "1", "--logdir", str(place / name)]
        assert main(["train", "-c", str(place / f"{name}.yaml"), *flags]) == 0
    return place


def told(capsys, *arguments, code: int = 0) -> tuple[dict, list[str]]:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == code
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if "error" in line]
    assert len(errors) == (code != 0)
    assert "Traceback" not in err
    return json.loads(out), errors


def test_what_is_told(place, capsys):
    match = ["match", place / "run", f"{place / 'play.py'}:uniform"]
    ranges, _ = told(capsys, *match, "--boards", "2")
    assert (ranges["method"], ranges["unknown"]) == ("ranges", [])
    played, _ = told(capsys, *match, "--method", "play", "--deals", "20")
    assert played["unknown"] == [f"{place / 'play.py'}:uniform"]
    assert played["corrected"]


def test_sides_swapped_are_the_negative(place, capsys):
    run, function = place / "run", f"{place / 'play.py'}:any_of"
    options = ["--method", "play", "--deals", "100"]
    one, _ = told(capsys, "match", run, function, *options)
    two, _ = told(capsys, "match", function, run, *options)
    assert one["value"] == -two["value"] != 0.0
    assert main(["match", str(run), function, *options]) == 0
    assert f"luck of boards and draws of all but {function} taken out" in capsys.readouterr().out


def test_what_a_function_prints_is_no_output(place, capsys):
    match = ["match", place / "run", f"{place / 'play.py'}:talks", "--json"]
    assert main([*map(str, match), "--method", "play", "--deals", "20"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["deals"] == 20
    assert err.count("I have ") >= 20


def test_three_seats(place, capsys):
    function = f"{place / 'play.py'}:any_of"
    found, _ = told(capsys, "match", place / "three", function, "--deals", "60")
    assert (found["method"], found["seatings"], found["deals"]) == ("play", 6, 60)
    two, _ = told(capsys, "match", function, function, "-c", place / "three.yaml", "--deals", "8")
    assert (two["value"], two["unknown"]) == (0.0, [function, function])


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("fails", 2, "RuntimeError: no idea what to do with"),
        ("leaves", 2, "SystemExit: 0"),
        ("nonsense", 2, "returned [0.5, 0.6] for "),
        ("illegal", 2, "returned the action 'b1' ("),
        ("strange", 2, "returned the action 'bluff' ("),
        ("nothing", 2, "returned None for "),
        ("numbers", 2, "returned 3 for "),
        ("interrupted", 130, "interrupted"),
        ("ended", 2, "GeneratorExit"),
        ("muted", 2, "Mute: (it cannot be told)"),
        ("words", 2, "RuntimeError: nobody compares me"),
        ("shares", 2, "RuntimeError: no number"),
        ("unseen", 2, "RuntimeError: not to be shown"),
        ("endless", 2, "returned <generator object"),
        ("unknown", 2, "returned {'a': nan"),
    ],
)
def test_what_was_played_before_a_function_failed_is_told(place, capsys, name, code, said):
    function = f"{place / 'play.py'}:{name}"
    match = ["match", place / "run", function, "--method", "play"]
    found, errors = told(capsys, *match, code=code)
    assert 2 <= found["deals"] < 60
    assert found["low"] < found["value"] < found["high"]
    assert said in errors[0]
    assert found["stopped"] in errors[0]
    whole, _ = told(
        capsys,
        *match[:2],
        f"{place / 'play.py'}:any_of",
        *match[3:],
        "--deals",
        found["deals"],
    )
    assert whole["value"] == found["value"]
