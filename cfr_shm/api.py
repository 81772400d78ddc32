"""What programs and notebooks use, as ``cfr_shm.train`` and so on; docs/python.md shows it.

Each name here does what a command does, by the same code below, with values instead of texts and
errors instead of exit codes. Whatever goes wrong is a ``CfrShmError``, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cfr_shm.config.load import load_config as read_config
from cfr_shm.config.sections import Config, to_dict
from cfr_shm.config.smoothing_values import smoothing_of
from cfr_shm.config.values import settings_from
from cfr_shm.errors import ConfigError, GameError, UsageError
from cfr_shm.storage.documents import DocumentError, read_document
from cfr_shm.storage.names import SUMMARY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cfr_shm.config.reader import Setting
    from cfr_shm.evaluation.best_response import Evaluation
    from cfr_shm.evaluation.measure import Measurement
    from cfr_shm.games.game import Game, InfosetLabel
    from cfr_shm.memory.checkpoint import Checkpoint
    from cfr_shm.run.caller import Callback
    from cfr_shm.run.forecast import Estimate
    from cfr_shm.strategy.average import Strategy
    from cfr_shm.strategy.lookup import Answer
    from cfr_shm.strategy.row_sums import RowSums
    from cfr_shm.strategy.spot import Spot

#: What stands for a configuration: one, a shipped one's name, a file, or values by key.
ConfigLike = Config | str | os.PathLike[str] | Mapping[str, Any]


def load_config(
    source: ConfigLike | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Return a configuration.

    Environment variables do not count here: what a program does is what it says.

    Args:
        source: the name of a shipped config, a path of a file, another configuration, or values
            by key; None for the defaults, which train Leduc poker for 15 seconds.
        overrides: values by key, ``{"run.seed": 1}`` or ``{"run": {"seed": 1}}``; None is null.

    Raises:
        CfrShmError: the first thing that cannot be used, with its place.

    >>> config = load_config("kuhn", {"run.iterations": 10_000, "run.time_budget": None})
    >>> config.game.name, config.run.iterations
    ('kuhn', 10000)
    """
    settings: list[Setting] = []
    if isinstance(source, Config):
        given = {
            f"{section}.{key}": value
            for section, values in to_dict(source).items()
            for key, value in values.items()
            if value is not None
        }
        settings += settings_from(given, "config")
    elif isinstance(source, Mapping):
        settings += settings_from(source, "config")
    elif not isinstance(source, str | os.PathLike | None):
        raise ConfigError(
            f"a config is a name, a path, a dict or a Config, not {type(source).__name__}"
        )
    if overrides is not None:
        settings += settings_from(overrides, "overrides")
    named = source if isinstance(source, str) or source is None else None
    path = Path(source) if isinstance(source, os.PathLike) else named
    return read_config(path, flags=settings)


def estimate(
    config: ConfigLike | None = None, *, visits: int = 1000, show: bool = True
) -> Estimate:
    """Say what a training will take before it is started: sizes, memory, speed, hours.

    Args:
        config: as ``load_config`` takes it.
        visits: expected visits of an infoset to wait for.
        show: tell on stderr what takes a while.

    Raises:
        CfrShmError: the game cannot be built as configured.

    >>> estimate("leduc", show=False).infosets
    288
    """
    from cfr_shm.run.caller import typed
    from cfr_shm.run.forecast import estimate as measure

    if not isinstance(visits, int) or visits < 1:
        raise UsageError(f"visits must be a whole number of 1 or more, found {visits!r}")
    with typed():
        return measure(load_config(config), visits, _say if show else _hush)


