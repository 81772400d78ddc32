"""What a run knows before its first iteration: that hands which cannot lose need not fold.

Where no action is regretted any policy will do; Zinkevich et al. 2007, "Regret minimization in
games with incomplete information", eq. 8, take the uniform one. A hand that no other beats does
not fold, from the first iteration on, if its other actions begin with a trace of regret
(docs/adr/0024-unbeaten-hands.md). Nothing is forbidden: if a fold pays, that is learnt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.layout.betting import FOLD
from cfr_shm.layout.rows import first_regret
from cfr_shm.layout.tree import DECISION

#: In the game's unit: nothing beside what one iteration adds, and the same in every row.
TRACE = 2.0**-20


class FirstRegrets(NamedTuple):
    """What keeps a bucket from folding wherever it could on a street.

    All other actions there begin with a regret of ``TRACE``, everything else with none.
    """

    betting: BettingTree
    street: int  # of the game, from 0
    bucket: int  # of every player on that street

    def write(self, regret: NDArray[np.float32], compact: bool) -> None:
        """Write them into a table of zeros.

        Args:
            regret: the table's view of float32.
            compact: whether it has the compact layout.
        """
        nodes = self.betting.built.tree.nodes
        nodes = nodes[(nodes["kind"] == DECISION) & (nodes["street"] == self.street)]
        count = nodes["count"].astype(np.int64)
        row = nodes["row_base"].astype(np.int64) + self.bucket * nodes["row_stride"].astype(
            np.int64
        )
        # One line for each action, node after node.
        node = np.repeat(np.arange(len(nodes)), count)
        action = np.arange(len(node)) - np.repeat(np.cumsum(count) - count, count)
        folds = self.betting.move[nodes["first_child"].astype(np.int64)[node] + action] == FOLD
        can_fold = np.zeros(len(nodes), np.bool_)
        can_fold[node[folds]] = True
        chosen = can_fold[node] & ~folds
        first = first_regret(row[node][chosen], count[node][chosen], compact)
        regret[first + action[chosen]] = TRACE
