"""What docstrings, comments and docs name has to exist: files, modules, functions, constants."""

import ast
import builtins
import io
import itertools
import keyword
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("cfr_shm", "configs", "docs", "tests", "benchmarks", "tools", ".ci")
SOURCES = [*sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
SOURCES += [ROOT / "noxfile.py"]
#: They say what lay where before: half of what they name is gone.
OF_THE_PAST = {ROOT / "docs" / "moves.md", ROOT / "CHANGELOG.md"}
PAGES = sorted(
    path
    for pages in (ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), [ROOT / "benchmarks/README.md"])
    for path in pages
    if path not in OF_THE_PAST
)

#: What names come from that no code and no config of ours spells.
FROM_ELSEWHERE = {
    "ante_trimming_status",  # a parameter of PokerKit's
    "futex",  # a system call
    "shmem_enabled",  # a file of Linux
}

PATH = re.compile(r"(?<![\w/.~<>{}-])(?:[\w-]+/)*[\w.-]+\.(?:py|md|toml|ya?ml|jsonl|npz|png|svg)\b")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
QUOTED = re.compile(r"``([^`\n]+)``")
TICKED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCED = re.compile(r"```.*?```", re.DOTALL)
#: A name by its looks, quoted or not: with an underscore inside.
SNAKE = re.compile(r"(?<![\w./<-])_?[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w/*]|-\w)")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def name_of(path):
    return str(path.relative_to(ROOT))


@cache
def docstrings(text):
    """Return the nodes of a source's docstrings."""
    return [
        node.body[0].value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node)
    ]


@cache
def tokens(text):
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def remarks(text):
    """Yield the docstrings and the comments of a source, each with its first line's number."""
    for node in docstrings(text):
        yield node.lineno, node.value
    for token in tokens(text):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@cache
def strings(path):
    """Return all strings of a source that are no docstrings."""
    text = path.read_text()
    docs = {(node.lineno, node.col_offset) for node in docstrings(text)}
    return [t.string for t in tokens(text) if t.type in STRINGS and t.start not in docs]


@cache
def paths():
    """Return every file and folder of the project, by each end of its path."""
    found = set()
    for path in ROOT.glob("*"):
        found.add(path.name)
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            parts = path.relative_to(ROOT).parts
            found.update("/".join(parts[first:]) for first in range(len(parts)))
    return found


@cache
def words():
    """Return every name there is: of code and its strings, of configs, of files."""
    found = {*dir(builtins), *keyword.kwlist, *FROM_ELSEWHERE}
    for path in SOURCES:
        found.update(t.string for t in tokens(path.read_text()) if t.type == tokenize.NAME)
        if path != Path(__file__):  # What its strings name may be missing.
            found.update(word for string in strings(path) for word in re.findall(r"\w+", string))
    for path in [*ROOT.glob("configs/*"), ROOT / "pyproject.toml", ROOT / ".ci/run"]:
        found.update(re.findall(r"\w+", path.read_text()))
    for path in paths():
        found.update(re.findall(r"\w+", path))
    return found


@cache
def files_of_runs():
    """Return the names of files that code writes or reads, a run's ``config.yaml`` for one."""
    found = set()
    for path in SOURCES:
        for string in () if path == Path(__file__) else strings(path):
            found.update(match.group().split("/")[-1] for match in PATH.finditer(string))
    return found


@cache
def members():
    """Return what belongs to each module and to each class, by their names."""
    found, bases = {}, {}
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        is_package = path.stem == "__init__"
        inside = {each.stem for each in path.parent.iterdir()} if is_package else set()
        stem = path.parent.name if is_package else path.stem
        found.setdefault(stem, set()).update(defined_in(tree), inside)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {each.id for each in node.bases if isinstance(each, ast.Name)}
                attributes = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                found.setdefault(node.name, set()).update(attributes, defined_in(node))
    for _ in range(3):
        for name, above in bases.items():
            found[name].update(*(found.get(base, ()) for base in above))
    return found


def defined_in(tree):
    """Return the names that a module or a class defines or imports, at any depth."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[-1])
    return found


def belongs(owner, member):
    """Whether a class or a module has the member, or what a variable of a module's name holds."""
    if member in members()[owner]:
        return True
    return owner.islower() and any(
        member in names for each, names in members().items() if not each.islower()
    )


@cache
def sections():
    """Return the sections of a config: what stands behind them is a key, no module's member."""
    tree = ast.parse((ROOT / "cfr_shm/config/sections.py").read_text())
    return {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def missing_paths(text):
    for match in PATH.finditer(text):
        path = match.group()
        stands_for_any = "NAME" in path or path.split(".")[0].isupper() or "path/to/" in path
        if path not in paths() and path not in files_of_runs() and not stands_for_any:
            yield path


def missing_names(text, quotes=QUOTED):
    """Yield the names that nothing has: quoted ones, and others with an underscore."""
    for phrase in quotes.findall(text):
        name = phrase.strip().removesuffix("()")
        if DOTTED.fullmatch(name) and not PATH.fullmatch(name):
            yield from missing_parts(name.split("."))
    for match in SNAKE.finditer(QUOTED.sub(" ", PATH.sub(" ", text))):
        if match.group() not in words():
            yield match.group()


def missing_parts(parts):
    if parts[-1] not in words():
        yield ".".join(parts)
    elif parts[0] not in sections():
        for owner, member in itertools.pairwise(parts):
            if owner in members() and not belongs(owner, member):
                yield f"{'.'.join(parts)}: {owner} has no {member}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_what_comments_name_exists(path):
    missing = [
        f"line {line}: {each}"
        for line, text in remarks(path.read_text())
        for each in (*missing_paths(text), *missing_names(text))
    ]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_docs_name_exists(path):
    text = FENCED.sub("", path.read_text())
    # Here a word alone may be a value, a key or a command of anybody's.
    ticked = "\n".join(f"``{each}``" for each in TICKED.findall(text) if re.search("[._]", each))
    missing = [each for each in missing_paths(text) if "/" in each or each.endswith(".md")]
    assert [*missing, *missing_names(ticked)] == []


def test_what_does_not_exist_is_found():
    wrong = """See ``freeze_words``, ``jit.cash_key`` and tests/unit/test_rng.py; NO_WORDS is
    (no_words + 1,), ``Engine.retreat`` is not there and neither is docs/adr/9999-nothing.md."""
    assert {*missing_paths(wrong), *missing_names(wrong)} == {
        "freeze_words",
        "jit.cash_key",
        "tests/unit/test_rng.py",
        "NO_WORDS",
        "no_words",
        "Engine.retreat",
        "docs/adr/9999-nothing.md",
    }
    right = "``cache.cache_key`` of cfr_shm/kernels/cache.py, ``Engine.advance``, ``game.stacks``"
    assert [*missing_paths(right), *missing_names(right)] == []
