"""The steps of attention's backward pass on panels: LANES queries side by side, keys in tiles.

Weights and score gradients of a tile are kept as P^T and dS^T, (keys, queries), with all panels of the tile in one row:
a panel's columns are the right-hand side of dQ^T += K^T dS^T, and a key's row is the left-hand side of dV += P^T dO
and dK += dS^T Q, whose lanes lie along the head width. So nothing is transposed between the five products. A weight is
2^((score − shift) · scale + rest): `shift` is the log-sum-exp as a score before scaling, and `rest` what was rounded
off. What is subtracted first is no larger than it must be, so large scores lose nothing when scaled.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from attnsite.kernels.plain.exponential import LOG2_E
from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.memory import transpose
from attnsite.kernels.simd.prefill_steps import ONE, ZERO, clear_lanes, pack_lanes
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
from attnsite.kernels.simd.rows import Rows, columns_from
from attnsite.kernels.simd.tile import LANES, PANEL, ROWS, accumulate, product, put, put_rescaled, zeros

LARGE = 1024.0  # a log-sum-exp


class GradientPanel(NamedTuple):
    """Where the parts of a panel lie in the scratch."""

    scratch: Any  # a pointer
    dim: int  # columns of a head
    padded: int  # the same, rounded up to whole tiles of sums
    queries: int  # Q^T (dim, LANES)
    douts: int  # dO^T (dim, LANES)
    dqs: int  # dQ^T (padded, LANES), so far
    shift: int  # (LANES,) …
    rest: int  # … both of the log-sum-exp
    delta: int  # (LANES,), Σ dO · O


class Meeting(NamedTuple):
    """A tile of queries meets a tile of keys: query i sees rows i + low … i + high of it."""

    q: Rows
    dout: Rows
    k: Rows
    v: Rows
    queries: int
    keys: int
    low: int
    high: int


@register_jitable(**INLINE)
def gradient_panel_floats(dim, padded):
    """The size of a panel in the scratch, in floats; for Python too."""
    return (2 * dim + padded + 3) * LANES


@njit(**INLINE)
def gradient_panel_at(scratch, at, dim, padded):
    """The `GradientPanel` that begins at scratch[at]."""
    dqs = at + 2 * dim * LANES
    shift = dqs + padded * LANES
    return GradientPanel(scratch, dim, padded, at, at + dim * LANES, dqs, shift, shift + LANES, shift + 2 * LANES)


@njit(**INNER)
def begin(panel, q, dout, out, lse, lse_at, count):
    """Pack `count` queries and the gradients of their outputs, clear dQ^T, and find delta = Σ dO · O of each row.

    q, dout and out are `Rows`; the log-sum-exps are lse[lse_at …].
    """
    scratch = panel.scratch
    pack_lanes(q, count, panel.dim, scratch, panel.queries)
    pack_lanes(dout, count, panel.dim, scratch, panel.douts)
    clear_lanes(scratch, panel.dqs, panel.padded)
    root = np.sqrt(np.float64(panel.dim))
    for i in range(LANES):
        real = i < count
        exact = np.float64(lse[lse_at + i]) * root if real else 0.0
        if exact == -np.inf:  # saw nothing: it has no weights either way, but NaN would have an influence
            exact = 0.0
        shift = np.float32(exact)
        scratch[panel.shift + i] = shift
        scratch[panel.rest + i] = np.float32((shift - exact) / root * LOG2_E) if abs(shift) != np.inf else ZERO
        scratch[panel.delta + i] = _inner(out, dout, i, panel.dim) if real else ZERO


@njit(**INNER)
def any_large(lse, at, count):
    """Whether some of lse[at …] is so large that its last bit, 2⁻²⁴ of it, shows in the weights computed from it."""
    found = False
    for i in range(at, at + count):
        found = found or LARGE < abs(lse[i]) < np.inf
    return found


@njit(**INNER)
def sum_again(scores, lse, lse_at, lanes, low, high, width, most, sums, dim):
    """Each lane's largest score so far, and the sum of its weights in float64, with `width` rows of scores.

    Lane i sees rows i + low … i + high. `most` and `sums` (LANES,) are brought up to date where lse[lse_at + i] is
    large.
    """
    root = np.sqrt(np.float64(dim))
    for i in range(lanes):
        if LARGE < abs(lse[lse_at + i]) < np.inf:
            for j in range(max(0, i + low), min(width, i + high + 1)):
                score = np.float64(scores.data[scores.at + j * scores.step + i])
                if score > most[i]:
                    sums[i] = sums[i] * np.exp((most[i] - score) / root) + 1.0
                    most[i] = score
                else:
                    sums[i] += np.exp((score - most[i]) / root)


@njit(**INNER)
def set_sums(panel, lse, lse_at, lanes, most, sums):
    """What `sum_again` found takes the place of a large log-sum-exp."""
    for i in range(lanes):
        if LARGE < abs(lse[lse_at + i]) < np.inf:
            panel.scratch[panel.shift + i] = np.float32(most[i])
            panel.scratch[panel.rest + i] = np.float32(-np.log2(sums[i]))


@njit(**INLINE)
def _inner(a, b, i, dim):
    """Σ a · b over row i."""
    whole, at, bt = dim // WIDTH * WIDTH, a.at + i * a.step, b.at + i * b.step
    sums = broadcast(ZERO, 1)
    for d in range(0, whole, WIDTH):
        sums = fma(load(a.data, at + d, 1), load(b.data, bt + d, 1), sums)
    result = total(sums)
    for d in range(whole, dim):
        result += a.data[at + d] * b.data[bt + d]
    return result


@njit(**INNER)
def score(scratch, packed, dim, rows, target, first, last):
    """target (keys, LANES) = rows first … last − 1 of K or V, times Q^T or dO^T, packed in the scratch at `packed`."""
    for j in range(first, last, ROWS):
        tile = product(ROWS, rows.data, rows.at + j * rows.step, rows.step, 1, scratch, packed, LANES, dim)
        put(target.data, target.at + j * target.step, target.step, tile)


@njit(**INNER)
def weigh(panel, weights, gradients, first, last, scale):
    """S^T becomes P^T, the weights, and dP^T becomes dS^T = P^T (dP^T − delta): every lane sees every row."""
    data, p, g, step = weights.data, weights.at, gradients.at, weights.step
    factor, shift, rest, delta = _sums(panel, scale)
    for j in range(first, last):
        weight = exp2(fma(subtract(load(data, p + j * step, PANEL), shift), factor, rest))
        store(data, p + j * step, weight)
        store(data, g + j * step, multiply(weight, subtract(load(data, g + j * step, PANEL), delta)))


@njit(**INNER)
def weigh_seen(panel, weights, gradients, first, last, scale, low, high, keys):
    """The same where lane i sees row j, i + low ≤ j ≤ i + high and j < keys; 0 elsewhere, whatever was there."""
    data, p, g, step = weights.data, weights.at, gradients.at, weights.step
    factor, shift, rest, delta = _sums(panel, scale)
    for j in range(first, last):
        begins, ends = j - high, j - low + 1 if j < keys else j - high
        weight = exp2(fma(subtract(load(data, p + j * step, PANEL), shift), factor, rest))
        weight = between(weight, begins, ends, ZERO)
        store(data, p + j * step, weight)
        gradient = multiply(weight, subtract(load(data, g + j * step, PANEL), delta))
        store(data, g + j * step, between(gradient, begins, ends, ZERO))


@njit(**INLINE)
def _sums(panel, scale):
    """What turns scores into weights and their gradients, in registers."""
    return (broadcast(scale, PANEL), load(panel.scratch, panel.shift, PANEL), load(panel.scratch, panel.rest, PANEL),
            load(panel.scratch, panel.delta, PANEL))  # fmt: skip


@njit(**INNER)
def add_to_queries(panel, keys, gradients, first, last):
    """dQ^T += K^T dS^T over keys first … last − 1; K has `padded` columns."""
    one, at, g = broadcast(ONE, PANEL), keys.at + first * keys.step, gradients.at + first * gradients.step
    for d in range(0, panel.padded, ROWS):
        tile = product(ROWS, keys.data, at + d, 1, keys.step, gradients.data, g, gradients.step, last - first)
        put_rescaled(panel.scratch, panel.dqs + d * LANES, LANES, one, tile)


def _columns(count: int) -> Any:
    """`add_to_keys` for `count` registers of columns."""

    @njit(**INNER)
    def add(target, factors, rows, first, last, low, high, queries):
        one = broadcast(ONE, count)
        for j in range(first, last, ROWS):
            tile = zeros(ROWS, count)
            for i in range(max(0, j - high), min(queries, j + ROWS - low)):
                row = load(rows.data, rows.at + i * rows.step, count)
                tile = accumulate(tile, factors.data, factors.at + j * factors.step + i, factors.step, row)
            put_rescaled(target.data, target.at + j * target.step, target.step, one, tile)

    return add


_WHOLE = _columns(PANEL)
_ONE, _TWO, _THREE = (_columns(min(count, PANEL)) for count in (1, 2, 3))


@njit(**INNER)
def add_to_keys(target, factors, rows, first, last, low, high, queries):
    """target (keys, width) += P^T rows, over the queries that see a key: dV from P^T and dO, dK from dS^T and Q.

    `width`, the step of the target, is a multiple of WIDTH; so many columns have `rows` too. Row j of the tile is seen
    by queries j − high … j − low.
    """
    whole = target.step // LANES * LANES
    for d in range(0, whole, LANES):
        _WHOLE(columns_from(target, d), factors, columns_from(rows, d), first, last, low, high, queries)
    left, to, source = (target.step - whole) // WIDTH, columns_from(target, whole), columns_from(rows, whole)
    if left == 1:
        _ONE(to, factors, source, first, last, low, high, queries)
    elif left == 2:
        _TWO(to, factors, source, first, last, low, high, queries)
    elif left == 3:
        _THREE(to, factors, source, first, last, low, high, queries)


@njit(**INNER)
def add_seen(meeting, weights, gradients, dk, dv, dqs, dim):
    """The three sums over pairs that see each other and nothing else: 0 · NaN is not 0. Slow, and rarely needed.

    dqs.at is where the first panel's dQ^T lies, dqs.step the size of a panel.
    """
    q, k, dout = meeting.q, meeting.k, meeting.dout
    scratch, step = weights.data, weights.step
    for j in range(meeting.keys):
        for i in range(max(0, j - meeting.high), min(meeting.queries, j - meeting.low + 1)):
            weight, gradient = scratch[weights.at + j * step + i], scratch[gradients.at + j * step + i]
            lane = dqs.at + i // LANES * dqs.step + i % LANES
            for d in range(dim):
                scratch[dv.at + j * dv.step + d] += weight * dout.data[dout.at + i * dout.step + d]
                scratch[dk.at + j * dk.step + d] += gradient * q.data[q.at + i * q.step + d]
                scratch[lane + d * LANES] += gradient * k.data[k.at + j * k.step + d]


@njit(**INNER)
def end(panel, target, count, scale):
    """target = dQ^T · scale, transposed back, for the `count` real queries; `target` are their rows."""
    factor = broadcast(scale, 1)
    whole = panel.dim // WIDTH * WIDTH
    for r in range(0, LANES, WIDTH):
        tail = 0
        if r + WIDTH <= count:
            for d in range(0, whole, WIDTH):
                transpose(panel.scratch, panel.dqs + d * LANES + r, LANES, target.data,
                          target.at + r * target.step + d, target.step, factor)  # fmt: skip
            tail = whole
        for i in range(r, min(r + WIDTH, count)):
            for d in range(tail, panel.dim):
                target.data[target.at + i * target.step + d] = panel.scratch[panel.dqs + d * LANES + i] * scale
