"""The betting rules against pokerkit: legal moves at every decision, pots and payoffs."""

import logging
import random
from collections import Counter

import numpy as np
import pytest
from pokerkit_table import PokerkitTable

from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.kernels.holdem.betting import (
    apply_move,
    begin_hand,
    legal_range,
    play_move,
    settle_hand,
    start_hand,
)
from cfr_shm.kernels.jit import JIT_DISABLED, kernel
from cfr_shm.layout.betting import (
    AT_SHOWDOWN,
    BET_RAISE,
    BET_SHORT,
    CALL,
    FOLD,
    FOLDED_OUT,
    betting_words,
)

#: Shown by --log-level=INFO when a test fails, by --log-cli-level=INFO always.
LOG = logging.getLogger(__name__)


def random_game(rng):
    """Return what a table is about; chips are few, so that odd ones are common."""
    players = rng.choice((2, 2, 3, 3, 4, 5, 6))
    big = rng.randint(2, 12)
    blinds = [rng.choice((0, big // 2, big // 2, big)), big]
    if players > 2 and rng.random() < 0.2:
        blinds.append(2 * big)
    antes = [0] * players
    kind = rng.random()
    if kind < 0.25:
        antes = [rng.randint(1, big)] * players
    elif kind < 0.4:
        antes[rng.randrange(players)] = rng.randint(1, big)
    elif kind < 0.45:
        antes = [rng.randint(0, big) for _ in range(players)]
    elif kind < 0.5:
        antes, blinds = [big] * players, [0, 0]
    depth = rng.choice((1, 3, 10, 30))
    deepest = [depth * rng.choice((1, 1, 4, 12)) for _ in range(players)]
    stacks = [rng.randint(1, most * big) for most in deepest]
    if players > 3 and rng.random() < 0.2:
        # All-in raises that are short of a full one, one after the other.
        stacks = [5 * big + rng.randint(0, 3 * big) for _ in range(players)]
        stacks[rng.randrange(players)] = 60 * big
    betting = rng.choice(("no_limit", "no_limit", "no_limit", "pot_limit", "fixed_limit"))
    odd_sizes = rng.random() < 0.2
    return {
        "bet_sizes": [rng.randint(1, 2 * big) for _ in range(4)] if odd_sizes else None,
        "raise_caps": [rng.randint(0, 3) for _ in range(4)] if rng.random() < 0.1 else None,
        "players": players,
        "blinds": blinds,
        "ante": antes,
        "stacks": stacks,
        "betting": betting,
    }


def random_move(rng, legal, boldness):
    may_fold, _, least, most = legal
    if most and rng.random() < boldness:
        return rng.choice((least, least, most, rng.randint(least, most)))
    if may_fold and rng.random() < 0.3 - 0.2 * boldness:
        return FOLD
    return CALL


def table_of(game, rules, rake=None):
    return PokerkitTable(
        stacks=game["stacks"],
        blinds=game["blinds"],
        antes=game["ante"],
        dead_antes=bool(rules.dead_antes),
        limit=game["betting"],
        bet_sizes=[int(size) for size in rules.bet_size],
        raise_caps=[int(cap) for cap in rules.max_raises],
        rake=rake,
    )


def legal_of(hand):
    return hand.may_fold, hand.call_amount, *(hand.raise_bounds or (0, 0))


def count_decision(hand, legal, seen):
    """Note what makes this decision worth testing."""
    _, call, _, most = legal
    rest = hand.stacks[hand.actor]
    others = [s for s in range(hand.rules.players) if s not in (hand.actor, *hand.folded)]
    coverable = any(hand.street_bets[s] + hand.stacks[s] > hand.highest_bet for s in others)
    capped = hand.raises >= hand.rules.max_raises[hand.street]
    seen["may not raise after short all-ins"] += (
        not most and rest > call and coverable and not capped
    )
    seen["cap reached"] += bool(capped)
    seen["call all-in for less"] += 0 < call < hand.highest_bet - hand.street_bets[hand.actor]
    seen["nothing but a check"] += call == 0 and not most


def count_move(hand, move, after, seen):
    before, later = hand.state[0], after.state[0]
    if move > 0:
        seen["raises"] += 1
        full = max(int(before[BET_RAISE]), int(hand.rules.bet_size[hand.street]))
        seen["short all-in raises"] += move < hand.highest_bet + full
        together = before[BET_SHORT] and move - hand.highest_bet < before[BET_RAISE]
        if together and after.street == hand.street:
            seen["short all-ins that add up to a full raise"] += int(later[BET_SHORT]) == 0


def count_end(hand, table, seen):
    pots = hand.pots()
    seen["hands"] += 1
    seen[f"{hand.rules.players} players"] += 1
    seen["folded out"] += hand.status == FOLDED_OUT
    seen["side pots"] += len(pots) > 1
    seen["three pots and more"] += len(pots) > 2
    lost = [losing + put for losing, put in zip(hand.losing_utility(), hand.committed, strict=True)]
    seen["uncalled chips returned"] += any(lost)
    for amount, seats in pots:
        best = max(table.strengths[seat] for seat in seats)
        ties = sum(table.strengths[seat] == best for seat in seats)
        seen["split pots"] += ties > 1
        seen["odd chips"] += amount % ties > 0


@pytest.mark.parametrize(
    ("stacks", "moves", "may_raise"),
    [
        # The bettor faces one short all-in raise.
        ([2_000, 900, 2_000, 400], [300, 400, CALL, FOLD], False),
        # He faces two that make a full raise together; who faces the second alone does not.
        ([2_000, 520, 2_000, 400], [300, 400, CALL, 520], True),
        ([2_000, 520, 2_000, 400], [300, 400, CALL, 520, CALL], False),
        # He faces a full raise made of two, and a short one on top of it.
        ([520, 600, 2_000, 400, 2_000], [300, 400, CALL, 520, 600], False),
        ([520, 600, 2_000, 400, 2_000], [300, 400, CALL, 520, 600, CALL], False),
        ([500, 540, 2_000, 400, 2_000], [300, 400, CALL, 500, 540], False),
    ],
)
def test_all_ins_in_a_row_reopen_the_betting_as_in_pokerkit(stacks, moves, may_raise):
    game = {
        "players": len(stacks),
        "blinds": [50, 100],
        "ante": [0] * len(stacks),
        "stacks": stacks,
        "betting": "no_limit",
    }
    rules = betting_rules(**game)
    table, hand = table_of(game, rules), Hand(rules)
    for move in [*moves, None]:
        assert (hand.actor, *legal_of(hand)) == (table.actor, *table.legal())
        if move is None:
            break
        hand = hand.apply(move)
        table.play(move)
    assert (hand.raise_bounds is not None) == may_raise


def play_and_compare(seed, seen):
    rng = random.Random(seed)
    random.seed(seed)  # pokerkit shuffles by the module's generator
    game = random_game(rng)
    rules = betting_rules(**game, short_blinds=True)
    table, hand = table_of(game, rules), Hand(rules)
    boldness = rng.choice((0.2, 0.45, 0.7))
    told = [f"seed {seed}", game]
    while not hand.finished:
        legal = legal_of(hand)
        assert (hand.actor, hand.street, *legal) == (table.actor, table.street, *table.legal()), (
            told
        )
        count_decision(hand, legal, seen)
        move = random_move(rng, legal, boldness)
        told.append((hand.actor, move))
        after = hand.apply(move)
        count_move(hand, move, after, seen)
        table.play(move)
        hand = after
    assert table.finished, told
    if hand.status == FOLDED_OUT:
        assert len(hand.pots()) <= 1
    else:
        assert hand.pots() == table.pots, told
    assert hand.payoffs(table.strengths) == table.payoffs, told
    count_end(hand, table, seen)


MUST_BE_SEEN = (
    "may not raise after short all-ins",
    "cap reached",
    "call all-in for less",
    "nothing but a check",
    "short all-in raises",
    "short all-ins that add up to a full raise",
    "folded out",
    "side pots",
    "three pots and more",
    "uncalled chips returned",
    "split pots",
    "odd chips",
    *(f"{players} players" for players in range(2, 7)),
)


def compare_hands(first, count):
    seen = Counter()
    for seed in range(first, first + count):
        play_and_compare(seed, seen)
    LOG.info("seen: %s", dict(seen))
    assert seen["hands"] == count
    assert [what for what in MUST_BE_SEEN if seen[what] == 0] == []


def whole_chips(percent, cap):
    """Return a rake for pokerkit: on showdowns, rounded down; its own is rounded to even."""

    def rake(amount, state):
        taken = min(amount * percent // 100, cap) if any(state.board_cards) else 0
        return taken, amount - taken

    return rake


def test_rake_of_a_single_pot_is_that_of_pokerkit():
    showdowns = 0
    for seed in range(200):
        rng = random.Random(seed)
        random.seed(seed)
        game = {**random_game(rng), "betting": "no_limit"}
        percent, cap = rng.choice((3, 5, 29)), rng.choice((2, 10, 1_000))
        values = {"rake_fraction": percent / 100, "rake_cap": cap, "short_blinds": True}
        rules = betting_rules(**game, **values)
        table, hand = table_of(game, rules, whole_chips(percent, cap)), Hand(rules)
        while not hand.finished:
            move = random_move(rng, legal_of(hand), 0.3)
            hand = hand.apply(move)
            table.play(move)
        if hand.status == AT_SHOWDOWN and len(hand.pots()) == 1:
            showdowns += sum(table.payoffs) < 0
            assert hand.payoffs(table.strengths) == table.payoffs, seed
    assert showdowns > 30


@kernel
def branch(rules, state, moves):
    """Open a hand in row 0 and write the state after each of ``moves`` to a row of its own."""
    start_hand(rules, state, 0)
    for index in range(moves.shape[0]):
        apply_move(rules, state, 0, index + 1, moves[index])


@pytest.mark.parametrize("players", [2, 6])
def test_rows_branch_without_disturbing_each_other(players):
    rules = betting_rules(players=players, blinds=[1, 2], stacks=[50, *[20] * (players - 1)])
    moves = (FOLD, CALL, 4, 9, 20)
    state = np.full((len(moves) + 1, betting_words(players)), -99, np.int64)
    branch(rules, state, np.array(moves))
    hand = Hand(rules)
    assert (state[:1] == hand.state).all()
    for row, move in enumerate(moves):
        assert (state[row + 1] == hand.apply(move).state[0]).all()


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_one_compiled_form_serves_every_game():
    for players in (2, 3, 6):
        for betting in ("no_limit", "fixed_limit"):
            hand = Hand(betting_rules(players=players, blinds=[1, 2], stacks=9, betting=betting))
            while not hand.finished:
                hand = hand.apply(CALL)
            hand.payoffs([1] * players)
    for compiled in (begin_hand, legal_range, play_move, settle_hand):
        assert len(compiled.signatures) == 1


def test_random_hands_are_those_of_pokerkit():
    compare_hands(0, 2_000)


@pytest.mark.slow
def test_very_many_random_hands_are_those_of_pokerkit():
    compare_hands(1_000_000, 100_000)
