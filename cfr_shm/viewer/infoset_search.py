"""Infosets of games that are no hold'em: found by a part of their names, a page at a time."""

from __future__ import annotations

from typing import Any

from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.strategy.range_chart import NEGLIGIBLE
from cfr_shm.viewer.viewed_runs import OpenedTable

#: Infosets in one answer.
PAGE = 100

#: Infosets that are looked through; larger games have to be exported.
MOST = 500_000


def search(game: Game, opened: OpenedTable, text: str, skip: int) -> dict[str, Any]:
    """Return the infosets whose names hold a text, the first ``PAGE`` after ``skip``."""
    wanted = text.casefold()
    rows: list[dict[str, Any]] = []
    found = looked = 0
    for label in game.infosets():
        looked += 1
        if looked > MOST:
            break
        if wanted in label.name.casefold():
            found += 1
            if skip < found <= skip + PAGE:
                rows.append(_row(label, opened))
    return {
        "iterations": opened.iterations,
        "infosets": rows,
        "found": found,
        "skip": skip,
        "page": PAGE,
        "whole": looked <= MOST,
    }


def _row(label: InfosetLabel, opened: OpenedTable) -> dict[str, Any]:
    sums = opened.table.sums_of(label.row, len(label.actions))
    total = float(sums.sum(dtype=float))
    regret = opened.table.regrets_of(label.row, len(label.actions)).astype(float).clip(min=0.0)
    positive = float(regret.sum())
    equal = [1.0 / len(label.actions)] * len(label.actions)
    return {
        "name": label.name,
        "player": label.player,
        "actions": [str(action) for action in label.actions],
        "probability": (sums / total).tolist() if total > 0.0 else None,
        "current": (regret / positive).tolist() if positive > 0.0 else equal,
        "visits": total / opened.mean_iteration_weight,
        "pure": total > 0.0 and float(sums.max()) / total > 1.0 - NEGLIGIBLE,
    }
