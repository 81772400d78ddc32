"""Read settings as text with a place, and turn text into values by the rule of its key.

A setting is the same thing wherever it was written (YAML file, environment variable, ``--set``,
flag): a key, a text and a place to name in errors. What the text means is decided by the key's
``Rule`` alone, never by YAML's own guesses: in YAML 1.1 ``1e9`` is a string, ``010`` is 8 and
``on`` is true.

The YAML reader walks PyYAML's events. A config is two levels deep, and a value at most a list of
lists, so it stops at the next level, at the first alias, tag or duplicate key: nothing is ever
built from what a file says, and nesting or alias bombs cost nothing.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cfr_shm.errors import ConfigError
from cfr_shm.storage.disk import NotRegularError
from cfr_shm.storage.files import TooLargeError, read_bytes

Value = bool | int | float | str | tuple[Any, ...] | None

#: Larger files are refused before they are read.
LARGEST_FILE_BYTES = 1 << 20

_TEXT_SHOWN = 60
NULLS = ("", "~", "null", "Null", "NULL")
_FLAG_WORDS = ("true", "True", "TRUE", "false", "False", "FALSE")
_FLAGS = {word: word.lower() == "true" for word in _FLAG_WORDS}
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0[\d_]", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|infinity|nan)", re.IGNORECASE)
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})([a-z]*)", re.ASCII)

#: What PyYAML lets through of escapes and versions that are no sensible numbers.
_NO_NUMBER = (ValueError, OverflowError)

#: A value may be a list of lists.
_DEEPEST_LIST = 2


@dataclass(frozen=True)
class Rule:
    """What one key may hold, and what it means.

    An *amount* is a number with one of some units, "" for none, and is held as the shortest
    such text. A *list* holds ``low`` to ``high`` items, and is held as a tuple.
    """

    kind: Literal["flag", "whole", "real", "text", "word", "amount", "list"]
    doc: str
    low: int | float = 0
    high: int | float = 0
    words: tuple[str, ...] = ()
    optional: bool = False
    units: tuple[str, ...] = ()  # of an amount
    items: Rule | None = None  # of a list: what each item may hold
    alone: bool = False  # of a list: an item without brackets stands for all

    def expects(self) -> str:
        """Say in words what the key takes."""
        what = {
            "flag": "true or false",
            "whole": f"a whole number from {self.low} to {self.high}",
            "real": f"a number from {self.low} to {self.high}",
            "text": "a text",
            "word": "",
            "amount": self._expects_amount(),
            "list": self._expects_list(),
        }[self.kind]
        others = [repr(word) for word in self.words] + ["null"] * self.optional
        return ", ".join(filter(None, [what, *others[:-1]])) + (
            f"{' or ' if what or others[:-1] else ''}{others[-1]}" if others else ""
        )

    def _expects_amount(self) -> str:
        units = [f"'{unit}'" if unit else "no unit" for unit in self.units]
        return f"a number from {self.low} to {self.high} with {' or '.join(units)}"

    def _expects_list(self) -> str:
        if self.items is None:
            return ""
        sized = f"{self.low}" if self.low == self.high else f"{self.low} to {self.high}"
        listed = f"a list of {sized}, each {self.items.expects()}"
        return f"{self.items.expects()}, or {listed}" if self.alone else listed

    def accepts(self, value: object) -> bool:
        """Tell whether a typed value (not a text that means one) fits the rule."""
        if value is None:
            return self.optional
        if self.items is not None:
            if isinstance(value, tuple):
                return self.low <= len(value) <= self.high and all(map(self.items.accepts, value))
            return self.alone and self.items.accepts(value)
        if self.kind == "amount" and value not in self.words:
            return isinstance(value, str) and _amount(self, value) == value
        if isinstance(value, str):
            return (self.kind == "text" and is_name(value)) or value in self.words
        if isinstance(value, bool):
            return self.kind == "flag"
        kinds = {"whole": (int,), "real": (int, float)}.get(self.kind, ())
        return isinstance(value, kinds) and self.low <= value <= self.high


class Item(NamedTuple):
    """One item of a list, as text or as a list again."""

    text: str
    place: str
    quoted: bool = False
    items: tuple[Item, ...] | None = None


class Setting(NamedTuple):
    """One value for one key, as text or a list, with the places to name in errors."""

    key: str  # "section.key", not checked yet
    text: str
    place: str  # where the value stands: "run.yaml:4:9", "--iters"
    key_place: str  # where the key stands
    quoted: bool = False
    items: tuple[Item, ...] | None = None

    @property
    def value(self) -> Item:
        """What stands for the key."""
        return Item(self.text, self.place, self.quoted, self.items)


def parse(rule: Rule, setting: Setting) -> Value:
    """Return the value that ``setting`` gives to its key.

    Raises:
        ConfigError: the text does not fit ``rule``; names the place and what is expected.
    """
    given = setting.value
    if rule.kind == "list" and not given.quoted and given.text.startswith("["):
        given = read_list(given.text, given.place)
    return _parse(rule, setting.key, given)


def places(setting: Setting) -> Iterator[tuple[str, str]]:
    """Yield each key with its place: of the value, and of items as ``key[0]``, ``key[0][1]``."""
    waiting = [(setting.key, setting.value)]
    while waiting:
        key, item = waiting.pop()
        yield key, item.place
        waiting += [(f"{key}[{index}]", each) for index, each in enumerate(item.items or ())]


def _parse(rule: Rule, key: str, given: Item) -> Value:
    if given.items is not None:
        return _parse_list(rule, key, given.items, given.place)
    if rule.items is not None and rule.alone and not (rule.optional and _is_null(given)):
        return _parse(rule.items, key, given)
    value, hint = _convert(rule, given.text, given.quoted)
    if rule.accepts(value):
        return value
    if not hint and given.text and rule.words:
        hint = nearest(given.text, rule.words)
    found = given.text if len(given.text) <= _TEXT_SHOWN else given.text[:_TEXT_SHOWN] + "..."
    shown = repr(found) if found or given.quoted else "nothing"
    raise ConfigError(f"{given.place}: {key} must be {rule.expects()}, found {shown}{hint}")


def _parse_list(rule: Rule, key: str, items: tuple[Item, ...], place: str) -> Value:
    if rule.items is None:
        raise ConfigError(f"{place}: {key} must be a single value, found a list")
    if not rule.low <= len(items) <= rule.high:
        raise ConfigError(f"{place}: {key} must be {rule.expects()}, found a list of {len(items)}")
    parsed = (_parse(rule.items, f"{key}[{index}]", each) for index, each in enumerate(items))
    return tuple(parsed)


def _is_null(given: Item) -> bool:
    return not given.quoted and given.text in NULLS


def _convert(rule: Rule, text: str, quoted: bool) -> tuple[Value, str]:
    """Return the text as a value of the rule's kind, or itself, and a hint for the error."""
    if text in rule.words:
        return text, ""
    if not quoted and text in NULLS:
        return None, ""
    if rule.kind == "flag":
        return _FLAGS.get(text, text), ""
    if rule.kind in ("whole", "real"):
        return _number(rule, text)
    if rule.kind == "amount":
        return _amount(rule, text) or text, ""
    # A list is never one text: what stands there fits no rule.
    return text, ""


