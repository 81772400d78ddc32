"""Games whose seats have few hands, and not the same ones: against every deal written out.

Ranges of one to four hands out of five to seven cards, weights down to a millionth, boards that
are known whole, in part or not at all. Often a hand of a range meets none of the others' hands,
another seat alone is dealt it, or the only deals are those of the lightest hands.
"""

from __future__ import annotations

import random as randoms
from itertools import combinations

import numpy as np
import pytest
from production import table_with
from real_games import built, loaded, policy_of, real_hands

from cfr_shm.cards.deck import STANDARD
from cfr_shm.errors import GameError, UsageError
from cfr_shm.evaluation.action_values import ActionValues
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.evaluation.drawn_deals import Dealer, policy_of_deals
from cfr_shm.evaluation.exact_response import exact_response
from cfr_shm.evaluation.gain_parts import BoardParts
from cfr_shm.evaluation.listed_match import exact_match
from cfr_shm.evaluation.play_match import TablePlay, seatings_of
from cfr_shm.evaluation.range_match import BoardMatch
from cfr_shm.games.holdem.public_lines import public_lines
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.cards import FULL_BOARD
from cfr_shm.layout.tree import DECISION
from cfr_shm.play.dealer import Dealer as HandDealer
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export_ranges import export_ranges
from cfr_shm.strategy.listed import ListedStrategy
from cfr_shm.strategy.public import hand_at, hands_of
from cfr_shm.strategy.table import TableStrategy

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(JIT_DISABLED, reason="walks over boards need compiled kernels"),
]

LEVELS = ((("pot", 1), ("allin",)),)
WHOLE = range(52)
FROM_BEFORE = ["blinds=[0,0]", "dead=90", "stacks=50"]
#: Game, cards of the deck, how many of the board are known.
KINDS = {
    "river": ([*FROM_BEFORE, "bet_sizes=[1]", "board_cards=[5]"], WHOLE, 5),
    "turn": ([*FROM_BEFORE, "bet_sizes=[1]", "board_cards=[4]"], WHOLE, 4),
    "turn and river": ([*FROM_BEFORE, "bet_sizes=[1,1]", "board_cards=[4,1]"], WHOLE, 4),
    "flop": ([*FROM_BEFORE, "big_blind=10", "ranks=4", "board_cards=[3]"], range(36, 52), 3),
    "part of a flop": (
        [*FROM_BEFORE, "big_blind=10", "ranks=4", "board_cards=[3]"],
        range(36, 52),
        2,
    ),
    "no board": (["blinds=[10,10]", "stacks=30", "ranks=4", "board_cards=[0]"], range(36, 52), 0),
    "river of three": (
        ["players=3", "blinds=[0,0,0]", "dead=90", "stacks=50", "bet_sizes=[1]", "board_cards=[5]"],
        WHOLE,
        5,
    ),
    "three without a board": (
        ["players=3", "blinds=[10,10,10]", "stacks=30", "ranks=4", "board_cards=[0]"],
        range(36, 52),
        0,
    ),
}


def uneven_game(kind, random):
    """Return the config of a game with ranges drawn at random."""
    keys, cards, known = KINDS[kind]
    board = random.sample(list(cards), known)
    free = [card for card in cards if card not in board]
    pool = random.sample(free, random.randint(5, 7)) + board[: random.random() < 0.3]
    pairs = list(combinations(sorted(pool, reverse=True), 2))
    ranges = [
        ",".join(
            STANDARD.text(hand) + random.choice(("", ":0.5", ":0.3", ":0.000001"))
            for hand in random.sample(pairs, random.randint(1, 4))
        )
        for _ in range(3 if "players=3" in keys else 2)
    ]
    told = ",".join(f'"{each}"' for each in ranges)
    shown = [f"board={STANDARD.text(board)}"] if board else []
    return loaded([*keys, *shown, f"ranges=[{told}]"])


