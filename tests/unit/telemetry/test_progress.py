"""Telemetry: the progress line, what a terminal sees, log.txt, metrics.jsonl and the broadcast."""

from __future__ import annotations

import io
import json
import os
import threading
from itertools import islice

import pytest

from cfr_shm.telemetry import events, tensorboard
from cfr_shm.telemetry.events import Broadcast, Evaluated, Progress, RunEnded, Warned
from cfr_shm.telemetry.metrics import MetricsLog
from cfr_shm.telemetry.progress import Display, LogFile, describe, due_times, progress_line
from cfr_shm.telemetry.samples import Sampler, frame_of


def progress(iterations: int = 10_000, *, due: bool = True, **changes) -> Progress:
    fields = {
        "due": due,
        "iterations": iterations,
        "nodes": 70 * iterations,
        "seconds": 2.0,
        "iterations_per_second": 45210.4,
        "nodes_per_second": 3e6,
        "utility": 0.01234,
        "workers": 8,
        "busy_fraction": (0.99,) * 8,
        "user_cpu_seconds": 15.0,
        "system_cpu_seconds": 0.1,
        "system_cpu_fraction": 0.006,
        "voluntary_context_switches": 12,
        "involuntary_context_switches": 3,
        "context_switches_per_second": 7.5,
        "utility_moving_average": 0.02,
    }
    return Progress(**(fields | changes))


EVALUATED = Evaluated(10_000, 2.0, 0.0123, 0.0246, "chips", "best response")
ENDED = RunEnded(
    "interrupted", "leduc", "runs/x", 10_000, 2.0, 5000.0, 3e5, 8, 0.01, 0.0123, "chips", "exact"
)


MEASURED = events.TableMeasured(
    10_000,
    2.0,
    events.StreetMeasured(288, 280, 0.01, 0.5),
    (events.StreetMeasured(18, 18, 0.02, 0.6), events.StreetMeasured(270, 262, None, 0.4)),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_line_reads_as_promised():
    assert progress_line(progress()) == "Iteration 10000 (45,210 iter/s) utility 0.0123 workers 8"


def test_progress_is_due_early_in_long_intervals_only():
    assert list(islice(due_times(30.0), 4)) == [5.0, 10.0, 30.0, 60.0]
    assert list(islice(due_times(7.0), 3)) == [5.0, 7.0, 14.0]
    assert list(islice(due_times(0.5), 3)) == [0.5, 1.0, 1.5]


def test_a_file_gets_plain_lines_at_the_end_of_intervals():
    stream = io.StringIO()
    display = Display(stream)
    display(progress(1, due=False))
    display(progress(2))
    display(EVALUATED)
    display(ENDED)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Iteration 2 (45,210 iter/s) utility 0.0123 workers 8"
    assert lines[1].startswith("interrupted: 10,000 iterations of leduc in 2.0 s")
    assert "exploitability: 0.012300 chips (exact)" in lines
    assert "to go on: cfr-shm resume runs/x" in lines
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_terminal_gets_one_line_that_overwrites_itself_four_times_a_second():
    stream, clock = Terminal(), Clock()
    display = Display(stream, environment={}, clock=clock)
    for step in range(9):
        clock.now = 100.0 + step * 0.125
        display(progress(step, due=False))
    assert stream.getvalue().count("Iteration") == 5
    assert "\n" not in stream.getvalue()
    display(Warned("look"))
    assert stream.getvalue().endswith("\r\x1b[K\x1b[33mlook\x1b[0m\n")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(environment):
    stream = Terminal()
    Display(stream, environment=environment)(Warned("look"))
    assert stream.getvalue() == "look\n"


def test_levels_hide_what_is_less_important():
    stream = io.StringIO()
    display = Display(stream, "warning")
    display(progress())
    display(Warned("look"))
    display(ENDED)
    assert stream.getvalue() == "look\n"
    debug = io.StringIO()
    Display(debug, "debug")(EVALUATED)
    assert "exploitability 0.012300 chips" in debug.getvalue()


def test_results_go_where_results_are_wanted():
    stream, results = Terminal(), io.StringIO()
    display = Display(stream, "error", results=results, environment={})
    display(progress(due=False))
    display(ENDED)
    assert stream.getvalue() == ""
    assert results.getvalue() == describe(ENDED)[1] + "\n"


def test_every_event_has_words():
    samples = [
        events.GameImporting("importing"),
        events.KernelsCompiling("compiling"),
        events.KernelsReady(12.0, True),
        events.RunStarted("leduc", "runs/x", 1, False, 5 << 20, 7, None, None),
        progress(),
        events.CheckpointBegun(7, 5 << 30),
        events.CheckpointSaved("runs/x/checkpoints/7", 7, 0.1),
        events.CheckpointFailed("disk full", 7),
        EVALUATED,
        events.QualityMeasured(7, 2.0, "river", "mbb", 9.0, 8.0, 10.0, 40, "7"),
        MEASURED,
        Warned("look"),
        ENDED,
        events.Noted("3 players"),
        events.RunFailed("worker 0 died"),
    ]
    assert {type(sample) for sample in samples} == set(events.Event.__args__)
    for sample in samples:
        level, text = describe(sample)
        assert level in ("debug", "info", "warning", "error")
        assert text


def test_log_file_stamps_each_line_and_appends(tmp_path):
    path = tmp_path / "log.txt"
    for _ in range(2):
        log = LogFile(path)
        log(progress(due=False))
        log(ENDED)
        log.close()
    lines = path.read_text().splitlines()
    assert len(lines) == 2 * len(describe(ENDED)[1].splitlines())
    assert all(line.split()[1] == "info" for line in lines)


def test_a_log_file_of_objects(tmp_path):
    path = tmp_path / "log.txt"
    log = LogFile(path, "debug", "json")
    log(progress(utility=float("nan")))
    log(ENDED)
    log.close()
    first, last = map(json.loads, path.read_text().splitlines())
    assert (first["level"], first["event"]) == ("info", "Progress")
    assert first["data"]["iterations"] == 10_000
    assert first["data"]["utility"] is None
    assert first["text"].startswith("Iteration 10000")
    assert last["text"].count("\n") > 2


def test_processes_are_looked_at_once_in_each_interval(tmp_path, monkeypatch):
    monkeypatch.setattr("cfr_shm.telemetry.metrics.LEAST_FRAME_SECONDS", 0.0)
    log = MetricsLog(tmp_path / "metrics.jsonl", sampler=Sampler(os.getpid()))
    for due in (False, False, True, False, True):
        log(progress(due=due))
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["interval", "processes"] * 2
    assert frame_of(lines[1]).processes[0].pid == os.getpid()


def test_metrics_are_one_object_per_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path, clock=lambda: 1000.1234)
    log(progress(due=False))
    log(progress(utility=float("nan")))
    log(EVALUATED)
    log(Warned("not a metric"))
    log.close()
    interval, evaluation = map(json.loads, path.read_text().splitlines())
    assert interval["kind"] == "interval"
    assert interval["time"] == 1000.123
    assert interval["iterations"] == 10_000
    assert interval["utility"] is None
    assert "due" not in interval
    assert evaluation["kind"] == "evaluation"
    assert evaluation["exploitability"] == 0.0123


