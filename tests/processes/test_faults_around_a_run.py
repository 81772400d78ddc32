"""What a training must survive, rows 17 to 25: disks, memory, neighbours, clocks, and resuming."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import assert_nothing_is_left, training
from engine_harness import eventually, is_gone
from numpy.typing import NDArray
from stored_runs import checkpoints_of

from cfr_shm.cli import main as cli
from cfr_shm.config.engine import EngineConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.load import load_config
from cfr_shm.config.run import RunConfig
from cfr_shm.config.sections import Config
from cfr_shm.errors import NotFiniteError
from cfr_shm.games.registry import load_game
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic_buckets
from cfr_shm.layout.tree import DECISION
from cfr_shm.memory.checkpoint import load_checkpoint
from cfr_shm.memory.tables import table_of
from cfr_shm.run.checkpoint_writer import CheckpointWriter
from cfr_shm.run.directory import StoredRun
from cfr_shm.run.train import train

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /dev/shm")
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX systems")


def leduc_config(workers: int, **run: Any) -> Config:
    return Config(
        game=GameConfig(name="leduc"),
        engine=EngineConfig(
            num_workers=workers, in_process=False, updates="atomic", batch_seconds=0.05
        ),
        run=RunConfig(**{"keep_checkpoints": 1000, **run}),
    )


@pytest.mark.slow
@on_linux
def test_row_17_disk_full(tmp_path: Path) -> None:
    """Saves fail while the disk is full, training goes on; then there is room again."""
    enter = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=4m tmpfs {tmp_path}"
    if (
        shutil.which("unshare") is None
        or subprocess.run([*enter, mount], capture_output=True, timeout=60).returncode
    ):
        pytest.skip("mount namespaces are not allowed here")
    filler, log = tmp_path / "filler", tmp_path / "run" / "log.txt"
    make_room = f"(until grep -q failed {log}; do sleep 0.1; done; rm {filler}) > /dev/null 2>&1"
    fill = f"{mount} && head -c 3600000 /dev/zero > {filler}"
    script = f'{fill} && {{ {make_room} & exec "$@"; }}'
    command = [sys.executable, "-m", "cfr_shm", "train", "--game", "synthetic", "--json"]
    command += ["--set", f"game.buckets={synthetic_buckets(1 << 20)}", "--num-workers", "2"]
    command += ["--time-budget", "5", "--checkpoint-interval", "0.5"]
    command += ["--logdir", str(tmp_path / "run")]
    done = subprocess.run([*enter, script, "sh", *command], capture_output=True, timeout=120)
    stderr = done.stderr.decode()
    assert done.returncode == 0, stderr
    assert re.search(r"checkpoint at iteration \d+ failed: .*No space left on device", stderr)
    summary = json.loads(done.stdout)
    assert summary["status"] == "finished"
    assert summary["checkpoint"] is not None


def test_row_18_memory_too_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused before a worker is started, with both sizes; nothing is left behind."""
    arguments = ["train", "--game", "synthetic", "--num-workers", "2", "--logdir"]
    buckets = synthetic_buckets(1 << 40)
    assert cli.main([*arguments, str(tmp_path / "run"), "--set", f"game.buckets={buckets}"]) == 4
    error = capsys.readouterr().err.splitlines()[-1]
    assert "the tables need 1024 GiB, but " in error
    assert " left; choose a smaller game" in error
    assert not (tmp_path / "run").exists()


@on_posix
def test_row_19_and_20_a_living_neighbour(tmp_path: Path) -> None:
    """A second run in its directory is refused; one beside it sweeps, and leaves it alone."""
    path = tmp_path / "run"
    with training(path, 2, "--checkpoint-interval", "0.5") as terminal:
        terminal.await_checkpoint()
        for command in (["train", "--logdir", str(path)], ["resume", str(path)]):
            done = subprocess.run(
                [sys.executable, "-m", "cfr_shm", *command], capture_output=True, timeout=120
            )
            assert done.returncode == 2
            assert b"another process is running in" in done.stderr
        stale = Path("/dev/shm/cfrshm-00000000")
        if sys.platform == "linux":
            stale.write_bytes(bytes(1000))
        beside = ["train", "-c", "kuhn", "--iters", "20_000", "--logdir", str(tmp_path / "beside")]
        done = subprocess.run(
            [sys.executable, "-m", "cfr_shm", *beside], capture_output=True, timeout=120
        )
        assert done.returncode == 0
        assert not stale.exists()
        if sys.platform == "linux":
            assert terminal.segments
            assert all((Path("/dev/shm") / name).exists() for name in terminal.segments)
        before = (path / "metrics.jsonl").stat().st_size
        time.sleep(1.0)
        assert (path / "metrics.jsonl").stat().st_size > before
        terminal.process.terminate()
        assert terminal.process.wait(60) == 143
        assert_nothing_is_left(terminal)


@on_linux
def test_row_20_stale_segment(tmp_path: Path) -> None:
    """Swept by a run that needs no shared memory itself, too."""
    stale = Path("/dev/shm/cfrshm-00000001")
    stale.write_bytes(bytes(1000))
    command = ["train", "-c", "kuhn", "--iters", "2000", "--num-workers", "1"]
    assert cli.main([*command, "--logdir", str(tmp_path / "run")]) == 0
    assert not stale.exists()


