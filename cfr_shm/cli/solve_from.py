"""``cfr-shm solve --from RUN``: the rest of a hand, on a blueprint's ranges and betting tree."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.solve_output import (
    check_outputs,
    decision_lines,
    hand_lines,
    print_chart,
    write_outputs,
)

if TYPE_CHECKING:
    from cfr_shm.cards.deck import Deck
    from cfr_shm.cli.blueprint import Blueprint
    from cfr_shm.config.sections import Config
    from cfr_shm.evaluation.resolving import HowToResolve, Resolved, Safety
    from cfr_shm.evaluation.subgame import Subgame, SubgameTree
    from cfr_shm.spots.spot_results import NodeReport

#: Keys of the configuration that say something here; a blueprint says the rest.
_OF_USE = (
    "spot.board",
    "spot.target",
    "spot.algorithm",
    "run.iterations",
    "run.time_budget",
    "engine.num_workers",
    "spot.compact",
)
#: Sizes of one's own, and what goes with them.
_SIZES = ("bets", "raises", "oop_bets", "oop_raises", "ip_bets", "ip_raises")
_OF_SIZES = ("donk", "add_allin", "force_allin", "merge", "chip")
#: What files tell of a document.
_TOLD = ("board", "line", "player", "pot", "method", "seat", "exploitability_percent", "iterations")
_METHODS = ("unsafe", "resolve", "maxmargin", "reach")


def add_blueprint_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of a spot that a blueprint's ranges and tree make."""
    group = parser.add_argument_group("on a blueprint")
    group.add_argument(
        "--from",
        dest="blueprint",
        metavar="RUN",
        help="a hold'em run: solve the rest of the hand from --line on --board with its ranges "
        "and its betting tree, or with --bets and --raises; lines as 'show' reads them",
    )
    group.add_argument(
        "--method",
        choices=_METHODS,
        help="unsafe: both ranges are trusted; resolve (default), maxmargin, reach: the other "
        "seat's hands get no more than they could before",
    )
    group.add_argument(
        "--seat", choices=("oop", "ip"), help="whose strategy is wanted (default: who is to act)"
    )
    group.add_argument(
        "--alternatives",
        choices=("best_response", "blueprint"),
        help="what the other seat's hands could get before: by the best response to the "
        "blueprint (default), or by the blueprint itself, an estimate: more is won, nothing "
        "promised",
    )
    group.add_argument(
        "--then", metavar="LINE", help="print the hands after this line of the spot, e.g. x-b120"
    )


def refuse_without_blueprint(namespace: argparse.Namespace) -> None:
    """Refuse flags that mean something with ``--from`` only.

    Raises:
        UsageError: naming the first of them.
    """
    from cfr_shm.errors import UsageError

    for name in ("method", "seat", "alternatives", "then"):
        if getattr(namespace, name) is not None:
            raise UsageError(f"--{name} is of use with --from RUN only")


def solve_from(namespace: argparse.Namespace, given: dict[str, str]) -> int:
    """Solve the rest of a hand; return the exit code.

    Args:
        namespace: the flags.
        given: keys of the configuration that flags set, with their text.

    Raises:
        UsageError: no such run, line or board, or flags that do not go together.
        GameError: the game is not hold'em for two.
        MemoryReserveError: the tables do not fit.
    """
    import time

    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.evaluation.resolving import resolve
    from cfr_shm.spots.spot_results import action_ranges, hand_rows

    check_outputs(namespace, charts=True)
    _check(namespace, given)
    began = time.perf_counter()
    blueprint, subgame = _subgame(namespace, given.get("spot.board"))
    seat, config = _seat(namespace, subgame), _config(namespace, given)
    how, tree = _how(namespace, config), _own_tree(subgame, config)
    found = resolve(subgame, seat, how, say, tree=tree)
    with found.solver:
        shown = _shown(namespace, found, subgame)
        document = _document(namespace, found, subgame, shown[0])
        hands, ranges = hand_rows(shown[0], shown[1].text), action_ranges(*shown)
        document["seconds"] = time.perf_counter() - began
        document["blueprint"] = str(blueprint.stored.checkpoint.path)
        about = {key: document[key] for key in _TOLD} | {"unit": "chips"}
        write_outputs(namespace, hands, about, shown)
        if namespace.json:
            print_json({**document, "hands": hands, "ranges": ranges})
        else:
            print_lines(_lines(document))
            if namespace.chart:
                print_chart(shown)
            else:
                print_lines(hand_lines(hands))
            print_lines(f"range of {code}: {text}" for code, text in ranges.items())
    return 0


def _check(namespace: argparse.Namespace, given: dict[str, str]) -> None:
    from cfr_shm.errors import UsageError

    of_use = (*_OF_USE, *(f"spot.{key}" for key in (*_SIZES, *_OF_SIZES)))
    for key in given:
        if key not in of_use:
            raise UsageError(f"{key} is not set with --from: the blueprint says it")
    for name in ("spot", "flops", "ranges", "name"):
        if getattr(namespace, name) is not None:
            raise UsageError("--from goes with no other spot, list of flops or foreign file")
    if namespace.estimate or namespace.next_cards:
        raise UsageError("--from goes without --estimate and --next-cards")


