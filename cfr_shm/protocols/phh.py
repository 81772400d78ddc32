"""Hand histories in PHH, the TOML format of pokerkit and of the large public sets of hands.

Read are no-limit and fixed-limit hold'em (variants ``NT`` and ``FT``), a hand a file (.phh) or
many in numbered tables (.phhs). Amounts may have decimals: chips are then the smallest part of the
money that occurs, and ``PlayedHand.unit`` says which. Every action is checked by our rules.

Source: Kim 2023, "Recording and Describing Poker Hands"; heads-up the first player of PHH has the
big blind, our seat 0 the small one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NamedTuple

from cfr_shm.cards.deck import STANDARD, Deck
from cfr_shm.errors import CfrShmError, UsageError
from cfr_shm.games.holdem.betting import LIMITS, Hand, betting_rules
from cfr_shm.layout.betting import AT_SHOWDOWN, CALL, FOLD, BettingRules
from cfr_shm.protocols.played_hand import BOARD_COUNT, PlayedHand, refuse_card_twice

NO_LIMIT, FIXED_LIMIT = "NT", "FT"
#: Bets and raises a street in pokerkit's fixed limit; blinds are none.
_FIXED_LIMIT_CAP = 4
_STREETS = 4
_PLAYER = re.compile(r"p([1-9][0-9]?)")
_UNKNOWN = "?"
#: Money has cents, perhaps tenths of them; more decimals are mistakes.
_MOST_DECIMALS = 6
#: Decimal computes with 28.
_MOST_DIGITS = 24
_MOST_PLAYERS = 10


class Document(NamedTuple):
    """One hand of a file, not yet understood."""

    where: str  # for errors
    fields: dict[str, Any]


def documents(text: str, source: str) -> list[Document]:
    """Return the hands that a .phh or .phhs text lists.

    Raises:
        UsageError: it is not TOML, or no list of hands.
    """
    try:
        fields = tomllib.loads(text, parse_float=_decimal)
    except (ValueError, RecursionError, UsageError) as error:  # a number may be too long, too
        reason = str(error) or type(error).__name__
        raise UsageError(f"{source}: not TOML, which PHH is: {reason}") from None
    if "variant" in fields or "actions" in fields:
        return [Document(source, fields)]
    found = []
    for name, table in fields.items():
        if not isinstance(table, dict):
            raise UsageError(f"{source}: neither a hand (it has no 'variant') nor tables of hands")
        found.append(Document(f"{source}, hand [{name}]", table))
    if not found:
        raise UsageError(f"{source}: holds no hand")
    return found


def read_hand(document: Document) -> PlayedHand:
    """Return the hand that a document tells.

    Raises:
        UsageError: a field that is missing or wrong, or an action that the rules do not allow.
    """
    try:
        return _Reader(document.fields).read()
    except CfrShmError as error:
        raise UsageError(f"{document.where}: {error}") from None


def write_hand(played: PlayedHand) -> str:
    """Return the hand as the lines of a PHH document, without a table's name before them.

    Raises:
        UsageError: rules that PHH cannot tell, see ``why_not_told``.
    """
    if (reason := why_not_told(played.rules, played.deck)) is not None:
        raise UsageError(f"a hand history in PHH: {reason}")
    return "\n".join([*_header(played), *_ending(played), ""])


def why_not_told(rules: BettingRules, deck: Deck = STANDARD) -> str | None:
    """Say why PHH cannot tell hands by these rules, or None where it can."""
    if deck.flush_beats_full_house:
        return f"its hold'em ranks hands as the standard deck does, not the {deck.name} one"
    if rules.real_street.tolist() != list(range(_STREETS)):
        return "it has hands from preflop to the river only"
    if rules.dead:
        return "it has no chips in the pot from before"
    bets = rules.bet_size.tolist()
    if rules.limit == _limit(NO_LIMIT) and len(set(bets)) == 1:
        return None
    if rules.limit == _limit(FIXED_LIMIT) and bets[0] == bets[1] and bets[2] == bets[3]:
        return None
    return "it has no-limit with one smallest bet and fixed limit with two bets, nothing else"


def turned(by_seat: Sequence[Any]) -> tuple[Any, ...]:
    """Turn what is listed by our seats into PHH's order, or back."""
    return tuple(reversed(by_seat)) if len(by_seat) == 2 else tuple(by_seat)


