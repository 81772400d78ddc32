"""The order in which a run is told things, and where each of them was said.

Defaults give way to the config file, which gives way to environment variables
(``CFR_SHM_<SECTION>_<KEY>``), to ``--set section.key=value``, and at last to named flags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cfr_shm.algorithms import EXTERNAL_SAMPLING, SAMPLED
from cfr_shm.config.algorithm import HOLDEM_WEIGHTING
from cfr_shm.config.holdem import HOLDEM
from cfr_shm.config.holdem_checks import check_holdem
from cfr_shm.config.reader import Rule, Setting, Value, nearest, parse, places, read_file, read_yaml
from cfr_shm.config.run import DEFAULT_TIME_BUDGET_SECONDS
from cfr_shm.config.sections import RULES, SECTIONS, Config
from cfr_shm.config.shipped import find_config
from cfr_shm.errors import ConfigError

_ENVIRONMENT_PREFIX = "CFR_SHM_"


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
    bounds = ("run.iterations", "run.time_budget", "run.stop")
    is_spot = any(key.startswith("spot.") for key, value in settings.items() if value is not None)
    if not is_spot and all(settings.get(key) is None for key in bounds):
        settings["run.time_budget"] = DEFAULT_TIME_BUDGET_SECONDS
    if settings.get("algorithm.weighting") is None and _samples_holdem(settings):
        settings["algorithm.weighting"] = HOLDEM_WEIGHTING
    config = _build(settings)
    try:
        _check_together(config)
    except ConfigError as error:
        raise ConfigError(_with_place(str(error), where)) from None
    return config


def _samples_holdem(settings: Mapping[str, Value]) -> bool:
    """Tell whether what is set is hold'em, and an algorithm whose iterations are weighted."""
    name = settings.get("algorithm.name", EXTERNAL_SAMPLING)
    return settings.get("game.name") == HOLDEM and name in SAMPLED


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


def said(
    key: str,
    source: str | Path | None,
    environment: Mapping[str, str],
    overrides: Sequence[str],
    flags: Sequence[Setting],
) -> str | None:
    """Return what the sources of ``load_config`` say of one key, None for nothing; unchecked.

    Raises:
        ConfigError: a source cannot be read.
    """
    found = _all_settings(source, environment, overrides, flags)
    return next((str(each.text) for each in reversed(list(found)) if each.key == key), None)


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
    rule = RULES.get(setting.key)
    if rule is not None:
        return rule
    section, _, key = setting.key.partition(".")
    if section not in SECTIONS:
        raise ConfigError(f"{setting.key_place}: {_unknown_section(section)}")
    known = {name.partition(".")[2]: name.partition(".")[0] for name in RULES}
    elsewhere = known.get(key)
    if elsewhere is not None:
        hint = f"; it belongs in section '{elsewhere}'"
    else:
        here = [name for name in known if f"{section}.{name}" in RULES]
        hint = nearest(key, here) or nearest(key, known)
    raise ConfigError(f"{setting.key_place}: unknown key '{key[:60]}'{hint}")


def _unknown_section(section: str) -> str:
    for name in RULES:
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
    config.run.check()
    config.spot.check(config.game.players)
