"""Softmaxes over parts of the keys, joined into one by their maxima and sums [@dao2023flashdecoding]."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from attnsite.kernels.simd.call import base_two_scale, log_sum, unpack_call
from attnsite.kernels.simd.decode_steps import power
from attnsite.kernels.simd.half import write
from attnsite.kernels.simd.prefill import sees
from attnsite.kernels.simd.prefill_steps import NOTHING, ONE, ZERO
from attnsite.kernels.simd.rows import rows_at


class Parts(NamedTuple):
    """What the parts of the keys gave, float32 and flat; rows are (batch, heads, queries).

    One logarithm in the place of peaks and totals would be as large as the scores, and round off what a part weighs.
    """

    sums: Any  # (rows, parts, dim), the weighted values
    peaks: Any  # (rows, parts), the largest scores, not scaled
    totals: Any  # (rows, parts), the sums of the weights


@njit(nogil=True, cache=True, error_model="numpy")
def join(thread, numbers, arrays, found, parts, threads):
    """Fill every threads-th row of the output, and of lse unless it is empty, from `found`, a tuple as `Parts`."""
    (call, arrays), (sums, peaks, totals) = unpack_call(numbers, arrays), found
    dim, scale, joined = call.dim, base_two_scale(call.dim), np.empty(call.dim, np.float32)
    for row in range(thread, call.batch * call.heads * call.queries, threads):
        pair, i = row // call.queries, row % call.queries
        b, h = pair // call.heads, pair % call.heads
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
        seen = total != ZERO or sees(call, arrays.key_mask, b, i)
        share = ONE / total if seen else ZERO
        out, out16 = rows_at(arrays.out, b, h, i), rows_at(arrays.out16, b, h, i)
        for d in range(dim):
            if call.out_type:
                write(out16.data, out16.at + d, call.out_type, joined[d] * share)
            else:
                out.data[out.at + d] = joined[d] * share
        if len(arrays.lse):
            arrays.lse[row] = log_sum(most, total, dim) if total != ZERO else NOTHING
