"""Configurations of other solvers, read as keys of the section ``spot``.

- wasm-postflop and desktop-postflop export trees and ranges as JSON, version 2: groups of named
  entries; sizes are texts whose bare numbers are % of the pot, thresholds and rake are in percent.
- TexasSolver's console scripts: a command a line; sizes are % of the pot, thresholds parts of it.

What they say and we cannot do is refused by name, never left out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfr_shm.config.reader import LARGEST_FILE_BYTES
from cfr_shm.errors import UsageError
from cfr_shm.storage.documents import ListOf, Number, Text, parse_document, record
from cfr_shm.storage.files import TooLargeError, read_bytes

Values = dict[str, str]

_STREETS = ("flop", "turn", "river")
_EXPORT = record(data=ListOf(record(path=ListOf(Text()))))
#: Keys of a tree that say nothing about the game.
_IGNORED_KEYS = {"expectedBoardLength"}
#: Commands that say how TexasSolver is to work, not what is solved.
_IGNORED_COMMANDS = {
    "build_tree",
    "start_solve",
    "set_print_interval",
    "set_dump_rounds",
    "dump_result",
    "set_thread_num",
}


def read_foreign(path: Path, name: str | None, ranges: Path | None) -> Values:
    """Return what another solver's file says, by key of ``spot``, as texts.

    Args:
        path: a JSON file of wasm-postflop or desktop-postflop, or a TexasSolver script.
        name: which of the file's trees, ``group/name``; needed where it holds several.
        ranges: a JSON file of ranges, of which those named ``... OOP`` and ``... IP`` are taken.

    Raises:
        UsageError: it cannot be read, or asks for what is not supported.
    """
    if path.suffix == ".json":
        entries = _entries(path, "configurations")
        values = _tree(path, _chosen(path, entries, name))
        if ranges is not None:
            values |= _ranges(ranges)
        return values
    return _script(path)


def is_foreign(path: str) -> bool:
    """Tell whether a file's name is that of another solver's configuration."""
    return Path(path).suffix in (".json", ".txt")


# --- wasm-postflop, desktop-postflop ---------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return read_bytes(path, LARGEST_FILE_BYTES).decode("utf-8")
    except TooLargeError:
        raise UsageError(f"{path}: longer than {LARGEST_FILE_BYTES} bytes") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None


def _entries(path: Path, kind: str) -> dict[str, Any]:
    """Return the named entries of an export, by ``group/name``."""
    try:
        document = parse_document(_text(path).encode())
    except ValueError as error:
        raise UsageError(f"{path}: is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("version") != 2:
        raise UsageError(f"{path}: expected an export of version 2 of wasm- or desktop-postflop")
    if document.get("name") != kind:
        raise UsageError(f"{path}: holds {document.get('name')!r}, expected {kind!r}")
    if not _EXPORT.fits(document):
        raise UsageError(f"{path}: expected 'data', a list of entries that each have a 'path'")
    return {
        "/".join(each["path"]): each.get("value")
        for each in document["data"]
        if not each.get("isGroup")
    }


def _chosen(path: Path, entries: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    if name is None and len(entries) == 1:
        name = next(iter(entries))
    if name is None or name not in entries:
        listed = ", ".join(sorted(entries)) or "none"
        what = "several trees" if name is None else f"no tree {name!r}"
        raise UsageError(f"{path}: {what}; name one with --name: {listed}")
    value = entries[name]
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {name} is not a tree")
    return value


def _tree(path: Path, tree: Mapping[str, Any]) -> Values:
    left = {key: value for key, value in tree.items() if key not in _IGNORED_KEYS}
    length = tree.get("expectedBoardLength") or 3
    if length not in (3, 4, 5):
        raise UsageError(f"{path}: expectedBoardLength must be 3, 4 or 5, found {length!r}")
    first = int(length) - 3
    values: Values = {}
    donks = left.pop("donkOption", False)
    for player in ("oop", "ip"):
        for kind, key in (("Bet", "bets"), ("Raise", "raises")):
            names = [f"{player}{street.title()}{kind}" for street in _STREETS]
            lists = [_sizes(path, name, left.pop(name, "")) for name in names]
            values[f"{player}_{key}"] = _listed(list(lists[first:]))
    names = [f"oop{street.title()}Donk" for street in _STREETS[1:]]
    lists = [_sizes(path, name, left.pop(name, "")) for name in names]
    if donks:
        by_street = [None, *(None if each == "none" else each for each in lists)]
        values["donk"] = _listed(by_street[first:])
    numbers = {
        "startingPot": ("pot", 1.0),
        "effectiveStack": ("stack", 1.0),
        "rakePercent": ("rake_fraction", 0.01),
        "rakeCap": ("rake_cap", 1.0),
        "addAllInThreshold": ("add_allin", 0.01),
        "forceAllInThreshold": ("force_allin", 0.01),
        "mergingThreshold": ("merge", 0.01),
    }
    for key, (ours, unit) in numbers.items():
        if key in left:
            values[ours] = _number(path, key, left.pop(key), unit)
    for key in ("addedLines", "removedLines"):
        if str(left.pop(key, "")).strip():
            raise UsageError(
                f"{path}: {key} is not supported here; write spot.add_lines or spot.remove_lines"
            )
    if left:
        raise UsageError(f"{path}: {sorted(left)[0]!r} is not supported; remove it, or use a YAML")
    return values


def _number(path: Path, key: str, value: object, unit: float) -> str:
    if not Number().fits(value) or not isinstance(value, int | float):
        raise UsageError(f"{path}: {key} must be a number, found {ascii(value)[:40]}")
    return f"{value * unit:.12g}"


def _sizes(path: Path, key: str, value: object) -> str:
    """Return a list of sizes as we write it; a single size may come as a number."""
    if not isinstance(value, str) and not Number().fits(value):
        raise UsageError(f"{path}: {key} must be a text, found {ascii(value)[:40]}")
    return ",".join(str(value).replace(",", " ").split()) or "none"


def _listed(lists: list[str | None]) -> str:
    """Write a list by street as a flag takes it."""
    quoted = (
        "null" if each is None else f"'{each.replace(chr(39), chr(39) * 2)}'" for each in lists
    )
    return f"[{', '.join(quoted)}]"


def _ranges(path: Path) -> Values:
    entries = _entries(path, "ranges")
    values: Values = {}
    for key, ending in (("oop", "OOP"), ("ip", "IP")):
        found = [value for name, value in entries.items() if name.upper().split()[-1:] == [ending]]
        if len(found) != 1 or not isinstance(found[0], str):
            raise UsageError(
                f"{path}: expected one range whose name ends in {ending}, found {len(found)}; "
                f"give it with --{key}"
            )
        values[key] = found[0]
    return values


# --- TexasSolver -----------------------------------------------------------------------------


def _script(path: Path) -> Values:
    values: Values = {}
    sizes: dict[tuple[str, str, str], str] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        command, _, rest = line.strip().partition(" ")
        if not command or command.startswith("#") or command in _IGNORED_COMMANDS:
            continue
        place = f"{path}:{number}"
        if command == "set_bet_sizes":
            player, street, kind, written = _bet_sizes(place, rest)
            key = (player, street, "raise" if kind == "raise" else kind)
            added = "a" if kind == "allin" else written
            target = (player, street, "bet") if kind == "allin" else key
            sizes[target] = ",".join(filter(None, [sizes.get(target), added]))
            if kind == "allin":
                more = (player, street, "raise")
                sizes[more] = ",".join(filter(None, [sizes.get(more), "a"]))
        else:
            values |= _command(place, command, rest.strip())
    if "board" not in values:
        raise UsageError(f"{path}: is no TexasSolver script: it has no set_board")
    return values | _by_street(sizes, len(values["board"].replace(",", "")) // 2 - 3)


def _bet_sizes(place: str, text: str) -> tuple[str, str, str, str]:
    parts = [part.strip() for part in text.split(",")]
    known = ("bet", "raise", "donk", "allin")
    player, street, kind = (*parts[:3], "", "", "")[:3]
    if player not in ("oop", "ip") or street not in _STREETS or kind not in known:
        raise UsageError(f"{place}: set_bet_sizes {text!r} is not supported")
    return player, street, kind, ",".join(f"{size}%" for size in parts[3:])


def _command(place: str, command: str, value: str) -> Values:
    simple = {
        "set_pot": "pot",
        "set_effective_stack": "stack",
        "set_board": "board",
        "set_range_ip": "ip",
        "set_range_oop": "oop",
        "set_accuracy": "target",
    }
    if command in simple:
        return {simple[command]: value}
    if command == "set_use_isomorphism":
        return {"isomorphic": "false" if value == "0" else "true"}
    if command == "set_max_iteration":
        return {}
    if command == "set_allin_threshold":
        # A bet of at least this part of the stack is all-in there; 1 changes nothing.
        with contextlib.suppress(ValueError):
            if float(value) >= 1.0:
                return {}
        raise UsageError(
            f"{place}: set_allin_threshold {value} is not supported: it is a part of the stack; "
            "write spot.force_allin, a part of the pot"
        )
    raise UsageError(f"{place}: the command {command!r} is not supported; remove the line")


def _by_street(sizes: Mapping[tuple[str, str, str], str], first: int) -> Values:
    values: Values = {}
    for player in ("oop", "ip"):
        for kind, key in (("bet", "bets"), ("raise", "raises")):
            lists = [sizes.get((player, street, kind), "none") for street in _STREETS[first:]]
            values[f"{player}_{key}"] = _listed(list(lists))
    donks = [sizes.get(("oop", street, "donk")) for street in _STREETS[first:]]
    if any(donks):
        values["donk"] = _listed([None, *(each or "none" for each in donks[1:])])
    return values
