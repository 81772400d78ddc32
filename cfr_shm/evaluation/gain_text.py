"""Where a strategy loses, in words and as a picture (extra ``plots``)."""

from __future__ import annotations

from pathlib import Path

from cfr_shm.evaluation.estimates import Estimate
from cfr_shm.evaluation.gain_kinds import GROUPS
from cfr_shm.evaluation.gain_parts import GainParts
from cfr_shm.evaluation.measure import unit_of
from cfr_shm.evaluation.measure_text import interval_text
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.public_lines import public_line
from cfr_shm.strategy.public import holdem_parts
from cfr_shm.telemetry.plots import new_figure, require_matplotlib, save_figure

#: Lines that are told; all are added up.
LINES_TOLD = 10

#: What each group sorts by, in words.
HEADINGS = {
    "street": "by street",
    "action": "by what the responder does",
    "reach": "by how likely the strategy itself comes there, given the cards",
    "visits": "by visits of the strategy's own row there",
    "strength": "by strength of the hand, in tenths of the street's buckets",
}


def where_lines(game: Game, found: GainParts, method: str) -> list[str]:
    """Return where a responder gains, a line for the whole, then group by group."""
    unit, factor = unit_of(game)
    gain = found.gain.scaled(factor)
    lines = [f"a best response from the {method} on gains {interval_text(gain, unit)}, of which"]
    for group, names in GROUPS.items():
        lines.append(f"{HEADINGS[group]}:")
        parts = [(name, found.kinds[group][name].scaled(factor)) for name in names]
        known = [(name, part) for name, part in parts if part.value != 0.0]
        lines += [f"  {_row(name, part, gain)}" for name, part in known]
    lines.append(f"by line, the largest {LINES_TOLD} of {len(found.lines):,}:")
    for node, part in found.lines[:LINES_TOLD]:
        lines.append(f"  {_row(line_of(game, node), part.scaled(factor), gain)}")
    return lines


def _row(name: str, part: Estimate, gain: Estimate) -> str:
    share = 100.0 * part.value / gain.value if gain.value else 0.0
    half = part.high - part.value
    return f"{part.value:9.1f} +- {half:6.1f} {share:5.1f} %  {name}"


def line_of(game: Game, node: int) -> str:
    """Return the line that leads to a node, as everybody writes it."""
    return public_line(holdem_parts(game)[0], node, game.big_blind)


def where_document(game: Game, found: GainParts) -> dict[str, object]:
    """Return the same as JSON: every kind, and the lines that are told."""
    _, factor = unit_of(game)
    return {
        "gain": _interval(found.gain.scaled(factor)),
        "parts": {
            group: {name: _interval(part.scaled(factor)) for name, part in kinds.items()}
            for group, kinds in found.kinds.items()
        },
        "line_count": len(found.lines),
        "lines": [
            {"line": line_of(game, node), "node": node} | _interval(part.scaled(factor))
            for node, part in found.lines[:LINES_TOLD]
        ],
    }


def _interval(part: Estimate) -> dict[str, object]:
    return {"value": part.value, "low": part.low, "high": part.high}


def draw_where(game: Game, found: GainParts, title: str, path: Path) -> None:
    """Draw every group as bars with intervals.

    Raises:
        UsageError: matplotlib is missing, or the file cannot be written.
    """
    require_matplotlib("--plot")
    unit, factor = unit_of(game)
    figure, axes = new_figure(len(GROUPS) + 1, height=2.6)
    figure.suptitle(title)
    groups = [(HEADINGS[group], list(found.kinds[group].items())) for group in GROUPS]
    told = [(line_of(game, node), part) for node, part in found.lines[:LINES_TOLD]]
    groups.append((f"by line, the largest {len(told)} of {len(found.lines):,}", told))
    for axis, (heading, parts) in zip(axes, groups, strict=True):
        shown = [(name, part.scaled(factor)) for name, part in parts if part.value != 0.0]
        names, values = [name for name, _ in shown], [part.value for _, part in shown]
        halves = [part.high - part.value for _, part in shown]
        axis.barh(range(len(names)), values, xerr=halves, color="#4878a8", ecolor="#333333")
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
        axis.axvline(0.0, color="#333333", linewidth=0.8)
        axis.set_title(heading, loc="left", fontsize="medium")
    axes[-1].set_xlabel(f"what a best responder gains, {unit} a hand, with 95 % intervals")
    save_figure(figure, path)
