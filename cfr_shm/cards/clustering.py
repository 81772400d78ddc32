"""k-medians under the exact 1-D earth mover's distance, k-means, and optimal 1-D clusters.

Deterministic in the seed for any number of workers: arithmetic is on integers, and random
draws are a hash of the seed and of a counter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress, range_borders, run_ranges
from cfr_shm.kernels.holdem.clustering import (
    COLUMNS,
    assign_nearest,
    assign_squared,
    assign_weighted_sum,
    distances_left,
    interval_costs,
    median_centers,
    shrink_distance,
    shrink_squares,
    split_line,
    sum_clusters,
)

_MASK = (1 << 64) - 1
_GOLDEN, _MIX_A, _MIX_B = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MIN_SAMPLE = 1 << 18
_SAMPLE_PER_CLUSTER = 20
#: Centres are refined on so many points, and all points are assigned to them once. On the
#: 13,960,050 turn hands the mean distance is 0.05 % below that of all points refined together
#: with twice the tolerance, in a third of the time.
_MIN_LEARN = 1 << 20
_LEARN_PER_CLUSTER = 1000
_GREEDY_WORK = 600_000_000


@dataclass(frozen=True)
class Effort:
    """How hard the clustering tries.

    Attributes:
        restarts: how many seedings are tried on a sample; the best is refined on all points.
        trial_iterations: at most so many iterations on the sample, for each seeding.
        iterations: at most so many on the points that centres are refined on.
        tolerance: stop once an iteration improves the objective by a smaller share.
    """

    restarts: int = 3
    trial_iterations: int = 10
    iterations: int = 60
    tolerance: float = 0.0001


@dataclass(frozen=True)
class Clusters:
    """The result of a clustering.

    Attributes:
        label: (points,) uint16, cluster of each point.
        centers: (clusters, columns), the dtype of the points.
        objective: sum over points of weight x distance to the own centre.
        history: the objective after each iteration of the last refinement.
    """

    label: NDArray[np.uint16]
    centers: NDArray[Any]
    objective: int
    history: tuple[int, ...]


def k_medians(
    points: NDArray[Any],
    weight: NDArray[np.int32],
    count: int,
    *,
    seed: int = 0,
    workers: int = 0,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Clusters:
    """Cluster cumulative histograms under the earth mover's distance.

    Args:
        points: (points, 64) uint8 or uint16, rows not descending, all ending in one total.
        weight: (points,) positive.
        count: clusters wanted, 1 to 65,535; fewer come out if fewer different points exist.
        seed: picks sample and seeding.
        workers: threads; 0 means all usable cores.
        effort: how hard to try.
        progress: hears how far it is.

    The seeding is k-means++ with the distance itself instead of its square (Arthur &
    Vassilvitskii 2007, section 5), the refinement Lloyd's with medians, of a million points or
    of all if they are fewer.
    """
    effort = effort or Effort()
    sample = sample_points(len(points), max(_MIN_SAMPLE, _SAMPLE_PER_CLUSTER * count), seed)
    some, some_weight = points[sample], weight[sample]
    best: Clusters | None = None
    for restart in range(effort.restarts):
        if progress:
            progress.update(0.1 * restart / effort.restarts)
        seeds = _seed_centers(some, some_weight, count, _key(seed, restart + 1), workers)
        trial = _refine(some, some_weight, seeds, effort.trial_iterations, effort, workers, None)
        if best is None or trial.objective < best.objective:
            best = trial
    assert best is not None, "there is at least one seeding"
    wanted = max(_MIN_LEARN, _LEARN_PER_CLUSTER * count)
    if len(points) <= wanted:
        return _refine(points, weight, best.centers, effort.iterations, effort, workers, progress)
    learn = sample_points(len(points), wanted, seed)
    some, some_weight = points[learn], weight[learn]
    found = _refine(some, some_weight, best.centers, effort.iterations, effort, workers, progress)
    return _refine(points, weight, found.centers, 0, effort, workers, None)


def _refine(
    points: NDArray[Any],
    weight: NDArray[np.int32],
    centers: NDArray[Any],
    iterations: int,
    effort: Effort,
    workers: int,
    progress: Progress | None,
) -> Clusters:
    """Alternate nearest centres and medians until it hardly improves; end on nearest centres."""
    label = np.empty(len(points), np.uint16)
    distance = np.empty(len(points), np.uint32)
    history: list[int] = []
    while True:
        mass = centers.sum(axis=1, dtype=np.int64)
        order = np.argsort(mass, kind="stable")
        centers, mass = np.ascontiguousarray(centers[order]), mass[order]

        def assign(first: int, last: int, centers: Any = centers, mass: Any = mass) -> None:
            assign_nearest(points, first, last, centers, mass, label, distance)

        run_ranges(assign, 0, len(points), workers)
        history.append(_objective(distance, weight))
        if progress:
            progress.update(0.1 + 0.9 * len(history) / (iterations + 1))
        improved = len(history) < 2 or history[-2] - history[-1] > effort.tolerance * history[-2]
        if not improved or len(history) > iterations or history[-1] == 0:
            break
        centers = _update(points, weight, label, distance, centers, workers)
    return _without_empty(Clusters(label, centers, history[-1], tuple(history)))


def _update(
    points: NDArray[Any],
    weight: NDArray[np.int32],
    label: NDArray[np.uint16],
    distance: NDArray[np.uint32],
    centers: NDArray[Any],
    workers: int,
) -> NDArray[Any]:
    """Return each cluster's median; an empty one moves to the point farthest from its centre."""
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(len(centers) + 1)).astype(np.int64)
    values = int(points[0, -1]) + 1
    moved = centers.copy()

    def medians(first: int, last: int) -> None:
        counter = np.empty((COLUMNS, values), np.int64)
        median_centers(points, weight, order, starts, first, last, counter, moved)

    run_ranges(medians, 0, len(centers), workers)
    far = distance
    for empty in np.flatnonzero(np.diff(starts) == 0):
        if far is distance:
            far = distance.copy()
        point = int(np.argmax(far))
        far[point] = 0
        moved[empty] = points[point]
    return moved


