"""The boards of a spot, the hands that fit each, and which boards stand for others.

Two boards are the same game when a suit permutation that leaves the board above and both ranges
as they are turns one into the other. One of them is then solved; the others' values are its
values, each hand's taken from the hand that it is turned into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.cards.showdown import hand_order
from cfr_shm.cards.suits import kept_renamings
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.card_deals import LEAST_ACCEPTED
from cfr_shm.kernels.spots.lanes import LANES
from cfr_shm.layout.spots import (
    ABOUT_WORDS,
    BASE,
    BELOW_END,
    CARD_A,
    CARD_B,
    CHILD_END,
    CHILD_FIRST,
    FAMILY_WORDS,
    GROUPS,
    HAND_WORDS,
    HANDS,
    ORDER_FIRST,
    OWN_END,
    STRENGTH_WORDS,
    TIED_END,
    TWIN,
    WIDTH,
    Boards,
)

RIVER_CARDS = 5
SuitMap = tuple[int, ...]
_IDENTITY: SuitMap = tuple(range(SUIT_COUNT))


class Board(NamedTuple):
    """A board that is solved.

    Attributes:
        cards: in the order in which they come.
        parent: number of the board with one card less, -1 for the spot's own.
        stands_for: suit maps that turn it into the boards it stands for, the identity first.
        kept: suit maps that leave it, and the ranges, as they are.
    """

    cards: tuple[int, ...]
    parent: int
    stands_for: tuple[SuitMap, ...]
    kept: tuple[SuitMap, ...]


def mapped_card(card: int, suits: SuitMap) -> int:
    """Return a card with its suit replaced."""
    return card - card % SUIT_COUNT + suits[card % SUIT_COUNT]


@dataclass(frozen=True, eq=False)
class SpotHands:
    """The hands of both players on the spot's own board.

    Attributes:
        deck: the deck.
        board: the spot's cards.
        holes: per player, (hands, 2) the cards, the higher first; on the river by strength.
        weights: per player, (hands,) float64, above 0.
        fewer: the cards that are dealt, ascending, where that is a part of the deck.
    """

    deck: Deck
    board: tuple[int, ...]
    holes: tuple[NDArray[np.int64], NDArray[np.int64]]
    weights: tuple[NDArray[np.float64], NDArray[np.float64]]
    fewer: tuple[int, ...] | None = None

    @property
    def dealt(self) -> tuple[int, ...]:
        """Return the cards that are dealt, ascending."""
        return tuple(range(self.deck.card_count)) if self.fewer is None else self.fewer

    @property
    def stride(self) -> int:
        """Return the length of a row: one hand more than there are, in sixteens."""
        return padded(1 + max(len(side) for side in self.holes))

    def met(self) -> NDArray[np.bool_]:
        """Return (hands, hands): which hands of the two players can meet."""
        one, two = self.holes
        shares = (one[:, None, :, None] == two[None, :, None, :]).any(axis=(2, 3))
        apart: NDArray[np.bool_] = ~shares
        return apart

    def mass(self) -> float:
        """Return the weight of all deals: pairs of hands that can meet."""
        return float(self.weights[0] @ self.met() @ self.weights[1])


def spot_hands(
    deck: Deck,
    board: Sequence[int],
    ranges: Sequence[NDArray[np.float64]],
    fewer: tuple[int, ...] | None = None,
) -> SpotHands:
    """Return the hands that fit the board.

    Args:
        deck: the deck.
        board: 3 to 5 cards.
        ranges: (hands of the deck,) weights of each player.
        fewer: the cards that are dealt, where that is a part of the deck; ranges hold no others.

    Raises:
        UsageError: a range has no hand on this board, or no hands of the two can meet.
    """
    pairs = hand_pairs(deck)[:, ::-1]
    # In the order of the first board, on the river by strength: its rows are the ranges'.
    _, fitting = hand_order(deck, board, pairs)
    holes, weights = [], []
    for name, weight in zip(("oop", "ip"), ranges, strict=True):
        rows = fitting[weight[fitting] > 0.0]
        if not len(rows):
            raise UsageError(
                f"spot.{name}: the board {deck.text(board)} leaves no hand of the range; give it "
                "others"
            )
        holes.append(pairs[rows])
        weights.append(weight[rows])
    hands = SpotHands(deck, tuple(board), (holes[0], holes[1]), (weights[0], weights[1]), fewer)
    if hands.mass() <= 0.0:
        raise UsageError(
            "spot.oop and spot.ip leave no deal: every hand of one shares a card with every hand "
            "of the other; give them others"
        )
    return hands


def require_deals(hands: SpotHands) -> None:
    """Refuse ranges that leave so few deals that rounding would be told for what they are worth.

    What a hand meets is the sum of all hands less those that share a card with it, in float32:
    at a share of one in a million that was off by up to 2 % of the pot, in what each player gets
    and in the exploitability.

    Raises:
        UsageError: the players' hands share a card in nearly every deal.
    """
    one, two = hands.weights
    if hands.mass() < LEAST_ACCEPTED * float(one.sum()) * float(two.sum()):
        raise UsageError(
            "spot.oop and spot.ip: the players' hands share a card in nearly every deal (fewer "
            f"than one in {1 / LEAST_ACCEPTED:,.0f} is possible); give them others"
        )


def suit_symmetries(hands: SpotHands) -> tuple[SuitMap, ...]:
    """Return the suit maps that leave the board and both ranges as they are, identity first."""
    ranges = []
    for holes, weights in zip(hands.holes, hands.weights, strict=True):
        low, high = holes.min(axis=1), holes.max(axis=1)
        weight = np.zeros(len(hand_pairs(hands.deck)))
        weight[high * (high - 1) // 2 + low] = weights
        ranges.append(weight)
    kept = kept_renamings(hands.deck, ranges, [hands.board])
    dealt = set(hands.dealt)
    return tuple(suits for suits in kept if {mapped_card(card, suits) for card in dealt} == dealt)


def list_boards(hands: SpotHands, *, isomorphic: bool) -> list[Board]:
    """Return all boards that are solved: the spot's, all turns of it, then all rivers, in order.

    Args:
        hands: of the spot.
        isomorphic: whether boards stand for others.
    """
    kept = suit_symmetries(hands) if isomorphic else (_IDENTITY,)
    boards = [Board(hands.board, -1, (_IDENTITY,), kept)]
    begin = 0
    for _ in range(RIVER_CARDS - len(hands.board)):
        end = len(boards)
        for number in range(begin, end):
            boards.extend(_children(hands.dealt, boards[number], number))
        begin = end
    return boards


def _children(dealt: Sequence[int], above: Board, number: int) -> list[Board]:
    """Return one board for each orbit of the next card under the maps that ``above`` keeps."""
    found = []
    seen: set[int] = set(above.cards)
    for card in dealt:
        if card in seen:
            continue
        stands_for: dict[int, SuitMap] = {}
        for suits in above.kept:
            stands_for.setdefault(mapped_card(card, suits), suits)
        seen |= stands_for.keys()
        kept = tuple(suits for suits in above.kept if mapped_card(card, suits) == card)
        found.append(Board((*above.cards, card), number, tuple(stands_for.values()), kept))
    return found


def padded(count: int) -> int:
    """Return the least multiple of sixteen that is not less."""
    return -(-count // LANES) * LANES


class BoardHands(NamedTuple):
    """The hands of one player on one board.

    Attributes:
        parent: (hands,), each hand's place on the board above.
        cards: (hands, 2).
        strength: (hands,), ascending on the river, else 0.
    """

    parent: NDArray[np.int64]
    cards: NDArray[np.int64]
    strength: NDArray[np.int64]


def board_arrays(
    hands: SpotHands, boards: Sequence[Board], slots: Sequence[tuple[int, int]]
) -> tuple[Boards, tuple[int, int]]:
    """Return what the kernels read of the boards, and each player's slots in all.

    Args:
        hands: of the spot.
        boards: as ``list_boards`` returns them.
        slots: by level, the action slots of each player on one board.
    """
    # First: what building them leaves free is used again.
    hand_rank_tables(hands.deck)
    arrays = _empty(hands, boards)
    # Of boards with others below them only: a flop has more than a thousand rivers.
    kept: dict[int, tuple[BoardHands, BoardHands]] = {}
    for number, board in enumerate(boards):
        above = kept.get(board.parent)
        both = _hands_on(hands, board, 0, above), _hands_on(hands, board, 1, above)
        if len(board.cards) < RIVER_CARDS:
            kept[number] = both
        for p in range(2):
            _write_hands(arrays, number, p, both)
            _write_orders(hands, arrays, number, p, board, both[p], above and above[p])
    return arrays, _place_tables(arrays, [board_level(hands, board) for board in boards], slots)


def _hands_on(
    hands: SpotHands, board: Board, p: int, above: tuple[BoardHands, BoardHands] | None
) -> BoardHands:
    """Return the player's hands on a board, given those on the board above."""
    cards = hands.holes[p] if above is None else above[p].cards
    order, rows = hand_order(hands.deck, board.cards, cards)
    return BoardHands(rows, cards[rows], order.strength.astype(np.int64))


