"""Read settings as text with a place, and turn text into values by the rule of its key.

A setting is the same thing wherever it was written (YAML file, environment variable, ``--set``,
flag): a key, a text and a place to name in errors. What the text means is decided by the key's
``Rule`` alone, never by YAML's own guesses: in YAML 1.1 ``1e9`` is a string, ``010`` is 8 and
``on`` is true.

The YAML reader walks PyYAML's events. A config is two levels deep, so it stops at the third
level, at the first alias, tag or duplicate key: nothing is ever built from what a file says,
and nesting or alias bombs cost nothing.
"""

from __future__ import annotations

import difflib
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cfr_shm.errors import ConfigError

Value = bool | int | float | str | None

#: Larger files are refused before they are read.
LARGEST_FILE_BYTES = 1 << 20

_TEXT_SHOWN = 60
_NULLS = ("", "~", "null", "Null", "NULL")
_FLAG_WORDS = ("true", "True", "TRUE", "false", "False", "FALSE")
_FLAGS = {word: word.lower() == "true" for word in _FLAG_WORDS}
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0[\d_]", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|infinity|nan)", re.IGNORECASE)


@dataclass(frozen=True)
class Rule:
    """What one key may hold, and what it means."""

    kind: Literal["flag", "whole", "real", "text", "word"]
    doc: str
    low: int | float = 0
    high: int | float = 0
    words: tuple[str, ...] = ()
    optional: bool = False

    def expects(self) -> str:
        """Say in words what the key takes."""
        what = {
            "flag": "true or false",
            "whole": f"a whole number from {self.low} to {self.high}",
            "real": f"a number from {self.low} to {self.high}",
            "text": "a text",
            "word": "",
        }[self.kind]
        others = [repr(word) for word in self.words] + ["null"] * self.optional
        return ", ".join(filter(None, [what, *others[:-1]])) + (
            f"{' or ' if what or others[:-1] else ''}{others[-1]}" if others else ""
        )

    def accepts(self, value: object) -> bool:
        """Tell whether a typed value (not a text that means one) fits the rule."""
        if value is None:
            return self.optional
        if isinstance(value, str):
            return (self.kind == "text" and value != "") or value in self.words
        if isinstance(value, bool):
            return self.kind == "flag"
        kinds = {"whole": (int,), "real": (int, float)}.get(self.kind, ())
        return isinstance(value, kinds) and self.low <= value <= self.high


class Setting(NamedTuple):
    """One value for one key, as text, with the places to name in errors."""

    key: str  # "section.key", not checked yet
    text: str
    place: str  # where the value stands: "run.yaml:4:9", "--iters"
    key_place: str  # where the key stands
    quoted: bool = False


def parse(rule: Rule, setting: Setting) -> Value:
    """Return the value that ``setting`` gives to its key.

    Raises:
        ConfigError: the text does not fit ``rule``; names the place and what is expected.
    """
    value, hint = _convert(rule, setting.text, setting.quoted)
    if rule.accepts(value):
        return value
    if not hint and setting.text and rule.words:
        hint = nearest(setting.text, rule.words)
    found = setting.text if len(setting.text) <= _TEXT_SHOWN else setting.text[:_TEXT_SHOWN] + "..."
    shown = repr(found) if found or setting.quoted else "nothing"
    raise ConfigError(
        f"{setting.place}: {setting.key} must be {rule.expects()}, found {shown}{hint}"
    )


def _convert(rule: Rule, text: str, quoted: bool) -> tuple[Value, str]:
    """Return the text as a value of the rule's kind, or itself, and a hint for the error."""
    if text in rule.words:
        return text, ""
    if not quoted and text in _NULLS:
        return None, ""
    if rule.kind == "flag":
        return _FLAGS.get(text, text), ""
    if rule.kind in ("whole", "real"):
        return _number(rule, text)
    return text, ""


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
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ConfigError(f"{path}: is a directory; expected a YAML file")
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: is not a regular file; expected a YAML file")
        if status.st_size > LARGEST_FILE_BYTES:
            raise ConfigError(
                f"{path}: has {status.st_size:,} bytes; a config has at most {LARGEST_FILE_BYTES:,}"
            )
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
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


class _Walk:
    """One pass over the events of a file: a mapping of sections, each a mapping of scalars."""

    def __init__(self, text: str, name: str) -> None:
        import yaml

        self.yaml: Any = yaml
        self.name = name
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)

    def settings(self) -> Iterator[Setting]:
        yaml = self.yaml
        root = self.next(yaml.StreamStartEvent, yaml.DocumentStartEvent)
        if isinstance(root, yaml.StreamEndEvent) or _is_null(root):
            raise ConfigError(
                f"{self.name}: is empty; expected sections such as 'game:' and 'run:'"
            )
        self.require_mapping(root, "sections such as 'game:' and 'run:'")
        seen: dict[str, int] = {}
        while not isinstance(section := self.next(), yaml.MappingEndEvent):
            yield from self.section(self.key(section, seen))
        extra = self.next(yaml.DocumentEndEvent)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise ConfigError(f"{self.place(extra)}: a second document; a config is one document")

    def section(self, name: str) -> Iterator[Setting]:
        body = self.next()
        if _is_null(body):
            return
        self.require_mapping(body, f"keys below '{name[:_TEXT_SHOWN]}:'")
        seen: dict[str, int] = {}
        while not isinstance(key := self.next(), self.yaml.MappingEndEvent):
            full = f"{name}.{self.key(key, seen)}"
            value = self.next()
            if not isinstance(value, self.yaml.ScalarEvent):
                raise ConfigError(
                    f"{self.place(value)}: {full[:_TEXT_SHOWN]} must be a single value, "
                    f"found {self.kind(value)}"
                )
            quoted = value.style is not None
            yield Setting(full, value.value, self.place(value), self.place(key), quoted)

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
        return f"{self.name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}"


def _is_null(event: Any) -> bool:
    return getattr(event, "value", None) in _NULLS and event.style is None
