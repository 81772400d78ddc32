"""Benchmarks and tools, which are no part of the package, loaded from their files."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

#: The package that benchmarks import each other from.
_PACKAGE = "benchmarks"

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def loaded(path: str) -> Iterator[ModuleType]:
    """Load a file, named from the project's root; others can import it for as long."""
    with _package():
        name = Path(path).stem
        spec = importlib.util.spec_from_file_location(name, _ROOT / path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
            yield module
        finally:
            del sys.modules[name]


@contextmanager
def _package() -> Iterator[None]:
    """Let benchmarks import each other; the root is on no path: what is installed is tested."""
    before = {name for name in sys.modules if name.partition(".")[0] == _PACKAGE}
    if not before:
        home = _ROOT / _PACKAGE
        spec = importlib.util.spec_from_file_location(
            _PACKAGE, home / "__init__.py", submodule_search_locations=[str(home)]
        )
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[_PACKAGE])
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == _PACKAGE:
                del sys.modules[name]
