"""Where the rows of a small table lie: what one sweep visits together, side by side.

Rows of a node for all buckets in a row is what large tables want: memory is laid out as the tree
is walked. In a table that several workers keep in their first-level caches a row costs nothing
until another worker has written to its cache line. A deal visits one bucket of each player on
each street, so that rows of one (player, street, bucket) next to each other share few lines with
those of other deals: two workers on Leduc do 1.6 instead of 1.5 times the work of one
(docs/adr/0003-updates.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from cfr_shm.layout import DECISION, row_words

#: Tables of at most so many words, 32 KiB, are ordered by deal: they fit the first-level cache.
SMALL_TABLE_WORDS = 4096


def order_by_deal(nodes: NDArray[Any], bucket_count: Mapping[int, int]) -> None:
    """Lay the rows of each (round of betting, actor, bucket) side by side.

    Args:
        nodes: (nodes,) layout.NODE_DTYPE, written to; parents come before children.
        bucket_count: buckets of each decision node that has rows of its own. Together these
            rows take the first words of the table, as many as they had.
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
        words = [row_words(int(nodes[node]["count"])) for node in members]
        for place, node in enumerate(members):
            nodes[node]["row_base"] = free + sum(words[:place])
            nodes[node]["row_stride"] = sum(words)
        free += sum(words) * buckets
