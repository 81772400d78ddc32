"""How a sweep is shared out: everything once, subtrees whole, nobody with much more than others."""

from __future__ import annotations

import numpy as np
import pytest
from history_kuhn import history_kuhn

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.trees.sweep_shares import share_of, sweep_nanoseconds
from cfr_shm.games.trees.vector_form import vector_game
from cfr_shm.kernels.parts.barrier import meeting_of
from cfr_shm.layout.tree import CHANCE, DECISION

GAMES = {
    "kuhn": kuhn(),
    "kuhn of histories": history_kuhn(),
    "leduc, 3 players": leduc(3),
    "liar's dice": liars_dice(sides=4),
    "goofspiel": goofspiel(cards=4),
}


def shares_of(game, workers):
    form = vector_game(game.tree, game.deals, game.table_entries).form
    shares = [
        share_of(game.tree, form, meeting_of(worker, workers, 1)) for worker in range(workers)
    ]
    return form, shares


@pytest.mark.parametrize("workers", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_every_node_and_row_is_in_one_share(game, workers):
    form, shares = shares_of(game, workers)
    for share in shares:
        assert np.array_equal(share.trunk, shares[0].trunk)
        for part in (share.nodes, share.trunk, share.rows):
            assert (np.diff(part) > 0).all()
        for player in range(game.player_count):
            part = share.rows[share.row_first[player] : share.row_first[player + 1]]
            assert (form.shared_first[player] <= part).all()
            assert (part < form.shared_first[player + 1]).all()
    nodes = np.concatenate([shares[0].trunk, *(share.nodes for share in shares)])
    assert np.array_equal(np.sort(nodes), np.arange(len(game.tree.nodes)))
    rows = np.concatenate([share.rows for share in shares])
    assert np.array_equal(np.sort(rows), np.arange(len(form.shared_rows)))


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_what_is_below_a_worker_s_node_is_the_worker_s(game):
    form, shares = shares_of(game, 3)
    owner = np.full(len(game.tree.nodes), -1)
    for worker, share in enumerate(shares):
        owner[share.nodes] = worker
    for node in np.flatnonzero(owner >= 0):
        record = game.tree.nodes[node]
        if record["kind"] in (DECISION, CHANCE):
            first = record["first_child"]
            assert (owner[first : first + record["count"]] == owner[node]).all()
    # Worker 0 settles the trunk's rows, because nobody else knows when it has walked the trunk.
    of_trunk = {
        int(row)
        for row in range(len(form.shared_rows))
        for node in form.use_node[form.use_first[row] : form.use_first[row + 1]]
        if owner[node] == -1
    }
    assert of_trunk <= set(shares[0].rows.tolist())


@pytest.mark.parametrize("name", ["liar's dice", "goofspiel", "leduc, 3 players"])
def test_shares_are_about_even(name):
    _, shares = shares_of(GAMES[name], 4)
    sizes = [len(share.nodes) for share in shares]
    assert max(sizes) < 1.1 * min(sizes)
    assert len(shares[0].trunk) < 0.2 * sum(sizes)


def test_alone_a_worker_has_no_trunk():
    _, (share,) = shares_of(leduc(), 1)
    assert not len(share.trunk)


def test_a_row_s_uses_are_all_listed_last_nodes_first():
    game = history_kuhn()
    form, _ = shares_of(game, 1)
    uses = {row: [] for row in form.shared_rows[:, 0].tolist()}
    for node in reversed(range(len(game.tree.nodes))):
        if game.tree.nodes["kind"][node] == DECISION:
            uses[int(game.tree.nodes["row_base"][node])].append(node)
    for number, (row, count) in enumerate(form.shared_rows.tolist()):
        first, end = form.use_first[number : number + 2]
        assert form.use_node[first:end].tolist() == uses[row]
        assert (game.tree.nodes["count"][uses[row]] == count).all()
        assert not form.use_class[first:end].any()


def test_larger_games_are_known_to_take_longer():
    times = [sweep_nanoseconds(game.tree, game.deals) for game in (kuhn(), leduc(), leduc(3))]
    assert times == sorted(times)
    assert times[-1] > 20 * times[0]
