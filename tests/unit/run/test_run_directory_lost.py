"""A run directory that is moved, removed, replaced or unlocked under its run."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.config.sections import Config
from cfr_shm.errors import ArrayStoreError, UsageError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.run.directory import RunDirectory
from cfr_shm.storage import disk as disks
from cfr_shm.telemetry.events import Evaluated
from cfr_shm.telemetry.metrics import MetricsLog
from cfr_shm.telemetry.tensorboard import TensorBoardLog

GAME = kuhn()

posix = pytest.mark.skipif(sys.platform == "win32", reason="open directories can be moved")


class Run:
    """A run directory with its checkpoints, its metrics and what was said of it."""

    def __init__(self, path: Path, mark: str = "f", *, resuming: bool = False) -> None:
        self.directory = RunDirectory.claim(path, Config(), resuming=resuming)
        self.directory.on_loss = lambda text: self.told.append(text)
        self.told: list[str] = []
        self.mark = mark
        self.store = self.directory.checkpoint_store(2)
        self.metrics = MetricsLog(path / "metrics.jsonl", disk=self.directory.disk)
        self.directory.keep()

    def save(self, iterations: int) -> Path:
        rows = np.zeros(table_words(GAME.table_entries))
        checkpoint = Checkpoint(
            self.mark, {}, ((0, iterations),), iterations, 0, (0.0, 0.0), 1.0, rows
        )
        path = self.store.save(checkpoint, GAME)
        self.directory.write_summary({"run": self.mark, "iterations": iterations})
        return path

    def close(self) -> None:
        self.metrics.close()
        with self.directory:
            pass


@pytest.fixture(params=["held", "compared"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Directories held by descriptors, or, as on platforms without, identities compared."""
    if request.param == "compared":
        monkeypatch.setattr(disks, "CAN_HOLD", False)
    elif not disks.CAN_HOLD:
        pytest.skip("this platform cannot hold directories")
    return str(request.param)


@pytest.fixture
def run(tmp_path: Path, way: str) -> Iterator[Run]:
    run = Run(tmp_path / "run")
    run.save(100)
    yield run
    run.close()


def saved(path: Path) -> list[str]:
    return sorted(each.name for each in (path / "checkpoints").iterdir())


def everything(path: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(path)): each.read_bytes()
        for each in sorted(path.rglob("*"))
        if each.is_file()
    }


def rescued(parent: Path) -> Path:
    (found,) = parent.glob("run-rescued-*")
    return found


