"""Three launches on a GPU: all scores, all softmax rows, all weighted sums, each written to memory in between.

The first rung on the GPU: what a framework does when it runs attention as separate operations
[@vaswani2017attention §3.2.1]. Every output element has a thread of its own.

Bytes: seven passes go over the scores (written; read three times and written twice by the softmax; read by the sums),
28·heads·queries·keys bytes; where a row stays in a cache four of them reach the memory. That is what fusing the three
steps avoids [@dao2022flashattention]. They also have to fit: 4·heads·queries·keys bytes of scratch. Each thread reads
whole rows of q, k and v besides, mostly from caches.

Look at `_softmax`: one block of threads a row, and a tree of maxima and of sums in shared memory. Scores to the right
of the causal limit are neither computed nor read. Look also at what a warp reads in `_scores`: neighbouring threads
take neighbouring keys, which lie a whole row apart, so each load of k touches 16 places, and each of q two; in
`_values` they take neighbouring columns, which is one place. The next rung, `cuda_tiled`, goes through shared memory
instead.
"""

import math

import numpy as np

from attnsite.kernels.cuda.driver import MOST, SIMULATED, Entry, Scratch, cuda, float32, jit, require, scale
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cuda"
FOLLOWS = "reference"
SIDE = 4 if SIMULATED else 16  # threads along each side of a block of the two products
THREADS = 8 if SIMULATED else 128  # threads of a softmax row; a power of two
_weights = Scratch()


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); float32 on the device."""
    batch, heads, _, queries, keys, dim = require_fit(q, k, v, out)
    rows, planes = -(-queries // SIDE), batch * heads
    require(q)
    if max(rows, planes) > MOST:
        raise NotImplementedError(f"launches at most {MOST:,} heads of {MOST * SIDE:,} queries")
    if 0 in (planes, queries):
        return
    weights = _weights(planes, queries, max(1, keys))
    _scores[(max(1, -(-keys // SIDE)), rows, planes), (SIDE, SIDE)](q, k, weights, scale(dim), causal)
    _softmax[(queries, planes), THREADS](weights, keys, causal)
    _values[(-(-dim // SIDE), rows, planes), (SIDE, SIDE)](weights, v, out, causal)


def entries():
    """The three kernels; they are the same for every shape."""
    four, three = "float32[:, :, :, ::1]", "float32[:, :, ::1]"
    return (
        Entry("scores", _scores, f"void({four}, {four}, {three}, float32, boolean)", SIDE * SIDE),
        Entry("softmax", _softmax, f"void({three}, int64, boolean)", THREADS),
        Entry("values", _values, f"void({three}, {four}, {four}, boolean)", SIDE * SIDE),
    )


@jit
def _scores(q, k, weights, factor, causal):
    """A thread for each pair of query and key."""
    x, y = cuda.grid(2)  # key, query
    plane = cuda.blockIdx.z
    heads, queries, dim = q.shape[1], q.shape[2], q.shape[3]
    keys = k.shape[2]
    b, h = plane // heads, plane % heads
    kv = h // (heads // k.shape[1])
    visible = min(keys, max(0, y + keys - queries + 1)) if causal else keys
    if y < queries and x < visible:
        score = np.float32(0)
        for d in range(dim):
            score += q[b, h, y, d] * k[b, kv, x, d]
        weights[plane, y, x] = score * factor


@jit
def _softmax(weights, keys, causal):
    """A block for each row."""
    shared = cuda.shared.array(THREADS, float32)
    row, plane, t = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
    visible = min(keys, max(0, row + keys - weights.shape[1] + 1)) if causal else keys
    largest = np.float32(-math.inf)
    for j in range(t, visible, THREADS):
        if weights[plane, row, j] > largest:
            largest = weights[plane, row, j]
    shared[t] = largest
    cuda.syncthreads()
    step = THREADS // 2
    while step > 0:
        if t < step and shared[t + step] > shared[t]:
            shared[t] = shared[t + step]
        cuda.syncthreads()
        step //= 2
    largest = shared[0]
    cuda.syncthreads()  # everybody has read it; the sums go into the same place
    if largest == np.float32(-math.inf):
        largest = np.float32(0)
    total = np.float32(0)
    for j in range(t, visible, THREADS):
        weight = np.float32(math.exp(weights[plane, row, j] - largest))
        weights[plane, row, j] = weight
        total += weight
    shared[t] = total
    cuda.syncthreads()
    step = THREADS // 2
    while step > 0:
        if t < step:
            shared[t] += shared[t + step]
        cuda.syncthreads()
        step //= 2
    for j in range(t, visible, THREADS):
        weights[plane, row, j] /= shared[0]


@jit
def _values(weights, v, out, causal):
    """A thread for each element of the output; a row that sees nothing is zero."""
    x, y = cuda.grid(2)  # column, query
    plane = cuda.blockIdx.z
    heads, queries, dim = out.shape[1], out.shape[2], out.shape[3]
    keys = v.shape[2]
    b, h = plane // heads, plane % heads
    kv = h // (heads // v.shape[1])
    visible = min(keys, max(0, y + keys - queries + 1)) if causal else keys
    if y < queries and x < dim:
        mixed = np.float32(0)
        for j in range(visible):
            mixed += weights[plane, y, j] * v[b, kv, j, x]
        out[b, h, y, x] = mixed
