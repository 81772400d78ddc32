"""Worker processes: they do their work, hurt nobody when idle, and never stay behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_harness import (
    PIDS,
    WINDOW,
    context_switches,
    eventually,
    is_gone,
    is_unlinked,
    settings_for,
    started,
)
from first_cases import first_cases

from cfr_shm.engine import process_crew, worker_process
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.handshake import MESSAGE_LIMIT_BYTES
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.layout.control import RUN, STOP_FLAG
from cfr_shm.memory.tables import create_training_arena

ON_LINUX = sys.platform == "linux"
START_METHODS = ["spawn", "fork"] if ON_LINUX else ["spawn"]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
    pytest.mark.usefixtures("nothing_is_left"),
]


def _never() -> bool:
    return False


def _ignore(stats: EngineStats) -> None:
    pass


def _endless() -> IterationLedger:
    return IterationLedger(None, drain_window=WINDOW)


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("workers", first_cases([4, 1, 2, 8]))
def test_every_iteration_is_done_once(workers: int, start_method: str) -> None:
    target = 100_000 * workers + 17
    ledger = IterationLedger(target, drain_window=WINDOW)
    seen: list[EngineStats] = []
    with started(workers, "counting", start_method=start_method, batch_seconds=0.1) as (engine, _):
        engine.advance(ledger, _never, seen.append)
        stats = engine.stats()
    assert ledger.completed == ((0, target),)
    assert stats.iterations == target
    assert stats.nodes == 3 * target
    assert stats.strategy_weight == target
    assert stats.utility_sums == (target, 0.0)
    assert seen[-1].iterations == target
    assert 0 < stats.largest_message_bytes < MESSAGE_LIMIT_BYTES
    assert stats.largest_message_bytes < 200
    # The two together: a kernel that counts by ticks gives all to one of them in a short run.
    assert stats.user_cpu_seconds + stats.system_cpu_seconds > 0
    assert len(stats.busy_fraction) == workers
    assert all(0.0 < fraction <= 1.0 for fraction in stats.busy_fraction)


def test_pause_and_go_on_again_and_again() -> None:
    ledger = IterationLedger(200_000, drain_window=WINDOW)
    with started(2, "counting", batch_seconds=0.05) as (engine, crew):
        rounds = 0
        while ledger.remaining:
            engine.advance(ledger, _never, _ignore, pause_at=time.monotonic() + 0.05)
            assert crew._views.control[STOP_FLAG] == RUN
            assert engine.stats().iterations == ledger.completed_count
            rounds += 1
    assert rounds > 1
    assert ledger.completed == ((0, 200_000),)


@pytest.mark.skipif(not ON_LINUX, reason="counts context switches in /proc")
@pytest.mark.parametrize("start_method", first_cases(START_METHODS))
def test_idle_workers_never_wake(start_method: str) -> None:
    with started(2, "counting", start_method=start_method, batch_seconds=0.05) as (engine, crew):
        engine.advance(IterationLedger(50_000, drain_window=WINDOW), _never, _ignore)
        time.sleep(0.5)  # until the last send has returned and they are in receive
        before = [context_switches(pid) for pid in crew.pids]
        time.sleep(3.0)
        assert [context_switches(pid) for pid in crew.pids] == before


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("number", first_cases([signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]))
def test_a_killed_worker_is_named_with_its_signal(number: int, start_method: str) -> None:
    name = signal.Signals(number).name
    with (
        pytest.raises(WorkerError, match=rf"worker 1 \(pid \d+\) was killed by {name}") as caught,
        started(3, "counting", start_method=start_method, on_worker_death="abort") as (
            engine,
            crew,
        ),
    ):
        engine.advance(_endless(), _never, lambda stats: os.kill(crew.pids[1], number))
    assert "\n" not in str(caught.value)
    assert all(is_gone(pid) for pid in PIDS)


def test_a_crash_keeps_its_stack_and_leaves_no_empty_files(tmp_path: Path) -> None:
    with (
        pytest.raises(WorkerError, match=r"killed by SIGSEGV.*its stack is in .*trace"),
        started(2, "crashing", trace_directory=str(tmp_path), on_worker_death="abort") as (
            engine,
            _,
        ),
    ):
        engine.advance(_endless(), _never, _ignore)
    traces = list(tmp_path.iterdir())
    assert traces
    assert "in crashing" in traces[0].read_text()


@pytest.mark.parametrize(
    ("kernel", "status"), first_cases([("leaving", 0), ("leaving_with_seven", 7)])
)
def test_leaving_unasked_is_a_failure_whatever_the_status(kernel: str, status: int) -> None:
    with (
        pytest.raises(WorkerError, match=f"left with exit status {status} without being told to"),
        started(2, kernel, on_worker_death="abort") as (engine, _),
    ):
        engine.advance(_endless(), _never, _ignore)


def test_an_exception_while_starting_comes_with_its_traceback() -> None:
    with (
        pytest.raises(WorkerError, match="RuntimeError: no kernel for this machine") as caught,
        started(2, "failing_at_start"),
    ):
        pass
    assert "in failing_at_start" in caught.value.__notes__[0]


@pytest.mark.parametrize("kernel", ["counting", "hanging"])
def test_a_worker_that_does_not_answer_is_over_its_deadline(
    kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_crew, "JOIN_SECONDS", 1.0)

    def stop_one(stats: EngineStats) -> None:
        if kernel == "counting":
            os.kill(PIDS[-1], signal.SIGSTOP)

    with (
        pytest.raises(DeadlineError, match=r"worker \d did not finish .* within 1 s"),
        started(2, kernel, deadline_seconds=1.0, on_worker_death="abort") as (engine, _),
    ):
        engine.advance(_endless(), _never, stop_one)
    assert all(is_gone(pid) for pid in PIDS)


def test_workers_ignore_the_signals_of_the_run() -> None:
    ledger = IterationLedger(300_000, drain_window=WINDOW)
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]

    with started(2, "counting", batch_seconds=0.05) as (engine, crew):

        def disturb(stats: EngineStats) -> None:
            for pid in crew.pids:
                for number in numbers:
                    os.kill(pid, number)

        engine.advance(ledger, _never, disturb)
    assert ledger.completed_count == 300_000


def test_ctrl_c_in_the_coordinator_ends_the_workers() -> None:
    def interrupt(stats: EngineStats) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    # Shells start what runs in the background with SIGINT ignored.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), started(2, "counting") as (engine, _):
            engine.advance(_endless(), _never, interrupt)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert all(is_gone(pid) for pid in PIDS)


def test_signals_of_the_run_are_not_lost_while_workers_start() -> None:
    got: list[int] = []
    previous = signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
    try:
        hidden = worker_process.main_module_hidden

        @contextlib.contextmanager
        def signalled_while_it_starts() -> Iterator[None]:
            # To this thread: another one of the test process may not block it.
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
            with hidden():
                yield
            assert not got

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker_process, "main_module_hidden", signalled_while_it_starts)
            with started(1, "counting"):
                assert got == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, previous)


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("kernel", first_cases(["hanging", "counting"]))
@pytest.mark.parametrize("starter", first_cases(["thread", "main"]))
def test_row_09_coordinator_killed(start_method: str, kernel: str, starter: str) -> None:
    here = Path(__file__).parent
    script = here / "coordinator_to_kill.py"
    command: list[Any] = [sys.executable, script, start_method, kernel, starter]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        *pids, segment = process.stdout.readline().split()
        assert len(pids) == 2
        assert not any(is_gone(int(pid)) for pid in pids)
        process.kill()
        process.wait()
        assert eventually(lambda: all(is_gone(int(pid)) for pid in pids))
        assert eventually(lambda: is_unlinked(segment))


def test_workers_outlive_the_thread_that_started_them() -> None:
    with contextlib.ExitStack() as stack:
        entered: list[Engine] = []

        def enter() -> None:
            engine, _ = stack.enter_context(started(1, "counting", batch_seconds=0.05))
            entered.append(engine)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        ledger = IterationLedger(50_000, drain_window=WINDOW)
        entered[0].advance(ledger, _never, _ignore)
        assert ledger.remaining == 0


def test_what_comes_while_workers_start_ends_the_start() -> None:
    """Nobody waits for workers that will have nothing to do."""
    asked = 0

    def stop_at_the_first_wait() -> None:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise KeyboardInterrupt

    game = kuhn()
    settings = settings_for(game, 2, kernel="fake_kernels:counting")
    with create_training_arena(game, 2, "") as arena:
        crew = ProcessCrew(settings, arena)
        engine = Engine(settings, crew)
        engine.while_starting = stop_at_the_first_wait
        with pytest.raises(KeyboardInterrupt), engine:
            pytest.fail("the engine was entered")
        assert asked == 3
        assert crew.pids == ()
