"""The command line: what each command prints, refuses and returns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.cli import main as cli
from cfr_shm.cli import verify
from cfr_shm.errors import WorkerError

pyspiel = pytest.importorskip("pyspiel")

SHORT = ["--num-workers", "1", "--set", "engine.drain_window=64", "--loglevel", "warning"]


class Called:
    """What a command line returned and wrote."""

    def __init__(self, capsys, *arguments: object) -> None:
        self.code = cli.main([str(argument) for argument in arguments])
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def call(capsys):
    return lambda *arguments: Called(capsys, *arguments)


@pytest.fixture(scope="module")
def kuhn_run(tmp_path_factory) -> Path:
    """A run directory with 128 iterations of Kuhn poker."""
    path = tmp_path_factory.mktemp("cli") / "run"
    arguments = ["train", "-c", "kuhn", "--iters", "128", "--logdir", str(path), *SHORT]
    assert cli.main(arguments) == 0
    return path


# --- usage -------------------------------------------------------------------------------


def test_help_and_version_load_nothing_heavy():
    for flag in ("--help", "--version", "--hlep", "train --help"):
        program = (
            "import sys\n"
            "from cfr_shm.cli.main import main\n"
            "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
            "heavy = {'numpy', 'numba', 'yaml', 'psutil', 'multiprocessing'} & set(sys.modules)\n"
            "sys.exit(f'loaded {heavy}' if heavy else 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *flag.split()], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "cfr_shm", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "cfr-shm")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "a command is needed: train, estimate, solve, resume, "),
        ("trian", "unknown command 'trian'; did you mean 'train'?"),
        ("train --itres 5", "unknown flag '--itres'; did you mean '--iters'?"),
        ("train --itres=5", "unknown flag '--itres'; did you mean '--iters'?"),
        ("train --iter 5", "unknown flag '--iter'; did you mean '--iters'?"),
        ("eval x --jsno", "unknown flag '--jsno'; did you mean '--json'?"),
        ("train extra", "unexpected argument 'extra'"),
        ("train --iters", "argument --iters: expected one argument"),
        ("eval", "the following arguments are required: DIR"),
        (
            "export x --format jsn --out f",
            "--format: unknown 'jsn'; choose from openspiel, npz, csv",
        ),
        ("train --iters 1.5", "--iters: run.iterations must be a whole number from 1"),
        ("train --iters -1e6", "--iters"),
        ("train --time-budget -3", "--time-budget: run.time_budget must be a number from 0.01"),
        ("train --time-budget nan", "it must be finite"),
        ("train --num-workers -1", "--num-workers: engine.num_workers must be a whole number fr"),
        ("train --num-workers 1000000", "from 0 to 1024, found '1000000'"),
        ("train --batch-size 0", "--batch-size: engine.batch_size must be a whole number from 1"),
        ("train --seed 0x10", "--seed: run.seed must be"),
        ("train --loglevel loud", "--loglevel: run.loglevel must be 'debug', 'info'"),
        ("train --set run.sed=1", "--set run.sed: unknown key 'sed'; did you mean 'seed'?"),
        (
            "train --game ledoc",
            "--game: game.name: there is no game 'ledoc'; did you mean 'leduc'? (games: kuhn, ",
        ),
        ("train --game openspiel:kuhn", "OpenSpiel has no game 'kuhn'"),
        ("train --game goofspiel --set game.dice=2", "goofspiel has no dice; only liars_dice does"),
        ("train --game absent.py:game", "there is no file absent.py"),
        ("train --game kuhn --max-histories 9", "kuhn has no max_histories; only openspiel:NAME"),
        ("train -c ledoc", "no shipped config is named 'ledoc'"),
        ("train -c absent.yaml", "absent.yaml: cannot be read: No such file"),
        (
            "train --buckets b.npz",
            "--buckets: abstraction.buckets is for game holdem, not for leduc",
        ),
        ("train --resume-from x -c leduc", "--config and --resume-from exclude each other"),
        ("train --resume-from x --logdir y", "--logdir and --resume-from exclude each other"),
        ("resume absent", "absent: there is no such run directory"),
        ("eval absent", "absent: there is no such run directory"),
        ("verify --num-workers 1", "one worker is tried anyway; give 2 or more"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(call, line, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = call(*line.split())
    assert called.code == 2
    assert called.out == ""
    assert called.err.startswith("cfr-shm: error: ")
    assert called.err.count("\n") == 1
    assert expected in called.err
    assert list(tmp_path.iterdir()) == []


def test_a_game_that_is_not_there_is_named_with_its_place(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.yaml"
    path.write_text("run:\n  seed: 1\ngame:\n  name: leducc\n")
    called = call("train", "-c", "run.yaml")
    assert called.code == 2
    assert "run.yaml:4:9: game.name: there is no game 'leducc'; did you mean" in called.err
    path.write_text("game:\n  name: goofspiel\n  dice: 2\n")
    assert "run.yaml:3:9: game.dice: goofspiel has no dice" in call("train", "-c", "run.yaml").err
    assert list(tmp_path.iterdir()) == [path]


def test_environment_counts_and_is_named(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CFR_SHM_RUN_SEED", "x")
    called = call("train")
    assert called.code == 2
    assert "CFR_SHM_RUN_SEED: run.seed must be" in called.err


# --- train and resume --------------------------------------------------------------------


def test_train_prints_exactly_one_json_document(call, tmp_path):
    path = tmp_path / "run"
    called = call("train", "-c", "kuhn", "--iters", "1e2", "--logdir", path, "--json", *SHORT[:4])
    assert called.code == 0
    assert json.loads(called.out) == json.loads((path / "summary.json").read_text())
    assert json.loads(called.out)["iterations"] == 100
    assert "Iteration 100 (" in called.err


def test_train_prints_its_result_and_where_it_lies(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = call("train", "--game", "kuhn", "--iters", "64", *SHORT)
    assert called.code == 0
    assert "exploitability: 0." in called.out
    assert "run directory: runs/kuhn-" in called.out
    assert called.err == "" or "compiling" in called.err
    assert Path("runs/latest/summary.json").exists()


def test_train_refuses_a_directory_that_is_taken(call, kuhn_run):
    before = (kuhn_run / "config.yaml").read_text()
    called = call("train", "--logdir", kuhn_run)
    assert called.code == 2
    assert "holds another run" in called.err
    assert (kuhn_run / "config.yaml").read_text() == before


@pytest.mark.parametrize("command", [("resume",), ("train", "--resume-from")])
def test_a_complete_run_needs_to_be_told_how_far(call, kuhn_run, command):
    called = call(*command, kuhn_run)
    assert called.code == 2
    assert "nothing is left to do up to 128 iterations" in called.err
    assert "nothing is left to do up to 5 iterations" in call(*command, kuhn_run, "--iters", 5).err


def test_resume_takes_totals_of_iterations_and_more_time(call, tmp_path):
    path = tmp_path / "run"
    call("train", "-c", "kuhn", "--iters", "128", "--logdir", path, *SHORT)
    first = call("resume", path, "--iters", "256", "--json", *SHORT)
    assert json.loads(first.out)["iterations"] == 256
    second = call("train", "--resume-from", path, "--time-budget", "0.2", "--json", *SHORT)
    assert second.code == 0
    assert json.loads(second.out)["iterations"] > 256
    assert json.loads(second.out)["seconds"] > json.loads(first.out)["seconds"]


def test_resume_refuses_another_seed(call, kuhn_run):
    called = call("resume", kuhn_run, "--iters", "256", "--set", "run.seed=9")
    assert called.code == 3
    assert "run.seed: 0 != 9" in called.err


# --- eval and export ---------------------------------------------------------------------


def test_eval_agrees_with_the_summary(call, kuhn_run):
    called = call("eval", kuhn_run, "--json")
    document = json.loads(called.out)
    summary = json.loads((kuhn_run / "summary.json").read_text())
    assert document["exploitability"] == summary["exploitability"]
    assert document["nash_conv"] == summary["nash_conv"]
    assert sum(document["values"]) == pytest.approx(0.0, abs=1e-12)
    text = call("eval", kuhn_run)
    assert text.code == 0
    assert f"exploitability: {summary['exploitability']['value']:.6f} chips" in text.out


def test_an_exported_policy_is_as_exploitable_as_eval_says(call, kuhn_run, tmp_path):
    out = tmp_path / "policy.json"
    assert call("export", kuhn_run, "--format", "openspiel", "--out", out).code == 0
    document = json.loads(out.read_text())
    policy = {
        infoset: [(int(action), probability) for action, probability in actions.items()]
        for infoset, actions in document["policy"].items()
    }
    game = pyspiel.load_game(document["game"])
    expected = json.loads(call("eval", kuhn_run, "--json").out)["exploitability"]["value"]
    found = pyspiel.exploitability(game, pyspiel.TabularPolicy(policy))
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_csv_export_holds_every_entry(call, kuhn_run, tmp_path):
    out = tmp_path / "strategy.csv"
    assert call("export", kuhn_run, "--format", "csv", "--out", out).code == 0
    lines = out.read_text().splitlines()
    assert lines[0] == "infoset,player,action,probability,reach,visits,visited"
    assert len(lines) == 1 + 24


def test_export_replaces_nothing_unless_forced(call, kuhn_run, tmp_path):
    out = tmp_path / "strategy.npz"
    out.write_text("precious")
    arguments = ("export", kuhn_run, "--format", "npz", "--out", out)
    refused = call(*arguments)
    assert refused.code == 2
    assert "--force" in refused.err
    assert out.read_text() == "precious"
    forced = call(*arguments, "--force")
    assert forced.code == 0
    assert forced.out == ""
    with np.load(out, allow_pickle=False) as arrays:
        assert {"name", "probability", "reach", "visits"} <= set(arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["strategy.npz"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("absent/policy.json", "there is no directory"),
        (".", "is a directory; name a file"),
        ("file/policy.json", "there is no directory"),
    ],
)
def test_export_names_what_it_cannot_write_to(call, kuhn_run, tmp_path, target, expected):
    (tmp_path / "file").write_text("")
    called = call("export", kuhn_run, "--format", "npz", "--out", tmp_path / target)
    assert called.code == 2
    assert expected in called.err


def test_a_run_without_checkpoints_is_named(call, tmp_path):
    (tmp_path / "config.yaml").write_text("run: {seed: 1}\n")
    for command in (["eval", tmp_path], ["resume", tmp_path]):
        called = call(*command)
        assert called.code == 3
        assert called.err.splitlines()[-1].startswith("cfr-shm: error: ")
        assert "checkpoint" in called.err


# --- games from elsewhere ----------------------------------------------------------------


def test_an_openspiel_game_is_trained_resumed_evaluated_and_exported(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "openspiel:kuhn_poker(players=3)"
    begun = call("train", "--game", name, "--iters", "64", "--json", *SHORT)
    assert begun.code == 0
    run = Path("runs/latest")
    assert run.resolve().name.startswith("openspiel-kuhn_poker-players=3-20")
    assert call("resume", run, "--iters", "128").code == 0
    evaluated = json.loads(call("eval", run, "--json").out)
    assert (evaluated["game"], evaluated["iterations"]) == (name, 128)
    assert call("export", run, "--format", "openspiel", "--out", "policy.json").code == 0
    document = json.loads(Path("policy.json").read_text())
    assert document["game"] == "kuhn_poker(players=3)"
    assert len(document["policy"]) == 48
    nash_conv = pyspiel.nash_conv(
        pyspiel.load_game(document["game"]),
        pyspiel.TabularPolicy(
            {
                infoset: [(int(action), share) for action, share in entries.items()]
                for infoset, entries in document["policy"].items()
            }
        ),
        False,
    )
    assert evaluated["nash_conv"] == pytest.approx(nash_conv, abs=1e-9)


def test_an_openspiel_game_beyond_the_limit_is_refused(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = call("train", "--game", "openspiel:leduc_poker", "--max-histories", "1e3")
    assert called.code == 2
    assert "too big: 1,00" in called.err
    assert "the limit is 1,000" in called.err
    assert called.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_game_of_one_s_own_goes_on_only_with_the_file_it_began_with(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "from cfr_shm.games.trees.history import history_game\n"
        "from cfr_shm.games.trees.builder import TreeBuilder\n"
        "def mine():\n"
        "    builder = TreeBuilder(2)\n"
        "    for won, leaf in enumerate(builder.decision(0, 0, 2, infoset='choice')):\n"
        "        builder.terminal(leaf, [won, -won])\n"
        "    return history_game(builder, name='mine')\n"
    )
    Path("mine.py").write_text(text)
    assert call("train", "--game", "mine.py:mine", "--iters", "64", *SHORT).code == 0
    assert call("eval", "runs/latest").code == 0
    Path("mine.py").write_text(text + "# changed\n")
    for command in ("eval", "resume"):
        called = call(command, "runs/latest")
        assert called.code == 2
        assert "mine.py was changed since the run began" in called.err


# --- verify and warmup -------------------------------------------------------------------


def tiny_case(bound: float) -> verify._Case:
    return verify._Case("kuhn", 2048, bound, 0.2)


@pytest.mark.parametrize(("bound", "code", "word"), [(0.4, 0, "ok"), (1e-6, 1, "WRONG")])
def test_verify_tells_right_from_wrong(call, monkeypatch, bound, code, word):
    monkeypatch.setattr(verify, "_CASES", (tiny_case(bound),))
    called = call("verify", "--num-workers", "2")
    assert called.code == code
    lines = called.out.splitlines()
    assert len(lines) == 3
    assert all(line.endswith(word) for line in lines[1:])


def test_verify_takes_the_workers_that_train_takes(monkeypatch):
    """And two at least: sweeps of Leduc are too short for more, sampled iterations are not."""
    monkeypatch.setattr("cfr_shm.machine.cores.usable_cores", lambda: 64)
    for algorithm, expected in (("cfr_plus", 2), ("external_sampling", 64)):
        assert verify._several(verify._Case("leduc", 10, 1.0, 1.0, algorithm)) == expected
    assert (verify._told(None), verify._told("3")) == (0, 3)


def test_verify_as_json(call, monkeypatch):
    monkeypatch.setattr(verify, "_CASES", (tiny_case(0.4),))
    document = json.loads(call("verify", "--json").out)
    assert document["ok"] is True
    assert next(row["workers"] for row in document["rows"]) == 1
    assert document["rows"][0]["known_value"] == pytest.approx(-1 / 18)


def test_every_shipped_game_of_known_value_is_verified():
    assert {case.config for case in verify._CASES} == {
        "kuhn",
        "leduc",
        "leduc_openspiel",
        "liars_dice",
        "goofspiel",
    }


@pytest.mark.thorough
def test_warmup_says_where_the_kernels_are(call):
    called = call("warmup")
    assert called.code == 0
    assert called.out.startswith("kernels are ready")


# --- errors ------------------------------------------------------------------------------


def failing(monkeypatch, error: BaseException) -> None:
    def run(namespace):
        raise error

    monkeypatch.setattr("cfr_shm.cli.warmup.run", run)


def test_known_errors_are_one_line_and_keep_their_notes(call, monkeypatch):
    error = WorkerError("worker 0 (pid 7)\n  failed: boom")
    error.add_note("Traceback of worker 0:\n  ...")
    failing(monkeypatch, error)
    called = call("warmup")
    assert called.code == 1
    assert called.err.splitlines()[0] == "cfr-shm: error: worker 0 (pid 7) failed: boom"
    assert "Traceback of worker 0:" in called.err


def test_other_errors_are_told(call, monkeypatch, capsys):
    failing(monkeypatch, MemoryError("no room"))
    assert call("warmup").code == 4
    failing(monkeypatch, KeyboardInterrupt())
    called = call("warmup")
    assert (called.code, called.err) == (130, "cfr-shm: error: interrupted\n")
    failing(monkeypatch, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        call("warmup")
    assert "internal error in version" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error_worth_a_traceback():
    command = f"{sys.executable} -m cfr_shm --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
