"""Freezes: iterations in which the table is only read, and borders at which it changes.

All workers take part in every task. Within a *freeze* each claims iterations and adds what they
bring, in whole units, to the increments; at the *border* all of them apply the increments, each
its share of the rows, and the next freeze begins::

    claim, traverse, add units --meet--> apply own rows --meet--> claim, traverse, ...
    step 2n                              step 2n + 1              step 2n + 2

Policies and weights are constant within a freeze and sums of integers have no order, so that
the table after a border depends on nothing but the table before it.

A worker may be killed between any two stores. What follows from the largest step of all workers
(``settle_freeze``):

- It is even: nobody has begun to apply. The table is as it was at the last border; the
  increments are worth nothing, they are cleared and the freeze is run again.
- It is odd: everybody had finished traversing. The border is finished. A cell of units takes
  three stores: it is *settled*, what the table is to hold is written over the units; it is
  written to the table; it is cleared. What units can never be tells a settled cell from
  one that is yet to be added. Each of the three may be repeated.

Among ranks a task is a part of one freeze, and ends at the border: in the odd step the units wait
for those of the other ranks. The coordinator puts everybody's in their place and applies them
(``apply_freeze``), while no worker is at work that could be killed.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import (
    atomic_claim,
    atomic_load,
    atomic_store,
    bits_of,
    float_of,
    in_order,
    prefetch,
)
from cfr_shm.kernels.parts.barrier import meet
from cfr_shm.kernels.parts.increments import copied_regret, gain_cell, put_regrets, weight_cell
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import (
    is_compact,
    prefetch_row,
    regret_index,
    round_to_single,
    rounding_bits,
    sum_index,
)
from cfr_shm.kernels.parts.tally import show
from cfr_shm.kernels.parts.windows import ABANDONED
from cfr_shm.layout.control import CONTROL_LINE_WORDS, RUN, STOP_FLAG, STOP_NOW
from cfr_shm.layout.freeze import (
    COUNTING_CELL,
    COUNTING_CLAMPED,
    FREEZE_CLAIMED,
    FREEZE_CLAMPED,
    FREEZE_END,
    FREEZE_FIRST,
    FREEZE_STEP,
    RUN_BASE,
    RUN_COUNT,
    RUN_ROWS,
    RUN_STRIDE,
    TOTAL_ITERATIONS,
    TOTAL_NODES,
    TOTAL_UTILITY,
    TOTALS_OF_TASK,
    Border,
)
from cfr_shm.layout.table import Table
from cfr_shm.layout.task import (
    RESULT_ITERATIONS,
    RESULT_NODES,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    WEIGHT_LINEAR,
)

#: A worker claims its part of a freeze in so many pieces, so that one that loses its core for a
#: moment is not waited for; never fewer iterations than this, as far as there are enough.
CLAIMS = 4
LEAST_CLAIM = 16

#: The stream of the draws that round float32 sums at a border: by freeze and row alone.
ROUNDING_STREAM = 127

#: Entries of the table that a border is ahead with what it asks memory for.
AHEAD = 64

#: So many cells of units lie in the second-level cache: nothing needs to be asked for.
NEAR_CELLS = 1 << 17

LARGEST_REGRET = float(np.finfo(np.float32).max)

#: Sums of units are below this in size. A cell of gains from here on is settled: its low 32
#: bits are those of the new regret, and the next one says that it met a limit.
SETTLED = 1 << 62
MET_LIMIT = 1 << 32


@device
def run_freezes(window, views, task, result):
    """Run the freezes of a task, together with all other workers.

    Args:
        window: device function ``(views, task, result, first, end)`` that runs iterations, adds
            what they bring to the increments and their utilities to ``result``, and returns the
            nodes visited, or ABANDONED.
        views: layout.KernelViews, with a border.
        task: layout.Task, the same for all workers but for its line.
        result: (RESULT_UTILITY + players,) float64, out: iterations of all workers together,
            nodes and utility units of this one.

    STOP_AT_WINDOW ends the task at the next border, with a prefix of it done. After STOP_NOW
    ``settle_freeze`` has to be called, and the totals in ``border`` tell what was done.
    """
    control, border = views.control, views.border
    result[:] = 0.0
    first = task.first_iteration
    end = first + task.iteration_count
    # Whoever left a meeting meets nobody before it is settled: the flag stays up until then.
    if first == end or atomic_load(control, STOP_FLAG) == STOP_NOW:
        return
    of_task = border.own + border.lines.totals + TOTALS_OF_TASK * border.lines.total_words
    for each in range(border.lines.total_words):
        border.line[at(of_task + each)] = 0
    if border.meeting.member == 0:
        border.line[FREEZE_CLAIMED] = first
    verdict = meet(control, border.meeting)
    while verdict == RUN and first < end:
        last = min(end, (first // border.freeze + 1) * border.freeze)
        verdict = _run_freeze(window, views, task, result, first, last)
        if verdict != STOP_NOW:
            first = last
    result[RESULT_ITERATIONS] = first - task.first_iteration
    result[RESULT_NODES] = border.line[at(of_task + TOTAL_NODES)]
    result[RESULT_WEIGHT] = 0.0


@device
def _run_freeze(window, views, task, result, first, last):
    """Run one freeze and apply what it brought; return the verdict of the meeting at its end."""
    table, control, border = views.table, views.control, views.border
    line, own, meeting = border.line, border.own, border.meeting
    number = line[at(own + FREEZE_STEP)] >> 1
    line[at(own + FREEZE_FIRST)] = first
    line[at(own + FREEZE_END)] = last
    even = -(-(last - first) // meeting.participants)
    piece = max(min(even, LEAST_CLAIM), -(-even // CLAIMS)) if meeting.participants > 1 else even
    visited, iterations = np.int64(0), np.int64(0)
    begin = atomic_claim(line, FREEZE_CLAIMED, piece)
    while begin < last:
        stop = min(begin + piece, last)
        nodes = window(views, task, result, begin, stop)
        if nodes == ABANDONED:
            return STOP_NOW
        visited += nodes
        iterations += stop - begin
        begin = atomic_claim(line, FREEZE_CLAIMED, piece)
    _add_totals(border, number, iterations, visited, result)
    if meet(control, meeting) == STOP_NOW:
        return STOP_NOW
    atomic_store(line, own + FREEZE_STEP, 2 * number + 1)
    in_order()
    if border.among_ranks == 1:
        show(control, task.worker_line, iterations, visited)
        return atomic_load(control, STOP_FLAG)
    if meeting.member == 0:
        line[FREEZE_CLAIMED] = last
    apply_units(table, border, own, meeting.member, meeting.participants, own)
    verdict = meet(control, meeting)
    if verdict != STOP_NOW:
        atomic_store(line, own + FREEZE_STEP, 2 * number + 2)
        in_order()
        show(control, task.worker_line, iterations, visited)
    return verdict


@device
def _add_totals(border, number, iterations, visited, result):
    """Write the totals after this freeze; those before it stay, should it be run again."""
    line, words = border.line, border.lines.total_words
    totals = border.own + border.lines.totals
    before = totals + (number & 1) * words
    after = totals + (1 - (number & 1)) * words
    of_task = totals + TOTALS_OF_TASK * words
    line[at(after + TOTAL_ITERATIONS)] = line[at(before + TOTAL_ITERATIONS)] + iterations
    line[at(after + TOTAL_NODES)] = line[at(before + TOTAL_NODES)] + visited
    line[at(of_task + TOTAL_NODES)] += visited
    for player in range(words - TOTAL_UTILITY):
        each = TOTAL_UTILITY + player
        units = np.int64(result[RESULT_UTILITY + player])
        line[at(after + each)] = line[at(before + each)] + units - line[at(of_task + each)]
        line[at(of_task + each)] = units


@device
def apply_units(table, border, freeze_own, member, members, own):
    """Apply and clear the units of every ``members``-th share of the rows.

    Args:
        table: layout.Table; nobody else writes to these rows.
        border: layout.Border.
        freeze_own: first of the words in which the freeze's iterations stand.
        member: the first share.
        members: the distance to the next.
        own: first of the words of whoever calls.
    """
    first = border.line[at(freeze_own + FREEZE_FIRST)]
    last = border.line[at(freeze_own + FREEZE_END)]
    # The mean of what each iteration weighs where it is not frozen.
    weight = 0.5 * (first + 1 + last) if border.weighting == WEIGHT_LINEAR else 1.0
    shift = border.share_shift
    beyond_cache = border.units.size > NEAR_CELLS
    for number in range(border.run.shape[0]):
        base, stride = border.run[at(number), RUN_BASE], border.run[at(number), RUN_STRIDE]
        count = border.run[at(number), RUN_COUNT]
        row = base
        end = base + border.run[at(number), RUN_ROWS] * stride
        while row < end:
            share = row >> shift
            behind = (share - member) % members
            if behind != 0:
                row = _row_from(base, stride, (share + members - behind) << shift)
                continue
            limit = min(end, (share + 1) << shift)
            while row < limit:
                if beyond_cache:
                    _prefetch_ahead(table, border, row)
                if _is_touched(border.units, row, count):
                    _apply_row(table, border, row, count, weight, own, first)
                row += stride


@device
def _prefetch_ahead(table, border, row):
    """Ask for what the rows some steps on need."""
    ahead = row + AHEAD
    for copy in range(border.units.shape[0]):
        prefetch(border.units[at(copy)], weight_cell(ahead, 0))
        prefetch(border.units[at(copy)], weight_cell(ahead, 0) + 8)
    prefetch_row(table, ahead, 2)


@device
def _row_from(base, stride, entry):
    """Return the first row of a run that does not begin before ``entry``."""
    return base + -(-(entry - base) // stride) * stride


@device
def _is_touched(units, row, count):
    """Tell whether any cell of a row differs from 0."""
    touched = np.int64(0)
    for copy in range(units.shape[0]):
        for action in range(count):
            touched |= units[at(copy), at(weight_cell(row, action))]
            touched |= units[at(copy), at(gain_cell(row, count, action))]
    return touched != 0


@device
def _apply_row(table, border, row, count, weight, own, freeze):
    """Add one row's units to it, cell by cell, in a way that can be finished by somebody else."""
    per_weight = weight / table.increments.per_weight
    per_chip = weight / table.increments.per_chip
    sums = sum_index(table.strategy_sum, row, count)
    regrets = regret_index(table.strategy_sum, row, count)
    unit = uniform(sweep_key(0, freeze, ROUNDING_STREAM), row)
    for action in range(count):
        _apply_weight(table, border, sums + action, row, action, per_weight, unit)
        _apply_gain(table, border, regrets + action, row, count, action, per_chip, own)


