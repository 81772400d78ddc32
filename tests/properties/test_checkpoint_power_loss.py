"""A simulated disk that loses power: nothing that was acknowledged is lost, nothing is mixed.

The model is harsher than real disks. A file keeps what was synced, or any beginning of what was
written since, or zeros in its place. A directory keeps the entries that were synced, and any
part of the changes since, in order.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.memory.tables import table_of
from cfr_shm.storage.disk import Disk

GAME = kuhn()
SAVES = (100, 200, 300, 300, 400)


class PowerLost(BaseException):
    """The machine is off: nobody catches this, nothing more reaches the disk."""


class File:
    def __init__(self) -> None:
        self.written = b""
        self.synced = b""

    def after_loss(self, dice: random.Random) -> bytes:
        end = dice.randint(len(self.synced), len(self.written))
        zeros = self.synced + bytes(len(self.written) - len(self.synced))
        return dice.choice([self.synced, self.written, self.written[:end], zeros])


class Directory:
    def __init__(self) -> None:
        self.entries: dict[str, File | Directory] = {}
        self.synced: dict[str, File | Directory] = {}
        self.changes: list[list[tuple[str, File | Directory | None]]] = []

    def change(self, *entries: tuple[str, File | Directory | None]) -> None:
        """Set or remove entries in one step."""
        self.changes.append(list(entries))
        apply(self.entries, entries)

    def after_loss(self, dice: random.Random) -> dict[str, File | Directory]:
        entries = dict(self.synced)
        keep = dice.choice([0.0, 0.5, 1.0])
        for change in self.changes:
            if dice.random() < keep:
                apply(entries, change)
        return entries


def apply(entries, change) -> None:
    for name, inode in change:
        if inode is None:
            entries.pop(name, None)
        else:
            entries[name] = inode


class FragileDisk(Disk):
    """Does everything really too, syncs aside, since a save also reads the disk."""

    def __init__(self, root: Path, calls: int) -> None:
        self.root, self.left = root, calls
        self.top = Directory()
        self.open: dict[int, File] = {}

    def _step(self) -> None:
        if self.left == 0:
            raise PowerLost
        self.left -= 1

    def _find(self, path: Path) -> Directory:
        found = self.top
        for part in path.relative_to(self.root).parts:
            found = found.entries[part]
        return found

    def make_directory(self, path):
        self._step()
        super().make_directory(path)
        self._find(path.parent).change((path.name, Directory()))

    def create(self, path):
        self._step()
        descriptor = super().create(path)
        self.open[descriptor] = File()
        self._find(path.parent).change((path.name, self.open[descriptor]))
        return descriptor

    def write(self, descriptor, data):
        self._step()
        count = super().write(descriptor, data[:150])
        self.open[descriptor].written += bytes(data[:count])
        return count

    def sync(self, descriptor):
        self._step()
        self.open[descriptor].synced = self.open[descriptor].written

    def close(self, descriptor):
        super().close(descriptor)
        del self.open[descriptor]

    def sync_directory(self, path):
        self._step()
        found = self._find(path)
        found.synced, found.changes = dict(found.entries), []

    def rename(self, source, target):
        self._step()
        super().rename(source, target)
        parent = self._find(source.parent)
        parent.change((source.name, None), (target.name, parent.entries[source.name]))

    def remove(self, path):
        self._step()
        super().remove(path)
        self._find(path.parent).change((path.name, None))


class FastDisk(Disk):
    """Spares the real medium; what is lost is simulated."""

    def sync(self, descriptor):
        pass

    def sync_directory(self, path):
        pass


def restore(directory: Directory, path: Path, dice: random.Random) -> None:
    """Write what is left of a directory after the loss."""
    path.mkdir()
    for name, inode in directory.after_loss(dice).items():
        if isinstance(inode, Directory):
            restore(inode, path / name, dice)
        else:
            (path / name).write_bytes(inode.after_loss(dice))


def checkpoint_of(number: int) -> Checkpoint:
    rows = np.zeros(table_words(GAME.table_entries))
    rows.view(np.uint8)[:] = number
    table_of(rows).strategy_sum[0] = number
    iterations = SAVES[number]
    return Checkpoint("f", {}, ((0, iterations),), iterations, 0, (0.0, 0.0), 1.0, rows)


def save_until_power_is_lost(path: Path, calls: int) -> tuple[int, FragileDisk]:
    """Save one checkpoint after another; return how many were acknowledged, and the disk."""
    path.mkdir()
    disk = FragileDisk(path, calls)
    store = CheckpointStore(path / "checkpoints", disk=disk)
    acknowledged = 0
    try:
        for number in range(len(SAVES)):
            store.save(checkpoint_of(number), GAME)
            acknowledged += 1
    except PowerLost:
        pass
    return acknowledged, disk


def loses_nothing(path: Path, acknowledged: int) -> bool:
    """Load what is there: what was acknowledged last, or what was just being saved."""
    store = CheckpointStore(path / "checkpoints")
    loaded = store.load_latest(warn=lambda _: None, game=GAME)
    for number in range(max(acknowledged - 1, 0), min(acknowledged + 1, len(SAVES))):
        expected = checkpoint_of(number)
        same = loaded.rows.tobytes() == expected.rows.tobytes()
        if same and loaded.iterations == expected.iterations:
            return True
    return False


def test_the_model_loses_what_was_not_synced(tmp_path):
    disk = FragileDisk(tmp_path, 100)
    descriptor = disk.create(tmp_path / "a")
    disk.write(descriptor, memoryview(b"abc"))
    disk.close(descriptor)
    seen = set()
    for seed in range(100):
        left = disk.top.after_loss(random.Random(seed))
        seen.add(left["a"].after_loss(random.Random(seed)) if left else None)
    assert {None, b"", b"abc", b"\0\0\0", b"ab"} <= seen


@pytest.mark.parametrize("seed", [1, 2])
def test_power_loss_at_every_call_of_five_saves(tmp_path, seed):
    everything, disk = save_until_power_is_lost(tmp_path / "all", 10**6)
    assert everything == len(SAVES)
    calls = 10**6 - disk.left
    assert calls >= 60
    for lost_at in range(calls + 1):
        acknowledged, disk = save_until_power_is_lost(tmp_path / f"{lost_at}", lost_at)
        for attempt in range(4):
            left = tmp_path / f"{lost_at}-{attempt}"
            restore(disk.top, left, random.Random(f"{seed} {lost_at} {attempt}"))
            if acknowledged > 0:
                assert loses_nothing(left, acknowledged), (lost_at, attempt)
            goes_on = CheckpointStore(left / "checkpoints", disk=FastDisk())
            goes_on.save(checkpoint_of(4), GAME)
            assert loses_nothing(left, len(SAVES)), (lost_at, attempt)
