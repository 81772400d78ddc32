"""Checkpoints in the background: order, failures that end nothing, and the one that must."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.errors import ArrayStoreError, CfrShmError, MemoryReserveError, NotFiniteError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.memory.checkpoint import Checkpoint, StoredCheckpoint
from cfr_shm.run import checkpoint_writer
from cfr_shm.run.checkpoint_writer import CheckpointWriter
from cfr_shm.telemetry.events import CheckpointFailed, CheckpointSaved


def checkpoint(iterations: int) -> Checkpoint:
    return Checkpoint("f", {}, ((0, iterations),), iterations, 1, (0.0, 0.0), 1.0, np.zeros(1))


class Store:
    """Saves nothing; waits where told to, fails as often as told to."""

    def __init__(self, *faults: Exception, there: tuple[int, ...] = ()) -> None:
        self.faults = list(faults)
        self.there = there
        self.saved: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def stored(self) -> list[StoredCheckpoint]:
        return [StoredCheckpoint(Path(str(each)), each, each) for each in self.there]

    def save(self, saved: Checkpoint, game) -> Path:
        self.gate.wait(30)
        if self.faults:
            raise self.faults.pop(0)
        self.saved.append(saved.iterations)
        return Path(str(saved.iterations))


def writer_on(store: Store):
    events: list[object] = []
    after: list[tuple[int, int]] = []
    writer = CheckpointWriter(
        store,  # type: ignore[arg-type]
        kuhn(),
        events.append,
    )

    def note(saved: Checkpoint, path: Path, count: int) -> None:
        assert path == Path(str(saved.iterations))
        after.append((saved.iterations, count))

    return writer, events, after, note


def test_writing_goes_on_in_the_background():
    store = Store()
    store.gate.clear()
    writer, events, after, note = writer_on(store)
    writer.begin(checkpoint(5), note)
    assert writer.busy
    assert store.saved == []
    store.gate.set()
    writer.wait()
    assert not writer.busy
    assert (store.saved, after) == ([5], [(5, 1)])
    assert (writer.saved, writer.newest) == (1, Path("5"))
    assert isinstance(events[0], CheckpointSaved)


def test_copies_share_one_memory_taken_ahead():
    writer, _, _, _ = writer_on(Store())
    writer.prepare(4)
    first = writer.copy_of(np.arange(4.0))
    assert first is not None
    assert first.tolist() == [0.0, 1.0, 2.0, 3.0]
    second = writer.copy_of(np.ones(4))
    assert second is first
    assert first.tolist() == [1.0] * 4


def test_without_memory_there_is_no_copy(monkeypatch):
    def no_memory(byte_count, limits):
        raise MemoryReserveError("too little")

    monkeypatch.setattr(checkpoint_writer, "require_memory", no_memory)
    writer, _, _, _ = writer_on(Store())
    writer.prepare(4)
    assert writer.copy_of(np.ones(4)) is None


@pytest.mark.parametrize(
    "fault", [OSError(28, "No space left"), ArrayStoreError("x: No space left")]
)
def test_a_full_disk_costs_one_checkpoint(fault):
    store = Store(fault)
    writer, events, after, note = writer_on(store)
    writer.begin(checkpoint(5), note)
    writer.begin(checkpoint(6), note)
    writer.wait()
    assert (store.saved, after) == ([6], [(6, 1)])
    assert (writer.saved, writer.newest) == (1, Path("6"))
    assert isinstance(events[0], CheckpointFailed)
    assert "No space left" in events[0].reason
    assert not writer.failed


def test_not_a_number_ends_the_run():
    writer, _, after, note = writer_on(Store(NotFiniteError("regret[3] is nan")))
    writer.begin(checkpoint(5), note)
    with pytest.raises(NotFiniteError, match=r"regret\[3\]"):
        writer.wait()
    writer.wait()
    assert after == []
    writer, _, _, note = writer_on(Store(NotFiniteError("regret[3] is nan")))
    with pytest.raises(NotFiniteError):
        writer.write_now(checkpoint(5), note)


def test_what_the_thread_did_is_known_once_it_was_waited_for():
    store = Store()
    store.gate.clear()
    writer, _, after, note = writer_on(store)
    before = vars(writer).copy()
    writer.begin(checkpoint(5), note)
    begun = vars(writer).copy()
    store.gate.set()
    writer._writing.result()
    assert after == [(5, 1)]
    assert vars(writer) == begun
    assert {key for key in begun if begun[key] != before[key]} == {"_writing"}
    writer.wait()
    assert (writer.saved, writer.newest) == (1, Path("5"))


def test_the_last_one_is_tried_again(monkeypatch):
    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (0.0, 0.0))
    full = OSError(28, "No space left")
    writer, events, _, _ = writer_on(Store(full, full))
    assert writer.write_last(checkpoint(5)) == Path("5")
    assert [type(event) for event in events] == [
        CheckpointFailed,
        CheckpointFailed,
        CheckpointSaved,
    ]
    writer, _, _, _ = writer_on(Store(full, full, full))
    with pytest.raises(CfrShmError, match=r"written: .*No space left.*; there is no other$"):
        writer.write_last(checkpoint(5))
    writer, _, _, _ = writer_on(Store(full, full, full, there=(3,)))
    with pytest.raises(CfrShmError, match=r"No space left.*; earlier ones are intact$"):
        writer.write_last(checkpoint(5))
    writer, _, _, _ = writer_on(Store(NotFiniteError("regret[3] is nan")))
    with pytest.raises(NotFiniteError):
        writer.write_last(checkpoint(5))