def _empty(hands: SpotHands, boards: Sequence[Board]) -> Boards:
    count, stride = len(boards), hands.stride
    parents = np.array([board.parent for board in boards])
    family = np.zeros((count + 1, FAMILY_WORDS), np.int64)
    family[1:, ORDER_FIRST] = np.cumsum([len(board.stands_for) for board in boards])
    family[:-1, CHILD_FIRST] = np.searchsorted(parents, np.arange(count), side="left")
    family[:-1, CHILD_END] = np.searchsorted(parents, np.arange(count), side="right")
    hand = np.zeros((2, count, stride, HAND_WORDS), np.int16)
    hand[..., TWIN] = stride - 1
    return Boards(
        about=np.zeros((2, count, ABOUT_WORDS), np.int64),
        hand=hand,
        strength=np.zeros((2, count, stride, STRENGTH_WORDS), np.int16),
        order=np.full((2, int(family[-1, ORDER_FIRST]), stride), stride - 1, np.int16),
        family=family,
    )


def _write_hands(arrays: Boards, number: int, p: int, both: tuple[BoardHands, BoardHands]) -> None:
    """Write a player's hands on a board: cards, the other's same hands, groups of strength."""
    own, other = both[p], both[1 - p]
    count = len(own.parent)
    arrays.about[p, number, [WIDTH, HANDS]] = padded(count), count
    arrays.hand[p, number, :count, [CARD_A, CARD_B]] = LANES * own.cards.T
    code = 64 * own.cards[:, 0] + own.cards[:, 1]
    other_code = 64 * other.cards[:, 0] + other.cards[:, 1]
    order = np.argsort(other_code)
    if len(order):
        place = np.searchsorted(other_code[order], code).clip(max=len(order) - 1)
        has = other_code[order[place]] == code
        arrays.hand[p, number, :count, TWIN][has] = order[place][has]
    strengths = np.unique(own.strength)
    groups = len(strengths)
    arrays.about[p, number, GROUPS] = groups
    ends = arrays.strength[p, number, :groups]
    ends[:, OWN_END] = np.searchsorted(own.strength, strengths, side="right")
    ends[:, BELOW_END] = np.searchsorted(other.strength, strengths, side="left")
    ends[:, TIED_END] = np.searchsorted(other.strength, strengths, side="right")


