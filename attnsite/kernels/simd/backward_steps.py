"""The steps of attention's backward pass on panels: LANES queries side by side, keys in tiles.

Weights and score gradients of a tile are kept as P^T and dS^T, (keys, queries), with all panels of the tile in one row:
a panel's columns are the right-hand side of dQ^T += K^T dS^T, and a key's row is the left-hand side of dV += P^T dO
and dK += dS^T Q, whose lanes lie along the head width. So nothing is transposed between the five products.
Layout of a panel's workspace, in floats: Q^T (dim, LANES) | dO^T (dim, LANES) | dQ^T (padded, LANES) | shift | rest |
delta. A weight is 2^((score − shift) · scale + rest): `shift` is the log-sum-exp as a score before scaling, and `rest`
what was rounded off. What is subtracted first is no larger than it must be, so large scores lose nothing when scaled.
"""

from typing import Any

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.memory import transpose
from attnsite.kernels.simd.prefill_steps import ONE, ZERO, begin_panel
from attnsite.kernels.simd.registers import (
    WIDTH,
    between,
    broadcast,
    exp2,
    fma,
    load,
    multiply,
    store,
    subtract,
    total,
)  # fmt: skip
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS, accumulate, product, put, put_rescaled, zeros


@njit(**INNER)
def begin(ws, base, padded, q, qo, q_step, dout, do, do_step, out, oo, o_step, lse, lo, count, dim):
    """Pack `count` queries and the gradients of their outputs, clear dQ^T, and find delta = Σ dO · O of each row."""
    dot, dqt = base + dim * LANES, base + 2 * dim * LANES
    sums = dqt + padded * LANES
    begin_panel(ws, base, dqt, sums, padded, q, qo, q_step, count, dim, ONE)
    begin_panel(ws, dot, dqt, sums, 0, dout, do, do_step, count, dim, ONE)
    root = np.sqrt(np.float64(dim))
    for i in range(LANES):
        real = i < count
        exact = np.float64(lse[lo + i]) * root if real else 0.0
        if exact == -np.inf:  # saw nothing: it has no weights either way, but NaN would have an influence
            exact = 0.0
        shift = np.float32(exact)
        ws[sums + i] = shift
        ws[sums + LANES + i] = np.float32((shift - exact) / root * LOG2_E_EXACT) if abs(shift) != np.inf else ZERO
        ws[sums + 2 * LANES + i] = _inner(out, oo + i * o_step, dout, do + i * do_step, dim) if real else ZERO


LOG2_E_EXACT = np.log2(np.e)
LARGE = 1024.0  # a log-sum-exp


@njit(**INNER)
def any_large(lse, lo, count):
    """Whether some log-sum-exp is so large that its last bit, 2⁻²⁴ of it, shows in the weights computed from it."""
    found = False
    for i in range(lo, lo + count):
        found = found or LARGE < abs(lse[i]) < np.inf
    return found


@njit(**INNER)
def sum_again(ws, p, step, lo, lanes, low, high, width, lse, most, total, dim):
    """Each lane's largest score so far, and the sum of its weights in float64, with the `width` scores at ws[p]."""
    root = np.sqrt(np.float64(dim))
    for i in range(lanes):
        if LARGE < abs(lse[lo + i]) < np.inf:
            for j in range(max(0, i + low), min(width, i + high + 1)):
                score = np.float64(ws[p + j * step + i])
                if score > most[i]:
                    total[i] = total[i] * np.exp((most[i] - score) / root) + 1.0
                    most[i] = score
                else:
                    total[i] += np.exp((score - most[i]) / root)


@njit(**INNER)
def set_sums(ws, sums, lo, lanes, lse, most, total):
    """What `sum_again` found takes the place of a large log-sum-exp."""
    for i in range(lanes):
        if LARGE < abs(lse[lo + i]) < np.inf:
            ws[sums + i], ws[sums + LANES + i] = np.float32(most[i]), np.float32(-np.log2(total[i]))


@njit(**INLINE)
def _inner(a, at, b, bt, dim):
    """Σ a · b over a row."""
    whole = dim // WIDTH * WIDTH
    sums = broadcast(ZERO, 1)
    for d in range(0, whole, WIDTH):
        sums = fma(load(a, at + d, 1), load(b, bt + d, 1), sums)
    result = total(sums)
    for d in range(whole, dim):
        result += a[at + d] * b[bt + d]
    return result


@njit(**INNER)
def score(ws, left, rows, at, step, dim, target, t_step, first, last):
    """target (keys, LANES) = rows first … last − 1 of K or V, times the packed Q^T or dO^T at ws[left]."""
    for j in range(first, last, ROWS):
        put(ws, target + j * t_step, t_step, product(ROWS, rows, at + j * step, step, 1, ws, left, LANES, dim))


