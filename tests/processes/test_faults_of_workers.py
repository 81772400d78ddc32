"""What a training must survive, rows 1 to 8: workers that are killed, crash, hang or are slow."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_harness import (
    PIDS,
    SEGMENTS,
    WINDOW,
    eventually,
    is_gone,
    settings_for,
    started,
)
from first_cases import first_cases

from cfr_shm.engine import deadlines
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.crew import TRIES
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import WorkerError
from cfr_shm.games.small.leduc import leduc
from cfr_shm.memory.tables import create_training_arena

START_METHODS = ["spawn", "fork"] if sys.platform == "linux" else ["spawn"]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
    pytest.mark.usefixtures("nothing_is_left"),
]


def _never() -> bool:
    return False


def _ignore(stats: EngineStats) -> None:
    pass


def _train(
    engine: Engine,
    enough: Callable[[EngineStats], bool],
    on_collect: Callable[[EngineStats], None] = _ignore,
) -> EngineStats:
    """Train until it is enough; whatever happened, the count must be exact."""
    ledger = IterationLedger(None, drain_window=WINDOW)
    too_long = time.monotonic() + 120.0
    engine.advance(ledger, lambda: enough(engine.stats()), on_collect, pause_at=too_long)
    stats = engine.stats()
    assert enough(stats)
    assert stats.iterations == ledger.completed_count > 0
    assert stats.utility_sums[0] == stats.iterations
    return stats


def _one_was_replaced(stats: EngineStats) -> bool:
    return stats.restarts == 1 and stats.longest_recovery_seconds > 0


class Killer:
    """Kills workers, one after another, and counts how often the engine looked meanwhile."""

    def __init__(self, engine: Engine, crew: ProcessCrew, number: int) -> None:
        self.polls_at_death: list[int] = []
        self.polls_when_noticed: list[int] = []
        self.texts: list[str] = []
        self._engine, self._crew, self._number = engine, crew, number
        engine.on_loss = self._note

    def standby(self) -> int | None:
        """Return the process id of the standby, None as long as none is ready."""
        standby = self._crew._standby
        return standby.process.pid if standby is not None and standby.is_ready else None

    def pids(self) -> tuple[int, ...]:
        """Return those of the workers, once there are two."""
        assert eventually(lambda: len(self._crew.pids) == 2)
        return self._crew.pids

    def kill(self, worker: int) -> None:
        pid = self.pids()[worker]
        PIDS.append(pid)
        os.kill(pid, self._number)
        assert eventually(lambda: is_gone(pid))
        self.polls_at_death.append(self._engine.stats().polls)
        assert eventually(lambda: len(self.polls_when_noticed) == len(self.polls_at_death))

    def _note(self, text: str) -> None:
        self.polls_when_noticed.append(self._engine.stats().polls)
        self.texts.append(text)


@pytest.mark.parametrize("start_method", first_cases(START_METHODS))
def test_row_01_worker_killed_inside_a_kernel(start_method: str) -> None:
    """Seen at once; replaced, the first by a new process, the next by the standby.

    A short run pays for no standby; a death brings it forward.
    Nobody comes to the end of such a batch: nothing but the death itself can be the news.
    """
    game = leduc()
    settings = settings_for(game, 2, start_method=start_method, batch_size=1 << 40)
    with create_training_arena(game, 2, "") as arena:
        SEGMENTS.append(arena.name)
        crew = ProcessCrew(settings, arena)
        ledger = IterationLedger(None, drain_window=WINDOW)
        over = threading.Event()
        standbys: list[int | None] = []
        pids: list[int] = []
        with Engine(settings, crew) as engine:
            killer = Killer(engine, crew, signal.SIGKILL)

            def kill_some() -> None:
                try:
                    time.sleep(0.2)
                    standbys.append(killer.standby())
                    killer.kill(0)
                    assert eventually(lambda: killer.standby() is not None)
                    standbys.append(killer.standby())
                    killer.kill(1)
                    pids.extend(killer.pids())
                    time.sleep(0.3)
                    killer.kill(0)
                finally:
                    over.set()
                    engine.wake()

            thread = threading.Thread(target=kill_some)
            thread.start()
            engine.advance(ledger, over.is_set, _ignore)
            thread.join()
            then = IterationLedger(20 * WINDOW, drain_window=WINDOW)
            engine.advance(then, _never, _ignore)
            stats = engine.stats()
        del crew
    assert then.completed_count == 20 * WINDOW
    assert stats.iterations == ledger.completed_count + then.completed_count
    assert stats.worker_restarts == (2, 1)
    assert stats.replayed_iterations > 0
    assert stats.longest_recovery_seconds > 0
    # Seen in the wait that was going on, or after the sleep and in the wait that came next.
    for dead, noticed in zip(killer.polls_at_death, killer.polls_when_noticed, strict=True):
        assert noticed <= dead + 2
    assert all("was killed by SIGKILL" in text for text in killer.texts)
    assert standbys == [None, pids[1]]


def test_row_02_segmentation_fault(tmp_path: Path) -> None:
    """The signal is named and the stack is kept; the run goes on."""
    with started(2, "counting", batch_seconds=0.1, trace_directory=str(tmp_path)) as (engine, crew):
        texts: list[str] = []
        engine.on_loss = texts.append

        def crash(stats: EngineStats) -> None:
            if not texts and stats.batches > 4:
                os.kill(crew.pids[1], signal.SIGSEGV)

        stats = _train(engine, _one_was_replaced, crash)
    assert stats.worker_restarts == (0, 1)
    assert f"was killed by SIGSEGV; its stack is in {tmp_path}/worker-1.trace" in texts[0]
    assert [path.name for path in tmp_path.iterdir()] == ["worker-1.trace"]
    assert "in counting" in (tmp_path / "worker-1.trace").read_text()


@pytest.mark.slow
def test_row_02_segmentation_fault_in_the_code(tmp_path: Path) -> None:
    """It comes back with the task: the run ends, and says why."""
    with (
        pytest.raises(WorkerError, match=r"killed by SIGSEGV; its stack is in .*: giving up"),
        started(2, "crashing", trace_directory=str(tmp_path)) as (engine, _),
    ):
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, _ignore)
    traces = list(tmp_path.iterdir())
    assert len(traces) >= TRIES
    assert all("in crashing" in trace.read_text() for trace in traces)


@pytest.mark.parametrize("policy", first_cases(["respawn", "abort"]))
def test_row_03_exception_in_a_worker(policy: str) -> None:
    """The traceback is shown, and the run ends: another worker would raise the same."""
    with (
        pytest.raises(WorkerError, match=r"worker \d \(pid \d+\) failed: ValueError: pois") as got,
        started(2, "failing", on_worker_death=policy) as (engine, _),
    ):
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, _ignore)
    assert "\n" not in str(got.value)
    assert "in failing" in got.value.__notes__[0]


def test_row_04_worker_leaves_with_status_0() -> None:
    with (
        pytest.raises(WorkerError, match=r"exit status 0 without being told to.*: giving up"),
        started(2, "leaving") as (engine, _),
    ):
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, _ignore)


@pytest.mark.parametrize("kernel", first_cases(["counting", "hanging_once"]))
def test_row_05_hung_worker(kernel: str) -> None:
    """Stopped from outside, or in an endless kernel: killed after its deadline, replaced."""
    stopped: list[int] = []
    texts: list[str] = []
    with started(2, kernel, batch_seconds=0.1, deadline_seconds=2.0) as (engine, crew):
        engine.on_loss = texts.append

        def stop_one(stats: EngineStats) -> None:
            if kernel == "counting" and not stopped:
                stopped.append(crew.pids[1])
                os.kill(stopped[0], signal.SIGSTOP)

        _train(engine, _one_was_replaced, stop_one)
    assert "within 2 s: it was stopped or hung" in texts[0]


@pytest.mark.thorough
def test_row_06_slow_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every window takes eighty times as long, the task far longer than a hung one may."""
    monkeypatch.setattr(deadlines, "LEAST_SECONDS", 1.0)
    monkeypatch.setattr(deadlines, "SLOWEST", 5.0)
    with started(2, "dawdling", batch_seconds=0.05) as (engine, _):
        stats = _train(engine, lambda stats: stats.seconds > 3.0)
    assert stats.restarts == 0


def test_row_07_killed_inside_a_message() -> None:
    """The end of file is seen; what others sent meanwhile counts."""
    with started(3, "cut_off_once", batch_seconds=0.02) as (engine, _):
        _train(engine, lambda stats: _one_was_replaced(stats) and stats.batches > 3)


def test_row_08_crash_loop() -> None:
    """Nobody comes to life: it is tried a few times, and the reason is given."""
    with (
        pytest.raises(WorkerError, match=rf"SIGKILL.*while it started; it was started {TRIES} ti"),
        started(1, "dying_at_start"),
    ):
        pass


def test_row_08_crash_loop_where_nobody_is_to_be_replaced() -> None:
    with (
        pytest.raises(WorkerError, match=r"was killed by SIGKILL .* while it started$"),
        started(1, "dying_at_start", on_worker_death="abort"),
    ):
        pass
