"""Real hands along a strategy: where they leave its tree, and what it would have done.

Every hand is followed move by move (``strategy.player``). A bet or raise that the tree does not
have is *translated*; its distance is the difference of the two sizes as parts of the pot. Once the
tree's hand is over while the real one goes on, the tree is *left*. Where hole cards are known the
strategy says what it would have done with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from cfr_shm.errors import CfrShmError, PlayerError, UsageError
from cfr_shm.games.holdem.hole_cards import check_dealt
from cfr_shm.layout.betting import BettingRules
from cfr_shm.play.history_files import HistoryText
from cfr_shm.protocols.phh import documents, read_hand
from cfr_shm.protocols.played_hand import PlayedHand, board_on, payoffs_of
from cfr_shm.strategy.function_player import player_of
from cfr_shm.strategy.player import Decision, Reading, TreePlayer
from cfr_shm.strategy.public import PublicStrategy, holdem_parts
from cfr_shm.strategy.table import TableStrategy


class Told(NamedTuple):
    """One decision of a hand, and what the strategy says to it."""

    reading: Reading
    row: Row | None  # None: the hole cards are not known, or the tree had been left
    decision: Decision | None  # in the chips of the hand; None: nobody asked for it


class Row(NamedTuple):
    """What the strategy does with the hole cards, as the tree reads the hand."""

    visited: bool  # by training; always, of a function
    share: float  # of what was done, as the tree reads it; 0 where it has nothing for it
    likeliest: bool  # nothing has a larger share


class Replayed(NamedTuple):
    """One hand along the strategy."""

    where: str
    played: PlayedHand
    told: tuple[Told, ...]
    payoffs: tuple[int, ...] | None  # as the source says, or by our rules


class Refused(NamedTuple):
    """A hand that could not be replayed."""

    where: str
    reason: str
    damaged: bool  # the history is wrong, not only of another game


class Replayer:
    """Follows hands with one strategy; players are kept by the rules that they play by.

    Args:
        strategy: what is asked.
        detailed: tell what it would have done in the chips of the hand, too; slower.
    """

    def __init__(self, strategy: PublicStrategy, detailed: bool = False) -> None:
        self._strategy = strategy
        self._detailed = detailed
        self._table = strategy if isinstance(strategy, TableStrategy) else None
        self._players: dict[bytes, TreePlayer | str] = {}

    def replay(self, text: HistoryText) -> Iterator[Replayed | Refused]:
        """Yield what becomes of each hand of a history.

        Raises:
            PlayerError: the strategy is a function, which fails.
        """
        if text.error is not None:
            yield Refused(text.name, text.error, True)
            return
        try:
            found = documents(text.text, text.name)
        except UsageError as error:
            yield Refused(text.name, str(error), True)
            return
        for document in found:
            try:
                played = read_hand(document)
            except UsageError as error:
                yield Refused(document.where, str(error), True)
                continue
            yield self._followed(document.where, played)

    def _followed(self, where: str, played: PlayedHand) -> Replayed | Refused:
        player = self._player(played.rules)
        if isinstance(player, str):
            return Refused(where, player, False)
        try:
            played = self._with_its_deck(played)
        except UsageError as error:
            return Refused(where, f"{self._strategy.name}: {error}", False)
        try:
            told = self.follow(player, played)
        except PlayerError:
            raise
        except CfrShmError as error:
            return Refused(where, f"{where}: {error}", True)
        paid = payoffs_of(played) if played.paid is None else played.paid
        return Replayed(where, played, told, paid)

    def follow(self, player: TreePlayer, played: PlayedHand) -> tuple[Told, ...]:
        """Return what the strategy says to each move of a hand."""
        player.begin()
        told = []
        for move in played.moves:
            node, seat = player.node, player.hand.actor
            hole, board = played.holes[seat], board_on(player.hand, played.board)
            asked = hole and (self._detailed or (self._table is None and node is not None))
            decision = player.decide(hole, board) if asked else None
            offered = player.offered() if self._table is None else {}
            reading = player.take(move)
            row = None
            if hole and node is not None and self._table is not None:
                row = _row(self._table, node, hole, board, reading.known)
            elif decision is not None and node is not None:
                known = None if reading.known is None else offered.get(reading.known)
                row = _decided(decision, move, known)
            told.append(Told(reading, row, decision if self._detailed else None))
        return tuple(told)

    def _with_its_deck(self, played: PlayedHand) -> PlayedHand:
        """Return the hand with the cards numbered as the game's deck numbers them.

        Raises:
            UsageError: a card that the game never deals.
        """
        _, cards = holdem_parts(self._strategy.game)
        deck = cards.deck
        if deck == played.deck and len(cards.dealt) == deck.card_count:
            return played

        def numbered(some: Sequence[int]) -> tuple[int, ...]:
            return deck.parse(played.deck.text(some))

        holes = tuple(numbered(hole) for hole in played.holes)
        board = numbered(played.board)
        check_dealt(cards, [*(card for hole in holes for card in hole), *board])
        return played._replace(holes=holes, board=board, deck=deck)

    def _player(self, rules: BettingRules) -> TreePlayer | str:
        """Return who plays by some rules, or why nobody does."""
        key = b"".join(np.asarray(field).tobytes() + b"|" for field in rules)
        if key not in self._players:
            try:
                self._players[key] = player_of(self._strategy, rules)
            except UsageError as error:
                self._players[key] = str(error)
        return self._players[key]


def _row(
    strategy: TableStrategy,
    node: int,
    hole: Sequence[int],
    board: Sequence[int],
    known: int | None,
) -> Row:
    """Return what a table's row says to what was done."""
    betting, _ = holdem_parts(strategy.game)
    first = int(strategy.game.tree.nodes["first_child"][node])
    shares, weight = strategy.row(node, hole, board)
    moves = betting.move[first : first + len(shares)].tolist()
    share = 0.0 if known is None else float(shares[moves.index(known)])
    return Row(weight > 0.0, share, known is not None and share >= float(shares.max()))


