"""The memory formats that every room shares: dtypes, sentinels and NamedTuples of arrays.

Nothing here computes. A ``Tree`` is a public tree; private information enters through
*buckets*, so that the infoset of a decision node is one address::

    row = node.row_base + bucket[actor, street] * node.row_stride

It counts entries from the table's start; what lies where in a row, ``layout_rows`` alone knows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout_cards import CardDeals
from cfr_shm.layout_exchange import NO_EXCHANGE, Exchange
from cfr_shm.layout_rows import WORD_BYTES, first_regret, first_sum

# --- nodes -------------------------------------------------------------------------------

DECISION = 0
CHANCE = 1
TERMINAL = 2
SHOWDOWN = 3
MATCHUP = 4

#: One public node, 32 bytes, two to a cache line. Children are contiguous from
#: ``first_child``. ``payoff`` is a row of ``Tree.utility``: the net utilities of a terminal
#: node, or of a showdown in which the player wins no pot, or the first row of a matchup, whose
#: row is ``payoff`` plus the strengths of all players. ``detail`` is the first pot of a
#: showdown, the first outcome of a chance node, or the number of rows of a matchup. ``count``
#: is the number of children, or of pots for a showdown. ``deciders`` has bit p
#: set where player p decides at the node or below it. Every field that does not apply is 0.
NODE_DTYPE = np.dtype(
    [
        ("row_base", np.int64),
        ("row_stride", np.int32),
        ("first_child", np.int32),
        ("payoff", np.int32),
        ("detail", np.int32),
        ("count", np.int16),
        ("kind", np.uint8),
        ("actor", np.uint8),
        ("street", np.uint8),
        ("reserved", np.uint8),
        ("deciders", np.uint16),
    ]
)


class Tree(NamedTuple):
    """A public tree as flat, read-only arrays. Parents come before children; the root is 0."""

    nodes: NDArray[Any]  # (nodes,) NODE_DTYPE
    utility: NDArray[np.float64]  # (payoffs, players), chips
    pot_amount: NDArray[np.float64]  # (pots,), chips
    pot_players: NDArray[np.int64]  # (pots,), bit p set: player p may win this pot
    outcome_cumulative: NDArray[np.float64]  # (outcomes,), ends at 1.0 for each chance node


# --- deals -------------------------------------------------------------------------------

DEALS_TABLE = 0
DEALS_UNIFORM = 1
DEALS_HOLDEM = 2


class Deals(NamedTuple):
    """What chance deals before a traversal: a bucket per player and street, a final strength.

    ``kind`` DEALS_TABLE: every deal is listed and drawn by its probability (alias method).
    ``kind`` DEALS_UNIFORM: buckets are drawn uniformly below ``bucket_count``, strengths are
    the last street's bucket; there is nothing to enumerate and the table arrays have one row.
    ``kind`` DEALS_HOLDEM: cards are drawn, buckets and strengths follow from them by ``cards``.
    """

    kind: int
    probability: NDArray[np.float64]  # (deals,), sums to 1
    alias_threshold: NDArray[np.float64]  # (deals,), in [0, 1]
    alias_other: NDArray[np.int32]  # (deals,)
    bucket: NDArray[np.int32]  # (deals, players, streets)
    strength: NDArray[np.int32]  # (deals, players), higher wins; in a matchup they are added
    bucket_count: NDArray[np.int64]  # (players, streets)
    cards: CardDeals  # DEALS_HOLDEM only


# --- betting -----------------------------------------------------------------------------

NO_LIMIT = 0
POT_LIMIT = 1
FIXED_LIMIT = 2

#: Stands for no cap on raises.
NO_RAISE_CAP = 1 << 30


class BettingRules(NamedTuple):
    """Who may put in how many chips: hold'em betting for one hand, see docs/hold_em.md.

    Seats are numbered by position after the button: with three and more players seat 0 has the
    small blind and the last seat the button; heads-up seat 0 has both. The smallest chip is 1.
    """

    stack: NDArray[np.int64]  # (players,), before antes and blinds
    blind: NDArray[np.int64]  # (players,), straddles too
    ante: NDArray[np.int64]  # (players,)
    first_actor: NDArray[np.int64]  # (streets,), the seat asked first unless it cannot act
    bet_size: NDArray[np.int64]  # (streets,), a fixed-limit bet; otherwise the smallest one
    max_raises: NDArray[np.int64]  # (streets,), bets and raises by all; NO_RAISE_CAP if many
    limit: int  # NO_LIMIT, POT_LIMIT or FIXED_LIMIT
    dead_antes: int  # 1: antes go to the main pot whole; 0: short antes make side pots
    dead: int  # chips in the main pot that nobody at the table put in
    rake_fraction: float  # of all pots of a hand together, rounded down to whole chips
    rake_cap: int  # chips
    rake_from_street: int  # 0: always; 1: no flop, no drop
    players: int
    streets: int


FOLD = -1
CALL = 0

PLAYING = 0
FOLDED_OUT = 1
AT_SHOWDOWN = 2

#: The words of a hand's state before those of the seats. Masks have bit s for seat s.
#: BET_RAISE is the largest bet or raise of this street, BET_SHORT the sum of the all-in raises
#: that were, together, not yet a full one. BET_STREET stays the last street that was bet on.
(
    BET_STREET,
    BET_STATUS,
    BET_ACTOR,  # -1 when the hand is over
    BET_HIGHEST,  # street bet to match
    BET_RAISE,
    BET_SHORT,
    BET_RAISES,  # bets and raises on this street
    BET_POT,  # all chips put in by now, dead ones too
    BET_FOLDED,  # mask
    BET_ALL_IN,  # mask
    BET_TO_ACT,  # mask, the actor included
    BET_ACTED,  # mask, since the last full bet or raise of this street
) = range(12)
#: Two words per seat follow: the street's bet of each seat, then all it has put in, antes too.
BET_SEATS = 12


def betting_words(players: int) -> int:
    """Return the length of one hand's betting state in int64 words."""
    return BET_SEATS + 2 * players


