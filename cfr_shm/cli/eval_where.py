"""``cfr-shm eval --where``: on which streets, lines and rows a strategy loses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.cli.session import StoredStrategy
    from cfr_shm.evaluation.gain_parts import GainParts
    from cfr_shm.strategy.public import PublicStrategy

#: Boards that are drawn when nobody says how many: minutes on ``hu_small`` and one core.
_BOARDS = {"river": 40, "turn": 4, "flop": 2}


def run_where(namespace: argparse.Namespace) -> int:
    """Take a best response's gain apart as told; return the exit code.

    What was found is told also where an error or Ctrl-C ends it early, which is raised then.

    Raises:
        UsageError: a method that has no such parts, or a picture that cannot be drawn.
        GameError: not hold'em for two.
    """
    from cfr_shm.cli.session import print_json, print_lines, public_strategy
    from cfr_shm.cli.sources import load_source
    from cfr_shm.evaluation.gain_text import draw_where, where_document, where_lines
    from cfr_shm.evaluation.measure import unit_of
    from cfr_shm.evaluation.measure_text import why_stopped

    method = namespace.method or "river"
    boards = namespace.boards or _BOARDS.get(method, 0)
    _refuse_what_has_no_parts(method, namespace)
    stored = load_source(namespace.directory, namespace.config, namespace.smooth)
    strategy, game = public_strategy(stored), stored.game
    found = _found(stored, strategy, method, boards, namespace)
    if namespace.plot is not None:
        draw_where(game, found, f"where {strategy.name} loses", Path(namespace.plot))
    if namespace.json:
        about = {"game": game.name, "strategy": strategy.name, "method": method}
        about |= {"boards": found.gain.n, "seed": namespace.seed, "unit": unit_of(game)[0]}
        about |= {"stopped": why_stopped(found.stopped)}
        print_json(about | where_document(game, found))
    else:
        print_lines([f"strategy: {strategy.name}", *where_lines(game, found, method)])
        early = "" if found.stopped is None else f", ended early: {why_stopped(found.stopped)}"
        print_lines([f"{found.gain.n} boards, seed {namespace.seed}{early}"])
    if found.stopped is not None:
        raise found.stopped
    return 0


def _refuse_what_has_no_parts(method: str, namespace: argparse.Namespace) -> None:
    from cfr_shm.cli.export import check_target
    from cfr_shm.cli.sources import names_function
    from cfr_shm.telemetry.plots import require_matplotlib

    if method not in _BOARDS:
        raise UsageError(
            f"--where takes best responses from a street on apart, and --method {method} is none; "
            f"name {', '.join(_BOARDS)}"
        )
    if names_function(namespace.directory):
        raise UsageError("--where looks at rows, and a function has none; name a run or a file")
    if namespace.plot is not None:
        require_matplotlib("--plot")
        check_target(Path(namespace.plot), force=True)


def _found(
    stored: StoredStrategy,
    strategy: PublicStrategy,
    method: str,
    boards: int,
    namespace: argparse.Namespace,
) -> GainParts:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import say
    from cfr_shm.evaluation.gain_parts import gain_parts
    from cfr_shm.evaluation.sampled_response import street_named
    from cfr_shm.run.setup import mean_iteration_weight

    progress = Progress(say)
    progress.start(f"taking a best response from the {method} on apart, {boards} boards")
    return gain_parts(
        strategy,
        street_named(strategy.game, method),
        boards,
        seed=namespace.seed,
        visits=mean_iteration_weight(stored.config, stored.checkpoint.iterations),
        workers=namespace.num_workers,
        progress=progress,
    )