def _decided(decision: Decision, move: int, known: int | None) -> Row:
    """Return what a decision says to what was done, itself or as the tree reads it."""
    shares = dict(zip(decision.moves, decision.probabilities, strict=True))
    share = shares.get(move, shares.get(known, 0.0) if known is not None else 0.0)
    return Row(True, share, share > 0.0 and share >= max(shares.values()))


def is_translated(reading: Reading) -> bool:
    """Return whether a bet or raise was read as another size."""
    if reading.size is None or reading.known_size is None:
        return False
    return abs(reading.size - reading.known_size) > 1e-9


class Tally:
    """What a number of replayed hands come to."""

    def __init__(self) -> None:
        self.hands = 0
        self.off_tree_hands = 0
        self.left_hands = 0
        self.decisions = 0
        self.asked = 0  # the hole cards are known, and the tree has something to say
        self.never_visited = 0  # of these, rows without a strategy
        self.silent = 0  # the tree had been left
        self.likeliest = 0  # of rows visited: what was done is what the strategy does most often
        self.share = 0.0  # of rows visited: sum of the probabilities of what was done
        self.raises = 0  # bets and raises to which the tree had something to say
        self.translated: Counter[int] = Counter()  # by real street
        self.first_translated: Counter[int] = Counter()
        self.left: Counter[int] = Counter()
        self.distances: list[float] = []
        self.won: dict[str, list[float]] = {}  # big blinds a hand, by name
        self.refused: Counter[str] = Counter()
        self.damaged = 0

    def add(self, found: Replayed | Refused) -> None:
        """Count a hand."""
        if isinstance(found, Refused):
            if found.damaged:
                self.damaged += 1
            else:
                self.refused[found.reason] += 1
            return
        self.hands += 1
        seen = [self._count(told, found.played.rules) for told in found.told]
        self.off_tree_hands += any(seen)
        self.left_hands += any(told.reading.node is None for told in found.told)
        self._count_firsts(found)
        self._count_won(found)

    def _count(self, told: Told, rules: BettingRules) -> bool:
        """Count a decision; return whether its size was translated."""
        self.decisions += 1
        reading, row = told.reading, told.row
        if reading.node is None:
            self.silent += 1
            return False
        if row is not None:
            self.asked += 1
            self.never_visited += not row.visited
            self.likeliest += row.likeliest and row.visited
            self.share += row.share if row.visited else 0.0
        if reading.size is None or reading.known_size is None:
            return False
        self.raises += 1
        if not is_translated(reading):
            return False
        self.translated[int(rules.real_street[reading.street])] += 1
        self.distances.append(abs(reading.size - reading.known_size))
        return True

    def _count_firsts(self, found: Replayed) -> None:
        streets = found.played.rules.real_street
        for told in found.told:
            if is_translated(told.reading):
                self.first_translated[int(streets[told.reading.street])] += 1
                break
        for told in found.told:
            if told.reading.node is None:
                self.left[int(streets[told.reading.street])] += 1
                break

    def _count_won(self, found: Replayed) -> None:
        big_blind = float(found.played.rules.blind.max())
        if found.payoffs is None or not found.played.names or not big_blind:
            return
        for name, chips in zip(found.played.names, found.payoffs, strict=True):
            self.won.setdefault(name, []).append(chips / big_blind)
