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

from typing import NamedTuple

from numba import get_num_threads, njit

from attnsite.kernels.cpu_simd import KEYS, PANELS
from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.call import base_two_scale, prepare, unpack_call
from attnsite.kernels.simd.packing import is_finite
from attnsite.kernels.simd.prefill import Room, finish, keys_at, values_at
from attnsite.kernels.simd.prefill_steps import (
    NOTHING,
    ONE,
    ZERO,
    Sight,
    begin_panel,
    end_panel,
    mask_rows,
    mix_rows,
    mix_seen,
    panel_at,
    panel_floats,
    score_rows,
    weigh_rows,
)  # fmt: skip
from attnsite.kernels.simd.registers import broadcast, load, pointer, store, where_equal
from attnsite.kernels.simd.rows import Rows, rows_at
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import deal, next_task, on_all, share_out
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_simd"


class Plan(NamedTuple):
    """What all three passes go by: all panels lie in the scratch, each with all of its scores behind it."""

    panels: int  # of a tile of queries
    most: int  # panels of a head
    padded: int  # columns of O^T
    area: int  # floats of a panel, with Q^T, O^T, maxima and sums, and of its scores
    scores: int  # where these begin in it
    packed: int  # where the threads' shares begin, for keys and values that are packed
    share: int  # floats of each


def attention(q, k, v, out, *, causal):
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim), all float32.

    Raises ValueError for arrays that do not fit together, NotImplementedError for 16-bit numbers.
    """
    call, numbers, arrays = prepare(q, k, v, out, causal=causal)
    if call.q_type or call.kv_type or call.out_type:
        raise NotImplementedError("float32 only")
    pairs, most = call.batch * call.heads, -(-call.queries // LANES)
    if pairs * most == 0:
        return
    panels = share_out(pairs, most, PANELS, get_num_threads())
    tiles = pairs * -(-most // panels)
    threads = min(get_num_threads(), tiles)
    keys, padded = -(-call.keys // ROWS) * ROWS, -(-call.dim // ROWS) * ROWS
    scores = panel_floats(call.dim, padded)
    area = scores + keys * LANES
    plan = Plan(panels, most, padded, area, scores, pairs * most * area, 2 * KEYS * (call.dim + ROWS))
    scratch, _ = workspace(1, plan.packed + threads * plan.share)
    for step, tasks in ((_score, tiles), (_weigh, pairs * most), (_mix, tiles)):
        on_all(step, threads, numbers, arrays, tuple(plan), scratch, deal(tasks))


@njit(nogil=True, cache=True, error_model="numpy")
def _score(thread, numbers, arrays, plan, scratch, dealt):
    """The first pass: pack the queries, write all scores and note the maxima."""
    (call, arrays), plan, scratch = unpack_call(numbers, arrays), Plan(*plan), pointer(scratch)
    room = _room(plan, scratch, thread)
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        b, h, first, last = _panels_of(call, plan, task)
        for i in range(first, last):
            source = rows_at(arrays.q, b, h, i * LANES)
            begin_panel(_panel_of(call, plan, scratch, b, h, i), source, min(LANES, call.queries - i * LANES))
        for tile in range(0, call.keys, KEYS):
            width = min(KEYS, call.keys - tile)
            end = (width + ROWS - 1) // ROWS * ROWS
            keys = keys_at(call, arrays, room, b, h, tile, width)
            for i in range(first, last):
                panel, sight = _panel_of(call, plan, scratch, b, h, i), _sight(call, i, tile, width)
                scores = Rows(scratch, panel.queries + plan.scores + tile * LANES, LANES)
                until = max(0, min(width, sight.high + 1) // ROWS * ROWS)
                old = load(scratch, panel.maxima, PANEL)
                m = score_rows(panel, keys, scores, 0, until, old)
                score_rows(panel, keys, scores, until, end, old)
                store(scratch, panel.maxima, mask_rows(scores, until, end, sight, arrays.key_mask, m))


@njit(nogil=True, cache=True, error_model="numpy")
def _weigh(thread, numbers, arrays, plan, scratch, dealt):
    """The second pass: scores become weights, in place, and are added up."""
    (call, arrays), plan, scratch = unpack_call(numbers, arrays), Plan(*plan), pointer(scratch)
    scale, end = base_two_scale(call.dim), (call.keys + ROWS - 1) // ROWS * ROWS
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        panel = panel_at(scratch, task * plan.area, call.dim, plan.padded)
        scores = Rows(scratch, panel.queries + plan.scores, LANES)
        shift = where_equal(load(scratch, panel.maxima, PANEL), NOTHING, ZERO)
        total = weigh_rows(scores, 0, end, scale, shift, load(scratch, panel.totals, PANEL))
        store(scratch, panel.totals, total)


@njit(nogil=True, cache=True, error_model="numpy")
def _mix(thread, numbers, arrays, plan, scratch, dealt):
    """The third pass: weighted sums of the values, divided by the sums of the weights."""
    (call, arrays), plan, scratch = unpack_call(numbers, arrays), Plan(*plan), pointer(scratch)
    room, one = _room(plan, scratch, thread), broadcast(ONE, PANEL)
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        b, h, first, last = _panels_of(call, plan, task)
        for tile in range(0, call.keys, KEYS):
            width = min(KEYS, call.keys - tile)
            values = values_at(call, arrays, room, b, h, tile, width)
            hidden = first * LANES + call.high < tile + width - 1
            hides_nonfinite = hidden and not is_finite(values, width, call.dim)
            for i in range(first, last):
                panel, rows = _panel_of(call, plan, scratch, b, h, i), min(LANES, call.queries - i * LANES)
                weights = Rows(scratch, panel.queries + plan.scores + tile * LANES, LANES)
                if hides_nonfinite:
                    sight = _sight(call, i, tile, width)
                    mix_seen(panel, weights, 0, width, values, sight, arrays.key_mask, rows)
                else:
                    mix_rows(panel, weights, 0, width, values, one)
        for i in range(first, last):
            panel, rows = _panel_of(call, plan, scratch, b, h, i), min(LANES, call.queries - i * LANES)
            end_panel(panel, rows_at(arrays.out, b, h, i * LANES), rows)
            finish(call, arrays, panel, b, h, i * LANES, rows)


@njit(**INLINE)
def _room(plan, scratch, thread):
    """The thread's share, for keys and for values that are packed."""
    keys = plan.packed + thread * plan.share
    return Room(scratch, plan.padded, 0, 0, keys, keys, keys)


@njit(**INLINE)
def _panels_of(call, plan, task):
    """Sequence and head of a tile of queries, its first panel and the one behind its last."""
    tiles = (plan.most + plan.panels - 1) // plan.panels
    pair, first = task // tiles, task % tiles * plan.panels
    return pair // call.heads, pair % call.heads, first, min(plan.most, first + plan.panels)


@njit(**INLINE)
def _panel_of(call, plan, scratch, b, h, i):
    """Panel i of a head."""
    return panel_at(scratch, ((b * call.heads + h) * plan.most + i) * plan.area, call.dim, plan.padded)


@njit(**INLINE)
def _sight(call, i, tile, width):
    """What panel i sees of a tile of keys: with a causal mask or without, there is no first key."""
    return Sight(i * LANES + call.low - tile, i * LANES + call.high - tile, width, ZERO, 0)