def test_row_22_snapshot_while_workers_write(tmp_path: Path) -> None:
    """A visit adds a policy, which sums to 1: a row that was torn would not sum to a whole."""
    config = leduc_config(2, time_budget=3.0, checkpoint_interval=0.15)
    summary = train(config, tmp_path)
    found = checkpoints_of(tmp_path)
    assert len(found) >= 3
    for each in found:
        checkpoint = load_checkpoint(each, game=leduc())
        sums = row_sums(checkpoint.rows)
        assert sums.sum() > checkpoint.iterations
        assert np.abs(sums - np.round(sums)).max() < 1e-5
    assert summary["iterations"] == load_checkpoint(found[-1]).iterations


def row_sums(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    game = leduc()
    found = []
    for node in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        for bucket in range(int(game.deals.bucket_count[node["actor"], node["street"]])):
            first = int(node["row_base"]) + bucket * int(node["row_stride"])
            found.append(table_of(rows).sums_of(first, int(node["count"])).sum())
    return np.array(found)


@pytest.mark.thorough
def test_row_22_snapshot_of_one_worker(tmp_path: Path) -> None:
    """With one worker it is, bit for bit, the table of so many iterations."""
    train(leduc_config(1, time_budget=1.5, checkpoint_interval=0.2), tmp_path / "long")
    found = checkpoints_of(tmp_path / "long")
    assert len(found) >= 3
    taken = load_checkpoint(found[1])
    assert taken.completed == ((0, taken.iterations),)
    run = {"iterations": taken.iterations, "checkpoint_interval": 0.0}
    train(leduc_config(1, **run), tmp_path / "short")
    alone = load_checkpoint(checkpoints_of(tmp_path / "short")[-1])
    assert taken.rows.tobytes() == alone.rows.tobytes()
    assert taken.nodes == alone.nodes


def test_row_23_not_a_number_in_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot is refused and the cell named; the checkpoint before it stays."""
    copy_of, copies = CheckpointWriter.copy_of, itertools.count()

    def poke_the_second(writer: CheckpointWriter, rows: NDArray[np.float64]) -> Any:
        if next(copies) == 1:
            rows[0] = np.nan
        return copy_of(writer, rows)

    monkeypatch.setattr(CheckpointWriter, "copy_of", poke_the_second)
    config = leduc_config(2, time_budget=30.0, checkpoint_interval=0.3)
    with pytest.raises(NotFiniteError, match=r"strategy_sum\[0\] is nan"):
        train(config, tmp_path)
    assert next(copies) == 2
    assert [load_checkpoint(each, game=leduc()).iterations > 0 for each in checkpoints_of(tmp_path)]
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "failed"


def test_row_24_wall_clock_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By years, to and fro: no timeout fires and no budget ends."""
    moments = itertools.cycle([0.0, 1e9, -1e9])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + next(moments))
    config = leduc_config(2, time_budget=1.5, checkpoint_interval=0.4, progress_interval=0.2)
    config = dataclasses.replace(
        config, engine=dataclasses.replace(config.engine, deadline_seconds=5.0)
    )
    summary = train(config, tmp_path)
    assert summary["status"] == "finished"
    assert 1.4 < summary["seconds"] < 1e6
    assert summary["restarts"] == 0
    assert len(checkpoints_of(tmp_path)) >= 2


@pytest.mark.thorough
@on_posix
def test_row_25_deterministic_mode_is_bit_identical(tmp_path: Path) -> None:
    """A worker killed, one hung, the coordinator killed, resumed with three: the same table."""
    mode = ["--set", "engine.mode=deterministic", "--set", "engine.deadline_seconds=1"]
    path = tmp_path / "run"
    with training(path, 2, *mode, "--checkpoint-interval", "0.5") as terminal:
        workers = sorted(terminal.workers - {terminal.tracker})
        os.kill(workers[0], signal.SIGKILL)
        time.sleep(1.0)
        os.kill(workers[1], signal.SIGSTOP)
        assert eventually(lambda: is_gone(workers[1]))
        assert eventually(lambda: "within 1 s" in (path / "log.txt").read_text())
        terminal.await_checkpoint(newer=True)
        terminal.process.kill()
        terminal.process.wait(60)
    config = load_config(path / "config.yaml")
    game = load_game(config.game)
    checkpoint = StoredRun(path).load_checkpoint(config, game, pytest.fail)
    target = checkpoint.iterations + 100_000
    assert cli.main(["resume", str(path), "--iters", str(target), "--num-workers", "3"]) == 0
    alone = ["-c", "leduc", *mode, "--num-workers", "1", "--iters", str(target)]
    assert cli.main(["train", *alone, "--logdir", str(tmp_path / "alone")]) == 0
    last, other = (
        StoredRun(each).load_checkpoint(config, game, pytest.fail)
        for each in (path, tmp_path / "alone")
    )
    assert last.completed == other.completed == ((0, target),)
    assert last.rows.tobytes() == other.rows.tobytes()
    assert (last.nodes, last.utility_sums) == (other.nodes, other.utility_sums)


@on_posix
def test_row_25_resume_after_the_coordinator_was_killed(tmp_path: Path) -> None:
    """What the last checkpoint held is gone on from, to the very iteration that was asked for."""
    path = tmp_path / "run"
    with training(path, 2, "--checkpoint-interval", "0.4") as terminal:
        terminal.await_checkpoint()
        terminal.process.kill()
        terminal.process.wait(60)
    config = load_config(path / "config.yaml")
    checkpoint = StoredRun(path).load_checkpoint(config, load_game(config.game), pytest.fail)
    target = checkpoint.completed[-1][1] + 1000
    assert cli.main(["resume", str(path), "--iters", str(target), "--num-workers", "1"]) == 0
    summary = json.loads((path / "summary.json").read_text())
    assert summary["iterations"] == target
    last = StoredRun(path).load_checkpoint(config, load_game(config.game), pytest.fail)
    assert last.completed == ((0, target),)