def train(
    config: ConfigLike | None = None,
    directory: str | os.PathLike[str] | None = None,
    *,
    progress: Callback | None = None,
    show: bool = True,
) -> Run:
    """Train as configured, and return the run.

    Ctrl-C ends the run with a checkpoint, as it does in the terminal, and the run is returned;
    its ``status`` is then "interrupted". A second Ctrl-C raises KeyboardInterrupt at once. No
    ``if __name__ == "__main__"`` is needed, and any thread will do (in others than the main one
    Ctrl-C is not caught: have ``progress`` return False).

    Args:
        config: as ``load_config`` takes it.
        directory: of the run; it must not hold another. None: ``run.logdir``, else a new one
            below ``runs/``.
        progress: called about four times a second with a ``telemetry.events.Progress``; returns
            False to end the run with a checkpoint.
        show: tell on stderr what ``cfr-shm train`` tells.

    Raises:
        CfrShmError: what cannot be trained, or what went wrong; earlier checkpoints are intact.
            What ``progress`` raised comes as one, too, once the run has been saved.
    """
    from cfr_shm.run.directory import default_path

    chosen = load_config(config)
    if directory is not None:
        path = Path(directory)
    elif chosen.run.logdir is not None:
        path = Path(chosen.run.logdir)
    else:
        named = Path(config).stem if isinstance(config, str | os.PathLike) else chosen.game.name
        path = default_path(named)
    return _train(chosen, path, None, progress, show)


def open_run(directory: str | os.PathLike[str], *, show: bool = True) -> Run:
    """Return a run that was trained, here or by ``cfr-shm train``.

    Args:
        directory: of the run; ``"runs/a@100000"`` means its checkpoint of so many iterations. Or
            a bundle that ``cfr-shm export --format bundle`` wrote.
        show: tell on stderr what takes a while: an import, or compiling.

    Raises:
        CfrShmError: there is no run.
    """
    return Run(directory, show=show)


