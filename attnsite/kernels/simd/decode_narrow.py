"""One row over a cache that is stored in fewer bits: numbers are widened in registers, on their way from memory.

Where several rows share a cache, it pays to widen a block once, into the workspace. A single row uses each number
once, and there the detour took longer than reading the cache in float32. An int8 row's scale is one number for the
whole row: it is multiplied into the score and into the weight, never into the codes.
"""

from typing import Any

from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.decode_steps import across, halved
from attnsite.kernels.simd.half import BFLOAT16, FLOAT16, INT8, read_lanes
from attnsite.kernels.simd.prefill_steps import ONE, ZERO
from attnsite.kernels.simd.registers import WIDTH, add, broadcast, fma, load, multiply, store, total
from attnsite.kernels.simd.tile import accumulate, put_rescaled, zeros


def _scoring(kind: int) -> Any:
    """`score` for one way of storing."""

    @njit(**INLINE)
    def row(ws, q, k, at, whole, dim):
        """The products of one key, added up into one register."""
        wide, one = broadcast(ZERO, 4), broadcast(ZERO, 1)
        for d in range(0, whole, 4 * WIDTH):
            wide = fma(read_lanes(k, at + d, kind, 4), load(ws, q + d, 4), wide)
        for d in range(whole, dim, WIDTH):
            one = fma(read_lanes(k, at + d, kind, 1), load(ws, q + d, 1), one)
        return add(one, halved(wide))

    @njit(**INNER)
    def score(ws, q, k, at, step, dim, to, count, spare):
        whole, full = dim // (4 * WIDTH) * (4 * WIDTH), count // WIDTH * WIDTH
        for j in range(0, full, WIDTH):
            for r in range(WIDTH):
                store(ws, spare + r * WIDTH, row(ws, q, k, at + (j + r) * step, whole, dim))
            store(ws, to + j, across(ws, spare))
        for j in range(full, count):
            ws[to + j] = total(row(ws, q, k, at + j * step, whole, dim))

    return score


def _mixing(kind: int) -> Any:
    """`mix` for one way of storing."""

    def columns(count: int) -> Any:
        @njit(**INLINE)
        def mix(ws, p, v, at, step, keys, o):
            tile = zeros(1, count)
            for j in range(keys):
                tile = accumulate(tile, ws, p + j, 1, read_lanes(v, at + j * step, kind, count))
            put_rescaled(ws, o, 1, broadcast(ONE, count), tile)

        return mix

    eight, four, one = columns(8), columns(4), columns(1)

    @njit(**INNER)
    def mix(ws, p, v, at, step, dim, keys, o):
        d = 0
        while dim - d >= 8 * WIDTH:
            eight(ws, p, v, at + d, step, keys, o + d)
            d += 8 * WIDTH
        if dim - d >= 4 * WIDTH:
            four(ws, p, v, at + d, step, keys, o + d)
            d += 4 * WIDTH
        while d < dim:
            one(ws, p, v, at + d, step, keys, o + d)
            d += WIDTH

    return mix


_SCORE_HALF, _SCORE_BRAIN, _SCORE_INT8 = (_scoring(kind) for kind in (FLOAT16, BFLOAT16, INT8))
_MIX_HALF, _MIX_BRAIN, _MIX_INT8 = (_mixing(kind) for kind in (FLOAT16, BFLOAT16, INT8))


@njit(**INNER)
def score_stored(kind, ws, q, k, at, step, dim, to, count, scales, first, spare):
    """ws[to …] = the scores of `count` keys that are stored as `kind` says. dim is a multiple of WIDTH.

    scales[first …] are those of int8's rows; ws[spare …] is room for WIDTH registers.
    """
    if kind == FLOAT16:
        _SCORE_HALF(ws, q, k, at, step, dim, to, count, spare)
    elif kind == BFLOAT16:
        _SCORE_BRAIN(ws, q, k, at, step, dim, to, count, spare)
    else:
        _SCORE_INT8(ws, q, k, at, step, dim, to, count, spare)
        scale_row(ws, to, count, scales, first)


@njit(**INNER)
def mix_stored(kind, ws, p, v, at, step, dim, keys, o, scales, first):
    """o += Σ_j p[j] · v[j]. The weights of int8's rows get those rows' scales, in place."""
    if kind == FLOAT16:
        _MIX_HALF(ws, p, v, at, step, dim, keys, o)
    elif kind == BFLOAT16:
        _MIX_BRAIN(ws, p, v, at, step, dim, keys, o)
    else:
        scale_row(ws, p, keys, scales, first)
        _MIX_INT8(ws, p, v, at, step, dim, keys, o)


@njit(**INNER)
def scale_row(ws, at, count, scales, first):
    """ws[at + j] *= scales[first + j]"""
    whole = count // WIDTH * WIDTH
    for j in range(0, whole, WIDTH):
        store(ws, at + j, multiply(load(ws, at + j, 1), load(scales, first + j, 1)))
    for j in range(whole, count):
        ws[at + j] *= scales[first + j]
