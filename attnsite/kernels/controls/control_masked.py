"""`cpu_simd` with the mask applied after computing, or skipping whole blocks only: a control, for one comparison.

A control does on purpose what a good kernel does not, so that what it costs can be measured with everything else
equal; it is on no ladder. This one has the tiles, the panels and the products of `cpu_simd`. What differs is which
scores are computed. `cpu_simd` leaves out what no query of a panel sees, whatever its tiles are. Here nothing is left
out, or only whole blocks of a given size that no query sees, as kernels do that skip by tiles; what is computed and
hidden becomes −∞, its weight 0, and is multiplied with the values all the same.

Bytes: those of `cpu_simd`.

Look at `_panel`: `end` is where its last block ends. `dealt` is how the tiles of queries come to the threads: "longest
first", by a counter, as in `cpu_simd`, or "in parts", each thread so many in a row, as a loop does that is cut into
equal parts. Both ways compute the same numbers.
"""

import numpy as np
from numba import get_num_threads, njit

from attnsite.kernels.cpu_simd import KEYS, PANELS, _finish, mix_seen, padded_width
from attnsite.kernels.plain.inner import INLINE, INNER
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
from attnsite.kernels.simd.registers import exp2_scaled, load, multiply, store, subtract, where_equal
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import on_all, share_out
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_simd"


