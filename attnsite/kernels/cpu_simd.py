"""The tiled online softmax with the registers laid out by hand: what this machine's arithmetic units can do.

`cpu_online` leaves the registers to LLVM, which loads and stores a sum for every few multiply-adds. Here a tile of sums
stays in registers for a whole product (`simd/tile.py`), and with AVX-512 its loop has sixteen multiply-adds for ten
loads and broadcasts. K and V are read where they lie; only the queries are packed, transposed, once for all keys.

Bytes: q and out once, k and v once for each tile of queries, most of them from the second cache. Its workspace is a
few tiles a thread.

Look at `_tile_of_queries`: for each tile of keys and each panel of queries the scores, the new maxima, the weights, the
mixed values; `simd/prefill_steps.py` has those steps. Tiles are dealt out to threads by a counter, the longest first,
and what is computed for a query depends neither on which thread does it nor on how many there are: results are the same
bit for bit. Where there are too few queries to fill a panel, `cpu_simd_decode` takes over.

Follows FlashAttention-2 [@dao2024flashattention2] in what it computes and in splitting the queries among threads.
"""

import numpy as np
from numba import get_num_threads, njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import Arrays, base_two_scale, log_sum, prepare, unpack_call
from attnsite.kernels.simd.decode import decode
from attnsite.kernels.simd.half import write
from attnsite.kernels.simd.memory import fetch_add
from attnsite.kernels.simd.packing import copy, is_finite, unpack
from attnsite.kernels.simd.prefill_steps import (
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
FOLLOWS = "cpu_online"
FEW = 8  # queries of a head that are too few for a panel: then the lanes lie otherwise, and the keys are split
PANELS = 6  # of queries in a tile, at most
KEYS = 128 // ROWS * ROWS  # in a tile


def attention(q, k, v, out, *, causal, window=None, aligned="bottom-right", taken=None, slopes=None, lse=None,
              tiles=None):  # fmt: skip
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim).

    All float32, or all float16, or all bfloat16 as its bits in uint16; `out` may be float32 in any case. Strides are
    taken as they are, if each row lies in one piece.

    causal: query i sees key j when j ≤ i + offset; offset is keys − queries when `aligned` is "bottom-right" (as in
        FlashAttention since 2.1), 0 when it is "top-left" (as with PyTorch's `is_causal`).
    window: (left, right): query i sees only keys from i + offset − left to i + offset + right; −1 for no end.
    taken: bool (batch, keys), keys that take part.
    slopes: float32 (batch, heads), ALiBi: slope · |i + offset − j| is subtracted from the score.
    lse: float32 (batch, heads, queries), filled with the logarithm of each row's sum of exponentials.
    tiles: (panels of queries, keys) of a tile; what is best is measured, not known beforehand.

    A row that sees no key gives zeros and −inf. Raises ValueError for arrays that do not fit together.
    """
    call, numbers, arrays = prepare(q, k, v, out, causal=causal, window=window, aligned=aligned, taken=taken,
                                    slopes=slopes, lse=lse)  # fmt: skip
    if call.queries <= FEW and slopes is None and tiles is None:
        decode(call, numbers, arrays)
        return
    threads = get_num_threads()
    panels, keys = tiles or (PANELS, KEYS)
    keys = -(-keys // ROWS) * ROWS
    pairs, most = call.batch * call.heads, -(-call.queries // LANES)
    if pairs * most:
        panels = share_out(pairs, most, panels, threads)
        threads = min(threads, pairs * -(-most // panels))
        ws, size = workspace(threads, panels * (2 * call.dim + ROWS + 2) * LANES
                              + keys * (LANES + 2 * call.dim + ROWS) + LANES * call.dim)  # fmt: skip
        on_all(_work, threads, numbers, *arrays, panels, keys, ws, size, np.zeros(1, np.int64))


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, panels, keys, ws,
          size, counter):  # fmt: skip
    """What one thread does: tiles of queries, as long as the counter gives any."""
    arrays = Arrays(q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales)
    start = thread * size
    call = unpack_call(numbers)
    tile = panels * LANES
    tiles = (call.queries + tile - 1) // tile
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.heads * tiles:
            return
        pair, first = task // tiles, (tiles - 1 - task % tiles) * tile  # with a causal mask, the longest first
        count = min(tile, call.queries - first)
        _tile_of_queries(call, arrays, pair // call.heads, pair % call.heads, first, count, keys, ws, start)


@njit(**INLINE)
def padded_width(call):
    """Columns of O^T: the head width, rounded up to whole tiles."""
    return (call.dim + ROWS - 1) // ROWS * ROWS


@njit(**INNER)
def _tile_of_queries(call, arrays, b, h, first, count, keys, ws, start):
    """Queries first … first + count of head h in sequence b. Its workspace begins at ws[start]."""
    dim, padded = call.dim, padded_width(call)
    panels = (count + LANES - 1) // LANES
    area = (dim + padded + 2) * LANES
    p = start + panels * area  # where the scores lie
    packed_k, packed_v = p + keys * LANES, p + keys * (LANES + dim)
    spare = packed_v + keys * padded
    kv = h // (call.heads // call.kv_heads)
    qo = b * call.q_batch + h * call.q_head + first * call.q_row
    ko, vo = b * call.k_batch + kv * call.k_head, b * call.v_batch + kv * call.v_head
    taken = arrays.taken[b * call.keys : (b + 1) * call.keys] if len(arrays.taken) else arrays.taken
    scale = base_two_scale(dim)
    slope = arrays.slopes[b * call.heads + h] if len(arrays.slopes) else ZERO
    for panel in range(panels):
        base, rows = start + panel * area, min(LANES, count - panel * LANES)
        source, at, step = arrays.q, qo + panel * LANES * call.q_row, call.q_row
        if call.asked:
            unpack(arrays.q16, at, step, rows, dim, call.asked, ws, spare, dim)
            source, at, step = ws, spare, dim
        begin_panel(ws, base, base + dim * LANES, base + (dim + padded) * LANES, padded, source, at, step, rows, dim,
                    ONE)  # fmt: skip
    begin = max(0, first + call.low)
    end = min(call.keys, first + count + call.high)
    for tile in range(begin // keys * keys, end, keys):
        width = min(keys, call.keys - tile)
        k, k_at, k_step = arrays.k, ko + tile * call.k_row, call.k_row
        v, v_at, v_step = arrays.v, vo + tile * call.v_row, call.v_row
        if call.stored:
            unpack(arrays.k16, k_at, k_step, width, dim, call.stored, ws, packed_k, dim)
            unpack(arrays.v16, v_at, v_step, width, dim, call.stored, ws, packed_v, padded)
        else:
            if width % ROWS:
                copy(k, k_at, k_step, width, dim, ws, packed_k, dim)
            if padded != dim:
                copy(v, v_at, v_step, width, dim, ws, packed_v, padded)
        if call.stored or width % ROWS:
            k, k_at, k_step = ws, packed_k, dim
            for i in range(packed_k + width * dim, packed_k + (width + ROWS - 1) // ROWS * ROWS * dim):
                ws[i] = ZERO
        if call.stored or padded != dim:
            v, v_at, v_step = ws, packed_v, padded
        masked = len(taken) > 0 or first + call.high < tile + width - 1 or first + count - 1 + call.low > tile
        spoiled = masked and not is_finite(v, v_at, v_step, width, dim)
        for panel in range(panels):
            base, rows = start + panel * area, min(LANES, count - panel * LANES)
            _panel(call, k, k_at, k_step, v, v_at, v_step, taken, scale, slope, spoiled, first + panel * LANES, rows,
                   tile, width, ws, base, p, dim, padded)  # fmt: skip
    oo = b * call.out_batch + h * call.out_head + first * call.out_row
    for panel in range(panels):
        base, rows = start + panel * area, min(LANES, count - panel * LANES)
        ot, sums = base + dim * LANES, base + (dim + padded) * LANES
        at = oo + panel * LANES * call.out_row
        if call.written:
            end_panel(ws, ot, sums, ws, spare, dim, rows, dim)
            for r in range(rows):
                for d in range(dim):
                    write(arrays.out16, at + r * call.out_row + d, call.written, ws[spare + r * dim + d])
        else:
            end_panel(ws, ot, sums, arrays.out, at, call.out_row, rows, dim)
        _finish(call, arrays, taken, b, h, first + panel * LANES, rows, ws, sums, at)


@njit(**INLINE)
def _panel(call, k, k_at, k_step, v, v_at, v_step, taken, scale, slope, spoiled, first, count, tile, width, ws, base, p,
           dim, padded):  # fmt: skip
    """One panel of queries, first … first + count, meets the keys tile … tile + width."""
    low, high = first + call.low - tile, first + call.high - tile  # what lane 0 sees, as rows of the tile
    begin = max(0, low) // ROWS * ROWS
    end = min(width, high + count)
    if begin >= end:
        return
    end = (end + ROWS - 1) // ROWS * ROWS
    clear = min(max(begin, (low + count + ROWS - 2) // ROWS * ROWS), end)  # rows from here on are seen by every lane …
    until = max(clear, min(width, high + 1) // ROWS * ROWS)  # … up to here
    if len(taken) or slope != ZERO:
        until = clear = begin
    ot, sums = base + dim * LANES, base + (dim + padded) * LANES
    old = load(ws, sums, PANEL)
    m = score_rows(ws, base, k, k_at, k_step, dim, p, clear, until, old)
    if begin < clear:
        score_rows(ws, base, k, k_at, k_step, dim, p, begin, clear, old)
        m = mask_rows(ws, p, begin, clear, low, high, width, taken[tile:], slope, first + call.offset - tile, m)
    if until < end:
        score_rows(ws, base, k, k_at, k_step, dim, p, until, end, old)
        m = mask_rows(ws, p, until, end, low, high, width, taken[tile:], slope, first + call.offset - tile, m)
    shift = where_equal(m, NOTHING, ZERO)
    alpha = exp2_scaled(subtract(old, shift), scale)
    store(ws, sums, m)
    total = multiply(load(ws, sums + LANES, PANEL), alpha)
    store(ws, sums + LANES, weigh_rows(ws, p, begin, end, scale, shift, total))
    if spoiled:
        mix_rows(ws, ot, p, begin, begin, v, v_at, v_step, padded, alpha)
        mix_seen(ws, ot, p, begin, min(end, width), v, v_at, v_step, dim, low, high, taken[tile:], count)
    else:
        mix_rows(ws, ot, p, begin, min(end, width), v, v_at, v_step, padded, alpha)


@njit(**INNER)
def mix_seen(ws, ot, p, begin, end, v, v_at, v_step, dim, low, high, taken, count):
    """O^T += V^T P^T for what each lane sees and nothing else: 0 · NaN is not 0. Slow, and rarely needed."""
    for j in range(begin, end):
        if len(taken) and not taken[j]:
            continue
        for i in range(max(0, j - high), min(count, j - low + 1)):
            weight = ws[p + j * LANES + i]
            for d in range(dim):
                ws[ot + d * LANES + i] += weight * v[v_at + j * v_step + d]


@njit(**INLINE)
def _finish(call, arrays, taken, b, h, first, count, ws, sums, at):
    """The log-sum-exp, and zeros for rows that saw no key."""
    for i in range(count):
        m, total = ws[sums + i], ws[sums + LANES + i]
        seen = True
        if total == ZERO:
            low, high = max(0, first + i + call.low), min(call.keys - 1, first + i + call.high)
            seen = low <= high
            if seen and len(taken):
                seen = taken[low : high + 1].any()
            if not seen:
                for d in range(call.dim):
                    if call.written:
                        write(arrays.out16, at + i * call.out_row + d, call.written, ZERO)
                    else:
                        arrays.out[at + i * call.out_row + d] = ZERO
        if len(arrays.lse):
            value = log_sum(m, total, call.dim) if total > ZERO or total != total else NOTHING
            arrays.lse[(b * call.heads + h) * call.queries + first + i] = value
