"""How ``cfr-shm solve`` prints decisions, hands and next cards, and writes them to files."""

from __future__ import annotations

from typing import Any


def decision_lines(
    equity: float | None, ev: float | None, actions: list[dict[str, Any]]
) -> list[str]:
    """Return equity and EV of who decides, and the totals of his actions."""
    known = [
        "-" if value is None or value != value else f"{scale * value:.3f}"
        for value, scale in ((equity, 100.0), (ev, 1.0))
    ]
    return [f"equity {known[0]} %, EV {known[1]}", *action_lines(actions)]


def action_lines(actions: list[dict[str, Any]]) -> list[str]:
    """Return a table of a decision's actions: how often each is taken, and its EV."""
    lines = [f"{'first action':<14}{'frequency':>10}{'EV':>10}"]
    for each in actions:
        amount = f" {each['amount']:g}" if each["action"] in ("bet", "raise") else ""
        value = "-" if each["ev"] is None else f"{each['ev']:.3f}"
        frequency = "-" if each["frequency"] is None else f"{100 * each['frequency']:.2f} %"
        lines.append(f"{each['action'] + amount:<14}{frequency:>10}{value:>10}")
    return lines


def hand_lines(hands: list[dict[str, Any]]) -> list[str]:
    """Return a table of hands, those that come most first; ``*`` marks hardly ever."""
    if "card" in hands[0]:
        return _card_lines(hands)
    columns = [key for key in hands[0] if key.endswith("_frequency")]
    titles = "".join(f"{key.removesuffix('_frequency'):>9}" for key in columns)
    lines = [f"{'hand':<6}{'weight':>8}{'equity':>8}{'EV':>10}{'gain':>9}{titles}"]
    for row in sorted(hands, key=lambda each: -each["weight"]):
        equity, value = (
            "-" if row[key] is None else f"{row[key]:.4f}" if key == "equity" else f"{row[key]:.3f}"
            for key in ("equity", "ev")
        )
        gain = "-" if row["gain"] is None else f"{max(row['gain'], 0.0):.3f}"
        parts = "".join(f"{100 * row[key]:>8.1f}%" for key in columns)
        mark = "*" if row["rare"] else " "
        lines.append(
            f"{row['hand']:<5}{mark}{row['weight']:>8.4f}{equity:>8}{value:>10}{gain:>9}{parts}"
        )
    return lines


def _card_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return a table of cards that may come next."""
    columns = [key for key in rows[0] if key != "card"]
    titles = "".join(f"{key.removesuffix('_frequency'):>12}" for key in columns)
    return [
        f"{'card':<5}{titles}",
        *(
            f"{row['card']:<5}"
            + "".join("-".rjust(12) if row[k] is None else f"{row[k]:>12.4f}" for k in columns)
            for row in rows
        ),
    ]


def write_csv(path: str, hands: list[dict[str, Any]]) -> None:
    """Write rows, all with the same keys, as CSV.

    Raises:
        UsageError: the file cannot be written.
    """
    import csv
    import io
    from pathlib import Path

    from cfr_shm.storage.replacing import replaced_file

    text = io.StringIO()
    writer = csv.DictWriter(text, list(hands[0]))
    writer.writeheader()
    writer.writerows(hands)
    with replaced_file(Path(path)) as file:
        file.write(text.getvalue().encode())
