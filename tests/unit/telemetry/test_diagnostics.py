"""Verdicts, sampling of live processes, and what a run's records tell."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

from cfr_shm.cli import main as cli
from cfr_shm.errors import CfrShmError, UsageError
from cfr_shm.telemetry import plots, samples
from cfr_shm.telemetry.diagnosis_text import diagnosis_lines
from cfr_shm.telemetry.diagnostics import Diagnosis, Points, diagnose, relative_drift
from cfr_shm.telemetry.recorded import diagnose_run
from cfr_shm.telemetry.samples import Frame, MachineUse, ProcessUse, Sampler, frame_between
from cfr_shm.telemetry.watch import watch_process

MACHINE = MachineUse(2, 0.6, 0.01, 0.0, None)


def use(pid: int, role: str = "child", **changes) -> ProcessUse:
    healthy = ProcessUse(pid, role, 0.998, 0.001, 2.0, 5.0, 0.0, 0.1, 50 << 20, 8 << 20)
    return dataclasses.replace(healthy, **changes)


MAIN = use(1, "main", user_fraction=0.001, voluntary_per_second=6.0)


def frames(*processes: ProcessUse, count: int = 5, machine: MachineUse = MACHINE) -> list[Frame]:
    return [Frame(1000.0 + i, 1.0, (MAIN, *processes), machine) for i in range(count)]


def verdict(diagnosis: Diagnosis, name: str):
    return next(each for each in diagnosis.verdicts if each.name == name)


def test_a_healthy_tree():
    diagnosis = diagnose("x", frames(use(2), use(3)))
    assert diagnosis.is_healthy
    assert {v.name: v.status for v in diagnosis.verdicts} == {
        "system CPU": "ok",
        "idle wake-ups": "unknown",
        "busy": "ok",
        "rate drift": "unknown",
        "main wake-ups": "ok",
        "alive": "ok",
    }


@pytest.mark.parametrize(
    ("processes", "name", "cause"),
    [
        ((use(2, system_fraction=0.2),), "system CPU", "polling"),
        ((use(2, user_fraction=0, voluntary_per_second=10.0),), "idle wake-ups", "every 100 ms"),
        ((use(2, user_fraction=0.7),), "busy", "workers wait"),
        ((use(2, user_fraction=0.0, voluntary_per_second=0.0),), "alive", "deadlock"),
        ((use(2), use(1, "main", voluntary_per_second=800.0)), "main wake-ups", "milliseconds"),
    ],
)
def test_each_ailment_is_named_with_cause_and_remedy(processes, name, cause):
    observed = frames(*processes)
    if processes[-1].role == "main":
        observed = [dataclasses.replace(f, processes=f.processes[1:]) for f in observed]
    diagnosis = diagnose("x", observed)
    found = verdict(diagnosis, name)
    assert found.status == "bad"
    assert cause in found.cause
    assert found.remedy
    assert any(line.startswith("  remedy:") for line in diagnosis_lines(diagnosis))


def test_a_sawtooth_is_told_from_a_shared_machine():
    up, down = frames(use(2), count=1), frames(use(2, user_fraction=0.05), count=1)
    assert "stop and go" in verdict(diagnose("x", (up + down) * 4), "busy").cause
    full = dataclasses.replace(MACHINE, busy_fraction=1.0)
    crowded = diagnose("x", frames(use(2, user_fraction=0.6), machine=full))
    assert "shared" in verdict(crowded, "busy").cause


def test_drift_is_judged_along_a_line_and_blamed_on_the_cores_or_on_others():
    assert relative_drift(Points((0, 1, 2), (1, 2, 3))) is None
    slower = Points((0, 1, 2, 3), (110, 105, 95, 90))
    steady = Points((0, 1, 2, 3), (100, 101, 100, 100))
    assert verdict(diagnose("x", [], rate=steady), "rate drift").status == "ok"
    own = verdict(diagnose("x", [], rate=slower, cpu_rate=slower), "rate drift")
    others = verdict(diagnose("x", [], rate=slower, cpu_rate=steady), "rate drift")
    assert own.status == others.status == "bad"
    assert own.value == pytest.approx(-0.21)
    assert "slower" in own.cause
    assert "share of the cores" in others.cause


def test_a_moment_is_too_short_to_call_anybody_idle():
    (frame,) = frames(use(2, user_fraction=0.0, voluntary_per_second=500.0), count=1)
    short = dataclasses.replace(frame, seconds=0.002)
    assert verdict(diagnose("x", [short]), "idle wake-ups").status == "unknown"


def test_frames_survive_json():
    (frame,) = frames(use(2, migrations_per_second=None), count=1)
    assert samples.frame_of(json.loads(json.dumps(frame.as_dict()))) == frame


SLEEPER = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
POLLER = "import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.02)"


@pytest.fixture
def processes():
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> int:
        started.append(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE))
        started[-1].stdout.readline()
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_live_processes_idle_and_polling(processes):
    sleeper, poller = processes(SLEEPER), processes(POLLER)
    time.sleep(0.5)
    diagnosis = watch_process(os.getpid(), seconds=1.2, interval=0.6)
    wake_ups = {p.pid: p.voluntary_per_second for p in diagnosis.processes}
    assert wake_ups[sleeper] == 0.0
    assert wake_ups[poller] > 5.0
    assert verdict(diagnosis, "idle wake-ups").status == "bad"


def test_sampling_stretches_its_interval_rather_than_cost_too_much():
    sampler = Sampler(os.getpid())
    sampler.snapshot()
    assert sampler.cost_seconds > 0
    wanted = sampler.interval(0.0)
    assert sampler.cost_seconds / wanted == pytest.approx(samples.COST_LIMIT)


def test_a_process_that_ends_is_left_out(processes):
    pid = processes(SLEEPER)
    sampler = Sampler(os.getpid())
    first = sampler.snapshot()
    assert pid in {process.pid for process in first.processes}
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    second = sampler.snapshot()
    assert pid not in {process.pid for process in second.processes}
    frame = frame_between(first, second)
    assert frame is not None
    assert pid not in {process.pid for process in frame.processes}
    assert frame_between(second, second) is None


def test_a_pid_that_is_gone(processes):
    pid = processes("pass")
    os.waitpid(pid, 0)
    with pytest.raises(UsageError, match="there is no such process"):
        watch_process(pid, 1.0, 0.1)


def test_a_pid_that_is_not_ours(monkeypatch):
    def refuse(process):
        raise samples.psutil.AccessDenied(process.pid)

    monkeypatch.setattr("psutil.Process.cpu_times", refuse)
    with pytest.raises(UsageError, match="belongs to another user"):
        Sampler(os.getpid())


def test_a_process_that_ends_before_anything_was_seen(processes):
    pid = processes(SLEEPER)

    def end_it(_seconds: float) -> None:
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)

    with pytest.raises(CfrShmError, match="ended before"):
        watch_process(pid, 1.0, 0.1, sleep=end_it)


def interval(second: int, rate: float = 1000.0, **changes) -> dict[str, object]:
    line = {
        "kind": "interval",
        "seconds": float(second),
        "iterations": rate * second,
        "user_cpu_seconds": 2.0 * second,
        "system_cpu_seconds": 0.01 * second,
        "busy_fraction": [0.999, 0.998],
    }
    return line | changes


def write_metrics(directory, lines) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (directory / "metrics.jsonl").write_text(text + '{"kind": "inter')


def test_a_runs_records_are_judged_from_its_last_start(tmp_path):
    (frame,) = frames(use(2), use(3), count=1)
    before = [interval(s, user_cpu_seconds=100.0 + s, busy_fraction=[0.1]) for s in range(1, 4)]
    after = [interval(s) for s in range(10, 70, 10)]
    after[0] |= {"user_cpu_seconds": 0.1, "system_cpu_seconds": 0.0}
    write_metrics(
        tmp_path, [*before, *after, {"kind": "processes", **frame.as_dict()}, {"kind": 3}]
    )
    diagnosis = diagnose_run(tmp_path)
    assert diagnosis.is_healthy
    assert diagnosis.busy == (0.999, 0.998)
    assert len(diagnosis.rate.value) == 5
    assert verdict(diagnosis, "rate drift").value == pytest.approx(0.0, abs=1e-9)
    assert {p.pid for p in diagnosis.processes} == {1, 2, 3}


@pytest.mark.parametrize(
    ("restarts", "status", "measured"),
    [([0, 0], "ok", "0"), ([0, 2, 1], "bad", "3 (worker 1: 2, worker 2: 1)")],
)
def test_replaced_workers_are_told_of(tmp_path, restarts, status, measured):
    write_metrics(tmp_path, [interval(s, worker_restarts=restarts) for s in range(10, 70, 10)])
    found = verdict(diagnose_run(tmp_path), "workers replaced")
    assert (found.status, found.measured) == (status, measured)


@pytest.mark.parametrize("content", [None, "", "no json\n[1]\n"])
def test_runs_without_metrics_are_refused_in_one_line(tmp_path, content, capsys):
    if content is not None:
        (tmp_path / "metrics.jsonl").write_text(content)
    assert cli.main(["diagnose", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "nothing to diagnose" in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "either a run directory or --pid"),
        (["runs/x", "--pid", "1"], "either a run directory or --pid"),
        (["no/such/run"], "no such run directory"),
        (["--pid", "0"], "--pid is 0"),
        (["--pid", "1", "--seconds", "0"], "--seconds is 0; expected 1 to"),
        (["--pid", "1", "--interval", "nan"], "--interval is nan"),
    ],
)
def test_bad_arguments(arguments, expected, capsys):
    assert cli.main(["diagnose", *arguments]) == 2
    assert expected in capsys.readouterr().err


def test_the_command_prints_a_table_or_one_document_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    (frame,) = frames(use(2), count=1)
    lines = [interval(s) for s in range(10, 70, 10)]
    write_metrics(tmp_path, [*lines, {"kind": "processes", **frame.as_dict()}])
    picture = tmp_path / "plot.png"
    assert cli.main(["diagnose", str(tmp_path), "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "idle wake-ups" in capsys.readouterr().out
    assert cli.main(["diagnose", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["healthy"] is True
    assert math.isclose(document["verdicts"][2]["value"], 0.998)
    assert cli.main(["diagnose", str(tmp_path), "--plot", str(tmp_path / "no" / "x.png")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_plot_without_matplotlib(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'cfr-shm\[plots\]'"):
        plots.require_matplotlib("--plot")
