"""Three loops: every score, then the softmax of a row, then the weighted sum of the values.

The first rung of the ladder, attention as one would write it down [@vaswani2017attention §3.2.1]. Each thread takes
whole heads, so a layer with one head runs on one core: the chart of threads and heads shows that staircase.

Bytes: the row of scores stays in the nearest cache, but every query reads all of k and v again, 8·keys·dim bytes a
query, from whichever cache still holds them.

Look at the innermost loop over `d`: its sum has to be made in the order written, so the processor waits for each
addition before it starts the next, and the exponential is a call into the C library. Both are mended further up.
"""

import math

import numpy as np
from numba import njit, prange

from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cpu"
FOLLOWS = "reference"


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    require_fit(q, k, v, out)
    _attention(q, k, v, out, causal, np.float32(1 / math.sqrt(q.shape[3])))


@njit(parallel=True, cache=True, error_model="numpy")
def _attention(q, k, v, out, causal, scale):
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1], k.shape[2]
    for head in prange(batch * heads):
        b, h = head // heads, head % heads
        kv = h // (heads // kv_heads)
        weights = np.empty(keys, np.float32)  # (keys,) of one query
        for i in range(queries):
            visible = min(keys, max(0, i + keys - queries + 1)) if causal else keys
            largest = np.float32(-np.inf)
            for j in range(visible):
                score = np.float32(0)
                for d in range(dim):
                    score += q[b, h, i, d] * k[b, kv, j, d]
                weights[j] = score * scale
                largest = max(largest, weights[j]) if weights[j] == weights[j] else largest
            total = np.float32(0)
            for j in range(visible):
                weights[j] = math.exp(weights[j] - largest)
                total += weights[j]
            for d in range(dim):
                mixed = np.float32(0)
                for j in range(visible):
                    mixed += weights[j] * v[b, kv, j, d]
                out[b, h, i, d] = mixed / total if visible > 0 else np.float32(0)
