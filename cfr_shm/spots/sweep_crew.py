"""The workers of a spot: threads that run the same kernel and meet in shared memory.

The kernel holds no GIL, and a spot's work space is its tables: processes would share no less
and start no faster. A worker waits in a queue without a timeout, and none outlives the crew.
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import WorkerError
from cfr_shm.kernels.parts.barrier import meeting_of, reset_barrier
from cfr_shm.kernels.spots.sweep import run_sweeps
from cfr_shm.layout.control import RUN, STOP_FLAG, STOP_NOW, Meeting, control_words
from cfr_shm.layout.spots import PLAN_WORDS, Gathered, Spot, SpotTables, SweepSpace
from cfr_shm.spots.spot_game import SpotGame

Plan = NDArray[np.float64]


class SweepCrew:
    """Threads that run plans of sweeps together.

    Args:
        game: the spot.
        tables: what is learnt.
        shared: what workers hand to each other.
        control: the control block.
        worker_count: threads.
        cores: that may be used.
    """

    def __init__(
        self,
        game: SpotGame,
        tables: SpotTables,
        shared: Gathered,
        control: NDArray[np.int64],
        worker_count: int,
        cores: int,
    ) -> None:
        self._game, self._tables, self._shared, self._control = game, tables, shared, control
        self._orders: list[queue.SimpleQueue[Plan | None]] = []
        self._answers: queue.SimpleQueue[int | BaseException] = queue.SimpleQueue()
        self._results = [np.zeros((0, game.hands.stride), np.float32) for _ in range(worker_count)]
        self._threads: list[threading.Thread] = []
        self._spaces = [game.space() for _ in range(worker_count)]
        for member in range(worker_count):
            self._orders.append(queue.SimpleQueue())
            meeting = meeting_of(member, worker_count, cores)
            thread = threading.Thread(
                target=self._serve,
                args=(member, meeting),
                name=f"cfr-shm-sweeps-{member}",
                daemon=True,
            )
            self._threads.append(thread)
        # Compiled, or loaded from the cache, before two threads ask for it at once.
        self._call(0, meeting_of(0, 1, 1), np.zeros((0, PLAN_WORDS)))
        for thread in self._threads:
            thread.start()

    def run(self, plan: Plan) -> NDArray[np.float32]:
        """Run a plan with all workers and return the root's values, (sweeps, stride).

        Raises:
            WorkerError: a worker failed.
        """
        for orders in self._orders:
            orders.put(plan)
        failure: BaseException | None = None
        for _ in self._orders:
            answer = self._answers.get()
            if isinstance(answer, BaseException):
                failure = answer
                # The others wait for it at the next meeting.
                self.stop()
        if failure is not None:
            raise WorkerError(f"a worker failed: {failure}") from failure
        return self._results[0]

    def turn_to(self, tables: SpotTables) -> None:
        """Work on other tables from now on, of the same types; nothing runs meanwhile."""
        self._tables = tables

    def stop(self) -> None:
        """Call the sweeps that run off; the tables are half written then."""
        self._control[STOP_FLAG] = STOP_NOW

    def close(self) -> None:
        """End all threads."""
        if self._threads:
            self.stop()
            for orders in self._orders:
                orders.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []
            self._control[STOP_FLAG] = RUN
            reset_barrier(self._control, len(self._orders))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run_alone(self, spot: Spot, plan: Plan, space: SweepSpace | None = None) -> SweepSpace:
        """Run a plan in this thread, while the workers wait; return its work space."""
        space = space or self._game.space(apart=True)
        control = np.zeros(control_words(1), np.int64)
        result = np.zeros((len(plan), self._game.hands.stride), np.float32)
        meeting = meeting_of(0, 1, 1)
        run_sweeps(spot, self._tables, self._shared, space, control, meeting, plan, result)
        return space

    def _serve(self, member: int, meeting: Meeting) -> None:
        while True:
            plan = self._orders[member].get()
            if plan is None:
                return
            try:
                self._answers.put(self._call(member, meeting, plan))
            except BaseException as error:  # noqa: BLE001 - told to whoever waits for the answer
                self._answers.put(error)

    def _call(self, member: int, meeting: Meeting, plan: Plan) -> int:
        self._results[member] = np.zeros((len(plan), self._game.hands.stride), np.float32)
        return int(
            run_sweeps(
                self._game.arrays,
                self._tables,
                self._shared,
                self._spaces[member],
                self._control,
                meeting,
                plan,
                self._results[member],
            )
        )
