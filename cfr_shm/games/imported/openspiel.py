"""Any OpenSpiel game whose tree fits, as a history tree: ``openspiel:NAME(params)``.

OpenSpiel is an extra and is imported when a game is asked for. Moves that players make at the
same time are taken in turn, hidden from those who move later. Infosets keep OpenSpiel's
information-state strings, so that an export gives them back.
"""

from __future__ import annotations

import importlib
import os
import random
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cfr_shm.config.reader import nearest
from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.history import history_game

PREFIX = "openspiel:"

#: Histories beyond which an import is refused, unless told otherwise: 160 MB of nodes.
DEFAULT_MAX_HISTORIES = 5_000_000

_PROGRESS_SECONDS = 3.0

#: How long the whole tree is sampled, once, for the progress lines.
_SAMPLE_SECONDS = 0.2

#: Estimates beyond this need not be more exact.
_HUGE = 1e30

#: The clock is looked at once in so many histories.
_CLOCK_EVERY = 2048

_CHANCE = -1
_TERMINAL = -4


def _say_nothing(text: str) -> None:
    """Take no interest in progress."""


def import_game(
    specification: str,
    max_histories: int = DEFAULT_MAX_HISTORIES,
    progress: Callable[[str], None] = _say_nothing,
) -> Game:
    """Build the game that OpenSpiel loads by ``specification``, ``NAME`` or ``NAME(params)``.

    ``progress`` is told every few seconds how far the import is.

    Raises:
        GameError: OpenSpiel is not installed or has no such game or parameter; the game has one
            player, chance that cannot be listed, or players who forget; its tree has more than
            ``max_histories`` histories.
    """
    loaded, openspiel_name = _load(_pyspiel(), specification)
    kind = loaded.get_type()
    walk = _Walk(
        builder=TreeBuilder(loaded.num_players()),
        name=f"{PREFIX}{specification}",
        limit=max_histories,
        named_by_history=not kind.provides_information_state_string,
        actions={},
    )
    try:
        _grow(walk, loaded.new_initial_state(), progress)
    except GameError as error:
        raise GameError(f"{walk.name}: {error}") from None

    def label(key: Hashable) -> tuple[str, tuple[int, ...]]:
        assert isinstance(key, tuple)
        return key[1], walk.actions[key]

    return history_game(
        walk.builder,
        name=walk.name,
        parameters={"max_histories": max_histories},
        openspiel_name=openspiel_name,
        label=label,
    )


class _Walk(NamedTuple):
    """What an import carries along."""

    builder: TreeBuilder
    name: str
    limit: int
    named_by_history: bool  # perfect information, and no other names
    actions: dict[tuple[int, str], tuple[int, ...]]  # by player and infoset


def _grow(walk: _Walk, root: Any, progress: Callable[[str], None]) -> None:
    """Declare every history below ``root``, depth first: few states are alive at a time."""
    builder, actions, by_history = walk.builder, walk.actions, walk.named_by_history
    began = told = time.monotonic()
    declared, whole = 0, ""
    stack: list[tuple[int, Any]] = [(0, root)]
    while stack:
        node, state = stack.pop()
        declared += 1
        player = state.current_player()
        if player == _TERMINAL:
            builder.terminal(node, state.returns())
            continue
        if player == _CHANCE:
            outcomes = [each for each in state.chance_outcomes() if each[1] > 0.0]
            moves, probability = zip(*outcomes, strict=True)
            children = builder.chance(node, probability)
        elif player < 0:
            raise GameError("it has moves that cannot be taken in turn")
        else:
            moves = tuple(state.legal_actions())
            key = (player, state.history_str() if by_history else state.information_state_string())
            if actions.setdefault(key, moves) != moves:
                raise GameError(f"infoset {key[1]!r} has two sets of actions")
            children = builder.decision(node, player, len(moves), infoset=key)
        if builder.node_count > walk.limit:
            raise GameError(
                f"too big: {builder.node_count:,} histories so far, and the limit is "
                f"{walk.limit:,}; choose smaller parameters or raise --max-histories"
            )
        following = zip(children, moves, strict=True)
        stack.extend([(child, state.child(move)) for child, move in following])
        if declared % _CLOCK_EVERY == 0 and time.monotonic() - told > _PROGRESS_SECONDS:
            whole = whole or f"about {_estimate(root):.0e}"
            told = time.monotonic()
            progress(
                f"importing {walk.name}: {declared:,} histories in {told - began:.0f} s "
                f"({whole} in all, by a sample) ..."
            )


