"""`cpu_simd` with all scores written out before the softmax reads them: a control, for one comparison.

A control does on purpose what a good kernel does not, so that what it costs can be measured with everything else
equal; it is on no ladder. `cpu_blas` writes its scores out too, but through other products and another exponential, so
that its time beside a tiled kernel's says nothing about writing alone. Here the products, the exponential and the
panels are those of `cpu_simd`, and what differs is that each of three passes goes over everything before the next one
begins: scores, weights, values.

Bytes: those of `cpu_simd`, and the scores four times, 4·heads·queries·keys bytes each: written, read and written again
as weights, read. The maximum of a row is noted while its scores are computed, so that the softmax reads them once.

Look at `_score`, `_weigh` and `_mix`. The memory for the scores is kept from one call to the next: new pages, which the
system has to clear when they are first touched, are not what is compared here.
"""

import numpy as np
from numba import get_num_threads, njit

from attnsite.kernels.cpu_simd import KEYS, PANELS, _finish, mix_seen, padded_width
from attnsite.kernels.simd.call import Arrays, base_two_scale, prepare, unpack_call
from attnsite.kernels.simd.memory import fetch_add
from attnsite.kernels.simd.packing import copy, is_finite
from attnsite.kernels.simd.prefill_steps import (
    FAR,
    NOTHING,
    ONE,
    ZERO,
    begin_panel,
    end_panel,
    mask_rows,
    mix_rows,
    score_rows,
    weigh_rows,
)  # fmt: skip
from attnsite.kernels.simd.registers import broadcast, load, store, where_equal
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import on_all, share_out
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_simd"


def attention(q, k, v, out, *, causal):
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim), all float32."""
    call, numbers, arrays = prepare(q, k, v, out, causal=causal)
    if call.asked or call.stored or call.written:
        raise NotImplementedError("float32 only")
    pairs, most = call.batch * call.heads, -(-call.queries // LANES)
    if pairs * most == 0:
        return
    panels = share_out(pairs, most, PANELS, get_num_threads())
    threads = min(get_num_threads(), pairs * -(-most // panels))
    keys, padded = -(-call.keys // ROWS) * ROWS, -(-call.dim // ROWS) * ROWS
    area = (call.dim + padded + 2 + keys) * LANES  # of a panel: Q^T, O^T, maxima and sums, and its scores
    scratch = 2 * KEYS * (call.dim + ROWS)  # of a thread: keys and values, packed
    ws, _ = workspace(1, pairs * most * area + threads * scratch)
    for step in (_score, _weigh, _mix):
        on_all(step, threads, numbers, *arrays, panels, area, pairs * most * area, scratch, ws, np.zeros(1, np.int64))


@njit(nogil=True, cache=True, error_model="numpy")
def _score(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, panels, area,
           spare, scratch, ws, counter):  # fmt: skip
    """The first pass: pack the queries, write all scores and note the maxima."""
    call, dim = unpack_call(numbers), numbers[5]
    padded, packed = padded_width(call), spare + thread * scratch
    most = (call.queries + LANES - 1) // LANES
    tiles = (most + panels - 1) // panels
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.heads * tiles:
            return
        pair, place = task // tiles, task % tiles * panels
        b, h = pair // call.heads, pair % call.heads
        last = min(most, place + panels)
        for panel in range(place, last):
            base, rows = (pair * most + panel) * area, min(LANES, call.queries - panel * LANES)
            at = b * call.q_batch + h * call.q_head + panel * LANES * call.q_row
            begin_panel(ws, base, base + dim * LANES, base + (dim + padded) * LANES, padded, q, at, call.q_row, rows,
                        dim, ONE)  # fmt: skip
        for tile in range(0, call.keys, KEYS):
            width = min(KEYS, call.keys - tile)
            end = (width + ROWS - 1) // ROWS * ROWS
            at = b * call.k_batch + h // (call.heads // call.kv_heads) * call.k_head + tile * call.k_row
            keys, step = k, call.k_row
            if width % ROWS:
                copy(k, at, step, width, dim, ws, packed, dim)
                for i in range(packed + width * dim, packed + end * dim):
                    ws[i] = ZERO
                keys, at, step = ws, packed, dim
            for panel in range(place, last):
                base, high = (pair * most + panel) * area, panel * LANES + call.high - tile
                sums = base + (dim + padded) * LANES
                p = sums + (2 + tile) * LANES
                until = max(0, min(width, high + 1) // ROWS * ROWS)
                old = load(ws, sums, PANEL)
                m = score_rows(ws, base, keys, at, step, dim, p, 0, until, old)
                score_rows(ws, base, keys, at, step, dim, p, until, end, old)
                store(ws, sums, mask_rows(ws, p, until, end, -FAR, high, width, taken, ZERO, 0, m))


@njit(nogil=True, cache=True, error_model="numpy")
def _weigh(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, panels, area,
           spare, scratch, ws, counter):  # fmt: skip
    """The second pass: scores become weights, in place, and are added up."""
    call = unpack_call(numbers)
    most, padded, scale = (call.queries + LANES - 1) // LANES, padded_width(call), base_two_scale(call.dim)
    end = (call.keys + ROWS - 1) // ROWS * ROWS
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.heads * most:
            return
        sums = task * area + (call.dim + padded) * LANES
        shift = where_equal(load(ws, sums, PANEL), NOTHING, ZERO)
        store(ws, sums + LANES, weigh_rows(ws, sums + 2 * LANES, 0, end, scale, shift, load(ws, sums + LANES, PANEL)))


@njit(nogil=True, cache=True, error_model="numpy")
def _mix(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, panels, area,
         spare, scratch, ws, counter):  # fmt: skip
    """The third pass: weighted sums of the values, divided by the sums of the weights."""
    arrays = Arrays(q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales)
    call, dim = unpack_call(numbers), numbers[5]
    padded, packed, one = padded_width(call), spare + thread * scratch, broadcast(ONE, PANEL)
    most = (call.queries + LANES - 1) // LANES
    tiles = (most + panels - 1) // panels
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.heads * tiles:
            return
        pair, place = task // tiles, task % tiles * panels
        b, h = pair // call.heads, pair % call.heads
        last = min(most, place + panels)
        for tile in range(0, call.keys, KEYS):
            width = min(KEYS, call.keys - tile)
            at = b * call.v_batch + h // (call.heads // call.kv_heads) * call.v_head + tile * call.v_row
            values, step = v, call.v_row
            if padded != dim:
                copy(v, at, step, width, dim, ws, packed, padded)
                values, at, step = ws, packed, padded
            hidden = place * LANES + call.high < tile + width - 1
            spoiled = hidden and not is_finite(values, at, step, width, dim)
            for panel in range(place, last):
                base, high = (pair * most + panel) * area, panel * LANES + call.high - tile
                ot, p = base + dim * LANES, base + (dim + padded + 2 + tile) * LANES
                if spoiled:
                    rows = min(LANES, call.queries - panel * LANES)
                    mix_seen(ws, ot, p, 0, width, values, at, step, dim, -FAR, high, taken, rows)
                else:
                    mix_rows(ws, ot, p, 0, width, values, at, step, padded, one)
        for panel in range(place, last):
            base, rows = (pair * most + panel) * area, min(LANES, call.queries - panel * LANES)
            sums, at = (
                base + (dim + padded) * LANES,
                b * call.out_batch + h * call.out_head + panel * LANES * call.out_row,
            )
            end_panel(ws, base + dim * LANES, sums, out, at, call.out_row, rows, dim)
            _finish(call, arrays, taken, b, h, panel * LANES, rows, ws, sums, at)
