"""Softmaxes over parts of the keys, joined into one by their log-sum-exps [@dao2023flashdecoding]."""

import numpy as np
from numba import njit

from attnsite.kernels._call import unpack_call
from attnsite.kernels._panels import NOTHING, ONE, ZERO
from attnsite.kernels._rows import power
from attnsite.kernels._storage import write
from attnsite.kernels._tile import INLINE

_LN2 = np.float32(0.6931471805599453)


@njit(nogil=True, cache=True, error_model="numpy")
def join(thread, numbers, out, out16, taken, lse, parts, sums, logs, threads):
    """Fill every threads-th row of the output, and of lse unless it is empty.

    sums (rows, parts, dim) are the parts' outputs, logs (rows, parts) the base-2 logarithms of their sums; rows are
    (batch, heads, queries).
    """
    call = unpack_call(numbers)
    dim, joined = call.dim, np.empty(call.dim, np.float32)
    for row in range(thread, call.batch * call.heads * call.queries, threads):
        pair, i = row // call.queries, row % call.queries
        at = pair // call.heads * call.out_batch + pair % call.heads * call.out_head + i * call.out_row
        most = NOTHING
        for part in range(parts):
            most = max(most, logs[row * parts + part])
        shift = ZERO if most == NOTHING else most
        total = ZERO
        for d in range(dim):
            joined[d] = ZERO
        for part in range(parts):
            weight = power(logs[row * parts + part] - shift)
            total += weight
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
            lse[row] = (shift + np.log2(total)) * _LN2 if total != ZERO else NOTHING


@njit(**INLINE)
def sees(call, taken, b, i):
    """Whether query i sees any key at all."""
    low, high = max(0, i + call.low), min(call.keys - 1, i + call.high)
    if low > high or len(taken) == 0:
        return low <= high
    return taken[b * call.keys + low : b * call.keys + high + 1].any()
