"""What a table says at a place, against a walk over its rows one hand at a time."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from betting_trees import all_in, pot_sizes, tree_of

from cfr_shm.cards.deck import ROYAL, Deck
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.line_walk import walk_line
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.tree import DECISION
from cfr_shm.memory.tables import table_of
from cfr_shm.strategy.row_sums import TableSums
from cfr_shm.strategy.spot import read_rows, spot_at

BOARD_COUNTS = (0, 3, 4, 5)
BUCKET_COUNTS = (30, 7, 5, 3)


@dataclass(frozen=True)
class ModuloCards:
    """Hole cards of the royal deck, bucketed by sums of card numbers; seats differ by range."""

    deck: Deck = ROYAL
    fixed_board: tuple[int, ...] = ()
    ranged_seat: int = -1

    @property
    def dealt(self):
        return tuple(range(self.deck.card_count))

    def board_count(self, street):
        return BOARD_COUNTS[street]

    def bucket_count(self, seat, street):
        return BUCKET_COUNTS[street]

    def hands(self, seat):
        pairs = np.array(list(itertools.combinations(range(20), 2)), np.uint8)
        if seat != self.ranged_seat:
            return pairs, np.ones(len(pairs))
        kept = pairs[::3]
        return kept, np.linspace(0.1, 1.0, len(kept))

    def buckets(self, seat, street, hands, board):
        whole = hands.astype(np.int64).sum(axis=1) * 3 + sum(board) * 5 + street + seat
        return whole % BUCKET_COUNTS[street]


def menu(hand):
    sizes = pot_sizes(hand, 1.0) if hand.raises < 2 else []
    return [*sizes, all_in(hand)] if hand.street == 0 else sizes


@functools.cache
def tree():
    return tree_of(menu, BUCKET_COUNTS, players=3, blinds=[100, 200], stacks=3000, streets=2)


@functools.cache
def table():
    rng = np.random.default_rng(3)
    table = table_of(np.zeros(table_words(tree().built.table_entries)))
    nodes = tree().built.tree.nodes
    # A tenth of the rows was never visited.
    for record in nodes[nodes["kind"] == DECISION]:
        for bucket in range(BUCKET_COUNTS[record["street"]]):
            row = int(record["row_base"]) + bucket * int(record["row_stride"])
            count = int(record["count"])
            if rng.random() >= 0.1:
                table.sums_of(row, count)[:] = rng.uniform(0.0, 9.0, count)
    return table


def sums():
    return TableSums(table())


def policy_by_hand(node, cards, seat, street, hand, board):
    """Read one row by hand; None if it was never visited."""
    record = tree().built.tree.nodes[node]
    bucket = int(cards.buckets(seat, street, np.array([hand], np.uint8), board)[0])
    row = int(record["row_base"]) + bucket * int(record["row_stride"])
    sums = table().sums_of(row, int(record["count"])).tolist()
    total = sum(sums)
    return row, total, [each / total for each in sums] if total > 0 else None


LINES = ["", "c", "b1p c f / x", "c c x / x", "b3.5bb c c / x b1p", "b1p c c / x x b1p c"]
BOARD = ROYAL.parse("Td Jc Ah")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("cards", [ModuloCards(), ModuloCards(ranged_seat=2)])
def test_reach_and_rows_are_those_of_a_walk_by_hand(line, cards):
    place = walk_line(tree(), line, 200.0)
    board = BOARD if place.street else ()
    spot = spot_at(sums(), place, cards, board, mean_iteration_weight=4.0)
    for seat in range(3):
        found = spot.ranges[seat]
        hands, weight = cards.hands(seat)
        live = [i for i, hand in enumerate(hands) if not set(hand.tolist()) & set(board)]
        assert found.cards.tolist() == hands[live].tolist()
        assert found.start.tolist() == weight[live].tolist()
        assert found.folded == (seat in place.hand.folded)
        for index, i in enumerate(live):
            reach, guessed = 1.0, False
            for step in place.steps:
                if step.seat == seat:
                    dealt = board[: BOARD_COUNTS[step.street]]
                    _, _, policy = policy_by_hand(
                        step.node, cards, seat, step.street, hands[i], dealt
                    )
                    count = int(tree().built.tree.nodes[step.node]["count"])
                    reach *= 1.0 / count if policy is None else policy[step.entry]
                    guessed |= policy is None
            assert found.reach[index] == pytest.approx(reach)
            assert bool(found.guessed[index]) == guessed
            if seat == place.seat:
                row, total, policy = policy_by_hand(
                    place.node, cards, seat, place.street, hands[i], board
                )
                assert spot.hands.row[index] == row
                assert spot.hands.visits[index] == pytest.approx(total / 4.0)
                assert spot.hands.weight[index] == pytest.approx(reach * weight[i])
                if policy is not None:
                    assert spot.hands.probability[index] == pytest.approx(policy)


def test_some_rows_of_the_test_were_never_visited():
    spot = spot_at(sums(), walk_line(tree(), "b1p c c / x", 200.0), ModuloCards(), BOARD)
    assert any(seat.guessed.any() for seat in spot.ranges)
    assert not all(seat.guessed.all() for seat in spot.ranges)


def test_rows_never_visited_are_marked():
    rows = read_rows(sums(), walk_line(tree(), ""), 0, np.arange(BUCKET_COUNTS[0]))
    unvisited = rows.weight == 0.0
    assert 0 < unvisited.sum() < BUCKET_COUNTS[0]
    assert rows.probability.sum(axis=1) == pytest.approx(1.0)


def test_shares_leave_out_hands_with_dead_cards():
    spot = spot_at(sums(), walk_line(tree(), "b1p c", 200.0), ModuloCards(ranged_seat=2), ())
    seat = spot.ranges[2]
    for dead in ((), (19, 3)):
        kept = [i for i, hand in enumerate(seat.cards) if not set(hand.tolist()) & set(dead)]
        weight = sum(seat.start[i] for i in kept)
        here = sum(seat.start[i] * seat.reach[i] for i in kept)
        assert seat.share(dead) == pytest.approx(here / weight)
    assert seat.share(range(20)) is None


def test_a_hand_is_found_in_either_order():
    spot = spot_at(sums(), walk_line(tree(), ""), ModuloCards(ranged_seat=2), ())
    index = spot.index_of((0, 4))
    assert spot.index_of((4, 0)) == index
    assert spot.hands.cards[index].tolist() == [0, 4]
    with pytest.raises(UsageError, match="not in the starting range"):
        spot.index_of((0, 2))


@pytest.mark.parametrize(
    ("line", "board", "told"),
    [
        ("", "Td Jc Ah", "a board of 3 cards where 0 lie"),
        ("c c x", "Td Jc", "a board of 2 cards where 3 lie"),
        ("c c x", "Td Jc Kh", "does not begin with the game's own, Ah"),
    ],
)
def test_boards_that_do_not_fit_are_refused(line, board, told):
    cards = ModuloCards(fixed_board=ROYAL.parse("Ah"))
    with pytest.raises(UsageError, match=told):
        spot_at(sums(), walk_line(tree(), line), cards, ROYAL.parse(board))


def test_a_card_twice_on_the_board_is_refused():
    with pytest.raises(UsageError, match="card 'Td' appears twice"):
        spot_at(sums(), walk_line(tree(), "c c x"), ModuloCards(), (1, 1, 5))
