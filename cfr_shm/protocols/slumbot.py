"""Slumbot's HTTP interface as text: lines of betting, and the documents that its server answers.

Heads-up no-limit hold'em, blinds 50 and 100, 200 big blinds. ``client_pos`` 0 is the big blind.
``b`` and a number bets or raises to so much on the street; ``k`` checks, ``c`` calls, ``f`` folds.

Source: the sample client that the server's author publishes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cfr_shm.cards.deck import STANDARD
from cfr_shm.errors import CfrShmError, ProtocolError
from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.protocols.played_hand import (
    BOARD_COUNT,
    PlayedHand,
    payoffs_of,
    refuse_card_twice,
)

RULES = betting_rules(players=2, blinds=(50, 100), stacks=20_000)
NEW_HAND, ACT = "/api/new_hand", "/api/act"

_MOVE = re.compile(r"[kcf]|b(\d{1,6})")


class Reply(NamedTuple):
    """What an answer of the server says."""

    token: str | None  # to be sent with the next request
    seat: int  # ours, of the client
    played: PlayedHand
    winnings: int | None  # chips of the client; None: the hand goes on
    baseline: int | None  # what the server wins of itself in that seat with those cards


def read_line(text: str) -> tuple[int, ...]:
    """Return the moves of a line of betting.

    Raises:
        ProtocolError: a move that is none, is not legal, or stands on the wrong street.

    Example:
        >>> read_line("b200c/kk/kb300f")
        (200, 0, 0, 0, 0, 300, -1)
    """
    hand, moves = Hand(RULES), []
    for street, part in enumerate(text.split("/")):
        place = 0
        while place < len(part):
            found = _MOVE.match(part, place)
            if found is None:
                raise ProtocolError(f"{part[place:][:20]!r} is no move: expected k, c, f or bN")
            place = found.end()
            if hand.finished or hand.street != street:
                raise ProtocolError(f"{found[0]!r}: nobody is to act on street {street + 1}")
            move = _move(hand, found)
            moves.append(move)
            hand = hand.apply(move)
        if street > 3:
            raise ProtocolError("the line has more than four streets")
    if not hand.finished and text.count("/") != hand.street:
        raise ProtocolError(f"the line {text!r} ends on another street than the hand")
    return tuple(moves)


def _move(hand: Hand, found: re.Match[str]) -> int:
    text = found[0]
    if text in "kc":
        if (text == "k") != (hand.call_amount == 0):
            to_call = f"{hand.call_amount} are to call" if hand.call_amount else "nothing to call"
            raise ProtocolError(f"{text!r}: {to_call}")
        return CALL
    move = FOLD if text == "f" else int(found[1])
    if move == 0:
        raise ProtocolError(f"{text!r}: a bet of nothing")
    if (reason := hand.refusal(move)) is not None:
        raise ProtocolError(f"{text!r}: {reason}")
    return move


def move_text(hand: Hand, move: int) -> str:
    """Return how a move of the player to act is written."""
    if move == FOLD:
        return "f"
    if move == CALL:
        return "c" if hand.call_amount else "k"
    return f"b{move}"


def write_line(moves: tuple[int, ...]) -> str:
    """Return the line of betting of some moves.

    Example:
        >>> write_line((20000, 0))
        'b20000c///'
    """
    hand, words = Hand(RULES), []
    for move in moves:
        words.append(move_text(hand, move))
        after = hand.apply(move)
        if not after.finished:
            words.append("/" * (after.street - hand.street))
        elif not after.folded:
            words.append("/" * (3 - hand.street))
        hand = after
    return "".join(words)


def read_reply(document: Any) -> Reply:
    """Return what an answer says.

    Raises:
        ProtocolError: an error that the server tells, or an answer that makes no sense.
    """
    if not isinstance(document, Mapping):
        raise ProtocolError("the answer is no JSON object")
    if document.get("error_msg"):
        raise ProtocolError(f"the server says: {str(document['error_msg'])[:200]}")
    position = document.get("client_pos")
    if isinstance(position, bool) or position not in (0, 1):
        raise ProtocolError(f"client_pos {position!r} is neither 0 nor 1")
    seat = 1 - int(position)
    try:
        moves = read_line(_text(document, "action"))
        played = _with_cards(document, seat, moves)
    except CfrShmError as error:
        raise ProtocolError(f"action {document.get('action')!r}: {error}") from None
    token = document.get("token")
    if token is not None and not isinstance(token, str):
        raise ProtocolError("the token is no text")
    winnings, baseline = _whole(document, "winnings"), _whole(document, "baseline_winnings")
    _check_end(played, seat, winnings)
    return Reply(token, seat, played, winnings, baseline)


def _with_cards(document: Mapping[str, Any], seat: int, moves: tuple[int, ...]) -> PlayedHand:
    holes: list[tuple[int, ...]] = [(), ()]
    holes[seat] = STANDARD.parse("".join(_texts(document, "hole_cards")))
    holes[1 - seat] = STANDARD.parse("".join(_texts(document, "bot_hole_cards")))
    board = STANDARD.parse("".join(_texts(document, "board")))
    refuse_card_twice([*holes[0], *holes[1], *board])
    played = PlayedHand(RULES, moves, (holes[0], holes[1]), board)
    hand = played.last
    if len(holes[seat]) != 2 or len(holes[1 - seat]) not in (0, 2):
        raise ProtocolError("a player has two cards")
    if not hand.finished and len(board) != BOARD_COUNT[hand.street]:
        raise ProtocolError(f"{len(board)} board cards on street {hand.street + 1}")
    return played


def _check_end(played: PlayedHand, seat: int, winnings: int | None) -> None:
    finished = played.last.finished
    if finished != (winnings is not None):
        state = "over" if finished else "not over"
        raise ProtocolError(f"the betting is {state}, winnings are {winnings}")
    paid = payoffs_of(played) if finished else None
    if paid is not None and paid[seat] != winnings:
        raise ProtocolError(f"winnings {winnings} of a hand that pays {paid[seat]}")


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is no text")
    return value


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ProtocolError(f"{name} is no list of cards")
    return value


def _whole(document: Mapping[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"{name} {str(value)[:40]!r} is no whole number")
    return value
