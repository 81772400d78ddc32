"""A configuration as text: YAML that is read back, and the reference of all keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from cfr_shm.config.reader import Value
from cfr_shm.config.sections import RULES, Config, to_dict

#: Texts that begin with a digit and that every YAML reader gives back as they are.
_AMOUNT = re.compile(r"(0|[1-9]\d{0,11})(\.\d{1,12})?(x|bb)?", re.ASCII)


def to_yaml(config: Config) -> str:
    """Return the configuration as a YAML text that ``parse_config`` reads back.

    Keys that are null, as they are when nothing is said, are left out.
    """
    lines = []
    defaults = to_dict(Config())
    for section, values in to_dict(config).items():
        said = {
            key: value
            for key, value in values.items()
            if value is not None or defaults[section][key] is not None
        }
        lines += [f"{section}:"] if said else []
        lines += [f"  {key}: {_yaml_value(value)}" for key, value in said.items()]
    return "\n".join(lines) + "\n"


def _yaml_value(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml_value, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    if value.isascii() and value.isidentifier() and value.lower() not in ("null", "true", "false"):
        return value
    if _AMOUNT.fullmatch(value):
        return value
    plain = {character for character in map(chr, range(32, 127)) if character not in '"\\'}
    return '"' + "".join(c if c in plain else f"\\U{ord(c):08x}" for c in value) + '"'


def reference_rows() -> Iterable[tuple[str, str, str, str]]:
    """Yield (key, default, allowed values, meaning) of every key, for the documentation."""
    defaults = to_dict(Config())
    for full, rule in RULES.items():
        section, _, key = full.partition(".")
        yield full, _yaml_value(defaults[section][key]), rule.expects(), rule.doc


def reference_table() -> list[str]:
    """Return the lines of the Markdown table of all keys."""
    lines = ["| Key | Default | Values | Meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{key}` | `{default}` | {values} | {meaning} |"
        for key, default, values, meaning in reference_rows()
    ]
    return lines
