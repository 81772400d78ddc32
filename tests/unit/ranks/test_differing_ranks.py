"""What ranks compare before a run: a rank that has other files, or another checkpoint, is named."""

import dataclasses
from types import SimpleNamespace

import pytest
from ranked_training import settings
from threaded_world import run_ranks

from cfr_shm.config.sections import SECTIONS
from cfr_shm.errors import UsageError
from cfr_shm.run import ranked
from cfr_shm.run.ranked import refuse_differences


def told(own):
    """Return what three ranks are told, of which the last has ``own(rank)``."""
    settled, game = settings()

    def work(world):
        with pytest.raises(UsageError) as caught:
            refuse_differences(*own(world.rank, settled, game), world)
        return str(caught.value)

    found = run_ranks(3, work)
    assert len(set(found)) == 1
    return found[0]


def test_other_card_buckets():
    def own(rank, settled, game):
        file = SimpleNamespace(fingerprint="5" * 64 if rank == 2 else "7" * 64)
        return settled, dataclasses.replace(game, bucket_file=file), None

    line = told(own)
    assert line.startswith("rank 2 has another card buckets than rank 0 (555")
    assert "instead of 777" in line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"iterations": 2000}, "2000 iterations"),
        ({"utility_sums": (2.0, -2.0)}, "2 -2 instead of"),
    ],
    ids=["iterations", "utilities"],
)
def test_another_checkpoint(changes, line):
    """Also one of as many iterations, and of as many nodes, of another run."""

    def own(rank, settled, game):
        here = {"iterations": 1000, "nodes": 5000, "utility_sums": (1.0, -1.0)}
        found = here | changes if rank == 2 else here
        return settled, game, SimpleNamespace(**found)

    found = told(own)
    assert found.startswith("rank 2 has another checkpoint than rank 0 (")
    assert line in found


def test_the_start_and_a_checkpoint():
    def own(rank, settled, game):
        done = SimpleNamespace(iterations=64, nodes=1, utility_sums=(0.0, 0.0))
        return settled, game, done if rank < 2 else None

    assert "the start instead of 64 iterations" in told(own)


def test_what_may_differ_is_there():
    """A key that is renamed would be compared under its new name."""
    keys = {
        f"{section}.{field.name}"
        for section, values in SECTIONS.items()
        for field in dataclasses.fields(values)
    }
    assert keys >= ranked._OF_EACH_MACHINE
