"""One hand of hold'em played by pokerkit, seen as ours are: seats by position, chips, raise-to.

Hands have the strength of their first card, three ranks alike, so that pots are often split and
no hand is evaluated.
"""

from dataclasses import dataclass

from pokerkit import Automation, BettingStructure, Deck, Mode, Opening, Rank, State, Street

FOLD = -1
CALL = 0

LIMITS = {
    "no_limit": BettingStructure.NO_LIMIT,
    "pot_limit": BettingStructure.POT_LIMIT,
    "fixed_limit": BettingStructure.FIXED_LIMIT,
}
BOARD = (0, 3, 1, 1)
AUTOMATIONS = (
    Automation.ANTE_POSTING,
    Automation.BET_COLLECTION,
    Automation.BLIND_OR_STRADDLE_POSTING,
    Automation.HOLE_DEALING,
    Automation.BOARD_DEALING,
    Automation.RUNOUT_COUNT_SELECTION,
    Automation.HAND_KILLING,
    Automation.CHIPS_PUSHING,
    Automation.CHIPS_PULLING,
)
ORDER = tuple(Rank)


@dataclass(frozen=True, order=True)
class FirstCard:
    """A hand that is as strong as its first card's rank, three ranks alike."""

    strength: int

    @classmethod
    def from_game(cls, hole_cards, board_cards=()):
        card = next(card for card in hole_cards if card)
        return cls(ORDER.index(card.rank) // 3)


class PokerkitTable:
    """A hand in progress. ``pots`` and ``payoffs`` are known at its end."""

    def __init__(
        self,
        *,
        stacks,
        blinds,
        antes,
        dead_antes,
        limit,
        bet_sizes,
        raise_caps,
        rake=None,
    ):
        self.players = len(stacks)
        # Heads-up pokerkit turns blinds and antes round, but not the stacks.
        self._seat = (1, 0) if self.players == 2 else tuple(range(self.players))
        streets = tuple(
            Street(False, (False,) * 2 * (cards == 0), cards, False, Opening.POSITION, size, cap)
            for cards, size, cap in zip(BOARD, bet_sizes, raise_caps, strict=True)
        )
        self._state = State(
            AUTOMATIONS,
            Deck.STANDARD,
            (FirstCard,),
            streets,
            LIMITS[limit],
            not dead_antes,
            tuple(antes),
            tuple(blinds),
            0,
            tuple(stacks[seat] for seat in self._seat),
            self.players,
            mode=Mode.TOURNAMENT,
            **({"rake": rake} if rake else {}),
        )
        self.strengths = tuple(
            FirstCard.from_game(self._state.hole_cards[self._seat[seat]]).strength
            for seat in range(self.players)
        )
        self.pots = ()
        self._run_out()

    @property
    def actor(self):
        index = self._state.actor_index
        return None if index is None else self._seat[index]

    @property
    def street(self):
        return self._state.street_index

    @property
    def finished(self):
        return not self._state.status

    @property
    def payoffs(self):
        return tuple(int(self._state.payoffs[self._seat[seat]]) for seat in range(self.players))

    def legal(self):
        """Return (may fold, call amount, least raise-to, most raise-to), 0 for no raise."""
        state = self._state
        least = state.min_completion_betting_or_raising_to_amount or 0
        most = state.max_completion_betting_or_raising_to_amount or 0
        return state.can_fold(), state.checking_or_calling_amount, least, most

    def play(self, move):
        if move == FOLD:
            self._state.fold()
        elif move == CALL:
            self._state.check_or_call()
        else:
            self._state.complete_bet_or_raise_to(move)
        self._run_out()

    def _run_out(self):
        """Show every hand, noting the pots before pokerkit kills those that lose."""
        state = self._state
        while state.status and state.actor_index is None:
            if not self.pots:
                self.pots = tuple(
                    (pot.amount, tuple(sorted(self._seat[i] for i in pot.player_indices)))
                    for pot in state.pots
                )
            state.show_or_muck_hole_cards(True)
