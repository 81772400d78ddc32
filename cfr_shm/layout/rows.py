"""Where the entries of a row lie in the table: the one place that knows.

An infoset's *row* is the number of its first entry, counted from the start of the table; an
*entry* is one action of one infoset. What is kept per entry beside the table (policies, averages,
increments, an algorithm's own state) is indexed by ``row + action`` alone. The table itself holds
an average-strategy sum and a regret for each entry, and a row's entries side by side: one cache
miss brings both (apart they cost two). There are two layouts:

- *Wide*: float64 sums, float32 regrets, 12 bytes per entry. A row begins at the 4-byte word
  ``3 * row``. Sums have to be aligned to 8 bytes: where ``row`` is even they come first, where it
  is odd the regrets do. That is enough if rows with an even number of actions begin at even
  entries (``first_free``), which wastes at most one entry per node.
- *Compact*: float32 sums and float32 regrets, 8 bytes per entry, the sums first.

Everything here works on ints and on NumPy arrays of them; ``kernels.parts.rows`` compiles it. Where
odd rows differ the formulas have masks, ``-(row & 1) & n``: products and conditions take longer.
"""

from __future__ import annotations

from typing import Any

WORD_BYTES = 8

#: Tables end with a whole cache line, and so do the arrays per entry that follow them.
ENTRIES_OF_LINES = 16


def first_sum(row: Any, count: Any, compact: bool) -> Any:
    """Return the index of a row's first strategy sum, of float64, or of float32 if compact.

    >>> first_sum(4, 3, False), first_sum(7, 3, False)
    (6, 12)
    """
    return 2 * row if compact else (3 * row + (-(row & 1) & count)) >> 1


def first_regret(row: Any, count: Any, compact: bool) -> Any:
    """Return the index of a row's first regret, of float32.

    >>> first_regret(4, 3, False), first_regret(7, 3, False)
    (18, 21)
    """
    return 2 * row + count if compact else 3 * row + 2 * count - (-(row & 1) & 2 * count)


def first_regret_of(base: Any, stride: Any, bucket: Any, count: Any, compact: bool) -> Any:
    """Return what ``first_regret`` says of row ``base + bucket * stride``, sooner.

    Whether the row is odd is found out while the product is: traversals wait for this.

    >>> first_regret_of(1, 3, 2, 3, False) == first_regret(7, 3, False) == 21
    True
    """
    if compact:
        return 2 * base + bucket * (2 * stride) + count
    odd = (base ^ (bucket & stride)) & 1
    return 3 * base + 2 * count + bucket * (3 * stride) - (-odd & 2 * count)


def entry_words(compact: bool) -> int:
    """Return the 4-byte words of an entry: row ``r`` begins at ``r`` times so many."""
    return 2 if compact else 3


def first_free(free: Any, count: Any) -> Any:
    """Return the first entry from ``free`` on at which a row of ``count`` actions may begin.

    >>> first_free(7, 3), first_free(7, 2), first_free(8, 2)
    (7, 8, 8)
    """
    return free + (free & ~count & 1)


def whole_lines(entries: int) -> int:
    """Return the entries of a table that has to hold ``entries``: at least 1, in cache lines."""
    return -(-max(entries, 1) // ENTRIES_OF_LINES) * ENTRIES_OF_LINES


def table_words(entries: int, compact: bool = False) -> int:
    """Return the 8-byte words of a table of so many entries, in whole cache lines.

    >>> table_words(16), table_words(16, compact=True)
    (24, 16)
    """
    return entries * entry_words(compact) // 2


def table_bytes(entries: int, compact: bool = False) -> int:
    """Return the bytes of a table of so many entries."""
    return entries * entry_words(compact) * 4