def _write_orders(
    hands: SpotHands,
    arrays: Boards,
    number: int,
    p: int,
    board: Board,
    own: BoardHands,
    above: BoardHands | None,
) -> None:
    """Write, for each board that this one stands for, whose value on the board above is whose."""
    first, count = int(arrays.family[number, ORDER_FIRST]), len(own.parent)
    arrays.order[p, first, :count] = own.parent
    if above is None or len(board.stands_for) == 1:
        return
    place = np.full((hands.deck.card_count,) * 2, -1)
    rows = np.arange(len(above.parent))
    place[above.cards[:, 0], above.cards[:, 1]] = rows
    place[above.cards[:, 1], above.cards[:, 0]] = rows
    for extra, suits in enumerate(board.stands_for[1:], 1):
        cards = own.cards - own.cards % SUIT_COUNT + np.array(suits)[own.cards % SUIT_COUNT]
        arrays.order[p, first + extra, :count] = place[cards[:, 0], cards[:, 1]]


def board_level(hands: SpotHands, board: Board) -> int:
    """Return how many cards a board has more than the spot's."""
    return len(board.cards) - len(hands.board)


def _place_tables(
    arrays: Boards, levels: Sequence[int], slots: Sequence[tuple[int, int]]
) -> tuple[int, int]:
    """Give each board its place in the tables, a board's rivers right after it."""
    sizes = [0, 0]
    waiting = [0]
    while waiting:
        number = waiting.pop()
        for p in range(2):
            arrays.about[p, number, BASE] = sizes[p]
            sizes[p] += slots[levels[number]][p] * int(arrays.about[p, number, WIDTH])
        first, end = arrays.family[number, [CHILD_FIRST, CHILD_END]].tolist()
        waiting.extend(range(end - 1, first - 1, -1))
    return sizes[0], sizes[1]
