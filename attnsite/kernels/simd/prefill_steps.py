"""The online softmax on panels: LANES queries side by side, keys in tiles, everything vertical.

A panel holds LANES queries of one head. Its scores for a tile of keys are S^T, (keys, LANES), so that a row's maximum,
sum and rescaling run down the lanes and nothing has to be added up across a register.

A key that a query does not see has no influence, not even when it holds NaN or infinity.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.memory import transpose
from attnsite.kernels.simd.registers import (
    WIDTH,
    add,
    between,
    broadcast,
    divide,
    exp2_scaled,
    fma,
    load,
    maximum,
    multiply,
    store,
    subtract,
    where_equal,
)  # fmt: skip
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS, peak, product, put, put_rescaled

NOTHING = np.float32(-np.inf)
ZERO, ONE = np.float32(0), np.float32(1)
_LANE_NUMBERS = np.arange(LANES, dtype=np.float32)


class Panel(NamedTuple):
    """Where the parts of a panel lie in the scratch."""

    scratch: Any  # a pointer
    dim: int  # columns of a head
    padded: int  # the same, rounded up to whole tiles of sums
    queries: int  # Q^T (dim, LANES)
    output: int  # O^T (padded, LANES), the weighted values so far
    maxima: int  # (LANES,), the largest score so far
    totals: int  # (LANES,), the sum of weights so far


class Sight(NamedTuple):
    """What the lanes of a panel see of a tile of keys: lane i sees row j when i + low ≤ j ≤ i + high and j < keys.

    `slope` is ALiBi's, 0 for none, and belongs to scores that are scaled later; row `middle` + i is lane i's position.
    """

    low: int
    high: int
    keys: int
    slope: np.float32
    middle: int


@register_jitable(**INLINE)
def panel_floats(dim, padded):
    """The size of a panel in the scratch, in floats; for Python too."""
    return (dim + padded + 2) * LANES


@njit(**INLINE)
def panel_at(scratch, at, dim, padded):
    """The `Panel` that begins at scratch[at]."""
    output = at + dim * LANES
    maxima = output + padded * LANES
    return Panel(scratch, dim, padded, at, output, maxima, maxima + LANES)


@njit(**INLINE)
def begin_panel(panel, source, count):
    """Pack `count` queries, rows of `source`, as Q^T, and clear O^T, maxima and sums."""
    pack_lanes(source, count, panel.dim, panel.scratch, panel.queries)
    clear_lanes(panel.scratch, panel.output, panel.padded)
    store(panel.scratch, panel.maxima, broadcast(NOTHING, PANEL))
    store(panel.scratch, panel.totals, broadcast(ZERO, PANEL))


@njit(**INLINE)
def pack_lanes(source, count, dim, target, to):
    """target[to …] (dim, LANES) = `count` rows of `source`, transposed; lanes behind them are zero."""
    factor = broadcast(ONE, 1)
    whole = dim // WIDTH * WIDTH
    for r in range(0, LANES, WIDTH):
        if r + WIDTH <= count:
            at = source.at + r * source.step
            for d in range(0, whole, WIDTH):
                transpose(source.data, at + d, source.step, target, to + d * LANES + r, LANES, factor)
            for d in range(whole, dim):
                for i in range(r, r + WIDTH):
                    target[to + d * LANES + i] = source.data[source.at + i * source.step + d]
        else:
            for d in range(dim):
                for i in range(r, r + WIDTH):
                    number = source.data[source.at + i * source.step + d] if i < count else ZERO
                    target[to + d * LANES + i] = number


@njit(**INLINE)
def clear_lanes(target, to, rows):
    """target[to …] (rows, LANES) = 0"""
    for d in range(rows):
        store(target, to + d * LANES, broadcast(ZERO, PANEL))


@njit(**INLINE)
def score_rows(panel, keys, scores, first, last, m):
    """S^T of keys first … last − 1, a multiple of ROWS, into `scores`; the larger of m and their maxima."""
    for j in range(first, last, ROWS):
        tile = product(ROWS, keys.data, keys.at + j * keys.step, keys.step, 1, panel.scratch, panel.queries, LANES,
                       panel.dim)  # fmt: skip
        put(scores.data, scores.at + j * scores.step, scores.step, tile)
        m = peak(m, tile)
    return m


@njit(**INLINE)
def mask_rows(scores, first, last, sight, key_mask, m):
    """Scores first … last − 1 of the tile as lanes see them: ALiBi added, unseen ones −inf; the new maxima.

    Lane i sees row j as `sight` says, and when key_mask[j] is set, unless `key_mask` is empty.
    """
    for j in range(first, last):
        s = load(scores.data, scores.at + j * scores.step, PANEL)
        if sight.slope != ZERO:
            s = fma(distance(np.float32(j - sight.middle)), broadcast(-sight.slope, PANEL), s)
        seen = j < sight.keys and (len(key_mask) == 0 or key_mask[j] != 0)
        s = between(s, j - sight.high, j - sight.low + 1 if seen else j - sight.high, NOTHING)
        store(scores.data, scores.at + j * scores.step, s)
        m = maximum(s, m)
    return m


@njit(**INLINE)
def distance(x):
    """|x − lane| for every lane."""
    d = subtract(broadcast(x, PANEL), load(_LANE_NUMBERS, 0, PANEL))
    return maximum(d, subtract(broadcast(ZERO, PANEL), d))


@njit(**INLINE)
def weigh_panel(panel, scores, first, last, scale, old, new):
    """S^T becomes P^T, rows first … last − 1, as the maxima grow from `old` to `new`; the factor for older sums."""
    shift = where_equal(new, NOTHING, ZERO)
    alpha = exp2_scaled(subtract(old, shift), scale)
    store(panel.scratch, panel.maxima, new)
    total = multiply(load(panel.scratch, panel.totals, PANEL), alpha)
    store(panel.scratch, panel.totals, weigh_rows(scores, first, last, scale, shift, total))
    return alpha


@njit(**INLINE)
def weigh_rows(scores, first, last, scale, shift, total):
    """S^T becomes P^T = 2^((S^T − shift) · scale), rows first … last − 1; `total` plus the sum of each lane.

    Subtracted first, scaled then, with log2(e) in the scale: the largest score of a lane has the weight 1 to the bit,
    however large it is. Scaled first, scores of 2³¹ and more differ from their own maximum by what was rounded off.
    """
    data, at, step = scores.data, scores.at, scores.step
    even, odd = broadcast(ZERO, PANEL), broadcast(ZERO, PANEL)
    for j in range(first, last - 1, 2):
        a = exp2_scaled(subtract(load(data, at + j * step, PANEL), shift), scale)
        b = exp2_scaled(subtract(load(data, at + j * step + step, PANEL), shift), scale)
        store(data, at + j * step, a)
        store(data, at + j * step + step, b)
        even, odd = add(even, a), add(odd, b)
    if (last - first) % 2:
        a = exp2_scaled(subtract(load(data, at + (last - 1) * step, PANEL), shift), scale)
        store(data, at + (last - 1) * step, a)
        even = add(even, a)
    return add(total, add(even, odd))


@njit(**INLINE)
def mix_rows(panel, weights, first, last, values, alpha):
    """O^T = O^T · alpha + V^T P^T over rows first … last − 1. `values` has `padded` columns, a multiple of ROWS.

    Each tile of keys is summed up by itself before it is added: seven times as accurate at 16 384 keys as adding
    every product to the running output, and no slower.
    """
    at, p = values.at + first * values.step, weights.at + first * weights.step
    for d in range(0, panel.padded, ROWS):
        tile = product(ROWS, values.data, at + d, 1, values.step, weights.data, p, weights.step, last - first)
        put_rescaled(panel.scratch, panel.output + d * LANES, LANES, alpha, tile)


@njit(**INNER)
def mix_seen(panel, weights, first, last, values, sight, key_mask, count):
    """O^T += V^T P^T for what each lane sees and nothing else: 0 · NaN is not 0. Slow, and rarely needed."""
    for j in range(first, last):
        if len(key_mask) and not key_mask[j]:
            continue
        for i in range(max(0, j - sight.high), min(count, j - sight.low + 1)):
            weight = weights.data[weights.at + j * weights.step + i]
            for d in range(panel.dim):
                value = values.data[values.at + j * values.step + d]
                panel.scratch[panel.output + d * LANES + i] += weight * value


@njit(**INLINE)
def end_panel(panel, out, count):
    """out = O^T / sum, transposed back, for the `count` real queries; `out` are their rows."""
    whole = panel.dim // WIDTH * WIDTH
    for r in range(0, LANES, WIDTH):
        share = divide(broadcast(ONE, 1), load(panel.scratch, panel.totals + r, 1))
        if r + WIDTH <= count:
            for d in range(0, whole, WIDTH):
                transpose(panel.scratch, panel.output + d * LANES + r, LANES, out.data, out.at + r * out.step + d,
                          out.step, share)  # fmt: skip
            tail = whole
        else:
            tail = 0
        for i in range(r, min(r + WIDTH, count)):
            x = ONE / panel.scratch[panel.totals + i]
            for d in range(tail, panel.dim):
                out.data[out.at + i * out.step + d] = panel.scratch[panel.output + d * LANES + i] * x