class _Reader:
    """Reads one document."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields
        self._board: list[int] = []

    def read(self) -> PlayedHand:
        variant = self._fields.get("variant")
        if variant not in (NO_LIMIT, FIXED_LIMIT):
            raise UsageError(f"variant {_short(variant)} is not read: NT and FT are (hold'em)")
        actions = self._list("actions", str)
        self._scale = _scale(self._amounts(actions))
        rules = self._rules(variant)
        self._holes: list[tuple[int, ...]] = [()] * rules.players
        self._hand, self._moves = Hand(rules), list[int]()
        for number, text in enumerate(actions, 1):
            try:
                self._take(text.partition("#")[0].split())
            except CfrShmError as error:
                raise UsageError(f"action {number}, {text!r}: {error}") from None
        return PlayedHand(
            rules=rules,
            moves=tuple(self._moves),
            holes=tuple(self._holes),
            board=tuple(self._board),
            names=self._names(rules.players),
            paid=self._paid(rules),
            unit=Fraction(1, self._scale),
            number=self._number(),
        )

    def _rules(self, variant: str) -> BettingRules:
        stacks = turned(self._chips("starting_stacks"))
        if not 2 <= len(stacks) <= _MOST_PLAYERS:
            raise UsageError(f"starting_stacks: {len(stacks)} players, hold'em has 2 to 10")
        if variant == NO_LIMIT:
            bets = [self._amount("min_bet")] * _STREETS
            caps = None
        else:
            small, big = self._amount("small_bet"), self._amount("big_bet")
            bets, caps = [small, small, big, big], [_FIXED_LIMIT_CAP] * _STREETS
        rules = betting_rules(
            players=len(stacks),
            blinds=self._chips("blinds_or_straddles"),
            stacks=stacks,
            ante=self._chips("antes"),
            betting="no_limit" if variant == NO_LIMIT else "fixed_limit",
            bet_sizes=bets,
            raise_caps=caps,
            short_blinds=True,
        )
        trimmed = self._fields.get("ante_trimming_status", False)
        if not isinstance(trimmed, bool):
            raise UsageError(f"ante_trimming_status: {trimmed!r} is neither true nor false")
        return rules._replace(dead_antes=int(not trimmed and bool(rules.ante.any())))

    def _take(self, words: list[str]) -> None:
        if not words:
            return  # a comment
        if words[0] == "d":
            self._deal(words[1:])
            return
        seat = self._seat(words[0])
        verb, rest = (words[1] if len(words) > 1 else ""), words[2:]
        if verb == "sm":
            for cards in rest[:1]:
                self._show(seat, cards)
            return
        if verb not in ("f", "cc", "cbr") or len(rest) != (verb == "cbr"):
            raise UsageError("expected 'd dh pN CARDS', 'd db CARDS', 'pN f', 'pN cc', 'pN cbr N'")
        self._move(seat, verb, rest)

    def _move(self, seat: int, verb: str, rest: list[str]) -> None:
        hand = self._hand
        if hand.finished:
            raise UsageError("the betting is over")
        if seat != hand.actor:
            raise UsageError(f"it is p{self._index(hand.actor) + 1}'s turn")
        if len(self._board) < (due := BOARD_COUNT[hand.street]):
            raise UsageError(f"{len(self._board)} board cards are dealt, {due} should lie there")
        move = FOLD if verb == "f" else CALL
        if verb == "cbr":
            move = self._scaled(_decimal(rest[0]))
            if move <= 0:
                raise UsageError("a bet is above 0")
        if (reason := hand.refusal(move)) is not None:
            raise UsageError(reason)
        self._moves.append(move)
        self._hand = hand.apply(move)

    def _deal(self, words: list[str]) -> None:
        if words[:1] == ["db"] and len(words) == 2:
            cards = STANDARD.parse(words[1])
            lie = len(self._board) + len(cards)
            open_to = 5 if self._hand.finished else BOARD_COUNT[self._hand.street]
            if not cards or lie > open_to or lie not in BOARD_COUNT:
                raise UsageError(f"{lie} board cards would lie there, {open_to} may")
            self._board += cards
        elif words[:1] == ["dh"] and len(words) == 3:
            seat = self._seat(words[1])
            if len(words[2]) != 4:
                raise UsageError("a player has two cards")
            self._show(seat, words[2])
        else:
            raise UsageError("expected 'd dh pN CARDS' or 'd db CARDS'")
        self._check_cards()

    def _show(self, seat: int, text: str) -> None:
        if _UNKNOWN in text or text == "-":
            return
        cards = STANDARD.parse(text)
        if len(cards) != 2 or (self._holes[seat] and set(self._holes[seat]) != set(cards)):
            known = STANDARD.text(self._holes[seat]) or "two"
            raise UsageError(f"the player's cards are {known}")
        self._holes[seat] = cards
        self._check_cards()

    def _check_cards(self) -> None:
        refuse_card_twice([*(card for hole in self._holes for card in hole), *self._board])

    def _seat(self, word: str) -> int:
        found = _PLAYER.fullmatch(word)
        players = len(self._holes)
        if found is None or int(found[1]) > players:
            raise UsageError(f"{word!r} is none of the players p1 to p{players}")
        return self._index(int(found[1]) - 1)

    def _index(self, place: int) -> int:
        """Return the seat of a place in PHH's order, or the place of a seat."""
        return 1 - place if len(self._holes) == 2 else place

    def _list(self, name: str, kind: type | tuple[type, ...]) -> list[Any]:
        values = self._fields.get(name)
        if not isinstance(values, list):
            raise UsageError(f"{name}: expected a list, found {_short(values)}")
        for value in values:
            if not isinstance(value, kind) or isinstance(value, bool):
                raise UsageError(f"{name}: {_short(value)} is no value of it")
        return values

    def _chips(self, name: str) -> list[int]:
        return [self._scaled(value) for value in self._list(name, (int, Decimal))]

    def _amount(self, name: str) -> int:
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise UsageError(f"{name}: expected an amount, found {_short(value)}")
        return self._scaled(value)

    def _scaled(self, value: int | Decimal) -> int:
        return int(value * self._scale)

    def _amounts(self, actions: list[str]) -> Iterator[int | Decimal]:
        """Yield every amount of the document that is one."""
        lists = ("antes", "blinds_or_straddles", "starting_stacks", "finishing_stacks")
        for name in lists:
            if name in self._fields:
                yield from self._list(name, (int, Decimal))
        for name in ("min_bet", "small_bet", "big_bet"):
            if isinstance(value := self._fields.get(name), int | Decimal):
                yield value
        for text in actions:
            words = text.partition("#")[0].split()
            if words[1:2] == ["cbr"] and len(words) == 3:
                yield _decimal(words[2])

    def _names(self, players: int) -> tuple[str, ...]:
        if "players" not in self._fields:
            return ()
        names = self._list("players", str)
        if len(names) != players:
            raise UsageError(f"players: {len(names)} names for {players} players")
        return turned(names)

    def _paid(self, rules: BettingRules) -> tuple[int, ...] | None:
        if "finishing_stacks" not in self._fields:
            return None
        last = turned(self._chips("finishing_stacks"))
        if len(last) != rules.players:
            raise UsageError(f"finishing_stacks: {len(last)} for {rules.players} players")
        return tuple(end - int(start) for end, start in zip(last, rules.stack, strict=True))

    def _number(self) -> int | None:
        number = self._fields.get("hand")
        return number if isinstance(number, int) and not isinstance(number, bool) else None


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise UsageError(f"{text!r} is no amount") from None
    return value


