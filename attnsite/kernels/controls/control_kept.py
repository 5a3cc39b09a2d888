"""`cpu_blas` with the memory for its scores kept from one call to the next: a control, for one comparison.

A control differs from another kernel in one thing, so that what this costs can be measured with everything else equal;
it is on no ladder. `cpu_blas` asks for its matrix of scores in every call, as code does that is written with a
numerical library. A large one is then new memory each time, which the system clears, page by page, as it is touched.
Here the matrix lies in memory that was touched before. Products and softmax are those of `cpu_blas`.

Bytes: those of `cpu_blas`, less the clearing.

Look at `weights`, which is the only difference.
"""

import math

import numpy as np

from attnsite.kernels import cpu_blas
from attnsite.kernels.plain.blas import multiply
from attnsite.kernels.plain.shapes import require_fit
from attnsite.kernels.simd.scratch import workspace

DEVICE = "cpu"
FOLLOWS = "cpu_blas"


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    batch, heads, kv_heads, queries, keys, dim = require_fit(q, k, v, out)
    group = heads // kv_heads
    if causal and not np.isfinite(v).all():  # a masked value must not be multiplied, which is no case for a comparison
        cpu_blas.attention(q, k, v, out, causal=causal)
        return
    size = batch * heads * queries * keys
    weights = workspace(1, size)[0][:size].reshape(batch, heads, queries, keys)
    places = list(np.ndindex(batch, heads))
    multiply([(q[b, h], k[b, h // group].T, weights[b, h]) for b, h in places])
    cpu_blas.softmax_rows(
        weights.reshape(batch * heads * queries, keys), queries, causal, np.float32(1 / math.sqrt(dim))
    )
    multiply([(weights[b, h], v[b, h // group], out[b, h]) for b, h in places])
