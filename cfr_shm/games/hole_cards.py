"""What somebody who looks at a hold'em game has to know of its cards: hands, boards, buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.buckets import Buckets, open_buckets
from cfr_shm.cards.deck import Deck
from cfr_shm.cards.isomorphism import BOARD_CARDS
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.layout import FIRST_STREET, FIXED_BOARD_CARDS, RANGES_WEIGHTED, CardDeals


class HoleCards(Protocol):
    """The hands of a hold'em game and their buckets."""

    @property
    def deck(self) -> Deck:
        """The deck that is dealt from."""
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
        """Return (hands,) buckets on a street; no hand shares a card with the board."""
        ...


def check_board(cards: HoleCards, street: int, board: Sequence[int]) -> None:
    """Refuse a board that cannot lie there on ``street``.

    Raises:
        UsageError: too many or too few cards, a card twice, or others than the game's own.
    """
    cards.deck.check(board)
    expected = cards.board_count(street)
    if len(board) != expected:
        raise UsageError(f"a board of {len(board)} cards where {expected} lie")
    fixed = cards.fixed_board[:expected]
    if tuple(board[: len(fixed)]) != fixed:
        raise UsageError(
            f"the board {cards.deck.text(board)} does not begin with the game's own,"
            f" {cards.deck.text(fixed)}"
        )


@dataclass(frozen=True)
class BucketFileCards:
    """The hole cards of a game whose buckets lie in a file; kept open as a memory map."""

    file: Buckets
    cards: CardDeals
    street_count: int

    @property
    def deck(self) -> Deck:
        """The deck that is dealt from."""
        return self.file.deck

    @property
    def fixed_board(self) -> tuple[int, ...]:
        """Cards that lie on every board, in the order of dealing."""
        count = int(self.cards.setting[FIXED_BOARD_CARDS])
        return tuple(self.cards.fixed_board[:count].tolist())

    def board_count(self, street: int) -> int:
        """Return how many board cards lie there on a street of the game."""
        return BOARD_CARDS[self._card_street(street)]

    def bucket_count(self, seat: int, street: int) -> int:
        """Return how many buckets a seat's hands have on a street."""
        del seat  # all seats' hands are bucketed alike
        return self.file.counts[self._card_street(street)]

    def hands(self, seat: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the hole cards of a seat's starting range, and weights."""
        if not self.cards.setting[RANGES_WEIGHTED]:
            pairs = hand_pairs(self.deck).astype(np.uint8)
            return pairs, np.ones(len(pairs))
        begin, end = self.cards.range_first[seat : seat + 2]
        threshold = self.cards.range_threshold[begin:end]
        # What an alias table draws: its own hand below the threshold, the other one above.
        weight = threshold.copy()
        np.add.at(weight, self.cards.range_other[begin:end], 1.0 - threshold)
        return self.cards.range_hole[begin:end].astype(np.uint8), weight / weight.max()

    def buckets(
        self, seat: int, street: int, hands: NDArray[np.uint8], board: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return the buckets of a seat's hands on a street."""
        del seat
        boards = np.tile(np.array(board, np.uint8), (len(hands), 1))
        whole = np.concatenate([hands, boards], axis=1)
        return self.file.lookup_all(self._card_street(street), whole).astype(np.int64)

    def _card_street(self, street: int) -> int:
        return int(self.cards.setting[FIRST_STREET]) + street


def hole_cards_of(game: Game) -> HoleCards | None:
    """Return the cards of a hold'em game; None where the game has no hole cards of its own.

    Raises:
        ArrayStoreError: the bucket file has gone, or is another one.
    """
    if game.bucket_file is None:
        return None
    file = open_buckets(Path(game.bucket_file.path), verify=False)
    return BucketFileCards(file, game.deals.cards, game.street_count)
