"""A hold'em config, built by the package and by the plain references, and one policy for both."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import betting_lines as plain
import numpy as np
from real_hands import RealHands

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import hand_pairs, parse_range
from cfr_shm.config.load import load_config
from cfr_shm.games.registry import load_game
from cfr_shm.layout.tree import DECISION

ALL_IN = ((("allin",),),)


def loaded(game, abstraction=(), more=()):
    """Return the config of a game from its keys."""
    settings = ["game.name=holdem", *(f"game.{each}" for each in game)]
    settings += [f"abstraction.{each}" for each in abstraction]
    return load_config(overrides=[*settings, *more])


def built(config):
    """Return the game of a config."""
    return load_game(config.game, None, config.abstraction)


def real_hands(config, levels=ALL_IN):
    """Return the game of a config hand by hand; every street has the menu ``levels``."""
    game = config.game
    streets = len(game.real_streets)
    counts = list(game.board_cards)
    ranks, suits = game.ranks or 13, game.suits or 4
    cards = [4 * rank + suit for rank in range(13 - ranks, 13) for suit in range(suits)]
    if (ranks, suits) == (13, 4):
        counts.append(5 - sum(counts))
    rules = plain.Rules(
        tuple(int(chips) for chips in game.stack_chips),
        (*game.blind_chips, *(0,) * (game.players - len(game.blind_chips))),
        streets=streets,
        rake=Fraction(str(game.rake_fraction or 0)),
        dead=game.dead or 0,
        before=game.real_streets[0],
        smallest=game.bet_sizes[0] if game.bet_sizes else game.big_blind_chips,
    )
    menus = ((levels,) * streets,) * 2
    tree = plain.build(rules, plain.Abstraction(menus, ((99,) * streets,) * 2))
    board = STANDARD.parse(game.board or "")
    return RealHands(cards, _ranges(game, cards), board, counts, tree, streets)


def _ranges(game, cards):
    if game.ranges is None:
        return [dict.fromkeys(combinations(cards, 2), 1.0)] * game.players
    found = []
    for text in game.ranges:
        weights = parse_range(STANDARD, text)
        hands = hand_pairs(STANDARD)[weights > 0.0].tolist()
        kept = zip(hands, weights[weights > 0.0].tolist(), strict=True)
        found.append({(low, high): w for (low, high), w in kept if {low, high} <= set(cards)})
    return found


def policy_of(game, probability):
    """Return a table's probabilities as a policy of real hands."""
    nodes = game.tree.nodes

    def node_at(line):
        node = 0
        for move in line:
            record = nodes[node]
            first, count = int(record["first_child"]), int(record["count"])
            node = first + game.betting.move[first : first + count].tolist().index(move)
        assert nodes[node]["kind"] == DECISION
        return nodes[node]

    def policy(line, player, street, count, classes):
        record = node_at(line)
        assert (int(record["actor"]), int(record["count"])) == (player, count)
        rows = np.empty(len(classes), np.int64)
        by_board = {}
        for place, (hole, *parts) in enumerate(classes):
            by_board.setdefault(tuple(parts), []).append((place, hole))
        for parts, held in by_board.items():
            places, holes = zip(*held, strict=True)
            board = [card for part in parts for card in part]
            hands = np.array(holes, np.uint8)
            found = game.hole_cards.buckets(player, street, hands, board)
            assert found.min() >= 0
            rows[list(places)] = found
        first = int(record["row_base"]) + rows * int(record["row_stride"])
        return probability[first[:, None] + np.arange(count)]

    return policy