def _scale(amounts: Iterator[int | Decimal]) -> int:
    """Return by what all amounts are multiplied to be whole."""
    decimals = 0
    for amount in amounts:
        value = Decimal(amount)
        if not value.is_finite() or abs(value) >= 10**12:
            raise UsageError(f"{amount} is no amount that can be played for")
        if len(value.as_tuple().digits) > _MOST_DIGITS:
            raise UsageError(f"an amount has more than {_MOST_DIGITS} digits")
        exponent = value.normalize().as_tuple().exponent
        decimals = max(decimals, -int(exponent))
    if decimals > _MOST_DECIMALS:
        raise UsageError(f"an amount has {decimals} decimals, {_MOST_DECIMALS} at most are read")
    return int(10**decimals)


def _short(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]


def _limit(variant: str) -> int:
    return LIMITS["no_limit" if variant == NO_LIMIT else "fixed_limit"]


def _header(played: PlayedHand) -> list[str]:
    rules, unit = played.rules, played.unit
    fixed = rules.limit == _limit(FIXED_LIMIT)

    def listed(chips: Sequence[Any]) -> str:
        return "[" + ", ".join(_money(each, unit) for each in chips) + "]"

    lines = [
        f"variant = '{FIXED_LIMIT if fixed else NO_LIMIT}'",
        f"ante_trimming_status = {'false' if rules.dead_antes else 'true'}",
        f"antes = {listed(rules.ante.tolist())}",
        f"blinds_or_straddles = {listed(rules.blind.tolist())}",
    ]
    if fixed:
        lines.append(f"small_bet = {_money(rules.bet_size[0], unit)}")
        lines.append(f"big_bet = {_money(rules.bet_size[2], unit)}")
    else:
        lines.append(f"min_bet = {_money(rules.bet_size[0], unit)}")
    lines.append(f"starting_stacks = {listed(turned(rules.stack.tolist()))}")
    actions = ", ".join(f"'{action}'" for action in _actions(played))
    return [*lines, f"actions = [{actions}]"]


