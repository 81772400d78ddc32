"""When a training pauses, on a clock that the test moves."""

from __future__ import annotations

from cfr_shm.config.run import RunConfig
from cfr_shm.run.schedule import LEAST_TRAINING_SECONDS, Schedule


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def schedule_of(seconds_before: float = 0.0, **keys) -> tuple[Schedule, Clock]:
    clock = Clock()
    schedule = Schedule(RunConfig(**keys), seconds_before, clock)
    clock.now = 1000.0  # Compiling and starting workers is not training.
    schedule.begin()
    return schedule, clock


def test_without_bounds_only_checkpoints_pause():
    schedule, clock = schedule_of(checkpoint_interval=60.0)
    assert schedule.reaches_a_checkpoint
    assert schedule.pause_at(checkpoint_possible=True) == 1060.0
    assert schedule.pause_at(checkpoint_possible=False) is None
    clock.now = 1060.0
    assert schedule.is_checkpoint_due()
    assert not schedule.is_over()


def test_a_budget_ends_and_what_was_trained_before_counts():
    schedule, clock = schedule_of(30.0, time_budget=50.0, checkpoint_interval=60.0)
    assert not schedule.reaches_a_checkpoint
    assert schedule.pause_at(checkpoint_possible=True) == 1020.0
    assert schedule.is_over(1020.0)
    clock.now = 1019.9
    assert not schedule.is_over()


def test_pausing_is_not_training():
    schedule, clock = schedule_of(time_budget=50.0, checkpoint_interval=20.0)
    clock.now = 1021.0
    assert schedule.is_checkpoint_due()
    clock.now = 1024.0
    assert schedule.checkpoint_begun() == 1024.0
    schedule.paused_since(1021.0)
    assert schedule.pause_at(checkpoint_possible=True) == 1044.0
    assert schedule.pause_at(checkpoint_possible=False) == 1053.0


def test_no_interval_is_none_and_the_shortest_leaves_time_to_train():
    schedule, clock = schedule_of(checkpoint_interval=0.0)
    clock.now = 1e12
    assert not schedule.is_checkpoint_due()
    assert schedule.pause_at(checkpoint_possible=True) is None
    schedule, _ = schedule_of(checkpoint_interval=1e-9)
    assert schedule.pause_at(checkpoint_possible=True) == 1000.0 + LEAST_TRAINING_SECONDS
