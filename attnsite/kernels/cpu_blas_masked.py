"""Sliding window by masking: all scores are computed and the masked ones discarded, so nothing is saved.

This is what a window is in code that hands a mask to a general routine: both products run over every query and every
key, the mask puts −inf where the window hides a score, and the softmax walks over the whole row. It is `cpu_blas` with
another mask, and is kept apart from it because that one's softmax stops where a causal row ends.

Bytes: those of `cpu_blas`, 4·heads·queries·keys for the scores, whatever the window is. It is kinder than much code in
use: the mask is two numbers a row here, and no matrix of its own.

Look at `_softmax`: all that the window changes is where −inf is written. `cpu_simd` has the other way, in which the
window bounds the loop over keys.
"""

import math

import numpy as np
from numba import njit, prange

from attnsite.kernels.plain.blas import multiply
from attnsite.kernels.plain.exponential import exp_shifted
from attnsite.kernels.plain.shapes import require_fit
from attnsite.kernels.simd.call import reach

DEVICE = "cpu"
FOLLOWS = "cpu_blas"


def attention(q, k, v, out, *, causal, window=None):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32.

    window: (left, right), as in `cpu_simd`: query i sees only keys from i + offset − left to i + offset + right, where
    offset is keys − queries; −1 for no end.
    """
    batch, heads, kv_heads, queries, keys, dim = require_fit(q, k, v, out)
    group = heads // kv_heads
    low, high, _ = reach(queries, keys, causal, window, "bottom-right")
    first = np.clip(np.arange(queries) + low, 0, keys)
    last = np.maximum(first, np.clip(np.arange(queries) + high + 1, 0, keys))  # row i sees keys first[i] … last[i] − 1
    weights = np.empty((batch, heads, queries, keys), np.float32)
    pairs = list(np.ndindex(batch, heads))
    multiply([(q[b, h], k[b, h // group].T, weights[b, h]) for b, h in pairs])
    _softmax(weights.reshape(batch * heads * queries, keys), first, last, np.float32(1 / math.sqrt(dim)))
    if np.isfinite(v).all():
        multiply([(weights[b, h], v[b, h // group], out[b, h]) for b, h in pairs])
        return
    for b, h, i in np.ndindex(batch, heads, queries):  # 0 · NaN is NaN: each row multiplies only what it sees
        seen = slice(first[i], last[i])
        multiply([(weights[b, h, i : i + 1, seen], v[b, h // group, seen], out[b, h, i : i + 1])])


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _softmax(scores, first, last, scale):
    """Each row of `scores (rows, keys)` becomes its softmax, in place; every element of the row is worked on."""
    rows, keys = scores.shape
    for row in prange(rows):
        s, low, high = scores[row], first[row % len(first)], last[row % len(first)]
        if low == high:
            s[:] = np.float32(0)
            continue
        for j in range(low):
            s[j] = np.float32(-np.inf)
        for j in range(high, keys):
            s[j] = np.float32(-np.inf)
        largest = np.float32(-np.inf)
        for j in range(keys):
            s[j] *= scale
            largest = s[j] if s[j] > largest else largest
        exp_shifted(s, largest, keys, np.empty(keys, np.int32))
        total = np.float32(0)
        for j in range(keys):
            total += s[j]
        inverse = np.float32(1) / total
        for j in range(keys):
            s[j] *= inverse
        for j in range(low):  # where all that is seen is NaN, what is not seen is still nothing
            s[j] = np.float32(0)
        for j in range(high, keys):
            s[j] = np.float32(0)
