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
- It is odd: everybody had finished traversing. The border is finished: rows whose units differ
  from 0 have not been written yet, a row that somebody was writing is written again from that
  worker's *redo* copy, which is complete before the row's first word changes.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.atomics import atomic_claim, atomic_load, atomic_store, in_order, prefetch
from cfr_shm.kernels.barrier import meet
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.progress import show
from cfr_shm.kernels.rng import sweep_key, uniform
from cfr_shm.kernels.rows import (
    is_compact,
    prefetch_row,
    regret_index,
    round_to_single,
    rounding_bits,
    sum_index,
)
from cfr_shm.layout import (
    CONTROL_LINE_WORDS,
    FREEZE_CLAIMED,
    FREEZE_CLAMPED,
    FREEZE_END,
    FREEZE_FIRST,
    FREEZE_STEP,
    MARK_SHIFT,
    MARK_WORD_SHIFT,
    REDO_CLAMPED,
    REDO_COUNT,
    REDO_ROW,
    RESULT_ITERATIONS,
    RESULT_NODES,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    RUN,
    RUN_BASE,
    RUN_COUNT,
    RUN_ROWS,
    RUN_STRIDE,
    STOP_FLAG,
    STOP_NOW,
    TOTAL_ITERATIONS,
    TOTAL_NODES,
    TOTAL_UTILITY,
    TOTALS_OF_TASK,
    WEIGHT_LINEAR,
)

#: What a window returns when it was told to stop at once.
ABANDONED = -1

#: A worker claims its part of a freeze in so many pieces, so that one that loses its core for a
#: moment is not waited for; never fewer iterations than this, as far as there are enough.
CLAIMS = 4
LEAST_CLAIM = 16

#: The stream of the draws that round float32 sums at a border: by freeze and row alone.
ROUNDING_STREAM = 127

#: Entries of the table that a border is ahead with what it asks memory for.
AHEAD = 64

LARGEST_REGRET = float(np.finfo(np.float32).max)


@device
def run_freezes(window, views, table, task, control, border, result):
    """Run the freezes of a task, together with all other workers.

    Args:
        window: device function ``(views, first, end)`` that runs iterations, adds what they
            bring to the increments and their utilities to ``result``, and returns the nodes
            visited, or ABANDONED.
        views: what ``window`` takes; it has the same ``result``.
        table: layout.Table.
        task: layout.Task, the same for all workers but for its line.
        control: (control_words,) int64, shared.
        border: layout.Border.
        result: (RESULT_UTILITY + players,) float64, out: iterations of all workers together,
            nodes and utility units of this one.

    STOP_AT_WINDOW ends the task at the next border, with a prefix of it done. After STOP_NOW
    ``settle_freeze`` has to be called, and the totals in ``border`` tell what was done.
    """
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
        verdict = _run_freeze(window, views, table, task, control, border, result, first, last)
        if verdict != STOP_NOW:
            first = last
    result[RESULT_ITERATIONS] = first - task.first_iteration
    result[RESULT_NODES] = border.line[at(of_task + TOTAL_NODES)]
    result[RESULT_WEIGHT] = 0.0


