"""One or a few queries over a KV cache: parts of the keys as units of work, joined by their maxima and sums.

`cpu_simd_decode` says what it is good for; its siblings store the cache in fewer bits.
"""

import numpy as np
from numba import get_num_threads, njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import Arrays, base_two_scale, unpack_call
from attnsite.kernels.simd.decode_layout import BLOCK, LONG, lay_out, lay_out_compiled
from attnsite.kernels.simd.decode_narrow import mix_stored, score_stored
from attnsite.kernels.simd.decode_steps import mix_keys, peak_keys, power, rescale, score_heads, touch, weigh_keys
from attnsite.kernels.simd.half import INT8
from attnsite.kernels.simd.join import join
from attnsite.kernels.simd.memory import fetch_add
from attnsite.kernels.simd.packing import copy, unpack, unpack_int8
from attnsite.kernels.simd.prefill_steps import NOTHING, ONE, ZERO, begin_panel, mix_rows, score_rows, weigh_rows
from attnsite.kernels.simd.registers import (
    WIDTH,
    broadcast,
    exp2_scaled,
    largest,
    load,
    maximum,
    multiply,
    store,
    subtract,
    where_equal,
)
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import on_all
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS

PART = 256  # keys a part has at least
UNITS = 64  # parts there should be for all threads together, if the keys suffice
TOGETHER = 4  # heads for which values are read in few enough passes to be taken as they come
_LN2 = np.float32(0.6931471805599453)