# --- tables ------------------------------------------------------------------------------

#: Words of increments for each entry of the table.
BLOCK_WORDS = 3


class Increments(NamedTuple):
    """What a freeze adds to the table, in units: whole numbers, whose sums have no order.

    Row ``r`` with ``n`` actions has a block from word ``BLOCK_WORDS * r`` on: ``n`` units of its
    strategy sums, ``n`` float32 regrets as the table has them, padded to a whole word, ``n``
    units of its regrets (``kernels.increments``).
    """

    units: NDArray[np.int64]  # (3 * entries,), one worker's own or everybody's
    regret: NDArray[np.float32]  # ``units``, as regrets
    per_weight: float  # units for each 1.0 of strategy weight, a power of 2
    per_chip: float  # units for each chip of regret, a power of 2
    per_utility: float  # units for each chip of utility, a power of 2


NO_INCREMENTS = Increments(np.zeros(0, np.int64), np.zeros(0, np.float32), 1.0, 1.0, 1.0)


class Table(NamedTuple):
    """Two typed views of the same rows, and what a freeze or other workers add to them."""

    strategy_sum: NDArray[Any]  # float64, or float32 if compact; weighted policy sums
    regret: NDArray[np.float32]  # the same memory; cumulative, chips
    increments: Increments = NO_INCREMENTS
    exchange: Exchange = NO_EXCHANGE

    @property
    def compact(self) -> bool:
        """Whether the table has the compact layout."""
        return bool(self.strategy_sum.dtype == np.float32)

    def sums_of(self, row: int, count: int) -> NDArray[Any]:
        """Return a view of one row's strategy sums, (count,)."""
        return self.strategy_sum[first_sum(row, count, self.compact) :][:count]

    def regrets_of(self, row: int, count: int) -> NDArray[np.float32]:
        """Return a view of one row's regrets, (count,)."""
        return self.regret[first_regret(row, count, self.compact) :][:count]


# --- control block -----------------------------------------------------------------------

CACHE_LINE_BYTES = 64
CONTROL_LINE_WORDS = CACHE_LINE_BYTES // WORD_BYTES

#: Line 0 of the control block holds the stop flag; line 1 + w belongs to worker w. The lines of
#: the barrier follow: one with its phase, then one for each worker.
STOP_FLAG = 0
RUN = 0
STOP_AT_WINDOW = 1
STOP_NOW = 2

WORKER_ITERATIONS = 0
WORKER_NODES = 1
WORKER_HEARTBEAT = 2


BARRIER_PHASE = 0
BARRIER_VERDICT = 1