def _without_empty(clusters: Clusters) -> Clusters:
    used = np.bincount(clusters.label, minlength=len(clusters.centers)) > 0
    if used.all():
        return clusters
    renamed = (np.cumsum(used) - 1).astype(np.uint16)
    return Clusters(
        renamed[clusters.label], clusters.centers[used], clusters.objective, clusters.history
    )


def _objective(distance: NDArray[np.uint32], weight: NDArray[np.int32]) -> int:
    return int(assign_weighted_sum(distance, weight, 0, len(distance)))


def _seed_centers(
    points: NDArray[Any], weight: NDArray[np.int32], count: int, key: int, workers: int
) -> NDArray[Any]:
    """Return up to ``count`` points, drawn in proportion to weight x distance so far.

    Of several draws the one is kept that leaves the least distance ("greedy" k-means++), unless
    there are so many points and clusters that it would take long.
    """
    distance = np.full(len(points), np.iinfo(np.uint32).max, np.int64)
    odds = weight.astype(np.int64)
    draws = 2 + int(math.log(count)) if len(points) * count <= _GREEDY_WORK else 1
    chosen: list[int] = []
    while len(chosen) < min(count, len(points)):
        totals = np.cumsum(odds)
        total = int(totals[-1])
        if total == 0:
            break
        drawn = [_key(key, len(chosen) * draws + draw) * total >> 64 for draw in range(draws)]
        candidates = np.unique(np.searchsorted(totals, drawn, side="right"))
        left = np.zeros(len(candidates), np.int64)
        if len(candidates) > 1:
            left = _left(points, weight, candidates, distance, workers)
        point = int(candidates[np.argmin(left)])
        chosen.append(point)

        def shrink(first: int, last: int, point: int = point) -> None:
            shrink_distance(points, first, last, point, distance)

        run_ranges(shrink, 0, len(points), workers, pieces=8)
        odds = distance * weight
    return points[chosen]


def _left(
    points: NDArray[Any],
    weight: NDArray[np.int32],
    candidates: NDArray[np.int64],
    distance: NDArray[np.int64],
    workers: int,
) -> NDArray[np.int64]:
    """Return, by candidate, the sum of weight x distance if it became a centre."""
    parts: list[NDArray[np.int64]] = []

    def piece(first: int, last: int) -> None:
        left = np.zeros(len(candidates), np.int64)
        distances_left(points, first, last, candidates, distance, weight, left)
        parts.append(left)

    run_ranges(piece, 0, len(points), workers, pieces=8)
    total: NDArray[np.int64] = np.sum(parts, axis=0, dtype=np.int64)
    return total


def _key(seed: int, number: int) -> int:
    """Return a 64-bit hash of two numbers (SplitMix64's finaliser, twice)."""
    value = seed & _MASK
    for part in (_GOLDEN, (number + 1) * _GOLDEN):
        value = (value + part) & _MASK
        value = (value ^ value >> 30) * _MIX_A & _MASK
        value = (value ^ value >> 27) * _MIX_B & _MASK
        value ^= value >> 31
    return value


