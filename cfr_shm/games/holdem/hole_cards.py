"""What somebody who looks at a hold'em game has to know of its cards: hands, boards, buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import DECKS, STANDARD, Deck
from cfr_shm.cards.evaluator import evaluate_all
from cfr_shm.cards.isomorphism import BOARD_CARDS, card_index, hand_numbers
from cfr_shm.cards.ranges import hand_of, hand_pairs
from cfr_shm.cards.suits import Renaming, every_renaming
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.seen_hands import SeenHands, least_renamed
from cfr_shm.games.holdem.small_deck import SmallDeck, hand_strengths
from cfr_shm.layout.cards import (
    BUCKET_ARRAYS,
    CARDS_IN_DECK,
    FIRST_STREET,
    FIXED_BOARD_CARDS,
    FULL_BOARD,
    RANGES_WEIGHTED,
)
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.policy import BLOCKED

#: Arrays of ``CardIndex`` that deals have their own of.
_NUMBERED = ("board_code", "board_mask", "first_hand", "pattern", "slot")


class HoleCards(Protocol):
    """The hands of a hold'em game and their buckets."""

    @property
    def deck(self) -> Deck:
        """The deck whose cards are dealt, or some of them, and whose numbers they have."""
        ...

    @property
    def dealt(self) -> tuple[int, ...]:
        """The cards that are dealt, ascending."""
        ...

    @property
    def fixed_board(self) -> tuple[int, ...]:
        """Cards that lie on every board, in the order of dealing."""
        ...

    def board_count(self, street: int) -> int:
        """Return how many board cards lie there on a street of the game."""
        ...

    def bucket_count(self, seat: int, street: int) -> int:
        """Return how many buckets a seat's hands have on a street."""
        ...

    def hands(self, seat: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return (hands, 2) the hole cards of a seat's starting range and (hands,) weights.

        Weights are above 0 and at most 1, which the heaviest hand has.
        """
        ...

    def buckets(
        self, seat: int, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return (hands,) buckets on a street, BLOCKED for those that no deal gives to the seat.

        Args:
            seat: whose hands.
            street: of the game.
            hands: (hands, 2) hole cards, none of them on the board.
            board: the cards that lie there, in the order of dealing.
        """
        ...

    def anybodys_buckets(
        self, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return the same whoever holds the hands; BLOCKED for those that nobody is dealt."""
        ...

    @property
    def showdown_cards(self) -> int:
        """How many board cards lie there at the showdown."""
        ...

    def strengths(self, hands: NDArray[np.int64], board: Sequence[int]) -> NDArray[np.int64]:
        """Return (hands,) strengths on a board of ``showdown_cards``; higher wins, equal ties."""
        ...


def check_board(cards: HoleCards, street: int, board: Sequence[int]) -> None:
    """Refuse a board that cannot lie there on ``street``.

    Raises:
        UsageError: too many or too few cards, a card twice or not in the deck, or others than
            the game's own.
    """
    cards.deck.check(board)
    check_dealt(cards, board)
    expected = cards.board_count(street)
    if len(board) != expected:
        raise UsageError(f"a board of {len(board)} cards where {expected} lie")
    fixed = cards.fixed_board[:expected]
    if tuple(board[: len(fixed)]) != fixed:
        raise UsageError(
            f"the board {cards.deck.text(board)} does not begin with the game's own,"
            f" {cards.deck.text(fixed)}"
        )


def check_dealt(cards: HoleCards, chosen: Sequence[int]) -> None:
    """Refuse cards that this game never deals.

    Raises:
        UsageError: naming the first of them and the lowest ranks that are dealt.
    """
    dealt = set(cards.dealt)
    for card in chosen:
        if card not in dealt:
            raise UsageError(
                f"the card {cards.deck.text([card])} is not in the game's deck, which has "
                f"{len(dealt)} cards, {cards.deck.text(cards.dealt[:1])} to "
                f"{cards.deck.text(cards.dealt[-1:])}"
            )


@dataclass(frozen=True)
class DealtCards:
    """The hole cards of a game that is dealt by the kernel, as the arrays say that it reads."""

    deals: Deals

    @property
    def deck(self) -> Deck:
        """The deck that is dealt from."""
        count = int(self.deals.cards.setting[CARDS_IN_DECK])
        return next(deck for deck in DECKS.values() if deck.card_count == count)

    @property
    def dealt(self) -> tuple[int, ...]:
        """All cards of the deck."""
        return tuple(range(self.deck.card_count))

    @property
    def fixed_board(self) -> tuple[int, ...]:
        """Cards that lie on every board, in the order of dealing."""
        cards = self.deals.cards
        return tuple(cards.fixed_board[: cards.setting[FIXED_BOARD_CARDS]].tolist())

    def board_count(self, street: int) -> int:
        """Return how many board cards lie there on a street of the game."""
        return BOARD_CARDS[self._card_street(street)]

    def bucket_count(self, seat: int, street: int) -> int:
        """Return how many buckets a seat's hands have on a street."""
        return int(self.deals.bucket_count[seat, street])

    def hands(self, seat: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the hole cards of a seat's starting range, and weights."""
        cards = self.deals.cards
        if not cards.setting[RANGES_WEIGHTED]:
            pairs = hand_pairs(self.deck).astype(np.uint8)
            return pairs, np.ones(len(pairs))
        begin, end = cards.range_first[seat : seat + 2]
        # What an alias table draws: its own hand below the threshold, the other one above.
        threshold = cards.range_threshold[begin:end]
        weight = threshold.copy()
        np.add.at(weight, cards.range_other[begin:end], 1.0 - threshold)
        return cards.range_hole[begin:end].astype(np.uint8), weight / weight.max()

    def buckets(
        self, seat: int, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return the buckets of a seat's hands on a street; all seats' are bucketed alike."""
        del seat
        return self.anybodys_buckets(street, hands, board)

    def anybodys_buckets(
        self, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return the buckets of hands on a street."""
        card_street = self._card_street(street)
        boards = np.tile(np.array(board, np.uint8), (len(hands), 1))
        cards = self.deals.cards
        # Fixed boards have numbers of their own, so have games without a flop whose ranges tell
        # suits apart.
        index = card_index(self.deck)._replace(**{name: getattr(cards, name) for name in _NUMBERED})
        number = hand_numbers(
            self.deck, card_street, np.concatenate([hands, boards], axis=1), index
        )
        width = int(self.deals.cards.bucket_bytes[card_street])
        stored: NDArray[np.uint8] = getattr(self.deals.cards, BUCKET_ARRAYS[card_street])
        return stored.view(f"<u{width}")[number].astype(np.int64)

    @property
    def showdown_cards(self) -> int:
        """How many board cards lie there at the showdown."""
        return FULL_BOARD

    def strengths(self, hands: NDArray[np.int64], board: Sequence[int]) -> NDArray[np.int64]:
        """Return the strengths of hands on a full board."""
        boards = np.tile(np.array(board, np.uint8), (len(hands), 1))
        cards = np.concatenate([hands.astype(np.uint8), boards], axis=1)
        return evaluate_all(self.deck, cards).astype(np.int64)

    def _card_street(self, street: int) -> int:
        return int(self.deals.cards.setting[FIRST_STREET]) + street


@dataclass(frozen=True)
class ListedCards:
    """The hole cards of a game all of whose deals are listed.

    Attributes:
        small: the deck.
        board_cards: cards dealt to the board before the betting of each street.
        seen: what each hand of each street has seen, as ``list_deals`` numbers it.
        fixed_board: cards that lie on every board, in the order of dealing.
        ranges: weights by seat over the hands of the standard deck; None for all alike.
        renamings: that hands are merged by; None for all of the deck's suits.
        coarse: by street (hands,) the bucket of each hand, where hands share some.
        later_cards: cards dealt to the board after the last betting.
        ranking: whose rules rank hands of five and more cards.
        given: by street (players, hands) whether some deal gives a seat the hand; None where
            every deal of hands that fit the board is possible.
    """

    small: SmallDeck
    board_cards: tuple[int, ...]
    seen: tuple[SeenHands, ...]
    fixed_board: tuple[int, ...] = ()
    ranges: Sequence[NDArray[np.float64]] | None = None
    renamings: tuple[Renaming, ...] | None = None
    coarse: tuple[NDArray[np.int64], ...] | None = None
    later_cards: int = 0
    ranking: Deck = STANDARD
    given: tuple[NDArray[np.bool_], ...] | None = None

    @property
    def deck(self) -> Deck:
        """The standard deck, whose highest ranks are dealt."""
        return STANDARD

    @property
    def dealt(self) -> tuple[int, ...]:
        """The cards that are dealt."""
        return tuple(self.small.cards)

    def board_count(self, street: int) -> int:
        """Return how many board cards lie there on a street of the game."""
        return sum(self.board_cards[: street + 1])

    def bucket_count(self, seat: int, street: int) -> int:
        """Return how many hands can be told apart on a street."""
        del seat
        if self.coarse is not None:
            return int(self.coarse[street].max()) + 1
        return len(self.seen[street])

    def hands(self, seat: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the hole cards of a seat's starting range, and weights."""
        pairs = np.array(list(combinations(self.dealt, 2)), np.uint8)
        if self.ranges is None:
            return pairs, np.ones(len(pairs))
        numbers = [hand_of(int(low), int(high)) for low, high in pairs]
        weight = self.ranges[seat][numbers]
        held = weight > 0.0
        return pairs[held], weight[held] / weight.max()

    def buckets(
        self, seat: int, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return the buckets of hands that the seat can hold on a street, BLOCKED for others.

        It may never be dealt a hand of its range: where all of the others' share a card with it.
        """
        number = self.hand_numbers(street, hands, board)
        if self.given is not None:
            number = np.where(self.given[street][seat, number], number, BLOCKED)
        return self._shared(street, number)

    def anybodys_buckets(
        self, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return (hands,) buckets, the same whoever holds them; BLOCKED where nobody does."""
        return self._shared(street, self.hand_numbers(street, hands, board))

    def _shared(self, street: int, number: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.coarse is None:
            return number
        return np.where(number == BLOCKED, BLOCKED, self.coarse[street][number])

    def hand_numbers(
        self, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return (hands,) numbers into ``seen`` of a street, BLOCKED for hands nobody can hold."""
        rows = np.empty((len(hands), street + 2), np.int64)
        rows[:, 0] = (1 << hands.astype(np.int64)).sum(axis=1)
        end = 0
        for place, count in enumerate(self.board_cards[: street + 1]):
            rows[:, 1 + place] = sum(1 << card for card in board[end : end + count])
            end += count
        renamings = self.renamings or every_renaming(self.small.suits)
        return self.seen[street].numbers(least_renamed(rows, renamings))

    @property
    def showdown_cards(self) -> int:
        """How many board cards lie there at the showdown."""
        return sum(self.board_cards) + self.later_cards

    def strengths(self, hands: NDArray[np.int64], board: Sequence[int]) -> NDArray[np.int64]:
        """Return the strengths of hands with all cards that are dealt."""
        return hand_strengths(hands, board, self.ranking)
