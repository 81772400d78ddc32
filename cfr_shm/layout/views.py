"""What a training kernel is called with: ``kernel(views, task, result)``, whatever the algorithm.

``views`` are a worker's for its life, ``task`` says what to run (``layout.task``), ``result`` is
what it did: an array that the kernel writes. Kernels of the two modes come in pairs of the same
shape; the one for freezes finds a border in ``views``, the other None.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.deals import Deals
from cfr_shm.layout.freeze import Border
from cfr_shm.layout.scratch import Exploration, Scratch
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import Tree
from cfr_shm.layout.vector import (
    FullWidthRegrets,
    FullWidthRule,
    PublicStates,
    SweepShare,
    VectorForm,
    VectorScratch,
)


class PassMemory(NamedTuple):
    """What external sampling with passes for the average has of its own."""

    scratch: Scratch  # more than one lane is of use only between rare passes
    stack: NDArray[np.int64]  # (decisions on the longest path + 1, FRAME_WORDS), scratch


class LineMemory(NamedTuple):
    """What outcome sampling has of its own."""

    scratch: Scratch  # one lane, and at least ``outcome.FRAME_VALUES`` actions
    exploration: Exploration


class PublicMemory(NamedTuple):
    """What public-chance sampling has of its own."""

    form: VectorForm  # read-only
    public: PublicStates  # read-only
    scratch: VectorScratch


class FullWidthMemory(NamedTuple):
    """What full-width algorithms have of their own, and what of it is all workers'."""

    form: VectorForm  # read-only
    regrets: FullWidthRegrets  # read and written; regrets are all workers'
    scratch: VectorScratch  # policy, reach and values are all workers'; the policy is carried on
    rule: FullWidthRule
    share: SweepShare  # this worker's


#: What an algorithm has besides what all have. External sampling and chance sampling have
#: nothing but their scratch memory.
Own = Scratch | PassMemory | LineMemory | PublicMemory | FullWidthMemory


class KernelViews(NamedTuple):
    """Everything that one worker's training kernel reads and writes, its result excepted.

    The order matters. A kernel gets some 480 words, on the stack, right behind what it keeps there
    itself: a word that it reads often should not lie 4096 bytes from one that it writes often.
    With ``own`` behind ``control``, and as many instructions, Leduc took 1.0 to 1.7 times as long,
    by where a process had its memory (docs/adr/0028-one-kernel-contract.md).
    """

    tree: Tree  # read-only
    deals: Deals  # read-only
    table: Table  # read and written: all workers', or this one's own; within freezes read-only
    own: Own
    control: NDArray[np.int64]  # (control_words,), the stop flag is read, own lines are written
    border: Border | None = None  # in deterministic mode


class FullWidthViews(NamedTuple):
    """The same for full-width algorithms, in an order of their own (docs/adr/0028)."""

    tree: Tree
    table: Table
    control: NDArray[np.int64]
    own: FullWidthMemory
    deals: Deals
    border: Border | None = None  # they have none
