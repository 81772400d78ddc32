"""What a run can be told: sections of frozen dataclasses, and the order in which they are told.

Defaults give way to the config file, which gives way to environment variables
(``CFR_SHM_<SECTION>_<KEY>``), to ``--set section.key=value``, and at last to named flags. Each
key carries the rule for its values and its documentation; ``docs/configuration.md`` lists them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cfr_shm.config_algorithm import AlgorithmConfig
from cfr_shm.config_engine import EngineConfig
from cfr_shm.config_fields import Section, flag, real, text, whole, word
from cfr_shm.config_holdem import AbstractionConfig, check_holdem
from cfr_shm.config_holdem import GameConfig as GameConfig
from cfr_shm.config_reader import (
    Rule,
    Setting,
    Value,
    nearest,
    parse,
    places,
    read_file,
    read_yaml,
)
from cfr_shm.config_table import TableConfig
from cfr_shm.errors import ConfigError

#: The training time when neither iterations nor a time budget is given.
DEFAULT_TIME_BUDGET_SECONDS = 15.0

#: Iterations are counted in float64 words, which are exact up to here.
MOST_ITERATIONS = 1 << 53

#: Texts that begin with a digit and that every YAML reader gives back as they are.
_AMOUNT = re.compile(r"(0|[1-9]\d{0,11})(\.\d{1,12})?(x|bb)?", re.ASCII)

_ENVIRONMENT_PREFIX = "CFR_SHM_"


@dataclass(frozen=True)
class RunConfig(Section):
    """How long a run lasts and what it leaves behind."""

    iterations: int | None = whole(
        None, 1, MOST_ITERATIONS, "Stop after this many iterations.", optional=True
    )
    time_budget: float | None = real(
        None,
        0.01,
        1e9,
        "Stop after this many seconds of training; compiling and building the game do not "
        "count. With `iterations` as well, whichever comes first ends the run. When both are "
        f"null it is {DEFAULT_TIME_BUDGET_SECONDS:.0f}.",
        optional=True,
    )
    seed: int = whole(0, 0, 2**63 - 1, "Seed of every random number.")
    logdir: str | None = text(
        None,
        "The run directory. null = `runs/<name>-<YYYYmmdd-HHMMSS>`.",
        optional=True,
    )
    checkpoint_interval: float = real(
        60.0, 0.0, 1e9, "Seconds of training between checkpoints; 0 = one at the end only."
    )
    keep_checkpoints: int = whole(2, 2, 1000, "Checkpoints that are kept; older ones are deleted.")
    progress_interval: float = real(
        30.0,
        0.1,
        1e6,
        "Seconds between progress lines, and between lines of `metrics.jsonl`. Longer "
        "intervals begin with lines at 5 and 10 seconds.",
    )
    tensorboard: bool = flag(
        False, "Write TensorBoard events below `tensorboard/`; needs `pip install 'cfr-shm[tb]'`."
    )
    loglevel: Literal["debug", "info", "warning", "error"] = word(
        "info",
        ("debug", "info", "warning", "error"),
        "Least severity of what is written to the terminal and to `log.txt`.",
    )
    log_format: Literal["text", "json"] = word(
        "text",
        ("text", "json"),
        "How `log.txt` is written: lines with a time, or one JSON object for each event.",
    )


@dataclass(frozen=True)
class Config:
    """Everything a run can be told."""

    game: GameConfig = field(default_factory=GameConfig)
    abstraction: AbstractionConfig = field(default_factory=AbstractionConfig)
    algorithm: AlgorithmConfig = field(default_factory=AlgorithmConfig)
    table: TableConfig = field(default_factory=TableConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    run: RunConfig = RunConfig()


SECTIONS: Mapping[str, type[Section]] = {
    "game": GameConfig,
    "abstraction": AbstractionConfig,
    "algorithm": AlgorithmConfig,
    "table": TableConfig,
    "engine": EngineConfig,
    "run": RunConfig,
}

_RULES: Mapping[str, Rule] = {
    f"{section}.{entry.name}": entry.metadata["rule"]
    for section, kind in SECTIONS.items()
    for entry in dataclasses.fields(kind)  # type: ignore[arg-type]
}

#: Whole sections, and single keys, that decide what a checkpoint's numbers mean.
_FINGERPRINTED = (
    "game",
    "abstraction",
    "algorithm",
    "table",
    "run.seed",
    "engine.drain_window",
    "engine.mode",
    "engine.freeze",
)

#: Values that are left out like null, for they mean what runs did before the key existed.
_AS_BEFORE = {
    "engine.mode": "async",
    "algorithm.average_opponents": "explored",
    "table.compact": False,
}

#: Keys of these sections that do not: checkpoints hold the fingerprint of what is in the file.
_NOT_FINGERPRINTED = ("abstraction.buckets",)


# --- loading -----------------------------------------------------------------------------


def load_config(
    source: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    flags: Sequence[Setting] = (),
) -> Config:
    """Return the configuration that defaults, file, environment, overrides and flags give.

    Args:
        source: a path, the name of a shipped config, or None for the defaults.
        environment: the variables to look at; those of ``CFR_SHM_<SECTION>_*`` count.
        overrides: texts of the form ``section.key=value``.
        flags: settings of named command line flags.

    Raises:
        ConfigError: the first thing that cannot be used, with its place.
    """
    settings: dict[str, Value] = {}
    where: dict[str, str] = {}
    for setting in _all_settings(source, environment or {}, overrides, flags):
        settings[setting.key] = parse(_rule(setting), setting)
        where.update(places(setting))
    if settings.get("run.iterations") is None and settings.get("run.time_budget") is None:
        settings["run.time_budget"] = DEFAULT_TIME_BUDGET_SECONDS
    config = _build(settings)
    try:
        _check_together(config)
    except ConfigError as error:
        raise ConfigError(_with_place(str(error), where)) from None
    return config


def located(
    message: str,
    source: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    flags: Sequence[Setting] = (),
) -> str:
    """Put the place before a message that begins with a key; the sources are ``load_config``'s."""
    where: dict[str, str] = {}
    for setting in _all_settings(source, environment or {}, overrides, flags):
        where.update(places(setting))
    return _with_place(message, where)


