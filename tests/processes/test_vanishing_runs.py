"""A run that is deleted, moved or replaced while it is read, at every file that is opened."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cfr_shm.cli.main import main
from cfr_shm.errors import EXIT_CHECKPOINT, EXIT_USAGE
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(JIT_DISABLED, reason="the readers' kernels are compiled ones"),
]

PROGRAM = Path(__file__).with_name("vanishing_runs.py")

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
run: {quality: 'off'}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("vanishing")
    (path / "royal.yaml").write_text(ROYAL)
    for game, name in (("kuhn", "run"), ("leduc", "other"), (str(path / "royal.yaml"), "royal")):
        train = ["train", "-c", game, "--iters", "300", "--logdir", str(path / name)]
        assert main([*train, "--num-workers", "1"]) == 0
    (path / "holdem").mkdir()
    shutil.move(path / "royal", path / "holdem" / "run")
    shutil.copytree(path / "other", path / "holdem" / "other")
    return path


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
@pytest.mark.parametrize(
    ("of", "command"),
    [
        ("kuhn", ["eval", "RUN"]),
        ("kuhn", ["match", "RUN", "RUN"]),
        ("holdem", ["eval", "RUN", "--method", "river", "--boards", "2"]),
        ("holdem", ["play", "RUN", "--hands", "1"]),
    ],
    ids=["eval", "match", "river", "play"],
)
def test_whenever_it_is_taken_away_one_line_says_so(place, how, of, command):
    where = place / "holdem" if of == "holdem" else place
    found = subprocess.run(
        [sys.executable, str(PROGRAM), str(where), how, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=place,
    )
    assert found.returncode == 0, found.stderr
    whole, *taken = (json.loads(line) for line in found.stdout.splitlines())
    assert whole["code"] == 0, whole
    assert len(taken) >= 5
    for each in taken:
        if each["code"] == 0:  # all of it was read before, or all of it is the other run's
            assert how == "replaced"
            continue
        assert each["code"] in (EXIT_USAGE, EXIT_CHECKPOINT), each
        assert len(each["said"]) == 1, each
        assert "victim" in each["said"][0] or "leduc" in each["said"][0]
    assert all(each["code"] != 0 for each in taken) or how == "replaced"
