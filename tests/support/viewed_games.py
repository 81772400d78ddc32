"""Runs for tests of the viewer, trained in a moment."""

from __future__ import annotations

from cfr_shm.cli.main import main

#: 20 cards, four streets, all-in or limp.
ROYAL = """\
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""


def train_royal(path, iterations=20_000, resume=False, text=ROYAL):
    """Train, or go on; return the run's directory."""
    (path.parent / "royal.yaml").write_text(text)
    common = ["--iters", str(iterations), "--loglevel", "warning"]
    if resume:
        assert main(["resume", str(path), *common]) == 0
        return path
    arguments = ["train", "-c", str(path.parent / "royal.yaml"), "--logdir", str(path), *common]
    arguments += ["--seed", "1", "--num-workers", "1", "--set", "run.quality=off"]
    assert main(arguments) == 0
    return path


def train_kuhn(path):
    arguments = ["train", "-c", "kuhn", "--iters", "2000", "--seed", "1", "--logdir", str(path)]
    assert main([*arguments, "--num-workers", "1", "--loglevel", "warning"]) == 0
    return path