@device
def _run_freeze(window, views, table, task, control, border, result, first, last):
    """Run one freeze and apply what it brought; return the verdict of the meeting at its end."""
    line, own, meeting = border.line, border.own, border.meeting
    number = line[at(own + FREEZE_STEP)] >> 1
    line[at(own + FREEZE_FIRST)] = first
    line[at(own + FREEZE_END)] = last
    even = -(-(last - first) // meeting.participants)
    piece = max(min(even, LEAST_CLAIM), -(-even // CLAIMS))
    visited, iterations = np.int64(0), np.int64(0)
    begin = atomic_claim(line, FREEZE_CLAIMED, piece)
    while begin < last:
        stop = min(begin + piece, last)
        nodes = window(views, begin, stop)
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
        own: first of the words of whoever calls, for the redo copy.
    """
    first = border.line[at(freeze_own + FREEZE_FIRST)]
    last = border.line[at(freeze_own + FREEZE_END)]
    # The mean of what each iteration weighs where it is not frozen.
    weight = 0.5 * (first + 1 + last) if border.weighting == WEIGHT_LINEAR else 1.0
    shift = border.share_shift
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
            word, limit = row >> MARK_WORD_SHIFT, min(end, (share + 1) << shift)
            if border.mark_word[at(word)] == 0:
                while (word << MARK_WORD_SHIFT) < limit and border.mark_word[at(word)] == 0:
                    word += 1
                row = _row_from(base, stride, word << MARK_WORD_SHIFT)
            else:
                if table.increments.mark[at(row >> MARK_SHIFT)] != 0:
                    _prefetch_ahead(table, border, row)
                    _apply_row(table, border, row, count, weight, own, first)
                row += stride
    _clear_marks(border, member, members)


@device
def _prefetch_ahead(table, border, row):
    """Ask for what the rows some steps on need: the marks leave gaps that no hardware guesses."""
    for line in range(AHEAD, AHEAD + 2 * 8, 8):
        for copy in range(border.units.shape[0]):
            prefetch(border.units[at(copy)], 2 * row + 2 * line)
            prefetch(border.units[at(copy)], 2 * row + 2 * line + 8)
        prefetch_row(table, row + line, 8)


@device
def _row_from(base, stride, entry):
    """Return the first row of a run that does not begin before ``entry``."""
    return base + -(-(entry - base) // stride) * stride


@device
def _clear_marks(border, member, members):
    """Clear the marks of every ``members``-th share: all their units are 0."""
    mark_word = border.mark_word
    size = 1 << (border.share_shift - MARK_WORD_SHIFT)
    first = member * size
    while first < mark_word.shape[0]:
        for word in range(first, min(first + size, mark_word.shape[0])):
            if mark_word[at(word)] != 0:
                mark_word[at(word)] = 0
        first += members * size


@device
def _apply_row(table, border, row, count, weight, own, freeze):
    """Add one row's units to it, in a way that can be finished by somebody else."""
    units, line = border.units, border.line
    touched = np.int64(0)
    for copy in range(units.shape[0]):
        for each in range(2 * row, 2 * (row + count)):
            touched |= units[at(copy), at(each)]
    if touched == 0:
        return
    redo = own + border.lines.redo
    per_weight = weight / table.increments.per_weight
    per_chip = weight / table.increments.per_chip
    clamped = line[at(own + FREEZE_CLAMPED)]
    sums = sum_index(table.strategy_sum, row, count)
    regrets = regret_index(table.strategy_sum, row, count)
    unit = uniform(sweep_key(0, freeze, ROUNDING_STREAM), row)
    for action in range(count):
        weights, gains = np.int64(0), np.int64(0)
        for copy in range(units.shape[0]):
            weights += units[at(copy), at(2 * row + action)]
            gains += units[at(copy), at(2 * row + count + action)]
        total = np.float64(table.strategy_sum[at(sums + action)]) + weights * per_weight
        if is_compact(table.strategy_sum):
            total = round_to_single(total, rounding_bits(unit, action))
        border.redo_sum[at(redo + action)] = total
        regret = np.float64(table.regret[at(regrets + action)]) + gains * per_chip
        kept = min(max(regret, max(border.floor, -LARGEST_REGRET)), LARGEST_REGRET)
        clamped += kept != regret
        border.redo_regret[at(2 * (redo + count) + action)] = np.float32(kept)
    line[at(own + REDO_CLAMPED)] = clamped
    line[at(own + REDO_COUNT)] = count
    in_order()
    line[at(own + REDO_ROW)] = row + 1
    in_order()
    _finish_row(table, border, own)


@device
def _finish_row(table, border, own):
    """Write the row that a redo copy is of, and clear its units; may be done again."""
    line, units = border.line, border.units
    row = line[at(own + REDO_ROW)] - 1
    count = line[at(own + REDO_COUNT)]
    redo = own + border.lines.redo
    sums = sum_index(table.strategy_sum, row, count)
    regrets = regret_index(table.strategy_sum, row, count)
    for action in range(count):
        table.strategy_sum[at(sums + action)] = border.redo_sum[at(redo + action)]
        table.regret[at(regrets + action)] = border.redo_regret[at(2 * (redo + count) + action)]
    for copy in range(units.shape[0]):
        for each in range(2 * row, 2 * (row + count)):
            units[at(copy), at(each)] = 0
    line[at(own + FREEZE_CLAMPED)] = line[at(own + REDO_CLAMPED)]
    in_order()
    line[at(own + REDO_ROW)] = 0
    in_order()


@kernel
def settle_freeze(table, border):
    """Bring the table to the last border after workers were stopped anywhere; may be repeated.

    Args:
        table: layout.Table, read and written; no worker runs.
        border: layout.Border of any worker.

    A freeze that was being applied is applied to the end, any other is forgotten. Then all
    workers stand at the same step and the totals of that step are right.
    """
    line, words = border.line, border.lines.words
    latest, step = np.int64(CONTROL_LINE_WORDS), np.int64(-1)
    for own in range(CONTROL_LINE_WORDS, line.shape[0], words):
        if line[at(own + FREEZE_STEP)] > step:
            latest, step = own, line[at(own + FREEZE_STEP)]
    if step & 1 == 1:
        for own in range(CONTROL_LINE_WORDS, line.shape[0], words):
            if line[at(own + REDO_ROW)] != 0:
                _finish_row(table, border, own)
        apply_units(table, border, latest, 0, 1, latest)
        step += 1
    else:
        border.units[:] = 0
        border.mark_word[:] = 0
    in_order()
    for own in range(CONTROL_LINE_WORDS, line.shape[0], words):
        line[at(own + FREEZE_STEP)] = step
