"""The run directory: whose it is, what is refused, what is left when nothing was done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config, parse_config
from cfr_shm.config.sections import Config
from cfr_shm.errors import UsageError
from cfr_shm.run.directory import RunDirectory, StoredRun, default_path

CONFIG = Config()


def claim(path: Path, *, resuming: bool = False) -> RunDirectory:
    return RunDirectory.claim(path, CONFIG, resuming=resuming)


def refusal(path: Path, *, resuming: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        claim(path, resuming=resuming)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_claimed_directory_holds_the_resolved_config(tmp_path):
    path = tmp_path / "deep" / "run"
    with claim(path) as directory:
        directory.keep()
        directory.write_summary({"status": "running"})
    assert parse_config((path / "config.yaml").read_text()) == CONFIG
    written = json.loads((path / "summary.json").read_text())
    assert written == {"status": "running", "moved_to": None}
    assert StoredRun(path).load_config() == load_config()
    assert not [entry for entry in path.iterdir() if entry.name.endswith(".tmp")]


def test_another_run_is_never_overwritten(tmp_path):
    path = tmp_path / "run"
    with claim(path) as directory:
        directory.keep()
    before = sorted(path.iterdir())
    message = refusal(path)
    assert "holds another run" in message
    assert f"cfr-shm resume {path}" in message
    assert sorted(path.iterdir()) == before
    with claim(path, resuming=True):
        pass
    assert (path / "config.yaml").exists()


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl", "summary.json"])
def test_any_file_of_a_run_counts_as_one(tmp_path, name):
    (tmp_path / name).mkdir()
    assert f"there is a {name}" in refusal(tmp_path)


def test_a_directory_with_other_files_may_be_used(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with claim(tmp_path) as directory:
        directory.keep()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_row_19_two_at_once_are_refused_and_a_dead_owner_is_not_one(tmp_path):
    path = tmp_path / "run"
    with claim(path) as directory:
        directory.keep()
        assert "another process is running in" in refusal(path, resuming=True)
        assert "another process is running in" in refusal(path)
    # The lock dies with its owner: here by os._exit, as if by a kill.
    program = (
        "import os, sys; from pathlib import Path; from cfr_shm.config.sections import Config;"
        "from cfr_shm.run.directory import RunDirectory;"
        "RunDirectory.claim(Path(sys.argv[1]), Config(), resuming=True); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 9
    with claim(path, resuming=True):
        pass


def test_what_cannot_be_written_to_is_named_at_once(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert "is not a directory" in refusal(file)
    message = refusal(file / "below")
    assert "cannot write to the run directory" in message
    assert "--logdir" in message
    blocked = tmp_path / "blocked"
    (blocked / "config.yaml" / "below").mkdir(parents=True)
    for _ in range(2):  # the lock was given back: still the same error
        message = refusal(blocked, resuming=True)
        assert "cannot write to the run directory" in message
    assert sorted(each.name for each in blocked.iterdir()) == [".lock", "config.yaml"]


def test_a_run_that_did_nothing_leaves_nothing(tmp_path):
    path, own = tmp_path / "new", tmp_path / "own"
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    for directory in (path, own):
        with claim(directory):
            (directory / "log.txt").write_text("...")
    assert not path.exists()
    assert [entry.name for entry in own.iterdir()] == ["notes.txt"]


def test_a_failed_summary_leaves_the_former_one(tmp_path):
    path = tmp_path / "run"
    with claim(path) as directory:
        directory.keep()
        directory.write_summary({"status": "running"})
        with pytest.raises(ValueError, match="not JSON compliant"):
            directory.write_summary({"status": float("nan")})
        assert json.loads((path / "summary.json").read_text())["status"] == "running"


def test_default_paths_do_not_collide_and_latest_points_to_the_newest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda _: "20260101-000000")
    paths = []
    for _ in range(2):
        paths.append(default_path("leduc"))
        with claim(paths[-1]) as directory:
            directory.keep()
    assert [str(path) for path in paths] == [
        "runs/leduc-20260101-000000",
        "runs/leduc-20260101-000000-2",
    ]
    assert Path("runs/latest").resolve() == paths[-1].resolve()
    assert StoredRun("runs/latest").load_config() == load_config()


def test_latest_is_left_alone_when_it_is_not_a_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs/latest").mkdir(parents=True)
    with claim(default_path("leduc")) as directory:
        directory.keep()
    assert not Path("runs/latest").is_symlink()


def test_what_is_no_run_directory_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no such run directory"):
        StoredRun(tmp_path / "absent")
    with pytest.raises(UsageError, match=r"is not a run directory \(it holds no config.yaml\)"):
        StoredRun(tmp_path)


def test_a_checkpoint_is_named_by_its_iterations(tmp_path, capsys):
    run = str(tmp_path / "run")
    train = ["train", "--iters", "4096", "--num-workers", "1", "--logdir", run]
    train += ["--set", "engine.batch_size=512", "--set", "run.tensorboard=false"]
    assert main([*train, "--set", "run.keep_checkpoints=5"]) == 0
    assert main(["resume", run, "--iters", "8192"]) == 0
    capsys.readouterr()
    found = []
    for name in (run, f"{run}@8192", f"{run}@8,192", f"{run}@4096"):
        assert main(["eval", name, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["iterations"])
    assert found == [8192, 8192, 8192, 4096]
    assert main(["eval", f"{run}@5000"]) == 2
    assert "there are 4096, 8192" in capsys.readouterr().err
    assert main(["eval", f"{run}@soon"]) == 2
    assert "RUN@1000000" in capsys.readouterr().err