def _ending(played: PlayedHand) -> list[str]:
    lines = []
    if played.number is not None:
        lines.append(f"hand = {played.number}")
    if played.names:
        names = ", ".join(_quoted(name) for name in turned(played.names))
        lines.append(f"players = [{names}]")
    if played.paid is not None:
        last = [
            int(start) + won for start, won in zip(played.rules.stack, played.paid, strict=True)
        ]
        chips = ", ".join(_money(each, played.unit) for each in turned(last))
        lines.append(f"finishing_stacks = [{chips}]")
    return lines


def _actions(played: PlayedHand) -> Iterator[str]:
    """Yield deals, moves and what is shown down, in PHH's words."""
    deck, holes = played.deck, played.holes
    for place, hole in enumerate(turned(holes)):
        yield f"d dh p{place + 1} {deck.text(hole) if hole else '????'}"
    hand, lie = Hand(played.rules), 0

    def dealt(upto: int) -> Iterator[str]:
        nonlocal lie
        for count in BOARD_COUNT:
            if lie < count <= min(upto, len(played.board)):
                yield f"d db {deck.text(played.board[lie:count])}"
                lie = count

    for move in played.moves:
        yield from dealt(BOARD_COUNT[hand.street])
        place = turned(range(played.rules.players))[hand.actor]
        word = "f" if move == FOLD else "cc" if move == CALL else f"cbr {_money(move, played.unit)}"
        yield f"p{place + 1} {word}"
        hand = hand.apply(move)
    if not hand.finished:
        yield from dealt(BOARD_COUNT[hand.street])
    elif hand.status == AT_SHOWDOWN:
        yield from dealt(BOARD_COUNT[-1])
        for place, hole in enumerate(turned(holes)):
            if hole and turned(range(len(holes)))[place] not in hand.folded:
                yield f"p{place + 1} sm {deck.text(hole)}"


def _money(chips: Any, unit: Fraction) -> str:
    value = Fraction(int(chips)) * unit
    if value.denominator == 1:
        return str(value.numerator)
    return str((Decimal(value.numerator) / Decimal(value.denominator)).normalize())


def _quoted(text: str) -> str:
    """Return a text as a TOML basic string."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in safe) + '"'
