"""No-limit betting trees as plain Python: obvious, slow, recursive, independent of the package.

The rules are written down once more, for stacks of any size: blinds and one ante for all, the
smallest raise, short all-ins that do not reopen the betting, side pots, uncalled bets, rake.
A menu is a list of levels, each a list of ("pot", f), ("times", f), ("chips", n) or ("allin",).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

FOLD, CALL = -1, 0


@dataclass(frozen=True)
class Rules:
    """Who has how many chips, and what has to be put in."""

    stacks: tuple[int, ...]
    blinds: tuple[int, ...]
    ante: int = 0
    streets: int = 4
    rake: Fraction = Fraction(0)
    rake_cap: int = 10**9
    dead: int = 0
    before: int = 0  # streets that were played before the game begins; then nobody has a blind
    smallest: int = 0  # bet of a game that begins later


@dataclass(frozen=True)
class Abstraction:
    """Which raises are looked at: ``menus[multiway][street][level]``."""

    menus: tuple
    max_raises: tuple[tuple[int, ...], tuple[int, ...]]
    all_in: str = "menu"
    pots: Fraction = Fraction(3, 2)
    threshold: Fraction = Fraction(1)
    beyond: str = "skip"
    limp: bool = True
    max_flop_players: int = 99
    check_down_above: int = 99
    multiway_players: int = 3


@dataclass(frozen=True)
class Spot:
    """A history's public state. ``acted`` are those who may not reopen what is not reopened."""

    street: int
    bets: tuple[int, ...]
    put_in: tuple[int, ...]
    folded: frozenset = frozenset()
    order: tuple[int, ...] = ()  # who is still to act, in order
    acted: frozenset = frozenset()
    full_raise: int = 0
    short: int = 0
    raises: int = 0
    showdown: bool = False


@dataclass
class Node:
    """One node of the tree: what leads to it, and what it is."""

    move: int
    kind: str
    actor: int = -1
    street: int = -1
    losing: tuple[int, ...] = ()
    pots: tuple[tuple[int, int], ...] = ()
    children: list = field(default_factory=list)


def left(rules, spot, seat):
    """Chips behind."""
    return rules.stacks[seat] - spot.put_in[seat]


def around(first, seats, players):
    """Those of ``seats``, from ``first`` on around the table."""
    return tuple(s % players for s in range(first, first + players) if s % players in seats)


def opening(rules):
    """The state after antes and blinds."""
    players = len(rules.stacks)
    antes = [min(rules.ante, stack) for stack in rules.stacks]
    bets = tuple(
        min(blind, stack - ante)
        for blind, stack, ante in zip(rules.blinds, rules.stacks, antes, strict=True)
    )
    spot = Spot(0, bets, tuple(a + b for a, b in zip(antes, bets, strict=True)))
    if rules.before > 0:
        return opened(rules, spot, 1 if players == 2 else 0)
    largest = max(range(players), key=lambda s: (bets[s], (s - 1) % players if players == 2 else s))
    return opened(rules, spot, (largest + 1) % players)


def opened(rules, spot, first):
    """Ask on this street those who have a choice, or go on to one where somebody has."""
    players = len(rules.stacks)
    alive = [s for s in range(players) if s not in spot.folded]
    reach = sorted((spot.bets[s] + left(rules, spot, s) for s in alive), reverse=True)
    able = {s for s in alive if left(rules, spot, s) > 0 and spot.bets[s] < reach[1]}
    if len(able) == 1 and spot.bets[next(iter(able))] >= max(spot.bets):
        able = set()
    if able:
        return replace(spot, order=around(first, able, players))
    return next_street(rules, spot)


def next_street(rules, spot):
    """End the street: a showdown when nobody can bet any more."""
    players = len(rules.stacks)
    behind = [s for s in range(players) if s not in spot.folded and left(rules, spot, s) > 0]
    if len(behind) <= 1 or spot.street + 1 == rules.streets:
        return replace(spot, showdown=True, order=())
    fresh = Spot(spot.street + 1, (0,) * players, spot.put_in, spot.folded)
    return opened(rules, fresh, 1 if players == 2 else 0)


def raise_range(rules, spot):
    """Least and most to raise to, or None."""
    seat, highest = spot.order[0], max(spot.bets)
    behind = highest - spot.bets[seat]
    if left(rules, spot, seat) <= behind or behind < spot.full_raise:
        return None
    if seat in spot.acted and 0 < spot.short < spot.full_raise:
        return None
    others = (s for s in range(len(rules.stacks)) if s != seat and s not in spot.folded)
    if all(spot.bets[s] + left(rules, spot, s) <= highest for s in others):
        return None
    all_in = spot.bets[seat] + left(rules, spot, seat)
    smallest = max(rules.blinds) if spot.street == 0 else rules.blinds[1]
    smallest = rules.smallest if rules.before > 0 else smallest
    return min(all_in, highest + max(smallest, spot.full_raise)), all_in


