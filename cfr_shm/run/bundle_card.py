"""The README of a bundle: what a strategy is, how good, and how to load it, as hubs expect it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cfr_shm import __version__
from cfr_shm.games.game import Game
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.telemetry.plain_text import plain

_LOADING = """
## How to load it

    pip install cfr-shm
    cfr-shm query DIR --hole AhKd
    cfr-shm show DIR
    cfr-shm view DIR
    cfr-shm play DIR
    cfr-shm eval DIR
    cfr-shm match DIR another
    cfr-shm export DIR --check

```python
import cfr_shm

strategy = cfr_shm.open_run("DIR")
strategy.hand("AhKd")
```

`strategy/` and `buckets/` are NumPy arrays, each with a manifest of sizes and SHA-256 digests,
which the last command compares. Nothing in them is code, and nothing is unpickled.
"""


def bundle_card(game: Game, checkpoint: Checkpoint, summary: Mapping[str, Any], name: str) -> str:
    """Return the card's text: a YAML head, and Markdown.

    Args:
        game: that was trained.
        checkpoint: what is in the bundle.
        summary: of the run, as ``summary.json`` has it; may be empty.
        name: of the bundle.
    """
    measures = list(_measures(summary, checkpoint.iterations))
    lines = ["---", "library_name: cfr-shm", "tags:"]
    lines += [f"- {tag}" for tag in ("poker", "cfr", "game-theory", "imperfect-information")]
    lines += ["model-index:", f"- name: {_quoted(name)}", *_results(game, measures), "---", ""]
    lines += [f"# {plain(name)}", "", *_facts(game, checkpoint, summary), ""]
    lines += ["## How good it is", "", *_told(measures)]
    lines += ["", "## Limits", "", *_limits(game), _LOADING, "## Configuration", "", "```json"]
    lines += [json.dumps(checkpoint.config, indent=1, sort_keys=True), "```", ""]
    return "\n".join(lines)


def _measures(summary: Mapping[str, Any], iterations: int) -> Iterator[tuple[str, float, str]]:
    """Yield what was measured of this very checkpoint: the measure, its value and its unit."""
    if summary.get("iterations") != iterations:
        return
    exact = summary.get("exploitability")
    if isinstance(exact, Mapping) and isinstance(exact.get("value"), int | float):
        yield "exploitability", float(exact["value"]), str(exact.get("unit", ""))
    quality = summary.get("quality")
    if not isinstance(quality, Mapping) or quality.get("method") == "exact":
        return
    if isinstance(quality.get("value"), int | float):
        name = f"exploitability at least, by {quality.get('method')}"
        yield name, float(quality["value"]), str(quality.get("unit", "mbb"))


def _results(game: Game, measures: list[tuple[str, float, str]]) -> Iterator[str]:
    yield "  results:"
    yield "  - task:"
    yield "      type: reinforcement-learning"
    yield f"    dataset: {{name: {_quoted(game.name)}, type: {_quoted(game.name)}}}"
    if not measures:
        yield "    metrics: []"
        return
    yield "    metrics:"
    for name, value, unit in measures:
        told = _quoted(f"{name} ({unit})")
        yield f"    - {{type: exploitability, name: {told}, value: {value!r}}}"


def _facts(game: Game, checkpoint: Checkpoint, summary: Mapping[str, Any]) -> Iterator[str]:
    algorithm = checkpoint.config.get("algorithm", {}).get("name", "?")
    workers = summary.get("workers")
    yield f"The average strategy of {game.player_count} players of {plain(game.name)}, trained by"
    yield f"`cfr-shm train` ({algorithm}): {checkpoint.iterations:,} iterations in"
    yield f"{checkpoint.seconds / 3600.0:,.3f} hours" + (
        f" of {workers} workers." if workers else "."
    )
    yield f"The table has {game.table_entries:,} entries, {game.table_bytes / 2**20:,.1f} MiB."
    if game.bucket_file is not None:
        yield f"Hands play by card buckets {game.bucket_file.fingerprint[:16]}, which are included."
    yield f"Written by cfr-shm {__version__}; fingerprint {checkpoint.fingerprint[:16]}."


def _told(measures: list[tuple[str, float, str]]) -> Iterator[str]:
    if not measures:
        yield "Not measured when it was trained; `cfr-shm eval DIR` does it."
    for name, value, unit in measures:
        yield f"- {name}: {value:.6g} {unit}"


def _limits(game: Game) -> Iterator[str]:
    yield "Rows that training never visited have no strategy; they are played uniformly and marked."
    if game.player_count > 2:
        yield "With three and more players nothing guarantees that this is an equilibrium."
    if game.betting is not None:
        yield "Bet sizes that the tree does not have are translated to those that it has."


def _quoted(text: str) -> str:
    """Return a text that YAML takes for just that: JSON is YAML."""
    return json.dumps(plain(text))
