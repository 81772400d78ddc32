"""k-medians on cumulative histograms, k-means on small vectors, and optimal 1-D clusters.

The earth mover's distance of two histograms on a line is the L1 distance of their cumulative
histograms, so the best centre of a cluster is its median in every column, and the median of
cumulative histograms is one again. Everything is integer arithmetic, so that no
result depends on the order or on how many threads there are.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np import arrayobj

from cfr_shm.kernels.jit import at, device, intrinsic_twin, kernel
from cfr_shm.kernels.parts.rng import mix64

#: Columns of a cumulative histogram.
COLUMNS = 64
_FAR = np.int64(1 << 62)


def _plain_distance(points, point, centers, center):
    return int(np.abs(points[point].astype(np.int64) - centers[center]).sum())


@intrinsic_twin(_plain_distance)
def l1_distance(_typing_context, points, point, centers, center):
    """Return the L1 distance of two rows of COLUMNS uint8 or uint16, as int64.

    Whole rows as vectors: of a loop over columns LLVM makes code that widens first and takes ten
    times as long for uint8, four times for uint16.
    """
    row_type = ir.VectorType(ir.IntType(points.dtype.bitwidth), COLUMNS)
    wide_type = ir.VectorType(ir.IntType(32), COLUMNS)

    def row_of(context, builder, array_type, array, index_type, index):
        struct = arrayobj.make_array(array_type)(context, builder, array)
        place = [context.cast(builder, index, index_type, types.intp)]
        place.append(context.get_constant(types.intp, 0))
        pointer = cgutils.get_item_pointer(
            context, builder, array_type, struct, place, wraparound=False
        )
        return builder.load(builder.bitcast(pointer, row_type.as_pointer()), align=1)

    def codegen(context, builder, signature, args):
        one = row_of(context, builder, points, args[0], signature.args[1], args[1])
        other = row_of(context, builder, centers, args[2], signature.args[3], args[3])
        more = builder.icmp_unsigned(">", one, other)
        high, low = builder.select(more, one, other), builder.select(more, other, one)
        gap = builder.zext(builder.sub(high, low), wide_type)
        name = f"llvm.vector.reduce.add.v{COLUMNS}i32"
        function_type = ir.FunctionType(ir.IntType(32), [wide_type])
        add = cgutils.get_or_insert_function(builder.module, function_type, name)
        return builder.zext(builder.call(add, [gap]), ir.IntType(64))

    return types.int64(points, point, centers, center), codegen


@device
def row_mass(points, point):
    """Return the sum of a row of COLUMNS small unsigned integers."""
    total = np.int32(0)
    for column in range(COLUMNS):
        total += np.int32(points[at(point), at(column)])
    return np.int64(total)


@kernel
def assign_nearest(points, first, last, centers, mass, label, distance):
    """Find the nearest centre of a range of points, ties to the first centre.

    Args:
        points: (points, COLUMNS) uint8 or uint16, read-only.
        first: the range's first point.
        last: one past its last.
        centers: (centers, COLUMNS), read-only, the dtype of points; by ascending mass.
        mass: (centers,) int64, read-only; the sum of each centre's columns.
        label: (points,) uint16, out; the range is written.
        distance: (points,) uint32, out; the range is written.

    Two rows are at least as far apart as their sums, so the search starts at the centre of
    nearest sum and ends where the sums alone are farther than the best: a tenth to a third of
    the centres are looked at.
    """
    count = len(mass)
    for point in range(first, last):
        own = row_mass(points, point)
        low = 0
        high = count
        while low < high:
            middle = (low + high) // 2
            if mass[at(middle)] < own:
                low = middle + 1
            else:
                high = middle
        below = low - 1
        above = low
        best = _FAR
        nearest = 0
        while True:
            gap_below = own - mass[at(below)] if below >= 0 else _FAR
            gap_above = mass[at(above)] - own if above < count else _FAR
            if min(gap_below, gap_above) > best or (below < 0 and above >= count):
                break
            if gap_below <= gap_above:
                center = below
                below -= 1
            else:
                center = above
                above += 1
            found = l1_distance(points, at(point), centers, at(center))
            if found < best or (found == best and center < nearest):
                best = found
                nearest = center
        label[at(point)] = nearest
        distance[at(point)] = best


@kernel
def assign_weighted_sum(distance, weight, first, last):
    """Return the sum of weight x distance over a range of points."""
    total = np.int64(0)
    for point in range(first, last):
        total += np.int64(distance[at(point)]) * np.int64(weight[at(point)])
    return total


@kernel
def distances_left(points, first, last, candidates, distance, weight, left):
    """Add up what weight x distance over a range of points is if another point is a centre too.

    Args:
        points: (points, COLUMNS) uint8 or uint16, read-only.
        first: the range's first point.
        last: one past its last.
        candidates: (candidates,) int64, read-only; points that may become a centre.
        distance: (points,) int64, read-only; to the nearest centre so far.
        weight: (points,) int32, read-only.
        left: (candidates,) int64, in and out; by candidate.
    """
    for point in range(first, last):
        far = distance[at(point)]
        share = np.int64(weight[at(point)])
        for place in range(len(candidates)):
            found = l1_distance(points, at(point), points, at(candidates[at(place)]))
            left[at(place)] += min(found, far) * share


@kernel
def shrink_distance(points, first, last, chosen, distance):
    """Lower each point's distance to its distance from a newly chosen point.

    Args:
        points: (points, COLUMNS) uint8 or uint16, read-only.
        first: the range's first point.
        last: one past its last.
        chosen: the point that has become a centre.
        distance: (points,) int64, in and out.
    """
    for point in range(first, last):
        found = l1_distance(points, at(point), points, at(chosen))
        if found < distance[at(point)]:
            distance[at(point)] = found


@kernel
def median_centers(points, weight, order, starts, first, last, counter, centers):
    """Write the weighted median of each column over the points of a range of clusters.

    Args:
        points: (points, COLUMNS) uint8 or uint16, read-only.
        weight: (points,) int32, read-only.
        order: (points,) int64, read-only; the points, cluster after cluster.
        starts: (clusters + 1,) int64, read-only; where each cluster begins in ``order``.
        first: the range's first cluster.
        last: one past its last.
        counter: (COLUMNS, values) int64, scratch; every value lies below its width.
        centers: (clusters, COLUMNS), out, the dtype of points; an empty cluster's is kept.

    The lower median: the smallest value that at least half the weight does not exceed.
    """
    values = counter.shape[1]
    for cluster in range(first, last):
        begin = starts[at(cluster)]
        end = starts[at(cluster + 1)]
        if begin == end:
            continue
        counter[:] = 0
        total = np.int64(0)
        for place in range(begin, end):
            point = order[at(place)]
            share = np.int64(weight[at(point)])
            total += share
            for column in range(COLUMNS):
                counter[at(column), at(points[at(point), at(column)])] += share
        for column in range(COLUMNS):
            seen = np.int64(0)
            value = 0
            while value < values:
                seen += counter[at(column), at(value)]
                if 2 * seen >= total:
                    break
                value += 1
            centers[at(cluster), at(column)] = value


@kernel
def assign_squared(points, first, last, centers, norms, trial, label, distance):
    """Find the nearest centre in squared Euclidean distance, ties to the first centre.

    Args:
        points: (points, 8) uint16, read-only; values below 1,024.
        first: the range's first point.
        last: one past its last.
        centers: (8, centers) int32, read-only; twice the centres, of the same range.
        norms: (centers,) int32, read-only; each centre's squared length.
        trial: (centers,) int32, scratch.
        label: (points,) uint16, out; the range is written.
        distance: (points,) uint32, out; the range is written.

    Eight columns at once, written out: the partial sums stay in registers, four times faster
    than column after column.
    """
    count = centers.shape[1]
    for point in range(first, last):
        a = np.int32(points[at(point), 0])
        b = np.int32(points[at(point), 1])
        c = np.int32(points[at(point), 2])
        d = np.int32(points[at(point), 3])
        e = np.int32(points[at(point), 4])
        f = np.int32(points[at(point), 5])
        g = np.int32(points[at(point), 6])
        h = np.int32(points[at(point), 7])
        for center in range(count):
            place = at(center)
            near = a * centers[0, place] + b * centers[1, place] + c * centers[2, place]
            near += d * centers[3, place] + e * centers[4, place] + f * centers[5, place]
            near += g * centers[6, place] + h * centers[7, place]
            trial[place] = np.int32(norms[place] - near)
        best = trial[0]
        for center in range(1, count):
            best = min(best, trial[at(center)])
        nearest = 0
        while trial[at(nearest)] != best:
            nearest += 1
        own = a * a + b * b + c * c + d * d + e * e + f * f + g * g + h * h
        label[at(point)] = nearest
        distance[at(point)] = np.int64(own) + np.int64(best)


@kernel
def shrink_squares(points, weight, chosen, distance, odds):
    """Lower each point's squared distance to that from a newly chosen point.

    Args:
        points: (points, columns) uint16, read-only; values below 1,024.
        weight: (points,) int32, read-only.
        chosen: the point that has become a centre.
        distance: (points,) int64, in and out.
        odds: (points,) int64, out; weight x distance.
    """
    columns = points.shape[1]
    for point in range(len(weight)):
        found = np.int64(0)
        for column in range(columns):
            gap = np.int32(points[at(point), at(column)])
            gap -= np.int32(points[at(chosen), at(column)])
            found += np.int64(gap * gap)
        distance[at(point)] = min(found, distance[at(point)])
        odds[at(point)] = distance[at(point)] * np.int64(weight[at(point)])


@kernel
def sum_clusters(points, weight, label, first, last, totals):
    """Add each point of a range, times its weight, to its cluster's totals.

    Args:
        points: (points, columns) uint16, read-only.
        weight: (points,) int32, read-only.
        label: (points,) uint16, read-only.
        first: the range's first point.
        last: one past its last.
        totals: (clusters, columns + 1) int64, in and out; the last column sums the weights.
    """
    columns = points.shape[1]
    for point in range(first, last):
        share = np.int64(weight[at(point)])
        cluster = label[at(point)]
        for column in range(columns):
            totals[at(cluster), at(column)] += share * np.int64(points[at(point), at(column)])
        totals[at(cluster), at(columns)] += share


@kernel
def interval_costs(value, weight, cost):
    """Write the L1 cost of making one cluster of each interval of points on a line.

    Args:
        value: (points,) int64, read-only, ascending.
        weight: (points,) int64, read-only, positive.
        cost: (points, points) int64, out; ``cost[i, j]`` for points i to j, i <= j.
    """
    count = len(value)
    for first in range(count):
        middle = first
        left = weight[at(first)]
        right = np.int64(0)
        total = np.int64(0)
        cost[at(first), at(first)] = 0
        for last in range(first + 1, count):
            # ``left`` weighs the points first .. middle, ``right`` those behind them.
            total += weight[at(last)] * (value[at(last)] - value[at(middle)])
            right += weight[at(last)]
            while right > left:
                step = value[at(middle + 1)] - value[at(middle)]
                total += step * (left - right)
                middle += 1
                left += weight[at(middle)]
                right -= weight[at(middle)]
            cost[at(first), at(last)] = total


@kernel
def split_line(cost, clusters, best, cut):
    """Split points on a line into intervals of least total cost, exactly.

    Args:
        cost: (points, points) int64, read-only; as ``interval_costs`` writes it.
        clusters: at most the number of points.
        best: (2, points) int64, scratch.
        cut: (clusters, points) int32, out; the first point of the last interval when points
            0 .. j make ``row + 1`` intervals.

    Returns the least cost. The first point of the last interval never moves left when a point
    or an interval is added (Knuth 1971, "Optimum binary search trees"), which makes this
    quadratic. Source: Wang & Song 2011, "Ckmeans.1d.dp".
    """
    count = cost.shape[0]
    for last in range(count):
        best[0, at(last)] = cost[0, at(last)]
        cut[0, at(last)] = 0
    for row in range(1, clusters):
        now = row % 2
        for last in range(count - 1, row - 1, -1):
            low = max(row, np.int64(cut[at(row - 1), at(last)]))
            high = last
            if last + 1 < count:
                high = min(last, np.int64(cut[at(row), at(last + 1)]))
            least = _FAR
            chosen = low
            for first in range(low, high + 1):
                found = best[at(1 - now), at(first - 1)] + cost[at(first), at(last)]
                if found < least:
                    least = found
                    chosen = first
            best[at(now), at(last)] = least
            cut[at(row), at(last)] = chosen
    return best[at((clusters - 1) % 2), at(count - 1)]


@kernel
def map_values(values, first, last, table, result):
    """Write ``table[value]`` of a range of values.

    Args:
        values: (values,) uint16, read-only.
        first: the range's first value.
        last: one past its last.
        table: (values that occur,) uint16, read-only.
        result: (values,) uint8 or uint16, out; the range is written.
    """
    for place in range(first, last):
        result[at(place)] = table[at(values[at(place)])]


@kernel
def weigh_hands(index, first, last, weight):
    """Write how many raw hands each canonical hand of a range of boards stands for.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        first: the range's first canonical board, over all streets.
        last: one past its last.
        weight: (hands of the street,) int32, out; the range's hands are written.
    """
    for board in range(first, last):
        hand = index.first_hand[at(board)]
        pattern = index.pattern[at(board)]
        raw = np.int64(index.board_weight[at(board)])
        for slot in range(index.slot_count[at(pattern)]):
            weight[at(hand + slot)] = raw * np.int64(index.slot_weight[at(pattern), at(slot)])


@kernel
def describe_buckets(index, first, last, bucket, strength, totals, sample_hash, sample):
    """Add up weight and strength by bucket, and pick a few hands of each.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        first: the range's first canonical board, over all streets.
        last: one past its last.
        bucket: (hands,) uint8 or uint16, read-only.
        strength: (hands,) uint16, read-only.
        totals: (buckets, 3) int64, in and out; sums of weight, of strength and of its square.
        sample_hash: (buckets, samples) uint64, in and out; ascending, all ones before.
        sample: (buckets, samples) int64, in and out; the hands of least hash.
    """
    samples = sample.shape[1]
    for board in range(first, last):
        hand = index.first_hand[at(board)]
        pattern = index.pattern[at(board)]
        raw = np.int64(index.board_weight[at(board)])
        for slot in range(index.slot_count[at(pattern)]):
            weight = raw * np.int64(index.slot_weight[at(pattern), at(slot)])
            own = bucket[at(hand)]
            value = np.int64(strength[at(hand)])
            totals[at(own), 0] += weight
            totals[at(own), 1] += weight * value
            totals[at(own), 2] += weight * value * value
            mixed = mix64(np.uint64(hand))
            place = samples
            while place > 0 and mixed < sample_hash[at(own), at(place - 1)]:
                place -= 1
            if place < samples:
                for moved in range(samples - 1, place, -1):
                    sample_hash[at(own), at(moved)] = sample_hash[at(own), at(moved - 1)]
                    sample[at(own), at(moved)] = sample[at(own), at(moved - 1)]
                sample_hash[at(own), at(place)] = mixed
                sample[at(own), at(place)] = hand
            hand += 1


@kernel
def count_values(index, first, last, values, histogram):
    """Add each hand's weight to the count of its value.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        first: the range's first canonical board, over all streets.
        last: one past its last.
        values: (hands,) uint16, read-only.
        histogram: (values that may occur,) int64, in and out.
    """
    for board in range(first, last):
        hand = index.first_hand[at(board)]
        pattern = index.pattern[at(board)]
        raw = np.int64(index.board_weight[at(board)])
        for slot in range(index.slot_count[at(pattern)]):
            weight = raw * np.int64(index.slot_weight[at(pattern), at(slot)])
            histogram[at(values[at(hand + slot)])] += weight