@posix
def test_row_26_a_moved_directory_is_written_to_where_it_is(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.save(100)
    (tmp_path / "run").rename(tmp_path / "old")
    run.save(200)
    run.save(300)
    assert saved(tmp_path / "old") == ["200", "300"]
    assert json.loads((tmp_path / "old" / "summary.json").read_text())["iterations"] == 300
    assert not (tmp_path / "run").exists(), "a save never makes the run directory"
    assert run.told == [
        f"the run directory {tmp_path / 'run'} was moved under the run, which goes on in "
        f"{tmp_path / 'old'}"
    ]
    assert run.directory.shown == run.directory.moved_to == str(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "run")
    run.save(400)
    assert run.directory.moved_to is None
    assert "is there again" in run.told[-1]
    run.close()


@posix
@pytest.mark.parametrize("how", ["moved", "removed"])
def test_row_27_another_run_at_the_path_is_never_touched(
    tmp_path: Path, way: str, run: Run, how: str
) -> None:
    path = tmp_path / "run"
    if how == "moved":
        path.rename(tmp_path / "old")
    else:
        shutil.rmtree(path)
    other = Run(path)  # of the same configuration, too
    other.save(100)
    before = everything(path)
    run.metrics._write({"kind": "note"})
    for iterations in (200, 300, 400):
        run.save(iterations)
    assert everything(path) == before
    where = tmp_path / "old" if how == "moved" and way == "held" else rescued(tmp_path)
    assert saved(where) == ["300", "400"]
    assert (where / "config.yaml").read_bytes() == before["config.yaml"]
    assert (where / "metrics.jsonl").read_text() == '{"kind": "note"}\n'
    assert len(run.told) == 1
    assert str(where) in run.told[0]
    assert run.directory.moved_to == str(where)
    other.save(500)
    assert saved(path) == ["100", "500"]
    other.close()


def test_row_27_a_removed_directory_is_made_again_beside_its_place(
    tmp_path: Path, run: Run
) -> None:
    run.metrics._write({"kind": "before"})
    shutil.rmtree(tmp_path / "run")
    run.metrics._write({"kind": "between"})
    run.save(200)
    run.metrics._write({"kind": "after"})
    assert not (tmp_path / "run").exists()
    where = rescued(tmp_path)
    assert saved(where) == ["200"]
    if disks.CAN_HOLD:
        kinds = [json.loads(line)["kind"] for line in (where / "metrics.jsonl").open()]
        assert kinds == ["before", "between", "after"]
    with pytest.raises(UsageError, match="another process is running in"):
        RunDirectory.claim(where, Config(), resuming=True)
    shutil.rmtree(where)
    run.save(300)
    assert saved(rescued(tmp_path)) == ["300"], "and once more"


@posix
@pytest.mark.parametrize("how", ["moved", "removed"])
def test_row_27_tensorboards_events_go_where_the_run_goes(
    tmp_path: Path, way: str, run: Run, how: str
) -> None:
    """Nothing of them reaches a directory of the same name that is another run's."""
    path = tmp_path / "run"
    log = TensorBoardLog(path / "tensorboard", run.directory.disk)
    log(evaluated(1, 0.5))
    if how == "moved":
        path.rename(tmp_path / "old")
    else:
        shutil.rmtree(path)
    (path / "tensorboard").mkdir(parents=True)
    log(evaluated(2, 0.25))
    run.save(200)
    log(evaluated(3, 0.125))
    log.close()
    assert list((path / "tensorboard").iterdir()) == []
    where = tmp_path / "old" if how == "moved" and way == "held" else rescued(tmp_path)
    assert scalars(where / "tensorboard") == [(1, 0.5), (2, 0.25), (3, 0.125)]


def evaluated(iterations: int, exploitability: float) -> Evaluated:
    return Evaluated(iterations, 1.0, exploitability, 2 * exploitability, "chips", "exact")


def scalars(directory: Path) -> list[tuple[int, float]]:
    """Return steps and values as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory)).Reload()
    return [(each.step, each.value) for each in events.Scalars("Training/Exploitability")]


def test_row_27_with_its_parent(tmp_path: Path) -> None:
    run = Run(tmp_path / "deep" / "run")
    shutil.rmtree(tmp_path / "deep")
    run.save(100)
    assert saved(rescued(tmp_path / "deep")) == ["100"]
    run.close()


def test_row_27_where_nothing_can_be_made_the_save_fails_and_is_tried_again(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path / "deep" / "run")
    shutil.rmtree(tmp_path / "deep")
    (tmp_path / "deep").write_text("in the way")
    with pytest.raises(ArrayStoreError, match="cannot be saved: Not a directory"):
        run.save(100)
    with pytest.raises(OSError, match="Not a directory"):
        run.directory.write_summary({})
    (tmp_path / "deep").unlink()
    run.save(200)
    assert saved(rescued(tmp_path / "deep")) == ["200"]
    run.close()


@posix
def test_row_28_a_lock_that_is_removed_lets_nobody_in(tmp_path: Path, run: Run, way: str) -> None:
    path = tmp_path / "run"
    (path / ".lock").unlink()
    if way == "held":
        for resuming in (True, False):
            with pytest.raises(UsageError, match="another process is running in"):
                RunDirectory.claim(path, Config(), resuming=resuming)
        run.save(200)
        assert saved(path) == ["100", "200"]
        assert run.directory.moved_to is None
        return
    # Without a lock on the directory the second gets in; then the first must leave it alone.
    second = Run(path, resuming=True)
    second.save(150)
    before = everything(path)
    run.save(200)
    assert everything(path) == before
    assert saved(rescued(tmp_path)) == ["200"]
    second.close()


@posix
def test_row_28_a_missing_lock_is_taken_again(tmp_path: Path, run: Run, way: str) -> None:
    (tmp_path / "run" / ".lock").unlink()
    run.save(200)
    assert run.directory.moved_to is None
    with pytest.raises(UsageError, match="another process is running in"):
        RunDirectory.claim(tmp_path / "run", Config(), resuming=True)


@posix
def test_row_28_a_lock_on_a_file_that_was_unlinked_meanwhile_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Between opening and locking, the file is replaced by one that another process locks."""
    import fcntl

    path, others = tmp_path / "run", []
    flock = fcntl.flock

    def replaced(descriptor: int, operation: int) -> None:
        flock(descriptor, operation)
        lock = path / ".lock"
        if not others and lock.exists():
            lock.unlink()
            others.append(os.open(lock, os.O_RDWR | os.O_CREAT))
            flock(others[0], fcntl.LOCK_EX)

    path.mkdir()
    monkeypatch.setattr(fcntl, "flock", replaced)
    with pytest.raises(UsageError, match="another process is running in"):
        RunDirectory.claim(path, Config(), resuming=True)
    os.close(others[0])
    Run(path, resuming=True).close()


@posix
@pytest.mark.parametrize("what", ["link", "fifo", "directory"])
def test_row_28_a_lock_file_is_a_file(tmp_path: Path, what: str) -> None:
    victim = tmp_path / "victim"
    lock = tmp_path / "run" / ".lock"
    lock.parent.mkdir()
    if what == "link":
        lock.symlink_to(victim)
    elif what == "fifo":
        os.mkfifo(lock)
    else:
        lock.mkdir()
    with pytest.raises(UsageError, match="cannot write to the run directory"):
        RunDirectory.claim(tmp_path / "run", Config(), resuming=False)
    assert not victim.exists()


def test_row_29_checkpoints_of_another_run_are_never_pruned(tmp_path: Path, run: Run) -> None:
    other = CheckpointStore(tmp_path / "run" / "checkpoints", 2)
    rows = np.zeros(table_words(GAME.table_entries))
    for _ in range(2):
        other.save(Checkpoint("g", {}, ((0, 1),), 1, 0, (0.0, 0.0), 1.0, rows), GAME)
    for iterations in (200, 300, 400):
        run.save(iterations)
    assert saved(tmp_path / "run") == ["1", "1-2", "300", "400"]


@posix
@pytest.mark.parametrize("how", ["link", "directory"])
def test_row_29_checkpoints_that_are_replaced_by_anothers(
    tmp_path: Path, run: Run, how: str
) -> None:
    other = Run(tmp_path / "other")  # of the same fingerprint
    for iterations in (1, 2):
        other.save(iterations)
    own, theirs = tmp_path / "run" / "checkpoints", tmp_path / "other" / "checkpoints"
    own.rename(tmp_path / "mine")
    if how == "link":
        own.symlink_to(theirs)
    else:
        shutil.copytree(theirs, own)
    before = everything(own), everything(theirs)
    run.save(200)
    run.save(300)
    assert (everything(own), everything(theirs)) == before
    assert saved(rescued(tmp_path)) == ["200", "300"]
    other.close()


def test_row_29_checkpoints_that_are_removed_are_begun_anew(tmp_path: Path, run: Run) -> None:
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    (tmp_path / "run" / "config.yaml").unlink()
    run.save(200)
    assert saved(tmp_path / "run") == ["200"]
    assert (tmp_path / "run" / "config.yaml").exists()
    assert run.told == []


@posix
def test_a_link_to_the_directory_may_be_pointed_elsewhere(tmp_path: Path) -> None:
    """As ``runs/latest`` is, when it was resumed by that name and another run begins."""
    (tmp_path / "real").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "latest").symlink_to("real")
    run = Run(tmp_path / "latest")
    run.save(100)
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to("other")
    run.save(200)
    assert saved(tmp_path / "real") == ["100", "200"]
    assert list((tmp_path / "other").iterdir()) == []
    assert run.told == []
    run.close()


@posix
def test_a_run_that_did_nothing_removes_only_its_own(tmp_path: Path, way: str) -> None:
    path = tmp_path / "run"
    with RunDirectory.claim(path, Config(), resuming=False):
        path.rename(tmp_path / "old")
        path.mkdir()
        (path / "config.yaml").write_text("another's")
    assert (path / "config.yaml").read_text() == "another's"
    if way == "held":
        assert list((tmp_path / "old").iterdir()) == []
