"""The memory format of tables that are a worker's own (docs/adr/0003-updates.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Exchange(NamedTuple):
    """How a worker's own table keeps up with the others' (``kernels.parts.exchange``).

    Entries are numbered by place: in sections, of which some are exchanged more often; in each
    first those that lie in twos, then those that lie alone. A table that is shared by all who
    write to it has no section.
    """

    period: NDArray[np.int64]  # (sections,), iterations from one exchange to the next: powers of 2
    first: NDArray[np.int64]  # (sections + 1,), first place of each
    alone: NDArray[np.int64]  # (sections,), first place of those that lie alone
    word: NDArray[np.int32]  # (places,), in ``Table.regret``
    shared: NDArray[np.float32]  # the regrets of the table that all share, in whole words
    gained: NDArray[np.float32]  # (workers * stride,), shared; each worker writes to its part
    stride: int  # whole cache lines, at least as many as there are places
    own: int  # where in ``gained`` this worker's part begins
    settled: NDArray[np.float32]  # (places,), own: ``shared`` when the task began
    beneath: NDArray[np.float32]  # (places,), own: settled, and what the others had gained


NO_EXCHANGE = Exchange(
    period=np.zeros(0, np.int64),
    first=np.zeros(1, np.int64),
    alone=np.zeros(0, np.int64),
    word=np.zeros(0, np.int32),
    shared=np.zeros(0, np.float32),
    gained=np.zeros(0, np.float32),
    stride=1,
    own=0,
    settled=np.zeros(0, np.float32),
    beneath=np.zeros(0, np.float32),
)