def split_amount(amount: str) -> tuple[Decimal, str]:
    """Return the number and the unit of an amount that a rule has accepted.

    >>> split_amount("2.5bb")
    (Decimal('2.5'), 'bb')
    """
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise ValueError(f"not an amount: {amount!r}")
    return Decimal(found[1]), found[2]


def _amount(rule: Rule, text: str) -> str | None:
    """Return the shortest text for an amount, None if the text is none that fits."""
    if _AMOUNT.fullmatch(text) is None:
        return None
    number, unit = split_amount(text)
    if unit not in rule.units or not rule.low <= float(number) <= rule.high:
        return None
    shown = f"{number:f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown.lstrip('0') if shown[:1] == '0' and shown[1:2].isdigit() else shown}{unit}"


def _number(rule: Rule, text: str) -> tuple[Value, str]:
    if _LEADING_ZERO.match(text):
        return text, "; leave out the leading zero (some YAML readers take it for octal)"
    if _NOT_FINITE.fullmatch(text):
        return text, "; it must be finite"
    if not _NUMBER.fullmatch(text):
        return text, ""
    number = Decimal(text.replace("_", ""))
    if rule.kind == "real":
        return float(number), ""
    # A range check on the decimal first: 1e9999 must not become an integer of 9999 digits.
    if not rule.low <= number <= rule.high or number != number.to_integral_value():
        return text, ""
    return int(number), ""


