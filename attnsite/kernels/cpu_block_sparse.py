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

from attnsite.kernels.cpu_simd import KEYS, NEEDED, PANELS
from attnsite.kernels.plain.inner import INNER
from attnsite.kernels.simd.call import prepare, unpack_call
from attnsite.kernels.simd.prefill import Queries, begin_queries, clear, end_queries, meet_keys, room_at, room_floats
from attnsite.kernels.simd.registers import pointer
from attnsite.kernels.simd.rows import rows_at
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import deal, next_task, on_all, share_out
from attnsite.kernels.simd.tile import LANES

DEVICE = "cpu"
FOLLOWS = "cpu_simd"
_EVERYTHING = np.ones((1, 1), bool)


def attention(q, k, v, out, *, causal, layout=None):
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim); all float32.

    layout: bool (blocks of queries, blocks of keys), the same for all heads; a block has queries // len(layout) tokens,
    rounded up, and query i lies in block i // size. Without it everything is kept. causal is aligned at the bottom
    right. Raises ValueError for a layout that does not reach over all keys and for arrays that do not fit together,
    NotImplementedError for 16-bit numbers.
    """
    call, numbers, arrays = prepare(q, k, v, out, causal=causal)
    if call.q_type or call.kv_type or call.out_type:
        raise NotImplementedError("keeps its numbers in float32")
    if call.batch * call.queries == 0:
        return
    size, kept = _cut(call, layout)
    rows, pairs, threads = -(-call.queries // size), call.batch * call.heads, get_num_threads()
    most = -(-min(size, call.queries) // LANES)  # panels of a block
    panels = min(most, share_out(pairs, -(-call.queries // LANES), PANELS, threads))
    pieces = -(-most // panels)
    panels = -(-most // pieces)
    tasks = pairs * rows * pieces
    threads = min(threads, tasks)
    scratch, floats = workspace(threads, room_floats(call, panels, KEYS))
    on_all(_work, threads, numbers, arrays, kept.view(np.uint8), size, panels, pieces, scratch, floats, deal(tasks))


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
def _work(thread, numbers, arrays, layout, size, panels, pieces, scratch, floats, dealt):
    """What one thread does: pieces of blocks of queries, as long as the counter gives any."""
    call, arrays = unpack_call(numbers, arrays)
    room, rows = room_at(call, pointer(scratch), thread * floats, panels, KEYS), (call.queries + size - 1) // size
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        pair, place = task // (rows * pieces), rows * pieces - 1 - task % (rows * pieces)  # the longest rows first
        row, first = place // pieces, place // pieces * size + place % pieces * panels * LANES
        count = min(panels * LANES, min((row + 1) * size, call.queries) - first)
        if count > 0:
            queries = Queries(pair // call.heads, pair % call.heads, first, count)
            _rows(call, arrays, room, queries, layout[row], size)


@njit(**INNER)
def _rows(call, arrays, room, queries, kept, size):
    """Some queries that all meet the blocks of keys that `kept` marks."""
    first, count = queries.first, queries.rows
    begin_queries(call, arrays, room, queries)
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
            meet_keys(call, arrays, room, queries, tile, width, NEEDED)
            tile += width
    end_queries(call, arrays, room, queries)
    for i in range(min(count, nearest - first - call.high if nearest < call.keys else count)):
        clear(rows_at(arrays.out, queries.b, queries.h, first + i), call.dim)  # no block is kept, or it begins behind
