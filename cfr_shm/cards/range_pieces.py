"""Take a range's text apart: pieces and their weights, in the spellings that tools export.

Pieces stand between commas, semicolons, line breaks or spaces; empty ones (a comma at the end)
mean nothing. A weight stands behind a piece, ``AA:0.5``, ``AA@0.5`` or ``AA:50%`` (PioSOLVER,
wasm- and desktop-postflop, and what people write by hand), or around pieces, in per cent,
``[50]AA,KK[/50]`` (GTO+, Flopzilla, Equilab). What a piece without its weight means is for
``cards.ranges`` to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cfr_shm.cards.pasted_text import plain_text
from cfr_shm.errors import UsageError
from cfr_shm.storage.documents import parse_document

EXAMPLES = "write for example 'AA,KK-TT,AKs,QQ+,76s+,AQo:0.75,AhKd'"

_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_WEIGHT = re.compile(rf"({_NUMBER}|(?:{_NUMBER})[eE][-+]?[0-9]+)(%?)")
_TAG = re.compile(rf"\[\s*(/?)\s*({_NUMBER})\s*%?\s*\]")
_SEPARATORS = re.compile(r"[,;\r\n]+")
#: Spaces around what joins the parts of a piece; all others separate pieces.
_JOINTS = re.compile(r"\s*([-:@])\s*|(?<=[0-9.])\s+(?=%)")
_CARD = re.compile(r"[0-9TJQKAtjqka][cdhsCDHS]")
#: How much of a long text a message repeats.
_SHOWN = 60


class Piece(NamedTuple):
    """One piece of a range."""

    name: str  # without its weight
    weight: float
    written: str  # as it stands in the text


def range_pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of a range's text in their order.

    Raises:
        UsageError: a weight that is none, brackets that do not belong together, or a whole file
            of ranges; names the piece, and the form that is read.

    >>> [tuple(piece[:2]) for piece in range_pieces("[50]AA, KQs[/50], Ah Kd@0.25,")]
    [('AA', 0.5), ('KQs', 0.5), ('AhKd', 0.25)]
    """
    if text.lstrip().startswith("{"):
        raise UsageError(_of_file(text))
    text = plain_text(text)
    around: str | None = None
    place = 0
    for tag in _TAG.finditer(text):
        yield from _plain(text[place : tag.start()], around, text)
        around = _entered(tag, around, text)
        place = tag.end()
    if around is not None:
        raise UsageError(
            f"the range {shown(text)} opens [{around}] and never closes it; write"
            f" [{around}]AA,KK[/{around}], or AA:{float(around) / 100:g},KK:{float(around) / 100:g}"
        )
    yield from _plain(text[place:], None, text)


def shown(text: str) -> str:
    """Return a range's text as messages quote it: on one line, and not all of a long one."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _entered(tag: re.Match[str], around: str | None, text: str) -> str | None:
    """Return the weight in per cent that holds behind a bracket, None for none."""
    closes, percent = bool(tag[1]), tag[2]
    if closes and (around is None or float(around) != float(percent)):
        opened = "nothing is open" if around is None else f"[{around}] is open"
        raise UsageError(f"{tag[0]} in the range {shown(text)}: {opened}; {_BRACKETS}")
    if not closes and around is not None:
        raise UsageError(f"{tag[0]} in the range {shown(text)}: [{around}] is open; {_BRACKETS}")
    if not closes and not 0.0 <= float(percent) <= 100.0:
        raise UsageError(f"{tag[0]} in the range {shown(text)}: more than 100 per cent")
    return None if closes else percent


_BRACKETS = "write [50]AA,KK[/50],QQ: one after the other, in per cent"


def _plain(text: str, around: str | None, whole: str) -> Iterator[Piece]:
    """Yield the pieces of a stretch without brackets."""
    for part in _SEPARATORS.split(text):
        for written in _words(_JOINTS.sub(r"\1", part)):
            name, mark, weight = written.replace("@", ":").partition(":")
            if mark and around is not None:
                raise UsageError(
                    f"{written!r} in the range {shown(whole)} has a weight, and [{around}] around"
                    " it is another; leave one of them out"
                )
            if mark:
                yield Piece(name, _weight(weight, written, whole), written)
            else:
                yield Piece(name, 1.0 if around is None else float(around) / 100.0, written)


def _words(part: str) -> list[str]:
    """Return what spaces separate; the two cards of one hand may stand apart."""
    words = part.split()
    if len(words) == 2 and _CARD.fullmatch(words[0]) and _CARD.match(words[1]):
        return ["".join(words)]
    return words


def _weight(text: str, piece: str, whole: str) -> float:
    found = _WEIGHT.fullmatch(text)
    weight = float(found[1]) / (100.0 if found[2] else 1.0) if found else -1.0
    if 0.0 <= weight <= 1.0:
        return weight
    if found and not found[2] and weight <= 100.0:
        name = re.split("[:@]", piece)[0]
        instead = f"for per cent write {name}:{text}% or {name}:{weight / 100:g}"
    else:
        instead = "write a number from 0 to 1, or per cent: for example 'AQo:0.75', 'AQo:75%'"
    raise UsageError(f"{piece!r} in the range {shown(whole)}: {text!r} is no weight; {instead}")


def _of_file(text: str) -> str:
    """Say what to do with an exported file of ranges (wasm- and desktop-postflop)."""
    try:
        entries = parse_document(text.encode())["data"]
        names = [" / ".join(each["path"]) for each in entries if "value" in each]
    except (ValueError, KeyError, TypeError):
        return f"{shown(text)} is no range; {EXAMPLES}"
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return (
        f"this is a whole file of ranges ({listed or 'none'}); give the text of one, which stands"
        " there as its 'value'"
    )
