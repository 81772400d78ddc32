"""``cfr-shm doctor``: one whole examination, and what each ailment is told to do about it."""

from __future__ import annotations

import json
import re

import pytest

from cfr_shm.cli import main as cli
from cfr_shm.errors import WorkerError
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.machine.cores import CoreLimit
from cfr_shm.memory.limits import Limit
from cfr_shm.run import doctor
from cfr_shm.run.resources import note_on_pages


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_BYTES", 1 << 16)
    monkeypatch.setattr(doctor, "PROBE_TOUCHES", 1000)
    monkeypatch.setattr(doctor, "ROUND_TRIPS", 3)
    monkeypatch.setattr(doctor, "LINE_TURNS", 10)
    # pytest has threads of its own, which must not be forked.
    monkeypatch.setattr(doctor, "_start_methods", lambda: ["spawn"])


def findings_of(capsys) -> dict[str, dict[str, str]]:
    return {f["name"]: f for f in json.loads(capsys.readouterr().out)["findings"]}


@pytest.mark.thorough
def test_a_whole_examination(quick, capsys):
    assert cli.main(["doctor", "--json"]) == 0
    found = findings_of(capsys)
    assert {
        "version",
        "cores",
        "memory",
        "kernel cache",
        "workers by spawn",
        "random access",
    } < set(found)
    assert re.search(r"round trip \d+ us", found["workers by spawn"]["found"])
    assert all(bool(f["remedy"]) == (f["status"] != "ok") for f in found.values())


def test_what_keeps_a_training_from_working_is_an_exit_code(quick, monkeypatch, capsys):
    def fail(method):
        raise WorkerError("worker 0 was killed by SIGKILL")

    monkeypatch.setattr(doctor, "_round_trip", fail)
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "bad   workers by spawn" in out
    assert "remedy: see 'workers' in docs/troubleshooting.md" in out


@pytest.mark.parametrize(
    ("obtained", "status"), [(1 << 25, "ok"), (1 << 24, "ok"), (1 << 21, "warn"), (0, "warn")]
)
def test_huge_pages_are_what_a_probe_obtained(monkeypatch, obtained, status):
    monkeypatch.setattr(doctor.Arena, "huge_page_bytes", lambda _arena: obtained)
    (finding,) = doctor._huge_pages()
    assert finding.status == status
    assert "of a probe of 32 MiB" in finding.found
    assert ("remount,huge=advise /dev/shm" in finding.remedy) == (status == "warn")


def test_a_run_tells_of_the_pages_of_a_large_table():
    assert note_on_pages(99 << 20, 0) == ""
    assert note_on_pages(1 << 30, None) == ""
    assert note_on_pages(1 << 30, 1 << 30) == "1 GiB of 1 GiB in shared memory by huge pages"
    assert "remount,huge=advise /dev/shm" in note_on_pages(1 << 30, 1 << 21)


def test_where_huge_pages_cannot_be_seen_nothing_is_said(monkeypatch):
    monkeypatch.setattr(doctor.Arena, "huge_page_bytes", lambda _arena: None)
    assert list(doctor._huge_pages()) == []
    monkeypatch.setattr(doctor, "HUGE_PROBE_BYTES", 1 << 50)
    assert list(doctor._huge_pages()) == []


@pytest.mark.parametrize(("room", "status"), [(4 << 30, "ok"), (60 << 20, "warn"), (-5, "bad")])
def test_room(room, status):
    finding = doctor._room("/dev/shm", Limit("/dev/shm", room, "enlarge it"))
    assert finding.status == status
    assert finding.remedy == ("" if status == "ok" else "enlarge it")


@pytest.mark.parametrize("state", ["warm", "cold", "damaged", "unusable"])
def test_the_kernel_cache(monkeypatch, state):
    monkeypatch.setattr(doctor, "cache_state", lambda: state)
    (finding,) = doctor._cache()
    assert finding.status == ("ok" if state == "warm" else "warn")


@pytest.mark.parametrize("cores", [1, 2])
def test_a_line_between_cores_needs_two_of_them(quick, monkeypatch, cores):
    monkeypatch.setattr(doctor, "usable_cores", lambda: cores)
    monkeypatch.setattr(doctor, "_workers", lambda method: doctor.Finding(method, "ok", "ready"))
    found = {finding.name: finding.found for finding in doctor.examine(lambda _said: None)}
    measured = cores > 1 and not JIT_DISABLED
    assert ("between cores" in found) == measured
    assert not measured or re.fullmatch(r"\d+ ns for a cache line, one way", found["between cores"])


def test_fewer_cores_than_there_are(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    limit = CoreLimit("SLURM_CPUS_PER_TASK=4", 4, "ask for more")
    monkeypatch.setattr(doctor, "deciding_limit", lambda: limit)
    cores = next(iter(doctor._cores()))
    assert cores.status == "warn"
    assert cores.found == "4 of 64 usable: SLURM_CPUS_PER_TASK=4 decides"
    assert cores.remedy == "ask for more"
