"""Tiles of queries meet tiles of keys: the loops of prefill, which `cpu_simd`, its controls and its variants share.

`prefill_steps` has what happens on a panel. What may differ from kernel to kernel is which keys are computed for some
queries (`Blocks`) and which tiles of keys they meet (`meet_keys` is called for each of them).
"""

from typing import Any, NamedTuple

from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import FAR, base_two_scale, log_sum
from attnsite.kernels.simd.half import write
from attnsite.kernels.simd.packing import clear_rows, copy, is_finite, unpack
from attnsite.kernels.simd.prefill_steps import (
    NOTHING,
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
    weigh_panel,
)  # fmt: skip
from attnsite.kernels.simd.registers import load
from attnsite.kernels.simd.rows import Rows, rows_at
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS


class Blocks(NamedTuple):
    """Scores are computed in blocks of this size, those that no query sees among them, unless none of a block is seen.

    (1, 1) computes what a panel needs; FAR queries leave nothing out. The outputs are the same bit for bit.
    """

    queries: int
    keys: int


class Queries(NamedTuple):
    """Queries first … first + rows of head h in sequence b: one tile of them."""

    b: int
    h: int
    first: int
    rows: int


class Room(NamedTuple):
    """A thread's part of the scratch: what lies where, in floats behind the pointer `scratch`."""

    scratch: Any
    padded: int  # columns of O^T: the head width, rounded up to whole tiles of sums
    panels: int  # one behind the other
    scores: int  # S^T (keys, LANES) of one panel
    keys: int  # a tile of K, packed, (keys, dim)
    values: int  # a tile of V, packed, (keys, padded)
    spare: int  # (LANES, dim): rows of q or of out, on their way from or to 16 bits


