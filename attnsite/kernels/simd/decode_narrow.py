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
from attnsite.kernels.simd.rows import columns_from
from attnsite.kernels.simd.tile import accumulate, put_rescaled, zeros


def _scoring(kind: int) -> Any:
    """`score` for one way of storing."""

    @njit(**INLINE)
    def row(query, keys, at, whole, dim):
        """The products of one key, added up into one register."""
        wide, one = broadcast(ZERO, 4), broadcast(ZERO, 1)
        for d in range(0, whole, 4 * WIDTH):
            wide = fma(read_lanes(keys, at + d, kind, 4), load(query.data, query.at + d, 4), wide)
        for d in range(whole, dim, WIDTH):
            one = fma(read_lanes(keys, at + d, kind, 1), load(query.data, query.at + d, 1), one)
        return add(one, halved(wide))

    @njit(**INNER)
    def score(query, keys, dim, to, count, spare):
        scratch, whole, full = query.data, dim // (4 * WIDTH) * (4 * WIDTH), count // WIDTH * WIDTH
        for j in range(0, full, WIDTH):
            for r in range(WIDTH):
                store(scratch, spare + r * WIDTH, row(query, keys.data, keys.at + (j + r) * keys.step, whole, dim))
            store(scratch, to + j, across(scratch, spare))
        for j in range(full, count):
            scratch[to + j] = total(row(query, keys.data, keys.at + j * keys.step, whole, dim))

    return score


def _mixing(kind: int) -> Any:
    """`mix` for one way of storing."""

    def columns(count: int) -> Any:
        @njit(**INLINE)
        def mix(scratch, weights, values, keys, output):
            tile = zeros(1, count)
            for j in range(keys):
                value = read_lanes(values.data, values.at + j * values.step, kind, count)
                tile = accumulate(tile, scratch, weights + j, 1, value)
            put_rescaled(scratch, output, 1, broadcast(ONE, count), tile)

        return mix

    eight, four, one = columns(8), columns(4), columns(1)

    @njit(**INNER)
    def mix(scratch, weights, values, dim, keys, output):
        d = 0
        while dim - d >= 8 * WIDTH:
            eight(scratch, weights, columns_from(values, d), keys, output + d)
            d += 8 * WIDTH
        if dim - d >= 4 * WIDTH:
            four(scratch, weights, columns_from(values, d), keys, output + d)
            d += 4 * WIDTH
        while d < dim:
            one(scratch, weights, columns_from(values, d), keys, output + d)
            d += WIDTH

    return mix


_SCORE_FLOAT16, _SCORE_BFLOAT16, _SCORE_INT8 = (_scoring(kind) for kind in (FLOAT16, BFLOAT16, INT8))
_MIX_FLOAT16, _MIX_BFLOAT16, _MIX_INT8 = (_mixing(kind) for kind in (FLOAT16, BFLOAT16, INT8))


@njit(**INNER)
def score_stored(kind, query, keys, dim, to, count, scales, first, spare):
    """The scores of `count` keys, stored as `kind` says, into the scratch from `to` on. dim is a multiple of WIDTH.

    The query lies in the scratch, and room for WIDTH registers there at `spare`; scales[first …] are those of int8's
    rows.
    """
    if kind == FLOAT16:
        _SCORE_FLOAT16(query, keys, dim, to, count, spare)
    elif kind == BFLOAT16:
        _SCORE_BFLOAT16(query, keys, dim, to, count, spare)
    else:
        _SCORE_INT8(query, keys, dim, to, count, spare)
        scale_row(query.data, to, count, scales, first)


@njit(**INNER)
def mix_stored(kind, scratch, weights, values, dim, keys, output, scales, first):
    """scratch[output …] += Σ_j scratch[weights + j] · values[j] over so many keys.

    The weights of int8's rows get those rows' scales, in place.
    """
    if kind == FLOAT16:
        _MIX_FLOAT16(scratch, weights, values, dim, keys, output)
    elif kind == BFLOAT16:
        _MIX_BFLOAT16(scratch, weights, values, dim, keys, output)
    else:
        scale_row(scratch, weights, keys, scales, first)
        _MIX_INT8(scratch, weights, values, dim, keys, output)


@njit(**INNER)
def scale_row(scratch, at, count, scales, first):
    """scratch[at + j] *= scales[first + j]"""
    whole = count // WIDTH * WIDTH
    for j in range(0, whole, WIDTH):
        store(scratch, at + j, multiply(load(scratch, at + j, 1), load(scales, first + j, 1)))
    for j in range(whole, count):
        scratch[at + j] *= scales[first + j]
