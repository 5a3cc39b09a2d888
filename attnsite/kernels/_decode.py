"""One or a few queries over a KV cache: parts of the keys as units of work, joined by their log-sum-exps.

`cpu_simd_decode` says what it is good for; its siblings store the cache in fewer bits.
"""

from typing import NamedTuple

import numpy as np
from numba import get_num_threads, njit, prange

from attnsite.kernels._call import Arrays, base_two_scale, unpack_call
from attnsite.kernels._join import join
from attnsite.kernels._packing import copy, unpack, unpack_int8
from attnsite.kernels._panels import NOTHING, ONE, ZERO, begin_panel, mix_rows, score_rows, weigh_rows
from attnsite.kernels._rows import mix_keys, peak_keys, power, rescale, score_keys, score_two, touch, weigh_keys
from attnsite.kernels._simd import (
    WIDTH,
    broadcast,
    exp2,
    largest,
    load,
    maximum,
    multiply,
    store,
    subtract,
    where_equal,
)
from attnsite.kernels._simd_memory import fetch_add
from attnsite.kernels._storage import INT8
from attnsite.kernels._tile import INLINE, LANES, PANEL, ROWS
from attnsite.kernels._workspace import workspace

BLOCK = 64  # keys that are worked on at a time; a multiple of WIDTH
PART = 256  # keys a part has at least
UNITS = 64  # parts there should be for all threads together, if the keys suffice
TURN = 24  # heads of a group from which lanes are heads
_LN2 = np.float32(0.6931471805599453)


