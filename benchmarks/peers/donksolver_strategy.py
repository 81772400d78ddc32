"""donksolver's average strategy as one of ours: its buckets, its rows, on our tree of its game.

::

    its bucket file --ask for every hand up to suits--> its bucket of each of our hand numbers
    its node, bucket --its children beside ours-------> our node, row

So ``evaluation`` matches it and responds to it as to any strategy. Its river buckets are cuts of
the chance to win, in points as ``cards/equity.py`` counts them: one hand of every number of points
is asked for, and a few thousand more hands have to agree.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.buckets import Buckets
from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.equity import FLOP, PREFLOP, RIVER, TURN, river_strengths
from cfr_shm.cards.isomorphism import BOARD_CARDS, card_index, hand_numbers, representative
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.card_deals import holdem_deals
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.kernels.cache import cache_root
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy

COUNTS = (169, 50, 50, 50)
#: Hands of every street that are asked for once more.
ASKED_AGAIN = 2000
#: Two of donksolver's kinds of moves; the others put in more.
FOLDS, CALLS = 0, 1


def peer_bucket_file() -> Path:
    """Return donksolver's abstraction, built by its own command and kept in the cache."""
    path = cache_root() / "buckets" / "donksolver-50-50-50.bin"
    if not path.exists():
        command = Path(sys.executable).with_name("donksolver")
        flags = ["--buckets", "50,50,50", "--threads", "2", "--out", str(path)]
        subprocess.run([command, "abstraction", *flags], check=True, stdout=subprocess.DEVNULL)
    return path


class _Asked:
    """Asks donksolver for buckets, thousands a second."""

    def __init__(self, path: Path) -> None:
        import donksolver
        from donksolver import _native

        self._opened = donksolver.Abstraction.load(os.fspath(path))
        self._ask = _native.lib.ds_abs_bucket
        self._hole, self._board = (ctypes.c_int32 * 2)(), (ctypes.c_int32 * 5)()

    def on(self, street: int, board: list[int], holes: list[list[int]]) -> list[int]:
        """Return the buckets of hands on a board; cards have the same numbers as ours."""
        hole, handle, ask = self._hole, self._opened._h, self._ask
        self._board[: len(board)] = board
        found = []
        for hole[0], hole[1] in holes:
            found.append(ask(handle, street, hole, self._board))
        assert min(found) >= 0
        return found


def peer_buckets() -> Buckets:
    """Return donksolver's buckets for all of our hand numbers; a few minutes once, then kept."""
    path = peer_bucket_file()
    kept = path.with_suffix(".npz")
    if not kept.exists():
        asked = _Asked(path)
        streets = [_listed(asked, street) for street in (PREFLOP, FLOP, TURN)]
        streets.append(_rivers(asked))
        _check(asked, streets)
        written = kept.with_suffix(".new.npz")
        np.savez(written, *streets)
        written.replace(kept)
    with np.load(kept) as held:
        bucket = tuple(held[name] for name in held.files)
    return Buckets(
        path=kept,
        deck=STANDARD,
        index=card_index(STANDARD),
        bucket=bucket,
        statistics=tuple({"weight": np.zeros(count)} for count in COUNTS),
        about={},
        fingerprint="donksolver",
    )


def _listed(asked: _Asked, street: int) -> NDArray[np.uint8]:
    """Return the bucket of every canonical hand of a street, asked one by one."""
    index, pairs = card_index(STANDARD), hand_pairs(STANDARD)
    bucket = np.full(int(index.hand_count[street]), 255, np.uint8)
    for number in range(int(index.first_board[street]), int(index.first_board[street + 1])):
        board = _cards_of(int(index.board_mask[number]))
        free = pairs[~np.isin(pairs, board).any(axis=1)]
        cards = np.concatenate([free, np.tile(board, (len(free), 1))], axis=1).astype(np.uint8)
        hands, first = np.unique(hand_numbers(STANDARD, street, cards), return_index=True)
        bucket[hands] = asked.on(street, board, free[first].tolist())
    assert bucket.max() < COUNTS[street]
    return bucket