def decode(call, numbers, arrays):
    """Run a call that has been laid out; the array k16 and v16 may also be int8, see `cpu_simd_decode_int8`."""
    pairs, rows = call.batch * call.kv_heads, call.batch * call.heads * call.queries
    if rows == 0:
        return
    low, high = sight(call)
    parts = max(1, min(-(-UNITS // pairs), (high - low) // PART))
    threads = min(get_num_threads(), pairs * parts)
    ws, size = workspace(threads, lay_out(call, 0).end)
    sums = np.empty(rows * parts * call.dim, np.float32)
    peaks, totals = np.empty(rows * parts, np.float32), np.empty(rows * parts, np.float32)
    on_all(_work, threads, numbers, *arrays, parts, ws, size, sums, peaks, totals, np.zeros(1, np.int64))
    on_all(join, threads, numbers, arrays.out, arrays.out16, arrays.taken, arrays.lse, parts, sums, peaks, totals,
           threads)  # fmt: skip


def sight(call):
    """The first key that any query sees, and the one behind the last: what a window hides from all is never read."""
    low = max(0, call.low)
    return low, max(low, min(call.keys, call.queries + call.high))


sight_compiled = njit(**INLINE)(sight)


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, parts, ws, size,
          sums, peaks, totals, counter):  # fmt: skip
    """What one thread does: parts of the keys, as long as the counter gives any."""
    arrays = Arrays(q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales)
    start = thread * size
    call = unpack_call(numbers)
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.kv_heads * parts:
            return
        pair, part = task // parts, task % parts
        first, end = sight_compiled(call)
        low, high = first + (end - first) * part // parts, first + (end - first) * (part + 1) // parts
        _part(call, arrays, pair // call.kv_heads, pair % call.kv_heads, low, high, part, parts, ws, start, sums, peaks,
              totals)  # fmt: skip


@njit(**INNER)
def _part(call, arrays, b, kv, low, high, part, parts, ws, start, sums, peaks, totals):
    """Keys low … high of one KV head, for all queries of all its heads."""
    lay = lay_out_compiled(call, start)
    _begin(call, arrays, lay, b, kv, ws)
    ko, vo = b * call.k_batch + kv * call.k_head, b * call.v_batch + kv * call.v_head
    fits, wide = call.dim == lay.wide and not call.stored, lay.wide
    row = (b * call.kv_heads + kv) * call.keys  # of int8's scales
    if call.stored and lay.group == 1 and call.queries == 1 and call.dim == wide and len(arrays.taken) == 0:
        _narrow(call, arrays, lay, ko, vo, row, max(low, call.low), min(high, call.high + 1), ws)
        low = high
    for block in range(low, high, BLOCK):
        count = min(BLOCK, high - block)
        taken = arrays.taken
        if len(taken):
            taken = taken[b * call.keys + block : b * call.keys + block + count]
        k, k_at, k_step = arrays.k, ko + block * call.k_row, call.k_row
        v, v_at, v_step = arrays.v, vo + block * call.v_row, call.v_row
        if fits and lay.panels:
            touch(k, k_at, k_step, count, call.dim, ws, lay.spare)
        if not (fits and block + count + WIDTH <= call.keys):  # whole registers of keys are read
            _pack(call, arrays.k, arrays.k16, k_at, k_step, count, arrays.k_scales, row + block, ws, lay.k, wide)
            for i in range(lay.k + count * wide, lay.k + (count + WIDTH) * wide):
                ws[i] = ZERO
            k, k_at, k_step = ws, lay.k, wide
        if not fits or len(taken):
            _pack(call, arrays.v, arrays.v16, v_at, v_step, count, arrays.v_scales, row + block, ws, lay.v, wide)
            for j in range(len(taken)):
                if not taken[j]:
                    for d in range(wide):
                        ws[lay.v + j * wide + d] = ZERO
            v, v_at, v_step = ws, lay.v, wide
        elif lay.group > TOGETHER or wide > 8 * WIDTH:
            touch(v, v_at, v_step, count, call.dim, ws, lay.spare)
        for i in range(call.queries):
            first, last = max(0, i + call.low - block), min(count, i + call.high + 1 - block)
            if first < last:
                _answer(lay, i, k, k_at + first * k_step, k_step, v, v_at + first * v_step, v_step, call.dim,
                        last - first, taken[first:], ws)  # fmt: skip
    _end(call, lay, b, kv, part, parts, ws, sums, peaks, totals)


@njit(**INNER)
def _narrow(call, arrays, lay, ko, vo, row, low, high, ws):
    """Keys low … high for a single row, from 16-bit or int8 storage."""
    for block in range(low, high, LONG):
        count = min(LONG, high - block)
        k_at, scale = ko + block * call.k_row, base_two_scale(call.dim)
        score_stored(call.stored, ws, lay.q, arrays.k16, k_at, call.k_row, call.dim, lay.scores, count,
                     arrays.k_scales, row + block, lay.spare)  # fmt: skip
        _weighed(ws, lay.scores, count, arrays.taken, scale, lay.most, lay.total, lay.mixed, call.dim)
        mix_stored(call.stored, ws, lay.scores, arrays.v16, vo + block * call.v_row, call.v_row, call.dim, count,
                   lay.mixed, arrays.v_scales, row + block)  # fmt: skip


@njit(**INLINE)
def _pack(call, wide, narrow, at, step, count, scales, first, ws, to, to_step):
    if call.stored == INT8:
        unpack_int8(narrow, at, step, count, call.dim, scales, first, ws, to, to_step)
    elif call.stored:
        unpack(narrow, at, step, count, call.dim, call.stored, ws, to, to_step)
    else:
        copy(wide, at, step, count, call.dim, ws, to, to_step)


@njit(**INNER)
def _begin(call, arrays, lay, b, kv, ws):
    """Pack the queries of all heads of the group, and clear what will be summed up."""
    for i in range(call.queries):
        for g in range(lay.group):
            at = b * call.q_batch + (kv * lay.group + g) * call.q_head + i * call.q_row
            to = lay.q + (i * lay.group + g) * lay.wide
            if call.asked:
                unpack(arrays.q16, at, 0, 1, call.dim, call.asked, ws, to, lay.wide)
            else:
                copy(arrays.q, at, 0, 1, call.dim, ws, to, lay.wide)
        for panel in range(lay.panels):
            base, first = lay.panel + (i * lay.panels + panel) * lay.area, panel * LANES
            ot = base + call.dim * LANES
            q, rows = lay.q + (i * lay.group + first) * lay.wide, min(LANES, lay.group - first)
            begin_panel(ws, base, ot, ot + lay.padded * LANES, lay.padded, ws, q, lay.wide, rows, call.dim, ONE)
    if lay.panels == 0:
        for r in range(call.queries * lay.group):
            ws[lay.most + r], ws[lay.total + r] = NOTHING, ZERO
            for d in range(r * lay.wide, (r + 1) * lay.wide):
                ws[lay.mixed + d] = ZERO


@njit(**INNER)
def _end(call, lay, b, kv, part, parts, ws, sums, peaks, totals):
    """What this part found: each row's weighted sum over it, its largest score, and the sum of its weights."""
    for r in range(call.queries * lay.group):
        i, g = r // lay.group, r % lay.group
        if lay.panels:
            at = lay.panel + (i * lay.panels + g // LANES) * lay.area + call.dim * LANES + g % LANES
            step, most = LANES, at + lay.padded * LANES
            total = most + LANES
        else:
            at, step, most, total = lay.mixed + r * lay.wide, 1, lay.most + r, lay.total + r
        row = ((b * call.heads + kv * lay.group + g) * call.queries + i) * parts + part
        for d in range(call.dim):
            sums[row * call.dim + d] = ws[at + d * step]
        peaks[row], totals[row] = ws[most], ws[total]


@njit(**INLINE)
def _answer(lay, i, k, k_at, k_step, v, v_at, v_step, dim, seen, taken, ws):
    """Query i, of all heads of the group, meets `seen` keys of a block."""
    wide, r = lay.wide, i * lay.group
    if lay.panels:
        for panel in range(lay.panels):
            base = lay.panel + (i * lay.panels + panel) * lay.area
            _turned(ws, base, k, k_at, k_step, v, v_at, v_step, dim, lay.padded, seen, taken, lay.scores)
        return
    score_heads(ws, lay.q + r * wide, wide, k, k_at, k_step, wide, lay.scores, BLOCK, seen, lay.spare, lay.group)
    scale = base_two_scale(dim)
    for g in range(lay.group):
        _weighed(ws, lay.scores + g * BLOCK, seen, taken, scale, lay.most + r + g, lay.total + r + g,
                 lay.mixed + (r + g) * wide, wide)  # fmt: skip
    mix_keys(ws, lay.scores, BLOCK, v, v_at, v_step, seen, wide, lay.mixed + r * wide, wide, lay.group)


@njit(**INLINE)
def _weighed(ws, p, seen, taken, scale, m, total, o, wide):
    """One row's scores become weights; its maximum, its sum and what was mixed so far are brought up to date."""
    for j in range(len(taken)):
        if j < seen and not taken[j]:
            ws[p + j] = NOTHING
    old = ws[m]
    new = max(old, largest(peak_keys(ws, p, seen)))
    shift = ZERO if new == NOTHING else new
    alpha = power(old - shift, scale)
    ws[m] = new
    ws[total] = ws[total] * alpha + weigh_keys(ws, p, seen, scale, shift)
    rescale(ws, o, wide, alpha)


@njit(**INLINE)
def _turned(ws, base, k, k_at, k_step, v, v_at, v_step, dim, padded, seen, taken, p):
    """The same for a panel whose lanes are heads."""
    sums = base + (dim + padded) * LANES
    old = load(ws, sums, PANEL)
    whole = seen // ROWS * ROWS if len(taken) == 0 else 0
    best = score_rows(ws, base, k, k_at, k_step, dim, p, 0, whole, old)
    score_rows(ws, base, k, k_at, k_step, dim, p, whole, (seen + ROWS - 1) // ROWS * ROWS, old)
    for j in range(whole, seen):
        s = load(ws, p + j * LANES, PANEL)
        if len(taken) and not taken[j]:
            s = broadcast(NOTHING, PANEL)
            store(ws, p + j * LANES, s)
        best = maximum(s, best)
    scale, shift = base_two_scale(dim), where_equal(best, NOTHING, ZERO)
    alpha = exp2_scaled(subtract(old, shift), scale)
    store(ws, sums, best)
    store(ws, sums + LANES, weigh_rows(ws, p, 0, seen, scale, shift, multiply(load(ws, sums + LANES, PANEL), alpha)))
    mix_rows(ws, base + dim * LANES, p, 0, seen, v, v_at, v_step, padded, alpha)
