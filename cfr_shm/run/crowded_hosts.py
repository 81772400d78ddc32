"""Whether the ranks of a host have more workers together than it has cores."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from cfr_shm.errors import UsageError
from cfr_shm.machine.cores import JOB_CORES, core_numbers, deciding_limit
from cfr_shm.ranks.world import World
from cfr_shm.run.setup import Settled


@dataclass(frozen=True)
class Place:
    """Where a rank runs, and with what.

    Attributes:
        host: its name.
        workers: of the rank.
        cores: that the rank may use at the same time.
        own: whether the batch job has given so many to this rank alone.
        numbers: of the cores that it may run on; a launcher may have given each rank its own.
    """

    host: str
    workers: int
    cores: int
    own: bool
    numbers: frozenset[int]

    @classmethod
    def here(cls, workers: int) -> Place:
        """Return that of this process."""
        limit = deciding_limit()
        own = limit.name.startswith(JOB_CORES)
        return cls(socket.gethostname(), workers, limit.cores, own, core_numbers())

    @classmethod
    def of_text(cls, text: str) -> Place:
        """Return what ``text`` was made of."""
        host, workers, cores, own, numbers = text.rsplit(" ", 4)
        there = frozenset(map(int, numbers.split(",")))
        return cls(host, int(workers), int(cores), own == "own", there)

    @property
    def text(self) -> str:
        """What the other ranks are told."""
        numbers = ",".join(map(str, sorted(self.numbers)))
        own = "own" if self.own else "shared"
        return f"{self.host} {self.workers} {self.cores} {own} {numbers}"


def cores_together(places: Sequence[Place]) -> int:
    """Return how many cores ranks of one host have together.

    Ranks on the same cores share what each of them may use, unless a batch job has given each
    its own; ranks on different cores do not.

    >>> few, others = frozenset({0, 1}), frozenset({2, 3})
    >>> cores_together([Place("a", 2, 2, False, few), Place("a", 2, 2, False, few)])
    2
    >>> cores_together([Place("a", 2, 2, False, few), Place("a", 2, 2, False, others)])
    4
    """
    own = sum(place.cores for place in places if place.own)
    shared: dict[frozenset[int], int] = {}
    for place in places:
        if not place.own:
            shared[place.numbers] = max(place.cores, shared.get(place.numbers, 0))
    everywhere = frozenset[int]().union(*(place.numbers for place in places))
    return min(own + sum(shared.values()), len(everywhere))


def refuse_crowded_hosts(settled: Settled, world: World) -> None:
    """Refuse ranks that have more workers than cores on a host; every rank calls it.

    A rank takes all usable cores where nobody says how many workers it has: two of them on one
    machine are twice as many as can run.

    Raises:
        UsageError: names the host and what to do.
    """
    if world.size == 1:
        return
    texts = world.texts(Place.here(settled.engine.worker_count).text)
    if settled.config.engine.oversubscribe:
        return
    places = [Place.of_text(text) for text in texts]
    for host in dict.fromkeys(place.host for place in places):
        there = [place for place in places if place.host == host]
        workers, cores = sum(place.workers for place in there), cores_together(there)
        if len(there) > 1 and workers > cores:
            raise UsageError(
                f"{host}: {len(there)} ranks with {workers} workers together, and {cores} usable "
                "cores: start one rank on each machine, or say --num-workers; to have it all the "
                "same, --set engine.oversubscribe=true"
            )
