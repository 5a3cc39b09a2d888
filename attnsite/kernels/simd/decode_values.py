"""Values weighed and added up for the heads of a group: a tile of their output stays in registers as values go by.

Values in bfloat16 and int8 are widened on their way from memory, since each is loaded once for up to MIXED heads;
other kinds come through the scratch. What is loaded for a multiply-add counts as much as the multiply-add: eight heads
times three registers are 11 loads for 24 of them, eight times two are 10 for 16.
"""

import functools
from typing import Any

from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.decode_layout import SUMS, slice_of
from attnsite.kernels.simd.half import BFLOAT16, FLOAT32, INT8, read_lanes
from attnsite.kernels.simd.memory import prefetch_second
from attnsite.kernels.simd.registers import WIDTH, load
from attnsite.kernels.simd.rows import columns_from, rows_from
from attnsite.kernels.simd.slices import put_scaled
from attnsite.kernels.simd.tile import accumulate, zeros

MIXED = {16: 8, 8: 4, 4: 4}[WIDTH]  # heads whose output is in registers at the same time, at most
_BYTES = {FLOAT32: 4, BFLOAT16: 2, INT8: 1}


def _reading(kind: int) -> Any:
    if kind == FLOAT32:

        @njit(**INLINE)
        def read(values, at, count):
            return load(values, at, count)

        return read

    @njit(**INLINE)
    def read_stored(values, at, count):
        return read_lanes(values, at, kind, count)

    return read_stored


@functools.cache
def mixing(heads: int, kind: int) -> Any:
    """`mix` for a chunk of so many heads, over values that are stored as `kind` says."""
    size, rows, read = slice_of(heads), min(heads, MIXED), _reading(kind)
    register_bytes = WIDTH * _BYTES[kind]

    def columns(count: int) -> Any:
        lines = -(-count * register_bytes // 64)

        @njit(**INLINE)
        def mix(scratch, weights, first, last, values, output, factors, ahead):
            tile = zeros(rows, count)
            for j in range(first, last):
                for i in range(lines):
                    prefetch_second(ahead.data, ahead.at + j * ahead.step + 64 * i)
                value = read(values.data, values.at + j * values.step, count)
                tile = accumulate(tile, scratch, weights + (j & -size) * heads + (j & (size - 1)), size, value)
            put_scaled(scratch, output.at, output.step, factors, size, tile)

        return mix

    most, fewer = (3, 2) if rows == MIXED else (SUMS // rows, SUMS // rows // 2)
    wide, narrow, one = columns(most), columns(fewer), columns(1)

    @njit(**INLINE)
    def mix_rows(scratch, weights, first, last, values, dim, output, factors, ahead):
        d = 0
        while dim - d >= most * WIDTH:
            wide(scratch, weights, first, last, columns_from(values, d), columns_from(output, d),
                 factors, columns_from(ahead, d // WIDTH * register_bytes))  # fmt: skip
            d += most * WIDTH
        if dim - d >= fewer * WIDTH:
            narrow(scratch, weights, first, last, columns_from(values, d), columns_from(output, d),
                   factors, columns_from(ahead, d // WIDTH * register_bytes))  # fmt: skip
            d += fewer * WIDTH
        while d < dim:
            one(scratch, weights, first, last, columns_from(values, d), columns_from(output, d),
                factors, columns_from(ahead, d // WIDTH * register_bytes))  # fmt: skip
            d += WIDTH

    @njit(**INNER)
    def mix(scratch, weights, first, last, values, dim, output, factors, ahead):
        """output[r] = output[r] · factor of head r + Σ_j weight of j and r · values[j] for j from first to last − 1.

        All heads of a chunk. Weights and factors lie as `decode_heads.py` leaves them. Row j of `ahead`, bytes, is
        asked for meanwhile.
        """
        for r in range(0, heads, rows):
            mix_rows(scratch, weights + r * size, first, last, values, dim, rows_from(output, r),
                     factors + r * size, ahead)  # fmt: skip

    return mix
