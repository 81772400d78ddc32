"""Runs as programs see them: trained, opened, asked, resumed, closed; and what is refused."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import cfr_shm
from cfr_shm import CfrShmError
from cfr_shm.errors import CallbackError, ConfigError, GameError, UsageError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.small.kuhn import kuhn

WINDOW = 64


def config(**further):
    values = {"run.iterations": 256, "run.time_budget": None, "engine.drain_window": WINDOW}
    return cfr_shm.load_config("kuhn", {**values, "engine.num_workers": 1, **further})


#: No end but a callback's.
ENDLESS = {"run.iterations": None, "run.time_budget": 600, "engine.batch_size": WINDOW}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "kuhn"
    cfr_shm.train(config(), path, show=False)
    return path


def test_a_run_is_what_the_command_leaves(trained):
    run = cfr_shm.open_run(trained)
    assert run.summary == json.loads((trained / "summary.json").read_text())
    assert (run.status, run.iterations, run.path) == ("finished", 256, trained)
    assert run.config == config()
    assert eval(repr(run), {"cfr_shm": cfr_shm}).path == trained
    assert cfr_shm.open_run(f"{trained}@256").iterations == 256


def test_the_strategy_as_arrays_is_the_export(trained, tmp_path):
    with cfr_shm.open_run(trained) as run:
        arrays = run.strategy()
        path = run.export(tmp_path / "out.npz")
    stored = np.load(path, allow_pickle=False)
    assert {*arrays, "origin"} == set(stored.files)
    for name in arrays:
        assert np.array_equal(arrays[name], stored[name]), name
    offset = arrays["offset"]
    sums = np.add.reduceat(arrays["probability"], offset[:-1])
    assert sums == pytest.approx(np.ones(12))


def test_an_infoset_answers_as_the_arrays_say(trained):
    with cfr_shm.open_run(trained) as run:
        arrays = run.strategy()
        for index, name in enumerate(arrays["name"].tolist()):
            answer = run.infoset(name)
            entries = slice(arrays["offset"][index], arrays["offset"][index + 1])
            assert list(answer.probability) == arrays["probability"][entries].tolist()
            assert answer.visits == arrays["visits"][index]
            assert list(map(int, answer.actions)) == arrays["action"][entries].tolist()
        assert run.evaluate() == evaluate(kuhn(), run._strategy)


def test_resuming_ends_where_an_undisturbed_run_does(tmp_path):
    whole = cfr_shm.train(config(), tmp_path / "whole", show=False)
    parts = cfr_shm.train(config(**{"run.iterations": 128}), tmp_path / "parts", show=False)
    parts = parts.resume(iterations=256)
    assert parts.iterations == 256
    assert np.array_equal(parts.strategy()["probability"], whole.strategy()["probability"])
    with pytest.raises(UsageError, match="nothing is left to do"):
        parts.resume()
    longer = parts.resume(time_budget=0.2, overrides={"run.checkpoint_interval": 0})
    assert longer.iterations > 256
    assert longer.config.run.checkpoint_interval == 0.0


def test_what_is_shown_is_told_on_stderr(tmp_path, capsys):
    cfr_shm.train(config(), tmp_path / "shown")
    output = capsys.readouterr()
    assert output.out == ""
    assert "finished: 256 iterations of kuhn" in output.err
    cfr_shm.train(config(), tmp_path / "hushed", show=False)
    assert capsys.readouterr() == ("", "")


def test_progress_is_told_and_false_ends_the_run_with_a_checkpoint(tmp_path):
    told, threads = [], set()

    def follow(progress):
        told.append(progress.iterations)
        threads.add(threading.current_thread())
        return False

    run = cfr_shm.train(config(**ENDLESS), tmp_path / "run", progress=follow, show=False)
    assert run.status == "interrupted"
    assert run.iterations == told[-1] > 0
    assert threads == {threading.main_thread()}
    assert run.resume(iterations=run.iterations + WINDOW).status == "finished"


@pytest.mark.parametrize("answer", [None, True, 0, ""])
def test_nothing_but_false_ends_a_run(tmp_path, answer):
    run = cfr_shm.train(config(), tmp_path / "run", progress=lambda _: answer, show=False)
    assert run.status == "finished"


def test_a_callback_that_raises_ends_the_run_and_keeps_what_was_trained(tmp_path):
    calls = []

    def fail(progress):
        calls.append(progress)
        raise ZeroDivisionError("mine")

    with pytest.raises(CallbackError, match="raised ZeroDivisionError: mine") as no:
        cfr_shm.train(config(**ENDLESS), tmp_path / "run", progress=fail, show=False)
    assert isinstance(no.value.__cause__, ZeroDivisionError)
    assert isinstance(no.value, CfrShmError)
    assert len(calls) == 1
    run = cfr_shm.open_run(tmp_path / "run")
    assert run.status == "interrupted"
    assert run.resume(iterations=run.iterations + WINDOW).status == "finished"


def test_a_run_trained_twice_at_once_is_refused_and_the_first_goes_on(tmp_path):
    refused = []

    def again(_progress):
        for attempt in (
            lambda: cfr_shm.train(config(), tmp_path / "run", show=False),
            lambda: cfr_shm.open_run(tmp_path / "run").resume(iterations=512, show=False),
        ):
            with pytest.raises(CfrShmError) as no:
                attempt()
            refused.append(str(no.value))

    run = cfr_shm.train(config(), tmp_path / "run", progress=again, show=False)
    assert (run.status, run.iterations) == ("finished", 256)
    assert "is running in" in refused[0]
    assert run.resume(iterations=512).iterations == 512


def test_any_thread_may_train(tmp_path):
    found = []

    def work():
        found.append(cfr_shm.train(config(), tmp_path / "run", show=False).iterations)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [256]


def test_a_closed_run_is_refused_whatever_is_asked(trained, tmp_path):
    run = cfr_shm.open_run(trained)
    assert run.iterations == 256
    run.close()
    run.close()
    for ask in (
        lambda: run.summary,
        lambda: run.status,
        lambda: run.iterations,
        lambda: run.game,
        run.strategy,
        run.evaluate,
        run.resume,
        run.__enter__,
        lambda: run.infoset("0"),
        lambda: run.hand("AhKd"),
        lambda: run.export(tmp_path / "out.npz"),
    ):
        with pytest.raises(UsageError, match=r"was closed; open it again: cfr_shm\.open_run"):
            ask()
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_fork_opens_runs_for_itself(trained):
    run = cfr_shm.open_run(trained)
    assert run.iterations == 256
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run.strategy()
        except UsageError as error:
            status = 0 if "which this one is a fork" in str(error) else 2
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run.evaluate().unit == "chips"


@pytest.mark.parametrize(
    ("source", "overrides", "message"),
    [
        ("kuhnn", None, "no shipped config is named 'kuhnn'"),
        (Path("absent.yaml"), None, "absent.yaml: cannot be read"),
        ("kuhn", {"run.iterations": "many"}, r"overrides\['run.iterations'\]: run.iterations must"),
        ("kuhn", {"run.iterations": 1.5}, "must be a whole number"),
        ("kuhn", {"run.iterations": float("nan")}, "it must be finite"),
        ("kuhn", {"run.iterations": object()}, "object is no value of a config"),
        ("kuhn", {"run.iterations": [1, 2]}, "must be a single value, found a list"),
        ("kuhn", {"run": {"sead": 1}}, r"overrides\['run.sead'\]: unknown key .* mean 'seed'"),
        ("kuhn", {"seed": 1}, r"overrides\['seed'\]: expected section.key"),
        ("kuhn", {("run", "seed"): 1}, r"the key \('run', 'seed'\) is no text"),
        ({"run.seed": -1}, None, r"config\['run.seed'\]: run.seed must be"),
        (17, None, "a config is a name, a path, a dict or a Config, not int"),
        ("kuhn", {"engine.in_process": True, "engine.num_workers": 2}, "runs one worker"),
    ],
)
def test_configurations_that_cannot_be_used(source, overrides, message):
    with pytest.raises(ConfigError, match=message) as no:
        cfr_shm.load_config(source, overrides)
    assert "\n" not in str(no.value)


def test_values_mean_what_texts_mean():
    values = {
        "game.name": "holdem",
        "game.stacks": ["50bb", 20000],
        "abstraction.preflop": [["2.5bb", "allin"], []],
        "abstraction.limp": False,
        "run.checkpoint_interval": np.float64(2.5),
        "run.seed": np.int64(7),
        "run.logdir": Path("runs/x"),
        "run.time_budget": None,
        "run.iterations": "1e6",
    }
    texts = [
        "game.name=holdem",
        "game.stacks=[50bb, 20000]",
        "abstraction.preflop=[[2.5bb, allin], []]",
        "abstraction.limp=false",
        "run.checkpoint_interval=2.5",
        "run.seed=7",
        "run.logdir=runs/x",
        "run.time_budget=null",
        "run.iterations=1000000",
    ]
    from cfr_shm.config.load import load_config

    expected = load_config(overrides=texts)
    assert cfr_shm.load_config(values) == expected
    assert cfr_shm.load_config(cfr_shm.load_config(values)) == expected
    assert cfr_shm.load_config(expected, {"run.seed": 8}).run.seed == 8


def test_what_cannot_be_done_is_one_typed_error_and_leaves_nothing(tmp_path, trained):
    before = sorted(tmp_path.iterdir())
    run = cfr_shm.open_run(trained)
    for kind, message, attempt in (
        (
            UsageError,
            "progress must be callable",
            lambda: cfr_shm.train("kuhn", tmp_path / "a", progress=3),
        ),
        (
            GameError,
            "there is no game 'chess'",
            lambda: cfr_shm.train({"game.name": "chess"}, tmp_path / "a"),
        ),
        (UsageError, "holds another run", lambda: cfr_shm.train(config(), trained)),
        (
            UsageError,
            "there is no such run directory",
            lambda: cfr_shm.open_run(tmp_path / "absent"),
        ),
        (UsageError, "is not a run directory", lambda: cfr_shm.open_run(tmp_path)),
        (UsageError, "no infoset is named 'zz'", lambda: run.infoset("zz")),
        (GameError, "is not hold'em", lambda: run.hand("AhKd")),
        (
            UsageError,
            r"no format 'npy'; did you mean 'npz'",
            lambda: run.export(tmp_path / "b", "npy"),
        ),
        (UsageError, "cannot write", lambda: run.export(tmp_path / "absent" / "b")),
        (ConfigError, r"overrides\['run.sead'\]", lambda: run.resume(overrides={"run.sead": 1})),
        (ConfigError, r"resume\['run.iterations'\]", lambda: run.resume(iterations=0)),
        (GameError, "game.dice", lambda: cfr_shm.estimate({"game.name": "kuhn", "game.dice": 2})),
    ):
        with pytest.raises(kind, match=message):
            attempt()
    assert sorted(tmp_path.iterdir()) == before
    assert sys.modules["__main__"].__name__ == "__main__"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (OSError(28, "No space left on device", "here"), "here: No space left on device"),
        (OSError("odd"), "odd"),
        (MemoryError(), "out of memory: an allocation failed"),
    ],
)
def test_what_the_system_refuses_is_one_typed_error(tmp_path, monkeypatch, fault, message):
    def refuse(*_arguments, **_named):
        raise fault

    monkeypatch.setattr("cfr_shm.run.train.begin_rows", refuse)
    with pytest.raises(CfrShmError) as no:
        cfr_shm.train(config(), tmp_path / "run", show=False)
    assert (str(no.value), no.value.__cause__) == (message, fault)
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="visits must be a whole number of 1 or more, found 0"):
        cfr_shm.estimate(config(), visits=0)


def test_a_run_has_the_name_of_its_config(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("game:\n  name: kuhn\nrun:\n  iterations: 64\n")
    monkeypatch.chdir(tmp_path)
    tiny = {"game.name": "kuhn", "run.iterations": 64, "engine.drain_window": WINDOW}
    assert cfr_shm.train(tiny, show=False).path.name.startswith("kuhn-")
    assert cfr_shm.train("./mine.yaml", show=False).path.name.startswith("mine-")
    assert cfr_shm.open_run("runs/latest").path.resolve().name.startswith("mine-")


def test_a_run_that_was_never_saved_says_so(tmp_path, trained):
    (tmp_path / "config.yaml").write_text((trained / "config.yaml").read_text())
    run = cfr_shm.open_run(tmp_path, show=False)
    assert (run.summary, run.status) == ({}, None)
    with pytest.raises(CfrShmError, match="checkpoints: no such directory"):
        run.strategy()


def test_an_estimate_says_what_estimate_says(monkeypatch):
    from cfr_shm.run import forecast

    monkeypatch.setattr(forecast, "MEASURED_SECONDS", 0.01)
    found = cfr_shm.estimate(config(), visits=10, show=False)
    assert (found.fits, found.refused, found.workers) == (True, None, 1)
    assert (found.infosets, found.sizes.entries) == (12, 24)
    assert found.needed_bytes == found.sizes.table_bytes + found.sizes.tree_bytes
    assert found.rate.iterations_per_second > 0
    assert found.hours.visits == 10
    limit = forecast.Limit("x", 9, "y")
    monkeypatch.setattr(forecast, "limits_of", lambda config, workers: [limit])
    small = cfr_shm.estimate(config(), show=False)
    assert (small.fits, small.rate, small.hours) == (False, None, None)
    assert "x has only 9 bytes left; y" in small.refused


@pytest.mark.thorough
def test_a_blueprint_answers_as_query_and_eval_do(tmp_path, capsys, monkeypatch):
    from cfr_shm.cli.main import main
    from cfr_shm.evaluation import measure

    values = {"run.iterations": 256, "run.time_budget": None, "engine.num_workers": 1}
    small = cfr_shm.load_config("pushfold", {**values, "engine.drain_window": WINDOW})
    run = cfr_shm.train(small, tmp_path / "run", show=False)
    for hole, line in (("AsKd", ""), ("7c2d", "a")):
        assert main(["query", str(run.path), "--hole", hole, "--line", line, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        answer = run.hand(hole, line)
        assert answer.actions == tuple(action["token"] for action in told["actions"])
        assert list(answer.probability) == (told["probability"] or [0.5, 0.5])
        assert answer.visits == told["visits"]
    for arguments, message in (
        (("AsAs",), "AsAs"),
        (("As",), "hole: 1 cards in 'As'; a hand has two"),
        (("AsKd", "b9"), "b9"),
        (("AsKd", "", "7c8c9d"), "board: 3 cards, but the line ends .* where none lie; leave bo"),
    ):
        with pytest.raises(UsageError, match=message):
            run.hand(*arguments)
    with pytest.raises(UsageError, match="hands at a line: ask by hand"):
        run.infoset("AsKd")
    with pytest.raises(GameError, match=r"too large .* ask by measure"):
        run.evaluate()
    asked = []
    monkeypatch.setattr(measure, "best_measures", lambda s, **told: asked.append((s, told)) or [])
    assert run.measure(seed=3, workers=2) == []
    strategy, told = asked[0]
    assert (strategy.name, told["seed"], told["workers"]) == ("run@256", 3, 2)
    assert np.array_equal(strategy.weight, run._strategy.weight)
    arrays = run.strategy()
    assert arrays["line"].tolist() == [b"", b"r10bb"]
    assert arrays["probability"].shape == (676,)
