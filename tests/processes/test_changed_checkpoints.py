"""Checkpoints that are shortened or overwritten under whoever looks at them end nobody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cfr_shm
from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config, parse_config
from cfr_shm.errors import EXIT_CHECKPOINT, EXIT_USAGE, CheckpointError
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
    if change == "gone":
        if os.path.isdir(sys.argv[1]):
            os.rename(sys.argv[1], sys.argv[1] + ".moved")
    elif change and Path(sys.argv[1]) in rows.parents:
        with rows.open("r+b") as file:
            file.write(b"\\xff" * rows.stat().st_size)
        os.truncate(rows, 100)
    return checkpoint

StoredRun.load_checkpoint = load_and_change
for command in sys.argv[2:]:
    for change in (False, True, "gone"):
        content = {p: p.read_bytes() for p in Path(sys.argv[1]).rglob("rows.npy")}
        print("###", command, main(command.split()), flush=True)
        if os.path.isdir(sys.argv[1] + ".moved"):
            os.rename(sys.argv[1] + ".moved", sys.argv[1])
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


def looked(run, commands, tmp_path):
    """Return codes and texts of commands: undisturbed, with a changed file, without a run."""
    script = tmp_path / "look.py"
    script.write_text(LOOK)
    done = subprocess.run(
        [sys.executable, str(script), str(run), *commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    said = re.split(r"### .* (?P<code>\d+)\n", done.stdout)
    texts = [re.sub(r'"seconds": [\d.e-]+', "", text) for text in said[0:-1:2]]
    return said[1::2], texts


@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
def test_row_39_commands_say_the_same_of_a_table_whose_file_is_changed(run, tmp_path):
    out = tmp_path / "out"
    commands = [
        f"eval {run} --json",
        f"show {run} --json",
        f"export {run} --format csv --force --out {out}.csv",
        f"export {run} --format npz --force --out {out}.npz",
        f"match {run} {tmp_path / 'copy'} --json",
    ]
    shutil.copytree(run, tmp_path / "copy")
    codes, texts = looked(run, commands, tmp_path)
    assert texts[0::3] == texts[1::3]
    assert texts[0:6:3] == texts[2:6:3]
    assert codes == ["0"] * 15


HOLDEM = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
engine: {num_workers: 1}
run: {iterations: 300}
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
def test_hold_em_is_told_whatever_becomes_of_the_run_once_its_table_is_loaded(holdem, tmp_path):
    path = tmp_path / "holdem"
    shutil.copytree(holdem, path)
    commands = [
        f"query {path} --hole AcKc --json",
        f"match {path} {tmp_path / 'copy'} --json --boards 20",
    ]
    shutil.copytree(path, tmp_path / "copy")
    codes, texts = looked(path, commands, tmp_path)
    assert codes == ["0"] * 6
    assert texts[0] == texts[1] == texts[2]
    assert texts[3] == texts[4] == texts[5]


@pytest.fixture(scope="module")
def holdem(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "holdem"
    train(parse_config(HOLDEM), path)
    return path


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)


CHANGES = {
    "the run is moved": lambda run, _: run.rename(run.with_name("elsewhere")),
    "the checkpoint is removed": lambda _, checkpoint: shutil.rmtree(checkpoint),
    "all checkpoints are removed": lambda run, _: shutil.rmtree(run / "checkpoints"),
    "its table is removed": lambda _, checkpoint: (checkpoint / "rows.npy").unlink(),
    "its table is shortened": lambda _, checkpoint: os.truncate(checkpoint / "rows.npy", 100),
    "its table is overwritten": lambda _, checkpoint: _overwrite(checkpoint / "rows.npy"),
    "its manifest is overwritten": lambda _, checkpoint: _overwrite(checkpoint / "manifest.json"),
}


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="files in use stay as they are")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("command", ["query {} --hole AcKc", "match {} {} --boards 20"])
def test_what_changes_before_its_table_is_loaded_is_one_line(
    holdem, tmp_path, monkeypatch, capsys, command, change
):
    path = tmp_path / "run"
    shutil.copytree(holdem, path)
    (checkpoint,) = (path / "checkpoints").iterdir()
    load, left = StoredRun.load_checkpoint, [change]

    def change_and_load(stored, *arguments, **further):
        if left:
            CHANGES[left.pop()](path, checkpoint)
        return load(stored, *arguments, **further)

    monkeypatch.setattr(StoredRun, "load_checkpoint", change_and_load)
    assert main(command.format(path, path).split()) in (EXIT_USAGE, EXIT_CHECKPOINT)
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "error:" in line]
    assert len(lines) == 1
    assert str(path) in lines[0]
    assert "Traceback" not in said.err
    assert "internal error" not in said.err
    assert not said.out


@pytest.mark.parametrize("command", ["query {} --hole AcKc", "match {} {}"])
def test_a_run_that_is_not_there_is_one_line(command, tmp_path, capsys):
    gone = tmp_path / "gone"
    for make in (lambda: None, gone.mkdir):
        make()
        assert main(command.format(gone, gone).split()) == EXIT_USAGE
        error = capsys.readouterr().err.strip()
        assert str(gone) in error
        assert len(error.splitlines()) == 1


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


def test_nothing_maps_a_file_that_can_change():
    """What is mapped is memory, files without a name, and files under a lease.

    Any other file is somebody else's to shorten.
    """
    package = Path(cfr_shm.__file__).parent
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"\bmmap\b(?!ed)|memmap|mmap_mode|MapViewOfFile", path.read_text())
    }
    assert users <= {
        "machine/leased_files.py",
        "machine/paged_arrays.py",
        "machine/sealed_memory.py",
        "memory/arena.py",
    }