def decode(call, arrays):
    """Run a call that has been laid out; the array k16 and v16 may also be int8, see `cpu_simd_decode_int8`."""
    pairs, rows = call.batch * call.kv_heads, call.batch * call.heads * call.queries
    if rows == 0:
        return
    parts = max(1, min(-(-UNITS // pairs), call.keys // PART))
    threads = get_num_threads()
    ws, size = workspace(threads, _lay_out(call, 0).end)
    sums, logs = np.empty(rows * parts * call.dim, np.float32), np.empty(rows * parts, np.float32)
    _attention(np.array(call), *arrays, parts, ws, size, threads, sums, logs)  # type: ignore[call-arg]


class Layout(NamedTuple):
    """Where things lie in a thread's workspace, and how wide they are, in floats."""

    group: int  # heads that share a KV head
    wide: int  # a row of q, of the output, of packed k and v
    padded: int  # columns of O^T
    panels: int  # of heads, where lanes are heads
    area: int  # of a panel
    panel: int
    q: int
    mixed: int  # the output so far
    most: int  # the maxima so far
    total: int  # the sums so far
    scores: int
    k: int
    v: int
    spare: int
    end: int


def _lay_out(call, start):
    group = call.heads // call.kv_heads
    wide, padded = (call.dim + WIDTH - 1) // WIDTH * WIDTH, (call.dim + ROWS - 1) // ROWS * ROWS
    turned = group >= TURN
    panels, area = (group + LANES - 1) // LANES if turned else 0, (call.dim + padded + 2) * LANES
    rows, packed = call.queries * group, (BLOCK + WIDTH) * wide
    q = start + call.queries * panels * area
    mixed = q + rows * wide
    most = mixed + rows * wide
    scores = most + (2 * rows + 15) // 16 * 16
    k = scores + (BLOCK * LANES if turned else group * BLOCK)
    spare = k + 2 * packed
    return Layout(group, wide, padded, panels, area, start, q, mixed, most, most + rows, scores, k, k + packed, spare,
                  spare + WIDTH * WIDTH)  # fmt: skip


lay_out = njit(forceinline=True)(_lay_out)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _attention(numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, scales, parts, ws, size, threads, sums,
               logs):  # fmt: skip
    counter = np.zeros(1, np.int64)
    for thread in prange(threads):
        arrays = Arrays(q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, scales)
        _work(numbers, arrays, parts, ws, thread * size, counter, sums, logs)
    for thread in prange(threads):
        join(numbers, out, out16, taken, lse, parts, sums, logs, thread, threads)


@njit(nogil=True, error_model="numpy")
def _work(numbers, arrays, parts, ws, start, counter, sums, logs):
    call = unpack_call(numbers)
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.kv_heads * parts:
            return
        pair, part = task // parts, task % parts
        low, high = call.keys * part // parts, call.keys * (part + 1) // parts
        _part(call, arrays, pair // call.kv_heads, pair % call.kv_heads, low, high, part, parts, ws, start, sums, logs)


@njit(nogil=True, error_model="numpy")
def _part(call, arrays, b, kv, low, high, part, parts, ws, start, sums, logs):
    """Keys low … high of one KV head, for all queries of all its heads."""
    lay = lay_out(call, start)
    _begin(call, arrays, lay, b, kv, ws)
    ko, vo = b * call.k_batch + kv * call.k_head, b * call.v_batch + kv * call.v_head
    fits, wide = call.dim == lay.wide and not call.stored, lay.wide
    row = (b * call.kv_heads + kv) * call.keys  # of int8's scales
    for block in range(low, high, BLOCK):
        count = min(BLOCK, high - block)
        taken = arrays.taken
        if len(taken):
            taken = taken[b * call.keys + block : b * call.keys + block + count]
        k, k_at, k_step = arrays.k, ko + block * call.k_row, call.k_row
        v, v_at, v_step = arrays.v, vo + block * call.v_row, call.v_row
        if fits and lay.group > 1:
            touch(k, k_at, k_step, count, call.dim, ws, lay.spare)
        if not (fits and block + count + WIDTH <= call.keys):  # whole registers of keys are read
            _pack(call, arrays.k, arrays.k16, k_at, k_step, count, arrays.scales, row + block, ws, lay.k, wide)
            for i in range(lay.k + count * wide, lay.k + (count + WIDTH) * wide):
                ws[i] = ZERO
            k, k_at, k_step = ws, lay.k, wide
        if not fits or len(taken):
            rows = row + call.batch * call.kv_heads * call.keys + block
            _pack(call, arrays.v, arrays.v16, v_at, v_step, count, arrays.scales, rows, ws, lay.v, wide)
            for j in range(len(taken)):
                if not taken[j]:
                    for d in range(wide):
                        ws[lay.v + j * wide + d] = ZERO
            v, v_at, v_step = ws, lay.v, wide
        elif lay.group > 1 or wide > 8 * WIDTH:
            touch(v, v_at, v_step, count, call.dim, ws, lay.spare)
        for i in range(call.queries):
            first, last = max(0, i + call.low - block), min(count, i + call.high + 1 - block)
            if first < last:
                _answer(lay, i, k, k_at + first * k_step, k_step, v, v_at + first * v_step, v_step, call.dim,
                        last - first, taken[first:], ws)  # fmt: skip
    _end(call, lay, b, kv, part, parts, ws, sums, logs)


@njit(**INLINE)
def _pack(call, wide, narrow, at, step, count, scales, first, ws, to, to_step):
    if call.stored == INT8:
        unpack_int8(narrow, at, step, count, call.dim, scales, first, ws, to, to_step)
    elif call.stored:
        unpack(narrow, at, step, count, call.dim, call.stored, ws, to, to_step)
    else:
        copy(wide, at, step, count, call.dim, ws, to, to_step)


@njit(nogil=True, error_model="numpy")
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


@njit(nogil=True, error_model="numpy")
def _end(call, lay, b, kv, part, parts, ws, sums, logs):
    """What this part found: each row's softmax over it, and the log2 of its sum."""
    scale = base_two_scale(call.dim)
    for r in range(call.queries * lay.group):
        i, g = r // lay.group, r % lay.group
        if lay.panels:
            at = lay.panel + (i * lay.panels + g // LANES) * lay.area + call.dim * LANES + g % LANES
            step, most = LANES, at + lay.padded * LANES
            total = most + LANES
        else:
            at, step, most, total = lay.mixed + r * lay.wide, 1, lay.most + r, lay.total + r
        row = ((b * call.heads + kv * lay.group + g) * call.queries + i) * parts + part
        share = ZERO if ws[total] == ZERO else ONE / ws[total]
        for d in range(call.dim):
            sums[row * call.dim + d] = ws[at + d * step] * share
        logs[row] = NOTHING if ws[total] == ZERO else ws[most] * scale + np.float32(np.log2(ws[total]))


@njit(**INLINE)
def _answer(lay, i, k, k_at, k_step, v, v_at, v_step, dim, seen, taken, ws):
    """Query i, of all heads of the group, meets `seen` keys of a block."""
    wide, r = lay.wide, i * lay.group
    if lay.panels:
        for panel in range(lay.panels):
            base = lay.panel + (i * lay.panels + panel) * lay.area
            _turned(ws, base, k, k_at, k_step, v, v_at, v_step, dim, lay.padded, seen, taken, lay.scores)
        return
    for g in range(0, lay.group - 1, 2):
        score_two(ws, lay.q + (r + g) * wide, wide, k, k_at, k_step, wide, lay.scores + g * BLOCK, BLOCK, seen,
                  lay.spare)  # fmt: skip
    if lay.group % 2:
        g = lay.group - 1
        score_keys(ws, lay.q + (r + g) * wide, k, k_at, k_step, wide, lay.scores + g * BLOCK, seen, lay.spare)
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
    shift = ZERO if new == NOTHING else new * scale
    alpha = power(old * scale - shift)
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
    scale = base_two_scale(dim)
    factor = broadcast(scale, PANEL)
    shift = multiply(where_equal(best, NOTHING, ZERO), factor)
    alpha = exp2(subtract(multiply(old, factor), shift))
    store(ws, sums, best)
    store(ws, sums + LANES, weigh_rows(ws, p, 0, seen, scale, shift, multiply(load(ws, sums + LANES, PANEL), alpha)))
    mix_rows(ws, base + dim * LANES, p, 0, seen, v, v_at, v_step, padded, alpha)