def moves(rules, abstraction, spot):
    """The moves of a decision node, ascending."""
    seat, highest = spot.order[0], max(spot.bets)
    to_call = highest - spot.bets[seat]
    after_call = sum(spot.put_in) + rules.dead + to_call
    bounds = raise_range(rules, spot)
    found = set()
    alive = len(rules.stacks) - len(spot.folded)
    wide = alive >= abstraction.multiway_players
    if bounds:
        least, all_in = bounds
        menu = abstraction.menus[wide][spot.street]
        if spot.raises < abstraction.max_raises[wide][spot.street]:
            for kind, *value in menu[min(spot.raises, len(menu) - 1)]:
                target = {
                    "pot": lambda f: highest + math.floor(f * after_call),
                    "times": lambda f: math.floor(f * highest),
                    "chips": lambda n: n,
                    "allin": lambda: all_in,
                }[kind](*value)
                if kind != "allin":
                    target = min(max(target, least), all_in)
                    share = Fraction(spot.put_in[seat] + target - spot.bets[seat])
                    if share / rules.stacks[seat] >= abstraction.threshold:
                        target = all_in if abstraction.beyond == "allin" else None
                found |= {target} - {None}
        near = all_in - highest <= abstraction.pots * after_call
        if abstraction.all_in == "always" or (abstraction.all_in == "pots" and near):
            found.add(all_in)
    calls = True
    if rules.before + spot.street == 0 and to_call > 0:
        seen = [
            s
            for s in range(len(rules.stacks))
            if s != seat
            and s not in spot.folded
            and (spot.bets[s] == highest or left(rules, spot, s) == 0)
        ]
        limps = bounds is not None and spot.raises == 0
        calls = (abstraction.limp or not limps) and len(seen) < abstraction.max_flop_players
    return [FOLD] * (to_call > 0) + [CALL] * calls + sorted(found)


def play(rules, spot, move):
    """The state after a move."""
    seat, players = spot.order[0], len(rules.stacks)
    rest = spot.order[1:]
    spot = replace(spot, order=rest, acted=spot.acted | {seat})
    if move == FOLD:
        spot = replace(spot, folded=spot.folded | {seat})
        if len(spot.folded) == players - 1:
            return replace(spot, order=())
    else:
        highest = max(spot.bets)
        target = move or min(highest, spot.bets[seat] + left(rules, spot, seat))
        chips = target - spot.bets[seat]
        put = tuple(p + chips * (s == seat) for s, p in enumerate(spot.put_in))
        bets = tuple(b + chips * (s == seat) for s, b in enumerate(spot.bets))
        spot = replace(spot, put_in=put, bets=bets)
        if move:
            spot = raised(rules, spot, seat, move - highest)
    if spot.order:
        return spot
    return next_street(rules, spot)


def raised(rules, spot, seat, increment):
    """Everybody who has chips is asked again; short all-ins add up until they are a raise."""
    players = len(rules.stacks)
    asked = {s for s in range(players) if s not in spot.folded and left(rules, spot, s) > 0}
    order = around((seat + 1) % players, asked - {seat}, players)
    spot = replace(spot, order=order, raises=spot.raises + 1)
    if increment >= spot.full_raise:
        spot = replace(spot, acted=frozenset({seat}), full_raise=increment)
    short = 0
    if left(rules, spot, seat) == 0:
        short = spot.short + increment
        short = 0 if short >= spot.full_raise else short
    return replace(spot, short=short)


def settle(rules, spot):
    """What each seat loses at worst, and the pots as (chips, mask of those who may win)."""
    put = list(spot.put_in)
    highest, second = sorted(spot.bets, reverse=True)[:2]
    if highest > second:
        put[spot.bets.index(highest)] -= highest - second
    alive = sum(1 << s for s in range(len(put)) if s not in spot.folded)
    pots = [[rules.dead, alive]] if rules.dead else []
    below = 0
    for level in sorted(set(put)):
        chips = sum(min(p, level) - min(p, below) for p in put)
        mask = sum(1 << s for s, p in enumerate(put) if p >= level and s not in spot.folded)
        below = level
        if pots and pots[-1][1] == mask:
            pots[-1][0] += chips
        elif chips:
            pots.append([chips, mask])
    total = sum(chips for chips, _ in pots)
    if spot.showdown or rules.before + spot.street > 0:
        taken = min(math.floor(total * rules.rake), rules.rake_cap)
        gathered = paid = 0
        for pot in pots:
            gathered += pot[0]
            due = gathered * taken // total
            pot[0] -= due - paid
            paid = due
    return tuple(-p for p in put), tuple((chips, mask) for chips, mask in pots)


def build(rules, abstraction, spot=None, move=0):
    """The tree below a state."""
    spot = opening(rules) if spot is None else spot
    alive = len(rules.stacks) - len(spot.folded)
    down = rules.before + spot.street > 0 and alive > abstraction.check_down_above
    if alive == 1 or spot.showdown or down:
        losing, pots = settle(rules, replace(spot, showdown=alive > 1))
        if alive == 1:
            ((chips, mask),) = pots
            winner = mask.bit_length() - 1
            losing = tuple(loss + chips * (s == winner) for s, loss in enumerate(losing))
            return Node(move, "fold", -1, spot.street, losing)
        return Node(move, "showdown", -1, rules.streets - 1, losing, pots)
    node = Node(move, "decision", spot.order[0], spot.street)
    for each in moves(rules, abstraction, spot):
        node.children.append(build(rules, abstraction, play(rules, spot, each), each))
    return node


def size(node):
    """Nodes of a tree."""
    return 1 + sum(map(size, node.children))
