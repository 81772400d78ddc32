"""Shared by the benchmarks: rates taken in turns, and a table of ratios at the end."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from cfr_shm.bench.calibration import Calibration
from cfr_shm.bench.results import machine_description

#: Times that the calibration loop runs before and after each benchmark.
CALIBRATIONS = 5

#: Turns that each side of a comparison gets; the medians are compared.
ROUNDS = 5


@dataclass(frozen=True)
class Figure:
    """One line of the closing table."""

    name: str
    measured: str
    wanted: str
    met: bool | None


_FIGURES: list[Figure] = []


class Scoreboard:
    """Collects what the benchmarks measured; nothing here fails a run."""

    def at_least(self, name: str, measured: float, wanted: float, unit: str = "x") -> None:
        """Note a figure that should not be smaller than ``wanted``."""
        self._note(name, measured, wanted, unit, ">=", measured >= wanted)

    def at_most(self, name: str, measured: float, wanted: float, unit: str = "") -> None:
        """Note a figure that should not be larger than ``wanted``."""
        self._note(name, measured, wanted, unit, "<=", measured <= wanted)

    def note(self, name: str, measured: float, unit: str = "") -> None:
        """Note a figure that has no target."""
        _FIGURES.append(Figure(name, f"{measured:,.4g} {unit}", "", None))

    @staticmethod
    def _note(
        name: str, measured: float, wanted: float, unit: str, relation: str, met: bool
    ) -> None:
        _FIGURES.append(
            Figure(name, f"{measured:,.4g} {unit}", f"{relation} {wanted:g} {unit}", met)
        )


@pytest.fixture(scope="session")
def calibration() -> Calibration:
    """A loop that never changes, compiled once."""
    return Calibration()


@pytest.fixture(autouse=True)
def _calibrated(request: pytest.FixtureRequest, calibration: Calibration) -> Iterator[None]:
    """Keep with each benchmark how long the calibration loop took beside it."""
    if "benchmark" not in request.fixturenames:
        yield
        return
    benchmark = request.getfixturevalue("benchmark")
    times = [seconds(calibration) for _ in range(CALIBRATIONS)]
    yield
    times += [seconds(calibration) for _ in range(CALIBRATIONS)]
    benchmark.extra_info["calibration_seconds"] = statistics.median(times)


def pytest_benchmark_update_machine_info(machine_info: dict[str, object]) -> None:
    """Describe the machine, so that only runs of the same one are compared."""
    machine_info["cfr_shm"] = machine_description()


@pytest.fixture
def scoreboard() -> Scoreboard:
    """Where a benchmark notes its ratios."""
    return Scoreboard()


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes, in seconds of this thread's wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return each work's median time in seconds, taken in turns so that noise hits all alike."""
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            taken.append(seconds(work))
    return [statistics.median(taken) for taken in times]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of figures."""
    if not _FIGURES:
        return
    terminalreporter.section(f"figures on {platform.machine()}, Python {platform.python_version()}")
    width = max(len(figure.name) for figure in _FIGURES)
    for figure in _FIGURES:
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
        terminalreporter.write_line(
            f"{figure.name:<{width}}  {figure.measured:>16}  {figure.wanted:<14} {verdict}"
        )
