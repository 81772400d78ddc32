"""Write the table of all keys into docs/configuration.md, between its two markers."""

from __future__ import annotations

from pathlib import Path

from cfr_shm.config.text import reference_table

BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def main() -> None:
    """Replace what stands between the markers."""
    path = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(reference_table())
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