class Written:
    """A game, two strategies drawn at random, and all of its deals."""

    def __init__(self, kind, random):
        config = uneven_game(kind, random)
        self.game = built(config)
        self.deals = real_hands(config, levels=LEVELS)
        rng = np.random.default_rng(random.getrandbits(32))
        sums = [rng.random(self.game.table_entries) ** 3 for _ in range(2)]
        self.rows = [Strategy.from_table(self.game, table_with(self.game, each)) for each in sums]
        self.policies = [policy_of(self.game, each.probability) for each in self.rows]
        self.tables = [TableStrategy("drawn", self.game, each) for each in self.rows]

    @property
    def seats(self):
        return range(self.game.player_count)

    def won_by_the_first(self):
        """Return what the first wins, the mean over seatings: half the difference of both."""
        masks, total = seatings_of(self.game.player_count).tolist(), 0.0
        for mask in masks:

            def policy(line, player, *where, mask=mask):
                return self.policies[0 if mask >> player & 1 else 1](line, player, *where)

            values = self.deals.values(policy)
            total += sum(v if mask >> seat & 1 else -v for seat, v in enumerate(values)) / 2
        return total / len(masks)

    def possible_share(self):
        """Return how much of the pairs of hands, each drawn by itself, share no card."""
        cards = self.game.hole_cards
        (hands, one), (others, two) = (cards.hands(seat) for seat in (0, 1))
        apart = [[not set(own) & set(other) for other in others.tolist()] for own in hands.tolist()]
        return float(one @ np.array(apart) @ two) / (one.sum() * two.sum())

    def lines(self):
        """Return the moves that lead to each decision node."""
        nodes, found = self.game.tree.nodes, {0: ()}
        for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
            first, count = int(nodes["first_child"][node]), int(nodes["count"][node])
            for child in range(first, first + count):
                found[child] = (*found[node], int(self.game.betting.move[child]))
        return {node: line for node, line in found.items() if nodes["kind"][node] == DECISION}

    def seen(self, hole, board, street):
        """Return what a player has seen, as the deals have it."""
        parts, begin = [], 0
        for count in self.game.hole_cards.board_cards[: street + 1]:
            parts.append(tuple(sorted(board[begin : begin + count])))
            begin += count
        return (tuple(sorted(hole)), *parts)

    def at(self, node, line):
        """Return the node of the deals' tree, and the deals' reach without the actor's own."""
        here, done, reach = self.deals.tree, (), self.deals.weight
        seat = int(self.game.tree.nodes["actor"][node])
        for move in line:
            taken = [child.move for child in here.children].index(move)
            if here.actor != seat:
                classes = self.deals.classes[here.street][here.actor]
                count = len(here.children)
                share = self.policies[0](done, here.actor, here.street, count, classes)
                reach = reach * share[self.deals.seen[here.street][here.actor], taken]
            here, done = here.children[taken], (*done, move)
        return here, reach


def written_games(kind, count):
    """Return so many games of a kind, and what draws for each of them."""
    found, random = [], randoms.Random(f"uneven {kind}")
    while len(found) < count:
        try:
            found.append((Written(kind, random), random))
        except (GameError, UsageError) as error:
            assert "no deal is possible" in str(error)  # noqa: PT017 - nothing else is refused
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_values_best_responses_and_matches(kind):
    for written, _ in written_games(kind, 4):
        values_are_those_of_the_deals(written)


def values_are_those_of_the_deals(written):
    policy = written.policies[0]
    values, best = written.deals.values(policy), written.deals.best_responses(policy)
    found = evaluate(written.game, written.rows[0])
    assert found.values == pytest.approx(values, abs=1e-9)
    assert found.best_response_values == pytest.approx(best, abs=1e-9)
    won = written.won_by_the_first()
    listed = [ListedStrategy("drawn", written.game, each.probability) for each in written.rows]
    assert exact_match(*listed).value.value == pytest.approx(won, abs=1e-9)
    if len(written.seats) > 2:
        return
    # Walks take hands that share a card off the sum of all: what is left may be little of it.
    rounding = max(1e-9, 1e-12 / written.possible_share())
    walked = exact_response(written.tables[0])
    assert walked.values == pytest.approx(values, abs=rounding)
    assert walked.best_response_values == pytest.approx(best, abs=rounding)
    cards, match, parts = (
        written.game.hole_cards,
        BoardMatch(*written.tables, 0),
        BoardParts(written.tables[0], 0),
    )
    left = [card for card in cards.dealt if card not in cards.fixed_board]
    drawn = cards.showdown_cards - len(cards.fixed_board)
    boards = [(*cards.fixed_board, *more) for more in combinations(left, drawn)]
    if written.game.street_count == 1:
        assert np.mean([match.on_board(each) for each in boards]) == pytest.approx(
            won, abs=rounding
        )
    first = cards.board_count(0)
    shown = {each[:first] for each in boards}
    gained = np.mean([parts.on_board(each)[0] for each in sorted(shown)], axis=0)
    for kinds in np.split(gained, np.cumsum([4, 8, 4, 6])):
        assert kinds.sum() == pytest.approx(np.mean(np.subtract(best, values)), abs=rounding)


