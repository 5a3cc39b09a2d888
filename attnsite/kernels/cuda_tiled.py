"""One launch: a block of threads walks over the keys tile by tile with an online softmax in shared memory.

Scores never leave the chip. A block takes a few queries of one head, so there is a block for each head and each stretch
of the sequence, and few heads do not leave the GPU idle [@dao2024flashattention2 §3.2]. Tiles of keys, then of values,
are loaded into shared memory by all threads together and used by every query of the block [@dao2022flashattention].

Bytes: reads k and v once for each block of queries, q and out once; a maximum and a sum for each query stay in
registers [@milakov2018online].

Look at the four barriers of a step: a tile may be overwritten only when every thread has used it. Keys and values share
one buffer, which is what keeps heads of width 256 within the 48 KB that need no opting in. A causal block stops at the
last tile that its last query sees.
"""

import math
from functools import cache

import numpy as np

from attnsite.kernels._cuda import SIMULATED, cuda, float32, scale

DEVICE = "cuda"
TILE = 4 if SIMULATED else 16  # queries and keys; 32 would ask for 1024 threads of more registers than there are


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); float32 on the device."""
    batch, heads, queries, dim = q.shape
    if 0 in (batch, queries, dim):
        return
    if dim > 256:
        raise NotImplementedError(f"handles heads up to a width of 256, got {dim}")
    grid = (-(-queries // TILE), heads, batch)
    build(dim, TILE)[grid, (TILE, TILE)](q, k, v, out, np.float32(scale(dim)), causal)


@cache
def build(dim: int, tile: int):
    """The kernel for heads of width `dim`, with tiles of `tile` × `tile` scores and as many threads."""
    own = -(-dim // tile)  # output columns of a thread
    wide, beside = dim + 1, tile + 1  # the odd width keeps a column in different banks

    @cuda.jit
    def tiled(q, k, v, out, factor, causal):
        qs = cuda.shared.array((tile, wide), float32)
        kvs = cuda.shared.array((tile, wide), float32)
        ps = cuda.shared.array((tile, beside), float32)
        acc = cuda.local.array(own, float32)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y  # key in the tile, query in the block
        h, b = cuda.blockIdx.y, cuda.blockIdx.z
        queries, keys = q.shape[2], k.shape[2]
        kv = h // (q.shape[1] // k.shape[1])
        first = cuda.blockIdx.x * tile
        row = first + y
        visible = keys
        end = keys
        if causal:
            visible = min(keys, max(0, row + keys - queries + 1))
            end = min(keys, max(0, first + tile + keys - queries))
        if row >= queries:
            visible = 0
        m, l = np.float32(-math.inf), np.float32(0)
        for c in range(own):
            acc[c] = np.float32(0)
        for d in range(x, dim, tile):
            qs[y, d] = q[b, h, row, d] * factor if row < queries else np.float32(0)
        for start in range(0, end, tile):
            cuda.syncthreads()  # the values of the last step have been used
            for d in range(x, dim, tile):
                kvs[y, d] = k[b, kv, start + y, d] if start + y < keys else np.float32(0)
            cuda.syncthreads()
            score = np.float32(0)
            for d in range(dim):
                score += qs[y, d] * kvs[x, d]
            ps[y, x] = score
            cuda.syncthreads()  # the keys have been used, the scores are there
            for d in range(x, dim, tile):
                kvs[y, d] = v[b, kv, start + y, d] if start + y < keys else np.float32(0)
            seen = min(tile, max(0, visible - start))
            largest = m
            for j in range(seen):
                if ps[y, j] > largest:
                    largest = ps[y, j]
            shift = largest if largest != np.float32(-math.inf) else np.float32(0)
            alpha = np.float32(math.exp(m - shift))
            m = largest
            l *= alpha
            for c in range(own):
                acc[c] *= alpha
            cuda.syncthreads()  # the values are there
            for j in range(seen):
                p = np.float32(math.exp(ps[y, j] - shift))
                l += p
                for c in range(own):
                    d = x + c * tile
                    if d < dim:
                        acc[c] += p * kvs[j, d]
        if row < queries:
            for c in range(own):
                d = x + c * tile
                if d < dim:
                    out[b, h, row, d] = acc[c] / l if visible > 0 else np.float32(0)

    return tiled
