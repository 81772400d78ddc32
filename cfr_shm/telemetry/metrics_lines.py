"""What readers of ``metrics.jsonl`` need of its lines; lines that lack it are passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cfr_shm.errors import UsageError
from cfr_shm.storage.documents import Count, ListOf, Number, Text, read_lines, record
from cfr_shm.storage.names import METRICS

#: A tuple that begins with iterations.
Entry = TypeVar("Entry", bound=tuple[float, ...])

_AMOUNT = Number(low=0.0, high=1e18)
_SHARE = Number(low=-1e6, high=1e6)
_MAYBE = Number(low=0.0, high=1e18, optional=True)

INTERVAL = record(
    iterations=_AMOUNT,
    seconds=_AMOUNT,
    user_cpu_seconds=_AMOUNT,
    system_cpu_seconds=_AMOUNT,
    busy_fraction=ListOf(_SHARE),
    worker_restarts=ListOf(Count(), optional=True),
)

_PROCESS = record(
    pid=Count(),
    role=Text(most=40),
    user_fraction=_AMOUNT,
    system_fraction=_AMOUNT,
    voluntary_per_second=_AMOUNT,
    involuntary_per_second=_AMOUNT,
    page_faults_per_second=_MAYBE,
    migrations_per_second=_MAYBE,
    resident_bytes=Count(),
    shared_bytes=Count(optional=True),
)

_MACHINE = record(
    cores=Count(low=1, high=1 << 20),
    busy_fraction=_SHARE,
    system_fraction=_SHARE,
    stolen_fraction=_SHARE,
    kernel_task_fraction=Number(low=-1e6, high=1e6, optional=True),
)

PROCESSES = record(
    time=_AMOUNT, seconds=_AMOUNT, processes=ListOf(_PROCESS, most=1 << 16), machine=_MACHINE
)

#: For learning curves: what a point costs, and the point.
COST = record(iterations=_AMOUNT, nodes=_AMOUNT)
EVALUATION = record(
    iterations=_AMOUNT,
    seconds=_AMOUNT,
    exploitability=Number(low=-1e18, high=1e18),
    nodes=_MAYBE,
    unit=Text(most=40, optional=True),
)
QUALITY = record(
    iterations=_AMOUNT,
    seconds=_AMOUNT,
    method=Text(most=40),
    value=Number(low=-1e18, high=1e18),
    low=Number(low=-1e18, high=1e18, optional=True),
    high=Number(low=-1e18, high=1e18, optional=True),
    n=Count(optional=True),
    unit=Text(most=40),
)


def metrics_lines(directory: Path, **kinds: Any) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run's ``metrics.jsonl`` that are of these kinds.

    Raises:
        UsageError: there is no such run, or its file cannot be read.
    """
    path = directory / METRICS
    try:
        yield from read_lines(path, kinds)
    except OSError as error:
        raise UsageError(
            f"{directory}: is not a run directory ({path.name}: {error.strerror or error})"
        ) from None


def ascending(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries by iterations: what a resumed run did again replaces what was before.

    >>> ascending([(1.0, 5.0), (2.0, 4.0), (2.0, 3.0)])
    [(1.0, 5.0), (2.0, 3.0)]
    """
    kept: list[Entry] = []
    for entry in entries:
        while kept and kept[-1][0] >= entry[0]:
            kept.pop()
        kept.append(entry)
    return kept
