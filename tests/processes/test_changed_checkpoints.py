"""Checkpoints that are shortened or overwritten under whoever looks at them end nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cfr_shm
from cfr_shm.config.load import load_config
from cfr_shm.errors import CheckpointError
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.run.directory import StoredRun
from cfr_shm.run.resuming import resumable
from cfr_shm.run.train import train

#: Loads the run of its first argument; says what each of its other arguments, a command with words
#: separated by blanks, prints once the table is loaded and its file is no longer what it was.
LOOK = """
import os, sys
from pathlib import Path
from cfr_shm.cli.main import main
from cfr_shm.run.directory import StoredRun

load = StoredRun.load_checkpoint

def load_and_change(stored, *arguments, **further):
    checkpoint = load(stored, *arguments, **further)
    rows = checkpoint.path / "rows.npy"
    if change:
        with rows.open("r+b") as file:
            file.write(b"\\xff" * rows.stat().st_size)
        os.truncate(rows, 100)
    return checkpoint

StoredRun.load_checkpoint = load_and_change
for command in sys.argv[2:]:
    for change in (False, True):
        content = {p: p.read_bytes() for p in Path(sys.argv[1]).rglob("rows.npy")}
        print("###", command, main(command.split()), flush=True)
        for path, before in content.items():
            path.write_bytes(before)
"""

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="kernels of whole commands, interpreted")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    config = load_config("kuhn", {}, ["run.iterations=2000", "engine.num_workers=1"])
    train(config, path)
    return path


def resumed(path: Path):
    return resumable(str(path), {}, ["run.iterations=4000"], [], print, print)


@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
def test_row_39_commands_say_the_same_of_a_table_whose_file_is_changed(run, tmp_path):
    script = tmp_path / "look.py"
    script.write_text(LOOK)
    out = tmp_path / "out"
    commands = [
        f"eval {run} --json",
        f"show {run} --json",
        f"export {run} --format csv --force --out {out}.csv",
        f"export {run} --format npz --force --out {out}.npz",
        f"match {run} {run} --json",
    ]
    done = subprocess.run(
        [sys.executable, str(script), str(run), *commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = re.split(r"### .* (?P<code>\d+)\n", done.stdout)
    texts = [re.sub(r'"seconds": [\d.e-]+', "", text) for text in said[0:-1:2]]
    assert texts[0::2] == texts[1::2]
    assert said[1::2] == ["0"] * 8 + ["2"] * 2  # matches are hold'em's


@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
def test_a_table_that_was_loaded_stays_what_it_was(run):
    stored = StoredRun(run)
    config = stored.load_config()
    checkpoint = stored.load_checkpoint(config, load_game(config.game), print)
    assert checkpoint.path is not None
    rows, before = checkpoint.path / "rows.npy", checkpoint.rows.copy()
    content = rows.read_bytes()
    try:
        with rows.open("r+b") as file:
            file.write(b"\xff" * len(content))
        assert np.array_equal(checkpoint.rows, before)
        os.truncate(rows, 100)
        assert np.array_equal(checkpoint.rows, before)
        assert not checkpoint.rows.flags.writeable
    finally:
        rows.write_bytes(content)


@pytest.mark.parametrize("change", ["shorten", "overwrite", "replace", "remove"])
def test_a_checkpoint_that_changes_before_its_run_goes_on_is_refused(run, tmp_path, change):
    """What is resumed is looked at twice: when it is chosen, and when the tables stand."""
    path = tmp_path / "run"
    config = load_config("kuhn", {}, ["run.iterations=2000", "engine.num_workers=1"])
    train(config, path)
    found = resumed(path)
    assert found.checkpoint.path is not None
    rows = found.checkpoint.path / "rows.npy"
    if change == "shorten":
        os.truncate(rows, 100)
    elif change == "overwrite":
        with rows.open("r+b") as file:
            file.seek(200)
            file.write(b"\x01" * 8)
    elif change == "remove":
        rows.unlink()
    else:
        other = tmp_path / "other"
        train(load_config("kuhn", {}, ["run.iterations=1000", "engine.num_workers=1"]), other)
        newest = next((other / "checkpoints").iterdir())
        for name in ("rows.npy", "manifest.json"):
            (newest / name).replace(found.checkpoint.path / name)
    with pytest.raises(CheckpointError, match=re.escape(str(found.checkpoint.path))):
        train(found.config, path, resume=found.checkpoint)


def test_a_resumed_run_has_the_rows_of_its_checkpoint(run):
    found = resumed(run)
    assert len(found.checkpoint.rows) == 0
    stored = StoredRun(run)
    whole = stored.load_checkpoint(stored.load_config(), found.game, print)
    target = np.zeros_like(whole.rows)
    found.checkpoint.copy_rows(target)
    assert target.any()
    assert np.array_equal(target, whole.rows)


def test_nothing_maps_a_file():
    """What is mapped is shared memory and sealed memory; a file is somebody else's to shorten."""
    package = Path(cfr_shm.__file__).parent
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"\bmmap\b(?!ed)|memmap|mmap_mode|MapViewOfFile", path.read_text())
    }
    assert users <= {"machine/sealed_memory.py", "memory/arena.py"}
