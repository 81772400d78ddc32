"""Save a checkpoint in a child that is killed before its n-th system call, for every n.

    python checkpoint_kills.py <empty directory>

Prints one JSON list per kill: whether the child was killed, which call it was about to make,
which checkpoint loads afterwards, and what lies in the directory after one more save.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.memory.tables import table_of
from cfr_shm.storage.disk import DISK, Disk

GAME = kuhn()


class DeadlyDisk:
    """Kills its process when it is asked for call number ``at``."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __getattr__(self, name):
        def call(*arguments, **keywords):
            if self.calls == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.calls += 1
            if name == "write":
                arguments = (arguments[0], arguments[1][:20])
            return getattr(DISK, name)(*arguments, **keywords)

        return call


class FastDisk(Disk):
    """For the saves that are not under fire: nobody pulls the plug."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


def checkpoint_of(iterations: int) -> Checkpoint:
    rows = np.zeros(table_words(GAME.table_entries))
    rows.view(np.uint8)[:] = iterations // 100
    table_of(rows).strategy_sum[0] = iterations
    return Checkpoint("f", {}, ((0, iterations),), iterations, 0, (0.0, 0.0), 1.0, rows)


def save(directory: Path, iterations: int, disk: Disk | None = None) -> None:
    CheckpointStore(directory, disk=disk or FastDisk()).save(checkpoint_of(iterations), GAME)


def killed_child(directory: Path, at: int) -> bool:
    """Save 300 in a child; return whether it was killed before it was done."""
    child = os.fork()
    if child == 0:
        save(directory, 300, DeadlyDisk(at))  # type: ignore[arg-type]
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status != 0


def loads(directory: Path) -> int:
    """Return the iterations of the checkpoint that loads, which must be whole."""
    loaded = CheckpointStore(directory).load_latest(warn=sys.exit, game=GAME)
    assert loaded.rows.tobytes() == checkpoint_of(loaded.iterations).rows.tobytes()
    return loaded.iterations


def main(parent: Path) -> None:
    at, killed = 0, True
    while killed:
        directory = parent / str(at)
        save(directory, 100)
        save(directory, 200)
        killed = killed_child(directory, at)
        found = loads(directory)
        save(directory, 400)
        assert loads(directory) == 400
        left = sorted(path.name for path in directory.iterdir())
        sys.stdout.write(json.dumps([at, killed, found, left]) + "\n")
        at += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
