"""Clusterings against POT, scikit-learn, exhaustive search, and themselves with more threads."""

import itertools

import numpy as np
import pytest
from first_cases import first_cases

from cfr_shm.cards import clustering
from cfr_shm.cards.clustering import (
    Effort,
    k_means,
    k_medians,
    line_clusters,
    nearest_vectors,
    sample_points,
)
from cfr_shm.kernels.holdem.clustering import COLUMNS, assign_nearest
from cfr_shm.kernels.jit import JIT_DISABLED

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")


def histograms(count, total=46, seed=0, groups=12, dtype=np.uint8):
    """Cumulative histograms of a few kinds, as turn hands have them."""
    random = np.random.default_rng(seed)
    kinds = random.dirichlet(np.full(COLUMNS, 0.1), groups)
    rows = np.stack(
        [random.multinomial(total, kinds[i]) for i in random.integers(0, groups, count)]
    )
    weight = random.choice([4, 12, 24], count).astype(np.int32)
    return np.cumsum(rows, axis=1).astype(dtype), weight


def objective_of(points, weight, centers):
    gaps = np.abs(points[:, None, :].astype(int) - centers[None].astype(int)).sum(axis=2)
    return int((gaps.min(axis=1) * weight).sum())


def medians_of(points, weight, label):
    centers = []
    for cluster in np.unique(label):
        mine, own = points[label == cluster], weight[label == cluster]
        repeated = np.sort(np.repeat(mine, own, axis=0), axis=0)
        centers.append(repeated[(len(repeated) - 1) // 2])
    return np.array(centers)


def test_the_objective_is_the_earth_movers_distance():
    ot = pytest.importorskip("ot")
    points, weight = histograms(60)
    found = k_medians(points, weight, 5)
    total = 0.0
    places = np.arange(COLUMNS, dtype=np.float64)
    for point, own, label in zip(points, weight, found.label, strict=True):
        center = found.centers[label]
        one, other = (np.diff(row.astype(float), prepend=0.0) / 46 for row in (point, center))
        total += own * 46 * ot.emd2_1d(places, places, one, other, metric="cityblock")
    assert total == pytest.approx(found.objective)


def test_the_general_transport_solver_agrees():
    """POT's network simplex, which knows nothing of lines."""
    ot = pytest.importorskip("ot")
    points, weight = histograms(20, seed=3)
    found = k_medians(points, weight, 3)
    places = np.arange(COLUMNS, dtype=np.float64)
    cost = np.abs(places[:, None] - places)
    total = 0.0
    for point, own, label in zip(points, weight, found.label, strict=True):
        both = (np.diff(r.astype(float), prepend=0.0) / 46 for r in (point, found.centers[label]))
        total += own * 46 * ot.emd2(*both, cost)
    assert total == pytest.approx(found.objective)


@needs_compilation
def test_labels_are_nearest_and_centers_are_cumulative():
    points, weight = histograms(400)
    found = k_medians(points, weight, 9, effort=Effort(tolerance=0.0, iterations=100))
    assert found.objective == objective_of(points, weight, found.centers)
    assert (np.diff(found.centers.astype(int), axis=1) >= 0).all()
    assert (found.centers[:, -1] == 46).all()
    assert np.array_equal(np.unique(found.label), np.arange(len(found.centers)))
    assert list(found.history) == sorted(found.history, reverse=True)
    centers = medians_of(points, weight, found.label)
    assert objective_of(points, weight, centers) == found.objective


@needs_compilation
@pytest.mark.parametrize("seed", first_cases(range(4)))
def test_it_is_as_good_as_kmeans_followed_by_medians(seed):
    cluster = pytest.importorskip("sklearn.cluster")
    points, weight = histograms(1500, seed=seed, groups=40)
    theirs = cluster.KMeans(20, n_init=10, random_state=seed)
    label = theirs.fit_predict(points.astype(float), sample_weight=weight)
    bound = objective_of(points, weight, medians_of(points, weight, label))
    effort = Effort(restarts=10, trial_iterations=50, iterations=100, tolerance=0.0)
    assert k_medians(points, weight, 20, seed=seed, effort=effort).objective <= bound


@needs_compilation
def test_small_problems_are_solved_optimally():
    points, weight = histograms(9, seed=5, groups=9)
    best = min(
        objective_of(points, weight, medians_of(points, weight, np.array(label)))
        for label in itertools.product(range(3), repeat=9)
    )
    found = k_medians(points, weight, 3, effort=Effort(restarts=50, tolerance=0.0))
    assert found.objective == best


@needs_compilation
@pytest.mark.parametrize("dtype", first_cases([np.uint8, np.uint16]))
def test_threads_change_nothing_and_seeds_do(dtype):
    points, weight = histograms(3000, total=200, groups=60, dtype=dtype)
    one = k_medians(points, weight, 20, seed=1, workers=1)
    for workers in (2, 5):
        other = k_medians(points, weight, 20, seed=1, workers=workers)
        assert np.array_equal(one.label, other.label)
        assert np.array_equal(one.centers, other.centers)
        assert one.history == other.history
    assert not np.array_equal(one.label, k_medians(points, weight, 20, seed=2).label)


@needs_compilation
def test_many_points_are_assigned_to_the_centers_of_some(monkeypatch):
    points, weight = histograms(6000, seed=4, groups=60)
    every = k_medians(points, weight, 20, seed=1)
    monkeypatch.setattr(clustering, "_MIN_LEARN", 3000)
    monkeypatch.setattr(clustering, "_LEARN_PER_CLUSTER", 100)
    found = k_medians(points, weight, 20, seed=1)
    gaps = np.abs(points[:, None].astype(int) - found.centers.astype(int)).sum(axis=2)
    assert np.array_equal(gaps.min(axis=1), gaps[np.arange(len(points)), found.label])
    assert found.objective == objective_of(points, weight, found.centers)
    assert every.objective < found.objective < 1.05 * every.objective


@pytest.mark.parametrize(("dtype", "total"), [(np.uint8, 255), (np.uint16, 0xFFFF)])
def test_the_search_by_sums_finds_the_nearest_of_all(dtype, total):
    points, _ = histograms(500, seed=8, total=total, dtype=dtype)
    centers = points[:40].copy()
    centers = centers[np.argsort(centers.sum(axis=1, dtype=np.int64), kind="stable")]
    label = np.empty(500, np.uint16)
    distance = np.empty(500, np.uint32)
    mass = centers.sum(axis=1, dtype=np.int64)
    assign_nearest(points, 0, 500, centers, mass, label, distance)
    gaps = np.abs(points[:, None].astype(int) - centers.astype(int)).sum(axis=2)
    assert np.array_equal(label, gaps.argmin(axis=1))
    assert np.array_equal(distance, gaps.min(axis=1))


def test_fewer_different_points_than_clusters_give_fewer_clusters():
    points, weight = histograms(5)
    found = k_medians(points[[0, 1, 2, 0, 1, 2]], weight[[0, 1, 2, 0, 1, 2]], 5)
    assert len(found.centers) == 3
    assert found.objective == 0


# --- vectors -----------------------------------------------------------------------------


def vectors(count, seed=0):
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 1024, (15, 8))
    rows = kinds[random.integers(0, 15, count)] + random.integers(-80, 80, (count, 8))
    return np.clip(rows, 0, 1023).astype(np.uint16), np.ones(count, np.int32)


def test_vectors_go_to_the_nearest_center():
    points, _ = vectors(300)
    centers = points[:30]
    label, distance = nearest_vectors(points, centers)
    squares = ((points[:, None].astype(int) - centers.astype(int)) ** 2).sum(axis=2)
    assert np.array_equal(label, squares.argmin(axis=1))
    assert np.array_equal(distance, squares.min(axis=1))


@needs_compilation
def test_k_means_is_about_as_good_as_scikit_learns():
    cluster = pytest.importorskip("sklearn.cluster")
    points, weight = vectors(2000)
    theirs = cluster.KMeans(15, n_init=10, random_state=0).fit(points.astype(float)).inertia_
    effort = Effort(restarts=10, iterations=100, tolerance=0.0)
    ours = k_means(points, weight, 15, effort=effort).objective
    assert ours <= 1.001 * theirs  # centres are rounded to integers


@needs_compilation
def test_k_means_is_the_same_for_any_number_of_threads():
    points, weight = vectors(2000)
    one, three = (k_means(points, weight, 10, seed=4, workers=w) for w in (1, 3))
    assert np.array_equal(one.label, three.label)
    assert one.objective == three.objective


# --- points on a line --------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_line_clusters_are_optimal(count, seed):
    random = np.random.default_rng(seed)
    weight = random.integers(0, 5, 11)
    value = np.flatnonzero(weight)
    best = None
    for cuts in itertools.combinations(range(1, len(value)), min(count, len(value)) - 1):
        parts = np.split(value, cuts)
        cost = 0
        for part in parts:
            repeated = np.repeat(part, weight[part])
            cost += int(np.abs(repeated - np.sort(repeated)[(len(repeated) - 1) // 2]).sum())
        best = cost if best is None else min(best, cost)
    label, objective = line_clusters(weight, count)
    assert objective == best
    assert len(np.unique(label[value])) == min(count, len(value))
    assert (np.diff(label.astype(int)) >= 0).all()


def test_samples_are_spread_evenly_and_keyed():
    chosen = sample_points(1_000_000, 1000, 7)
    assert np.array_equal(chosen // 1000, np.arange(1000))
    assert np.array_equal(chosen, sample_points(1_000_000, 1000, 7))
    assert not np.array_equal(chosen, sample_points(1_000_000, 1000, 8))
    assert np.array_equal(sample_points(5, 10, 0), np.arange(5))