def test_a_line_cut_short_spoils_itself_alone(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "interval", "iter')
    log = MetricsLog(path)
    log(EVALUATED)
    log.close()
    assert json.loads(path.read_text().splitlines()[1])["kind"] == "evaluation"


class Failing:
    name = "to the terminal"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, event) -> None:
        self.calls += 1
        raise OSError(5, "Input/output error")


def test_a_listener_that_cannot_write_is_reported_once_and_ends_nothing():
    heard: list[object] = []
    failing = Failing()
    broadcast = Broadcast([failing, heard.append])
    broadcast(EVALUATED)
    broadcast(EVALUATED)
    warnings = [event for event in heard if isinstance(event, Warned)]
    assert [warning.text for warning in warnings] == [
        "cannot write to the terminal: Input/output error; training goes on"
    ]
    assert heard.count(EVALUATED) == 2
    assert failing.calls >= 2


def test_events_from_many_threads_come_one_at_a_time():
    running, seen = threading.Lock(), []

    def listener(event) -> None:
        assert running.acquire(blocking=False)
        seen.append(event)
        running.release()

    broadcast = Broadcast([listener])
    threads = [
        threading.Thread(target=lambda: [broadcast(EVALUATED) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 200


def test_tensorboard_tags():
    assert tensorboard.scalars_of(EVALUATED) == {"Training/Exploitability": 0.0123}
    assert tensorboard.scalars_of(progress(due=False)) == {}
    assert tensorboard.scalars_of(progress()) == {
        "Performance/IterationsPerSecond": 45210.4,
        "Performance/NodesPerSecond": 3e6,
        "Performance/WorkerBusyFraction": pytest.approx(0.99),
        "Performance/SystemCpuFraction": 0.006,
        "Performance/ContextSwitchesPerSecond": 7.5,
        "Training/Utility": 0.01234,
        "Training/UtilityMovingAvg": 0.02,
    }
    exploring = tensorboard.scalars_of(progress(epsilon=0.6))
    assert exploring["Training/Epsilon"] == 0.6
    assert tensorboard.scalars_of(MEASURED) == {
        "Training/InfosetsVisited": 280.0,
        "Training/PolicyEntropy": 0.5,
        "Training/AverageRegretNorm": 0.01,
        "Training/InfosetsVisited/Street0": 18.0,
        "Training/PolicyEntropy/Street0": 0.6,
        "Training/AverageRegretNorm/Street0": 0.02,
        "Training/InfosetsVisited/Street1": 262.0,
        "Training/PolicyEntropy/Street1": 0.4,
    }


def test_tensorboard_asked_for_and_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(tensorboard.UsageError, match=r"pip install 'cfr-shm\[tb\]'"):
        tensorboard.require_tensorboard()


def test_tensorboard_files_read_back(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = tensorboard.TensorBoardLog(tmp_path)
    log(progress())
    log(EVALUATED)
    log(MEASURED)
    log.close()
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    assert accumulator.Scalars("Training/Exploitability")[0].step == 10_000
    assert accumulator.Scalars("Performance/NodesPerSecond")[0].value == pytest.approx(3e6)
    assert accumulator.Scalars("Training/PolicyEntropy/Street1")[0].value == pytest.approx(0.4)
    assert accumulator.Scalars("Training/UtilityMovingAvg")[0].value == pytest.approx(0.02)
    assert accumulator.Scalars("Performance/ContextSwitchesPerSecond")[0].value == 7.5


def test_the_log_has_a_line_for_each_rank(tmp_path):
    ranks = (
        events.RankProgress(0, "left", 64, 5_000, 2500.4),
        events.RankProgress(1, "right\x1b[2J", 1, 4_000, 2000.0),
    )
    log = LogFile(tmp_path / "log.txt")
    log(progress(ranks=ranks, exchanges=3, exchange_seconds=0.25))
    log(progress())
    log.close()
    lines = [each.partition(" ")[2] for each in (tmp_path / "log.txt").read_text().splitlines()]
    assert lines[1:4] == [
        "info rank 0 on left: 2,500 iter/s, 5,000 iterations, 64 workers",
        "info rank 1 on right\\x1b[2J: 2,000 iter/s, 4,000 iterations, 1 worker",
        "info 3 exchanges in 0.2 s",
    ]
    assert len(lines) == 5
