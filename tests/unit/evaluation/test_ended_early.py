"""What an error or Ctrl-C leaves of a measure: what was found before it, told as that."""

from __future__ import annotations

import itertools
import json
import os
import signal

import numpy as np
import pytest

from cfr_shm.cards.parallel import Progress
from cfr_shm.cli.main import main
from cfr_shm.evaluation.estimates import exactly
from cfr_shm.evaluation.exploiter import Budget, exploiter_response
from cfr_shm.evaluation.gain_parts import BoardParts
from cfr_shm.evaluation.gathering import for_each
from cfr_shm.evaluation.local_response import LocalPlayer
from cfr_shm.evaluation.measure import Measurement
from cfr_shm.evaluation.sampled_response import BoardGains
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="measures need compiled kernels")

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""

#: A function that plays until it has been asked for so many hands.
TIRED = """
asked = 0

def act(state, hole):
    global asked
    asked += 1
    if asked > 30_000:
        raise ValueError("I am tired")
    return "c" if "c" in state.actions else "x"
"""


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no")])
def test_what_was_found_before_the_end_is_kept_in_order(workers, error):
    def make(_):
        def find(number):
            if number == 12:
                raise error
            return np.array([float(number)])

        return find

    found = for_each(make, 100, workers)
    assert found.found.tolist() == [[float(number)] for number in range(12)]
    assert found.stopped is error
    whole = for_each(make, 12, workers)
    assert whole.stopped is None


def test_an_error_before_anything_was_found_is_raised():
    def broken(_):
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        for_each(broken, 10, 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("ended")
    (place / "royal.yaml").write_text(ROYAL)
    train = ["train", "-c", str(place / "royal.yaml"), "--iters", "3000"]
    assert main([*train, "--logdir", str(place / "run"), "--num-workers", "1"]) == 0
    return str(place / "run")


def interrupted_at(monkeypatch, owner, name, number):
    """Have a method raise KeyboardInterrupt the ``number``-th time."""
    kept, calls = getattr(owner, name), itertools.count(1)

    def call(self, *arguments, **named):
        if next(calls) == number:
            raise KeyboardInterrupt
        return kept(self, *arguments, **named)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize(
    ("flags", "owner", "name", "kept"),
    [
        (["--method", "river", "--boards", "500"], BoardGains, "__call__", 7),
        (["--method", "lbr", "--pairs", "5000"], LocalPlayer, "play", 7 * 32),
        (["--where", "--boards", "500"], BoardParts, "__call__", 7),
    ],
)
def test_ctrl_c_tells_what_was_found(run, capsys, monkeypatch, flags, owner, name, kept):
    few = [*flags[:-1], str(kept)]
    capsys.readouterr()
    assert main(["eval", run, *few, "--num-workers", "1", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    interrupted_at(monkeypatch, owner, name, 8)
    assert main(["eval", run, *flags, "--num-workers", "1", "--json"]) == 130
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert "interrupted" in told.err
    assert (whole["stopped"], found["stopped"]) == (None, "interrupted")
    for each in (whole, found):
        del each["stopped"]
        each.pop("seconds", None)
        [measure.pop("seconds") for measure in each.get("measures", [])]
        [measure.pop("stopped") for measure in each.get("measures", [])]
    assert found == whole
    interrupted_at(monkeypatch, owner, name, 4)
    assert main(["eval", run, *flags, "--num-workers", "1"]) == 130
    assert "ended early: interrupted" in capsys.readouterr().out


def test_the_first_of_two_measures_is_told_when_the_second_is_interrupted(run, capsys, monkeypatch):
    monkeypatch.setattr("cfr_shm.evaluation.measure.forecast_seconds", lambda _: 1e6)
    monkeypatch.setattr("cfr_shm.evaluation.measure.DEFAULT_BOARDS", {"river": 20})
    interrupted_at(monkeypatch, LocalPlayer, "play", 1)
    assert main(["eval", run, "--num-workers", "1"]) == 130
    told = capsys.readouterr()
    assert "river: a best response from the river on wins at least" in told.out
    assert "interrupted" in told.err


def test_a_function_that_fails_under_local_best_response(run, tmp_path, capsys):
    (tmp_path / "tired.py").write_text(TIRED)
    (tmp_path / "royal.yaml").write_text(ROYAL)
    function = ["eval", f"{tmp_path}/tired.py:act", "-c", f"{tmp_path}/royal.yaml"]
    flags = ["--method", "lbr", "--pairs", "3000", "--num-workers", "1", "--json"]
    assert main([*function, *flags]) == 2
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert 0 < found["n"] < 3000
    assert "I am tired" in found["stopped"]
    assert told.err.count("I am tired") == 1


@pytest.mark.parametrize("allowed", [0.0, 1.0], ids=["too late", "soon"])
def test_an_exploiter_that_is_interrupted_tells_what_it_learned(allowed, monkeypatch):
    monkeypatch.setattr("cfr_shm.evaluation.exploiter._LAST_SECONDS", allowed)
    game = leduc()
    uniform = np.zeros(game.table_entries)
    for label in game.infosets():
        uniform[label.row : label.row + len(label.actions)] = 1.0 / len(label.actions)
    told = itertools.count(1)  # by two threads: what each takes of it is taken once

    def write(_line):
        if next(told) == 20:
            os.kill(os.getpid(), signal.SIGINT)

    # A shell's background jobs ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = exploiter_response(
            game, uniform, Budget(seconds=1e5), 10**7, progress=Progress(write, interval=0.0)
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(found.stopped, KeyboardInterrupt)
    assert found.gain.value > 0.0
    assert 2 <= len(found.samples) < 10**7
    assert any(found.learned)  # one thread may have learned nothing yet


def test_whoever_wants_all_of_it_is_told():
    measured = Measurement("river", "mbb", exactly(1.0), (), 0.0, stopped=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        measured.whole()
