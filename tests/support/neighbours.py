"""Averages over neighbouring buckets in plain loops."""

from __future__ import annotations

from collections.abc import Iterator

from cfr_shm.games.game import Game
from cfr_shm.layout.tree import DECISION


def decisions(game: Game) -> Iterator[tuple[int, int, list[int]]]:
    """Yield street, number of actions and rows by bucket of every decision node."""
    for record in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        street = int(record["street"])
        buckets = int(game.deals.bucket_count[record["actor"], street])
        first, stride = int(record["row_base"]), int(record["row_stride"])
        yield street, int(record["count"]), [first + b * stride for b in range(buckets)]


def slowly_averaged(rows: list[list[float]], passes: int, apart: int | None) -> list[list[float]]:
    """Average neighbours ``passes`` times; ``rows`` by bucket and action, changed in place.

    Args:
        rows: in the order of the buckets.
        passes: how often.
        apart: the bucket that stays as it is and is nobody's neighbour.
    """
    order = [bucket for bucket in range(len(rows)) if bucket != apart]
    for _ in range(passes):
        before = [list(row) for row in rows]
        for place, bucket in enumerate(order):
            below, above = order[max(place - 1, 0)], order[min(place + 1, len(order) - 1)]
            for action in range(len(rows[bucket])):
                around = before[below][action] + before[above][action]
                rows[bucket][action] = 0.25 * around + 0.5 * before[bucket][action]
    return rows


def slowly_within(rows: list[list[float]], found: list[list[float]], own: float) -> None:
    """Take off smoothed rows what a bucket hardly plays itself; ``found`` is changed in place.

    Args:
        rows: as they were, by bucket and action.
        found: smoothed; each keeps its total.
        own: from which share of the time on an action takes all.
    """
    for before, after in zip(rows, found, strict=True):
        if sum(before) == 0.0:
            continue
        whole = sum(after)
        for action, value in enumerate(before):
            if value < own * sum(before):
                after[action] *= value / (own * sum(before))
        rest = sum(after)
        after[:] = [value * whole / rest for value in after]
