"""Rows of keys and values brought into the form that a tile's product reads: float32, evenly padded, close together."""

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.half import BFLOAT16, FLOAT16, INT8, read, read_lanes
from attnsite.kernels.simd.memory import prefetch
from attnsite.kernels.simd.registers import WIDTH, broadcast, fma, load, multiply, store, total

ZERO = np.float32(0)
AHEAD = 16  # rows


@njit(**INNER)
def is_finite(v, at, step, rows, dim):
    """Whether no number of the tile is NaN or infinite: 0 times such a number is NaN, and stays so in a sum."""
    none, sums, rest, whole = broadcast(ZERO, 1), broadcast(ZERO, 1), ZERO, dim // WIDTH * WIDTH
    for j in range(rows):
        for d in range(0, whole, WIDTH):
            sums = fma(load(v, at + j * step + d, 1), none, sums)
        for d in range(whole, dim):
            rest += v[at + j * step + d] * ZERO
    return total(sums) + rest == ZERO


@njit(**INNER)
def copy(source, at, step, rows, dim, ws, to, to_step):
    """Rows into the workspace, `to_step` apart, columns from dim on zero."""
    whole = dim // WIDTH * WIDTH
    for j in range(rows):
        begin, end = at + j * step, to + j * to_step
        for d in range(0, whole, WIDTH):
            store(ws, end + d, load(source, begin + d, 1))
        for d in range(whole, dim):
            ws[end + d] = source[begin + d]
        for d in range(dim, to_step):
            ws[end + d] = ZERO


@njit(**INNER)
def unpack_int8(source, at, step, rows, dim, scales, first, ws, to, to_step):
    """The same from int8 codes: row j is code · scales[first + j]."""
    codes, whole = source.view(np.int8), dim // WIDTH * WIDTH
    for j in range(rows):
        scale, begin, end = scales[first + j], at + j * step, to + j * to_step
        factor = broadcast(scale, 1)
        _fetch(source, (begin + AHEAD * step) // 2, dim // 2)
        for d in range(0, whole, WIDTH):
            store(ws, end + d, multiply(read_lanes(source, begin + d, INT8, 1), factor))
        for d in range(whole, dim):
            ws[end + d] = np.float32(codes[begin + d]) * scale
        for d in range(dim, to_step):
            ws[end + d] = ZERO


@njit(**INNER)
def unpack(source, at, step, rows, dim, kind, ws, to, to_step):
    """The same from 16-bit numbers."""
    whole = dim // WIDTH * WIDTH
    for j in range(rows):
        begin, end = at + j * step, to + j * to_step
        _fetch(source, begin + AHEAD * step, dim)
        if kind == FLOAT16:
            for d in range(0, whole, WIDTH):
                store(ws, end + d, read_lanes(source, begin + d, FLOAT16, 1))
        else:
            for d in range(0, whole, WIDTH):
                store(ws, end + d, read_lanes(source, begin + d, BFLOAT16, 1))
        for d in range(whole, dim):
            ws[end + d] = read(source, begin + d, kind)
        for d in range(dim, to_step):
            ws[end + d] = ZERO


@njit(**INLINE)
def _fetch(source, at, length):
    """Ask for the cache lines of a row that will be read soon: such short rows end before the processor sees them."""
    for d in range(0, length, 32):
        prefetch(source, at + d)
