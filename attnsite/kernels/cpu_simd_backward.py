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
from attnsite.kernels.simd.backward_layout import GAP, KEYS, QUERIES, panel_of, room_at
from attnsite.kernels.simd.backward_steps import Meeting, gradient_panel_floats
from attnsite.kernels.simd.call import base_two_scale, flatten
from attnsite.kernels.simd.gradients_call import lay_out_gradients, unpack_gradients
from attnsite.kernels.simd.packing import clear_rows, copy, is_finite
from attnsite.kernels.simd.prefill_steps import ZERO
from attnsite.kernels.simd.registers import pointer
from attnsite.kernels.simd.rows import Rows, rows_at, rows_from
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import deal, next_task, on_all
from attnsite.kernels.simd.tile import LANES, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_simd"
UNITS = 16  # chunks of keys over all heads of all sequences, at least, if there are keys enough


def gradients(q, k, v, out, lse, dout, dq, dk, dv, *, causal, window=None, causal_alignment="bottom-right"):
    """Fill dq (batch, heads, queries, dim) and dk, dv (batch, kv_heads, keys, dim) from dout, the gradient of out.

    q, out, dout are like dq, and k, v like dk; lse is (batch, heads, queries), the natural logarithm that
    `cpu_simd.attention(..., lse=lse)` gives, with −inf for a row that saw nothing. All float32. Strides are taken as
    they are, if each row lies in one piece; lse is contiguous. causal, window and causal_alignment as there.

    With fewer KV heads than heads, dk and dv are sums over the heads of a group. Raises ValueError for arrays that do
    not fit together, NotImplementedError for head widths over 256.
    """
    named = {"q": q, "k": k, "v": v, "out": out, "dout": dout, "dq": dq, "dk": dk, "dv": dv}
    require_writable(dq=dq, dk=dk, dv=dv)
    looks = tuple((name, look(array)) for name, array in named.items())
    shape, numbers = lay_out_gradients(looks, causal, window and tuple(window), causal_alignment, KEYS, UNITS)
    if lse.shape != q.shape[:3] or lse.dtype != np.float32 or not lse.flags.c_contiguous:
        raise ValueError(f"lse is {lse.dtype} {lse.shape}: make it contiguous float32 {q.shape[:3]}")
    if 0 in shape[:5]:
        for array in (dq, dk, dv):
            array[...] = 0
        return
    chunks, threads = shape.chunks, get_num_threads()
    size = -(-room_at(shape, None, 0).end // 16) * 16
    scratch, _ = workspace(1, threads * size + (chunks * q.size if chunks > 1 else 0))
    arrays = tuple(flatten(array) for array in named.values())
    tasks, tiles = shape.batch * shape.kv_heads * chunks, shape.batch * shape.heads * -(-shape.queries // QUERIES)
    partial = threads * size  # where each chunk's dq lies
    on_all(_work, threads, numbers, arrays, lse.reshape(-1), scratch, size, partial, deal(tasks))
    if chunks > 1:
        on_all(_join, threads, numbers, arrays, lse.reshape(-1), scratch, partial, deal(tiles))


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, arrays, lse, scratch, size, partial, dealt):
    """What one thread does: chunks of keys, as long as the counter gives any."""
    shape, arrays = unpack_gradients(numbers, arrays, lse)
    room, pairs = room_at(shape, pointer(scratch), thread * size), shape.batch * shape.kv_heads
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        chunk, pair = task // pairs, task % pairs  # with a causal mask, the longest first
        _chunk_of_keys(shape, arrays, room, pair // shape.kv_heads, pair % shape.kv_heads, chunk, partial)


@njit(**INLINE)
def _meet(shape, first, count, chunk):
    """Whether any of the queries first … first + count sees a key of the chunk."""
    begin, end = chunk * shape.chunk, min(shape.keys, (chunk + 1) * shape.chunk)
    return max(begin, first + shape.low) < min(end, first + count + shape.high)


@njit(**INNER)
def _chunk_of_keys(shape, arrays, room, b, kv, chunk, partial):
    """All queries of the KV head's group meet one chunk of its keys."""
    dim, group = shape.dim, shape.heads // shape.kv_heads
    scale, scratch = np.float32(1 / math.sqrt(dim)), room.scratch
    first_key, last_key = chunk * shape.chunk, min(shape.keys, (chunk + 1) * shape.chunk)
    dk, dv = Rows(scratch, room.dk, room.wide), Rows(scratch, room.dv, room.wide)
    clear_rows(dk, 0, 2 * shape.chunk)  # dv lies behind it
    for h in range(kv * group, (kv + 1) * group):
        for first in range(0, shape.queries, QUERIES):
            if shape.chunks > 1 and not _meet(shape, first, QUERIES, chunk):
                continue
            count = min(QUERIES, shape.queries - first)
            q, dout = rows_at(arrays.q, b, h, first), rows_at(arrays.dout, b, h, first)
            out, lse_at = rows_at(arrays.out, b, h, first), (b * shape.heads + h) * shape.queries + first
            for i in range(0, count, LANES):
                steps.begin(panel_of(shape, room, i // LANES), rows_from(q, i), rows_from(dout, i), rows_from(out, i),
                            arrays.lse, lse_at + i, min(LANES, count - i))  # fmt: skip
            if steps.any_large(arrays.lse, lse_at, count):
                _sum_again(shape, arrays, room, b, kv, first, count, lse_at)
            if q.step != room.wide:
                packed = Rows(scratch, room.q, room.wide)
                copy(q, count, dim, packed)
                q = packed
            if dout.step != room.wide:
                packed = Rows(scratch, room.dout, room.wide)
                copy(dout, count, dim, packed)
                dout = packed
            for tile in range(first_key, last_key, KEYS):
                low, high = first + shape.low - tile, first + shape.high - tile  # what query 0 sees, as rows
                width, done = min(KEYS, last_key - tile), tile - first_key
                if max(0, low) < min(width, high + count):
                    k, v = rows_at(arrays.k, b, kv, tile), rows_at(arrays.v, b, kv, tile)
                    meeting = Meeting(q, dout, k, v, count, width, low, high)
                    _tile(shape, room, meeting, rows_from(dk, done), rows_from(dv, done))
            target = rows_at(arrays.dq, b, h, first)
            if shape.chunks > 1:
                lines = (chunk * shape.batch + b) * shape.heads + h
                target = Rows(scratch, partial + (lines * shape.queries + first) * dim, dim)
            for i in range(0, count, LANES):
                steps.end(panel_of(shape, room, i // LANES), rows_from(target, i), min(LANES, count - i), scale)
    to_k, to_v = rows_at(arrays.dk, b, kv, first_key), rows_at(arrays.dv, b, kv, first_key)
    for j in range(last_key - first_key):
        for d in range(dim):
            to_k.data[to_k.at + j * to_k.step + d] = scratch[dk.at + j * dk.step + d] * scale
        for d in range(dim):
            to_v.data[to_v.at + j * to_v.step + d] = scratch[dv.at + j * dv.step + d]


@njit(**INNER)
def _sum_again(shape, arrays, room, b, kv, first, count, lse_at):
    """For large log-sum-exps, which cannot tell weights apart: the maxima and sums of their rows, over all keys."""
    dim, scratch = shape.dim, room.scratch
    keys = Rows(scratch, room.k, room.padded)
    for i in range(0, count, LANES):
        lanes, panel = min(LANES, count - i), panel_of(shape, room, i // LANES)
        scores = Rows(scratch, room.weights + i, QUERIES + GAP)
        most, sums = np.full(LANES, -np.inf), np.zeros(LANES)
        for tile in range(0, shape.keys, KEYS):
            width = min(KEYS, shape.keys - tile)
            last = (width + ROWS - 1) // ROWS * ROWS
            copy(rows_at(arrays.k, b, kv, tile), width, dim, keys)
            clear_rows(keys, width, last)
            steps.score(scratch, panel.queries, dim, keys, scores, 0, last)
            steps.sum_again(scores, arrays.lse, lse_at + i, lanes, first + i + shape.low - tile,
                            first + i + shape.high - tile, width, most, sums, dim)  # fmt: skip
        steps.set_sums(panel, arrays.lse, lse_at + i, lanes, most, sums)


@njit(**INNER)
def _tile(shape, room, meeting, dk, dv):
    """One tile of queries meets one tile of keys, some of which they see; dk and dv are the sums of those keys."""
    q, dout, k, v, count, width, low, high = meeting
    dim, scratch, scale, whole = shape.dim, room.scratch, base_two_scale(shape.dim), (width + ROWS - 1) // ROWS * ROWS
    if room.padded != dim or width % ROWS:
        packed = Rows(scratch, room.k, room.padded)
        copy(k, width, dim, packed)
        clear_rows(packed, width, whole)
        k = packed
    if width % ROWS:
        packed = Rows(scratch, room.v, dim)
        copy(v, width, dim, packed)
        clear_rows(packed, width, whole)
        v = packed
    hides_nonfinite = (high < width - 1 or low + count > 1) and not (
        is_finite(k, width, dim) and is_finite(q, count, dim) and is_finite(dout, count, dim)
    )
    for i in range(0, count, LANES):
        lanes, panel = min(LANES, count - i), panel_of(shape, room, i // LANES)
        begin, end = max(0, low + i) // ROWS * ROWS, min(width, high + i + lanes)
        if begin >= end:
            continue
        last = (end + ROWS - 1) // ROWS * ROWS
        clear = min(max(begin, (low + i + lanes + ROWS - 2) // ROWS * ROWS), last)  # from here every lane sees all …
        until = max(clear, min(width, high + i + 1) // ROWS * ROWS)  # … up to here
        p, g = Rows(scratch, room.weights + i, QUERIES + GAP), Rows(scratch, room.gradients + i, QUERIES + GAP)
        steps.score(scratch, panel.queries, dim, k, p, begin, last)
        steps.score(scratch, panel.douts, dim, v, g, begin, last)
        steps.weigh_seen(panel, p, g, begin, clear, scale, low + i, high + i, width)
        steps.weigh(panel, p, g, clear, until, scale)
        steps.weigh_seen(panel, p, g, until, last, scale, low + i, high + i, width)
        if not hides_nonfinite:
            steps.add_to_queries(panel, k, g, begin, end)
    p, g = Rows(scratch, room.weights, QUERIES + GAP), Rows(scratch, room.gradients, QUERIES + GAP)
    begin, last = max(0, low) // ROWS * ROWS, (min(width, high + count) + ROWS - 1) // ROWS * ROWS
    if hides_nonfinite:
        dqs = Rows(scratch, panel_of(shape, room, 0).dqs, gradient_panel_floats(dim, room.padded))
        steps.add_seen(Meeting(q, dout, k, v, count, width, low, high), p, g, dk, dv, dqs, dim)
    else:
        steps.add_to_keys(dv, p, dout, begin, last, low, high, count)
        steps.add_to_keys(dk, g, q, begin, last, low, high, count)


@njit(nogil=True, cache=True, error_model="numpy")
def _join(thread, numbers, arrays, lse, scratch, partial, dealt):
    """Tiles of dq as sums over the chunks that they met, as long as the counter gives any."""
    shape, arrays = unpack_gradients(numbers, arrays, lse)
    tiles, source = (shape.queries + QUERIES - 1) // QUERIES, pointer(scratch)
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        pair, first = task // tiles, task % tiles * QUERIES
        count = min(QUERIES, shape.queries - first)
        dq = rows_at(arrays.dq, pair // shape.heads, pair % shape.heads, first)
        met = False
        for chunk in range(shape.chunks):
            if not _meet(shape, first, QUERIES, chunk):
                continue
            at = partial + ((chunk * shape.batch * shape.heads + pair) * shape.queries + first) * shape.dim
            for i in range(count):
                for d in range(shape.dim):
                    number = source[at + i * shape.dim + d]
                    to = dq.at + i * dq.step + d
                    dq.data[to] = number + dq.data[to] if met else number
            met = True
        if not met:
            for i in range(count):
                for d in range(shape.dim):
                    dq.data[dq.at + i * dq.step + d] = ZERO
