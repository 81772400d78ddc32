"""Draw docs/images/strength_histograms.svg: two flop hands of equal E[HS] and unlike futures.

``python tools/draw_strength_histograms.py``; exact, by trying every board, in a few seconds.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.evaluator import evaluate_all

HANDS = (("6c7c", "4c6dJc", "#2b6cb0"), ("Kc4s", "3hKdAc", "#c05621"))
BINS, WIDTH, HEIGHT, TOP, LEFT = 20, 640, 220, 40, 30
TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "strength_histograms.svg"


def strengths(hole: tuple[int, ...], board: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the hand's strength on each of the 1,081 rivers."""
    left = [card for card in range(STANDARD.card_count) if card not in hole + board]
    found = []
    for more in itertools.combinations(left, 2):
        rest = [card for card in left if card not in more]
        others = np.array(list(itertools.combinations(rest, 2)), np.uint8)
        river = np.array(board + more, np.uint8)
        rows = np.concatenate([others, np.tile(river, (len(others), 1))], axis=1)
        own = evaluate_all(STANDARD, np.array([hole + board + more], np.uint8))[0]
        theirs = evaluate_all(STANDARD, rows)
        found.append((2 * (own > theirs).sum() + (own == theirs).sum()) / (2 * len(others)))
    return np.array(found)


def main() -> None:
    """Write the picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + HEIGHT + 40}" '
        'font-family="sans-serif" font-size="13">'
    ]
    step = (WIDTH - 2 * LEFT) / BINS
    for number, (hole, board, colour) in enumerate(HANDS):
        values = strengths(STANDARD.parse(hole), STANDARD.parse(board))
        share = np.histogram(values, BINS, (0.0, 1.0))[0] / len(values)
        for place, part in enumerate(share):
            height = part / 0.45 * HEIGHT
            parts.append(
                f'<rect x="{LEFT + (place + 0.1 + 0.4 * number) * step:.1f}" '
                f'y="{TOP + HEIGHT - height:.1f}" width="{0.4 * step:.1f}" '
                f'height="{height:.1f}" fill="{colour}"/>'
            )
        parts.append(
            f'<text x="{LEFT + 8}" y="{18 + 20 * number}" fill="{colour}">'
            f"{hole} on {board}: E[HS] {values.mean():.3f}</text>"
        )
    base = TOP + HEIGHT
    parts.append(f'<path d="M{LEFT} {base}H{WIDTH - LEFT}" stroke="#888"/>')
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LEFT + tick * (WIDTH - 2 * LEFT)
        parts.append(f'<text x="{x:.0f}" y="{base + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{base + 35}" text-anchor="middle" fill="#555">'
        "hand strength on the river (share of the 1,081 rivers in each twentieth)</text></svg>"
    )
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text("\n".join(parts) + "\n")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
