"""What holds in every hand, whatever is bet: no chip is made or lost, and the betting ends."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.layout.betting import AT_SHOWDOWN, CALL, FOLD

MANY = settings(max_examples=300)


@st.composite
def games(draw):
    """Values of a config, with stacks below blinds and antes too."""
    players = draw(st.integers(2, 10))
    chips = st.integers(0, 20)
    streets = draw(st.integers(1, 4))
    by_street = st.lists(st.integers(1, 20), min_size=streets, max_size=streets)
    return {
        "players": players,
        "blinds": draw(st.lists(chips, min_size=2, max_size=players).filter(any)),
        "ante": draw(st.one_of(chips, st.lists(chips, min_size=players, max_size=players))),
        "stacks": draw(st.lists(st.integers(1, 300), min_size=players, max_size=players)),
        "betting": draw(st.sampled_from(("no_limit", "pot_limit", "fixed_limit"))),
        "streets": streets,
        "bet_sizes": draw(by_street),
        "raise_caps": draw(st.one_of(st.none(), by_street)),
        "rake_fraction": draw(st.sampled_from((0.0, 0.05, 0.29, 0.5, 0.99))),
        "rake_cap": draw(st.one_of(st.none(), st.integers(0, 50))),
        "rake_from": draw(st.sampled_from(("preflop", "flop"))),
        "dead": draw(st.integers(0, 30)),
    }


def some_move(draw, hand):
    moves = [CALL] + [FOLD] * hand.may_fold
    if hand.raise_bounds:
        least, most = hand.raise_bounds
        moves += [least, most, draw(st.integers(least, most))]
    return draw(st.sampled_from(moves))


@st.composite
def finished(draw):
    """A game and a hand of it that is over, checked on the way."""
    game = draw(games())
    hand = Hand(betting_rules(**game, short_blinds=True))
    while not hand.finished:
        check_playing(hand, game)
        hand = hand.apply(some_move(draw, hand))
    return game, hand


def check_playing(hand, game):
    """Check a hand in progress; on a street each raise needs a chip more, so that it ends."""
    assert min(hand.stacks) >= 0
    assert hand.pot == sum(hand.committed) + game["dead"]
    assert hand.highest_bet == max(hand.street_bets)
    assert hand.raises <= sum(game["stacks"])
    assert hand.actor not in (*hand.folded, *hand.all_in)
    assert 0 <= hand.call_amount <= hand.stacks[hand.actor]
    if hand.raise_bounds:
        least, most = hand.raise_bounds
        own = hand.street_bets[hand.actor] + hand.stacks[hand.actor]
        assert hand.highest_bet < least <= most <= own


def raked(game, hand):
    """Compute the rake in exact fractions, from what the config and the bets say."""
    bets = sorted(hand.street_bets)
    played_for = hand.pot - (bets[-1] - bets[-2])
    if game["rake_from"] == "flop" and hand.street == 0 and hand.status != AT_SHOWDOWN:
        return 0
    rake = int(Fraction(str(game["rake_fraction"])) * played_for)
    return rake if game["rake_cap"] is None else min(rake, game["rake_cap"])


@MANY
@given(finished(), st.lists(st.integers(0, 3), min_size=10, max_size=10))
def test_chips_are_kept_but_for_the_rake(over, strengths):
    game, hand = over
    assert min(hand.stacks) >= 0
    payoffs = hand.payoffs(strengths)
    assert sum(payoffs) == game["dead"] - raked(game, hand)
    assert all(payoff >= -put for payoff, put in zip(payoffs, hand.committed, strict=True))


@MANY
@given(finished())
def test_pots_and_losses_add_up(over):
    game, hand = over
    pots = hand.pots()
    lost = -sum(hand.losing_utility())
    assert sum(pot.amount for pot in pots) == lost + game["dead"] - raked(game, hand)
    assert all(pot.seats and not set(pot.seats) & set(hand.folded) for pot in pots)
    assert all(set(side.seats) < set(main.seats) for main, side in pairwise(pots))
    if game["players"] == 2 and hand.status == AT_SHOWDOWN:
        assert len(pots) == 1


@MANY
@given(games(), st.integers(0, 9))
def test_everybody_is_asked_before_a_street_ends(game, raiser):
    """After a raise each other seat that is neither out nor all-in acts before play goes on."""
    hand = Hand(betting_rules(**game, short_blinds=True))
    raiser %= game["players"]
    while not hand.finished and not (hand.actor == raiser and hand.raise_bounds):
        hand = hand.apply(CALL)
    if hand.finished:
        return
    asked = []
    waiting = set(range(game["players"])) - {raiser, *hand.folded, *hand.all_in}
    street, hand = hand.street, hand.apply(hand.raise_bounds[0])
    while not hand.finished and hand.street == street:
        asked.append(hand.actor)
        hand = hand.apply(CALL)
    assert sorted(asked) == sorted(waiting)
