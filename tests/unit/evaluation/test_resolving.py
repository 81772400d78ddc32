"""Subgames of hold'em solved anew: two streets on 24 cards, evaluated exactly, all boards."""

from __future__ import annotations

import numpy as np
import pytest
from small_decks import game_of, random_strategy

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.exact_response import exact_response
from cfr_shm.evaluation.offers import BLUEPRINT, alternative_values, gifts
from cfr_shm.evaluation.resolved_strategy import ResolvedStrategy
from cfr_shm.evaluation.resolving import METHODS, HowToResolve, KeptSubgame, comes_up, resolve
from cfr_shm.evaluation.subgame import Subgame, hands_met, subgame_spot, subgame_tree
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.response import Stage
from cfr_shm.layout.spots import BEST, VALUE
from cfr_shm.layout.tree import DECISION
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_results import node_report
from cfr_shm.strategy.public import hand_at, hands_of, holdem_parts

#: The turn's board lies there, any river card may come, and nobody's hands are known.
RIVER_TO_COME = """
game: {name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 6, suits: 4,
       board_cards: [4, 1], board: AsKsQdTc, ranges: ["*", "*"]}
abstraction: {turn: [[1], [allin]], river: [[1], [allin]]}
"""
FEW_HANDS = RIVER_TO_COME.replace('["*", "*"]', '["AJ,KK:0.5,QTs,99", "AKo:0.5,JJ,TT,J9s"]')
RAKED = FEW_HANDS.replace("stacks: 12", "stacks: 12, rake_fraction: 0.1, rake_cap: 3")
#: Chips per deal: the pot is 4, and subgames are solved to a thousandth of it.
SLACK = 4e-3

needs_jit = pytest.mark.skipif(JIT_DISABLED, reason="hundreds of subgames: hours uncompiled")


def river_roots(game) -> list[int]:
    """Return the nodes at which the river begins with a decision."""
    parent, records = holdem_parts(game)[0].parent, game.tree.nodes
    first = (records["street"] == 1) & (records["street"][np.maximum(parent, 0)] == 0)
    return np.flatnonzero(first & (records["kind"] == DECISION)).tolist()


def subgames(strategy, river: str = "9h") -> list[Subgame]:
    board = holdem_parts(strategy.game)[1].deck.parse("AsKsQdTc" + river)
    return [Subgame(strategy, node, board) for node in river_roots(strategy.game)]


@needs_jit
@pytest.mark.thorough
@pytest.mark.parametrize("method", [each for each in METHODS if each != "unsafe"])
def test_safe_methods_never_make_the_whole_more_exploitable(method, tmp_path):
    blueprint = random_strategy(game_of(RIVER_TO_COME, tmp_path), 3)
    before = exact_response(blueprint)
    after = exact_response(ResolvedStrategy(blueprint, 1, HowToResolve(method)))
    best, was = after.best_response_values, before.best_response_values
    assert all(now <= then + SLACK for now, then in zip(best, was, strict=True))
    assert after.exploitability < 0.9 * before.exploitability


@pytest.mark.parametrize("text", [FEW_HANDS, RAKED], ids=["chips", "raked"])
def test_a_subgame_with_the_blueprint_in_it_is_worth_what_the_blueprint_is(text, tmp_path):
    """The spot's tree, payoffs and chance against walks over the game itself."""
    blueprint = random_strategy(game_of(text, tmp_path), 5)
    game = blueprint.game
    board = holdem_parts(game)[1].deck.parse("AsKsQdTc")
    subgame = Subgame(blueprint, 0, board)
    tree = subgame_tree(subgame)
    seats = subgame.seats
    spot = subgame_spot(subgame, tree, [subgame.dealt(seat) for seat in seats])
    with SpotSolver(spot) as solver:
        _put_in(solver, tree, blueprint)
        for player, seat in enumerate(seats):
            rows = KeptRows(spot, player)
            met = hands_met(game, subgame.dealt(1 - seat))[rows.numbers]
            shift = met * (tree.put[player] - tree.pot / 2)
            for mode, kind in ((VALUE, BLUEPRINT), (BEST, "best_response")):
                expected = alternative_values(subgame, seat, kind)[rows.numbers] + shift
                np.testing.assert_allclose(solver.sweep(player, mode), expected, atol=2e-4)


class KeptRows:
    """The numbers of a spot's hands in the deck."""

    def __init__(self, spot, player: int) -> None:
        holes = np.sort(spot.hands.holes[player], axis=1)
        self.numbers = holes[:, 1] * (holes[:, 1] - 1) // 2 + holes[:, 0]


def _put_in(solver, tree, strategy) -> None:
    """Write a strategy into a solver's averages, on every board."""
    game, spot = strategy.game, solver.game
    tables = (solver.tables.average_0, solver.tables.average_1)
    for number, board in enumerate(spot.boards):
        level = len(board.cards) - len(spot.hands.board)
        for node, (of_level, place) in tree.places.items():
            if of_level != level:
                continue
            actor = spot.trees[level].nodes[place].actor
            width, count, base, _ = spot.arrays.boards.about[actor, number].tolist()
            slot = int(spot.forests[level].level.forest.node[place, 3])
            holes = np.sort(spot.cards_on(number, actor), axis=1)
            rows = holes[:, 1] * (holes[:, 1] - 1) // 2 + holes[:, 0]
            chances = strategy.probabilities([node], board.cards)[0][rows]
            for action in range(int(game.tree.nodes["count"][node])):
                first = base + (slot + action) * width
                tables[actor][first : first + count] = chances[:, action]


