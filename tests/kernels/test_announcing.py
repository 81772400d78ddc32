"""Kernels that are compiled where they are called are told of, once for each kind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cfr_shm.kernels import announcing
from cfr_shm.kernels.announcing import announced, compiling, tell_of_compiling
from cfr_shm.kernels.jit import JIT_DISABLED

SCRIPT = """
import numpy as np
from cfr_shm.kernels.announcing import tell_of_compiling
from cfr_shm.kernels.holdem.showdown import fold_values, showdown_values
from cfr_shm.layout.showdown import Amounts, HandOrder

tell_of_compiling(print)
cards = np.zeros(1, np.int16)
order = HandOrder(cards, cards + 1, np.zeros(1, np.int32), np.zeros(1, np.int32))
sums, values = np.zeros((2, 4)), np.zeros(1)
fold_values(order, order, np.ones(1), 1.0, sums, values)
showdown_values(order, order, np.ones(1), Amounts(1.0, 0.5, 0.0), sums, values)
"""


@pytest.fixture
def told():
    found: list[str] = []
    before = announcing._announcer.tell
    tell_of_compiling(found.append)
    yield found
    tell_of_compiling(before)


def test_each_kind_is_told_once_and_nothing_that_somebody_told_of(told):
    with announced():
        compiling("cfr_shm.kernels.evaluation.response")
    assert told == []
    for module in ("evaluation.response", "evaluation.luck", "spots.nodes", "parts.rng"):
        compiling(f"cfr_shm.kernels.{module}")
    compiling("a_game_of_ones_own")
    assert [line.partition(" (")[0] for line in told] == [
        "compiling the kernels that measure strategies and play hands",
        "compiling the kernels that solve spots",
    ]


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_a_call_says_that_it_compiles_and_a_stored_kernel_says_nothing(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "CFR_SHM_CACHE_DIR": str(tmp_path / "cache")}
    said = [
        subprocess.run(
            [sys.executable, str(tmp_path / "script.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        for _ in range(2)
    ]
    assert said[0].startswith("compiling the kernels that deal and compare hands (once for this")
    assert said[0].count("\n") == 1
    assert said[1] == ""
