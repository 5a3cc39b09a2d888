"""One or a few queries over a KV cache: parts of the keys as units of work, joined by their maxima and sums.

`cpu_simd_decode` says what it is good for; its siblings store the cache in fewer bits.
"""

import numpy as np
from numba import get_num_threads, njit
from numba.extending import register_jitable

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import base_two_scale, unpack_call
from attnsite.kernels.simd.decode_layout import BLOCK, STORED_BLOCK, lay_out
from attnsite.kernels.simd.decode_narrow import mix_stored, score_stored
from attnsite.kernels.simd.decode_steps import mix_keys, peak_keys, power, rescale, score_heads, touch, weigh_keys
from attnsite.kernels.simd.half import INT8
from attnsite.kernels.simd.join import Parts, join
from attnsite.kernels.simd.packing import clear_rows, copy, unpack, unpack_int8
from attnsite.kernels.simd.prefill_steps import (
    NOTHING,
    ZERO,
    begin_panel,
    mix_rows,
    panel_at,
    score_rows,
    weigh_panel,
)  # fmt: skip
from attnsite.kernels.simd.registers import WIDTH, broadcast, largest, load, maximum, pointer, store
from attnsite.kernels.simd.rows import Rows, rows_at, rows_from
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import deal, next_task, on_all
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS

PART = 256  # keys a part has at least
UNITS = 64  # parts there should be for all threads together, if the keys suffice
VALUES_AS_THEY_COME = 4  # heads of a group, at most, for which values are read in few enough passes


