"""Splitting work over threads, and telling how far it is."""

import threading

import pytest

from cfr_shm.cards import parallel
from cfr_shm.cards.parallel import Progress, range_borders, run_ranges


@pytest.mark.parametrize(
    ("start", "stop", "pieces"), [(0, 10, 3), (5, 8, 256), (7, 8, 1), (0, 257, 256)]
)
def test_pieces_cover_the_range_once(start, stop, pieces):
    done, lock = [], threading.Lock()

    def piece(first, last):
        assert first < last
        with lock:
            done.extend(range(first, last))

    run_ranges(piece, start, stop, 3, pieces=pieces)
    assert sorted(done) == list(range(start, stop))
    assert len(range_borders(start, stop, pieces)) <= pieces + 1


def test_an_error_in_a_piece_is_raised_and_the_rest_is_left():
    done = []

    def piece(first, last):
        if first == 0:
            raise ValueError("no")
        done.append(first)

    with pytest.raises(ValueError, match="no"):
        run_ranges(piece, 0, 1000, 1)
    assert len(done) < 255


def test_progress_tells_the_time_left_from_the_pace_after_the_first_piece(monkeypatch):
    clock = iter([0.0, 10.0, 11.0, 20.0, 30.0])
    monkeypatch.setattr(parallel.time, "monotonic", lambda: next(clock))
    lines = []
    progress = Progress(lines.append)
    progress.start("turn")  # at 0
    progress.update(0.1)  # at 10: it was compiled meanwhile
    progress.update(0.2)  # at 11
    progress.update(0.6)  # at 20
    progress.finish()  # at 30
    assert lines == [
        "turn: 20% after 11 s, about 8 s left",
        "turn: 60% after 20 s, about 8 s left",
        "turn: done in 30.0 s",
    ]
    assert progress.steps == (("turn", 30.0),)