@device
def _apply_weight(table, border, place, row, action, per_weight, unit):
    """Add a cell's units to its strategy sum, at ``place``.

    A settled cell holds the new sum, negative; units are not, and sums are not. ``unit`` is a
    draw in [0, 1), by which float32 sums are rounded.
    """
    units, cell = border.units, weight_cell(row, action)
    if units[0, at(cell)] >= 0:
        added = _sum_of_copies(units, cell)
        total = np.float64(table.strategy_sum[at(place)]) + added * per_weight
        if is_compact(table.strategy_sum):
            total = round_to_single(total, rounding_bits(unit, action))
        border.unit_sum[0, at(cell)] = -total
    else:
        total = -border.unit_sum[0, at(cell)]
    in_order()
    table.strategy_sum[at(place)] = total
    in_order()
    _clear_cell(units, cell)


@device
def _apply_gain(table, border, place, row, count, action, per_chip, own):
    """Add a cell's units to its regret, at ``place``, and copy that to the blocks of the row.

    A settled cell holds the bits of the new regret, and whether it met a limit. A regret that
    nothing is added to keeps its bits, -0.0 too: what was cleared before a kill may be met again.
    """
    units, cell = border.units, gain_cell(row, count, action)
    held = units[0, at(cell)]
    if held < SETTLED:
        added = _sum_of_copies(units, cell)
        before = table.regret[at(place)]
        regret = np.float64(before) + added * per_chip
        kept = min(max(regret, max(border.floor, -LARGEST_REGRET)), LARGEST_REGRET)
        held = SETTLED + bits_of(np.float32(kept) if added != 0 else before)
        held += MET_LIMIT if added != 0 and kept != regret else 0
        units[0, at(cell)] = held
    in_order()
    table.regret[at(place)] = float_of(held)
    for copy in range(units.shape[0]):
        border.unit_regret[at(copy), at(copied_regret(row, count) + action)] = float_of(held)
    in_order()
    if held & MET_LIMIT == 0:
        _clear_cell(units, cell)
    else:
        line = border.line
        line[at(own + COUNTING_CLAMPED)] = line[at(own + FREEZE_CLAMPED)] + 1
        in_order()
        line[at(own + COUNTING_CELL)] = cell + 1
        in_order()
        _count_clamped(border, own)