@pytest.mark.parametrize("kind", KINDS)
def test_hands_that_are_played(kind):
    """Each deal reads its own rows, and a hand's values are the means over the deals it is in."""
    for written, random in written_games(kind, 3):
        rows_are_those_of_the_deals(written, random)


def rows_are_those_of_the_deals(written, random):
    game, cards, nodes = written.game, written.game.hole_cards, written.game.tree.nodes
    deals = Dealer(game, random.randint(0, 1000)).deal(0, 8)
    known = policy_of_deals(written.tables[0], deals)
    values = ActionValues(written.tables[0]) if len(written.seats) == 2 else None
    for node, line in sorted(written.lines().items())[::3]:
        seat, street, count = (int(nodes[name][node]) for name in ("actor", "street", "count"))
        for row, dealt in enumerate(deals.cards.tolist()):
            hole = dealt[FULL_BOARD + 2 * seat : FULL_BOARD + 2 * seat + 2]
            board = dealt[: cards.board_count(street)]
            seen = written.seen(hole, board, street)
            entry = known.row_base[node] + known.number[row, seat, street] * known.row_stride[node]
            expected = written.policies[0](line, seat, street, count, [seen])[0]
            assert (known.probability[entry : entry + count] == expected).all()
        if values is None:
            continue
        here, reach = written.at(node, line)
        mine = written.deals.classes[street][seat].index(seen)
        reach = np.where(written.deals.seen[street][seat] == mine, reach, 0.0)
        means = [
            written.deals._below(
                child, (*line, child.move), written.policies[0], seat, reach, False
            )
            for child in here.children
        ]
        expected = np.sum(means, axis=1) / reach.sum() + hand_at(game, node).committed[seat]
        assert [each.ev for each in values.of(node, hole, board)] == pytest.approx(expected)
    won, _ = TablePlay(*written.tables, 1).winnings(0, 8)
    assert np.isfinite(won).all()


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_that_are_exported(kind, tmp_path):
    for written, _ in written_games(kind, 2):
        ranges_hold_what_is_dealt(written, tmp_path / "ranges.txt")


def ranges_hold_what_is_dealt(written, out):
    game, cards, nodes = written.game, written.game.hole_cards, written.game.tree.nodes
    street = game.street_count - 1
    board = Dealer(game, 1).deal(0, 1).cards[0, : cards.board_count(street)].tolist()
    export_ranges(game, written.rows[0], out, board)
    names, holes = public_lines(game.betting, game.big_blind), hands_of(game).tolist()
    nodes_of = {names[node].rstrip(" /"): node for node in written.lines()}
    told = [each.split("\t") for each in out.read_text().splitlines()[1:]]
    whole = {}
    for line, seat, action, weights in told:
        here = int(nodes["street"][nodes_of[line.rstrip(" /")]])
        found = np.array(weights.split(), float)
        dealt = written.deals.classes[here][int(seat)]
        possible = np.array([written.seen(hole, board, here) in dealt for hole in holes])
        assert np.isfinite(found).all()
        assert found.max() <= 1.0
        assert not found[~possible].any()
        if action == "":
            whole[line] = found, np.zeros(len(holes))
        else:
            whole[line][1][:] += found
    for came, done in whole.values():
        assert done == pytest.approx(came, abs=1e-5)


def test_the_lightest_hands_are_dealt_where_only_they_can_be():
    """One draw in 10**12 of each seat's hand by itself is a deal."""
    ranges = 'ranges=["AcAd,KcKd:0.000001","AcAd,KcKd:0.000001,AcKc,AdKd"]'
    config = loaded(["ranks=4", "blinds=[10,10]", "stacks=30", "board_cards=[0]", ranges])
    game = built(config)
    deals = Dealer(game, 5).deal(0, 2000).cards
    dealer = HandDealer(game, 5)
    played = [dealer.deal().holes for _ in range(2000)]
    drawn = [tuple(map(tuple, each[FULL_BOARD:].reshape(2, 2).tolist())) for each in deals]
    low, high = tuple(STANDARD.parse("KcKd")), tuple(STANDARD.parse("AcAd"))
    possible = {(low, high), (high, low)}
    for found in (played, drawn):
        assert {tuple(tuple(sorted(hole)) for hole in deal) for deal in found} == possible
        share = sum(tuple(sorted(deal[0])) == low for deal in found) / 2000
        assert share == pytest.approx(0.5, abs=0.06)  # more than five standard errors
