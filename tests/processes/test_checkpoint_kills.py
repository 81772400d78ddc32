"""A save that is killed at any system call: the old checkpoint loads, or the new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a child for every kill")
def test_row_16_killed_at_each_system_call_of_a_save(tmp_path):
    script = Path(__file__).with_name("checkpoint_kills.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.stderr == ""
    assert done.returncode == 0
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert [at for at, *_ in kills] == list(range(len(kills)))
    assert len(kills) > 60
    assert all(killed for _, killed, *_ in kills[:-1])
    loaded = [found for _, _, found, _ in kills]
    assert loaded == sorted(loaded), "once the new one is there it stays"
    assert loaded[0] == 200
    assert loaded[-1] == 300
    for _, _, found, left in kills:
        assert left == [str(found), "400"], "nothing unfinished is left after the next save"