def _with_place(message: str, where: Mapping[str, str]) -> str:
    """Put the place before a message that begins with a key that was set."""
    key = message.split(maxsplit=1)[0].rstrip(":,")
    whole = key.partition("[")[0]  # of an element whose own place is not known
    place = where.get(key) or where.get(whole)
    return f"{place}: {message}" if place else message


def parse_config(text: str, name: str = "config.yaml") -> Config:
    """Return the configuration that a YAML text gives; ``name`` stands for it in errors."""
    return _build(
        {setting.key: parse(_rule(setting), setting) for setting in read_yaml(text, name)}
    )


def _all_settings(
    source: str | Path | None,
    environment: Mapping[str, str],
    overrides: Sequence[str],
    flags: Sequence[Setting],
) -> Iterator[Setting]:
    if source is not None:
        yield from read_file(find_config(source))
    yield from _environment_settings(environment)
    yield from map(_override, overrides)
    yield from flags


def _rule(setting: Setting) -> Rule:
    """Return the rule of a setting's key, or say which key was probably meant."""
    rule = _RULES.get(setting.key)
    if rule is not None:
        return rule
    section, _, key = setting.key.partition(".")
    if section not in SECTIONS:
        raise ConfigError(f"{setting.key_place}: {_unknown_section(section)}")
    known = {name.partition(".")[2]: name.partition(".")[0] for name in _RULES}
    elsewhere = known.get(key)
    if elsewhere is not None:
        hint = f"; it belongs in section '{elsewhere}'"
    else:
        here = [name for name in known if f"{section}.{name}" in _RULES]
        hint = nearest(key, here) or nearest(key, known)
    raise ConfigError(f"{setting.key_place}: unknown key '{key[:60]}'{hint}")


def _unknown_section(section: str) -> str:
    for name in _RULES:
        owner, _, key = name.partition(".")
        if section == key:
            return f"unknown section '{section}'; '{key}' belongs in section '{owner}'"
    hint = nearest(section, SECTIONS) or f"; expected one of {', '.join(SECTIONS)}"
    return f"unknown section '{section[:60]}'{hint}"


