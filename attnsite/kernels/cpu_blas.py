"""Materialises the score matrix: two BLAS matrix products with a softmax between them.

This is how attention is written with a numerical library. It is faster than three loops because BLAS sums in vectors
and uses each element that it loads many times over; what is left is the softmax, and the memory for the scores.

Bytes: writes and reads the scores, 4·heads·queries·keys bytes, several times: once by the first product, twice by the
softmax, once by the second product. At long contexts they fit in no cache.

Look at `stages`: the three steps are timed one by one, which is where the charts of "which step takes the time" come
from. For causal masks the product computes every score and the softmax throws half of them away.
Source: [@vaswani2017attention §3.2.1]; that the middle step is bound by memory is the theme of [@ivanov2021data].
"""

import math

import numpy as np
from numba import njit, prange

from attnsite.kernels.plain.blas import multiply
from attnsite.kernels.plain.exponential import exp_shifted
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cpu"
FOLLOWS = "cpu_naive"


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    for _, step in stages(q, k, v, out, causal=causal):
        step()


def stages(q, k, v, out, *, causal):
    """The steps in order; each may be repeated, but needs the one before it."""
    batch, heads, kv_heads, queries, keys, dim = require_fit(q, k, v, out)
    group = heads // kv_heads
    weights = np.empty((batch, heads, queries, keys), np.float32)
    flat = weights.reshape(batch * heads * queries, keys)

    def scores():
        multiply([(q[b, h], k[b, h // group].T, weights[b, h]) for b, h in np.ndindex(batch, heads)])

    def softmax():
        softmax_rows(flat, queries, causal, np.float32(1 / math.sqrt(dim)))

    def values():
        everything_counts = not causal or np.isfinite(v).all()
        if everything_counts:
            multiply([(weights[b, h], v[b, h // group], out[b, h]) for b, h in np.ndindex(batch, heads)])
            return
        for b, h, i in np.ndindex(batch, heads, queries):  # 0 · NaN is NaN: each row multiplies only what it sees
            seen = min(keys, max(0, i + keys - queries + 1))
            multiply([(weights[b, h, i : i + 1, :seen], v[b, h // group, :seen], out[b, h, i : i + 1])])

    return ("scores", scores), ("softmax", softmax), ("values", values)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def softmax_rows(scores, queries, causal, scale):
    """Each row of `scores (rows, keys)` becomes its softmax, in place."""
    rows, keys = scores.shape
    for row in prange(rows):
        s = scores[row]
        visible = min(keys, max(0, row % queries + keys - queries + 1)) if causal else keys
        largest = np.float32(-np.inf)
        for j in range(visible):
            s[j] *= scale
            largest = s[j] if s[j] > largest else largest
        exp_shifted(s, largest, visible, np.empty(keys, np.int32))
        total = np.float32(0)
        for j in range(visible):
            total += s[j]
        inverse = np.float32(1) / total
        for j in range(visible):
            s[j] *= inverse
        for j in range(visible, keys):
            s[j] = np.float32(0)
