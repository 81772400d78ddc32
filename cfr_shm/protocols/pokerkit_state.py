"""States of the package pokerkit: read as hands of ours, and made from them.

pokerkit is imported when a state is made; reading one needs nothing but the state.
"""

from __future__ import annotations

from typing import Any

from cfr_shm.cards.deck import STANDARD
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.betting import LIMITS, Hand, betting_rules
from cfr_shm.layout.betting import (
    AT_SHOWDOWN,
    CALL,
    FOLD,
    NO_RAISE_CAP,
    BettingRules,
)
from cfr_shm.protocols.phh import turned
from cfr_shm.protocols.played_hand import BOARD_COUNT, PlayedHand

_STRUCTURES = {
    "NO_LIMIT": "no_limit",
    "POT_LIMIT": "pot_limit",
    "FIXED_LIMIT": "fixed_limit",
}


def read_pokerkit(state: Any) -> PlayedHand:
    """Return the hand that a pokerkit ``State`` holds, as far as it was played.

    Raises:
        UsageError: the state is not of hold'em with whole chips, or has a bet that is none of
            ours.
    """
    rules = _rules(state)
    holes: list[tuple[int, ...]] = [()] * rules.players
    seats = turned(range(rules.players))
    board: list[int] = []
    moves: list[int] = []
    hand = Hand(rules)
    for operation in state.operations:
        kind = type(operation).__name__
        if kind == "HoleDealing":
            seat = seats[operation.player_index]
            holes[seat] = (*holes[seat], *_cards(operation.cards))
        elif kind == "BoardDealing":
            board += _cards(operation.cards)
        elif kind == "HoleCardsShowingOrMucking" and operation.hole_cards:
            holes[seats[operation.player_index]] = _cards(operation.hole_cards)
        elif kind in ("Folding", "CheckingOrCalling", "CompletionBettingOrRaisingTo"):
            move = _move(operation, kind)
            if hand.finished or seats[operation.player_index] != hand.actor:
                raise UsageError(
                    f"pokerkit state: {kind} of a player who is not to act by our rules"
                )
            if (reason := hand.refusal(move)) is not None:
                raise UsageError(f"pokerkit state: {kind}: {reason}")
            moves.append(move)
            hand = hand.apply(move)
        elif kind == "RunoutCountSelection" and (operation.runout_count or 1) > 1:
            raise UsageError("pokerkit state: the board is dealt more than once")
    known = tuple(hole if len(hole) == 2 else () for hole in holes)
    paid = None if state.status else turned([int(chips) for chips in state.payoffs])
    return PlayedHand(rules, tuple(moves), known, tuple(board), paid=paid)


def _rules(state: Any) -> BettingRules:
    dealt = [
        (len(street.hole_dealing_statuses), street.board_dealing_count) for street in state.streets
    ]
    if dealt != [(2, 0), (0, 3), (0, 1), (0, 1)] or len(state.deck) != 52:
        raise UsageError("pokerkit state: not hold'em with 52 cards, preflop to river")
    amounts = (*state.antes, *state.blinds_or_straddles, *state.starting_stacks)
    if not all(int(chips) == chips and chips >= 0 for chips in amounts):
        raise UsageError("pokerkit state: chips are whole numbers, posted bets are not known here")
    players = state.player_count
    stacks = turned([int(chips) for chips in state.starting_stacks])
    caps = [
        NO_RAISE_CAP if cap is None else int(cap)
        for cap in (street.max_completion_betting_or_raising_count for street in state.streets)
    ]
    # Heads-up pokerkit turns blinds and antes round when they are posted, not before.
    rules = betting_rules(
        players=players,
        blinds=[int(chips) for chips in state.blinds_or_straddles],
        stacks=stacks,
        ante=[int(chips) for chips in state.antes],
        betting=_STRUCTURES[state.betting_structure.name],
        bet_sizes=[
            int(street.min_completion_betting_or_raising_amount) for street in state.streets
        ],
        raise_caps=caps,
        short_blinds=True,
    )
    dead = not state.ante_trimming_status and bool(rules.ante.any())
    return rules._replace(dead_antes=int(dead))


