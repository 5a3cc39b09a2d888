"""Rows of keys and values brought into the form that a tile's product reads: float32, evenly padded, close together.

Sources and targets are `Rows`. A target's step is how many columns are written: those behind the source's are zero.
"""

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.half import BFLOAT16, FLOAT16, INT8, read, read_int8, read_lanes
from attnsite.kernels.simd.memory import as_bytes, prefetch
from attnsite.kernels.simd.registers import WIDTH, broadcast, fma, load, multiply, store, total
from attnsite.kernels.simd.rows import Rows, rows_at

ZERO = np.float32(0)
AHEAD = 16  # rows


@njit(**INNER)
def is_finite(rows, count, dim):
    """Whether no number of `count` rows is NaN or infinite: 0 times such a number is NaN, and stays so in a sum."""
    whole, most, rest = dim // WIDTH * WIDTH, dim // (4 * WIDTH) * (4 * WIDTH), ZERO
    nothing, sums, wide_nothing, wide = broadcast(ZERO, 1), broadcast(ZERO, 1), broadcast(ZERO, 4), broadcast(ZERO, 4)
    for j in range(count):
        at = rows.at + j * rows.step
        for d in range(0, most, 4 * WIDTH):  # four sums, none of which waits for another
            wide = fma(load(rows.data, at + d, 4), wide_nothing, wide)
        for d in range(most, whole, WIDTH):
            sums = fma(load(rows.data, at + d, 1), nothing, sums)
        for d in range(whole, dim):
            rest += rows.data[at + d] * ZERO
    return total(sums) + total(wide) + rest == ZERO


@njit(**INNER)
def copy(source, count, dim, target):
    """`count` rows of `dim` float32 numbers."""
    whole = dim // WIDTH * WIDTH
    for j in range(count):
        begin, end = source.at + j * source.step, target.at + j * target.step
        for d in range(0, whole, WIDTH):
            store(target.data, end + d, load(source.data, begin + d, 1))
        for d in range(whole, dim):
            target.data[end + d] = source.data[begin + d]
        for d in range(dim, target.step):
            target.data[end + d] = ZERO


@njit(**INNER)
def unpack_int8(source, count, dim, scales, first, target, fetch=True):
    """`count` rows of int8 codes, source (bytes) behind a uint16 pointer: row j is code · scales[first + j].

    fetch: as with `unpack`.
    """
    whole = dim // WIDTH * WIDTH
    for j in range(count):
        scale, begin, end = scales[first + j], source.at + j * source.step, target.at + j * target.step
        factor = broadcast(scale, 1)
        if fetch:
            _fetch(source.data, (begin + AHEAD * source.step) // 2, dim // 2)
        for d in range(0, whole, WIDTH):
            store(target.data, end + d, multiply(read_lanes(source.data, begin + d, INT8, 1), factor))
        for d in range(whole, dim):
            target.data[end + d] = read_int8(source.data, begin + d) * scale
        for d in range(dim, target.step):
            target.data[end + d] = ZERO


@njit(**INNER)
def unpack(source, count, dim, kind, target, fetch=True):
    """`count` rows of 16-bit numbers; `kind`, FLOAT16 or BFLOAT16, says what their bits stand for.

    fetch: ask for the rows behind, unless somebody else does.
    """
    whole = dim // WIDTH * WIDTH
    for j in range(count):
        begin, end = source.at + j * source.step, target.at + j * target.step
        if fetch:
            _fetch(source.data, begin + AHEAD * source.step, dim)
        if kind == FLOAT16:
            for d in range(0, whole, WIDTH):
                store(target.data, end + d, read_lanes(source.data, begin + d, FLOAT16, 1))
        else:
            for d in range(0, whole, WIDTH):
                store(target.data, end + d, read_lanes(source.data, begin + d, BFLOAT16, 1))
        for d in range(whole, dim):
            target.data[end + d] = read(source.data, begin + d, kind)
        for d in range(dim, target.step):
            target.data[end + d] = ZERO


@njit(**INLINE)
def read_rows(call, wide, narrow, scales, b, kv, first, count, target, fetch=True):
    """`count` rows of a KV head from row `first` on, in float32, however they are stored."""
    if call.kv_type == INT8:
        row = (b * call.kv_heads + kv) * call.keys + first
        unpack_int8(rows_at(narrow, b, kv, first), count, call.dim, scales, row, target, fetch)
    elif call.kv_type:
        unpack(rows_at(narrow, b, kv, first), count, call.dim, call.kv_type, target, fetch)
    else:
        copy(rows_at(wide, b, kv, first), count, call.dim, target)


@njit(**INLINE)
def number_bytes(call):
    """The bytes of a stored number of k and v."""
    return 1 if call.kv_type == INT8 else 2 if call.kv_type else 4


@njit(**INLINE)
def byte_rows(call, wide, narrow, b, kv, first):
    """The rows of a KV head from row `first` on as `Rows` of bytes, however they are stored, for asking for them."""
    size = number_bytes(call)
    data = as_bytes(narrow.data) if call.kv_type else as_bytes(wide.data)
    rows = rows_at(narrow, b, kv, first)  # the strides of both are the same
    return Rows(data, rows.at * size, rows.step * size)


@njit(**INLINE)
def clear_rows(target, first, last):
    """Rows first … last − 1 become zero, over their whole step."""
    for i in range(target.at + first * target.step, target.at + last * target.step):
        target.data[i] = ZERO


@njit(**INLINE)
def _fetch(source, at, length):
    """Ask for the cache lines of a row that will be read soon: such short rows end before the processor sees them."""
    for d in range(0, length, 32):
        prefetch(source, at + d)
