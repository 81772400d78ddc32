"""No module of the package imports itself by way of others, imports within functions included."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "cfr_shm"


def modules(package: Path) -> dict[str, Path]:
    """The files of a package by the name of their module."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> dict[str, set[str]]:
    """What each module of a package imports of the package, anywhere in its text.

    Only for a type checker does not count: it is never run.
    """
    files = modules(package)
    found = {}
    for name, path in files.items():
        tree = ast.parse(path.read_text())
        typing_only = {
            id(each)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            for statement in node.body
            for each in ast.walk(statement)
        }
        named: set[str] = set()
        for node in ast.walk(tree):
            if id(node) in typing_only:
                continue
            if isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                for alias in node.names:
                    below = f"{node.module}.{alias.name}"
                    named.add(below if below in files else str(node.module))
        found[name] = {each for each in named if each in files and each != name}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of a graph, as names of which each imports the next; none if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # The sorter names who is imported first.
        return list(reversed(error.args[1]))
    return []


def test_no_module_imports_itself_by_way_of_others():
    graph = imports(PACKAGE)
    assert "cfr_shm.engine.coordinator" in graph["cfr_shm.run.resources"]
    assert circle(graph) == []


@pytest.mark.parametrize("late", ["", "    "], ids=["at the top", "within a function"])
def test_a_circle_is_found_wherever_the_import_stands(tmp_path, late):
    package = tmp_path / "one"
    (package / "room").mkdir(parents=True)
    for directory in (package, package / "room"):
        (directory / "__init__.py").write_text("")
    (package / "room" / "first.py").write_text("from one.room import second\n")
    (package / "room" / "second.py").write_text("import one.third\n")
    head = "def later():\n" if late else ""
    (package / "third.py").write_text(f"{head}{late}from one.room.first import second\n")
    assert set(circle(imports(package))) == {"one.room.first", "one.room.second", "one.third"}
    (package / "third.py").write_text("")
    assert circle(imports(package)) == []


def test_what_only_a_type_checker_imports_is_no_circle(tmp_path):
    package = tmp_path / "one"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text("import one.second\n")
    (package / "second.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import one.first\n"
    )
    assert circle(imports(package)) == []
