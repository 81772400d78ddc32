"""What is measured of a table that nobody writes to, in a run and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfr_shm.algorithms import FULL_WIDTH
from cfr_shm.evaluation.best_response import Evaluation, evaluate
from cfr_shm.games.game import Game
from cfr_shm.layout.table import Table
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.losses import LossEstimate
from cfr_shm.run.quality import Offered, measure_end, point_of
from cfr_shm.run.report import Summary
from cfr_shm.run.setup import Settled, mean_iteration_weight
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.statistics import street_statistics
from cfr_shm.telemetry.events import Evaluated, Listener, TableMeasured, Warned

#: Checkpoints of games with at most so many (node, deal) pairs are evaluated during the run.
EVALUATED_PAIRS = 1 << 22


def evaluated_at_checkpoints(game: Game) -> bool:
    """Return whether each checkpoint of a run is evaluated exactly."""
    pairs = len(game.tree.nodes) * len(game.deals.probability)
    return game.why_not_enumerable() is None and pairs <= EVALUATED_PAIRS


@dataclass(frozen=True)
class Measures:
    """Measures tables, and tells of it; holds nothing that changes, so that any thread may.

    Attributes:
        settled: the run's.
        game: what is trained.
        directory: of the run.
        listen: is told what was measured.
    """

    settled: Settled
    game: Game
    directory: RunDirectory
    listen: Listener

    def of_checkpoint(
        self, checkpoint: Checkpoint, path: Path, count: int, summary: Summary, losses: LossEstimate
    ) -> None:
        """Evaluate a checkpoint that is on disk, and write the summary; in the writer's thread.

        Args:
            checkpoint: with a copy of the rows.
            path: where it lies.
            count: checkpoints of the run so far.
            summary: of the moment at which the rows were copied.
            losses: the same.
        """
        summary = summary.changed(
            checkpoint=self.relative(path),
            checkpoints=count,
            lost_update_estimate=losses.share(checkpoint.rows, summary.stats),
        )
        if evaluated_at_checkpoints(self.game):
            summary = summary.changed(evaluation=self.evaluate(checkpoint.table, summary))
        self.statistics(checkpoint.table, summary)
        try:
            self.directory.write_summary(summary.as_dict())
        except OSError as error:
            self.listen(Warned(f"summary.json cannot be written: {error.strerror}"))

    def evaluate(self, table: Table, summary: Summary) -> Evaluation:
        """Measure the average strategy of a table exactly, and tell of it."""
        evaluation = evaluate(self.game, Strategy.from_table(self.game, table))
        self._tell(evaluation, summary)
        return evaluation

    def of_the_end(self, table: Table, mode: str, summary: Summary) -> Summary:
        """Measure the table that ends a run, outside its time; return the summary with it."""
        found = measure_end(self.game, table, mode)
        if found is None:
            return summary
        if found.evaluation is not None:
            self._tell(found.evaluation, summary)
            return summary.changed(evaluation=found.evaluation)
        totals, path = summary.totals, Path(summary.checkpoint or "")
        point = point_of(found, Offered(path, totals.iterations, totals.seconds))
        self.listen(point)
        return summary.changed(quality=point)

    def _tell(self, evaluation: Evaluation, summary: Summary) -> None:
        self.listen(
            Evaluated(
                iterations=summary.totals.iterations,
                seconds=summary.totals.seconds,
                exploitability=evaluation.exploitability,
                nash_conv=evaluation.nash_conv,
                unit=evaluation.unit,
                method=evaluation.method,
            )
        )

    def statistics(self, table: Table, summary: Summary) -> None:
        """Say how far a table has come."""
        done = summary.totals.iterations
        weight = None
        if self.settled.algorithm.name not in FULL_WIDTH:
            weight = done * mean_iteration_weight(self.settled.config, done)
        *streets, whole = street_statistics(self.game, table, weight)
        self.listen(TableMeasured(done, summary.totals.seconds, whole, tuple(streets)))

    def relative(self, path: Path) -> str:
        """Return a path as it is written in ``summary.json``."""
        return path.relative_to(self.directory.path).as_posix()
