"""What ranks agree on before a run begins, so that nothing is written where they cannot."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from cfr_shm import __version__
from cfr_shm.algorithms import EXTERNAL_SAMPLING, FULL_WIDTH
from cfr_shm.errors import CfrShmError, ConfigError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.kernels.cache import machine_code
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.ranks.exchange import DAMPING
from cfr_shm.ranks.world import World
from cfr_shm.run.setup import Settled

#: Of what differs between two ranks.
TOLD_LETTERS = 24


class ToldElsewhereError(CfrShmError):
    """The run ends for a reason that another rank prints."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.agreed = self.told = True


@contextlib.contextmanager
def together(world: World) -> Iterator[None]:
    """Go on only if every rank has come so far; otherwise one of them tells why.

    Raises:
        CfrShmError: this rank's own, where it is the first that has one.
        ToldElsewhereError: another rank's is told by that rank.
    """
    own: CfrShmError | None = None
    try:
        yield
    except CfrShmError as error:
        own = error
    if world.size == 1:
        if own is not None:
            raise own
        return
    told = "" if own is None else f"{own.exit_code} {own}"
    failed = [(rank, text) for rank, text in enumerate(world.texts(told)) if text]
    if not failed:
        return
    rank, text = failed[0]
    if own is not None and rank == world.rank:
        own.agreed = True
        raise own
    code, _, line = text.partition(" ")
    raise ToldElsewhereError(f"rank {rank}: {line}", int(code))


def refuse_with_ranks(settled: Settled, world: World) -> None:
    """Refuse what runs on one machine only, or cannot go on without a rank where it is to.

    Raises:
        ConfigError: names the key and what to do.
        UsageError: the MPI library ends all where one dies.
    """
    config = settled.config
    if config.engine.on_rank_death == "shrink":
        world.survive()
    if world.size == 1:
        return
    if settled.engine.freeze is not None and config.engine.on_rank_death == "shrink":
        raise ConfigError(
            "engine.on_rank_death shrink does not go with engine.mode deterministic: a freeze "
            "needs the parts of all ranks; leave it at end, and resume"
        )
    if config.algorithm.name in FULL_WIDTH:
        raise ConfigError(
            f"algorithm.name {config.algorithm.name} runs on one machine: each of its iterations "
            "rewrites the whole table; leave --mpi out, or choose external_sampling"
        )
    if config.engine.rank_gains == "damped":
        _refuse_damped(settled)
    if config.engine.start_method == "fork":
        raise ConfigError(
            "engine.start_method fork is not safe once MPI has begun; leave it at spawn"
        )


def _refuse_damped(settled: Settled) -> None:
    """Refuse what changes regrets between two exchanges, or has no sweeps to deal for apart.

    Raises:
        ConfigError: names the keys and what to do.
    """
    algorithm, found = settled.config.algorithm, ""
    if settled.engine.freeze is not None:
        found = "engine.mode deterministic: a freeze is not exchanged in parts"
    elif settled.discounts is not None:
        found = f"algorithm.weighting {algorithm.weighting}: it needs none there"
    elif algorithm.name != EXTERNAL_SAMPLING:
        found = f"algorithm.name {algorithm.name}: only external_sampling has sweeps of their own"
    if found:
        raise ConfigError(f"engine.rank_gains damped does not go with {found}; leave it at mean")


def refuse_differences(
    settled: Settled, game: Game, resume: Checkpoint | None, world: World
) -> None:
    """Refuse ranks that would not train the same run.

    Raises:
        UsageError: names the first rank that differs, and in what.
    """
    buckets = "none" if game.bucket_file is None else game.bucket_file.fingerprint
    done = "the start" if resume is None else f"{resume.iterations} iterations"
    own = {
        "version": __version__,
        "configuration": settled.fingerprint,
        "card buckets": buckets,
        "checkpoint": done,
    }
    if settled.engine.freeze is not None:
        own["processor or compiler"] = machine_code()
    for what, value in own.items():
        everybody = world.texts(value)
        for rank, theirs in enumerate(everybody):
            if theirs != everybody[0]:
                here, there = _where_apart(theirs, everybody[0])
                raise UsageError(
                    f"rank {rank} has another {what} than rank 0 ({here} instead of {there}): "
                    "all ranks need the same version and files, and in deterministic mode the "
                    "same processor"
                )


def _where_apart(one: str, other: str) -> tuple[str, str]:
    """Return what of two texts differs, from the word on in which they part."""
    letters = enumerate(zip(one, other, strict=False))
    same = next((place for place, (a, b) in letters if a != b), min(len(one), len(other)))
    begin = 0 if same < TOLD_LETTERS else max(one.rfind(mark, 0, same) for mark in " ,") + 1
    return one[begin : begin + TOLD_LETTERS], other[begin : begin + TOLD_LETTERS]


def is_damped(settled: Settled, size: int) -> bool:
    """Return whether so many ranks take over a part of their mean gains only."""
    return size > 1 and settled.config.engine.rank_gains == "damped"


def with_ranks(settled: Settled, size: int) -> Settled:
    """Return the settings of one of ``size`` ranks, whose regrets are so many times smaller.

    In deterministic mode every rank has all regrets, and a part of every freeze.
    """
    engine = settled.engine
    algorithm, freeze = engine.algorithm, engine.freeze
    if size == 1:
        return settled
    if freeze is not None:
        freeze = dataclasses.replace(freeze, among_ranks=True)
        engine = dataclasses.replace(engine, freeze=freeze)
        return dataclasses.replace(settled, engine=engine)
    damped = is_damped(settled, size)
    shares = size * (DAMPING if damped else 1.0)
    floor, pruning = algorithm.regret_floor, algorithm.pruning
    algorithm = dataclasses.replace(
        algorithm,
        regret_floor=None if floor is None else floor / shares,
        pruning=None
        if pruning is None
        else dataclasses.replace(pruning, threshold=pruning.threshold / shares),
        deals_apart=damped,
    )
    return dataclasses.replace(settled, engine=dataclasses.replace(engine, algorithm=algorithm))