def is_name(text: str) -> bool:
    """Tell whether a text can be a path or a name: some text, no NUL, no half of a character."""
    try:
        return text != "" and "\0" not in text and os.fsencode(text) != b""
    except ValueError:
        return False


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known word nearest to ``word``, or nothing."""
    by_folded = {name.lower().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(
        word[:_TEXT_SHOWN].lower().replace("-", "_"), list(by_folded), n=1, cutoff=0.6
    )
    return f"; did you mean '{by_folded[close[0]]}'?" if close else ""


# --- YAML --------------------------------------------------------------------------------


def read_file(path: Path) -> list[Setting]:
    """Return the settings of a YAML file, in its order.

    Raises:
        ConfigError: not a readable text file of sensible size, or not a config.
    """
    try:
        content = read_bytes(path, LARGEST_FILE_BYTES)
    except NotRegularError:
        what = "a directory" if path.is_dir() else "not a regular file"
        raise ConfigError(f"{path}: is {what}; expected a YAML file") from None
    except TooLargeError:
        raise ConfigError(f"{path}: a config has at most {LARGEST_FILE_BYTES:,} bytes") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text; expected a YAML file") from None
    return read_yaml(text, str(path))


def read_yaml(text: str, name: str) -> list[Setting]:
    """Return the settings of a YAML document; ``name`` stands for the file in errors.

    Raises:
        ConfigError: with ``name:line:column``, on anything but sections of plain values.
    """
    import yaml

    try:
        return list(_Walk(text, name).settings())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(f"{place}: is not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{name}:{line}: holds the character {chr(error.character)!r}; expected a YAML text"
        ) from None
    except _NO_NUMBER as error:
        raise ConfigError(f"{name}: is not valid YAML: {str(error)[:_TEXT_SHOWN]}") from None


def read_list(text: str, place: str) -> Item:
    """Return the list that a text such as ``[[0.5, allin], [1.0]]`` holds.

    Raises:
        ConfigError: begins with ``place``, as all items have it for theirs.
    """
    import yaml

    walk = _Walk(text, place, one_place=True)
    try:
        given = walk.value(walk.next(yaml.StreamStartEvent, yaml.DocumentStartEvent), "the list")
        walk.next(yaml.DocumentEndEvent)
    except (yaml.YAMLError, *_NO_NUMBER) as error:
        problem = getattr(error, "problem", None) or "it holds a character that is none"
        raise ConfigError(f"{place}: {text[:_TEXT_SHOWN]!r} is not a list: {problem}") from None
    return given


class _Walk:
    """One pass over the events of a file: a mapping of sections, each a mapping of values."""

    def __init__(self, text: str, name: str, one_place: bool = False) -> None:
        import yaml

        self.yaml: Any = yaml
        self.name = name
        self.one_place = one_place
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)

    def settings(self) -> Iterator[Setting]:
        yaml = self.yaml
        root = self.next(yaml.StreamStartEvent, yaml.DocumentStartEvent)
        if isinstance(root, yaml.StreamEndEvent) or _is_null_event(root):
            raise ConfigError(
                f"{self.name}: is empty; expected sections such as 'game:' and 'run:'"
            )
        self.require_mapping(root, "sections such as 'game:' and 'run:'")
        seen: dict[str, int] = {}
        count = 0
        while not isinstance(section := self.next(), yaml.MappingEndEvent):
            for setting in self.section(self.key(section, seen)):
                count += 1
                yield setting
        if count == 0:
            raise ConfigError(f"{self.name}: sets nothing; expected keys below 'game:' or 'run:'")
        extra = self.next(yaml.DocumentEndEvent)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise ConfigError(f"{self.place(extra)}: a second document; a config is one document")

    def section(self, name: str) -> Iterator[Setting]:
        body = self.next()
        if _is_null_event(body):
            return
        self.require_mapping(body, f"keys below '{name[:_TEXT_SHOWN]}:'")
        seen: dict[str, int] = {}
        while not isinstance(key := self.next(), self.yaml.MappingEndEvent):
            full = f"{name}.{self.key(key, seen)}"
            given = self.value(self.next(), full)
            yield Setting(full, given.text, given.place, self.place(key), given.quoted, given.items)

    def value(self, event: Any, key: str, depth: int = 0) -> Item:
        """Return the value that begins with ``event``: a scalar, a list, or a list of lists."""
        if isinstance(event, self.yaml.ScalarEvent):
            return Item(event.value, self.place(event), event.style is not None)
        if not isinstance(event, self.yaml.SequenceStartEvent):
            raise ConfigError(
                f"{self.place(event)}: {key[:_TEXT_SHOWN]} must be a single value or a list, "
                f"found {self.kind(event)}"
            )
        if depth == _DEEPEST_LIST:
            raise ConfigError(
                f"{self.place(event)}: {key[:_TEXT_SHOWN]} is nested deeper than a list of lists"
            )
        items: list[Item] = []
        while not isinstance(item := self.next(), self.yaml.SequenceEndEvent):
            items.append(self.value(item, key, depth + 1))
        return Item("", self.place(event), items=tuple(items))

    def next(self, *skipped: type) -> Any:
        """Return the next event that is not of a skipped kind; refuse aliases and tags."""
        event = next(self.events)
        while isinstance(event, skipped):
            event = next(self.events)
        if isinstance(event, self.yaml.AliasEvent):
            raise ConfigError(
                f"{self.place(event)}: alias '*{event.anchor[:_TEXT_SHOWN]}' is not supported; "
                "write the value out"
            )
        if getattr(event, "tag", None) is not None:
            raise ConfigError(
                f"{self.place(event)}: tag '{event.tag[:_TEXT_SHOWN]}' is not supported; "
                "write a plain value"
            )
        return event

    def key(self, event: Any, seen: dict[str, int]) -> str:
        """Return a key's text; refuse what is not a text, and what was there before."""
        if not isinstance(event, self.yaml.ScalarEvent):
            raise ConfigError(
                f"{self.place(event)}: a key must be a word, found {self.kind(event)}"
            )
        name = str(event.value)
        if name in seen:
            raise ConfigError(
                f"{self.place(event)}: duplicate key '{name[:_TEXT_SHOWN]}' "
                f"(first on line {seen[name]})"
            )
        seen[name] = event.start_mark.line + 1
        return name

    def require_mapping(self, event: Any, what: str) -> None:
        if not isinstance(event, self.yaml.MappingStartEvent):
            raise ConfigError(f"{self.place(event)}: expected {what}, found {self.kind(event)}")

    def kind(self, event: Any) -> str:
        if isinstance(event, self.yaml.ScalarEvent):
            return repr(event.value[:_TEXT_SHOWN])
        return "a list" if isinstance(event, self.yaml.SequenceStartEvent) else "a mapping"

    def place(self, event: Any) -> str:
        if self.one_place:
            return self.name
        return f"{self.name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}"


def _is_null_event(event: Any) -> bool:
    return getattr(event, "value", None) in NULLS and event.style is None