def decode(call, numbers, arrays):
    """Run a call that `prepare` has laid out; k and v may also be int8, see `cpu_simd_decode_int8`."""
    pairs, rows = call.batch * call.kv_heads, call.batch * call.heads * call.queries
    if rows == 0:
        return
    low, high = sight(call)
    parts = max(1, min(-(-UNITS // pairs), (high - low) // PART))
    threads = min(get_num_threads(), pairs * parts)
    scratch, size = workspace(threads, lay_out(call, 0).end)
    found = (np.empty(rows * parts * call.dim, np.float32), np.empty(rows * parts, np.float32),
             np.empty(rows * parts, np.float32))  # fmt: skip
    on_all(_work, threads, numbers, arrays, parts, scratch, size, found, deal(pairs * parts))
    on_all(join, threads, numbers, arrays, found, parts, threads)


@register_jitable(**INLINE)
def sight(call):
    """The first key that any query sees, and the one behind the last: what a window hides from all is never read."""
    low = max(0, call.low)
    return low, max(low, min(call.keys, call.queries + call.high))


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, arrays, parts, scratch, size, found, dealt):
    """What one thread does: parts of the keys, as long as the counter gives any."""
    (call, arrays), scratch = unpack_call(numbers, arrays), pointer(scratch)
    lay = lay_out(call, thread * size)
    found = Parts(pointer(found[0]), pointer(found[1]), pointer(found[2]))
    first, end = sight(call)
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        pair, part = task // parts, task % parts
        low, high = first + (end - first) * part // parts, first + (end - first) * (part + 1) // parts
        b, kv = pair // call.kv_heads, pair % call.kv_heads
        _part(call, arrays, lay, scratch, b, kv, low, high)
        _end(call, lay, scratch, b, kv, part, parts, found)


@njit(**INNER)
def _part(call, arrays, lay, scratch, b, kv, low, high):
    """Keys low … high − 1 of one KV head, for all queries of all its heads."""
    _begin(call, arrays, lay, scratch, b, kv)
    fits, wide = call.dim == lay.wide and not call.kv_type, lay.wide
    if call.kv_type and lay.group == 1 and call.queries == 1 and call.dim == wide and len(arrays.key_mask) == 0:
        _single_row(call, arrays, lay, scratch, b, kv, max(low, call.low), min(high, call.high + 1))
        return
    for block in range(low, high, BLOCK):
        count = min(BLOCK, high - block)
        key_mask = arrays.key_mask
        if len(key_mask):
            key_mask = key_mask[b * call.keys + block : b * call.keys + block + count]
        k, v = rows_at(arrays.k, b, kv, block), rows_at(arrays.v, b, kv, block)
        if fits and lay.panels:
            touch(k, count, call.dim, scratch, lay.spare)
        if not (fits and block + count + WIDTH <= call.keys):  # whole registers of keys are read
            k = Rows(scratch, lay.k, wide)
            _pack(call, arrays.k, arrays.k16, arrays.k_scales, b, kv, block, count, k)
            clear_rows(k, count, count + WIDTH)
        if not fits or len(key_mask):
            v = Rows(scratch, lay.v, wide)
            _pack(call, arrays.v, arrays.v16, arrays.v_scales, b, kv, block, count, v)
            for j in range(len(key_mask)):
                if not key_mask[j]:
                    clear_rows(v, j, j + 1)
        elif lay.group > VALUES_AS_THEY_COME or wide > 8 * WIDTH:
            touch(v, count, call.dim, scratch, lay.spare)
        for i in range(call.queries):
            first, last = max(0, i + call.low - block), min(count, i + call.high + 1 - block)
            if first < last:
                _answer(lay, scratch, i, rows_from(k, first), rows_from(v, first), call.dim, last - first,
                        key_mask[first:])  # fmt: skip


@njit(**INNER)
def _single_row(call, arrays, lay, scratch, b, kv, low, high):
    """Keys low … high − 1 for a single row, from 16-bit or int8 storage."""
    scale, query, row = base_two_scale(call.dim), Rows(scratch, lay.q, lay.wide), (b * call.kv_heads + kv) * call.keys
    for block in range(low, high, STORED_BLOCK):
        count = min(STORED_BLOCK, high - block)
        score_stored(call.kv_type, query, rows_at(arrays.k16, b, kv, block), call.dim, lay.scores, count,
                     arrays.k_scales, row + block, lay.spare)  # fmt: skip
        _weigh_row(lay, scratch, 0, lay.scores, count, arrays.key_mask, scale)
        mix_stored(call.kv_type, scratch, lay.scores, rows_at(arrays.v16, b, kv, block), call.dim, count, lay.output,
                   arrays.v_scales, row + block)  # fmt: skip


@njit(**INLINE)
def _pack(call, wide, narrow, scales, b, kv, first, count, target):
    """`count` rows of a KV head from row `first` on, in float32, however they are stored."""
    if call.kv_type == INT8:
        row = (b * call.kv_heads + kv) * call.keys + first
        unpack_int8(rows_at(narrow, b, kv, first), count, call.dim, scales, row, target)
    elif call.kv_type:
        unpack(rows_at(narrow, b, kv, first), count, call.dim, call.kv_type, target)
    else:
        copy(rows_at(wide, b, kv, first), count, call.dim, target)


@njit(**INNER)
def _begin(call, arrays, lay, scratch, b, kv):
    """Pack the queries of all heads of the group, and clear what will be summed up."""
    packed = Rows(scratch, lay.q, lay.wide)
    for i in range(call.queries):
        for g in range(lay.group):
            h, target = kv * lay.group + g, rows_from(packed, i * lay.group + g)
            if call.q_type:
                unpack(rows_at(arrays.q16, b, h, i), 1, call.dim, call.q_type, target)
            else:
                copy(rows_at(arrays.q, b, h, i), 1, call.dim, target)
        for panel in range(lay.panels):
            source = rows_from(packed, i * lay.group + panel * LANES)
            begin_panel(_panel_of(call.dim, lay, scratch, i, panel), source, min(LANES, lay.group - panel * LANES))
    if lay.panels == 0:
        for r in range(call.queries * lay.group):
            scratch[lay.maxima + r], scratch[lay.totals + r] = NOTHING, ZERO
        clear_rows(Rows(scratch, lay.output, lay.wide), 0, call.queries * lay.group)


@njit(**INLINE)
def _panel_of(dim, lay, scratch, i, panel):
    """A panel of query i, whose lanes are heads of the group."""
    return panel_at(scratch, lay.panel + (i * lay.panels + panel) * lay.area, dim, lay.padded)


@njit(**INNER)
def _end(call, lay, scratch, b, kv, part, parts, found):
    """What this part found: each row's weighted sum over it, its largest score, and the sum of its weights."""
    for r in range(call.queries * lay.group):
        i, g = r // lay.group, r % lay.group
        if lay.panels:
            panel, lane = _panel_of(call.dim, lay, scratch, i, g // LANES), g % LANES
            at, step, peak, total = panel.output + lane, LANES, panel.maxima + lane, panel.totals + lane
        else:
            at, step, peak, total = lay.output + r * lay.wide, 1, lay.maxima + r, lay.totals + r
        row = ((b * call.heads + kv * lay.group + g) * call.queries + i) * parts + part
        for d in range(call.dim):
            found.sums[row * call.dim + d] = scratch[at + d * step]
        found.peaks[row], found.totals[row] = scratch[peak], scratch[total]


@njit(**INLINE)
def _answer(lay, scratch, i, k, v, dim, seen, key_mask):
    """Query i, of all heads of the group, meets `seen` keys of a block."""
    if lay.panels:
        for panel in range(lay.panels):
            scores = Rows(scratch, lay.scores, LANES)
            _meet_panel(_panel_of(dim, lay, scratch, i, panel), scores, k, v, seen, key_mask)
        return
    r, scores = i * lay.group, Rows(scratch, lay.scores, BLOCK)
    queries = Rows(scratch, lay.q + r * lay.wide, lay.wide)
    score_heads(queries, k, lay.wide, scores, seen, lay.spare, lay.group)
    scale = base_two_scale(dim)
    for g in range(lay.group):
        _weigh_row(lay, scratch, r + g, lay.scores + g * BLOCK, seen, key_mask, scale)
    mix_keys(scores, v, seen, lay.wide, Rows(scratch, lay.output + r * lay.wide, lay.wide), lay.group)


@njit(**INLINE)
def _weigh_row(lay, scratch, r, scores, seen, key_mask, scale):
    """Row r's scores become weights; its maximum, its sum and what was mixed so far are brought up to date."""
    for j in range(len(key_mask)):
        if j < seen and not key_mask[j]:
            scratch[scores + j] = NOTHING
    old = scratch[lay.maxima + r]
    new = max(old, largest(peak_keys(scratch, scores, seen)))
    shift = ZERO if new == NOTHING else new
    alpha = power(old - shift, scale)
    scratch[lay.maxima + r] = new
    scratch[lay.totals + r] = scratch[lay.totals + r] * alpha + weigh_keys(scratch, scores, seen, scale, shift)
    rescale(scratch, lay.output + r * lay.wide, lay.wide, alpha)


@njit(**INLINE)
def _meet_panel(panel, scores, k, v, seen, key_mask):
    """A panel, whose lanes are heads, meets `seen` keys of a block."""
    old = load(panel.scratch, panel.maxima, PANEL)
    whole = seen // ROWS * ROWS if len(key_mask) == 0 else 0
    best = score_rows(panel, k, scores, 0, whole, old)
    score_rows(panel, k, scores, whole, (seen + ROWS - 1) // ROWS * ROWS, old)
    for j in range(whole, seen):
        s = load(scores.data, scores.at + j * LANES, PANEL)
        if len(key_mask) and not key_mask[j]:
            s = broadcast(NOTHING, PANEL)
            store(scores.data, scores.at + j * LANES, s)
        best = maximum(s, best)
    alpha = weigh_panel(panel, scores, 0, seen, base_two_scale(panel.dim), old, best)
    mix_rows(panel, scores, 0, seen, v, alpha)
