"""The map (docs/architecture.md) and the index of decisions are whole, and say what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cfr_shm"
MAP = (ROOT / "docs" / "architecture.md").read_text()
DECISIONS = ROOT / "docs" / "adr"
INDEX = (DECISIONS / "README.md").read_text()


def chapter(title):
    """Return the text below a heading, up to the next one."""
    _, _, after = MAP.partition(f"\n## {title}\n")
    assert after, f"docs/architecture.md has no chapter '{title}'"
    return after.partition("\n## ")[0]


def rows(title):
    """Return the cells of a chapter's table, its head left out."""
    lines = [line for line in chapter(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_package_and_every_module_beside_them_has_a_line():
    told = [row[0].strip("`") for row in rows("Rooms")]
    packages = {f"{p.parent.relative_to(PACKAGE)}/" for p in PACKAGE.rglob("__init__.py")} - {"./"}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert len(told) == len(set(told))
    assert set(told) == packages | modules, "a room, or a line of the map, has no counterpart"


def test_the_basenames_that_repeat_are_those_that_the_map_lists():
    places = {}
    for path in PACKAGE.rglob("*.py"):
        if path.stem != "__init__":
            places.setdefault(path.stem, set()).add(str(path.parent.relative_to(PACKAGE)))
    repeated = {stem: found for stem, found in places.items() if len(found) > 1}
    listed = {
        name.strip("`"): {place.strip(" `/") for place in where.split(",")}
        for name, where in rows("Names that repeat")
    }
    assert listed == repeated, "run tools/write_names_that_repeat.py"


def test_what_to_open_exists():
    """Also where a file's folder is that of the file named before it."""
    table = rows("To change X, open Y")
    assert len(table) >= 45
    assert len({row[0] for row in table}) == len(table)
    for what, *places in table:
        folder = ""
        for name in re.findall(r"`([^`]+)`", " ".join(places)):
            if not re.fullmatch(r"[\w./-]+(/|\.\w+)", name) or "NAME" in name or "*" in name:
                continue
            if re.fullmatch(r"[A-Z]\w+\.\w+", name):
                continue  # A class's member: test_comments.py looks for it.
            if "/" in name:
                folder = name.rpartition("/")[0]
            inside = (PACKAGE / name, ROOT / name, PACKAGE / folder / name, ROOT / folder / name)
            assert any(path.exists() for path in inside), f"{what}: {name}"


def test_tests_that_hold_what_must_never_change_exist():
    for what, held in rows("What must never change"):
        names = re.findall(r"`([^`]+)`", held)
        assert names, what
        assert all((ROOT / name).exists() for name in names), what


def test_the_index_of_decisions_names_every_page_and_explains_every_gap():
    pages = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert re.findall(r"^\| \[\d{4}\]\((.+?)\)", INDEX, re.MULTILINE) == pages
    numbers = {int(page[:4]) for page in pages}
    assert len(numbers) == len(pages), "two pages have one number"
    assert all(f"[{page[:4]}]({page})" in INDEX for page in pages)
    missing = set(range(1, max(numbers) + 1)) - numbers
    explained = re.findall(r"\d{4}", INDEX.partition("Missing numbers:")[2])
    assert {int(number) for number in explained} == missing


def test_the_readme_leads_to_the_map():
    readme = (ROOT / "README.md").read_text()
    assert "(docs/architecture.md)" in readme
    assert "(CONTRIBUTING.md)" in readme
