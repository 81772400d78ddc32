"""Write a strategy to one file that other programs read: OpenSpiel's JSON, npz, or CSV."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.origin import Origin, origin_document
from cfr_shm.strategy.reach import reach_of_rows, sampled_reach_of_rows
from cfr_shm.strategy.row_sums import visits_of
from cfr_shm.telemetry.plain_text import plain

#: What spreadsheets take for the beginning of a formula, in its full width too.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

#: The header of a CSV export.
CSV_COLUMNS = ("infoset", "player", "action", "probability", "reach", "visits", "visited")


def export_openspiel(
    game: Game, strategy: Strategy, path: Path, *, origin: Origin | None = None
) -> None:
    """Write ``{"game": ..., "policy": {infoset: {action: probability}}, "unvisited": [...]}``.

    ``game`` is what ``pyspiel.load_game`` takes, with parameters; action ids are strings, as
    JSON wants keys. Every infoset of the game is there; those in ``unvisited`` were never
    reached in training and are uniform. ``origin`` says where the strategy comes from: the
    resolved config, its fingerprint, iterations and more.

    Raises:
        GameError: OpenSpiel has no such game, or two infosets have the same name.
        UsageError: ``path`` cannot be written to.
    """
    if game.openspiel_name is None:
        raise GameError(f"game {game.name} is not in OpenSpiel; export it with --format npz or csv")
    policy: dict[str, dict[str, float]] = {}
    unvisited: list[str] = []
    for label in game.infosets():
        entries = strategy.probability[label.row : label.row + len(label.actions)].tolist()
        if label.name in policy:
            raise GameError(f"game {game.name} has two infosets {label.name!r}; use --format csv")
        policy[label.name] = dict(zip(map(str, label.actions), entries, strict=True))
        if strategy.weight[label.row] <= 0.0:
            unvisited.append(label.name)
    document = {
        "game": game.openspiel_name,
        "policy": policy,
        "unvisited": unvisited,
        "origin": origin_document(game, origin),
    }
    with replaced_file(path) as file:
        file.write(json.dumps(document, indent=1).encode())


def export_npz(
    game: Game,
    strategy: Strategy,
    path: Path,
    *,
    mean_iteration_weight: float = 1.0,
    origin: Origin | None = None,
) -> None:
    """Write the strategy as arrays; ``numpy.load(path, allow_pickle=False)`` reads them.

    Arrays, one element per infoset unless said otherwise: ``game`` (one string), ``name``
    (fixed-width Unicode), ``player``, ``row`` (infosets that share a row are strategically
    the same), ``offset`` (infosets + 1: infoset ``i`` has entries ``offset[i]`` to
    ``offset[i + 1]``), ``action`` and ``probability`` (one per entry), ``visits``, and
    ``reach``: the probability of coming to the infoset when all play the strategy (left out
    where nobody knows it). ``origin`` is a JSON document of where the strategy comes from.

    Args:
        game: the game.
        strategy: its strategy.
        path: the file to write.
        mean_iteration_weight: 1 with vanilla weights, where ``visits`` is then the number of
            times that the row took part in the average (exact if no update was lost).
            ``(iterations + 1) / 2`` with linear weights, where ``visits`` is the row's total
            weight in units of the mean weight: late visits count for more than one.
        origin: the run, where there is one.

    Raises:
        UsageError: ``path`` cannot be written to.
    """
    arrays = infoset_arrays(game, strategy, mean_iteration_weight)
    arrays["origin"] = np.array(json.dumps(origin_document(game, origin)))
    with replaced_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _inert(name: str) -> str:
    """Return a name that a spreadsheet takes for a text, not for a formula."""
    runs = name.lstrip().startswith(_FORMULA) or name[:1] in ("\t", "\r", "\n")
    return f"'{plain(name)}" if runs else plain(name)


def export_csv(
    game: Game, strategy: Strategy, path: Path, *, mean_iteration_weight: float = 1.0
) -> None:
    """Write one line per entry, under the header of ``CSV_COLUMNS``.

    ``action`` is OpenSpiel's action id. ``visited`` is 0 where training never came: there the
    probabilities are uniform. ``reach`` and ``visits`` are those of ``export_npz``, which also
    says what ``mean_iteration_weight`` is; ``reach`` is empty where nobody knows it.
    Numbers read back as exactly the same float64. Names are quoted where they hold commas,
    quotes or line breaks (RFC 4180); those that a spreadsheet would run begin with an apostrophe,
    and control characters are written as in messages.

    Raises:
        UsageError: ``path`` cannot be written to.
    """
    arrays = infoset_arrays(game, strategy, mean_iteration_weight)
    columns = {name: array.tolist() for name, array in arrays.items()}
    count = len(columns["name"])
    reach = columns.get("reach", [""] * count)
    offset = columns["offset"]
    with replaced_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(CSV_COLUMNS)
        for index in range(count):
            visits = columns["visits"][index]
            known = (_inert(columns["name"][index]), columns["player"][index])
            for entry in range(offset[index], offset[index + 1]):
                chosen = (columns["action"][entry], columns["probability"][entry])
                lines.writerow((*known, *chosen, reach[index], visits, int(visits > 0.0)))
        text.detach()


def infoset_arrays(
    game: Game, strategy: Strategy, mean_iteration_weight: float
) -> dict[str, NDArray[Any]]:
    """Return the arrays that ``export_npz`` writes, by name."""
    labels = list(game.infosets())
    rows = np.array([label.row for label in labels], dtype=np.int64)
    counts = np.array([len(label.actions) for label in labels], dtype=np.int64)
    offset = np.concatenate([[0], np.cumsum(counts)])
    entry = np.repeat(rows - offset[:-1], counts) + np.arange(offset[-1])
    visits = visits_of(strategy.weight[rows], mean_iteration_weight)
    arrays = {
        "game": np.array(game.openspiel_name or game.name),
        "name": np.array([label.name for label in labels]),
        "player": np.array([label.player for label in labels], dtype=np.int64),
        "row": rows,
        "offset": offset,
        "action": np.array([each for label in labels for each in label.actions], dtype=np.int64),
        "probability": strategy.probability[entry],
        "visits": visits,
    }
    reach = _reach(game, strategy)
    if reach is not None:
        _, inverse, sharing = np.unique(rows, return_inverse=True, return_counts=True)
        arrays["reach"] = reach[rows] / sharing[inverse]
    return arrays


def _reach(game: Game, strategy: Strategy) -> NDArray[np.float64] | None:
    """Return the reach of rows: exact where deals can be listed, sampled of hold'em, or none."""
    if game.why_not_enumerable() is None:
        return reach_of_rows(game, strategy)
    return None if game.betting is None else sampled_reach_of_rows(game, strategy)[0]
