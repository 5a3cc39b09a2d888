"""Attention over the blocks that a layout keeps: what it drops is neither computed nor read.

Queries and keys are cut into blocks of the same length, and a matrix of bools says which block of queries meets which
block of keys, as in the kernels that came with the Sparse Transformer [@child2019code]. For each block of queries the
kernel walks along its row of the layout. Neighbouring blocks that are kept are taken together, in the tiles of
`cpu_simd`, so that a band costs what a window costs; at a gap the walk goes on behind it. The panels, the products and
the online softmax are those of `cpu_simd`.

Bytes: q and out once; k and v once for each block of queries that keeps them. Its workspace is a few tiles a thread.

Look at `_rows`: a dropped block costs one look at the layout. What a block costs beyond its arithmetic is the rescaling
of the output, once for each tile of keys, and lanes that stay empty where a block has fewer queries than a panel; both
are small from about 64 tokens on [measured]. With a causal mask, tiles that cross the diagonal are masked and those
behind it are skipped. A row that keeps nothing gives zeros. The layout is given: choosing one costs time as well, and
that is no part of this kernel.
"""

import numpy as np
from numba import get_num_threads, njit

from attnsite.kernels.cpu_simd import KEYS, PANELS, _panel, padded_width
from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import Arrays, base_two_scale, prepare, unpack_call
from attnsite.kernels.simd.memory import fetch_add
from attnsite.kernels.simd.packing import copy, is_finite
from attnsite.kernels.simd.prefill_steps import ONE, ZERO, begin_panel, end_panel
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import on_all, share_out
from attnsite.kernels.simd.tile import LANES, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_simd"
_EVERYTHING = np.ones((1, 1), bool)


