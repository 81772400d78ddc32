"""Ctrl-C while a real process measures: it ends, and tells what it found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from cfr_shm.cli.main import main
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(JIT_DISABLED or os.name != "posix", reason="signals and compiled kernels"),
]

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
run: {quality: 'off'}
"""

#: As long as it takes, and what each has found is told by its JSON.
METHODS = {
    "river": ["eval", "--method", "river", "--boards", "1000000"],
    "lbr": ["eval", "--method", "lbr", "--pairs", "100000000"],
    "exploiter": ["eval", "--method", "exploiter", "--time-budget", "100000"],
    "where": ["eval", "--where", "--boards", "100000"],
    "ranges": ["match", "--boards", "900000"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("interrupted")
    (place / "game.yaml").write_text(ROYAL)
    train = ["train", "-c", str(place / "game.yaml"), "--iters", "2000", "--num-workers", "1"]
    assert main([*train, "--logdir", str(place / "run")]) == 0
    return place / "run"


@pytest.mark.parametrize("name", METHODS)
def test_ctrl_c_ends_it_and_what_was_found_is_told(run, name):
    command, *flags = METHODS[name]
    runs = [str(run)] * (2 if command == "match" else 1)
    process = subprocess.Popen(
        [sys.executable, "-m", "cfr_shm", command, *runs, *flags, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=run.parent,
    )
    said = []
    assert process.stderr is not None
    for line in process.stderr:  # progress is told once something is found
        said.append(line)
        if "% after" in line:
            break
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=300)
    assert process.returncode == 130, (said, rest)
    assert rest.rstrip().endswith("interrupted")
    found = json.loads(out)
    assert found["stopped"] == "interrupted"
    assert found[{"where": "boards", "ranges": "deals"}.get(name, "n")] >= 2