def _subgame(namespace: argparse.Namespace, board: str | None) -> tuple[Blueprint, Subgame]:
    from cfr_shm.cli.blueprint import hold_em, spot_from
    from cfr_shm.cli.session import StoredStrategy, load_table, public_strategy
    from cfr_shm.errors import UsageError
    from cfr_shm.evaluation.subgame import Subgame
    from cfr_shm.strategy.average import Strategy

    stored = load_table(namespace.blueprint, lambda _: True)
    blueprint = hold_em(stored)
    if blueprint is None:
        raise UsageError(f"{stored.game.name} is not hold'em: it has no spots")
    where = argparse.Namespace(line=namespace.line, board=board, randomize=None)
    spot = spot_from(blueprint, where)
    strategy = Strategy.from_table(stored.game, stored.table)
    whole = StoredStrategy(stored.config, stored.game, stored.checkpoint, strategy)
    return blueprint, Subgame(public_strategy(whole), spot.place.node, spot.board)


def _seat(namespace: argparse.Namespace, subgame: Subgame) -> int:
    if namespace.seat is None:
        return int(subgame.game.tree.nodes["actor"][subgame.node])
    return subgame.seats[("oop", "ip").index(namespace.seat)]


def _config(namespace: argparse.Namespace, given: dict[str, str]) -> Config:
    """Return what flags and ``--set`` say, read as the configuration reads it."""
    import os
    from dataclasses import fields

    from cfr_shm.config.load import load_config
    from cfr_shm.config.reader import Setting
    from cfr_shm.errors import UsageError

    kept = [Setting(k, v, k, k) for k, v in given.items() if k != "spot.board"]
    config = load_config(None, os.environ, namespace.overrides, kept)
    of_use = {
        *(key.removeprefix("spot.") for key in _OF_USE),
        *_SIZES,
        *_OF_SIZES,
        "alpha",
        "gamma",
    }
    for each in fields(config.spot):
        if each.name not in of_use and getattr(config.spot, each.name) is not None:
            raise UsageError(f"spot.{each.name} is not set with --from: the blueprint says it")
    return config


def _own_tree(subgame: Subgame, config: Config) -> SubgameTree | None:
    """Return a tree of the sizes that are asked for, None for the blueprint's own."""
    from cfr_shm.errors import UsageError
    from cfr_shm.evaluation.own_sizes import own_tree

    if all(getattr(config.spot, key) is None for key in _SIZES):
        for key in _OF_SIZES:
            if getattr(config.spot, key) is not None:
                raise UsageError(f"spot.{key} is of use with --bets or --raises: sizes of your own")
        return None
    return own_tree(subgame, config.spot)


def _how(namespace: argparse.Namespace, config: Config) -> HowToResolve:
    """Return how it is solved."""
    from cfr_shm.evaluation.resolving import HowToResolve
    from cfr_shm.run.solve import solver_settings

    defaults = HowToResolve()
    return HowToResolve(
        namespace.method or defaults.method,
        namespace.alternatives or defaults.alternatives,
        defaults.target if config.spot.target is None else config.spot.target,
        config.run.iterations or defaults.iterations,
        config.run.time_budget,
        solver_settings(config),
    )


def _shown(
    namespace: argparse.Namespace, found: Resolved, subgame: Subgame
) -> tuple[NodeReport, Deck]:
    """Return the decision that was asked for, and the deck."""
    from cfr_shm.evaluation.resolving import line_to
    from cfr_shm.spots.spot_results import node_report

    deck = found.solver.game.hands.deck
    then = "-".join(filter(None, (line_to(found, subgame), namespace.then)))
    return node_report(found.solver, then, deck.parse(namespace.cards)), deck


def _document(
    namespace: argparse.Namespace, found: Resolved, subgame: Subgame, report: NodeReport
) -> dict[str, Any]:
    """Return what there is to say of the subgame and the decision."""
    from cfr_shm.spots.spot_results import action_totals, plain_number

    deck = found.solver.game.hands.deck
    return {
        "method": namespace.method or "resolve",
        "seat": ("oop", "ip")[subgame.seats.index(found.seat)],
        "board": deck.text((*subgame.board, *deck.parse(namespace.cards))),
        "line": report.line,
        "player": ("oop", "ip")[report.player],
        "pot": report.pot,
        "exploitability_percent": found.exploitability,
        "iterations": found.solver.iterations,
        "equity": plain_number(report.mean(report.equity)),
        "ev": plain_number(report.mean(report.ev)),
        "root": action_totals(report),
        "safety": None if found.safety is None else _safety(found.safety),
    }


def _safety(safety: Safety) -> dict[str, Any]:
    return {
        "before": safety.mean(safety.before),
        "allowed": safety.mean(safety.allowed),
        "after": safety.mean(safety.after),
        "least_margin": safety.least_margin,
    }


def _lines(document: dict[str, Any]) -> list[str]:
    shown = [
        f"{document['board']}, line {document['line'] or '(start of the street)'}: "
        f"{document['player']} to act, pot {document['pot']:g}",
        f"{document['method']} for {document['seat']}: exploitability of what was solved "
        f"{document['exploitability_percent']:.4f} % of the pot after {document['iterations']} "
        f"iterations, {document['seconds']:.1f} s in all",
    ]
    safety = document["safety"]
    if safety is not None:
        shown += [
            "the other seat's best response gets, chips a hand: "
            f"{safety['before']:.3f} before, {safety['after']:.3f} now "
            f"(allowed: {safety['allowed']:.3f})",
            f"the worst hand stays {safety['least_margin']:.3f} below what it is allowed",
        ]
    return shown + decision_lines(document["equity"], document["ev"], document["root"])
