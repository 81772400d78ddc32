"""More workers than cores over the ranks of a host: counted host by host, and refused by all."""

import dataclasses

import pytest
from ranked_training import settings
from threaded_world import run_ranks

from cfr_shm.errors import UsageError
from cfr_shm.run.crowded_hosts import Place, cores_together, refuse_crowded_hosts

FOUR = frozenset(range(4))


def refused(places, *overrides):
    """Return what each rank says, None where it has nothing against ``places``."""
    settled, _ = settings(*overrides)

    def work(world):
        place = places[world.rank]
        world.texts = lambda _text, tell=world.texts: tell(place.text)
        try:
            refuse_crowded_hosts(settled, world)
        except UsageError as error:
            return str(error)
        return None

    return run_ranks(len(places), work)


def test_what_a_rank_tells_is_what_the_others_understand():
    place = Place.here(3)
    assert Place.of_text(place.text) == place
    assert place.workers == 3
    assert place.cores >= 1
    named = dataclasses.replace(place, host="a host", own=True)
    assert Place.of_text(named.text) == named


def test_two_ranks_that_each_take_all_cores_are_refused_by_all_alike():
    said = refused([Place("a", 4, 4, False, FOUR)] * 2)
    assert said[0] == said[1]
    assert said[0].startswith("a: 2 ranks with 8 workers together, and 4 usable cores")
    assert "--num-workers" in said[0]


@pytest.mark.parametrize(
    "places",
    [
        [Place("a", 2, 4, False, FOUR)] * 2,
        [Place("a", 4, 4, False, FOUR), Place("b", 4, 4, False, FOUR)],
        [Place("a", 2, 2, False, frozenset({0, 1})), Place("a", 2, 2, False, frozenset({2, 3}))],
        [Place("a", 2, 2, True, FOUR)] * 2,
        [Place("a", 8, 4, False, FOUR), Place("b", 1, 4, False, FOUR)],
    ],
    ids=["enough", "two hosts", "bound to cores", "given by the job", "one rank's own choice"],
)
def test_what_fits_is_not_refused(places):
    assert refused(places) == [None, None]


def test_only_the_host_that_is_crowded_is_named():
    fine, crowded = Place("a", 4, 4, False, FOUR), Place("b", 3, 4, False, FOUR)
    said = refused([fine, crowded, crowded])
    assert said[0].startswith("b: 2 ranks with 6 workers")


def test_a_quota_is_shared_and_a_job_gives_no_more_than_there_is():
    assert cores_together([Place("a", 1, 2, False, FOUR)] * 3) == 2
    assert cores_together([Place("a", 1, 2, True, FOUR)] * 3) == 4


def test_it_can_be_had_all_the_same():
    places = [Place("a", 4, 4, False, FOUR)] * 2
    assert refused(places, "engine.oversubscribe=true") == [None, None]