def _estimate(root: Any) -> float:
    """Estimate the number of histories by random dives; right to its order of magnitude.

    Source: Knuth 1975, "Estimating the efficiency of backtrack programs".
    """
    chosen = random.Random(0)
    end = time.monotonic() + _SAMPLE_SECONDS
    total, dives = 0.0, 0
    while dives == 0 or time.monotonic() < end:
        state, width = root, 1.0
        total += width
        while not state.is_terminal() and width < _HUGE:
            moves = state.legal_actions()
            width *= len(moves)
            total += width
            state = state.child(chosen.choice(moves))
        dives += 1
    return total / dives


def _pyspiel() -> Any:
    try:
        import pyspiel
    except ImportError:
        raise GameError(
            "games of the form openspiel:NAME need OpenSpiel: pip install 'cfr-shm[openspiel]'"
        ) from None
    return pyspiel


def _load(pyspiel: Any, specification: str) -> tuple[Any, str]:
    """Load a game, its simultaneous moves taken in turn, and say how to load it again.

    Raises:
        GameError: it cannot be loaded, or is not of a kind that fits.
    """
    _check_names(pyspiel, specification)
    shown = f"{PREFIX}{specification}"
    dynamics = pyspiel.GameType.Dynamics
    try:
        with _stderr_silenced():
            loaded = pyspiel.load_game(specification)
            if loaded.get_type().dynamics == dynamics.SIMULTANEOUS:
                inner = specification if "(" in specification else f"{specification}()"
                specification = f"turn_based_simultaneous_game(game={inner})"
                loaded = pyspiel.load_game(specification)
    except (pyspiel.SpielError, RuntimeError, ValueError, TypeError) as error:
        words = " ".join(str(error).split())[:300]
        raise GameError(f"{shown}: OpenSpiel cannot load it: {words}") from None
    reason = _why_not(pyspiel, loaded)
    if reason is not None:
        raise GameError(f"{shown} {reason}")
    return loaded, specification


def _why_not(pyspiel: Any, loaded: Any) -> str | None:
    """Return why a game is not of a kind that can be imported, or None if it is."""
    kind, game_type = loaded.get_type(), pyspiel.GameType
    if kind.dynamics != game_type.Dynamics.SEQUENTIAL:
        return "is a mean-field game; those do not fit"
    if loaded.num_players() < 2:
        return "has 1 player; 2 or more are needed"
    if kind.chance_mode == game_type.ChanceMode.SAMPLED_STOCHASTIC:
        return "does not list its chance outcomes; only games that do fit"
    perfect = kind.information == game_type.Information.PERFECT_INFORMATION
    if not kind.provides_information_state_string and not perfect:
        return "does not tell what its players know: it has no information-state strings"
    return None


@contextmanager
def _stderr_silenced() -> Iterator[None]:
    """Keep what OpenSpiel's C++ code writes there to itself; the exception says the same."""
    saved = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _check_names(pyspiel: Any, specification: str) -> None:
    """Refuse unknown games and parameters before OpenSpiel complains in its own way."""
    name, bracket, rest = specification.partition("(")
    if name.startswith("python_"):
        with suppress(ImportError):  # some of them need more packages; then there are none
            importlib.import_module("open_spiel.python.games")
    known = {kind.short_name: kind for kind in pyspiel.registered_games()}
    if name not in known:
        hint = nearest(name, known) or f"; it has {len(known)} others"
        raise GameError(f"{PREFIX}{specification}: OpenSpiel has no game {name!r}{hint}")
    if not bracket:
        return
    if not rest.endswith(")") or rest.count("(") + 1 != rest.count(")"):
        raise GameError(
            f"{PREFIX}{specification}: expected NAME(key=value,key=value) with closed brackets"
        )
    expected = known[name].parameter_specification
    for key in pyspiel.game_parameters_from_string(specification):
        if key not in expected and key != "name":
            raise GameError(
                f"{PREFIX}{specification}: {name} has no parameter {key!r}"
                f"{nearest(key, expected) or '; it has ' + (', '.join(expected) or 'none')}"
            )
