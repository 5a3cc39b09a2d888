"""Softmaxes over parts of the keys, joined into one by their maxima and sums [@dao2023flashdecoding]."""

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.call import base_two_scale, log_sum, unpack_call
from attnsite.kernels.simd.decode_steps import power
from attnsite.kernels.simd.half import write
from attnsite.kernels.simd.prefill_steps import NOTHING, ONE, ZERO


@njit(nogil=True, cache=True, error_model="numpy")
def join(thread, numbers, out, out16, taken, lse, parts, sums, peaks, totals, threads):
    """Fill every threads-th row of the output, and of lse unless it is empty.

    sums (rows, parts, dim) are the parts' weighted values, peaks (rows, parts) their largest scores, not scaled, and
    totals (rows, parts) the sums of their weights; rows are (batch, heads, queries). One logarithm in the place of
    both would be as large as the scores, and round off what a part weighs.
    """
    call = unpack_call(numbers)
    dim, scale, joined = call.dim, base_two_scale(call.dim), np.empty(call.dim, np.float32)
    for row in range(thread, call.batch * call.heads * call.queries, threads):
        pair, i = row // call.queries, row % call.queries
        at = pair // call.heads * call.out_batch + pair % call.heads * call.out_head + i * call.out_row
        most = NOTHING
        for part in range(parts):
            most = max(most, peaks[row * parts + part])
        shift = ZERO if most == NOTHING else most
        total = ZERO
        for d in range(dim):
            joined[d] = ZERO
        for part in range(parts):
            weight = power(peaks[row * parts + part] - shift, scale)
            total += weight * totals[row * parts + part]
            for d in range(dim):
                joined[d] += weight * sums[(row * parts + part) * dim + d]
        seen = total != ZERO or sees(call, taken, pair // call.heads, i)
        share = ONE / total if seen else ZERO
        for d in range(dim):
            if call.written:
                write(out16, at + d, call.written, joined[d] * share)
            else:
                out[at + d] = joined[d] * share
        if len(lse):
            lse[row] = log_sum(most, total, dim) if total != ZERO else NOTHING


@njit(**INLINE)
def sees(call, taken, b, i):
    """Whether query i sees any key at all."""
    low, high = max(0, i + call.low), min(call.keys - 1, i + call.high)
    if low > high or len(taken) == 0:
        return low <= high
    return taken[b * call.keys + low : b * call.keys + high + 1].any()
