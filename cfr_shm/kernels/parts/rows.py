"""Where a row's sums and regrets are, in kernels: the formulas of ``layout.rows``, compiled.

Which layout a table has is told by the dtype of its sums, a constant of every compiled kernel:
a kernel for the wide layout has nothing of the compact one in it. So it is with the mode: the type
of a table's increments tells whether it is added to at once or at the border of a freeze.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import types

from cfr_shm.kernels.jit import at, device, intrinsic_twin
from cfr_shm.kernels.parts.atomics import atomic_add, prefetch
from cfr_shm.kernels.parts.rng import GOLDEN
from cfr_shm.layout import rows as layout_rows
from cfr_shm.layout.table import Increments, Table

first_free = device(layout_rows.first_free)
_first_sum = device(layout_rows.first_sum)
_first_regret = device(layout_rows.first_regret)
_first_regret_of = device(layout_rows.first_regret_of)
_entry_words = device(layout_rows.entry_words)

_INCREMENTS = Table._fields.index("increments")

#: Bits of a float64 mantissa that a float32 has not, and what a draw in [0, 1) is a multiple of.
_DROPPED = np.uint64((1 << 29) - 1)
_KEPT = np.uint64(~((1 << 29) - 1) & (1 << 64) - 1)
_DRAW_STEPS = 2.0**53


def _plain_is_compact(strategy_sum):  # type: ignore[no-untyped-def]
    return strategy_sum.dtype == np.float32


@intrinsic_twin(_plain_is_compact)
def is_compact(typing_context, strategy_sum):  # type: ignore[no-untyped-def]
    """Tell whether sums are float32; a constant."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return context.get_constant(types.boolean, strategy_sum.dtype == types.float32)

    return types.boolean(strategy_sum), codegen


def _plain_is_frozen(table):  # type: ignore[no-untyped-def]
    return isinstance(table.increments, Increments)


@intrinsic_twin(_plain_is_frozen)
def is_frozen(typing_context, table):  # type: ignore[no-untyped-def]
    """Tell whether what is added to a table waits for the border of a freeze; a constant."""
    frozen = table.types[_INCREMENTS].instance_class is Increments

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return context.get_constant(types.boolean, frozen)

    return types.boolean(table), codegen


def _plain_round_to_single(value, bits):  # type: ignore[no-untyped-def]
    pattern = np.float64(value).view(np.uint64)
    return ((pattern + (np.uint64(bits) & _DROPPED)) & _KEPT).view(np.float64)


@intrinsic_twin(_plain_round_to_single)
def round_to_single(typing_context, value, bits):  # type: ignore[no-untyped-def]
    """Round a float64, 0 or more, to one that a float32 holds: up or down, right on average.

    The last 29 of ``bits`` decide; if all are equally likely, the expectation of the result is
    ``value``. Below 1e-38 a float32 has fewer bits, and is rounded once more.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        word, double = ir.IntType(64), ir.DoubleType()
        pattern = builder.bitcast(args[0], word)
        pattern = builder.add(pattern, builder.and_(args[1], word(int(_DROPPED))))
        return builder.bitcast(builder.and_(pattern, word(int(_KEPT))), double)

    return types.float64(types.float64, types.uint64), codegen


@device
def row_of(record, bucket):
    """Return one bucket's row of a decision node: its first entry."""
    return record["row_base"] + np.int64(bucket) * np.int64(record["row_stride"])


@device
def rows_at(record, bucket_count):
    """Return how many rows a decision node has, where players have (players, streets) buckets."""
    buckets = bucket_count[at(record["actor"]), at(record["street"])]
    return buckets if record["row_stride"] > 0 else np.int64(1)


@device
def sum_index(strategy_sum, row, count):
    """Return the index of a row's first strategy sum."""
    return _first_sum(row, count, is_compact(strategy_sum))


@device
def regret_index(strategy_sum, row, count):
    """Return the index of a row's first regret, in the table that ``strategy_sum`` is of."""
    return _first_regret(row, count, is_compact(strategy_sum))


@device
def regret_index_of(strategy_sum, record, bucket, count):
    """Return the index of the first regret of one bucket's row of a node."""
    base, stride = record["row_base"], np.int64(record["row_stride"])
    return _first_regret_of(base, stride, bucket, count, is_compact(strategy_sum))


@device
def prefetch_row(table, row, count):
    """Ask for a row, first and last word: it may span two lines."""
    words = _entry_words(is_compact(table.strategy_sum))
    prefetch(table.regret, words * row)
    prefetch(table.regret, words * (row + count) - 1)


@device
def prefetch_regrets(table, row, count):
    """Ask for a row's regrets, the first and the last."""
    first = regret_index(table.strategy_sum, row, count)
    prefetch(table.regret, first)
    prefetch(table.regret, first + count - 1)


@device
def rounding_bits(unit, action):
    """Return the bits by which an entry's sum is rounded, from a draw in [0, 1) of its infoset.

    What the draw decides, it decides by its first bits; these are the last ones. The entries of
    a row get the same bits, changed by the action: each alone is as random.
    """
    return np.uint64(unit * _DRAW_STEPS) ^ (np.uint64(action) + np.uint64(1)) * GOLDEN


@device
def add_to_sum(strategy_sum, index, weight, bits, atomic):
    """Add to one float32 sum what it has to grow by on average, as ``bits`` decide.

    Plain float32 adds stall: 1.0 added to 2**24 is nothing. Atomically the difference between two
    float32 is added, which is itself one, or, where the sum more than doubles, rounded by less
    than what one visit counts for.
    """
    old = np.float64(strategy_sum[at(index)])
    new = round_to_single(old + weight, bits)
    if atomic:
        atomic_add(strategy_sum, index, np.float32(new - old))
    else:
        strategy_sum[at(index)] = np.float32(new)
