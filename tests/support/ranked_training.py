"""A training by several ranks in threads, with leases of fixed length and no clock."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from threaded_world import run_ranks

from cfr_shm.config.load import load_config
from cfr_shm.engine.coordinator import open_engine
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.tables.dense import collect_regrets, spread_regrets
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.memory.tables import begin_rows, private_views
from cfr_shm.ranks.exchange import Exchange
from cfr_shm.ranks.meetings import Bounds, Meetings
from cfr_shm.run.other_rank import follow
from cfr_shm.run.ranked import with_ranks
from cfr_shm.run.setup import settle
from cfr_shm.run.signals import StopSignals
from cfr_shm.strategy.average import Strategy

DCFR = ("algorithm.weighting=dcfr", "algorithm.alpha=1.5", "algorithm.beta=0.5",
        "algorithm.gamma=2.0", "algorithm.discount_interval=16384")  # fmt: skip


class SummedGains(Exchange):
    """What must not be done: everybody's gains, each in full, onto the common base."""

    def average_regrets(self, table):
        for number, (slices, entries) in enumerate(self._chunks):
            values = np.empty(entries, np.float32)
            collect_regrets(table, slices, values)
            self._world.add_up(values)
            bases = self.__dict__.setdefault("_bases", {})
            base = bases.get(number, np.zeros(entries, np.float32))
            values -= (self._world.size - 1) * base
            bases[number] = values.copy()
            spread_regrets(table, slices, values, 1.0)


class LateMean(Exchange):
    """What must not be done either: the mean comes when the next part has been trained already.

    A rank goes on from its own gains, and takes those of the others over one exchange later.
    """

    def average_regrets(self, table):
        held = self.__dict__.setdefault("_held", {})
        for number, (slices, entries) in enumerate(self._chunks):
            values = np.empty(entries, np.float32)
            collect_regrets(table, slices, values)
            before, correction = held.get(number, (np.zeros_like(values), np.zeros_like(values)))
            gains = values - before
            mean = gains.copy()
            self._world.add_up(mean)
            values += correction
            held[number] = values.copy(), mean / self._world.size - gains
            spread_regrets(table, slices, values, 1.0)


#: Hold'em of 12 cards, where rows of the last street are met rarely: 379,936 of them.
SMALL_DECK = (
    "game.name=holdem", "game.blinds=[1, 2]", "game.stacks=20", "game.ranks=4", "game.suits=3",
    "game.board_cards=[0, 3, 1]", "abstraction.preflop=[[2.5bb], [allin]]",
    "abstraction.flop=[[0.75], [allin]]", "abstraction.turn=[[0.75], [allin]]",
    "algorithm.weighting=linear", "algorithm.in_flight=1",
)  # fmt: skip


def settings(*overrides):
    """Return the settled configuration, of Leduc if none is said, and the game.

    One worker runs in this process.
    """
    alone = ("engine.num_workers=1", "engine.drain_window=64")
    config = load_config("leduc", {}, (*alone, *overrides))
    return settle(config, _game(config), Path("unused")), _game(config)


_games = {}


def _game(config):
    """Return the game of a configuration, made once."""
    key = repr((config.game, config.abstraction))
    if key not in _games:
        _games[key] = load_game(config.game, None, config.abstraction)
    return _games[key]


def _fixed(count, plan, rates, _seconds, _window):
    def lease():
        task = plan.take(count)
        return [] if task is None else [(task[0], task[0] + task[1])]

    return [lease() for _ in rates]


def _with_fixed_leases(exchange, count):
    """Return ``exchange``, which looks at no clock any more."""
    exchange.deal = partial(_fixed, count)
    return exchange


class Trained:
    """What a rank has at the end; rank 0's table is the whole one."""

    def __init__(self, views, meetings, iterations, world):
        self.views, self.meetings = views, meetings
        self.iterations, self.sent_bytes = iterations, world.sent_bytes


def damped_exchange(world, sets):
    """Return an exchange that takes over two thirds of mean gains."""
    return Exchange(world, sets, damped=True)


#: Of a training whose exchanges are such.
DAMPED = ("engine.rank_gains=damped", "algorithm.weighting=linear")


def train_ranks(size, iterations, each, *overrides, before=None, rescale=True, exchange=Exchange):
    """Train Leduc on so many ranks, which exchange after ``each`` iterations of a rank.

    ``before`` is the table and the ranges that an earlier part of the run has left.
    """
    settled, game = settings(*overrides)
    settled = with_ranks(settled, size)
    rows, completed = (None, ()) if before is None else before

    def work(world):
        world.call = lambda _meeting: None  # all finish their leases, whoever is first
        views = private_views(game, 1)
        if rows is None:
            begin_rows(views, game)
        else:
            views.rows[:] = rows
        bounds = Bounds(target=iterations, completed=completed, window=64, seconds=0.0,
                        exchange_seconds=1e9)  # fmt: skip
        sets = row_sets(views.tree, views.deals.bucket_count)
        meetings = Meetings(world, _with_fixed_leases(exchange(world, sets), each), bounds)
        if rescale:
            meetings.take_share(views.table, resumed=rows is not None)
        elif world.rank > 0:
            meetings._exchange.drop_sums(views.table)
        with open_engine(settled.engine, views, in_process=True) as engine:
            follow(settled, views, engine, meetings, StopSignals())
            done = engine.stats().iterations
        if world.rank == 0:
            meetings.make_whole(views.table)
        return Trained(views, meetings, done, world)

    return run_ranks(size, work)


def exploitability(trained, *overrides):
    """Return the exploitability of rank 0's average strategy, chips."""
    game = settings(*overrides)[1]
    return evaluate(game, Strategy.from_table(game, trained[0].views.table)).exploitability
