"""Draw the figures of docs/python.md, and the range chart of README.md, by the Python API.

    python tools/draw_figures.py [DIRECTORY]

Trains what they show, some minutes on one core, unless DIRECTORY has the runs already.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cfr_shm

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
LINE = "b2.5bb"


def main() -> None:
    """Train what is not there yet, draw all of it."""
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/figures")
    small = {"game.stacks": "50bb", "run.time_budget": 150, "engine.num_workers": 1}
    hand = _trained("hu_small", small, place / "hu_small")
    curves = [
        _trained("leduc", {"algorithm.name": name, **_CURVE}, place / name)
        for name in ("external_sampling", "dcfr")
    ]
    for name, figure, dpi in (
        ("range_chart.png", cfr_shm.plot_range(hand, LINE), 150),
        ("action_bars.png", cfr_shm.plot_actions(hand, LINE), 110),
        ("curves.png", cfr_shm.plot_curves(*curves, axis="seconds"), 110),
    ):
        figure.savefig(IMAGES / name, dpi=dpi)
        print(f"wrote {IMAGES / name}")


_CURVE = {"run.time_budget": 10, "run.checkpoint_interval": 0.5, "engine.num_workers": 1}


def _trained(config: str, overrides: dict[str, object], place: Path) -> Path:
    if not place.exists():
        cfr_shm.train(cfr_shm.load_config(config, overrides), place)
    return place


if __name__ == "__main__":
    main()