def _cards_of(mask: int) -> list[int]:
    """Return the cards of a canonical board: sixteen bits for each suit."""
    return [
        rank * 4 + suit for suit in range(4) for rank in range(13) if mask >> (16 * suit + rank) & 1
    ]


def _rivers(asked: _Asked) -> NDArray[np.uint8]:
    """Return the bucket of every canonical river hand, by its points."""
    points = river_strengths(STANDARD).sums.reshape(-1)
    found, example = np.unique(points[:: len(points) // 2_000_000], return_index=True)
    cut = np.zeros(int(points.max()) + 1, np.uint8)
    known = np.zeros(len(cut), np.bool_)
    for value, place in zip(found.tolist(), example.tolist(), strict=True):
        cut[value] = _ask_hand(asked, RIVER, place * (len(points) // 2_000_000))
        known[value] = True
    for value in np.setdiff1d(np.unique(points), found).tolist():
        cut[value] = _ask_hand(asked, RIVER, int(np.argmax(points == value)))
        known[value] = True
    assert (np.diff(cut[known].astype(int)) >= 0).all(), "stronger hands, lower buckets"
    return cut[points]


def _ask_hand(asked: _Asked, street: int, number: int) -> int:
    hole, board = representative(STANDARD, street, number)
    return asked.on(street, list(board), [list(hole)])[0]


def _check(asked: _Asked, streets: list[NDArray[np.uint8]]) -> None:
    """Ask for random hands, with cards as they fall, once more."""
    random = np.random.default_rng(1)
    for street, bucket in enumerate(streets):
        count = 2 + BOARD_CARDS[street]
        for _ in range(ASKED_AGAIN):
            cards = random.permutation(52)[:count]
            number = hand_numbers(STANDARD, street, cards[None].astype(np.uint8))[0]
            theirs = asked.on(street, cards[2:].tolist(), [cards[:2].tolist()])[0]
            assert bucket[number] == theirs, (street, cards.tolist())


def with_peer_buckets(game: Game) -> Game:
    """Return our game with donksolver's buckets, as many as it has itself."""
    deals = holdem_deals(peer_buckets(), 2, game.street_count)
    assert (deals.bucket_count == game.deals.bucket_count).all()
    return dataclasses.replace(
        game, deals=deals, hole_cards=DealtCards(deals), bucket_file=None, first_regrets=None
    )


def paired_nodes(game: Game, solver: Any) -> dict[int, int]:
    """Return donksolver's decision node for each of ours; checks every one of them on the way."""
    nodes, betting = game.tree.nodes, game.betting
    assert betting is not None
    found, stack = {}, [(0, 0, 0, tuple(betting.rules.blind.tolist()))]
    while stack:
        ours, theirs, street, bets = stack.pop()
        record, peer = nodes[ours], solver.node(theirs)
        if record["kind"] != DECISION:
            assert peer["nA"] == 0, (ours, theirs)
            continue
        if record["street"] != street:
            street, bets = int(record["street"]), (0,) * game.player_count
        actor, first = int(record["actor"]), int(record["first_child"])
        told = peer["actor"], peer["street"], peer["nA"]
        assert told == (actor, street, record["count"]), (ours, theirs, told)
        columns = zip(peer["kinds"], peer["children"], peer["chips"], strict=True)
        for action, (kind, child, chips) in enumerate(columns):
            move = int(betting.move[first + action])
            assert (move == FOLD) == (kind == FOLDS), (ours, theirs, action)
            assert (move == CALL) == (kind == CALLS), (ours, theirs, action)
            assert move <= CALL or move - bets[actor] == chips, (ours, theirs, action)
            after = list(bets)
            after[actor] += chips
            stack.append((first + action, child, street, tuple(after)))
        found[ours] = theirs
    return found


def peer_strategy(game: Game, solver: Any, name: str = "donksolver") -> TableStrategy:
    """Return donksolver's average strategy.

    Args:
        game: ours, of its sizes, its seats exchanged and with its buckets.
        solver: a trained ``donksolver.Solver``.
        name: what reports call it.
    """
    nodes = game.tree.nodes
    probability, weight = np.zeros(game.table_entries), np.zeros(game.table_entries)
    for ours, theirs in paired_nodes(game, solver).items():
        record = nodes[ours]
        base, stride = int(record["row_base"]), int(record["row_stride"])
        count = int(record["count"])
        for bucket in range(int(game.deals.bucket_count[record["actor"], record["street"]])):
            row = base + bucket * stride
            probability[row : row + count] = solver.strategy(theirs, bucket)
            weight[row] = 1.0
    return TableStrategy(name, game, Strategy(probability, weight))


def check_beside_server(strategy: TableStrategy, solver: Any, place: Path, count: int = 400) -> int:
    """Ask donksolver's own server what it plays in random spots; all have to agree.

    Node, bucket and the probability of the action that it takes (kept in 32 bits there).

    Args:
        strategy: what ``peer_strategy`` made of ``solver``.
        solver: the same.
        place: a directory for the server's files.
        count: how many spots.

    Returns the number of spots.
    """
    import donksolver

    policy, manifest = os.fspath(place / "policy.dpol"), os.fspath(place / "bundle.json")
    solver.save_policy(policy)
    donksolver.write_manifest(manifest, os.fspath(peer_bucket_file()), [policy])
    random = np.random.default_rng(2)
    spots = [_random_spot(strategy.game, solver, random) for _ in range(count)]
    rules = strategy.game.betting.rules
    found = donksolver.Bundle(manifest).act(
        np.tile(rules.stack, (count, 1)),
        np.tile(rules.blind, (count, 1)),
        [spot.hole for spot in spots],
        [spot.board for spot in spots],
        [spot.history for spot in spots],
        random.random(count),
    )
    for number, spot in enumerate(spots):
        record = strategy.game.tree.nodes[spot.node]
        seat, street = int(record["actor"]), int(record["street"])
        hand = np.array([spot.hole], np.uint8)
        bucket = int(strategy.game.hole_cards.buckets(seat, street, hand, spot.board)[0])
        row = int(record["row_base"]) + bucket * int(record["row_stride"])
        told = {name: found[name][number].item() for name in found}
        assert (told["status"], told["node"], told["bucket"]) == (0, spot.theirs, bucket), told
        taken = list(zip(spot.peer["kinds"], spot.peer["chips"], strict=True))
        moves = [place for place, pair in enumerate(taken) if _same_move(pair, told)]
        assert len(moves) == 1, (told, taken)
        action = moves[0]
        assert abs(strategy.probability[row + action] - told["prob"]) < 1e-6, told
    return count


class _Spot(NamedTuple):
    node: int
    theirs: int
    peer: dict[str, Any]
    hole: list[int]
    board: list[int]
    history: list[tuple[int, int, int]]


def _random_spot(game: Game, solver: Any, random: np.random.Generator) -> _Spot:
    """Walk down the tree by moves that are all alike, and stay at one of the decisions."""
    nodes, history, path = game.tree.nodes, [], []
    ours = theirs = 0
    while nodes[ours]["kind"] == DECISION:
        peer = solver.node(theirs)
        path.append((ours, theirs, peer, list(history)))
        action = int(random.integers(peer["nA"]))
        fold = int(peer["kinds"][action] == FOLDS)
        history.append((peer["actor"], fold, peer["chips"][action]))
        ours, theirs = int(nodes[ours]["first_child"]) + action, peer["children"][action]
    node, its, peer, before = path[random.integers(len(path))]
    cards = random.permutation(52)[:7].tolist()
    shown = BOARD_CARDS[peer["street"]]
    return _Spot(node, its, peer, cards[:2], cards[2 : 2 + shown], before)


def _same_move(pair: tuple[int, int], told: dict[str, Any]) -> bool:
    """Tell whether a child's move is what the server does: a fold, or as many chips.

    Its kinds tell more than the tree's (checks from calls, and calls that are all-in), and shares
    of the pot are rounded to chips once more.
    """
    kind, chips = pair
    folds = told["kind"] == FOLDS
    return (kind == FOLDS) == folds and (folds or abs(chips - told["chips"]) <= 1)