def attention(q, k, v, out, *, causal, blocks=None, dealt="longest first"):
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim), all float32.

    blocks: (queries, keys) of a block that is left out where no query of it sees any of its keys; None for nothing
        left out. A panel of queries that lies in several blocks computes what the last of them does.
    """
    if dealt not in ("longest first", "in parts"):
        raise ValueError(f'dealt is {dealt!r}: make it "longest first" or "in parts"')
    call, numbers, arrays = prepare(q, k, v, out, causal=causal)
    if call.asked or call.stored or call.written:
        raise NotImplementedError("float32 only")
    threads, pairs, most = get_num_threads(), call.batch * call.heads, -(-call.queries // LANES)
    if pairs * most:
        panels = share_out(pairs, most, PANELS, threads)
        threads = min(threads, pairs * -(-most // panels))
        tall, wide = blocks or (FAR, FAR)
        ws, size = workspace(threads, panels * (2 * call.dim + ROWS + 2) * LANES
                             + KEYS * (LANES + 2 * call.dim + ROWS) + LANES * call.dim)  # fmt: skip
        on_all(_work, threads, numbers, *arrays, panels, tall, wide, threads if dealt == "in parts" else 0, ws, size,
               np.zeros(1, np.int64))  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, panels, tall,
          wide, parts, ws, size, counter):  # fmt: skip
    """What one thread does: a part of the tiles of queries in their order, or as long as the counter gives any."""
    arrays = Arrays(q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales)
    call = unpack_call(numbers)
    tile = panels * LANES
    tiles = (call.queries + tile - 1) // tile
    every = call.batch * call.heads * tiles
    first, last = (every * thread // parts, every * (thread + 1) // parts) if parts else (0, every)
    while first < last:
        task = first if parts else fetch_add(counter, 0, 1)
        if task >= last:
            return
        first += 1 if parts else 0
        pair, place = task // tiles, task % tiles if parts else tiles - 1 - task % tiles
        count = min(tile, call.queries - place * tile)
        _tile_of_queries(call, arrays, pair // call.heads, pair % call.heads, place * tile, count, tall, wide, ws,
                         thread * size)  # fmt: skip


@njit(**INLINE)
def _reach(call, last, tall, wide):
    """How many keys are computed for a panel whose last query is `last`: up to the end of its last block."""
    if call.high >= FAR or tall >= FAR:
        return call.keys
    seen = min(call.queries, (last // tall + 1) * tall) + call.high  # by the last query of the block
    return min(call.keys, max(0, (seen + wide - 1) // wide * wide))


@njit(**INNER)
def _tile_of_queries(call, arrays, b, h, first, count, tall, wide, ws, start):
    """Queries first … first + count of head h in sequence b; cf. the function of this name in `cpu_simd`."""
    dim, padded = call.dim, padded_width(call)
    panels = (count + LANES - 1) // LANES
    area = (dim + padded + 2) * LANES
    p = start + panels * area  # where the scores lie
    packed_k, packed_v = p + KEYS * LANES, p + KEYS * (LANES + dim)
    kv = h // (call.heads // call.kv_heads)
    qo = b * call.q_batch + h * call.q_head + first * call.q_row
    ko, vo = b * call.k_batch + kv * call.k_head, b * call.v_batch + kv * call.v_head
    for panel in range(panels):
        base, rows = start + panel * area, min(LANES, count - panel * LANES)
        begin_panel(ws, base, base + dim * LANES, base + (dim + padded) * LANES, padded, arrays.q,
                    qo + panel * LANES * call.q_row, call.q_row, rows, dim, ONE)  # fmt: skip
    for tile in range(0, _reach(call, first + count - 1, tall, wide), KEYS):
        width = min(KEYS, call.keys - tile)
        k, k_at, k_step = arrays.k, ko + tile * call.k_row, call.k_row
        v, v_at, v_step = arrays.v, vo + tile * call.v_row, call.v_row
        if width % ROWS:
            copy(k, k_at, k_step, width, dim, ws, packed_k, dim)
            k, k_at, k_step = ws, packed_k, dim
            for i in range(packed_k + width * dim, packed_k + (width + ROWS - 1) // ROWS * ROWS * dim):
                ws[i] = ZERO
        if padded != dim:
            copy(v, v_at, v_step, width, dim, ws, packed_v, padded)
            v, v_at, v_step = ws, packed_v, padded
        spoiled = first + call.high < tile + width - 1 and not is_finite(v, v_at, v_step, width, dim)
        for panel in range(panels):
            begin, rows = first + panel * LANES, min(LANES, count - panel * LANES)
            end = min(width, _reach(call, begin + rows - 1, tall, wide) - tile)
            if end > 0:
                _panel(call, k, k_at, k_step, v, v_at, v_step, arrays.taken, spoiled, begin, rows, tile, width, end, ws,
                       start + panel * area, p, dim, padded)  # fmt: skip
    oo = b * call.out_batch + h * call.out_head + first * call.out_row
    for panel in range(panels):
        base, rows = start + panel * area, min(LANES, count - panel * LANES)
        sums, at = base + (dim + padded) * LANES, oo + panel * LANES * call.out_row
        end_panel(ws, base + dim * LANES, sums, arrays.out, at, call.out_row, rows, dim)
        _finish(call, arrays, arrays.taken, b, h, first + panel * LANES, rows, ws, sums, at)


@njit(**INLINE)
def _panel(call, k, k_at, k_step, v, v_at, v_step, none, spoiled, first, count, tile, width, end, ws, base, p, dim,
           padded):  # fmt: skip
    """One panel of queries, first … first + count, meets the first `end` keys of a tile, seen or not."""
    high = first + call.high - tile  # the last key that lane 0 sees, as a row of the tile
    last = (end + ROWS - 1) // ROWS * ROWS
    until = max(0, min(end, high + 1) // ROWS * ROWS)  # every lane sees the rows before
    ot, sums, scale = base + dim * LANES, base + (dim + padded) * LANES, base_two_scale(dim)
    old = load(ws, sums, PANEL)
    m = score_rows(ws, base, k, k_at, k_step, dim, p, 0, until, old)
    if until < last:
        score_rows(ws, base, k, k_at, k_step, dim, p, until, last, old)
        m = mask_rows(ws, p, until, last, -FAR, high, width, none, ZERO, 0, m)
    shift = where_equal(m, NOTHING, ZERO)
    alpha = exp2_scaled(subtract(old, shift), scale)
    store(ws, sums, m)
    total = multiply(load(ws, sums + LANES, PANEL), alpha)
    store(ws, sums + LANES, weigh_rows(ws, p, 0, last, scale, shift, total))
    if spoiled:
        mix_rows(ws, ot, p, 0, 0, v, v_at, v_step, padded, alpha)
        mix_seen(ws, ot, p, 0, end, v, v_at, v_step, dim, -FAR, high, none, count)
    else:
        mix_rows(ws, ot, p, 0, end, v, v_at, v_step, padded, alpha)
