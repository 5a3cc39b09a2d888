"""Scores and weights for the heads of a group, which share keys: slices of registers are heads.

`slices.py` has how some keys meet all heads at once. Their scores lie as the folded sums do, S keys times H heads to a
row of registers, so that maxima, exponentials and sums run over whole registers and only the largest score of a block
has to be found within a slice. `decode_values.py` is what follows.
"""

import functools
from typing import Any, NamedTuple

from numba import njit

from attnsite.kernels.plain.inner import INNER
from attnsite.kernels.simd.decode_layout import KEYS, SUMS, slice_of
from attnsite.kernels.simd.memory import prefetch_second
from attnsite.kernels.simd.prefill_steps import NOTHING, ZERO
from attnsite.kernels.simd.registers import (
    WIDTH,
    add,
    broadcast,
    exp2_scaled,
    load,
    maximum,
    multiply,
    store,
    subtract,
    where_equal,
)  # fmt: skip
from attnsite.kernels.simd.slices import (
    accumulate_slices,
    copy_slice,
    fold_slices,
    keep_first,
    repeat,
    spread_largest,
)  # fmt: skip
from attnsite.kernels.simd.tile import put, zeros


class HeadSteps(NamedTuple):
    """What a chunk of some heads does, compiled for how many there are."""

    begin: Any
    score: Any
    weigh: Any
    scale_keys: Any


@functools.cache
def head_steps(heads: int) -> HeadSteps:
    """Those of so many heads, a power of two from 2 to WIDTH."""
    size, panel = slice_of(heads), 1 if heads == 2 else 2
    wide_row, tall = panel * WIDTH, SUMS // panel

    @njit(**INNER)
    def begin(row, h, dim, target):
        """Query `row`, dim numbers, as slice h of the registers from target.at on."""
        for d in range(0, dim, size):
            copy_slice(row.data, row.at + d, target.data, target.at + d * heads + h * size, size)

    @njit(**INNER)
    def scale_keys(scratch, weights, count, scales, first):
        """Weights of the block's key j, of all heads, *= scales[first + j]."""
        whole = count // size * size
        for j in range(0, whole, size):
            factor = repeat(scales, first + j, size)
            for at in range(weights + j * heads, weights + (j + size) * heads, WIDTH):
                store(scratch, at, multiply(load(scratch, at, 1), factor))
        for j in range(whole, count):
            for h in range(heads):
                scratch[weights + whole * heads + h * size + j - whole] *= scales[first + j]

    @njit(**INNER)
    def score(queries, keys, dim, to, ahead, lines):
        """KEYS keys meet all heads; of the values that `ahead` leads to, so many lines are asked for at each step."""
        for j in range(0, KEYS, tall):
            at, step = ahead.at + j * ahead.step, tall * ahead.step // (dim // size * lines)
            tile = zeros(tall, panel)
            for d in range(0, dim, size):
                for _ in range(lines):
                    prefetch_second(ahead.data, at)
                    at += step
                tile = accumulate_slices(tile, keys.data, keys.at + j * keys.step + d, keys.step,
                                         load(queries.data, queries.at + d * heads, panel), size)  # fmt: skip
            put(queries.data, to + j * heads, wide_row, fold_slices(tile, size))

    @njit(**INNER)
    def weigh(scratch, scores, first, last, state, scale):
        """Scores of keys first … last − 1 become weights; state: maxima, sums, the factor for what was mixed so far."""
        begin, end = first // size * wide_row, (last + size - 1) // size * wide_row
        old = load(scratch, state, panel)
        if last % size:
            at = scores + end - wide_row
            store(scratch, at, keep_first(load(scratch, at, panel), last % size, NOTHING, size))
        for j in range(first % size):
            for h in range(heads):
                scratch[scores + begin + h * size + j] = NOTHING
        best = old
        for j in range(begin, end, wide_row):
            best = maximum(load(scratch, scores + j, panel), best)
        best = spread_largest(best, size)
        shift = where_equal(best, NOTHING, ZERO)
        alpha = exp2_scaled(subtract(old, shift), scale)
        sums = broadcast(ZERO, panel)
        for j in range(begin, end, wide_row):
            p = exp2_scaled(subtract(load(scratch, scores + j, panel), shift), scale)
            store(scratch, scores + j, p)
            sums = add(sums, p)
        store(scratch, state, best)
        store(scratch, state + wide_row, add(multiply(load(scratch, state + wide_row, panel), alpha), sums))
        store(scratch, state + 2 * wide_row, alpha)

    return HeadSteps(begin, score, weigh, scale_keys)
