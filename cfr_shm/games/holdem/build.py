"""Hold'em as a game: the betting tree of a config, and the deals that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.games.game import Game, InfosetLabel, assemble_game
from cfr_shm.games.holdem.action_menu import compile_menu
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.games.holdem.betting_tree import BettingTree, build_betting_tree
from cfr_shm.games.holdem.dealing import Dealt, dealt_from
from cfr_shm.games.holdem.first_regrets import FirstRegrets
from cfr_shm.games.holdem.public_lines import public_lines
from cfr_shm.layout.betting import BettingRules
from cfr_shm.layout.tree import DECISION

Report = Callable[[str], None]


def holdem(
    config: GameConfig, abstraction: AbstractionConfig, progress: Report | None = None
) -> Game:
    """Build the game that the two config sections describe.

    Args:
        config: section ``game``.
        abstraction: section ``abstraction``.
        progress: told every few seconds how far buckets or tree are.

    Raises:
        GameError: what is asked for cannot be played; names the key.
        ArrayStoreError: the bucket file is damaged.
    """
    rules = rules_of(config)
    dealt = dealt_from(config, abstraction, progress)
    menu = compile_menu(config, abstraction)
    betting = build_betting_tree(
        rules, menu, dealt.deals.bucket_count, abstraction.max_nodes, progress
    )
    big_blind = float(config.big_blind_chips) or None

    def infosets() -> Iterator[InfosetLabel]:
        yield from _labels(betting, dealt, big_blind)

    game = assemble_game(
        betting.built,
        dealt.deals,
        name="holdem",
        parameters={"players": config.players, "big_blind": config.big_blind_chips},
        infosets=infosets,
        constant_sum=rules.rake_fraction == 0.0,
        unit="chips",
        bucket_file=dealt.bucket_file,
        big_blind=big_blind,
        betting=betting,
        hole_cards=dealt.hole_cards,
        first_regrets=_first_regrets(betting, dealt),
    )
    return replace(game, merged=dealt.merged, warnings=dealt.warnings)


def rules_of(config: GameConfig) -> BettingRules:
    """Return the betting rules that the section ``game`` asks for.

    Raises:
        GameError: values out of their range; names the key.
    """
    ante = config.ante
    return betting_rules(
        players=config.players,
        blinds=config.blind_chips,
        stacks=[int(chips) for chips in config.stack_chips],
        ante=0 if ante is None else ante,
        betting=config.betting or "no_limit",
        streets=config.real_streets,
        big_blind=config.big_blind,
        bet_sizes=config.bet_sizes,
        raise_caps=config.raise_caps,
        rake_fraction=config.rake_fraction or 0.0,
        rake_cap=config.rake_cap,
        rake_from=config.rake_from or "flop",
        dead=config.dead or 0,
    )


def _first_regrets(betting: BettingTree, dealt: Dealt) -> FirstRegrets | None:
    if dealt.unbeaten is None:
        return None
    return FirstRegrets(betting, dealt.deals.bucket_count.shape[1] - 1, dealt.unbeaten)


# --- names -------------------------------------------------------------------------------


def _labels(betting: BettingTree, dealt: Dealt, big_blind: float | None) -> Iterator[InfosetLabel]:
    """Name every infoset: seat, hand or bucket, and public line."""
    lines = public_lines(betting, big_blind)
    nodes = betting.built.tree.nodes
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        record = nodes[node]
        seat, street = int(record["actor"]), int(record["street"])
        first, base = int(record["first_child"]), int(record["row_base"])
        moves = tuple(betting.move[first : first + int(record["count"])].tolist())
        for bucket in range(int(dealt.deals.bucket_count[seat, street])):
            held = f"bucket {bucket}" if dealt.hands is None else dealt.hands[street][bucket]
            row = base + bucket * int(record["row_stride"])
            yield InfosetLabel(f"seat {seat}: {held} | {lines[node]}", seat, row, moves)