MEMBER_PHASE = 0
MEMBER_ASLEEP = 1
MEMBER_SPINS = 2


class Meeting(NamedTuple):
    """Who meets at the barrier, for ``kernels.barrier``. Plain Python ints."""

    barrier: int  # first word of the barrier's lines in the control block
    participants: int  # workers 0 to participants - 1 take part
    member: int  # which of them this one is
    spins: int  # most looks at a word before a participant sleeps; 0 where cores are fewer


def barrier_word(worker_count: int) -> int:
    """Return the first word of the barrier's lines in a control block."""
    return (1 + worker_count) * CONTROL_LINE_WORDS


def control_words(worker_count: int) -> int:
    """Return the length of a control block in int64 words."""
    return barrier_word(worker_count) + (1 + worker_count) * CONTROL_LINE_WORDS


def worker_line(worker: int) -> int:
    """Return the first word of a worker's line in the control block."""
    return (1 + worker) * CONTROL_LINE_WORDS


# --- tasks -------------------------------------------------------------------------------

UPDATE_PLAIN = 0
UPDATE_ATOMIC = 1

WEIGHT_VANILLA = 0
WEIGHT_LINEAR = 1


#: Where external sampling takes averages: in its sweeps at the others' nodes, not at all (in
#: passes that somebody else makes), or on paths that follow the sweeps.
AVERAGE_ON_THE_WAY = 0
AVERAGE_APART = 1
AVERAGE_ON_PATHS = 2

NEVER = -np.inf


class Task(NamedTuple):
    """What a traversal kernel is asked to do. Plain Python ints below 2**63, and floats."""

    seed: int
    first_iteration: int  # 0-based, a multiple of drain_window
    iteration_count: int
    drain_window: int  # the interleaving is drained at multiples of it
    weighting: int  # WEIGHT_VANILLA or WEIGHT_LINEAR
    update: int  # UPDATE_PLAIN or UPDATE_ATOMIC
    worker_line: int  # first word of this worker's line in the control block
    regret_floor: float = NEVER  # regrets never fall below it, chips
    prune_threshold: float = NEVER  # actions with smaller regrets may be skipped, chips
    prune_probability: float = 0.0  # that an iteration skips them
    prune_after: int = 0  # iterations before the first that may skip
    average_probability: float = 1.0  # that passes for the average follow an iteration


# --- freezes -----------------------------------------------------------------------------

#: The shared words of freezes: line 0, then for each worker its lines, see ``freeze_words``.
#: A worker's STEP is 2 * number while it adds to the increments of freeze ``number``, and
#: 2 * number + 1 while it applies them; FIRST and END are that freeze's iterations.
FREEZE_CLAIMED = 0  # line 0: the next iteration that nobody has claimed

FREEZE_STEP = 0
FREEZE_FIRST = 1
FREEZE_END = 2
FREEZE_CLAMPED = 3  # regrets that were put back to a limit, since the beginning
COUNTING_CLAMPED = 4  # the same with the one below
COUNTING_CELL = 5  # 1 + the cell of units whose limit is just being counted, 0 for none
FREEZE_LINE_WORDS = 8

#: What a worker has done in all freezes before number n stands in totals ``n & 1``; totals
#: TOTALS_OF_TASK hold what it has done in the freezes of its task.
TOTALS_OF_TASK = 2
TOTAL_ITERATIONS = 0
TOTAL_NODES = 1
TOTAL_UTILITY = 2

RUN_BASE, RUN_STRIDE, RUN_COUNT, RUN_ROWS = range(4)
RUN_WORDS = 4


class FreezeLines(NamedTuple):
    """Where a worker's words are: offsets from the first of its lines."""

    totals: int  # 3 x ``total_words``: iterations, nodes, each player's utility in units
    total_words: int
    words: int  # of one worker, whole cache lines