@njit(**INNER)
def weigh(ws, sums, p, g, step, first, last, scale):
    """S^T becomes P^T, the weights, and dP^T becomes dS^T = P^T (dP^T − delta): every lane sees every row."""
    factor, shift, rest = broadcast(scale, PANEL), load(ws, sums, PANEL), load(ws, sums + LANES, PANEL)
    delta = load(ws, sums + 2 * LANES, PANEL)
    for j in range(first, last):
        weight = exp2(fma(subtract(load(ws, p + j * step, PANEL), shift), factor, rest))
        store(ws, p + j * step, weight)
        store(ws, g + j * step, multiply(weight, subtract(load(ws, g + j * step, PANEL), delta)))


@njit(**INNER)
def weigh_seen(ws, sums, p, g, step, first, last, scale, low, high, keys):
    """The same where lane i sees row j, i + low ≤ j ≤ i + high and j < keys; 0 elsewhere, whatever was there."""
    factor, shift, rest = broadcast(scale, PANEL), load(ws, sums, PANEL), load(ws, sums + LANES, PANEL)
    delta = load(ws, sums + 2 * LANES, PANEL)
    for j in range(first, last):
        begins, ends = j - high, j - low + 1 if j < keys else j - high
        weight = exp2(fma(subtract(load(ws, p + j * step, PANEL), shift), factor, rest))
        weight = between(weight, begins, ends, ZERO)
        store(ws, p + j * step, weight)
        gradient = multiply(weight, subtract(load(ws, g + j * step, PANEL), delta))
        store(ws, g + j * step, between(gradient, begins, ends, ZERO))


@njit(**INNER)
def add_to_queries(ws, dqt, padded, k, at, k_step, g, g_step, first, last):
    """dQ^T += K^T dS^T over keys first … last − 1; K has `padded` columns."""
    one = broadcast(ONE, PANEL)
    for d in range(0, padded, ROWS):
        tile = product(ROWS, k, at + first * k_step + d, 1, k_step, ws, g + first * g_step, g_step, last - first)
        put_rescaled(ws, dqt + d * LANES, LANES, one, tile)


def _columns(count: int) -> Any:
    """`add_to_keys` for `count` registers of columns."""

    @njit(**INNER)
    def add(ws, target, width, p, step, first, last, low, high, queries, rows, at, r_step):
        one = broadcast(ONE, count)
        for j in range(first, last, ROWS):
            tile = zeros(ROWS, count)
            for i in range(max(0, j - high), min(queries, j + ROWS - low)):
                tile = accumulate(tile, ws, p + j * step + i, step, load(rows, at + i * r_step, count))
            put_rescaled(ws, target + j * width, width, one, tile)

    return add


_WHOLE = _columns(PANEL)
_ONE, _TWO, _THREE = (_columns(min(count, PANEL)) for count in (1, 2, 3))


@njit(**INNER)
def add_to_keys(ws, target, width, p, step, first, last, low, high, queries, rows, at, r_step):
    """target (keys, width) += P^T rows, over the queries that see a key: dV from P^T and dO, dK from dS^T and Q.

    `width`, the columns of the target, is a multiple of WIDTH; so are those of `rows`. Row j of the tile is seen by
    queries j − high … j − low.
    """
    whole = width // LANES * LANES
    for d in range(0, whole, LANES):
        _WHOLE(ws, target + d, width, p, step, first, last, low, high, queries, rows, at + d, r_step)
    left, to, at = (width - whole) // WIDTH, target + whole, at + whole
    if left == 1:
        _ONE(ws, to, width, p, step, first, last, low, high, queries, rows, at, r_step)
    elif left == 2:
        _TWO(ws, to, width, p, step, first, last, low, high, queries, rows, at, r_step)
    elif left == 3:
        _THREE(ws, to, width, p, step, first, last, low, high, queries, rows, at, r_step)


@njit(**INNER)
def add_seen(ws, dqt, area, dv, dk, width, p, g, step, low, high, queries, keys, dim, k, k_at, k_step, q, q_at, q_step,
             dout, do_at, do_step):  # fmt: skip
    """The three sums over pairs that see each other and nothing else: 0 · NaN is not 0. Slow, and rarely needed."""
    for j in range(keys):
        for i in range(max(0, j - high), min(queries, j - low + 1)):
            weight, gradient = ws[p + j * step + i], ws[g + j * step + i]
            lane = dqt + i // LANES * area + i % LANES
            for d in range(dim):
                ws[dv + j * width + d] += weight * dout[do_at + i * do_step + d]
                ws[dk + j * width + d] += gradient * q[q_at + i * q_step + d]
                ws[lane + d * LANES] += gradient * k[k_at + j * k_step + d]


@njit(**INNER)
def end(ws, dqt, target, at, step, count, dim, scale):
    """target = dQ^T · scale, transposed back, for the `count` real queries."""
    factor = broadcast(scale, 1)
    whole = dim // WIDTH * WIDTH
    for r in range(0, LANES, WIDTH):
        tail = 0
        if r + WIDTH <= count:
            for d in range(0, whole, WIDTH):
                transpose(ws, dqt + d * LANES + r, LANES, target, at + r * step + d, step, factor)
            tail = whole
        for i in range(r, min(r + WIDTH, count)):
            for d in range(tail, dim):
                target[at + i * step + d] = ws[dqt + d * LANES + i] * scale
