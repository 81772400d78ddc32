"""What ranks agree on before a run begins, so that nothing is written where they cannot."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator

from cfr_shm import __version__
from cfr_shm.algorithms import EXTERNAL_SAMPLING, FULL_WIDTH
from cfr_shm.config.sections import Config, to_dict
from cfr_shm.errors import CfrShmError, ConfigError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.kernels.cache import machine_code
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.ranks.exchange import DAMPING
from cfr_shm.ranks.world import World
from cfr_shm.run.setup import Settled

#: Of what differs between two ranks.
TOLD_LETTERS = 24

#: How a machine does its part, what it shows of it, and where files lie there: may differ.
_OF_EACH_MACHINE = frozenset(
    {
        "abstraction.buckets",  # what is in the file is compared
        "engine.batch_seconds",
        "engine.batch_size",
        "engine.deadline_seconds",
        "engine.in_process",
        "engine.num_workers",
        "engine.on_worker_death",
        "engine.oversubscribe",
        "engine.start_method",
        "engine.updates",
        "engine.wait_base_ms",
        "engine.wait_max_ms",
        "engine.wait_min_ms",
        "run.log_format",
        "run.logdir",
        "run.loglevel",
        "run.progress_interval",
        "run.tensorboard",
    }
)


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
    own = {
        "version": __version__,
        "configuration": _common_settings(settled.config),
        "fingerprint": settled.fingerprint,
        "card buckets": buckets,
        "checkpoint": "the start" if resume is None else _told_of(resume),
    }
    if settled.engine.freeze is not None:
        own["processor or compiler"] = machine_code()
    for what, value in own.items():
        for rank, theirs, first in _apart_from_the_first(world, value):
            raise UsageError(
                f"rank {rank} has another {what} than rank 0 ({_difference(theirs, first)}): all "
                "ranks need the same version, settings and files, and in deterministic mode the "
                "same processor"
            )


def refuse_other_commands(command: str, world: World) -> None:
    """Refuse ranks of which some begin a run and others go on with one.

    Raises:
        UsageError: names the first rank that does something else than rank 0.
    """
    for rank, theirs, first in _apart_from_the_first(world, command):
        raise UsageError(
            f"rank {rank} was started as '{theirs}' and rank 0 as '{first}': start all ranks by "
            "the same command"
        )


def _apart_from_the_first(world: World, own: str) -> list[tuple[int, str, str]]:
    """Return who says something else than rank 0: the rank, what it says, and what rank 0 does."""
    first, *others = world.texts(own)
    return [(rank, each, first) for rank, each in enumerate(others, start=1) if each != first]


def _common_settings(config: Config) -> str:
    """Return what all ranks must have been told alike, one ``KEY VALUE`` a line."""
    settings = {
        f"{section}.{key}": value
        for section, values in to_dict(config).items()
        for key, value in values.items()
    }
    return "\n".join(
        f"{key} {json.dumps(value, sort_keys=True)}"
        for key, value in sorted(settings.items())
        if key not in _OF_EACH_MACHINE
    )


def _told_of(checkpoint: Checkpoint) -> str:
    """Return what tells a checkpoint from others of the same run, and of others like it."""
    utilities = " ".join(f"{each:.17g}" for each in checkpoint.utility_sums)
    return f"{checkpoint.iterations} iterations, {checkpoint.nodes} nodes, utility {utilities}"


def _difference(theirs: str, first: str) -> str:
    """Say in what two texts differ: the first line that does, and from where."""
    lines = zip(theirs.split("\n"), first.split("\n"), strict=False)
    there, here = next((pair for pair in lines if pair[0] != pair[1]), (theirs, first))
    key, _, value = there.partition(" ")
    if "\n" in theirs and here.startswith(f"{key} "):
        return f"{key}: {value} instead of {here.partition(' ')[2]}"
    return " instead of ".join(_where_apart(there, here))


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
