"""The memory format of tables that are a worker's own (docs/adr/0003-updates.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Rows whose first regrets lie in the same so many words of a table are noted and exchanged
#: together; a power of 2.
BLOCK_WORDS = 8
BLOCK_BITS = BLOCK_WORDS.bit_length() - 1


#: Counts of the workers lie in cache lines of their own, two to be sure: lines come in pairs.
COUNT_STRIDE = 16


class Exchange(NamedTuple):
    """How a worker's own table keeps up with the others' (``kernels.parts.exchange``).

    Rows whose first regrets lie in the same BLOCK_WORDS words are a *block*; some blocks are
    empty. Entries are numbered by place, those of a block side by side. A table that is shared by
    all who write to it has none.
    """

    period: int  # iterations from one exchange to the next, a power of 2; 0: never
    place: NDArray[np.int32]  # (blocks + 1,), first place of each
    last: np.uint32  # the last block
    word: NDArray[np.int32]  # (places,), in ``Table.regret``
    touched: NDArray[np.uint8]  # (blocks,), own: 1 where this worker has added since it told
    changed: NDArray[np.int32]  # (blocks + 1,), own: how many to tell of, and which
    shared: NDArray[np.float32]  # the regrets of the table that all share, in whole words
    gained: NDArray[np.float32]  # (workers * stride,), shared; each worker writes to its part
    stride: int  # whole cache lines, at least as many as there are places
    own: int  # where in ``gained`` this worker's part begins
    told: NDArray[np.int32]  # (workers * told_stride,), shared, rings: a block, then its gains, ...
    told_gains: NDArray[np.float32]  # the same memory
    told_words: int  # of a ring, a power of 2: more than all blocks take
    told_stride: int  # and those behind its end, for a block that begins before it
    counts: NDArray[np.int64]  # (workers * COUNT_STRIDE,), shared: words told, words about to be
    worker: int  # whose this is
    heard: NDArray[np.int64]  # (workers,), own: words taken in
    known: NDArray[np.float32]  # (workers * stride,), own: what others had gained
    read: NDArray[np.float32]  # (entries of a block,), scratch
    beneath: NDArray[np.float32]  # (places,), own: settled, and what the others had gained


NO_EXCHANGE = Exchange(
    period=0,
    place=np.zeros(1, np.int32),
    last=np.uint32(0),
    word=np.zeros(0, np.int32),
    touched=np.zeros(0, np.uint8),
    changed=np.zeros(1, np.int32),
    shared=np.zeros(0, np.float32),
    gained=np.zeros(0, np.float32),
    stride=1,
    own=0,
    told=np.zeros(0, np.int32),
    told_gains=np.zeros(0, np.float32),
    told_words=1,
    told_stride=1,
    counts=np.zeros(0, np.int64),
    worker=0,
    heard=np.zeros(0, np.int64),
    known=np.zeros(0, np.float32),
    read=np.zeros(0, np.float32),
    beneath=np.zeros(0, np.float32),
)
