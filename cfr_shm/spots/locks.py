"""Strategies that are given: what a node, or some of its hands, is to do.

A file has one object for each decision::

    [{"line": "b100", "cards": "", "hands": "*", "frequencies": {"f": 0.25, "c": 0.75}},
     {"line": "", "hands": "QQ,AhKh:0.5", "frequencies": {"x": 1}}]

``ranges`` says the same by action, as a range's text, in place of ``hands`` and ``frequencies``::

    {"line": "b100", "ranges": {"c": "AA,KK:0.5", "f": "22"}}

A hand that is named takes the action so often; what is left to 1 goes to the one action that is not
named, or to ``rest``.

``hands`` is a range; hands outside it are left to the solver, and weights say nothing. Later
objects win. ``cards`` are what came since the spot's board: a lock holds on that board alone, and
where boards stand for others it needs a spot without ``isomorphic``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.ranges import hand_of, parse_range
from cfr_shm.config.reader import LARGEST_FILE_BYTES
from cfr_shm.errors import UsageError
from cfr_shm.layout.spots import DECISION, LOCKED, WIDTH, Locks
from cfr_shm.spots.places import Place, find_place, hands_at, node_at
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.storage.documents import DocumentError, Number, read_document
from cfr_shm.storage.files import TooLargeError

#: What stands for a probability that is not given.
FREE = -1.0

_FREQUENCY = Number(low=0.0, high=1e30)

Given = dict[tuple[int, int], tuple[int, NDArray[np.float32]]]  # by board and level's node


def locked(game: SpotGame, entries: list[Mapping[str, Any]], place: str) -> SpotGame:
    """Return the spot with these strategies given.

    Args:
        game: the spot.
        entries: as in a file.
        place: what to call them in errors.

    Raises:
        UsageError: a line, a hand or an action that the spot has not, or no probabilities.
    """
    given: Given = {}
    for number, entry in enumerate(entries, 1):
        _enter(game, entry, given, f"{place}, lock {number}")
    forests = []
    for level, forest in enumerate(game.forests):
        words = forest.level.forest.node.copy()
        for (_, node), (of_level, _) in given.items():
            if of_level == level:
                words[node, LOCKED] = 1
        inner = forest.level.forest._replace(node=words)
        forests.append(forest._replace(level=forest.level._replace(forest=inner)))
    levels = [forest.level for forest in forests]
    arrays = game.arrays._replace(locks=_arrays(game, given))
    levels += [game.arrays.first, game.arrays.second, game.arrays.third][len(levels) :]
    arrays = arrays._replace(first=levels[0], second=levels[1], third=levels[2])
    return replace(game, forests=forests, arrays=arrays)


def read_locks(game: SpotGame, path: str) -> SpotGame:
    """Return the spot with the strategies of a file given.

    Raises:
        UsageError: the file cannot be read, or says what the spot has not.
    """
    return locked(game, lock_entries(path), f"spot.locks {path}")


def lock_entries(path: str) -> list[Mapping[str, Any]]:
    """Return the locks of a file, as they stand there.

    Raises:
        UsageError: the file cannot be read, or is no list of objects.
    """
    try:
        entries = read_document(Path(path), LARGEST_FILE_BYTES)
    except TooLargeError:
        message = f"spot.locks {path}: longer than {LARGEST_FILE_BYTES} bytes"
        raise UsageError(message) from None
    except (OSError, DocumentError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"spot.locks {path}: cannot be read: {reason}") from None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise UsageError(f"spot.locks {path}: expected a list of objects; see docs/solve.md")
    return entries


def _enter(game: SpotGame, entry: Mapping[str, Any], given: Given, where: str) -> None:
    unknown = set(entry) - {"line", "cards", "hands", "frequencies", "ranges", "rest"}
    if unknown:
        raise UsageError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    if ("ranges" in entry) == ("frequencies" in entry) or ("ranges" in entry and "hands" in entry):
        raise UsageError(
            f"{where}: 'frequencies' must name actions, and 'hands' who takes them; or 'ranges' "
            "says both"
        )
    texts = {"line": "", "cards": "", "hands": "*"} | {
        key: value for key, value in entry.items() if key not in ("frequencies", "ranges")
    }
    if not all(isinstance(value, str) for value in texts.values()):
        raise UsageError(f"{where}: 'line', 'cards', 'hands' and 'rest' must be texts")
    line = texts["line"]
    try:
        place = find_place(game, line, game.hands.deck.parse(texts["cards"]))
        weights = parse_range(game.hands.deck, texts["hands"])
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    node = node_at(game, place)
    if node.kind != DECISION:
        raise UsageError(f"{where}: nobody decides after the line {line!r}")
    if len(game.boards[place.board].stands_for) > 1:
        raise UsageError(
            f"{where}: this board is merged with others; set spot.isomorphic false to lock it"
        )
    codes = [action.code for action in node.actions]
    if "ranges" in entry:
        by_hand = _ranges(game, place, entry, codes, where)
        rows = np.flatnonzero(by_hand.sum(axis=0) > 0.0)
        chances = by_hand[:, rows]
    else:
        rows = _rows_of(game, place, node.actor, weights)
        chances = _chances(entry.get("frequencies"), codes, where)[:, None]
    width = int(game.arrays.boards.about[node.actor, place.board, WIDTH])
    key = (place.board, place.node)
    if key not in given:
        given[key] = place.level, np.full((len(node.actions), width), FREE, np.float32)
    given[key][1][:, rows] = chances


def _chances(frequencies: object, codes: list[str], where: str) -> NDArray[np.float32]:
    if not isinstance(frequencies, dict) or not frequencies:
        raise UsageError(f"{where}: 'frequencies' must name actions, of {', '.join(codes)}")
    unknown = [code for code in frequencies if code not in codes]
    if unknown:
        raise UsageError(f"{where}: {unknown[0]!r} is no action there; of {', '.join(codes)}")
    given = [frequencies.get(code, 0.0) for code in codes]
    if not all(map(_FREQUENCY.fits, given)) or not sum(given) > 0.0:
        raise UsageError(f"{where}: frequencies must be 0 or more, and not all 0")
    found = np.array(given, np.float64)
    chances: NDArray[np.float32] = (found / found.sum()).astype(np.float32)
    return chances


def _ranges(
    game: SpotGame, place: Place, entry: Mapping[str, Any], codes: list[str], where: str
) -> NDArray[np.float32]:
    """Return (actions, hands) what ranges by action say; 0 throughout for hands not named."""
    ranges, rest = entry["ranges"], entry.get("rest")
    if not isinstance(ranges, dict) or not ranges:
        raise UsageError(f"{where}: 'ranges' must name actions, of {', '.join(codes)}")
    for code in [*ranges, *([] if rest is None else [rest])]:
        if code not in codes:
            raise UsageError(f"{where}: {code!r} is no action there; of {', '.join(codes)}")
    deck, player = game.hands.deck, node_at(game, place).actor
    numbers = [hand_of(int(a), int(b)) for a, b in hands_at(game, place, player).tolist()]
    found = np.zeros((len(codes), len(numbers)))
    for code, text in ranges.items():
        try:
            found[codes.index(code)] = parse_range(deck, text)[numbers]
        except (UsageError, AttributeError, TypeError) as error:
            raise UsageError(f"{where}: the range of {code}: {error}") from None
    named = found.sum(axis=0)
    if named.max() > 1.0 + 1e-6:
        hand = deck.text(sorted(hands_at(game, place, player)[int(named.argmax())], reverse=True))
        raise UsageError(f"{where}: the frequencies of {hand} add up to {named.max():g}, above 1")
    left = np.where(named > 0.0, np.maximum(1.0 - named, 0.0), 0.0)
    others = [code for code in codes if code not in ranges]
    if rest is None and left.max() > 1e-6:
        if len(others) != 1:
            raise UsageError(
                f"{where}: some hands' frequencies add up to less than 1; name the action that "
                f"takes what is left as 'rest', of {', '.join(others or codes)}"
            )
        rest = others[0]
    if rest is not None:
        found[codes.index(rest)] += left
    chances: NDArray[np.float32] = (found / np.where(named > 0.0, found.sum(axis=0), 1.0)).astype(
        np.float32
    )
    return chances


def written_locks(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return locks that are written in a line each: ``LINE [CARDS]: ACTION RANGE``.

    Raises:
        UsageError: a text that is none.

    >>> written_locks(["x-b120: f AA:0.5,KK"])
    [{'line': 'x-b120', 'cards': '', 'ranges': {'f': 'AA:0.5,KK'}}]
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for text in texts:
        place, mark, rest = text.partition(":")
        action, _, hands = rest.strip().partition(" ")
        words = place.split()
        if not mark or not action or not hands.strip() or len(words) > 2:
            raise UsageError(
                f"spot.lock_ranges: {text!r} is no lock; write LINE [CARDS]: ACTION RANGE, for "
                "example 'x-b120: f AA:0.5,KK', or ': b100 AA' for the first decision"
            )
        line, cards = (*words, "", "")[:2]
        if mark and len(words) == 1 and not _is_line(words[0]):
            raise UsageError(f"spot.lock_ranges: {text!r}: {words[0]!r} is no line")
        entry = found.setdefault((line, cards), {"line": line, "cards": cards, "ranges": {}})
        entry["ranges"][action] = hands.strip()
    return list(found.values())


def _is_line(text: str) -> bool:
    return text[0] in "xcfbr"


def _rows_of(
    game: SpotGame, place: Place, player: int, weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return which of the player's hands are in a range."""
    hands = hands_at(game, place, player).tolist()
    inside = [weights[hand_of(int(a), int(b))] > 0.0 for a, b in hands]
    return np.flatnonzero(np.array(inside, np.bool_))


def _arrays(game: SpotGame, given: Given) -> Locks:
    """Return the locks sorted by board."""
    first = np.zeros(len(game.boards) + 1, np.int64)
    places, parts, start = [], [], 0
    for (board, node), (_, chances) in sorted(given.items(), key=lambda item: item[0]):
        places.append((node, start))
        parts.append(chances.ravel())
        start += chances.size
        first[board + 1 :] += 1
    return Locks(
        first,
        np.array(places, np.int64).reshape(-1, 2),
        np.concatenate(parts) if parts else np.zeros(0, np.float32),
    )
