"""The online softmax on panels: LANES queries side by side, keys in tiles, everything vertical.

A panel holds LANES queries of one head. Its scores for a tile of keys are S^T, (keys, LANES), so that a row's maximum,
sum and rescaling run down the lanes and nothing has to be added up across a register. Layout of a panel's workspace,
in floats: Q^T (dim, LANES) | O^T (padded, LANES) | maxima | sums.

`Reach` says which keys a query sees: query i sees key j when i + low ≤ j ≤ i + high; a causal mask, a window and both
alignments are this. A key that a query does not see has no influence, not even when it holds NaN or infinity.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE
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
    store,
    subtract,
)  # fmt: skip
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS, peak, product, put, put_rescaled

NOTHING = np.float32(-np.inf)
ZERO, ONE = np.float32(0), np.float32(1)
FAR = 1 << 40  # a reach without an end


class Reach(NamedTuple):
    """Query i sees the keys from i + low to i + high, both included."""

    low: int
    high: int


@njit(**INLINE)
def begin_panel(ws, qt, ot, sums, padded, q, qo, q_step, count, dim, scale):
    """Pack `count` scaled queries as Q^T, lanes behind them zero, and clear O^T, maxima and sums.

    q is flat: query r of the panel begins at q[qo + r·q_step].
    """
    factor = broadcast(scale, 1)
    whole = dim // WIDTH * WIDTH
    for r in range(0, LANES, WIDTH):
        if r + WIDTH <= count:
            for d in range(0, whole, WIDTH):
                transpose(q, qo + r * q_step + d, q_step, ws, qt + d * LANES + r, LANES, factor)
            for d in range(whole, dim):
                for i in range(r, r + WIDTH):
                    ws[qt + d * LANES + i] = q[qo + i * q_step + d] * scale
        else:
            for d in range(dim):
                for i in range(r, r + WIDTH):
                    ws[qt + d * LANES + i] = q[qo + i * q_step + d] * scale if i < count else ZERO
    for d in range(padded):
        store(ws, ot + d * LANES, broadcast(ZERO, PANEL))
    store(ws, sums, broadcast(NOTHING, PANEL))
    store(ws, sums + LANES, broadcast(ZERO, PANEL))


@njit(**INLINE)
def score_rows(ws, qt, k, ko, k_step, dim, p, first, last, m):
    """S^T of keys first … last − 1, a multiple of ROWS, into ws[p …]; the larger of m and their maxima."""
    for j in range(first, last, ROWS):
        tile = product(ROWS, k, ko + j * k_step, k_step, 1, ws, qt, LANES, dim)
        put(ws, p + j * LANES, LANES, tile)
        m = peak(m, tile)
    return m


@njit(**INLINE)
def mask_rows(ws, p, first, last, low, high, keys, taken, slope, middle, m):
    """Scores first … last − 1 of the tile as lanes see them: ALiBi added, unseen ones −inf; the new maxima.

    Lane i sees row j when i + low ≤ j ≤ i + high, and when taken[j] is set, unless `taken` is empty; rows from `keys`
    on are padding. `slope` is ALiBi's, for scores that are scaled later; row `middle` + i is lane i's own position.
    """
    for j in range(first, last):
        s = load(ws, p + j * LANES, PANEL)
        if slope != ZERO:
            s = fma(distance(np.float32(j - middle)), broadcast(-slope, PANEL), s)
        seen = j < keys and (len(taken) == 0 or taken[j] != 0)
        s = between(s, j - high, j - low + 1 if seen else j - high, NOTHING)
        store(ws, p + j * LANES, s)
        m = maximum(s, m)
    return m


@njit(**INLINE)
def distance(x):
    """|x − lane| for every lane."""
    d = subtract(broadcast(x, PANEL), load(_LANE_NUMBERS, 0, PANEL))
    return maximum(d, subtract(broadcast(ZERO, PANEL), d))


_LANE_NUMBERS = np.arange(LANES, dtype=np.float32)


@njit(**INLINE)
def weigh_rows(ws, p, first, last, scale, shift, total):
    """S^T becomes P^T = 2^((S^T − shift) · scale), rows first … last − 1; `total` plus the sum of each lane.

    Subtracted first, scaled then, with log2(e) in the scale: the largest score of a lane has the weight 1 to the bit,
    however large it is. Scaled first, scores of 2³¹ and more differ from their own maximum by what was rounded off.
    """
    even, odd = broadcast(ZERO, PANEL), broadcast(ZERO, PANEL)
    for j in range(first, last - 1, 2):
        a = exp2_scaled(subtract(load(ws, p + j * LANES, PANEL), shift), scale)
        b = exp2_scaled(subtract(load(ws, p + j * LANES + LANES, PANEL), shift), scale)
        store(ws, p + j * LANES, a)
        store(ws, p + j * LANES + LANES, b)
        even, odd = add(even, a), add(odd, b)
    if (last - first) % 2:
        a = exp2_scaled(subtract(load(ws, p + (last - 1) * LANES, PANEL), shift), scale)
        store(ws, p + (last - 1) * LANES, a)
        even = add(even, a)
    return add(total, add(even, odd))


@njit(**INLINE)
def mix_rows(ws, ot, p, first, last, v, vo, v_step, padded, alpha):
    """O^T = O^T · alpha + V^T P^T over rows first … last − 1. V has `padded` columns, a multiple of ROWS.

    Each tile of keys is summed up by itself before it is added: seven times as accurate at 16 384 keys as adding
    every product to the running output, and no slower.
    """
    for d in range(0, padded, ROWS):
        tile = product(ROWS, v, vo + first * v_step + d, 1, v_step, ws, p + first * LANES, LANES, last - first)
        put_rescaled(ws, ot + d * LANES, LANES, alpha, tile)


@njit(**INLINE)
def end_panel(ws, ot, sums, out, oo, o_step, count, dim):
    """out = O^T / sum, transposed back, for the `count` real queries."""
    whole = dim // WIDTH * WIDTH
    for r in range(0, LANES, WIDTH):
        share = divide(broadcast(ONE, 1), load(ws, sums + LANES + r, 1))
        if r + WIDTH <= count:
            for d in range(0, whole, WIDTH):
                transpose(ws, ot + d * LANES + r, LANES, out, oo + r * o_step + d, o_step, share)
            tail = whole
        else:
            tail = 0
        for i in range(r, min(r + WIDTH, count)):
            x = ONE / ws[sums + LANES + i]
            for d in range(tail, dim):
                out[oo + i * o_step + d] = ws[ot + d * LANES + i] * x