def freeze_lines(player_count: int) -> FreezeLines:
    """Return how a worker's words of the freezes are laid out."""
    total_words = TOTAL_UTILITY + player_count
    words = FREEZE_LINE_WORDS + 3 * total_words
    return FreezeLines(FREEZE_LINE_WORDS, total_words, -(-words // 8) * 8)


class Border(NamedTuple):
    """What the workers need to end a freeze together: all of it is shared, but for the ints."""

    units: NDArray[np.int64]  # (copies, 3 * entries), as ``Increments.units``; copies are added up
    unit_sum: NDArray[np.float64]  # ``units``, as strategy sums
    unit_regret: NDArray[np.float32]  # ``units``, as regrets
    run: NDArray[np.int64]  # (runs, RUN_WORDS), read-only: base, stride, actions and number of rows
    line: NDArray[np.int64]  # (CONTROL_LINE_WORDS + workers * lines.words,)
    lines: FreezeLines
    meeting: Meeting
    own: int  # first of this worker's words in ``line``
    freeze: int  # iterations
    weighting: int  # of iterations, WEIGHT_VANILLA or WEIGHT_LINEAR
    floor: float  # regrets never fall below it
    share_shift: int  # a worker applies every n-th 2 ** share_shift entries


class Scratch(NamedTuple):
    """Memory that one worker's traversal kernel owns.

    A *lane* holds one traversal in flight: what it needs to go on after others had their turn,
    and ``depth`` frames of explicit stack: one per traverser node on the path and one more to
    work in. Frame ``f`` of lane ``l`` is row ``l * depth + f`` of the ``frame_*`` arrays. The
    ``deal_*`` arrays hold the hold'em deals of ``DEALS_READY`` iterations in a row.
    """

    lane_state: NDArray[np.int64]  # (lanes, LANE_WORDS)
    lane_bucket: NDArray[np.int32]  # (lanes, players, streets)
    lane_strength: NDArray[np.int32]  # (lanes, players)
    frame_state: NDArray[np.int64]  # (lanes * depth, FRAME_WORDS)
    frame_policy: NDArray[np.float64]  # (lanes * depth, actions)
    frame_value: NDArray[np.float64]  # (lanes * depth, actions), chips
    deal_cards: NDArray[np.int64]  # (deals, 5 + 2 * players), board, then hole cards by player
    deal_board: NDArray[np.int64]  # (deals, 4), board codes by street of the cards
    deal_number: NDArray[np.int64]  # (deals, players, streets), hand numbers
    deal_strength: NDArray[np.int64]  # (deals, players)
    deal_ready: NDArray[np.int64]  # (2,), seed and first iteration of what the deal_* arrays hold


class Exploration(NamedTuple):
    """How outcome sampling explores, and memory for everybody's reach on the line."""

    first: NDArray[np.int64]  # (steps,), ascending from 0: iterations from which epsilon holds
    epsilon: NDArray[np.float64]  # (steps,), in (0, 1]
    reach: NDArray[np.float64]  # (players,), scratch
    largest_share: float  # a weight in the average is cut at it: three and more players only


LANE_ITERATION, LANE_TRAVERSER, LANE_NODE, LANE_DEPTH, LANE_KEY = range(5)
LANE_WORDS = 8
FRAME_ROW, FRAME_FIRST_CHILD, FRAME_ACTION, FRAME_COUNT = range(4)
#: External sampling keeps where the row's first regret is in place of the row.
FRAME_REGRETS = FRAME_ROW
FRAME_WORDS = 4

#: What a traversal kernel reports, (RESULT_WORDS + players,) float64: iterations and nodes
#: done, the strategy weight added, then each player's summed sampled utility.
RESULT_ITERATIONS = 0
RESULT_NODES = 1
RESULT_WEIGHT = 2
RESULT_UTILITY = 3


# --- vector form -------------------------------------------------------------------------

#: What the vector algorithms know of one tree node beyond NODE_DTYPE. ``value`` is where the
#: node's values begin, one per class of the traverser on street ``above`` (its parent's);
#: ``scale`` is the product of the in-tree chance probabilities on the way (1 in public trees);
#: ``exclusive`` is 1 when no other node and no two classes use the node's rows.
VECTOR_NODE_DTYPE = np.dtype(
    [
        ("value", np.int64),
        ("scale", np.float64),
        ("street", np.uint8),
        ("above", np.uint8),
        ("exclusive", np.uint8),
        ("reserved", np.uint8, (5,)),
    ]
)


class VectorForm(NamedTuple):
    """A game for algorithms that take all deals at once; all arrays are read-only.

    A *class* is what a player has seen: the tuple of buckets up to a street. Classes are
    numbered from 0 for each (player, street); element ``class_first[player, street] + class``
    of the ``class_*`` arrays is about it. A *joint* is a combination of one class per player
    that can be dealt; each player has a list of them, ordered by the player's own class.
    """

    nodes: NDArray[Any]  # (nodes,) VECTOR_NODE_DTYPE
    reach: NDArray[np.int64]  # (nodes, players), where the reach by a player's own moves begins
    payoff_first: NDArray[np.int64]  # (nodes, players), leaves: offset to ``payoff``, by joint
    class_first: NDArray[np.int64]  # (players, streets)
    class_count: NDArray[np.int64]  # (players, streets)
    class_bucket: NDArray[np.int32]  # (classes,)
    class_above: NDArray[np.int32]  # (classes,), the class on the street before
    class_probability: NDArray[np.float64]  # (classes,), sums to 1 for each (player, street)
    joint_first: NDArray[np.int64]  # (classes,), index from 0 for each (player, street)
    joint_count: NDArray[np.int64]  # (classes,)
    joint_class: NDArray[np.int32]  # (joints of all players and streets, players)
    joint_base: NDArray[np.int64]  # (players, streets), offset to ``joint_class``
    payoff: NDArray[np.float64]  # chips times probability of the joint
    shared_first: NDArray[np.int64]  # (players + 1,), each player's part of ``shared_rows``
    shared_rows: NDArray[np.int64]  # (rows, 2), first entry and actions of rows not exclusive
    use_first: NDArray[np.int64]  # (rows + 1,), each shared row's part of ``use_node``
    use_node: NDArray[np.int32]  # (uses,), a node that uses the row, last nodes first
    use_class: NDArray[np.int32]  # (uses,), the class that uses it there


class PublicStates(NamedTuple):
    """What everybody knows of a deal, by street: the smallest sets of deals closed under doubt.

    Public states are numbered on through all streets; their classes are contiguous.
    """

    of_deal: NDArray[np.int64]  # (streets, deals)
    probability: NDArray[np.float64]  # (states,), sums to 1 for each street
    class_begin: NDArray[np.int64]  # (states, players), first class, from 0 for each street
    class_end: NDArray[np.int64]  # (states, players)


class VectorScratch(NamedTuple):
    """Memory of one vector traversal, and which classes it is about."""

    policy: NDArray[np.float64]  # (entries,), each row sums to 1
    reach: NDArray[np.float64]  # as ``VectorForm.reach`` says
    value: NDArray[np.float64]  # as ``VectorForm.nodes`` says, chips
    own_street: NDArray[np.float64]  # (most classes,), one node's values on its own street
    begin: NDArray[np.int64]  # (players, streets), first class that takes part
    end: NDArray[np.int64]  # (players, streets)
    leaf_scale: NDArray[np.float64]  # (streets,), 1 / probability of what was sampled


class FullWidthState(NamedTuple):
    """What a full-width algorithm keeps beside the strategy sums.

    ``regret`` is addressed as these are; it and the policy in the scratch memory are carried
    from iteration to iteration.
    """

    regret: NDArray[np.float64]  # (entries,), cumulative, chips
    instant: NDArray[np.float64]  # (most actions,), one row's instant regrets, scratch


class SweepShare(NamedTuple):
    """The part of every sweep that one worker does, and how it meets the others.

    Every node is in the subtrees of one worker or in the *trunk* above them, which worker 0
    walks; every shared row is one worker's.
    """

    nodes: NDArray[np.int32]  # (own,), ascending, whole subtrees
    trunk: NDArray[np.int32]  # (trunk,), ascending, the same for all workers
    row_first: NDArray[np.int64]  # (players + 1,), each player's part of ``rows``
    rows: NDArray[np.int64]  # (own rows,), indices to ``VectorForm.shared_rows``
    meeting: Meeting


class FullWidthRule(NamedTuple):
    """How regrets and averages are weighted; see docs/algorithms.md.

    With t counting iterations from 1: the old regrets are multiplied by
    ``s(t - 1, exponent)``, ``s(t, e) = t**e / (t**e + offset)``, or left alone where the
    exponent is NaN; then the instant regrets are added; the average gets the policy
    ``t ** average`` times.
    """

    keep_positive: float  # exponent e for positive regrets, NaN: keep all
    keep_negative: float  # exponent e for negative regrets, NaN: keep all
    offset: float
    average: float
    floored: int  # 1: regrets are never negative
    predicts: int  # 1: the next instant regrets are guessed to be the last
