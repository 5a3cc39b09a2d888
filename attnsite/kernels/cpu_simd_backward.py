"""The gradients of attention by explicit SIMD: dQ, dK and dV in one pass over the pairs, as five products.

The forward pass keeps no weights, only the log-sum-exp of each row; that is enough to compute them again, tile by tile:

    P = exp(S − lse)    dV = Pᵀ dO    dP = dO Vᵀ    dS = P ∘ (dP − delta)    dQ = dS K / √dim    dK = dSᵀ Q / √dim

with delta = Σ dO ∘ O for each row. Five products where the forward pass has two, each through the tile of sums that
stays in registers (`simd/tile.py`). Lanes are queries in S, dP and dQ, and run along the head width in dK and dV; P and
dS are written once, as (keys, queries), and serve as right-hand side in the first case and as left-hand side in the
second, so nothing is transposed but the queries and their gradients on entering.

Bytes: q, out and dout once for each chunk of keys; k and v, and the sums of dk and dv, once for each tile of queries,
most of them from the second cache. Its workspace is a few tiles and one chunk's dk and dv a thread. Where heads are few
the keys are split into chunks, at least 16 over all KV heads if there are keys enough, and each chunk has its own dq,
which are added up at the end.

Look at `_tile`: one tile of queries meets one tile of keys; `simd/backward_steps.py` has those steps. How the keys are
split depends on the shape only, and everything is added up in one order, so results are the same bit for bit for any
number of threads. What a query does not see has no influence on it nor it on that, not even where it is NaN or
infinite; a row that sees nothing has zero gradients. A weight's relative error is that of the log-sum-exp it is
computed from, about |lse| · 2⁻²⁴; beyond 1024, where a weight's error passes 6 · 10⁻⁵, a row's maximum and sum are
computed again from its scores, which costs a sixth product and is rarely needed.

Follows FlashAttention-2 [@dao2024flashattention2]: its backward pass, with the keys in the outer loop.
"""

import math

import numpy as np
from numba import get_num_threads, njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.plain.shapes import look, require_writable
from attnsite.kernels.simd import backward_steps as steps
from attnsite.kernels.simd.call import base_two_scale, flatten
from attnsite.kernels.simd.gradients_call import Arrays, lay_out_gradients, place, row_at, unpack_shape
from attnsite.kernels.simd.memory import fetch_add
from attnsite.kernels.simd.packing import copy, is_finite
from attnsite.kernels.simd.prefill_steps import ZERO
from attnsite.kernels.simd.registers import WIDTH
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import on_all
from attnsite.kernels.simd.tile import LANES, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_simd"
PANELS = 2  # of queries in a tile
KEYS = 64  # in a tile
UNITS = 16  # chunks of keys over all heads of all sequences, at least, if there are keys enough
GAP = 16  # floats between rows of P^T: without them the rows would fall on the same few lines of the first cache


