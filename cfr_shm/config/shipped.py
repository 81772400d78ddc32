"""The configs that come with the package, and how a config is named."""

from __future__ import annotations

from pathlib import Path

from cfr_shm.config.reader import nearest
from cfr_shm.errors import ConfigError
from cfr_shm.storage.files import exists


def shipped_configs() -> dict[str, Path]:
    """Return the configs that come with the package, by name."""
    package = Path(__file__).resolve().parent.parent
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
        if not exists(path) and path.stem in (shipped := shipped_configs()):
            raise ConfigError(
                f"{path}: no such file; for the shipped config write '-c {path.stem}' "
                f"(a copy is {shipped[path.stem]})"
            )
        return path
    shipped = shipped_configs()
    if source not in shipped:
        where = f"; for the file write './{source}'" if exists(path) else nearest(source, shipped)
        raise ConfigError(
            f"no shipped config is named '{source[:60]}' (there are {', '.join(shipped)}){where}"
        )
    return shipped[source]
