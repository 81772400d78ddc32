"""Write the table of basenames that repeat into docs/architecture.md, below its heading."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cfr_shm"
HEAD = "| Basename | Where |\n|---|---|\n"


def names_that_repeat() -> dict[str, list[str]]:
    """Return the folders of each basename that several modules have."""
    places: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.stem != "__init__":
            places.setdefault(path.stem, []).append(str(path.parent.relative_to(PACKAGE)))
    return {stem: found for stem, found in sorted(places.items()) if len(found) > 1}


def main() -> None:
    """Replace the rows of the table."""
    path = ROOT / "docs" / "architecture.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(HEAD)
    _, _, after = rest.partition("\n\n")
    rows = [
        f"| `{stem}` | {', '.join(f'`{folder}/`' for folder in folders)} |"
        for stem, folders in names_that_repeat().items()
    ]
    path.write_text(f"{before}{HEAD}{chr(10).join(rows)}\n\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
