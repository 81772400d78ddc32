"""Deterministic mode over ranks: the same bits as on one machine, whatever happens on the way."""

import contextlib
import threading

import psutil
import pytest
from first_cases import first_cases
from frozen_ranks import train_frozen

FREEZE = 64
ITERATIONS = 100 * FREEZE + 17

pytestmark = pytest.mark.usefixtures("nothing_is_left")


#: Hold'em of nine cards: 4,000 rows on three streets.
HOLDEM = (
    "game.name=holdem", "game.blinds=[1, 2]", "game.stacks=12", "game.ranks=3", "game.suits=3",
    "game.board_cards=[0, 1, 1]", "abstraction.preflop=[[2.5bb], [allin]]",
    "abstraction.flop=[[1]]", "abstraction.turn=[[1], [allin]]", "algorithm.weighting=linear",
    "algorithm.regret_floor=-100.0",
)  # fmt: skip
HOLDEM_ITERATIONS = 8 * FREEZE + 5


def bounds(iterations=ITERATIONS, *further):
    return (f"engine.freeze={FREEZE}", f"run.iterations={iterations}", *further)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return what one machine makes of Leduc under ``further``; each once."""
    known = {}

    def trained(*further, iterations=ITERATIONS):
        if further not in known:
            directory = tmp_path_factory.mktemp("alone") / "run"
            known[further] = train_frozen(
                directory, 0, *bounds(iterations, "engine.num_workers=1", *further)
            )[:2]
        return known[further]

    return trained


@pytest.mark.parametrize(
    ("size", "workers"),
    first_cases([(2, 1), (3, 1), (4, 1), (1, 2), (2, 2), (3, 2), (4, 2)], keep=2),
)
def test_ranks_and_workers_do_not_matter_to_a_bit(tmp_path, alone, size, workers):
    found = train_frozen(
        tmp_path / "run", size, *bounds(ITERATIONS, f"engine.num_workers={workers}")
    )
    assert found[:2] == alone()
    assert size == 1 or len(found[2]["ranks"]) == size


@pytest.mark.thorough
@pytest.mark.parametrize(
    "further",
    [
        ("algorithm.weighting=dcfr", "algorithm.discount_interval=1000"),
        ("table.compact=true", "algorithm.regret_floor=-20.0"),
        ("algorithm.prune_threshold=-30.0",),
        ("algorithm.name=outcome_sampling",),
        ("algorithm.name=public_chance_sampling",),
        ("algorithm.averaging=separate",),
    ],
    ids=lambda each: each[0].partition(".")[2],
)
def test_so_it_is_with_every_way_to_train(tmp_path, alone, further):
    one = alone(*further)
    found = train_frozen(tmp_path / "run", 3, *bounds(ITERATIONS, "engine.num_workers=1", *further))
    assert found[:2] == one


def test_a_run_goes_on_with_other_ranks_to_the_bit(tmp_path, alone):
    run = tmp_path / "run"
    parts = [(2, 1, 30), (0, 2, 50), (4, 1, 80), (3, 1, None)]
    for number, (size, workers, freezes) in enumerate(parts):
        until = ITERATIONS if freezes is None else freezes * FREEZE
        found = train_frozen(
            run, size, *bounds(until, f"engine.num_workers={workers}"), resume=number > 0
        )
    assert found[:2] == alone()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("size", "workers"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2)]
)
def test_so_it_is_with_holdem(tmp_path, alone, size, workers):
    further = (*HOLDEM, f"engine.num_workers={workers}")
    found = train_frozen(tmp_path / "run", size, *bounds(HOLDEM_ITERATIONS, *further))
    assert found[:2] == alone(*HOLDEM, iterations=HOLDEM_ITERATIONS)
    assert found[1]["clamped_regrets"] > 0


@pytest.mark.thorough
@pytest.mark.parametrize(("size", "workers"), [(0, 2), (1, 1), (2, 2)])
def test_holdem_of_four_ranks_goes_on_with_others(tmp_path, alone, size, workers):
    run = tmp_path / "run"
    train_frozen(run, 4, *bounds(4 * FREEZE, *HOLDEM, "engine.num_workers=1"))
    further = (*HOLDEM, f"engine.num_workers={workers}")
    rows, same, _ = train_frozen(run, size, *bounds(HOLDEM_ITERATIONS, *further), resume=True)
    expected, of_all = alone(*HOLDEM, iterations=HOLDEM_ITERATIONS)
    assert rows == expected
    del same["clamped_regrets"]  # Of this part of the run.
    assert same.items() <= of_all.items()


class Killer:
    """Kills a worker of some rank now and then, wherever it is; ``killed`` says how many."""

    def __init__(self, most):
        self.killed = 0
        self._most = most
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()

    def _work(self):
        seen = set()
        while self.killed < self._most and not self._over.wait(0.5):
            workers = [each for each in children() if each.pid not in seen]
            if len(workers) < 4:
                continue  # Not all have been replaced yet.
            victim = workers[self.killed % len(workers)]
            seen.add(victim.pid)
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
                self.killed += 1


def children():
    """Return the workers of all ranks, which are threads of this process."""
    found = []
    for each in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(each.cmdline()):
                found.append(each)
    return found


@pytest.mark.thorough
def test_killed_workers_of_any_rank_leave_no_trace(tmp_path):
    iterations = 1500 * FREEZE
    expected = train_frozen(tmp_path / "alone", 0, *bounds(iterations, "engine.num_workers=1"))
    with Killer(3) as killer:
        found = train_frozen(
            tmp_path / "run", 2,
            *bounds(iterations, "engine.num_workers=2", "engine.batch_seconds=0.05"),
        )  # fmt: skip
    assert killer.killed >= 2
    assert found[:2] == expected[:2]