def _cards(cards: Any) -> tuple[int, ...]:
    """Return known cards; nothing where one is unknown."""
    text = "".join(repr(card) for card in cards)
    return () if "?" in text else STANDARD.parse(text)


def _move(operation: Any, kind: str) -> int:
    if kind == "Folding":
        return FOLD
    return CALL if kind == "CheckingOrCalling" else int(operation.amount)


def write_pokerkit(played: PlayedHand) -> Any:
    """Return a pokerkit ``State`` in which the hand was played; hands shown where they are known.

    Raises:
        UsageError: pokerkit is missing, or its hold'em has no such rules.
    """
    state = _begun(played)
    for player, hole in enumerate(turned(played.holes)):
        state.deal_hole(STANDARD.text(hole) if hole else "????", player)
    hand, lie = Hand(played.rules), 0
    for move in played.moves:
        lie = _deal_board(state, played, lie, BOARD_COUNT[hand.street])
        if move == FOLD:
            state.fold()
        elif move == CALL:
            state.check_or_call()
        else:
            state.complete_bet_or_raise_to(move)
        hand = hand.apply(move)
    due = len(played.board) if hand.status == AT_SHOWDOWN else BOARD_COUNT[hand.street]
    _end(state, played, lie, due)
    return state


def _begun(played: PlayedHand) -> Any:
    try:
        from pokerkit import Automation, BettingStructure, Deck, Opening, State, Street
        from pokerkit.hands import StandardHighHand
    except ImportError:
        raise UsageError("states of pokerkit need the package: pip install pokerkit") from None
    rules = played.rules
    if rules.real_street.tolist() != [0, 1, 2, 3] or rules.dead or played.deck is not STANDARD:
        raise UsageError("pokerkit: hold'em with 52 cards, preflop to river, is made")
    kept = ("CARD_BURNING", "HOLE_DEALING", "BOARD_DEALING", "HOLE_CARDS_SHOWING_OR_MUCKING")
    cap = [None if each == NO_RAISE_CAP else each for each in rules.max_raises.tolist()]
    before = (0, *BOARD_COUNT[:-1])
    limit = next(name for name, number in LIMITS.items() if number == rules.limit)
    return State(
        tuple(each for each in Automation if each.name not in kept),
        Deck.STANDARD,
        (StandardHighHand,),
        tuple(
            Street(
                False,
                (False,) * (2 * (street == 0)),
                BOARD_COUNT[street] - before[street],
                False,
                Opening.POSITION,
                rules.bet_size.tolist()[street],
                cap[street],
            )
            for street in range(4)
        ),
        BettingStructure[limit.upper()],
        not rules.dead_antes,
        tuple(rules.ante.tolist()),
        tuple(rules.blind.tolist()),
        0,
        turned(rules.stack.tolist()),
        rules.players,
    )


def _deal_board(state: Any, played: PlayedHand, lie: int, due: int) -> int:
    """Deal what is missing of the board up to ``due`` cards; return how many lie there."""
    for count in BOARD_COUNT:
        if lie < count <= min(due, len(played.board)):
            state.deal_board(STANDARD.text(played.board[lie:count]))
            lie = count
    return lie


def _end(state: Any, played: PlayedHand, lie: int, due: int) -> None:
    """Show hands down and deal out, in the order in which pokerkit wants it."""
    while state.status and state.actor_index is None:
        if state.showdown_index is not None:
            hole = turned(played.holes)[state.showdown_index]
            if not hole:
                return
            state.show_or_muck_hole_cards(True)
        elif lie < due and state.can_deal_board(None):
            lie = _deal_board(state, played, lie, min(c for c in BOARD_COUNT if c > lie))
        else:
            return
