"""Build an abstraction: strengths, labels by method, ids by strength, and what each bucket holds.

river points -> turn sums -> flop sums -> preflop sums        (exact, exhaustive)
     |             |            |             |
   labels <-------labels <-----labels       labels            (by method)
     |             |            |             |
   order by mean strength, narrow to uint8 or uint16, describe
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm import __version__
from cfr_shm.cards import opponents
from cfr_shm.cards.abstraction import (
    BUILD_VERSION,
    EMD,
    LOSSLESS,
    MAX_BUCKETS,
    OCHS,
    PERCENTILE,
    POTENTIAL,
    BucketSpec,
)
from cfr_shm.cards.bucket_file import narrowest
from cfr_shm.cards.clustering import Effort, k_medians, line_clusters
from cfr_shm.cards.deck import Deck, deck_named
from cfr_shm.cards.equity import (
    BINS,
    FLOP,
    PREFLOP,
    RIVER,
    TURN,
    Strengths,
    flop_strengths,
    make_work,
    preflop_strengths,
    river_strengths,
    turn_strengths,
    unbeaten_rivers,
)
from cfr_shm.cards.isomorphism import STREETS, card_index
from cfr_shm.cards.ochs import label_hands, label_rivers
from cfr_shm.cards.parallel import Progress, run_ranges
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.clustering import (
    count_values,
    describe_buckets,
    map_values,
    weigh_hands,
)
from cfr_shm.kernels.holdem.equity import next_histograms

#: E[HS] is described on this scale, E[HS^2] is sorted on this one.
_STRENGTH_SCALE = 0xFFFF
_SQUARE_SCALE = (1 << 20) - 1
SAMPLES = 3


@dataclass(frozen=True)
class StreetBuckets:
    """One street of an abstraction.

    Attributes:
        bucket: (hands,) uint8 or uint16, each canonical hand's bucket.
        weight: (buckets,) raw hands in each bucket.
        mean: (buckets,) their mean E[HS]; ascending.
        spread: (buckets,) the standard deviation of E[HS] within the bucket.
        sample: (buckets, 3) numbers of a few of its hands, -1 where it has fewer.
        objective: mean distance to the own centre; None where the method has none.
        unbeaten: the bucket of the river hands, and of no others, that no opposing hand beats;
            None where there is none.
    """

    bucket: NDArray[Any]
    weight: NDArray[np.int64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    sample: NDArray[np.int64]
    objective: float | None
    unbeaten: int | None = None


@dataclass(frozen=True)
class Abstraction:
    """What ``build`` returns: four streets, and where they come from."""

    spec: BucketSpec
    streets: tuple[StreetBuckets, ...]
    about: dict[str, Any]


def build(spec: BucketSpec, *, workers: int = 0, progress: Progress | None = None) -> Abstraction:
    """Compute an abstraction; minutes for 52 cards, the same for any number of workers.

    Args:
        spec: what to build.
        workers: threads; 0 means all usable cores.
        progress: hears of every step.

    Raises:
        UsageError: ``lossless`` on a street that has more than 65,535 hands.
    """
    if spec.counts[PREFLOP] >= card_index(deck_named(spec.deck)).hand_count[PREFLOP]:
        _, flop, turn, river = spec.methods
        spec = replace(spec, methods=(LOSSLESS, flop, turn, river))
    return _Builder(spec, workers, progress or Progress()).build()


@dataclass
class _Builder:
    """The build in progress: what later streets need of earlier ones."""

    spec: BucketSpec
    workers: int
    progress: Progress
    opponent: NDArray[np.uint8] | None = None
    clusters: list[int] = field(default_factory=list)
    objective: float | None = None
    unbeaten: int | None = None

    @property
    def deck(self) -> Deck:
        """The deck to build for."""
        return deck_named(self.spec.deck)

    def build(self) -> Abstraction:
        """Run all steps."""
        self._check_lossless()
        started = time.monotonic()
        strengths = self._strengths()
        if OCHS in self.spec.methods:
            self._cluster_opponents(strengths[PREFLOP])
        streets: dict[int, StreetBuckets] = {}
        for street in (TURN, RIVER, FLOP, PREFLOP):
            self.objective = self.unbeaten = None
            label = self._label(street, strengths[street], streets)
            self.progress.start(f"{STREETS[street]}: ordering buckets")
            streets[street] = self._finish(street, strengths.pop(street), label)
        self.progress.finish()
        ordered = tuple(streets[street] for street in range(4))
        about = {
            "version": BUILD_VERSION,
            "deck": self.deck.name,
            "spec": self.spec.to_json(),
            "buckets": [len(street.weight) for street in ordered],
            "objective": [street.objective for street in ordered],
            "unbeaten": ordered[RIVER].unbeaten,
            "opponent_clusters": self.clusters,
            "program": __version__,
            "seconds": round(time.monotonic() - started, 1),
        }
        return Abstraction(self.spec, ordered, about)

    def _check_lossless(self) -> None:
        hands = card_index(self.deck).hand_count
        for street, method in enumerate(self.spec.methods):
            if method == LOSSLESS and hands[street] > MAX_BUCKETS:
                raise UsageError(
                    f"lossless does not fit the {STREETS[street]} of the {self.deck.name} deck:"
                    f" {hands[street]} hands, at most {MAX_BUCKETS} buckets"
                )

    def _strengths(self) -> dict[int, Strengths]:
        """Return every street's exact strengths, with histograms where a method asks for them."""
        histograms = EMD in self.spec.methods[:RIVER] or OCHS in self.spec.methods
        self.progress.start("river: exact strengths")
        river = river_strengths(self.deck, self.workers, self.progress)
        self.progress.start("turn: exact strengths")
        turn = turn_strengths(self.deck, river, self.workers, self.progress, histograms=histograms)
        self.progress.start("flop: exact strengths")
        flop = flop_strengths(self.deck, turn, self.workers, self.progress)
        self.progress.start("preflop: exact strengths")
        preflop = preflop_strengths(self.deck, flop)
        return {RIVER: river, TURN: turn, FLOP: flop, PREFLOP: preflop}

    def _cluster_opponents(self, preflop: Strengths) -> None:
        self.progress.start("clustering opponents")
        clusters = opponents.opponent_clusters(self.deck, preflop, self.spec.seed)
        self.clusters = clusters.tolist()
        self.opponent = opponents.opponent_table(self.deck, clusters)

    # --- labels --------------------------------------------------------------------------

    def _label(
        self, street: int, strengths: Strengths, done: dict[int, StreetBuckets]
    ) -> NDArray[np.uint16]:
        """Return each hand's cluster on a street, by the street's method, in any order."""
        method, count = self.spec.methods[street], self.spec.counts[street]
        hands = int(card_index(self.deck).hand_count[street])
        self.progress.start(f"{STREETS[street]}: {method}")
        if method == LOSSLESS:
            return np.arange(hands, dtype=np.uint16)
        if street == RIVER and method in (PERCENTILE, EMD):
            return self._label_points(strengths, count, method)
        if method == PERCENTILE:
            return self._label_squares(street, strengths, count)
        if method == OCHS:
            return self._label_vectors(street)
        points = strengths.cdf
        if method == POTENTIAL:
            points = self._potential(done[TURN])
        elif street == PREFLOP:
            points = opponents.narrow_histograms(strengths)
        return self._label_histograms(street, points, count)

    def _label_points(self, strengths: Strengths, count: int, method: str) -> NDArray[np.uint16]:
        points = strengths.sums.reshape(-1)
        weight = self._count_points(points, strengths.max_points + 1)
        if method == PERCENTILE:
            table = quantile_table(weight, count)
        else:
            table, objective = line_clusters(weight, count)
            self.objective = objective / int(weight.sum()) / strengths.max_points
        return self._mapped(points, table, np.dtype(np.uint16))

    def _label_squares(self, street: int, strengths: Strengths, count: int) -> NDArray[np.uint16]:
        fine = np.rint(strengths.mean_square() * _SQUARE_SCALE).astype(np.int32)
        weight = np.bincount(fine, weights=self._weights(street)).astype(np.int64)
        return quantile_table(weight, count)[fine]

    def _label_histograms(
        self, street: int, points: NDArray[Any], count: int
    ) -> NDArray[np.uint16]:
        weight = self._weights(street)
        found = k_medians(
            points,
            weight,
            count,
            seed=self.spec.seed,
            workers=self.workers,
            effort=Effort(restarts=self.spec.restarts),
            progress=self.progress,
        )
        widest = int(weight.sum(dtype=np.int64)) * int(points[0, -1]) * BINS
        self.objective = found.objective / widest
        return found.label

    def _label_vectors(self, street: int) -> NDArray[np.uint16]:
        assert self.opponent is not None, "clustered before"
        spec, opponent, workers, progress = self.spec, self.opponent, self.workers, self.progress
        if street == RIVER:
            progress.start("river: hands that cannot lose")
            unbeaten = unbeaten_rivers(self.deck, workers, progress)
            progress.start("river: ochs")
            found = label_rivers(spec, unbeaten, opponent, workers, progress)
        else:
            weight = self._weights(street)
            found = label_hands(spec, street, weight, opponent, workers, progress)
        self.objective, self.unbeaten = found.objective, found.unbeaten
        return found.label

    def _potential(self, turn: StreetBuckets) -> NDArray[np.uint8]:
        """Return each flop hand's cumulative histogram of its turn buckets' mean strengths."""
        index = card_index(self.deck)
        bin_of = np.minimum((turn.mean * BINS).astype(np.uint8), BINS - 1)
        cdf = np.zeros((int(index.hand_count[FLOP]), BINS), np.uint8)
        bucket = turn.bucket.astype(np.uint16)

        def piece(first: int, last: int) -> None:
            boards = np.array([first, last, TURN])
            next_histograms(index, boards, self.deck.rank_count, bucket, bin_of, make_work(), cdf)

        boards = index.first_board
        run_ranges(piece, int(boards[FLOP]), int(boards[FLOP + 1]), self.workers)
        return cdf

    # --- what the kernels of several methods share ---------------------------------------

    def _weights(self, street: int) -> NDArray[np.int32]:
        index = card_index(self.deck)
        weight = np.empty(int(index.hand_count[street]), np.int32)
        boards = index.first_board
        weigh_hands(index, int(boards[street]), int(boards[street + 1]), weight)
        return weight

    def _count_points(self, points: NDArray[np.uint16], values: int) -> NDArray[np.int64]:
        index = card_index(self.deck)
        total = np.zeros(values, np.int64)
        lock = threading.Lock()

        def piece(first: int, last: int) -> None:
            part = np.zeros(values, np.int64)
            count_values(index, first, last, points, part)
            with lock:
                np.add(total, part, out=total)

        boards = index.first_board
        run_ranges(piece, int(boards[RIVER]), int(boards[RIVER + 1]), self.workers)
        return total

    def _mapped(
        self, values: NDArray[np.uint16], table: NDArray[np.uint16], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        result = np.empty(len(values), dtype)

        def piece(first: int, last: int) -> None:
            map_values(values, first, last, table, result)

        run_ranges(piece, 0, len(values), self.workers, pieces=64)
        return result

    # --- ids -----------------------------------------------------------------------------

    def _finish(
        self, street: int, strengths: Strengths, label: NDArray[np.uint16]
    ) -> StreetBuckets:
        """Number the buckets by strength and describe them."""
        if street == RIVER:
            value, scale = strengths.sums.reshape(-1), strengths.max_points
        else:
            value = np.rint(strengths.mean() * _STRENGTH_SCALE).astype(np.uint16)
            scale = _STRENGTH_SCALE
        count = int(label.max()) + 1
        totals, sample = self._describe(street, label, value, count)
        mean = totals[:, 1] / totals[:, 0]
        order = np.argsort(mean, kind="stable")
        place = np.empty(count, np.uint16)
        place[order] = np.arange(count)
        spread = np.sqrt(np.maximum(totals[:, 2] / totals[:, 0] - mean**2, 0.0))
        narrow = narrowest(count)
        return StreetBuckets(
            bucket=self._mapped(label, place, narrow),
            weight=totals[order, 0],
            mean=mean[order] / scale,
            spread=spread[order] / scale,
            sample=sample[order],
            objective=self.objective,
            unbeaten=None if self.unbeaten is None else int(place[self.unbeaten]),
        )

    def _describe(
        self, street: int, label: NDArray[np.uint16], value: NDArray[np.uint16], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (buckets, 3) sums and (buckets, SAMPLES) hands of least hash."""
        index = card_index(self.deck)
        totals = np.zeros((count, 3), np.int64)
        hashes, hands = _no_samples(count)
        lock = threading.Lock()

        def piece(first: int, last: int) -> None:
            nonlocal hashes, hands
            part = np.zeros((count, 3), np.int64)
            part_hashes, part_hands = _no_samples(count)
            describe_buckets(index, first, last, label, value, part, part_hashes, part_hands)
            with lock:
                np.add(totals, part, out=totals)
                both = np.concatenate([hashes, part_hashes], axis=1)
                best = np.argsort(both, axis=1, kind="stable")[:, :SAMPLES]
                every = np.concatenate([hands, part_hands], axis=1)
                hashes = np.take_along_axis(both, best, axis=1)
                hands = np.take_along_axis(every, best, axis=1)

        boards = index.first_board
        first, last = int(boards[street]), int(boards[street + 1])
        run_ranges(piece, first, last, self.workers, pieces=16)
        return totals, hands


def _no_samples(count: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    none = np.full((count, SAMPLES), np.iinfo(np.uint64).max, np.uint64)
    return none, np.full((count, SAMPLES), -1, np.int64)


def quantile_table(weight: NDArray[np.int64], count: int) -> NDArray[np.uint16]:
    """Return the bucket of each value so that ``count`` buckets weigh about the same.

    Args:
        weight: (values,) of each value, ascending.
        count: buckets wanted; where one value outweighs a bucket, fewer come out.

    A value lies in the bucket that the middle of its weight falls into, so that equal values
    share a bucket. Numbers have no gaps.
    """
    total = int(weight.sum())
    middle = 2 * np.cumsum(weight) - weight
    bucket = np.minimum(middle * count // (2 * total), count - 1)
    used = np.zeros(count, np.int64)
    used[bucket[weight > 0]] = 1
    table: NDArray[np.uint16] = np.maximum(np.cumsum(used)[bucket] - 1, 0).astype(np.uint16)
    return table
