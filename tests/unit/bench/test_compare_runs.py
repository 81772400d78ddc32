"""The comparison of saved benchmark runs that ``nox -s bench`` ends with."""

from __future__ import annotations

import json

import pytest
from loaded_files import loaded


@pytest.fixture(scope="module")
def compare_runs():
    with loaded("benchmarks/compare_runs.py") as module:
        yield module


def save(directory, number, median, calibration, machine="aa") -> None:
    run = {
        "datetime": f"2030-01-0{number}",
        "machine_info": {"cfr_shm": {"id": machine}},
        "benchmarks": [
            {
                "fullname": "bench_x.py::test_y",
                "stats": {"median": median},
                "extra_info": {"calibration_seconds": calibration},
            }
        ],
    }
    path = directory / "Linux" / f"000{number}_run.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(run))


@pytest.mark.parametrize(
    ("median", "calibration", "status"),
    [(1.05, 1.0, 0), (1.2, 1.0, 1), (1.2, 1.2, 0), (1.5, 1.2, 1), (1.05, 0.8, 0), (0.5, 1.0, 0)],
)
def test_a_slow_down_fails_unless_the_machine_explains_it(
    compare_runs, tmp_path, median, calibration, status
):
    save(tmp_path, 1, 9.0, 1.0)
    save(tmp_path, 2, 1.0, 1.0)
    save(tmp_path, 3, median, calibration)
    assert compare_runs.main(tmp_path) == status


def test_only_the_same_machine_is_compared(compare_runs, tmp_path, capsys):
    assert compare_runs.main(tmp_path) == 0
    save(tmp_path, 1, 1.0, 1.0, machine="other")
    save(tmp_path, 2, 9.0, 1.0)
    (tmp_path / "broken.json").write_text("{")
    assert compare_runs.main(tmp_path) == 0
    assert "nothing to compare" in capsys.readouterr().out
