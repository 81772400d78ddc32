"""Write a hold'em blueprint to parquet, some nodes at a time, whatever the table's size.

Two walks. The first goes down the tree, depth first, as the table's rows lie: it reads them, writes
the nodes and their chips, and lays reach, weight and strategy of every row aside in a temporary
file, where the second finds them. The second writes the lines in the order of streets, nodes and
buckets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import CfrShmError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.public_lines import LinesAsked, move_text
from cfr_shm.kernels.holdem.tree_chips import (
    CHIPS_CALL_TOTAL,
    CHIPS_POT,
    CHIPS_SEATS,
    CHIPS_TO_CALL,
    first_chips,
    tree_chips,
)
from cfr_shm.layout.betting import CALL, FOLD, betting_words
from cfr_shm.layout.tree import DECISION
from cfr_shm.machine import paged_arrays
from cfr_shm.machine.freed import give_back_freed, let_code_go
from cfr_shm.strategy.arrow_arrays import arrow_array, arrow_lists
from cfr_shm.strategy.classes import bucket_classes
from cfr_shm.strategy.flat import ranges, starts
from cfr_shm.strategy.origin import Origin, origin_texts
from cfr_shm.strategy.parquet_file import (
    Lines,
    Texts,
    in_groups,
    nodes_path,
    nodes_schema,
    parquet_writer,
    require_pyarrow,
    strategy_schema,
    write_group,
)
from cfr_shm.strategy.public import holdem_parts
from cfr_shm.strategy.reach import SampledReach
from cfr_shm.strategy.row_sums import NodeRows, RowSums, averages_of, visits_of

#: Lines that are made at a time: with all that is needed for it about 5 MB.
BATCH_LINES = 1 << 14

#: Lines of a row group, made ready together: 54 bytes each, and as many again to encode them.
#: What is told of each group waits in memory to the end: with groups of half or twice as many lines
#: a table of 2.2 GB took 10 to 40 MB more.
GROUP_LINES = 1 << 17

#: Nodes among which those of a street are looked for at a time: 3 MB of the tree.
_NODES_SOUGHT = 1 << 16

#: Parts of the walk down the tree after which what it has read of the tree is let go.
_PARTS_KEPT = 64


def export_parquet(
    game: Game, sums: RowSums, path: Path, origin: Origin, progress: Progress | None = None
) -> None:
    """Write a blueprint to ``path``, and its tree beside it (``nodes_path``).

    One line for each action of each infoset: ``node`` (its number in the tree), ``line``,
    ``street`` (0 preflop to 3 river), ``seat``, ``bucket``, ``hand`` (its class, where the bucket
    has no other), ``action`` as in lines, ``amount`` (chips that the seat has bet on the street
    after a call, bet or raise), ``probability``, ``ev`` (none is known), ``reach`` and ``visits``
    as ``export_npz`` says. Where training never came the probability is null.

    Args:
        game: hold'em, with its betting tree.
        sums: its table.
        path: the file.
        origin: told in the metadata.
        progress: told how far it is.

    Raises:
        UsageError: a file cannot be written to, or pyarrow is not installed.
        CfrShmError: writing failed.
    """
    _give_back()
    about = origin_texts(game, origin)
    with tempfile.TemporaryFile(dir=path.parent) as aside:
        walk = _Walk(game, sums, aside, progress or Progress())
        with parquet_writer(nodes_path(path), nodes_schema(), about) as writer:
            deal_count = walk.write_nodes(writer)
        about["reach_deals"] = str(deal_count)
        with parquet_writer(path, strategy_schema(), about) as writer:
            for group in in_groups(walk.batches(origin.mean_iteration_weight), GROUP_LINES):
                write_group(writer, group)
                give_back_freed()
    walk.progress.finish()


def _give_back() -> None:
    """Let go what building the game, loading kernels and former lines have left in memory."""
    give_back_freed()
    let_code_go("libllvmlite")


class _Batch(NamedTuple):
    """Decision nodes whose lines are written together."""

    node: NDArray[np.int64]
    buckets: NDArray[np.int64]
    actions: NDArray[np.int64]


class _Walk:
    """What both walks know: where a node's rows come among all, what its call is."""

    def __init__(self, game: Game, sums: RowSums, aside: Any, progress: Progress) -> None:
        self._game, self._sums, self._aside = game, sums, aside
        self.progress = progress
        self._betting, self._cards = holdem_parts(game)
        self._nodes = game.tree.nodes
        self._lines_of = LinesAsked(self._betting, game.big_blind)
        # Of decision nodes, by their number in the tree.
        self._first_byte = paged_arrays.zeros(len(self._nodes), np.int64)
        self._call_total = paged_arrays.zeros(len(self._nodes), np.int64)
        self._classes = bucket_classes(game)
        self._find_places()

    def _parts(self) -> Iterator[NDArray[np.int64]]:
        """Yield the decision nodes in the order of streets and numbers, some at a time."""
        for street in range(self._game.street_count):
            for first in range(0, len(self._nodes), _NODES_SOUGHT):
                part = self._nodes[first : first + _NODES_SOUGHT]
                chosen = (part["kind"] == DECISION) & (part["street"] == street)
                node = first + np.flatnonzero(chosen)
                if len(node):
                    yield node
                paged_arrays.let_go()

    def _buckets(self, node: NDArray[np.int64]) -> NDArray[np.int64]:
        records = self._nodes[node]
        found: NDArray[np.int64] = self._game.deals.bucket_count[
            records["actor"], records["street"]
        ]
        return found

    def _find_places(self) -> None:
        """Find out where each node's rows are laid aside, in the order of streets and nodes."""
        rows, done = 0, 0
        for node in self._parts():
            buckets = self._buckets(node)
            sizes = buckets * _row_bytes(self._nodes["count"][node].astype(np.int64))
            self._first_byte[node] = done + starts(sizes)
            done += int(sizes.sum())
            rows += int(buckets.sum())
        self._row_count = rows

    # --- down the tree -------------------------------------------------------------------

    def write_nodes(self, writer: Any) -> int:
        """Write all nodes; lay each row's reach aside. Return how many deals it is from."""
        self.progress.start("nodes and reach")
        reach, room = SampledReach(self._game), self._room()
        writer.write_batch(self._root_batch())
        written = 1
        for number, chosen in enumerate(reach.parts()):
            written += self._write_children(writer, chosen, room)
            for node, rows in zip(
                chosen.tolist(), averages_of(self._game, self._sums, chosen), strict=True
            ):
                self._lay_aside(node, reach.take(node, rows.probability), rows)
            if number == 0:
                _give_back()  # every kernel of this walk is loaded
            if number % _PARTS_KEPT == 0:
                paged_arrays.let_go()
            self.progress.update(written / len(self._nodes))
        _give_back()
        return reach.deal_count

    def _room(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return room for the path to a node and its states; no player decides more often."""
        depth = self._game.max_depth * self._game.player_count + 1
        words = betting_words(self._game.player_count)
        return np.full(depth, -1, np.int64), np.zeros((depth + 1, words), np.int64)

    def _root_batch(self) -> Any:
        state = np.zeros((1, betting_words(self._game.player_count)), np.int64)
        chips = np.zeros((1, CHIPS_SEATS + self._game.player_count), np.int64)
        first_chips(self._betting.rules, state, chips)
        self._call_total[0] = chips[0, CHIPS_CALL_TOTAL]
        return self._nodes_batch(np.zeros(1, np.int64), chips)

    def _write_children(
        self,
        writer: Any,
        chosen: NDArray[np.int64],
        room: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> int:
        """Write the children of some nodes that come one after another, depth first.

        Return how many they are.
        """
        records = self._nodes[chosen]
        child = ranges(records["first_child"].astype(np.int64), records["count"].astype(np.int64))
        chips = np.zeros((len(child), CHIPS_SEATS + self._game.player_count), np.int64)
        order = np.ascontiguousarray(chosen, np.int64)
        order.setflags(write=False)
        tree = (self._nodes, self._betting.move, self._betting.parent)
        tree_chips(self._betting.rules, tree, order, room, chips)
        self._call_total[child] = chips[:, CHIPS_CALL_TOTAL]
        writer.write_batch(self._nodes_batch(child, chips))
        return len(child)

    def _nodes_batch(self, node: NDArray[np.int64], chips: NDArray[np.int64]) -> Any:
        arrow = require_pyarrow()
        parent, to_call = self._betting.parent[node], chips[:, CHIPS_TO_CALL]
        columns = [
            arrow_array(arrow, node.astype(np.int32)),
            arrow_array(arrow, parent, parent < 0),
            arrow_array(arrow, chips[:, CHIPS_POT]),
            arrow_lists(arrow, self._betting.rules.stack - chips[:, CHIPS_SEATS:]),
            arrow_array(arrow, to_call, to_call < 0),
        ]
        return arrow.RecordBatch.from_arrays(columns, schema=nodes_schema())

    def _lay_aside(self, node: int, reach: NDArray[np.float64], rows: NodeRows) -> None:
        probability = rows.probability.astype("<f4")
        probability[rows.weight <= 0.0] = np.nan
        columns = (reach.astype("<f8"), rows.weight.astype("<f8"), probability)
        try:
            self._aside.seek(int(self._first_byte[node]))
            self._aside.write(b"".join(each.tobytes() for each in columns))
        except OSError as error:
            raise CfrShmError(f"a temporary file failed: {error.strerror or error}") from error

    def _laid_aside(self, batch: _Batch) -> list[NDArray[Any]]:
        """Return reach and weight of each row of a batch, and the probability of each line."""
        sizes = batch.buckets * _row_bytes(batch.actions)
        self._aside.seek(int(self._first_byte[batch.node[0]]))
        read, place = self._aside.read(int(sizes.sum())), 0
        found: tuple[list[NDArray[Any]], ...] = ([], [], [])
        for buckets, actions in zip(batch.buckets.tolist(), batch.actions.tolist(), strict=True):
            lengths = (("<f8", buckets), ("<f8", buckets), ("<f4", buckets * actions))
            for (kind, length), pieces in zip(lengths, found, strict=True):
                pieces.append(np.frombuffer(read, kind, length, place))
                place += pieces[-1].nbytes
        return [np.concatenate(pieces) for pieces in found]

    # --- street by street ----------------------------------------------------------------

    def batches(self, mean_iteration_weight: float) -> Iterator[Lines]:
        """Yield all lines, sorted, about ``BATCH_LINES`` at a time."""
        self.progress.start("lines")
        done = 0
        for nodes in self._parts():
            buckets, actions = self._buckets(nodes), self._nodes["count"][nodes].astype(np.int64)
            end = np.cumsum(buckets * actions)
            first = 0
            while first < len(nodes):
                reached = (end[first - 1] if first else 0) + BATCH_LINES
                last = max(first + 1, int(np.searchsorted(end, reached, side="right")))
                part = slice(first, last)
                batch = _Batch(nodes[part], buckets[part], actions[part])
                yield self._lines(batch, mean_iteration_weight)
                done += int(batch.buckets.sum())
                first = last
                self.progress.update(done / self._row_count)

    def _lines(self, batch: _Batch, mean_iteration_weight: float) -> Lines:
        reach, weight, probability = self._laid_aside(batch)
        node_of_row = np.repeat(np.arange(len(batch.node)), batch.buckets)
        actions_of_row = batch.actions[node_of_row]
        row = np.repeat(np.arange(len(weight)), actions_of_row)
        place = node_of_row[row]
        bucket = ranges(np.zeros(len(batch.node), np.int64), batch.buckets)[row]
        number = ranges(starts(batch.actions)[node_of_row], actions_of_row)
        action, amount = self._moves(batch)
        records = self._nodes[batch.node]
        street = self._betting.rules.real_street[records["street"]]
        return Lines(
            node=batch.node[place].astype(np.int32),
            line=Texts(place.astype(np.int32), [*map(self._lines_of.line, batch.node.tolist())]),
            street=street[place].astype(np.int8),
            seat=records["actor"][place].astype(np.int8),
            bucket=bucket.astype(np.int32),
            hand=self._hands(records, place, bucket),
            action=Texts(action.number[number], action.texts),
            amount=amount[number],
            probability=probability,
            reach=reach[row],
            visits=visits_of(weight, mean_iteration_weight)[row],
        )

    def _hands(self, records: Any, place: NDArray[np.int64], bucket: NDArray[np.int64]) -> Texts:
        """Return the class of each line's hands, where its bucket has one only."""
        numbers, texts = self._classes
        before = records["street"][place] == 0
        number = np.full(len(place), -1, np.int32)
        if len(texts):
            number[before] = numbers[records["actor"][place][before], bucket[before]]
        return Texts(number, texts)

    def _moves(self, batch: _Batch) -> tuple[Texts, NDArray[np.int64]]:
        """Return each action's name and amount, of all nodes of a batch in turn."""
        child = ranges(self._nodes["first_child"][batch.node].astype(np.int64), batch.actions)
        move = self._betting.move[child]
        owner = np.repeat(np.arange(len(batch.node)), batch.actions)
        facing = np.zeros(len(batch.node), bool)
        facing[owner[move == FOLD]] = True
        calls = facing[owner] & (move == CALL)
        total = self._call_total[batch.node[owner]]
        amount = np.where(calls, total, np.where(move > 0, move, -1))
        pairs, number = np.unique(
            np.stack([move, facing[owner]], axis=1), axis=0, return_inverse=True
        )
        texts = [move_text(int(each), bool(faced), self._game.big_blind) for each, faced in pairs]
        return Texts(number.reshape(-1).astype(np.int32), texts), amount


def _row_bytes(actions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bytes that a row takes where it is laid aside: reach, weight, probabilities."""
    return 16 + 4 * actions
