"""Benchmarks and tools, which are no part of the package, loaded from their files."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def loaded(path: str) -> Iterator[ModuleType]:
    """Load a file, named from the project's root; others can import it for as long."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, _ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    try:
        yield module
    finally:
        del sys.modules[name]
