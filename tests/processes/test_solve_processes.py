"""Spots solved by the command itself: interrupted, killed, refused, on any number of workers."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engine_harness import eventually, is_unlinked

from cfr_shm.errors import EXIT_MEMORY, EXIT_OK

pytestmark = pytest.mark.thorough

#: A turn of a few hundred iterations a second.
TURN = """
spot:
  board: Td9d6hQc
  pot: 200
  stack: 900
  oop: 66+,A8s+,AJo+,KQo,QTs+,JTs
  ip: QQ-22,AQs-A2s,ATo+,KJo+,T7s+
  bets: "60%,a"
  raises: 2.5x
"""

#: Runs the command line wherever the package lies.
_COMMAND = "import sys\nfrom cfr_shm.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"


@pytest.fixture
def solve(tmp_path):
    """Return who starts ``cfr-shm solve`` on the turn, in a process of its own."""
    (tmp_path / "command.py").write_text(_COMMAND)
    (tmp_path / "turn.yaml").write_text(TURN)
    started = []

    def start(*arguments, command="solve", source="turn.yaml", **environment):
        line = [sys.executable, "command.py", command, source, *map(str, arguments)]
        environment = {**os.environ, **environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(line, cwd=tmp_path, env=environment, text=True, **pipes)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def stored(directory):
    """Return the bytes of the newest tables, by file, and their iterations."""
    found = (directory / "checkpoints").glob("[0-9]*")
    newest = max(found, key=lambda path: int(path.name))
    tables = {file.name: file.read_bytes() for file in newest.iterdir() if file.suffix == ".npy"}
    assert len(tables) == 4
    return tables, int(newest.name)


def segments_of(process):
    """Return the names of the shared memory that a process has."""
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    return set(re.findall(r"/dev/shm/(cfrshm-\w+)", maps))


def finished(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == EXIT_OK, err
    return out


def is_iterating(directory):
    metrics = directory / "metrics.jsonl"
    return eventually(lambda: metrics.exists() and metrics.stat().st_size > 0, 200.0)


def test_any_number_of_workers_leaves_the_same_bits(solve, tmp_path):
    found = {}
    for workers in (1, 2, 4, 8):
        directory = tmp_path / f"with-{workers}"
        finished(solve("--iters", 12, "--num-workers", workers, "--logdir", directory))
        found[workers] = stored(directory)
    assert all(each == found[1] for each in found.values())


def test_ctrl_c_keeps_the_tables_and_resume_ends_with_the_same_bits(solve, tmp_path):
    directory, whole = tmp_path / "stopped", tmp_path / "whole"
    bounds = ["--set", "spot.target=0.0", "--num-workers", 2]
    pace = ["--set", "run.progress_interval=0.1"]
    process = solve("--iters", 1_000_000, *bounds, *pace, "--logdir", directory)
    assert is_iterating(directory)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 128 + signal.SIGINT, err
    assert json.loads((directory / "summary.json").read_text())["status"] == "interrupted"
    _, reached = stored(directory)
    assert reached > 0
    more = reached + 10
    finished(solve("--iters", more, "--num-workers", 2, command="resume", source=str(directory)))
    finished(solve("--iters", more, *bounds, "--logdir", whole))
    assert stored(directory) == stored(whole)


def test_a_killed_solve_goes_on_from_its_last_tables(solve, tmp_path):
    directory, whole = tmp_path / "killed", tmp_path / "whole"
    often = ["--set", "run.checkpoint_interval=0.2", "--set", "spot.target=0.0"]
    process = solve("--iters", 1_000_000, *often, "--logdir", directory)
    assert eventually(lambda: any((directory / "checkpoints").glob("[0-9]*")), 200.0)
    held = segments_of(process)
    process.kill()
    process.communicate()
    assert held
    _, reached = stored(directory)
    more = reached + 10
    # The one that comes next gives back what the killed one held.
    finished(solve("--iters", more, command="resume", source=str(directory)))
    finished(solve("--iters", more, "--logdir", whole))
    assert stored(directory) == stored(whole)
    assert all(map(is_unlinked, held))


def test_tables_beyond_memory_are_refused_with_sizes_and_levers(solve, tmp_path):
    sizes = "25%,50%,100%,200%,a"
    wide = ["--oop", "22+,A2+,K2+,Q2+,J2+,T2+", "--ip", "22+,A2+,K2+,Q2+,J2+,T2+"]
    flags = [*wide, "--stack", 10_000, "--bets", sizes, "--raises", "2.5x,5x,a"]
    process = solve("--board", "Td9d6h", *flags, "--logdir", tmp_path / "large")
    _, err = process.communicate(timeout=200)
    assert process.returncode == EXIT_MEMORY, err
    said = err.strip().splitlines()[-1]
    assert "spot.compact" in said
    assert "fewer bet sizes" in said
    assert not (tmp_path / "large").exists()


def test_a_solve_leaves_metrics_and_tensorboard_events_as_a_training_does(solve, tmp_path):
    directory = tmp_path / "told"
    told = ["--set", "run.progress_interval=0.1", "--set", "run.tensorboard=true"]
    finished(solve("--iters", 300, "--set", "spot.target=0.0", *told, "--logdir", directory))
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    kinds = {line["kind"] for line in lines}
    assert {"interval", "evaluation"} <= kinds
    measured = [line for line in lines if line["kind"] == "evaluation"]
    assert measured[-1]["iterations"] == 300
    assert measured[-1]["unit"] == "% of the pot"
    summary = json.loads((directory / "summary.json").read_text())
    assert measured[-1]["exploitability"] == pytest.approx(summary["exploitability_percent"])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory / "tensorboard"))
    events.Reload()
    points = events.Scalars("Training/Exploitability")
    assert points[-1].step == 300
    assert points[-1].value == pytest.approx(summary["exploitability_percent"], rel=1e-5)
    log = (directory / "log.txt").read_text()
    assert "finished" in log


#: Of seconds each.
FLOPS = ("Ks7h2d 24", "8s8h3d 12", "QsJh2h 12")


def rows_of(directory):
    table = directory / "flops.csv"
    return table.read_text().splitlines()[1:] if table.exists() else []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_list_of_flops_goes_on_where_it_was_ended(solve, tmp_path, how):
    (tmp_path / "flops.txt").write_text("\n".join(FLOPS))
    narrow = ["--oop", "QQ+,AKs", "--ip", "JJ,TT,AQs", "--num-workers", 1, "--raises", "none"]
    bounds = ["--iters", 60, "--set", "spot.target=0.0"]
    asked = ["--flops", "flops.txt"]
    directory, whole = tmp_path / "ended", tmp_path / "whole"
    process = solve(*asked, *narrow, *bounds, "--logdir", directory)
    assert eventually(lambda: len(rows_of(directory)) == 1, 200.0)
    process.send_signal(how)
    _, err = process.communicate(timeout=100)
    assert process.returncode == (128 + how if how == signal.SIGINT else -how), err
    first = rows_of(directory)
    assert len(first) < len(FLOPS)
    finished(solve(*asked, source=str(directory)))
    finished(solve(*asked, *narrow, *bounds, "--logdir", whole))
    assert rows_of(directory)[: len(first)] == first
    assert rows_of(directory) == rows_of(whole)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="processors by their names")
def test_narrower_vectors_give_the_same_bits(solve, tmp_path):
    """With AVX2 alone a row's sixteen numbers are two registers."""
    own, narrow = tmp_path / "own", tmp_path / "narrow"
    common = ["--iters", 20, "--compact", "--logdir"]
    finished(solve(*common, own))
    other = {"NUMBA_CPU_NAME": "haswell", "CFR_SHM_CACHE_DIR": str(tmp_path / "cache")}
    finished(solve(*common, narrow, **other))
    assert stored(own) == stored(narrow)