def attention(q, k, v, out, *, causal, layout=None):
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim); all float32.

    layout: bool (blocks of queries, blocks of keys), the same for all heads; a block has queries // len(layout) tokens,
    rounded up, and query i lies in block i // size. Without it everything is kept. causal is aligned at the bottom
    right. Raises ValueError for a layout that does not reach over all keys.
    """
    call, numbers, arrays = prepare(q, k, v, out, causal=causal)
    if call.asked or call.stored or call.written:
        raise NotImplementedError("keeps its numbers in float32")
    if call.batch * call.queries == 0:
        return
    size, kept = _cut(call, layout)
    rows, pairs, threads = -(-call.queries // size), call.batch * call.heads, get_num_threads()
    most = -(-min(size, call.queries) // LANES)  # panels of a block
    panels = min(most, share_out(pairs, -(-call.queries // LANES), PANELS, threads))
    pieces = -(-most // panels)
    panels = -(-most // pieces)
    threads = min(threads, pairs * rows * pieces)
    padded = -(-call.dim // ROWS) * ROWS
    ws, room = workspace(threads, panels * (call.dim + padded + 2) * LANES
                         + KEYS * (LANES + call.dim + padded))  # fmt: skip
    on_all(_work, threads, numbers, *arrays, kept.view(np.uint8).reshape(-1), kept.shape[1], size, panels, pieces, ws,
           room, np.zeros(1, np.int64))  # fmt: skip


def _cut(call, layout):
    """Tokens of a block, and the layout as one piece of memory."""
    if layout is None:
        return max(call.queries, call.keys), _EVERYTHING
    layout = np.asarray(layout)
    if layout.dtype != bool or layout.ndim != 2 or 0 in layout.shape:
        raise ValueError(f"layout is {layout.dtype} {layout.shape}: make it bool (blocks of queries, blocks of keys)")
    size = -(-call.queries // len(layout))
    if size * layout.shape[1] < call.keys:
        reached = f"{layout.shape[1]} blocks of {size}"
        raise ValueError(f"layout has {reached} keys, fewer than {call.keys}: give it a column for every block of keys")
    return size, np.ascontiguousarray(layout)


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales, kept, columns,
          size, panels, pieces, ws, room, counter):  # fmt: skip
    """What one thread does: pieces of blocks of queries, as long as the counter gives any."""
    arrays = Arrays(q, k, v, out, q16, k16, v16, out16, taken, slopes, lse, k_scales, v_scales)
    call, start = unpack_call(numbers), thread * room
    rows = (call.queries + size - 1) // size
    while True:
        task = fetch_add(counter, 0, 1)
        if task >= call.batch * call.heads * rows * pieces:
            return
        pair, place = task // (rows * pieces), rows * pieces - 1 - task % (rows * pieces)  # the longest rows first
        row, first = place // pieces, place // pieces * size + place % pieces * panels * LANES
        count = min(panels * LANES, min((row + 1) * size, call.queries) - first)
        if count > 0:
            mine = kept[row * columns : (row + 1) * columns]
            _rows(call, arrays, mine, size, pair // call.heads, pair % call.heads, first, count, ws, start)


@njit(**INNER)
def _rows(call, arrays, kept, size, b, h, first, count, ws, start):
    """Queries first … first + count of head h in sequence b, which all meet the blocks of keys that `kept` marks."""
    dim, padded = call.dim, padded_width(call)
    panels, area = (count + LANES - 1) // LANES, (dim + padded + 2) * LANES
    for panel in range(panels):
        base, done = start + panel * area, panel * LANES
        at = b * call.q_batch + h * call.q_head + (first + done) * call.q_row
        begin_panel(ws, base, base + dim * LANES, base + (dim + padded) * LANES, padded, arrays.q, at, call.q_row,
                    min(LANES, count - done), dim, ONE)  # fmt: skip
    end, nearest, block = min(call.keys, first + count + call.high), call.keys, 0
    while block * size < end:
        if not kept[block]:
            block += 1
            continue
        tile = block * size
        nearest = min(nearest, tile)
        while block < len(kept) and kept[block]:
            block += 1
        behind = min(block * size, call.keys)
        while tile < min(behind, end):
            width = min(KEYS, behind - tile)
            _tile(call, arrays, b, h, first, count, tile, width, ws, start, start + panels * area)
            tile += width
    for panel in range(panels):
        base, done = start + panel * area, panel * LANES
        at = b * call.out_batch + h * call.out_head + (first + done) * call.out_row
        end_panel(ws, base + dim * LANES, base + (dim + padded) * LANES, arrays.out, at, call.out_row,
                  min(LANES, count - done), dim)  # fmt: skip
    at = b * call.out_batch + h * call.out_head + first * call.out_row
    for i in range(min(count, nearest - first - call.high if nearest < call.keys else count)):
        for d in range(dim):  # these see nothing: no block is kept, or the first begins behind them
            arrays.out[at + i * call.out_row + d] = ZERO


@njit(**INLINE)
def _tile(call, arrays, b, h, first, count, tile, width, ws, start, p):
    """All panels meet the keys tile … tile + width. The scores lie at ws[p], behind the panels."""
    dim, padded = call.dim, padded_width(call)
    kv = h // (call.heads // call.kv_heads)
    k, k_at, k_step = arrays.k, b * call.k_batch + kv * call.k_head + tile * call.k_row, call.k_row
    v, v_at, v_step = arrays.v, b * call.v_batch + kv * call.v_head + tile * call.v_row, call.v_row
    packed_k, packed_v = p + KEYS * LANES, p + KEYS * (LANES + dim)
    if width % ROWS:  # whole tiles of sums are computed: what stands behind the keys must not be read
        copy(k, k_at, k_step, width, dim, ws, packed_k, dim)
        for i in range(packed_k + width * dim, packed_k + (width + ROWS - 1) // ROWS * ROWS * dim):
            ws[i] = ZERO
        k, k_at, k_step = ws, packed_k, dim
    if padded != dim:
        copy(v, v_at, v_step, width, dim, ws, packed_v, padded)
        v, v_at, v_step = ws, packed_v, padded
    masked = first + call.high < tile + width - 1
    spoiled = masked and not is_finite(v, v_at, v_step, width, dim)
    area = (dim + padded + 2) * LANES
    for panel in range((count + LANES - 1) // LANES):
        done = panel * LANES
        _panel(call, k, k_at, k_step, v, v_at, v_step, arrays.taken, base_two_scale(dim), ZERO, spoiled, first + done,
               min(LANES, count - done), tile, width, ws, start + panel * area, p, dim, padded)  # fmt: skip
