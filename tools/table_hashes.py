"""Print one SHA-256 for each way to train: ``tools/table_hashes.py [NAME ...]``.

Each trains through the command line, in this process, with a fixed seed and number of iterations,
and hashes what its checkpoint holds: the table, the nodes visited and the summed utilities. Two
versions of the program that print the same lines compute the same tables, bit for bit. The list
of this version is in ``tests/reference/table_hashes.txt``, which a test compares; write it anew
with ``--write`` where a change is meant to change tables, and say why in the commit message.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tempfile
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

from cfr_shm.cli.main import main as run_command

LIST = Path(__file__).resolve().parents[1] / "tests" / "reference" / "table_hashes.txt"

_SMALL_HOLDEM = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
"""
_PUSH_OR_FOLD = """
game: {name: holdem, players: PLAYERS, blinds: [100, 200], stacks: 10bb, board_cards: [0]}
abstraction: {preflop: [[allin]], limp: false}
"""
#: Config files that are written for those that name them; others are shipped.
CONFIGS = {
    "small_holdem": _SMALL_HOLDEM,
    "push_or_fold": _PUSH_OR_FOLD.replace("PLAYERS", "2"),
    "push_or_fold_3": _PUSH_OR_FOLD.replace("PLAYERS", "3"),
    "leduc_3": "game: {name: leduc, players: 3, merge_suits: true}\n",
}

_FULL_WIDTH = ("cfr", "cfr_plus", "lcfr", "dcfr", "dcfr_plus", "pcfr_plus", "pdcfr_plus")
_EXTERNAL, _OUTCOME = "name=external_sampling", "name=outcome_sampling"
_CHANCE, _PUBLIC = "name=chance_sampling", "name=public_chance_sampling"
_APART = ("averaging=separate", "average_opponents=explored")
_ON_PATHS = ("averaging=separate", "average_opponents=sampled")
_LINEAR, _VANILLA = "weighting=linear", "weighting=vanilla"
_PRUNED = ("prune_threshold=-2", "prune_probability=0.5", "prune_after=500")

#: What there is to train with each config: name, iterations, keys of the section ``algorithm``.
#: Every one is run in both modes where its algorithm has both.
_SAMPLED: dict[str, list[tuple[str, int, tuple[str, ...]]]] = {
    "leduc": [
        ("external", 20_000, (_EXTERNAL,)),
        ("external linear", 20_000, (_EXTERNAL, _LINEAR)),
        ("external interleaved", 20_000, (_EXTERNAL, "in_flight=8")),
        ("external pruned", 20_000, (_EXTERNAL, *_PRUNED)),
        ("external floored", 20_000, (_EXTERNAL, "regret_floor=0", _LINEAR)),
        ("external discounted", 20_000, (_EXTERNAL, "weighting=dcfr", "discount_interval=3000")),
        ("external averaged apart", 20_000, (_EXTERNAL, *_APART)),
        ("external averaged on paths", 20_000, (_EXTERNAL, *_ON_PATHS, _LINEAR)),
        ("outcome", 40_000, (_OUTCOME, "epsilon=0:0.6,9000:0.3")),
        ("outcome linear floored", 40_000, (_OUTCOME, _LINEAR, "regret_floor=-9")),
        ("chance", 3_000, (_CHANCE,)),
        ("chance linear floored", 3_000, (_CHANCE, _LINEAR, "regret_floor=-9")),
        ("public chance", 3_000, (_PUBLIC,)),
        ("public chance linear floored", 3_000, (_PUBLIC, _LINEAR, "regret_floor=-9")),
    ],
    "leduc_3": [
        ("external", 5_000, (_EXTERNAL, "averaging=on_the_way")),
        (
            "external averaged apart now and then",
            5_000,
            (_EXTERNAL, *_APART, "average_probability=0.1", "in_flight=4"),
        ),
        (
            "external averaged on paths, interleaved, pruned",
            5_000,
            (_EXTERNAL, *_ON_PATHS, "in_flight=4", *_PRUNED),
        ),
        ("outcome", 20_000, (_OUTCOME, _LINEAR)),
        ("public chance", 300, (_PUBLIC, _LINEAR)),
    ],
    "small_holdem": [
        ("external", 20_000, (_EXTERNAL, _VANILLA)),
        ("public chance", 300, (_PUBLIC, _VANILLA)),
    ],
    "push_or_fold": [("external", 20_000, (_EXTERNAL, _LINEAR))],
    "push_or_fold_3": [("external averaged on paths", 20_000, (_EXTERNAL, *_ON_PATHS, _VANILLA))],
    "synthetic_16mb": [("external interleaved", 4_000, (_EXTERNAL, "in_flight=8"))],
    "goofspiel": [("external", 2_000, (_EXTERNAL,)), ("outcome", 2_000, (_OUTCOME,))],
    "liars_dice": [("external", 2_000, (_EXTERNAL,)), ("chance", 200, (_CHANCE,))],
}
#: By what is appended to the name.
_MODES = {
    "": ("--num-workers", "1"),
    ", compact": ("--num-workers", "1", "--set", "table.compact=true"),
    ", deterministic": ("--num-workers", "1", "--mode", "deterministic"),
    ", compact, deterministic": (
        *("--num-workers", "1", "--mode", "deterministic"),
        *("--set", "table.compact=true", "--set", "engine.freeze=100"),
    ),
}
#: Utilities are summed up task by task: their last bits depend on the tasks' sizes.
_ALWAYS = ("--seed", "7", "--batch-size", "4096", "--no-tensorboard")
_ALL_DEALS = {"kuhn": 200, "leduc": 100, "leduc_3": 5, "small_holdem": 10, "goofspiel": 20}


