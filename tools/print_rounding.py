"""Print what full-width algorithms come to in several orders of summation (docs/adr/0023).

``python tools/print_rounding.py GAME ITERATIONS [TIE]``, GAME being kuhn, leduc, liars_dice or
goofspiel; regrets below TIE count as zero (default 0). 2 seconds of CPU per algorithm at 1000
iterations on Leduc, 6 on Goofspiel, 80 on liar's dice.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "reference"))

from any_algorithm import train
from full_width import VARIANTS
from histories import ORDERS, Histories, Solver
from published import GAMES, OPENSPIEL_NAMES, PUBLISHED

UNITS = (1.0, 3.0)


def main(game: str, iterations: int, tie: float) -> None:
    """Print a Markdown table, one row per algorithm."""
    tree, ours = Histories(OPENSPIEL_NAMES[game]), GAMES[game]()
    headings = [order if unit == 1.0 else f"{order} x 3" for unit in UNITS for order in ORDERS]
    print("|", " | ".join(["", "published", "kernels", *headings]), "|")
    print("|---" * (3 + len(headings)) + "|")
    for name in VARIANTS:
        published, _ = PUBLISHED.get((game, iterations), {}).get(name, (float("nan"), 0.0))
        figures = [published, train(ours, name, iterations).evaluate().exploitability]
        for unit in UNITS:
            for order in ORDERS:
                solver = Solver(tree, name, order, unit, tie).run(iterations)
                figures.append(solver.exploitability())
        print("|", f"`{name}`", "|", " | ".join(f"{each:.4e}" for each in figures), "|", flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) == 4 else 0.0)