def sample_points(points: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Return ``wanted`` of the numbers below ``points``, ascending, one from each stretch."""
    if points <= wanted:
        return np.arange(points)
    borders = range_borders(0, points, wanted)
    width = np.diff(borders).astype(np.uint64)
    value = np.arange(wanted, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(_key(seed, 0))
    for shift, factor in ((30, _MIX_A), (27, _MIX_B)):
        value = (value ^ value >> np.uint64(shift)) * np.uint64(factor)
    return borders[:-1] + ((value >> np.uint64(32)) % width).astype(np.int64)


# --- vectors -----------------------------------------------------------------------------

#: What a vector's entries are scaled to: sums of squares fit 32 bits with room to spare.
VECTOR_SCALE = 1023


def k_means(
    points: NDArray[np.uint16],
    weight: NDArray[np.int32],
    count: int,
    *,
    seed: int = 0,
    workers: int = 0,
    effort: Effort | None = None,
) -> Clusters:
    """Cluster short vectors of integers 0 .. 1023 under the squared Euclidean distance.

    Args as ``k_medians``; points have 8 columns.
    """
    effort = effort or Effort()
    best: Clusters | None = None
    for restart in range(effort.restarts):
        centers = _seed_vectors(points, weight, count, _key(seed, restart + 1))
        trial = _refine_vectors(points, weight, centers, effort, workers)
        if best is None or trial.objective < best.objective:
            best = trial
    assert best is not None, "there is at least one seeding"
    return best


def nearest_vectors(
    points: NDArray[np.uint16], centers: NDArray[np.uint16]
) -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    """Return each point's nearest centre and its squared distance."""
    label = np.empty(len(points), np.uint16)
    distance = np.empty(len(points), np.uint32)
    _assign_vectors(points, 0, len(points), centers, label, distance)
    return label, distance


def _assign_vectors(
    points: NDArray[np.uint16],
    first: int,
    last: int,
    centers: NDArray[np.uint16],
    label: NDArray[np.uint16],
    distance: NDArray[np.uint32],
) -> None:
    columns = np.ascontiguousarray(centers.T.astype(np.int32))
    norms = (columns**2).sum(axis=0, dtype=np.int32)
    trial = np.empty(len(centers), np.int32)
    assign_squared(points, first, last, 2 * columns, norms, trial, label, distance)


def _refine_vectors(
    points: NDArray[np.uint16],
    weight: NDArray[np.int32],
    centers: NDArray[np.uint16],
    effort: Effort,
    workers: int,
) -> Clusters:
    label = np.empty(len(points), np.uint16)
    distance = np.empty(len(points), np.uint32)
    history: list[int] = []
    while True:

        def assign(first: int, last: int, centers: NDArray[np.uint16] = centers) -> None:
            _assign_vectors(points, first, last, centers, label, distance)

        run_ranges(assign, 0, len(points), workers, pieces=64)
        history.append(_objective(distance, weight))
        improved = len(history) < 2 or history[-2] - history[-1] > effort.tolerance * history[-2]
        if not improved or len(history) > effort.iterations or history[-1] == 0:
            break
        totals = np.zeros((len(centers), points.shape[1] + 1), np.int64)
        sum_clusters(points, weight, label, 0, len(points), totals)
        share = np.maximum(totals[:, -1:], 1)
        moved = ((2 * totals[:, :-1] + share) // (2 * share)).astype(np.uint16)
        far = distance.copy()
        for empty in np.flatnonzero(totals[:, -1] == 0):
            point = int(np.argmax(far))
            far[point] = 0
            moved[empty] = points[point]
        centers = moved
    return _without_empty(Clusters(label, centers, history[-1], tuple(history)))


def _seed_vectors(
    points: NDArray[np.uint16], weight: NDArray[np.int32], count: int, key: int
) -> NDArray[np.uint16]:
    """Return up to ``count`` points drawn by k-means++ (weight x squared distance)."""
    odds = weight.astype(np.int64)
    nearest = np.full(len(points), np.iinfo(np.int64).max, np.int64)
    chosen: list[int] = []
    while len(chosen) < min(count, len(points)):
        totals = np.cumsum(odds)
        total = int(totals[-1])
        if total == 0:
            break
        draw = _key(key, len(chosen)) * total >> 64
        point = int(np.searchsorted(totals, draw, side="right"))
        chosen.append(point)
        shrink_squares(points, weight, point, nearest, odds)
    return points[chosen]


# --- points on a line --------------------------------------------------------------------


def line_clusters(weight: NDArray[np.int64], count: int) -> tuple[NDArray[np.uint16], int]:
    """Cluster the values 0, 1, 2, ... of given weights under the L1 distance, optimally.

    Args:
        weight: (values,) not negative.
        count: clusters wanted; fewer come out if fewer values have weight.

    Returns each value's cluster, ascending (values without weight go with the next lower one
    that has some), and the least objective.
    """
    value = np.flatnonzero(weight)
    count = min(count, len(value))
    cost = np.empty((len(value), len(value)), np.int64)
    interval_costs(value, weight[value], cost)
    cut = np.empty((count, len(value)), np.int32)
    objective = int(split_line(cost, count, np.empty((2, len(value)), np.int64), cut))
    label = np.zeros(len(weight), np.uint16)
    last = len(value) - 1
    for cluster in range(count - 1, 0, -1):
        first = int(cut[cluster, last])
        label[value[first]] += 1
        last = first - 1
    return np.cumsum(label).astype(np.uint16), objective
