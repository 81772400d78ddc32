"""The protocol of the Annual Computer Poker Competition: games, match states and answers as text.

A match state, ``MATCHSTATE:position:hand:betting:cards``, tells all of a hand that the player at
``position`` may know. Raises are totals over the whole hand; heads-up position 0 has the big blind.

Sources: the protocol's specification 2.0.0, the game definitions of its server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from cfr_shm.cards.deck import STANDARD
from cfr_shm.errors import CfrShmError, ProtocolError, UsageError
from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.layout.betting import CALL, FIXED_LIMIT, FOLD, NO_LIMIT, NO_RAISE_CAP, BettingRules
from cfr_shm.protocols.played_hand import BOARD_COUNT, PlayedHand, refuse_card_twice

VERSION = "VERSION:2.0.0"
#: The server's limits.
MOST_PLAYERS = 10
#: Lines are longer only where something is wrong.
LONGEST_LINE = 4096

_STATE = re.compile(r"MATCHSTATE:(\d{1,2}):(\d{1,18}):([^:]*):([^:]*)")
_MOVE = re.compile(r"f|c|r(\d{0,12})")
_LIMITS = {"limit": "fixed_limit", "nolimit": "no_limit"}


class AcpcGame(NamedTuple):
    """A game, and where its players sit."""

    rules: BettingRules
    seats: tuple[int, ...]  # our seat of each position

    @property
    def limit(self) -> bool:
        """Whether raises have one size, which is not written."""
        return self.rules.limit == FIXED_LIMIT


class MatchState(NamedTuple):
    """What a line of the dealer says."""

    text: str  # what is answered, the answer behind it
    position: int
    hand_number: int
    played: PlayedHand


def game_by_rules(rules: BettingRules) -> AcpcGame:
    """Return the game as the protocol plays it.

    Raises:
        UsageError: it cannot.
    """
    if rules.players > MOST_PLAYERS or rules.real_street.tolist() != [0, 1, 2, 3]:
        raise UsageError("ACPC has hold'em from preflop to the river for 2 to 10 players")
    if rules.ante.any() or rules.dead or rules.limit not in (NO_LIMIT, FIXED_LIMIT):
        raise UsageError("ACPC has no antes, no chips from before and no pot limit")
    seats = tuple(range(rules.players))
    return AcpcGame(rules, seats[::-1] if rules.players == 2 else seats)


def read_game(text: str, source: str = "the game") -> AcpcGame:
    """Return the game that a server's game file defines.

    Raises:
        UsageError: no game file, or a game other than hold'em as we know it.
    """
    try:
        return _game(_fields(text))
    except CfrShmError as error:
        raise UsageError(f"{source}: {error}") from None


def _fields(text: str) -> dict[str, list[str]]:
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not lines or lines[0].lower() != "gamedef" or lines[-1].lower() != "end gamedef":
        raise UsageError("a game file begins with GAMEDEF and ends with END GAMEDEF")
    found: dict[str, list[str]] = {}
    for line in lines[1:-1]:
        name, _, values = line.replace("=", " = ").partition(" ")
        found[name.lower()] = values.replace("=", " ").split()
    return found


def _game(fields: dict[str, list[str]]) -> AcpcGame:
    players, blinds = _number(fields, "numplayers"), _numbers(fields, "blind")
    if not 2 <= players <= MOST_PLAYERS or len(blinds) != players:
        raise UsageError(f"numPlayers {players} with {len(blinds)} blinds; one each, 2 to 10")
    expected = {
        "numrounds": [4],
        "numsuits": [4],
        "numranks": [13],
        "numholecards": [2],
        "numboardcards": [0, 3, 1, 1],
    }
    for name, values in expected.items():
        if _numbers(fields, name) != values:
            raise UsageError(f"{name} is not {' '.join(map(str, values))}, as in hold'em")
    limit = [name for name in _LIMITS if name in fields]
    if len(limit) != 1:
        raise UsageError("expected 'limit' or 'nolimit'")
    seats = tuple(range(players))
    seats = seats[::-1] if players == 2 else seats
    by_seat = sorted(range(players), key=seats.__getitem__)
    rules = betting_rules(
        players=players,
        blinds=[blinds[position] for position in by_seat],
        stacks=_stacks(fields, by_seat),
        betting=_LIMITS[limit[0]],
        bet_sizes=_bets(fields, max(blinds), limit[0]),
        raise_caps=_caps(fields, limit[0]),
    )
    first = [seats[place - 1] for place in _numbers(fields, "firstplayer") if 0 < place <= players]
    if first != rules.first_actor.tolist():
        raise UsageError("firstPlayer: others begin than in hold'em")
    return AcpcGame(rules, seats)


def _stacks(fields: dict[str, list[str]], by_seat: Sequence[int]) -> list[int]:
    if "stack" not in fields:
        if "nolimit" in fields:
            raise UsageError("no 'stack'")
        return [10**7] * len(by_seat)
    stacks = _numbers(fields, "stack")
    if len(stacks) != len(by_seat):
        raise UsageError(f"stack: {len(stacks)} values for {len(by_seat)} players")
    return [stacks[position] for position in by_seat]


def _bets(fields: dict[str, list[str]], big_blind: int, limit: str) -> list[int]:
    if limit == "nolimit":
        return [max(1, big_blind)] * 4
    sizes = _numbers(fields, "raisesize")
    if len(sizes) != 4:
        raise UsageError(f"raiseSize: {len(sizes)} values for 4 rounds")
    return sizes


def _caps(fields: dict[str, list[str]], limit: str) -> list[int] | None:
    if "maxraises" not in fields:
        return [NO_RAISE_CAP] * 4 if limit == "limit" else None
    caps = _numbers(fields, "maxraises")
    if len(caps) != 4:
        raise UsageError(f"maxRaises: {len(caps)} values for 4 rounds")
    return caps


def _number(fields: dict[str, list[str]], name: str) -> int:
    values = _numbers(fields, name)
    if len(values) != 1:
        raise UsageError(f"{name}: expected one number")
    return values[0]


def _numbers(fields: dict[str, list[str]], name: str) -> list[int]:
    values = fields.get(name, [])
    if not values or not all(value.isdecimal() and len(value) < 10 for value in values):
        raise UsageError(f"{name}: expected whole numbers, found {' '.join(values)[:60] or 'none'}")
    return [int(value) for value in values]


def read_state(game: AcpcGame, line: str) -> MatchState | None:
    """Return what a line says; None: nothing, it is a comment.

    Raises:
        ProtocolError: it is no match state, or one that the rules do not allow.
    """
    if not line or line[0] in "#;":
        return None
    found = _STATE.fullmatch(line)
    if found is None or int(found[1]) >= game.rules.players:
        raise ProtocolError(f"{line[:80]!r} is no match state")
    try:
        moves = read_betting(game, found[3])
        holes, board = _cards(game, found[4])
        played = PlayedHand(game.rules, moves, holes, board, number=int(found[2]))
        _check_cards(game, played, int(found[1]))
    except CfrShmError as error:
        raise ProtocolError(f"the match state {line[:200]!r}: {error}") from None
    return MatchState(line, int(found[1]), int(found[2]), played)


def read_betting(game: AcpcGame, text: str) -> tuple[int, ...]:
    """Return the moves of a betting string.

    Raises:
        ProtocolError: a move that is none, is not legal, or stands on the wrong street.
    """
    hand, moves = Hand(game.rules), []
    streets = text.split("/")
    if len(streets) > 4:
        raise ProtocolError(f"the betting has {len(streets)} rounds")
    for street, part in enumerate(streets):
        place = 0
        while place < len(part):
            found = _MOVE.match(part, place)
            if found is None:
                raise ProtocolError(f"{part[place:][:20]!r} is no move: expected f, c or r")
            place = found.end()
            if hand.finished or hand.street != street:
                raise ProtocolError(f"{found[0]!r}: nobody is to act on round {street + 1}")
            move = _move(game, hand, found)
            moves.append(move)
            hand = hand.apply(move)
    if not hand.finished and len(streets) != hand.street + 1:
        raise ProtocolError(f"the betting stands on round {hand.street + 1}, not {len(streets)}")
    return tuple(moves)


def _move(game: AcpcGame, hand: Hand, found: re.Match[str]) -> int:
    text = found[0]
    move = FOLD if text == "f" else CALL
    if text[0] == "r":
        if (found[1] == "") != game.limit:
            raise ProtocolError(f"{text!r}: raises have {'no' if game.limit else 'a'} size here")
        if game.limit:
            move = hand.raise_bounds[0] if hand.raise_bounds else 1
        else:
            move = int(found[1]) - before_street(hand)
            if move <= 0:
                raise ProtocolError(f"{text!r} raises to what is in already")
    if (reason := hand.refusal(move)) is not None:
        raise ProtocolError(f"{text!r}: {reason}")
    return move


def before_street(hand: Hand) -> int:
    """Return what the seat to act put in before this street."""
    return hand.committed[hand.actor] - hand.street_bets[hand.actor]


def move_text(game: AcpcGame, hand: Hand, move: int) -> str:
    """Return how a move of the seat to act is written."""
    if move in (FOLD, CALL):
        return "f" if move == FOLD else "c"
    return "r" if game.limit else f"r{move + before_street(hand)}"


def write_betting(game: AcpcGame, moves: Sequence[int]) -> str:
    """Return the betting string of some moves."""
    hand, words = Hand(game.rules), []
    for move in moves:
        words.append(move_text(game, hand, move))
        after = hand.apply(move)
        if not after.finished:
            words.append("/" * (after.street - hand.street))
        elif len(after.folded) + 1 < game.rules.players:
            words.append("/" * (3 - hand.street))
        hand = after
    return "".join(words)


def write_state(game: AcpcGame, played: PlayedHand, position: int | None = None) -> str:
    """Return betting and cards as a match state has them, what ``position`` may not see left out.

    None sees everything. Shown down hands are everybody's.
    """
    hand = played.last
    shown = hand.finished and len(hand.folded) + 1 < game.rules.players
    holes = []
    for place, seat in enumerate(game.seats):
        visible = position in (None, place) or (shown and seat not in hand.folded)
        holes.append(STANDARD.text(played.holes[seat]) if visible else "")
    count = 5 if shown else BOARD_COUNT[hand.street]
    board = [played.board[BOARD_COUNT[s - 1] : BOARD_COUNT[s]] for s in (1, 2, 3)]
    parts = [STANDARD.text(part) for s, part in enumerate(board, 1) if BOARD_COUNT[s] <= count]
    return f"{write_betting(game, played.moves)}:{'/'.join(['|'.join(holes), *parts])}"


def _cards(game: AcpcGame, text: str) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    private, *public = text.split("/")
    by_position = [STANDARD.parse(hole) for hole in private.split("|")]
    if len(by_position) != game.rules.players:
        raise ProtocolError(f"cards of {len(by_position)} players, not {game.rules.players}")
    for hole in by_position:
        if len(hole) not in (0, 2):
            raise ProtocolError(f"a player with {len(hole)} cards")
    holes: list[tuple[int, ...]] = [()] * game.rules.players
    for position, seat in enumerate(game.seats):
        holes[seat] = by_position[position]
    board: list[int] = []
    for street, part in enumerate(public, 1):
        board += STANDARD.parse(part)
        if street > 3 or len(board) != BOARD_COUNT[street]:
            raise ProtocolError(f"{len(board)} board cards on round {street + 1}")
    return tuple(holes), tuple(board)


def _check_cards(game: AcpcGame, played: PlayedHand, position: int) -> None:
    refuse_card_twice([*(card for hole in played.holes for card in hole), *played.board])
    hand = played.last
    if not played.holes[game.seats[position]]:
        raise ProtocolError(f"no cards at position {position}, to whom it is told")
    if not hand.finished and len(played.board) != BOARD_COUNT[hand.street]:
        raise ProtocolError(f"{len(played.board)} board cards on round {hand.street + 1}")