def ways() -> dict[str, list[str]]:
    """Return the arguments of ``cfr-shm train`` for every way to train, by name."""
    found: dict[str, list[str]] = {}
    for config, chosen in _SAMPLED.items():
        for name, iterations, keys in chosen:
            run = ["-c", config, "--iters", str(iterations), *_keys(keys)]
            for suffix, options in _MODES.items():
                if config == "leduc" or "compact" not in suffix:
                    found[f"{config}, {name}{suffix}"] = [*run, *options]
    for config, iterations in _ALL_DEALS.items():
        for name in _FULL_WIDTH if config in ("kuhn", "leduc") else ("cfr", "pdcfr_plus"):
            run = ["-c", config, "--iters", str(iterations), *_keys((f"name={name}",))]
            found[f"{config}, {name}"] = [*run, "--num-workers", "1"]
    for workers in (2, 3):
        deterministic = ["--mode", "deterministic", "--num-workers", str(workers)]
        name = f"leduc, external, deterministic, {workers} workers"
        found[name] = ["-c", "leduc", "--iters", "20000", *deterministic]
        name = f"leduc, dcfr, {workers} workers"
        found[name] = ["-c", "leduc", "--iters", "100", "--num-workers", str(workers)]
        found[name] += _keys(("name=dcfr",))
    return found


def _keys(keys: Iterable[str]) -> list[str]:
    return [each for key in keys for each in ("--set", f"algorithm.{key}")]


def hash_of(arguments: list[str]) -> str:
    """Train and return the SHA-256 of what the last checkpoint holds.

    Raises:
        RuntimeError: the training failed; with what it said.
    """
    with tempfile.TemporaryDirectory() as directory:
        arguments = [_config(each, Path(directory)) for each in arguments]
        run = Path(directory) / "run"
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            status = run_command(["train", *arguments, *_ALWAYS, "--logdir", str(run)])
        if status != 0:
            raise RuntimeError(f"train {' '.join(arguments)}: status {status}\n{said.getvalue()}")
        (checkpoint,) = (run / "checkpoints").iterdir()
        about = json.loads((checkpoint / "manifest.json").read_text())["about"]
        digest = hashlib.sha256(np.load(checkpoint / "rows.npy").tobytes())
        for key in ("iterations", "nodes", "utility_sums"):
            digest.update(f"{key} {about[key]}\n".encode())
    return digest.hexdigest()


def _config(argument: str, directory: Path) -> str:
    """Return the path of a config that is ours, written; anything else as it is."""
    if argument not in CONFIGS:
        return argument
    path = directory / f"{argument}.yaml"
    path.write_text(CONFIGS[argument])
    return str(path)


def listed() -> dict[str, str]:
    """Return the hashes that are kept, by name."""
    lines = (line.split("  ", 1) for line in LIST.read_text().splitlines())
    return {name: digest for digest, name in lines}


def main(arguments: list[str]) -> None:
    """Print the hashes, and write them to the list if asked."""
    writes = "--write" in arguments
    chosen = [each for each in arguments if each != "--write"]
    lines = []
    for name, train in ways().items():
        if not chosen or name in chosen:
            lines.append(f"{hash_of(train)}  {name}")
            print(lines[-1], flush=True)
    if writes:
        LIST.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
