"""Bucket files that are changed under a run: its tables stay right, and it stops in good order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_harness import eventually

from cfr_shm.cards import bucket_file
from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.bucket_file import FileWatch
from cfr_shm.cards.buckets import build_file, open_buckets
from cfr_shm.config.load import load_config
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.memory.tables import create_training_arena, training_views

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two files for the royal deck, with other buckets on the river."""
    directory = tmp_path_factory.mktemp("buckets")
    for name, count in (("one", 9), ("other", 8)):
        build_file(BucketSpec("royal", FAMILIES["percentile"], (25, 5, 6, count)), directory / name)
    return directory


@pytest.fixture
def file(built, tmp_path):
    return Path(shutil.copytree(built / "one", tmp_path / "file"))


def overwrite(path: Path, _other: Path) -> None:
    """In place: rows that are none for every hand."""
    with (path / "river.npy").open("r+b") as stream:
        stream.seek(200)
        stream.write(b"\xff" * (os.fstat(stream.fileno()).st_size - 200))


def truncate(path: Path, _other: Path) -> None:
    os.truncate(path / "river.npy", 150)


def grow(path: Path, _other: Path) -> None:
    with (path / "flop.npy").open("ab") as stream:
        stream.write(bytes(4096))


def another(path: Path, other: Path) -> None:
    shutil.rmtree(path)
    shutil.copytree(other, path)


def remove(path: Path, _other: Path) -> None:
    shutil.rmtree(path)


def become_a_fifo(path: Path, _other: Path) -> None:
    (path / "turn.npy").unlink()
    os.mkfifo(path / "turn.npy")


def edit_the_manifest(path: Path, _other: Path) -> None:
    manifest = path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("royal", "short"))


CHANGES = [overwrite, truncate, grow, another, remove, become_a_fifo, edit_the_manifest]


@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_arrays_stay_what_they_were_and_the_change_is_noticed(built, file, change):
    opened = open_buckets(file)
    before = [each.copy() for each in opened.bucket]
    watch = FileWatch(opened.file, interval=0.0)
    assert watch.why_changed() == ""
    change(file, built / "other")
    assert all(np.array_equal(*pair) for pair in zip(opened.bucket, before, strict=True))
    assert watch.why_changed() != ""
    assert "\n" not in watch.why_changed()


def test_a_file_that_is_only_touched_is_the_same(file):
    watch = FileWatch(open_buckets(file).file, interval=0.0)
    content = (file / "river.npy").read_bytes()
    (file / "river.npy").write_bytes(content)
    os.utime(file / "flop.npy", (0, 0))
    assert watch.why_changed() == ""


def test_a_game_without_a_file_has_nothing_to_watch():
    assert FileWatch(None).why_changed() == ""


@pytest.mark.parametrize("sealing", [True, False])
def test_workers_read_what_the_coordinator_has_checked(file, tmp_path, monkeypatch, sealing):
    if not sealing:
        monkeypatch.setattr(bucket_file, "seal", lambda *_: None)
    monkeypatch.setattr(bucket_file, "_kept", {})
    game = load_game(*game_config(file))
    with create_training_arena(game, 1, "test") as arena:
        truncate(file, file)
        monkeypatch.setattr(bucket_file, "_kept", {})  # as in a worker, which has read no file
        cards = training_views(arena).deals.cards
        for street in ("flop", "turn", "river"):
            assert np.array_equal(getattr(cards, street), getattr(game.deals.cards, street))
        named = "cards_river" in arena.names
        assert named == (not sealing or sys.platform != "linux")
        del cards


def game_config(file):
    config = load_config(text_of(file))
    return config.game, None, config.abstraction


def text_of(file: Path) -> str:
    """Write a config for the file beside it; return its path."""
    path = file.parent / "config.yaml"
    path.write_text(
        "game:\n  name: holdem\n  ranks: 5\n  stacks: 4bb\n"
        f"abstraction:\n  preflop: [[1, allin]]\n  buckets: {file}\n"
    )
    return str(path)


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
@pytest.mark.parametrize(("change", "workers"), [(overwrite, 2), (truncate, 1), (another, 2)])
def test_a_run_stops_and_goes_on_when_the_file_is_back(built, file, tmp_path, change, workers):
    saved = Path(shutil.copytree(file, tmp_path / "saved"))
    run = tmp_path / "run"
    command = [sys.executable, "-m", "cfr_shm", "train", "-c", text_of(file)]
    command += ["--logdir", str(run), "--num-workers", str(workers), "--time-budget", "300"]
    command += ["--set", "run.progress_interval=0.2", "--set", "engine.batch_seconds=0.1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    metrics = run / "metrics.jsonl"
    assert eventually(lambda: metrics.exists() and metrics.stat().st_size > 0, 180.0)
    change(file, built / "other")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 3, said
    assert "the card buckets were changed under the run" in said
    assert "Traceback" not in said
    summary = json.loads((run / "summary.json").read_text())
    assert summary["restarts"] == 0
    assert summary["checkpoint"] is not None
    resume = [sys.executable, "-m", "cfr_shm", "resume", str(run), "--iters"]
    resume.append(str(summary["iterations"] + 4096))
    refused = subprocess.run(resume, capture_output=True, text=True, timeout=300)
    assert refused.returncode in (2, 3), refused.stderr
    shutil.rmtree(file)
    saved.rename(file)
    goes_on = subprocess.run(resume, capture_output=True, text=True, timeout=300)
    assert goes_on.returncode == 0, goes_on.stderr
