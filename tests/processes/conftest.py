"""What tests that start processes check of each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_harness import PIDS, SEGMENTS, children, is_gone, is_unlinked


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    before = children()
    PIDS.clear()  # A busy machine gives numbers of long ago to others.
    yield
    assert children() <= before
    assert all(is_gone(pid) for pid in PIDS)
    assert all(is_unlinked(segment) for segment in SEGMENTS)
