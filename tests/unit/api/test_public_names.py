"""What ``import cfr_shm`` offers, and what it costs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cfr_shm

ROOT = Path(__file__).resolve().parents[3]


def test_there_are_at_most_a_dozen_names_and_each_says_what_it_is():
    assert len(cfr_shm.__all__) == len(set(cfr_shm.__all__)) <= 12
    assert cfr_shm.__all__ == sorted(cfr_shm.__all__)
    assert set(cfr_shm.__all__) <= set(dir(cfr_shm))
    for name in cfr_shm.__all__:
        assert inspect.getdoc(getattr(cfr_shm, name)), name


def test_the_documentation_names_them_all():
    text = (ROOT / "docs" / "python.md").read_text()
    listed = [line for line in text.splitlines() if line.startswith("| `")]
    assert all(any(f"`{name}" in line for line in listed) for name in cfr_shm.__all__)


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'trane'"):
        cfr_shm.trane  # noqa: B018


def imported_by(statement: str) -> set[str]:
    program = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "statement",
    [
        "import cfr_shm",
        "from cfr_shm import CfrShmError",
        "import cfr_shm; cfr_shm.load_config('leduc', {'run.seed': 1})",
    ],
)
def test_importing_it_imports_neither_numpy_nor_numba(statement):
    there = imported_by(statement)
    assert "cfr_shm" in there
    assert not there & {
        "numba",
        "numpy",
        "llvmlite",
        "psutil",
        "rich",
        "multiprocessing",
        "matplotlib",
    }


def test_importing_it_imports_nothing_but_itself():
    assert imported_by("import cfr_shm") - imported_by("pass") <= {"cfr_shm", "__future__"} | set(
        sys.stdlib_module_names
    )


def test_the_types_are_shipped():
    assert (ROOT / "cfr_shm" / "py.typed").is_file()
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "py.typed" in setup["package-data"]["cfr_shm"]