@pytest.mark.parametrize("method", METHODS)
def test_no_hand_is_offered_more_than_it_may_have(method, tmp_path):
    blueprint = random_strategy(game_of(FEW_HANDS, tmp_path), 4)
    for subgame in subgames(blueprint):
        for seat in range(2):
            found = resolve(subgame, seat, HowToResolve(method, iterations=400))
            safety = found.safety
            found.solver.close()
            if method != "unsafe":
                assert safety.least_margin > -SLACK * 2
            if method != "reach":
                np.testing.assert_allclose(safety.allowed, safety.before, atol=1e-6)
            assert (safety.allowed >= safety.before - 1e-9).all()


def test_gifts_are_what_was_let_go_for_certain(tmp_path):
    """A hand that called could have folded, or gone all-in against an answer that is known."""
    blueprint = random_strategy(game_of(FEW_HANDS, tmp_path), 4)
    game = blueprint.game
    betting, _ = holdem_parts(game)
    given = 0
    for subgame in subgames(blueprint):
        decision = int(betting.parent[subgame.node])
        hand = hand_at(game, decision)
        if hand.call_amount == 0 or hand.raise_bounds is None:
            continue
        seat = hand.actor
        there = Subgame(blueprint, decision, subgame.board[:4])
        reach = there.reach(1 - seat)
        first = int(game.tree.nodes["first_child"][decision])
        assert hand_at(game, first).folded == (seat,)
        met = hands_met(game, reach)
        walk = BoardWalk(game)
        called = walk.values(
            Players(blueprint, blueprint),
            Stage(seat, 0, 0),
            there.board,
            np.array([subgame.node]),
            reach[None, :],
        )[0]
        found = gifts(subgame, seat)
        for number in np.flatnonzero((there.dealt(seat) > 0) & (met > 0)).tolist():
            folded = -hand.committed[seat]
            raised = all_in(blueprint, first + 2, there, number, reach) / met[number]
            expected = max(folded, raised) - called[number] / met[number]
            assert found[number] == pytest.approx(max(expected, 0.0), abs=1e-9)
            given += expected > 0.1
    assert given > 3


def all_in(strategy, node: int, there: Subgame, number: int, reach) -> float:
    """Return what a hand gets by going all-in, over all hands and rivers, one after the other."""
    game = strategy.game
    _, cards = holdem_parts(game)
    holes, after = hands_of(game), hand_at(game, node)
    answers = strategy.probabilities([node], there.board)[0]
    seat, own = 1 - after.actor, set(holes[number].tolist())
    fold, call = after.apply(-1), after.apply(0)
    total = 0.0
    for other in np.flatnonzero(reach).tolist():
        held = own | set(holes[other].tolist())
        if len(held) < 4:
            continue
        rivers = [c for c in cards.dealt if c not in held and c not in there.board]
        shown = 0.0
        for river in rivers:
            pair = np.stack([holes[number], holes[other]])
            mine, theirs = cards.strengths(pair, (*there.board, river)).tolist()
            strength = (mine, theirs) if seat == 0 else (theirs, mine)
            shown += call.payoffs(strength)[seat] / len(rivers)
        total += reach[other] * (
            answers[other, 0] * fold.payoffs()[seat] + answers[other, 1] * shown
        )
    return total


def test_time_that_is_up_ends_it_after_the_iterations_that_run(tmp_path):
    blueprint = random_strategy(game_of(FEW_HANDS, tmp_path), 4)
    found = resolve(subgames(blueprint)[0], 0, HowToResolve("maxmargin", target=0.0, seconds=0.0))
    with found.solver as solver:
        assert solver.iterations == 25


def test_a_subgame_may_begin_within_a_street(tmp_path):
    blueprint = random_strategy(game_of(FEW_HANDS, tmp_path), 4)
    root = subgames(blueprint)[0]
    records = blueprint.game.tree.nodes
    bet = int(records["first_child"][root.node]) + 1
    subgame = Subgame(blueprint, bet, root.board)
    found = resolve(subgame, int(records["actor"][bet]), HowToResolve("unsafe", iterations=100))
    with found.solver as solver:
        root_report = node_report(solver)
        assert len(root_report.actions) == 1
        assert root_report.frequency == pytest.approx(1.0)
        report = node_report(solver, root_report.actions[0].code)
        assert {action.kind for action in report.actions} >= {"f", "c"}
        rows = KeptSubgame.of(found).rows(bet, (), np.zeros((1326, 3)))
        assert rows[rows.any(axis=1)].sum(axis=1) == pytest.approx(1.0)


def test_what_is_no_spot_is_refused(tmp_path):
    text = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
"""
    blueprint = random_strategy(game_of(text, tmp_path), 4)
    with pytest.raises(UsageError, match="board cards"):
        subgame_tree(Subgame(blueprint, 0, ()))
    with pytest.raises(UsageError, match="unknown method"):
        HowToResolve("hopeful")


def test_what_only_rounding_would_tell_does_not_come_up(tmp_path, monkeypatch):
    """One hand against one that shares a card with it, and a light one that does not."""
    game = game_of(FEW_HANDS, tmp_path)
    there, deck = subgames(random_strategy(game, 1))[0], holdem_parts(game)[1].deck
    holes = hands_of(game).tolist()
    own, blocked, met = (holes.index(sorted(deck.parse(text))) for text in ("KcKd", "KcAc", "JcJd"))
    for weight, comes in ((1.0, True), (1e-3, True), (1e-5, False), (0.0, False)):
        reach = np.zeros((2, len(holes)))
        reach[0, own], reach[1, blocked], reach[1, met] = 1.0, 1.0, weight
        monkeypatch.setattr(Subgame, "reach", lambda _, seat, reach=reach: reach[seat])
        assert comes_up(there, 0, "unsafe") == comes
