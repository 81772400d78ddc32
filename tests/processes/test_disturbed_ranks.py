"""Whatever comes to a rank, and when: all ranks end, with one answer and one checkpoint."""

import json
import random
import signal

import pytest
import threaded_world
from disturbed_ranks import Disturbance, run_disturbed
from stored_runs import about_newest

#: Signals that end a run, and one that asks for a checkpoint.
SIGNALS = (signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR1)


@pytest.fixture(autouse=True)
def _ranks_that_hang_are_seen_soon(monkeypatch):
    monkeypatch.setattr(threaded_world, "PATIENCE_SECONDS", 30.0)


@pytest.fixture(scope="module", autouse=True)
def _kernels_are_stored(tmp_path_factory):
    """Threads of one process would get into each other's way while they compile."""
    bounds = ("run.iterations=256", "run.time_budget=60", "algorithm.weighting=dcfr",
              "algorithm.discount_interval=128")  # fmt: skip
    run_disturbed(tmp_path_factory.mktemp("warm") / "run", 1, [], *bounds)


def drawn(seed):
    """Draw how many ranks, what comes to them when, and how the run is bounded."""
    draw = random.Random(seed)
    size = draw.choice((2, 3, 4))
    disturbances = [
        Disturbance(
            draw.randrange(size), draw.randrange(120), draw.random() < 0.5, draw.choice(SIGNALS)
        )
        for _ in range(draw.randrange(1, 6))
    ]
    bounds = [
        f"run.time_budget={draw.choice((0.2, 0.4, 0.8))}",
        f"engine.exchange={draw.choice((0.01, 0.02, 0.05))}",
        f"run.checkpoint_interval={draw.choice((0.1, 0.15))}",
        f"run.seed={seed}",
    ]
    if draw.random() < 0.3:
        bounds.append(f"run.iterations={draw.choice((20_000, 60_000))}")
    if draw.random() < 0.3:
        bounds += ["algorithm.weighting=dcfr", "algorithm.discount_interval=4096"]
    return size, disturbances, bounds


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(20))
def test_all_ranks_end_with_one_answer_whatever_comes_to_which(tmp_path, seed):
    size, disturbances, bounds = drawn(seed)
    results = run_disturbed(tmp_path / "run", size, disturbances, *bounds)
    assert len({code for _, code, _ in results}) == 1, results
    if results[0][0] == "nothing done":
        return
    assert len({status for status, _, _ in results}) == 1, results
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"] == results[0][0]
    done = about_newest(tmp_path / "run")["completed"]
    assert sum(end - first for first, end in done) == summary["iterations"]
    assert summary["iterations"] == sum(each["iterations"] for each in summary["ranks"])


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 2])
def test_a_checkpoint_is_written_when_any_rank_is_asked_for_one(tmp_path, rank):
    run = tmp_path / "run"
    asked = [Disturbance(rank, 40, False, signal.SIGUSR1)]
    bounds = ("run.time_budget=1.0", "engine.exchange=0.02", "run.checkpoint_interval=0")
    results = run_disturbed(run, 3, asked, *bounds)
    assert results[0][0] == "finished"
    assert json.loads((run / "summary.json").read_text())["checkpoints"] == 2
