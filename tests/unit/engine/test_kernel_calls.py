"""The table of kernels: every algorithm and mode has one, all are called in one way."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import get_args

import pytest
from plain_settings import algorithm_settings, engine_settings

from cfr_shm.algorithms import FULL_WIDTH, SAMPLED, AlgorithmSettings, Pruning
from cfr_shm.engine.freezes import plan_freezes
from cfr_shm.engine.kernel_calls import KernelCall, prepare_kernel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.layout.table import Increments
from cfr_shm.layout.views import FullWidthViews, KernelViews, Own
from cfr_shm.memory.tables import private_views

CHOICES = {name: algorithm_settings(name=name) for name in (*SAMPLED, *FULL_WIDTH)} | {
    "floored": algorithm_settings(regret_floor=0.0),
    "pruned": algorithm_settings(pruning=Pruning(threshold=-9.0, probability=0.5, after=0)),
    "averaged apart": algorithm_settings(averaging="separate", average_opponents="explored"),
    "averaged on paths": algorithm_settings(averaging="separate", average_opponents="sampled"),
}
SAMPLING = {name: each for name, each in CHOICES.items() if not each.is_full_width}


def prepared(algorithm: AlgorithmSettings, freezes: bool) -> KernelCall:
    game = leduc()
    plan = plan_freezes(game, algorithm, 16, 1) if freezes else None
    settings = engine_settings(game, algorithm=algorithm, freeze=plan)
    return prepare_kernel(settings, private_views(game, 1, algorithm.state_planes, plan), 0)


def function_of(call: KernelCall) -> object:
    kernel = call.func  # type: ignore[attr-defined]
    return getattr(kernel, "py_func", kernel)


@pytest.mark.parametrize("name", CHOICES)
def test_every_algorithm_has_a_kernel_that_takes_views_task_and_result(name):
    call = prepared(CHOICES[name], freezes=False)
    assert [*inspect.signature(function_of(call)).parameters] == ["views", "task", "result"]
    (views,) = call.args
    assert isinstance(views, FullWidthViews if CHOICES[name].is_full_width else KernelViews)
    assert {*views._fields} == {*KernelViews._fields}
    assert isinstance(views.own, get_args(Own))
    assert views.border is None
    assert not isinstance(views.table.increments, Increments)


@pytest.mark.parametrize("name", SAMPLING)
def test_every_sampled_algorithm_has_a_twin_of_the_same_shape_for_freezes(name):
    plain, frozen = prepared(SAMPLING[name], freezes=False), prepared(SAMPLING[name], freezes=True)
    assert inspect.signature(function_of(plain)) == inspect.signature(function_of(frozen))
    (views,), (others,) = frozen.args, plain.args
    assert type(views.own) is type(others.own)
    assert views.border is not None
    assert isinstance(views.table.increments, Increments)


def test_a_worker_imports_the_kernels_of_its_own_algorithm_and_no_others():
    program = (
        "import sys, cfr_shm.engine.worker, cfr_shm.engine.kernel_calls as calls\n"
        "calls.load_kernel('cfr_shm.kernels.training.external:external_sampling')\n"
        "print(*(name for name in sys.modules if '.training.' in name or 'freezes' in name))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    training = "cfr_shm.kernels.training"
    assert {*done.stdout.split()} == {
        f"{training}.external",
        f"{training}.average_path",
        f"{training}.deal",
    }