@device
def _sum_of_copies(units, cell):
    """Return what all workers have added to one cell."""
    added = np.int64(0)
    for copy in range(units.shape[0]):
        added += units[at(copy), at(cell)]
    return added


@device
def _clear_cell(units, cell):
    """Clear a cell, that of the first copy last: it says that the cell is settled."""
    for copy in range(1, units.shape[0]):
        units[at(copy), at(cell)] = 0
    in_order()
    units[0, at(cell)] = 0
    in_order()


@device
def _count_clamped(border, own):
    """Count the regret that met a limit, and clear its units; may be done again."""
    line = border.line
    line[at(own + FREEZE_CLAMPED)] = line[at(own + COUNTING_CLAMPED)]
    in_order()
    _clear_cell(border.units, line[at(own + COUNTING_CELL)] - 1)
    line[at(own + COUNTING_CELL)] = 0
    in_order()


@kernel
def settle_freeze(table: Table, border: Border) -> None:
    """Bring the table to the last border after workers were stopped anywhere; may be repeated.

    Args:
        table: layout.Table, read and written; no worker runs.
        border: layout.Border of any worker.

    A freeze that was being applied is applied to the end, any other is forgotten. Then all
    workers stand at the same step and the totals of that step are right. Among ranks what was
    traversed to the end stays as it is.
    """
    line, words = border.line, border.lines.words
    latest, step = np.int64(CONTROL_LINE_WORDS), np.int64(-1)
    for own in range(CONTROL_LINE_WORDS, line.shape[0], words):
        if line[at(own + FREEZE_STEP)] > step:
            latest, step = own, line[at(own + FREEZE_STEP)]
    if step & 1 == 1 and border.among_ranks == 0:
        for own in range(CONTROL_LINE_WORDS, line.shape[0], words):
            if line[at(own + COUNTING_CELL)] != 0:
                _count_clamped(border, own)
        apply_units(table, border, latest, 0, 1, latest)
        step += 1
    elif step & 1 == 0:
        border.units[:] = 0
        put_regrets(table, border.run, border.unit_regret)
    in_order()
    for own in range(CONTROL_LINE_WORDS, line.shape[0], words):
        line[at(own + FREEZE_STEP)] = step


@kernel
def apply_freeze(table: Table, border: Border, first: int, last: int, member: int) -> None:
    """Apply and clear the units of all ranks, one worker's share of the rows.

    Args:
        table: layout.Table, read and written; no worker runs.
        border: layout.Border of any worker.
        first: iteration of the whole freeze.
        last: the one behind it.
        member: the worker whose share it is, and whose words count what met a limit.
    """
    own = CONTROL_LINE_WORDS + member * border.lines.words
    border.line[at(own + FREEZE_FIRST)] = first
    border.line[at(own + FREEZE_END)] = last
    apply_units(table, border, own, member, border.meeting.participants, own)
