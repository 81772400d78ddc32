"""Where the rows of a small table lie: what one sweep visits together, side by side.

Rows of a node for all buckets in a row is what large tables want: memory is laid out as the tree
is walked. In a table that several workers keep in their first-level caches a row costs nothing
until another worker has written to its cache line. A deal visits one bucket of each player on
each street, so that rows of one (player, street, bucket) next to each other share few lines with
those of other deals. Where workers share such a table, with atomic adds or in freezes, that is
worth some percent (docs/adr/0003-updates.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from cfr_shm.layout.rows import first_free
from cfr_shm.layout.tree import DECISION

#: Tables of at most so many entries, 32 KiB, are ordered by deal: they fit the first-level cache.
SMALL_TABLE_ENTRIES = (32 << 10) // 12


def order_by_deal(nodes: NDArray[Any], bucket_count: Mapping[int, int]) -> int:
    """Lay the rows of each (round of betting, actor, bucket) side by side; return all entries.

    Rows of an even number of actions come first in each group, for they must begin at even
    entries; a group that has some is filled up to an even number.

    Args:
        nodes: (nodes,) layout.NODE_DTYPE, written to; parents come before children.
        bucket_count: buckets of each decision node; all have rows of their own.
    """
    groups: dict[tuple[int, int, int], list[int]] = {}
    entry = {0: 0}
    for node, record in enumerate(nodes):
        if record["kind"] != DECISION:
            continue
        for child in range(record["first_child"], record["first_child"] + record["count"]):
            same_street = nodes[child]["street"] == record["street"]
            entry[child] = entry[node] if same_street else child
        if node in bucket_count:
            key = (entry[node], int(record["actor"]), bucket_count[node])
            groups.setdefault(key, []).append(node)
    free = 0
    for (_, _, buckets), members in groups.items():
        even_first = sorted(members, key=lambda node: int(nodes[node]["count"]) & 1)
        least = int(nodes[even_first[0]]["count"])
        free = first_free(free, least)
        stride = first_free(sum(int(nodes[node]["count"]) for node in members), least)
        place = free
        for node in even_first:
            nodes[node]["row_base"] = place
            nodes[node]["row_stride"] = stride
            place += int(nodes[node]["count"])
        free += stride * buckets
    return free
