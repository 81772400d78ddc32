"""Results of benchmarks, kept with a description of the machine that they are from."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from cfr_shm import __version__
from cfr_shm.errors import UsageError
from cfr_shm.storage.replacing import replaced_file

#: Where results are kept in a checkout; elsewhere only ``--out`` keeps them.
RESULTS = Path("benchmarks") / "results"


def machine_description() -> dict[str, Any]:
    """Return what decides how fast this machine is, which versions ran, and the load.

    ``id`` tells machines apart; neither versions nor load are in it.
    """
    description: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
    }
    description["id"] = hashlib.sha256(json.dumps(description).encode()).hexdigest()[:8]
    description["cfr_shm"] = __version__
    description["python"] = platform.python_version()
    for package in ("numpy", "numba"):
        try:
            description[package] = version(package)
        except PackageNotFoundError:
            description[package] = "missing"
    if hasattr(os, "getloadavg"):
        description["load"] = round(os.getloadavg()[0], 2)
    return description


def results_directory(out: str | None) -> Path | None:
    """Return where to keep results: ``out``, or a checkout's own place; None: nowhere.

    Raises:
        UsageError: it cannot be written to.
    """
    if out is None:
        return RESULTS if RESULTS.is_dir() else None
    path = Path(out)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise UsageError(f"--out {out}: cannot be written to; choose another directory")
    return path


def keep_result(name: str, figures: dict[str, Any], directory: Path) -> Path:
    """Write figures with the machine's description; return the path.

    Raises:
        UsageError: the file cannot be written.
        CfrShmError: the disk refused.
    """
    machine = machine_description()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = directory / f"{name}-{machine['id']}-{stamp}.json"
    document = {"benchmark": name, "time": stamp, "machine": machine, **figures}
    with replaced_file(path) as file:
        file.write((json.dumps(document, indent=2) + "\n").encode())
    return path


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