def gradients(q, k, v, out, lse, dout, dq, dk, dv, *, causal, window=None, aligned="bottom-right"):
    """Fill dq (batch, heads, queries, dim) and dk, dv (batch, kv_heads, keys, dim) from dout, the gradient of out.

    q, out, dout are like dq, and k, v like dk; lse is (batch, heads, queries), the natural logarithm that
    `cpu_simd.attention(..., lse=lse)` gives, with −inf for a row that saw nothing. All float32. Strides are taken as
    they are, if each row lies in one piece; lse is contiguous. causal, window and aligned as there.

    With fewer KV heads than heads, dk and dv are sums over the heads of a group. Raises ValueError for arrays that do
    not fit together, NotImplementedError for head widths over 256.
    """
    arrays = q, k, v, out, dout, dq, dk, dv
    require_writable(dq=dq, dk=dk, dv=dv)
    shape, numbers = lay_out_gradients(*map(look, arrays), causal, window and tuple(window), aligned, KEYS, UNITS)
    if lse.shape != q.shape[:3] or lse.dtype != np.float32 or not lse.flags.c_contiguous:
        raise ValueError(f"lse is {lse.dtype} {lse.shape}: make it contiguous float32 {q.shape[:3]}")
    if 0 in shape[:5]:
        for array in (dq, dk, dv):
            array[...] = 0
        return
    dim, chunk, chunks = shape.dim, shape.chunk, shape.chunks
    rows, wide = -(-dim // ROWS) * ROWS, -(-dim // WIDTH) * WIDTH
    floats = 2 * chunk * wide + 2 * PANELS * LANES * wide + PANELS * (2 * dim + rows + 3) * LANES
    floats += KEYS * 2 * (PANELS * LANES + GAP) + KEYS * (rows + dim)
    threads, size = get_num_threads(), -(-floats // 16) * 16
    ws, _ = workspace(1, threads * size + (chunks * q.size if chunks > 1 else 0))
    flat = [flatten(array) for array in arrays]
    on_all(_work, threads, numbers, *flat, lse.reshape(-1), ws, size, threads * size, np.zeros(1, np.int64))
    if chunks > 1:
        on_all(_join, threads, numbers, flat[5], ws, threads * size, np.zeros(1, np.int64))


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, n, q, k, v, out, dout, dq, dk, dv, lse, ws, size, partial, counter):
    """What one thread does: chunks of keys, as long as the counter gives any."""
    shape, start = unpack_shape(n), thread * size
    arrays = Arrays(place(q, n, 0), place(k, n, 1), place(v, n, 2), place(out, n, 3), place(dout, n, 4),
                    place(dq, n, 5), place(dk, n, 6), place(dv, n, 7), lse)  # fmt: skip
    pairs = shape.batch * shape.kv_heads
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= pairs * shape.chunks:
            return
        chunk, pair = task // pairs, task % pairs  # with a causal mask, the longest first
        _chunk_of_keys(shape, arrays, pair // shape.kv_heads, pair % shape.kv_heads, chunk, ws, start, partial)


@njit(**INLINE)
def _meet(shape, first, count, chunk):
    """Whether any of the queries first … first + count sees a key of the chunk."""
    begin, end = chunk * shape.chunk, min(shape.keys, (chunk + 1) * shape.chunk)
    return max(begin, first + shape.low) < min(end, first + count + shape.high)


@njit(**INNER)
def _chunk_of_keys(shape, arrays, b, kv, chunk, ws, start, partial):
    """All queries of the KV head's group meet one chunk of its keys."""
    dim, group = shape.dim, shape.heads // shape.kv_heads
    rows, wide = (dim + ROWS - 1) // ROWS * ROWS, (dim + WIDTH - 1) // WIDTH * WIDTH
    scale = np.float32(1 / math.sqrt(dim))
    area, block = (2 * dim + rows + 3) * LANES, PANELS * LANES
    dk, dv = start, start + shape.chunk * wide
    packed = dv + shape.chunk * wide
    spare_q, spare_do = packed + PANELS * area, packed + PANELS * area + block * wide
    scores = spare_do + block * wide
    first_key, last_key = chunk * shape.chunk, min(shape.keys, (chunk + 1) * shape.chunk)
    ws[dk:packed] = ZERO
    for h in range(kv * group, (kv + 1) * group):
        for first in range(0, shape.queries, block):
            if shape.chunks > 1 and not _meet(shape, first, block, chunk):
                continue
            count = min(block, shape.queries - first)
            q, q_at, q_step = arrays.q.data, row_at(arrays.q, b, h, first), arrays.q.row
            dout, do_at, do_step = arrays.dout.data, row_at(arrays.dout, b, h, first), arrays.dout.row
            out, o_at, o_step = arrays.out.data, row_at(arrays.out, b, h, first), arrays.out.row
            lse_at = (b * shape.heads + h) * shape.queries + first
            for i in range(0, count, LANES):
                steps.begin(ws, packed + i // LANES * area, rows, q, q_at + i * q_step, q_step, dout,
                            do_at + i * do_step, do_step, out, o_at + i * o_step, o_step, arrays.lse, lse_at + i,
                            min(LANES, count - i), dim)  # fmt: skip
            if steps.any_large(arrays.lse, lse_at, count):
                _sum_again(shape, arrays, b, kv, first, count, lse_at, ws, packed, area, scores, rows)
            if q_step != wide:
                copy(q, q_at, q_step, count, dim, ws, spare_q, wide)
                q, q_at, q_step = ws, spare_q, wide
            if do_step != wide:
                copy(dout, do_at, do_step, count, dim, ws, spare_do, wide)
                dout, do_at, do_step = ws, spare_do, wide
            for tile in range(first_key, last_key, KEYS):
                done = (tile - first_key) * wide
                _tile(shape, arrays, b, kv, first, count, tile, min(KEYS, last_key - tile), q, q_at, q_step, dout,
                      do_at, do_step, ws, packed, dk + done, dv + done, scores, rows, wide)  # fmt: skip
            target, at, step = arrays.dq.data, row_at(arrays.dq, b, h, first), arrays.dq.row
            if shape.chunks > 1:
                lines = (chunk * shape.batch + b) * shape.heads + h
                target, at, step = ws, partial + (lines * shape.queries + first) * dim, dim
            for i in range(0, count, LANES):
                dqt = packed + i // LANES * area + 2 * dim * LANES
                steps.end(ws, dqt, target, at + i * step, step, min(LANES, count - i), dim, scale)
    k_at, v_at = row_at(arrays.dk, b, kv, first_key), row_at(arrays.dv, b, kv, first_key)
    for j in range(last_key - first_key):
        for d in range(dim):
            arrays.dk.data[k_at + j * arrays.dk.row + d] = ws[dk + j * wide + d] * scale
        for d in range(dim):
            arrays.dv.data[v_at + j * arrays.dv.row + d] = ws[dv + j * wide + d]


@njit(**INNER)
def _sum_again(shape, arrays, b, kv, first, count, lse_at, ws, packed, area, p, rows):
    """For large log-sum-exps, which cannot tell weights apart: the maxima and sums of their rows, over all keys."""
    step, dim = PANELS * LANES + GAP, shape.dim
    keys = p + 2 * KEYS * step
    for i in range(0, count, LANES):
        lanes, base = min(LANES, count - i), packed + i // LANES * area
        most, total = np.full(LANES, -np.inf), np.zeros(LANES)
        for tile in range(0, shape.keys, KEYS):
            width = min(KEYS, shape.keys - tile)
            last = (width + ROWS - 1) // ROWS * ROWS
            copy(arrays.k.data, row_at(arrays.k, b, kv, tile), arrays.k.row, width, dim, ws, keys, rows)
            ws[keys + width * rows : keys + last * rows] = ZERO
            steps.score(ws, base, ws, keys, rows, dim, p + i, step, 0, last)
            steps.sum_again(ws, p + i, step, lse_at + i, lanes, first + i + shape.low - tile,
                            first + i + shape.high - tile, width, arrays.lse, most, total, dim)  # fmt: skip
        steps.set_sums(ws, base + (2 * dim + rows) * LANES, lse_at + i, lanes, arrays.lse, most, total)


@njit(**INNER)
def _tile(shape, arrays, b, kv, first, count, tile, width, q, q_at, q_step, dout, do_at, do_step, ws, packed, dk, dv,
          p, rows, wide):  # fmt: skip
    """One tile of queries, first … first + count, meets one tile of keys, tile … tile + width."""
    low, high, dim = first + shape.low - tile, first + shape.high - tile, shape.dim  # what query 0 sees, as rows
    if max(0, low) >= min(width, high + count):
        return
    step, area = PANELS * LANES + GAP, (2 * dim + rows + 3) * LANES
    g, scale = p + KEYS * step, base_two_scale(dim)
    spare_k, spare_v = g + KEYS * step, g + KEYS * (step + rows)
    k, k_at, k_step = arrays.k.data, row_at(arrays.k, b, kv, tile), arrays.k.row
    v, v_at, v_step = arrays.v.data, row_at(arrays.v, b, kv, tile), arrays.v.row
    if rows != dim or width % ROWS:
        copy(k, k_at, k_step, width, dim, ws, spare_k, rows)
        k, k_at, k_step = ws, spare_k, rows
        ws[spare_k + width * rows : spare_k + (width + ROWS - 1) // ROWS * ROWS * rows] = ZERO
    if width % ROWS:
        copy(v, v_at, v_step, width, dim, ws, spare_v, dim)
        v, v_at, v_step = ws, spare_v, dim
        ws[spare_v + width * dim : spare_v + (width + ROWS - 1) // ROWS * ROWS * dim] = ZERO
    spoiled = (high < width - 1 or low + count > 1) and not (
        is_finite(k, k_at, k_step, width, dim)
        and is_finite(q, q_at, q_step, count, dim)
        and is_finite(dout, do_at, do_step, count, dim)
    )
    for i in range(0, count, LANES):
        lanes = min(LANES, count - i)
        begin, end = max(0, low + i) // ROWS * ROWS, min(width, high + i + lanes)
        if begin >= end:
            continue
        last = (end + ROWS - 1) // ROWS * ROWS
        clear = min(max(begin, (low + i + lanes + ROWS - 2) // ROWS * ROWS), last)  # from here every lane sees all …
        until = max(clear, min(width, high + i + 1) // ROWS * ROWS)  # … up to here
        base = packed + i // LANES * area
        dqt = base + 2 * dim * LANES
        sums = dqt + rows * LANES
        steps.score(ws, base, k, k_at, k_step, dim, p + i, step, begin, last)
        steps.score(ws, base + dim * LANES, v, v_at, v_step, dim, g + i, step, begin, last)
        steps.weigh_seen(ws, sums, p + i, g + i, step, begin, clear, scale, low + i, high + i, width)
        steps.weigh(ws, sums, p + i, g + i, step, clear, until, scale)
        steps.weigh_seen(ws, sums, p + i, g + i, step, until, last, scale, low + i, high + i, width)
        if not spoiled:
            steps.add_to_queries(ws, dqt, rows, k, k_at, k_step, g + i, step, begin, end)
    begin, last = max(0, low) // ROWS * ROWS, (min(width, high + count) + ROWS - 1) // ROWS * ROWS
    if spoiled:
        steps.add_seen(ws, packed + 2 * dim * LANES, area, dv, dk, wide, p, g, step, low, high, count, width, dim, k,
                       k_at, k_step, q, q_at, q_step, dout, do_at, do_step)  # fmt: skip
    else:
        steps.add_to_keys(ws, dv, wide, p, step, begin, last, low, high, count, dout, do_at, do_step)
        steps.add_to_keys(ws, dk, wide, g, step, begin, last, low, high, count, q, q_at, q_step)


@njit(nogil=True, cache=True, error_model="numpy")
def _join(_thread, n, dq, ws, partial, counter):
    """Tiles of dq as sums over the chunks that they met, as long as the counter gives any."""
    shape, target = unpack_shape(n), place(dq, n, 5)
    block = PANELS * LANES
    tiles = (shape.queries + block - 1) // block
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= shape.batch * shape.heads * tiles:
            return
        pair, first = task // tiles, task % tiles * block
        count = min(block, shape.queries - first)
        at = row_at(target, pair // shape.heads, pair % shape.heads, first)
        met = False
        for chunk in range(shape.chunks):
            if not _meet(shape, first, block, chunk):
                continue
            source = partial + ((chunk * shape.batch * shape.heads + pair) * shape.queries + first) * shape.dim
            for i in range(count):
                for d in range(shape.dim):
                    number = ws[source + i * shape.dim + d]
                    dq[at + i * target.row + d] = number + dq[at + i * target.row + d] if met else number
            met = True
        if not met:
            for i in range(count):
                dq[at + i * target.row : at + i * target.row + shape.dim] = ZERO
