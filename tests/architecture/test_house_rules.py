"""The house rules that a program can check: sizes, decorators, recursion, docstrings, words."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cfr_shm"
MODULES = sorted(PACKAGE.rglob("*.py"))
KERNELS = sorted((PACKAGE / "kernels").rglob("*.py"))
DECORATORS = {"kernel", "device", "swept", "outlined"}


def name_of(path):
    return str(path.relative_to(ROOT))


def functions(path):
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function):
    """Lines of a function without its docstring."""
    doc = ast.get_docstring(function, clean=False)
    documented = doc.count("\n") + 1 if doc else 0
    return function.end_lineno - function.lineno + 1 - documented


def compiled(path):
    for function in functions(path):
        names = {d.id for d in function.decorator_list if isinstance(d, ast.Name)}
        if names & DECORATORS:
            yield function, names


def public(scope):
    """Yield the classes and functions that others may use: no name on the way is private."""
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) <= 500
    limit = 120 if path in KERNELS else 40
    assert {f.name: length(f) for f in functions(path) if length(f) > limit} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_have_docstrings(path):
    assert [
        node.name for node in public(ast.parse(path.read_text())) if not ast.get_docstring(node)
    ] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_one_module_uses_numbas_decorators(path):
    if path.name == "jit.py":
        return
    assert not re.search(r"\b(numba\.)?(njit|vectorize|guvectorize|cfunc)\b", path.read_text())


@pytest.mark.parametrize("path", KERNELS, ids=name_of)
def test_kernels_take_few_arguments_do_not_raise_and_do_not_recurse(path):
    for function, names in compiled(path):
        if "kernel" in names:
            assert len(function.args.args) <= 8, function.name
        calls = {
            node.func.id
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert function.name not in calls
        assert not [
            n for n in ast.walk(function) if isinstance(n, ast.Raise | ast.Assert | ast.Try)
        ]


@pytest.mark.parametrize(
    "path", [p for p in KERNELS if p.parent.name in ("parts", "tables", "training")], ids=name_of
)
def test_kernels_say_what_they_take_and_return(path):
    for function, names in compiled(path):
        if "kernel" in names:
            assert [each.arg for each in function.args.args if each.annotation is None] == []
            assert function.returns is not None, function.name


def test_whatever_trains_is_called_in_one_way():
    """As ``kernel(views, task, result)``; a task says which iterations to run."""
    found = {}
    for path in KERNELS:
        for function, names in compiled(path):
            arguments = [each.arg for each in function.args.args]
            if "kernel" in names and "task" in arguments:
                found[function.name] = arguments
    assert {"external_sampling", "full_width", "outcome_sampling_frozen"} <= found.keys()
    assert {*map(tuple, found.values())} == {("views", "task", "result")}


def test_every_fault_that_a_run_must_survive_has_a_test_of_its_name():
    tests = Path(__file__).resolve().parents[1]
    told = [
        int(row)
        for row in re.findall(r"(?m)^\| (\d+) \|", (ROOT / "docs" / "reliability.md").read_text())
    ]
    assert told == list(range(1, len(told) + 1))
    found = set()
    for path in tests.rglob("test_*.py"):
        for names in re.findall(r"def test_row_((?:\d\d_(?:and_)?)+)", path.read_text()):
            found.update(int(row) for row in re.findall(r"\d\d", names))
    assert found == set(told)


def test_records_hold_no_default_that_the_config_decides():
    decided = {
        "algorithms.py": {"AlgorithmSettings": set(), "Pruning": set()},
        "engine/settings.py": {"EngineSettings": {"kernel"}},  # which no key names
        "engine/discounts.py": {"DiscountPlan": set()},
        "run/setup.py": {"Settled": set()},
    }
    for name, records in decided.items():
        tree = ast.parse((PACKAGE / name).read_text())
        found = {
            record.name: {
                field.target.id
                for field in record.body
                if isinstance(field, ast.AnnAssign) and field.value is not None
            }
            for record in tree.body
            if isinstance(record, ast.ClassDef) and record.name in records
        }
        assert found == records, name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_unpickled(path):
    text = path.read_text()
    assert not re.search(
        r"\b(import pickle|pickle\.loads?|marshal|joblib|allow_pickle=True)\b", text
    )


def test_no_room_is_a_drawer_for_odds_and_ends():
    for forbidden in ("utils", "common", "helpers", "base", "manager"):
        assert not list(PACKAGE.rglob(f"{forbidden}*")), forbidden


#: What lies there may bear the name of a room's module: it is a part of the same thing.
COUNTERPARTS = ("cli", "config", "layout", "kernels")


def test_a_basename_repeats_only_as_the_counterpart_of_one_module_of_a_room():
    """As cli/<command>, or as its keys, its memory format or its kernel; never in two rooms."""
    places: dict[str, list[str]] = {}
    for path in MODULES:
        if path.stem != "__init__":
            room = path.relative_to(PACKAGE).parts[0]
            place = room if room in COUNTERPARTS else "the rooms"
            places.setdefault(f"{path.stem} in {place}", []).append(name_of(path))
    twice = {stem: paths for stem, paths in places.items() if len(paths) > 1}
    assert twice == {}, "name one of them after what it alone does"


#: Who reads JSON without the one reader: itself, what it has just written, and own memory.
READS_ITS_OWN_JSON = {
    "cfr_shm/storage/documents.py",
    "cfr_shm/storage/manifest.py",
    "cfr_shm/memory/arena.py",
    "cfr_shm/bench/incidents/replay.py",
}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_one_reader_reads_what_others_may_have_written(path):
    text = path.read_text()
    if name_of(path) not in READS_ITS_OWN_JSON:
        assert not re.search(r"\bjson\.loads?\(", text), "see storage/documents.py"
    assert not re.search(r"\byaml\.(load|safe_load|full_load|unsafe_load)\(", text)
