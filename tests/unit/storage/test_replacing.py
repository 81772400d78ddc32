"""Files that are written: under names that nobody could foresee, and never through a link."""

from __future__ import annotations

import itertools
import os
import secrets
import sys
from pathlib import Path

import pytest

from cfr_shm.cli import main as cli
from cfr_shm.config.sections import Config
from cfr_shm.engine.traces import trace_files
from cfr_shm.errors import UsageError
from cfr_shm.run.directory import RunDirectory
from cfr_shm.storage.disk import DISK, NotRegularError
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.telemetry.metrics import MetricsLog
from cfr_shm.telemetry.progress import LogFile

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and FIFOs")

KINDS = ["link", "dangling", "fifo", "directory"]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def lay(kind: str, path: Path, victim: Path) -> None:
    """Put something that is no regular file where one is to be written."""
    path.parent.mkdir(exist_ok=True)
    if kind in ("link", "dangling"):
        path.symlink_to(victim if kind == "link" else victim.with_name("absent"))
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()


def unharmed(victim: Path) -> bool:
    return victim.read_text() == "precious" and not victim.with_name("absent").exists()


@posix
@pytest.mark.parametrize("kind", KINDS)
def test_row_30_nothing_is_appended_through_a_link(tmp_path: Path, victim: Path, kind: str) -> None:
    path = tmp_path / "d" / "file"
    lay(kind, path, victim)
    for append in (DISK.append, LogFile, MetricsLog):
        with pytest.raises(NotRegularError, match="expected a regular file"):
            append(path)
    assert unharmed(victim)


@posix
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *itertools.product(("log.txt", "metrics.jsonl", ".lock"), KINDS),
        ("summary.json", "directory"),  # what else has that name is replaced
    ],
)
def test_row_30_a_run_that_is_resumed_refuses_links_in_one_line(
    tmp_path: Path, victim: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["train", "-c", "kuhn", "--iters", "1000", "--num-workers", "1"]
    assert cli.main([*run, "--logdir", str(tmp_path / "run")]) == 0
    (tmp_path / "run" / name).unlink()
    lay(kind, tmp_path / "run" / name, victim)
    capsys.readouterr()
    assert cli.main(["resume", str(tmp_path / "run"), "--iters", "2000"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"cannot write to the run directory {tmp_path / 'run'}: {name} is " in error
    assert unharmed(victim)


@posix
@pytest.mark.parametrize("kind", ["link", "dangling", "fifo"])
def test_row_30_what_has_a_foreseen_temporary_name_is_left_alone(
    tmp_path: Path, victim: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the random part known, the file would still not be written through."""
    monkeypatch.setattr(secrets, "token_hex", lambda count: "0" * (2 * count))
    zeros = "0" * 16
    lay(kind, tmp_path / f".out.{zeros}.tmp", victim)
    with pytest.raises(UsageError, match="cannot write"), replaced_file(tmp_path / "out") as file:
        file.write(b"new")
    with RunDirectory.claim(tmp_path / "run", Config(), resuming=False) as directory:
        directory.keep()
        lay(kind, tmp_path / "run" / f".summary.json.{zeros}.tmp", victim)
        with pytest.raises(FileExistsError):
            directory.write_summary({})
    assert unharmed(victim)


def test_row_30_temporary_names_are_never_the_same(tmp_path: Path) -> None:
    seen = set()
    for _ in range(50):
        with replaced_file(tmp_path / "out"):
            (name,) = (each.name for each in tmp_path.iterdir() if each.name != "out")
            seen.add(name)
    assert len(seen) == 50
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@posix
def test_row_30_a_link_that_is_replaced_is_replaced_itself(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "out").symlink_to(victim)
    with replaced_file(tmp_path / "out") as file:
        file.write(b"new")
    assert unharmed(victim)
    assert not (tmp_path / "out").is_symlink()
    assert (tmp_path / "out").read_bytes() == b"new"


@posix
@pytest.mark.parametrize("kind", KINDS)
def test_row_30_a_stack_goes_through_no_link(tmp_path: Path, victim: Path, kind: str) -> None:
    pattern = trace_files(str(tmp_path))
    assert pattern is not None
    lay(kind, tmp_path / "worker-0.trace", victim)
    trace = type(pattern)(pattern.directory, pattern.identity, "worker-0.trace")
    assert trace.open() is None
    assert unharmed(victim)


@posix
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_row_30_tensorboard_writes_into_a_directory_of_its_own(
    tmp_path: Path, victim: Path, kind: str
) -> None:
    pytest.importorskip("tensorboard")
    from cfr_shm.telemetry.tensorboard import TensorBoardLog

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lay(kind, tmp_path / "tensorboard", elsewhere)
    with pytest.raises(NotRegularError, match="is not a directory of its own"):
        TensorBoardLog(tmp_path / "tensorboard")
    assert list(elsewhere.iterdir()) == []


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    arguments = ["train", "-c", "kuhn", "--iters", "1000", "--num-workers", "1", "--seed", "1"]
    assert cli.main([*arguments, "--logdir", str(path)]) == 0
    return path


def test_row_31_no_command_replaces_a_file_of_a_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {each: each.read_bytes() for each in run.rglob("*") if each.is_file()}
    (tmp_path / "link").symlink_to(run, target_is_directory=True)
    targets = [
        run / "summary.json",
        run / "config.yaml",
        run / "metrics.jsonl",
        run / "checkpoints" / "1000" / "manifest.json",
        run / "checkpoints" / "1000" / "rows.npy",
        run / "checkpoints" / "policy.json",
        run / "worker-0-1.trace",
        tmp_path / "link" / "log.txt",
        run / "checkpoints" / ".." / ".lock",
    ]
    for target in targets:
        out = ["--format", "openspiel", "--force", "--out", str(target)]
        capsys.readouterr()
        assert cli.main(["export", str(run), *out]) == 2
        assert f"{target}: it would be a file of {run}" in capsys.readouterr().err
        with pytest.raises(UsageError, match="it would be a file of"), replaced_file(target):
            pass
    assert {each: each.read_bytes() for each in run.rglob("*") if each.is_file()} == before
    for name in ("policy.json", "chart.html"):
        out = ["--format", "openspiel", "--out", str(run / name)]
        assert cli.main(["export", str(run), *out]) == 0
    (tmp_path / "summary.json").write_text("mine, and of no run")
    out = ["--format", "openspiel", "--force", "--out", str(tmp_path / "summary.json")]
    assert cli.main(["export", str(run), *out]) == 0