def room_floats(call, panels, keys):
    """How many floats a thread needs for tiles of so many panels and keys."""
    padded = -(-call.dim // ROWS) * ROWS
    return panels * panel_floats(call.dim, padded) + keys * (LANES + call.dim + padded) + LANES * call.dim


@njit(**INLINE)
def room_at(call, scratch, at, panels, keys):
    """The `Room` that begins at scratch[at]."""
    padded = (call.dim + ROWS - 1) // ROWS * ROWS
    scores = at + panels * panel_floats(call.dim, padded)
    packed = scores + keys * LANES
    values = packed + keys * call.dim
    return Room(scratch, padded, at, scores, packed, values, values + keys * padded)


@njit(**INLINE)
def panel_of(call, room, i):
    """Panel i of a tile of queries."""
    return panel_at(room.scratch, room.panels + i * panel_floats(call.dim, room.padded), call.dim, room.padded)


@njit(**INLINE)
def computed(call, blocks, first, count):
    """The keys that are computed for queries first … first + count, and the one behind them: whole blocks."""
    if blocks.queries >= FAR:
        return 0, call.keys
    top = first // blocks.queries * blocks.queries
    bottom = min(call.queries, ((first + count - 1) // blocks.queries + 1) * blocks.queries)
    begin = max(0, top + call.low) // blocks.keys * blocks.keys
    end = (max(0, bottom + call.high) + blocks.keys - 1) // blocks.keys * blocks.keys
    return begin, min(call.keys, end)


@njit(**INLINE)
def begin_queries(call, arrays, room, queries):
    """Pack the tile's queries and clear what will be summed up."""
    spare = Rows(room.scratch, room.spare, call.dim)
    for i in range((queries.rows + LANES - 1) // LANES):
        first, rows = queries.first + i * LANES, min(LANES, queries.rows - i * LANES)
        source = rows_at(arrays.q, queries.b, queries.h, first)
        if call.q_type:
            unpack(rows_at(arrays.q16, queries.b, queries.h, first), rows, call.dim, call.q_type, spare)
            source = spare
        begin_panel(panel_of(call, room, i), source, rows)


@njit(**INLINE)
def keys_at(call, arrays, room, b, h, tile, width):
    """K of the keys tile … tile + width for head h as `Rows`, packed where it must be: whole tiles of sums are read."""
    rows = rows_at(arrays.k, b, h // (call.heads // call.kv_heads), tile)
    packed = Rows(room.scratch, room.keys, call.dim)
    if call.kv_type:
        rows16 = rows_at(arrays.k16, b, h // (call.heads // call.kv_heads), tile)
        unpack(rows16, width, call.dim, call.kv_type, packed)
    elif width % ROWS:
        copy(rows, width, call.dim, packed)
    if call.kv_type or width % ROWS:
        clear_rows(packed, width, (width + ROWS - 1) // ROWS * ROWS)
        return packed
    return rows


@njit(**INLINE)
def values_at(call, arrays, room, b, h, tile, width):
    """V of the same keys, of `padded` columns."""
    rows = rows_at(arrays.v, b, h // (call.heads // call.kv_heads), tile)
    packed = Rows(room.scratch, room.values, room.padded)
    if call.kv_type:
        rows16 = rows_at(arrays.v16, b, h // (call.heads // call.kv_heads), tile)
        unpack(rows16, width, call.dim, call.kv_type, packed)
        return packed
    if room.padded != call.dim:
        copy(rows, width, call.dim, packed)
        return packed
    return rows


@njit(**INLINE)
def meet_keys(call, arrays, room, queries, tile, width, blocks):
    """All panels of the tile of queries meet the keys tile … tile + width, as far as those are computed for them."""
    b, h, first, count = queries
    key_mask = arrays.key_mask[b * call.keys + tile : (b + 1) * call.keys] if len(arrays.key_mask) else arrays.key_mask
    slope = arrays.alibi_slopes[b * call.heads + h] if len(arrays.alibi_slopes) else ZERO  # of float32
    scores = Rows(room.scratch, room.scores, LANES)
    k = keys_at(call, arrays, room, b, h, tile, width)
    v = values_at(call, arrays, room, b, h, tile, width)
    masked = len(key_mask) > 0 or first + call.high < tile + width - 1 or first + count - 1 + call.low > tile
    hides_nonfinite = masked and not is_finite(v, width, call.dim)
    for i in range((count + LANES - 1) // LANES):
        at, rows = first + i * LANES, min(LANES, count - i * LANES)
        begin, end = computed(call, blocks, at, rows)
        sight = Sight(at + call.low - tile, at + call.high - tile, width, slope, at + call.offset - tile)
        begin, end = max(0, begin - tile), min(width, end - tile)
        _meet_panel(panel_of(call, room, i), scores, k, v, begin, end, sight, key_mask, hides_nonfinite, rows)


@njit(**INLINE)
def _meet_panel(panel, scores, k, v, begin, end, sight, key_mask, hides_nonfinite, count):
    """A panel of `count` queries meets rows begin … end − 1 of a tile of keys."""
    if begin >= end:
        return
    begin, last = begin // ROWS * ROWS, (end + ROWS - 1) // ROWS * ROWS
    clear = min(max(begin, (sight.low + count + ROWS - 2) // ROWS * ROWS), last)  # from here on every lane sees all …
    until = max(clear, min(sight.keys, sight.high + 1) // ROWS * ROWS)  # … up to here
    if len(key_mask) or sight.slope != ZERO:
        until = clear = begin
    old = load(panel.scratch, panel.maxima, PANEL)
    m = score_rows(panel, k, scores, clear, until, old)
    if begin < clear:
        score_rows(panel, k, scores, begin, clear, old)
        m = mask_rows(scores, begin, clear, sight, key_mask, m)
    if until < last:
        score_rows(panel, k, scores, until, last, old)
        m = mask_rows(scores, until, last, sight, key_mask, m)
    alpha = weigh_panel(panel, scores, begin, last, base_two_scale(panel.dim), old, m)
    if hides_nonfinite:
        mix_rows(panel, scores, begin, begin, v, alpha)
        mix_seen(panel, scores, begin, min(last, sight.keys), v, sight, key_mask, count)
    else:
        mix_rows(panel, scores, begin, min(last, sight.keys), v, alpha)


@njit(**INLINE)
def end_queries(call, arrays, room, queries):
    """Write the tile's outputs, zeros for queries that saw no key, and their log-sum-exps where they are asked for."""
    b, h = queries.b, queries.h
    spare = Rows(room.scratch, room.spare, call.dim)
    for i in range((queries.rows + LANES - 1) // LANES):
        first, rows = queries.first + i * LANES, min(LANES, queries.rows - i * LANES)
        panel = panel_of(call, room, i)
        if call.out_type:
            end_panel(panel, spare, rows)
            _write_rows(spare, rows, call, rows_at(arrays.out16, b, h, first))
        else:
            end_panel(panel, rows_at(arrays.out, b, h, first), rows)
        finish(call, arrays, panel, b, h, first, rows)


@njit(**INLINE)
def _write_rows(source, count, call, target):
    for r in range(count):
        for d in range(call.dim):
            number = source.data[source.at + r * source.step + d]
            write(target.data, target.at + r * target.step + d, call.out_type, number)


@njit(**INLINE)
def finish(call, arrays, panel, b, h, first, count):
    """The log-sum-exp, and zeros for rows that saw no key."""
    for i in range(count):
        m, total = panel.scratch[panel.maxima + i], panel.scratch[panel.totals + i]
        if total == ZERO and not sees(call, arrays.key_mask, b, first + i):
            if call.out_type:
                _clear16(call, rows_at(arrays.out16, b, h, first + i))
            else:
                clear(rows_at(arrays.out, b, h, first + i), call.dim)
        if len(arrays.lse):
            value = log_sum(m, total, call.dim) if total > ZERO or total != total else NOTHING
            arrays.lse[(b * call.heads + h) * call.queries + first + i] = value


@njit(**INLINE)
def clear(row, dim):
    """A row's `dim` numbers become zero."""
    for d in range(dim):
        row.data[row.at + d] = ZERO


@njit(**INLINE)
def _clear16(call, row):
    for d in range(call.dim):
        write(row.data, row.at + d, call.out_type, ZERO)


@njit(**INNER)
def sees(call, key_mask, b, i):
    """Whether query i of sequence b sees any key at all."""
    low, high = max(0, i + call.low), min(call.keys - 1, i + call.high)
    if low > high or len(key_mask) == 0:
        return low <= high
    return key_mask[b * call.keys + low : b * call.keys + high + 1].any()