class Run:
    """A run on disk: what it was told, how it ended, and the strategy of one of its checkpoints.

    What it holds is read when it is first asked for, and given back by ``close`` or at the end of
    a ``with``. It is of the process that opened it.

    Args:
        directory: as ``open_run`` takes it.
        show: the same.

    Attributes:
        path: the run's directory.
        config: the configuration that it was started or last resumed with.
    """

    def __init__(self, directory: str | os.PathLike[str], *, show: bool = True) -> None:
        from cfr_shm.run.bundle import stored_strategy

        self._stored = stored_strategy(os.fspath(directory))
        self._named = os.fspath(directory)
        self._say = _say if show else _hush
        self._show = show
        self._process = os.getpid()
        self._closed = False
        self.path = self._stored.path
        self.config = self._stored.load_config()

    def __repr__(self) -> str:
        """Return how the run can be opened again."""
        return f"cfr_shm.open_run({self._named!r})"

    def __enter__(self) -> Self:
        """Return the run, to be closed at the end of a ``with``."""
        self._require_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give back what the run holds."""
        self.close()

    def close(self) -> None:
        """Give back what the run holds; may be called again, and nothing else may."""
        self._closed = True
        for name in ("_game", "_checkpoint", "_head", "_sums", "_strategy", "_labels"):
            self.__dict__.pop(name, None)

    @property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` says now (docs/run_directory.md); empty while there is none."""
        self._require_open()
        try:
            found = read_document(self.path / SUMMARY)
        except FileNotFoundError:
            return {}
        except (OSError, DocumentError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"{self.path}/{SUMMARY} cannot be read: {reason}") from None
        return found if isinstance(found, dict) else {}

    @property
    def status(self) -> str | None:
        """How the run ended: "finished", "interrupted" or "failed"; "running" until then."""
        found: str | None = self.summary.get("status")
        return found

    @property
    def iterations(self) -> int:
        """Iterations of the checkpoint."""
        self._require_open()
        return self._head.iterations

    @property
    def game(self) -> Game:
        """The game that was trained."""
        self._require_open()
        return self._game

    def strategy(self) -> dict[str, NDArray[Any]]:
        """Return the average strategy as arrays by name, those of ``export`` to npz.

        One element per infoset in ``name``, ``player``, ``visits`` and (where deals can be
        listed) ``reach``; infoset i has the entries ``offset[i]`` to ``offset[i + 1]`` of
        ``action`` and ``probability``. Blueprints of hold'em have arrays by decision node:
        ``strategy.export_blueprint`` says which.

        Raises:
            CfrShmError: no usable checkpoint.
        """
        from cfr_shm.strategy.formats import arrays_of

        self._require_open()
        return arrays_of(self._game, self._strategy, self._mean_weight)

    def infoset(self, name: str) -> Answer:
        """Return what the average strategy does at an infoset, by its name.

        Raises:
            CfrShmError: there is none of the name; the nearest is given.
        """
        from cfr_shm.strategy.lookup import look_up

        self._require_open()
        if self._game.betting is not None:
            raise UsageError(f"infosets of {self._game.name} are hands at a line: ask by hand(...)")
        return look_up(self._labels, self._strategy, name, self._mean_weight)

    def hand(self, hole: str, line: str = "", board: str | None = None) -> Answer:
        """Return what a hold'em strategy does with a hand, after a line, on a board.

        Args:
            hole: two cards, "AhKd".
            line: what was done so far, "b2.5bb c / x" (docs/hold_em.md).
            board: the cards of the line's last street, "7c8c9d"; None before the flop.

        Raises:
            CfrShmError: the game is not hold'em; wrong cards, a wrong line or board.
        """
        from cfr_shm.strategy.lookup import Answer, find_hand
        from cfr_shm.strategy.public import holdem_parts

        self._require_open()
        holdem_parts(self._game)
        found = find_hand(self._game, self._sums, self._mean_weight, hole, line, board)
        tokens = tuple(choice.token for choice in found.spot.place.choices)
        probability = found.spot.hands.probability[found.hand][: len(tokens)].tolist()
        return Answer(tokens, tuple(probability), float(found.spot.hands.visits[found.hand]))

    def spot(self, line: str = "", board: str | None = None) -> Spot:
        """Return all that is known of a place of a hold'em game: ranges, hands, strategy.

        Args:
            line: as ``hand`` takes it.
            board: the same.

        Raises:
            CfrShmError: the game is not hold'em; a wrong line or board.
        """
        from cfr_shm.strategy.lookup import find_spot

        self._require_open()
        return find_spot(self._game, self._sums, self._mean_weight, line, board)

    def evaluate(self) -> Evaluation:
        """Return the exact exploitability, and what the strategy is worth to each player.

        Raises:
            CfrShmError: the game is too large to be evaluated exactly.
        """
        from cfr_shm.evaluation.best_response import evaluate

        if self.game.betting is not None and self._game.why_not_enumerable() is not None:
            raise GameError(f"{self._game.name} is too large to list every deal: ask by measure()")
        self._game.require_enumerable("evaluation")
        return evaluate(self._game, self._strategy)

    def measure(self, *, seed: int = 0, workers: int = 0) -> list[Measurement]:
        """Return how exploitable a hold'em strategy is, in milli big blinds a hand.

        Exactly where that takes less than a minute, else lower bounds with intervals, for three
        and more players what each seat gains that learns to play against all others, as ``cfr-shm
        eval`` prints them (docs/evaluation.md).

        Args:
            seed: of the boards that are drawn.
            workers: threads, 0 for one per usable core; they change no number.

        Raises:
            CfrShmError: not a game of hold'em.
        """
        from cfr_shm.cards.parallel import Progress
        from cfr_shm.evaluation.measure import best_measures
        from cfr_shm.strategy.public import holdem_parts
        from cfr_shm.strategy.table import TableStrategy

        holdem_parts(self.game)
        strategy = TableStrategy(f"{self.path.name}@{self.iterations}", self._game, self._strategy)
        progress = Progress(self._say)
        options: dict[str, Any] = {"seed": seed, "workers": workers, "progress": progress}
        return [each.whole() for each in best_measures(strategy, **options, say=self._say)]

    def export(
        self, path: str | os.PathLike[str], format: str = "npz", *, force: bool = False
    ) -> Path:
        """Write the average strategy to a file, and return its path.

        Args:
            path: the file.
            format: "openspiel" (JSON), "npz", "csv" or "parquet".
            force: replace the file if it exists.

        Raises:
            CfrShmError: it exists, or cannot be written, or not in this format.
        """
        from cfr_shm.strategy.formats import write_strategy

        self._require_open()
        target = Path(path)
        if target.exists() and not force:
            raise UsageError(f"{target}: exists; replace it with force=True, or name another file")
        write_strategy(self._game, self._checkpoint, target, format, self._mean_weight)
        return target

    def resume(
        self,
        *,
        iterations: int | None = None,
        time_budget: float | None = None,
        overrides: Mapping[str, Any] | None = None,
        progress: Callback | None = None,
        show: bool | None = None,
    ) -> Run:
        """Go on with the run from the checkpoint, and return it as it is then.

        Without bounds it goes on to those that it was started for.

        Args:
            iterations: go on to so many in total.
            time_budget: train for so many more seconds.
            overrides: other values, as ``load_config`` takes them.
            progress: as ``train`` takes it.
            show: as ``train`` takes it; None: as the run was opened.

        Raises:
            CfrShmError: nothing is left to do, or as ``train``.
        """
        from cfr_shm.run.resuming import resumable

        self._require_open()
        bounds = {"run.iterations": iterations, "run.time_budget": time_budget}
        given = list(settings_from(overrides or {}, "overrides"))
        told = {key: value for key, value in bounds.items() if value is not None}
        given += settings_from(told, "resume")
        found = resumable(self._named, {}, (), given, self._say, _warn)
        shown = self._show if show is None else show
        return _train(found.config, found.stored.path, found.checkpoint, progress, shown)

    @cached_property
    def _game(self) -> Game:
        from cfr_shm.games.registry import load_game

        return load_game(self.config.game, self._say, self.config.abstraction)

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        from cfr_shm.kernels.warm import compile_kernels_of_readers
        from cfr_shm.strategy.smoothing import smoothed

        compile_kernels_of_readers(self._say, self.config.table.compact)
        found = self._stored.load_checkpoint(self.config, self._game, _warn)
        return smoothed(self._game, found, smoothing_of(self.config.run))

    @property
    def _reads(self) -> bool:  # what is smoothed is read whole
        return bool(self.config.run.smoothing) or self._stored.reads(self._game)

    @cached_property
    def _head(self) -> Checkpoint:
        """The checkpoint, with its rows wherever they are: a bundle's are not read for this."""
        if self._reads:
            return self._checkpoint
        return self._stored.load_checkpoint(self.config, self._game, _warn, in_memory=False)

    @cached_property
    def _sums(self) -> RowSums:
        from cfr_shm.strategy.row_sums import StoredSums, TableSums

        if self._reads:
            return TableSums(self._checkpoint.table)
        return StoredSums(self._head.open_rows(), self._head.compact)

    @cached_property
    def _strategy(self) -> Strategy:
        from cfr_shm.strategy.average import Strategy

        return Strategy.from_table(self._game, self._checkpoint.table)

    @cached_property
    def _labels(self) -> dict[str, InfosetLabel]:
        from cfr_shm.strategy.lookup import labels_by_name

        return labels_by_name(self._game)

    @property
    def _mean_weight(self) -> float:
        from cfr_shm.run.setup import mean_iteration_weight

        return mean_iteration_weight(self.config, self._head.iterations)

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError(f"the run in {self.path} was closed; open it again: {self!r}")
        if os.getpid() != self._process:
            raise UsageError(
                f"the run in {self.path} was opened by another process, of which this one is a "
                f"fork; open it here: {self!r}"
            )


def _train(
    config: Config, path: Path, resume: Checkpoint | None, progress: Callback | None, show: bool
) -> Run:
    """Train, and return the run from where it lies by then."""
    from cfr_shm.run.caller import called, typed
    from cfr_shm.run.train import train as run_training

    if progress is not None and not callable(progress):
        raise UsageError(f"progress must be callable, found {type(progress).__name__}")
    with typed(), called(progress, config.run.loglevel, show=show) as caller:
        summary = run_training(
            config, path, resume=resume, report=caller.listen, signals=caller.signals
        )
    place = Path(summary["moved_to"] or path)
    caller.settle(place)
    return Run(place, show=show)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _hush(_text: str) -> None:
    """Say nothing."""


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)