def _environment_settings(environment: Mapping[str, str]) -> Iterator[Setting]:
    """Yield what ``CFR_SHM_<SECTION>_<KEY>`` variables set; empty ones count as not set."""
    for variable, written in sorted(environment.items()):
        for section in SECTIONS:
            prefix = f"{_ENVIRONMENT_PREFIX}{section.upper()}_"
            if variable.startswith(prefix) and written:
                key = f"{section}.{variable.removeprefix(prefix).lower()}"
                yield Setting(key, written, variable, variable)


def _override(text: str) -> Setting:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise ConfigError(
            f"--set {text[:60]}: expected section.key=value, for example --set run.seed=1"
        )
    place = f"--set {key}"
    return Setting(key.strip(), value.strip(), place, place)


def _build(settings: Mapping[str, Value]) -> Config:
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for full, value in settings.items():
        section, _, key = full.partition(".")
        sections[section][key] = value
    return Config(**{name: kind(**sections[name]) for name, kind in SECTIONS.items()})  # type: ignore[arg-type]


def _check_together(config: Config) -> None:
    """Refuse values that are fine alone and not together."""
    config.algorithm.check()
    check_holdem(config.game, config.abstraction)
    config.engine.check()
    config.table.check(config.algorithm.name)


# --- shipped configs ---------------------------------------------------------------------


def shipped_configs() -> dict[str, Path]:
    """Return the configs that come with the package, by name."""
    package = Path(__file__).resolve().parent
    for directory in (package / "configs", package.parent / "configs"):
        found = {path.stem: path for path in sorted(directory.glob("*.yaml"))}
        if found:
            return found
    return {}


def find_config(source: str | Path) -> Path:
    """Return the file that ``source`` names: a path as it stands, a bare name as shipped.

    Raises:
        ConfigError: a bare name that no shipped config has.
    """
    path = Path(source)
    if isinstance(source, Path) or path.name != source or path.suffix in (".yaml", ".yml"):
        if not path.exists() and path.stem in (shipped := shipped_configs()):
            raise ConfigError(
                f"{path}: no such file; for the shipped config write '-c {path.stem}' "
                f"(a copy is {shipped[path.stem]})"
            )
        return path
    shipped = shipped_configs()
    if source not in shipped:
        where = f"; for the file write './{source}'" if path.exists() else nearest(source, shipped)
        raise ConfigError(
            f"no shipped config is named '{source[:60]}' (there are {', '.join(shipped)}){where}"
        )
    return shipped[source]


# --- identity and writing ----------------------------------------------------------------


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Return the configuration as plain sections of plain values."""
    return dataclasses.asdict(config)


def fingerprinted_values(config: Config | Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, by full key, that decide what a checkpoint's numbers mean.

    Keys that are null are left out, so that a key that is new changes nothing for old runs.
    """
    sections = to_dict(config) if isinstance(config, Config) else config
    return {
        f"{section}.{key}": _plain(value)
        for section, values in sections.items()
        for key, value in values.items()
        if value not in (None, _AS_BEFORE.get(f"{section}.{key}"))
        and (section in _FINGERPRINTED or f"{section}.{key}" in _FINGERPRINTED)
        and f"{section}.{key}" not in _NOT_FINGERPRINTED
    }


def _plain(value: Any) -> Any:
    """Return lists for tuples, as JSON reads them back."""
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def fingerprint(config: Config) -> str:
    """Return 64 hex digits that two configurations share if their checkpoints can be exchanged."""
    text = json.dumps(fingerprinted_values(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(
    found: Config | Mapping[str, Any], expected: Config | Mapping[str, Any]
) -> list[str]:
    """List the fingerprinted keys that differ, as ``key: found != expected``."""
    left, right = fingerprinted_values(found), fingerprinted_values(expected)
    return [
        f"{key}: {_found_value(left, key)} != {_found_value(right, key)}"
        for key in sorted(left.keys() | right.keys())
        if key not in left or key not in right or left[key] != right[key]
    ]


def _found_value(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "(missing)"


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
    for full, rule in _RULES.items():
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
