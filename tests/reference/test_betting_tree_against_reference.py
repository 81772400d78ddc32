"""The flat betting tree, node by node, against the plain recursive one; and the peers' trees."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import betting_lines as plain
import numpy as np
import pytest

from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.load import load_config
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.action_menu import compile_menu
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.games.holdem.betting_tree import build_betting_tree, measure_betting_tree
from cfr_shm.layout.tree import DECISION, SHOWDOWN, TERMINAL

KINDS = {DECISION: "decision", TERMINAL: "fold", SHOWDOWN: "showdown"}
SIZES = ("0.5", "1", "2", "2x", "3x", "2.5bb", "6bb", "allin")
BIG_BLIND = 10


def plain_size(written):
    if written == "allin":
        return ("allin",)
    for unit, kind in (("bb", "chips"), ("x", "times")):
        if written.endswith(unit):
            number = Fraction(written.removesuffix(unit))
            return (kind, int(number * BIG_BLIND) if kind == "chips" else number)
    return ("pot", Fraction(written))


def random_menu(draw, levels):
    found = []
    for _ in range(levels):
        chosen = [size for size in SIZES if draw.random() < 0.25]
        found.append(tuple(chosen))
    return tuple(found)


def random_case(seed, later=False):
    """Return the same random game as the package's rules and config, and as the plain ones.

    Args:
        seed: of the game.
        later: whether it begins after preflop.
    """
    draw = random.Random(seed)
    players = draw.choice((2, 2, 3, 3, 4))
    streets = draw.choice((1, 2) if players > 2 else (1, 2, 3))
    deep = 12 if players == 2 else 6
    stacks = [draw.randint(BIG_BLIND, deep * BIG_BLIND) for _ in range(players)]
    if draw.random() < 0.4:
        stacks = [deep * BIG_BLIND] * players
    ante = draw.choice((0, 0, 1, 3))
    stacks = [max(stack, BIG_BLIND + ante) for stack in stacks]
    names = GameConfig(name="holdem").street_names[:streets]
    keys = {name: random_menu(draw, draw.choice((1, 2))) for name in names}
    if players > 2:
        keys |= {f"multiway_{names[-1]}": random_menu(draw, 1)}
        keys["max_flop_players"] = draw.choice((None, 2))
    caps = tuple(draw.choice((1, 2, 3) if players == 2 else (1, 2)) for _ in names)
    options = {
        "max_raises": caps,
        "allin": draw.choice(("menu", "always", "pots")),
        "allin_threshold": draw.choice((None, 0.5, 0.75)),
        "allin_rule": draw.choice(("skip", "allin")),
        "check_down_above": draw.choice((None, None, 2)),
        "limp": draw.choice((None, None, True)),
    }
    abstraction = AbstractionConfig(**keys, **options)
    blinds = (5, BIG_BLIND) + (0,) * (players - 2)
    rake = draw.choice((0, 0.1))
    board = (0, 3, 1, 1)[:streets]
    before, dead = 0, draw.choice((0, 7))
    if later:
        before = draw.randint(1, 4 - streets)
        board = ((0, 3, 4, 5)[before], 1, 1)[:streets]
        blinds = (0,) * players
        dead = draw.choice((7, 40))
        moved = GameConfig(name="holdem", board_cards=board).street_names
        renamed = dict(zip(names, moved, strict=True))
        keys = {
            "_".join([*key.split("_")[:-1], renamed[key.split("_")[-1]]]): menu
            for key, menu in keys.items()
            if key != "max_flop_players"
        }
        options["check_down_above"] = draw.choice((None, players))
        abstraction = AbstractionConfig(**keys, **options)
        names = moved
    game = GameConfig(
        name="holdem",
        players=players,
        blinds=blinds,
        board_cards=board,
        big_blind=BIG_BLIND,
        dead=dead,
    )
    rules = betting_rules(
        players=players,
        blinds=blinds,
        stacks=stacks,
        ante=ante,
        streets=game.real_streets,
        big_blind=BIG_BLIND,
        rake_fraction=rake,
        rake_cap=7,
        dead=dead,
    )
    menus = tuple(
        tuple(
            tuple(tuple(map(plain_size, level)) for level in abstraction.menu(name, wide))
            for name in names
        )
        for wide in (False, True)
    )
    return (
        (rules, compile_menu(game, abstraction)),
        (
            plain.Rules(
                tuple(stacks),
                blinds,
                ante,
                streets,
                Fraction(str(rake)),
                7,
                dead,
                before,
                BIG_BLIND,
            ),
            plain.Abstraction(
                menus,
                (caps, caps),
                options["allin"],
                threshold=Fraction(str(options["allin_threshold"] or 1)),
                beyond=options["allin_rule"],
                max_flop_players=keys.get("max_flop_players") or 99,
                check_down_above=options["check_down_above"] or 99,
            ),
        ),
    )


def same(betting, reference, bucket_counts):
    """Compare every node, and where its children, rows and payoffs lie."""
    tree = betting.built.tree
    rows = []
    waiting = [(0, reference)]
    count = 0
    while waiting:
        index, node = waiting.pop()
        count += 1
        record = tree.nodes[index]
        assert KINDS[int(record["kind"])] == node.kind
        assert (int(betting.move[index]), int(record["street"])) == (node.move, node.street)
        if node.kind == "decision":
            assert int(record["actor"]) == node.actor
            first, children = int(record["first_child"]), len(node.children)
            assert int(record["count"]) == children
            assert first > index
            assert np.all(betting.parent[first : first + children] == index)
            stride = children
            assert int(record["row_stride"]) == stride
            base = int(record["row_base"])
            rows.append((base, base + stride * bucket_counts[node.actor][node.street]))
            waiting += [(first + i, child) for i, child in enumerate(node.children)]
            continue
        assert tuple(tree.utility[record["payoff"]]) == node.losing
        if node.kind == "showdown":
            pots = slice(int(record["detail"]), int(record["detail"]) + int(record["count"]))
            found = zip(tree.pot_amount[pots], tree.pot_players[pots], strict=True)
            assert tuple(found) == node.pots
    assert count == len(tree.nodes)
    rows.sort()
    assert rows[0][0] == 0
    # Rows of an even number of actions begin at even entries.
    gaps = [begin - end for (_, end), (begin, _) in itertools.pairwise(rows)]
    assert set(gaps) <= {0, 1}
    assert rows[-1][1] <= betting.built.table_entries < rows[-1][1] + 16


@pytest.mark.parametrize(
    ("seed", "later"),
    [*zip(range(60), [False] * 60, strict=True), *zip(range(60), [True] * 60, strict=True)],
)
def test_random_trees_are_those_of_the_plain_rules(seed, later):
    (rules, menu), plainly = random_case(seed, later)
    reference = plain.build(*plainly)
    if not reference.children:
        pytest.skip("blinds and antes leave nothing to decide")
    counts = [[3 + p + s for s in range(rules.streets)] for p in range(rules.players)]
    if not any_raise(reference) and len(menu.size_kind):
        with pytest.raises(GameError, match="no size of the menus is ever a legal bet or raise"):
            build_betting_tree(rules, menu, counts)
        return
    betting = build_betting_tree(rules, menu, counts)
    same(betting, reference, counts)
    payoffs = [tuple(row) for row in betting.built.tree.utility]
    assert len(set(payoffs)) == len(payoffs)
    measured = measure_betting_tree(rules, menu, counts)
    assert measured.nodes == plain.size(reference)
    assert max_decisions(reference, rules.players) == measured.max_depth


def any_raise(node):
    return node.move > 0 or any(map(any_raise, node.children))


def max_decisions(node, players, so_far=None):
    """Most decision nodes of one player on a path."""
    counts = list(so_far or [0] * players)
    if node.kind == "decision":
        counts[node.actor] += 1
    return max([*counts, *(max_decisions(child, players, counts) for child in node.children)])


# --- the peers' trees --------------------------------------------------------------------


def measured(name):
    config = load_config(name)
    game = config.game
    rules = betting_rules(
        players=game.players,
        blinds=game.blind_chips,
        stacks=[int(chips) for chips in game.stack_chips],
        rake_fraction=game.rake_fraction,
        rake_cap=game.rake_cap,
    )
    menu = compile_menu(game, config.abstraction)
    return measure_betting_tree(rules, menu, [config.abstraction.bucket_counts] * game.players)


def test_the_heads_up_tree_is_donksolvers():
    size = measured("peer_donk_hu100")
    assert (size.nodes, size.folded_out + size.showdowns) == (21_162, 13_026)
    assert size.street_rows.rows.tolist() == [6_084, 15_000, 79_400, 310_600]
    assert size.street_rows.entries.sum() == 1_070_545


def test_the_six_handed_tree_is_donksolvers():
    size = measured("peer_donk_6max100")
    assert (size.nodes, size.folded_out + size.showdowns) == (1_111_798, 608_518)
    assert size.checked_down == 15_936
    assert size.street_rows.decisions.tolist() == [185_856, 59_504, 100_040, 157_880]
    assert size.street_rows.entries.sum() == 103_517_457


@pytest.mark.parametrize(
    ("preset", "name"), [("hu", "peer_donk_hu100"), ("6max-lite", "peer_donk_6max100")]
)
def test_donksolver_counts_the_same(preset, name):
    config = pytest.importorskip("donksolver.config")
    solver = pytest.importorskip("donksolver.solver")
    game = config.preset(preset, 100.0)
    game.rake_cap = 100
    theirs, ours = solver.tree_info(game.text()), measured(name)
    assert theirs["nodes"] == ours.nodes
    assert theirs["terminals"] == ours.folded_out + ours.showdowns
    assert theirs["checkdown_terminals"] == ours.checked_down
    assert theirs["entries"] == ours.street_rows.entries.sum()
    for street in range(4):
        assert theirs[f"decision_nodes.{street}"] == ours.street_rows.decisions[street]
        assert theirs[f"rows.{street}"] == ours.street_rows.rows[street]
