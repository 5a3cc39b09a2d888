"""One launch: a block of threads walks over the keys tile by tile with an online softmax, and no score leaves the chip.

A block takes up to 64 queries of one head, so there is a block for each head and each stretch of the sequence, and few
heads still make many blocks of a long prompt [@dao2024flashattention2 §3.2]. Tiles of keys, then of values, are loaded
into shared memory by all threads together and used by every query of the block [@dao2022flashattention]. Where
`cuda_naive` writes a score matrix, this keeps a running maximum and a running sum for each query, in registers
[@milakov2018online].

Bytes: reads k and v once for each block of queries, 8·dim·keys·⌈queries / rows⌉ a head; q and out once.

Look at the registers: a thread holds the scores of 4 × 4 pairs of query and key up to a width of 64 (2 × 4 at 128, 1 ×
2 at 256), so that eight loads from shared memory serve sixteen multiply-adds, and its share of the output besides. Look
at the four barriers of a step: a tile may be overwritten only when every thread has used it. Keys and values share one
buffer, which keeps heads of width 256 within the 48 KB that need no opting in. A causal block stops at the last tile
that its last query sees, and the blocks with most to do start first. The maxima and sums of a row meet in shared
memory; shuffles between the threads of a warp would save a barrier and are the next rung's, as are 16-byte loads.
"""

import math

import numpy as np

from attnsite.kernels.cuda.driver import SIMULATED, Entry, cuda, float32, jit, require, scale
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cuda"
FOLLOWS = "cuda_naive"
WIDEST = 256  # columns of a head
# Of each width up to the first number: queries and keys in a tile, then the threads along the queries and the keys.
TILES = {64: (64, 32, 16, 8), 128: (32, 32, 16, 8), WIDEST: (16, 16, 16, 8)}
SMALL = {8: (8, 4, 4, 2), WIDEST: (4, 6, 2, 3)}  # in the simulator, where every thread is a thread of the system
_built: dict[tuple[int, ...], object] = {}


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); float32 on the device."""
    batch, heads, _, queries, _, dim = require_fit(q, k, v, out, widest=WIDEST)
    require(q)
    if 0 in (batch, heads, queries):
        return
    rows, _, down, across = tile(dim)
    grid = -(-queries // rows), heads, batch
    built(dim, *tile(dim))[grid, (across, down)](q, k, v, out, scale(dim), causal)


def tile(dim):
    """Queries, keys, threads along the queries and along the keys, for heads of that width."""
    sizes = SMALL if SIMULATED else TILES
    return next(size for widest, size in sizes.items() if dim <= widest)


def entries():
    """One kernel for each width of a head: the usual ones, and an odd one."""
    four = "float32[:, :, :, ::1]"
    signature = f"void({four}, {four}, {four}, {four}, float32, boolean)"
    return tuple(
        Entry(f"width_{dim}", built(dim, *tile(dim)), signature, tile(dim)[2] * tile(dim)[3])
        for dim in (8, 32, 64, 80, 128, 256)
    )


def built(*sizes):
    """The kernel of these sizes, made once."""
    if sizes not in _built:
        _built[sizes] = build(*sizes)
    return _built[sizes]


def build(dim, rows, columns, down, across):
    """The kernel for heads of width `dim`: a block for each `rows` queries of a head, the last queries first."""
    answer = answering(dim, rows, columns, down, across)

    @jit
    def tiled(q, k, v, out, factor, causal):
        first = (cuda.gridDim.x - 1 - cuda.blockIdx.x) * rows
        answer(q, k, v, out, factor, causal, first, cuda.threadIdx.x, cuda.threadIdx.y)

    return tiled


def answering(dim, rows, columns, down, across):
    """What a block does: answer the queries from `first` on, in tiles of `rows` × `columns` scores."""
    threads = down * across
    mine, beside = rows // down, columns // across  # queries and keys of a thread
    own = -(-dim // across)  # output columns of a thread
    wide = own * across + 1  # the odd width puts a column of a tile into different banks
    longer = columns + 1

    @jit(device=True, inline=True)
    def answer(q, k, v, out, factor, causal, first, x, y):  # x along the keys and the columns, y along the queries
        qs = cuda.shared.array((rows, wide), float32)
        kvs = cuda.shared.array((columns, wide), float32)  # the keys, then the values
        ps = cuda.shared.array((rows, longer), float32)  # exp(score − maximum)
        meet = cuda.shared.array((rows, across), float32)  # what the threads of a row tell each other
        s = cuda.local.array((mine, beside), float32)
        acc = cuda.local.array((mine, own), float32)
        m = cuda.local.array(mine, float32)
        l = cuda.local.array(mine, float32)
        a = cuda.local.array(mine, float32)
        t = y * across + x
        h, b = cuda.blockIdx.y, cuda.blockIdx.z
        queries, keys = q.shape[2], k.shape[2]
        kv = h // (q.shape[1] // k.shape[1])
        # Query r of the block sees keys below `limit + r`, and never more than there are.
        limit = first + keys - queries + 1 if causal else keys
        each = 1 if causal else 0
        end = min(keys, max(0, limit + each * (rows - 1)))
        for i in range(t, rows * (wide - 1), threads):
            r, d = i // (wide - 1), i % (wide - 1)
            qs[r, d] = q[b, h, first + r, d] if first + r < queries and d < dim else np.float32(0)
        for i in range(mine):
            m[i] = np.float32(-math.inf)
            l[i] = np.float32(0)
            for c in range(own):
                acc[i, c] = np.float32(0)
        for start in range(0, end, columns):
            cuda.syncthreads()  # the values of the last step have been used
            for i in range(t, columns * (wide - 1), threads):
                j, d = i // (wide - 1), i % (wide - 1)
                kvs[j, d] = k[b, kv, start + j, d] if start + j < keys and d < dim else np.float32(0)
            cuda.syncthreads()
            for i in range(mine):
                for j in range(beside):
                    s[i, j] = np.float32(0)
            for d in range(dim):
                for i in range(mine):
                    a[i] = qs[y + i * down, d]
                for j in range(beside):
                    key = kvs[x + j * across, d]
                    for i in range(mine):
                        s[i, j] += a[i] * key
            for i in range(mine):
                largest = np.float32(-math.inf)
                seen = min(end, limit + each * (y + i * down)) - start
                for j in range(beside):
                    if x + j * across < seen and s[i, j] > largest:
                        largest = s[i, j]
                meet[y + i * down, x] = largest
            cuda.syncthreads()  # the maxima are there, the keys have been used
            for i in range(t, columns * (wide - 1), threads):
                j, d = i // (wide - 1), i % (wide - 1)
                kvs[j, d] = v[b, kv, start + j, d] if start + j < keys and d < dim else np.float32(0)
            for i in range(mine):
                largest = m[i]
                for w in range(across):
                    other = meet[y + i * down, w]
                    if other > largest:
                        largest = other
                shift = largest if largest != np.float32(-math.inf) else np.float32(0)
                alpha = np.float32(math.exp((m[i] - shift) * factor))
                m[i] = largest
                l[i] *= alpha
                for c in range(own):
                    acc[i, c] *= alpha
                seen = min(end, limit + each * (y + i * down)) - start
                for j in range(beside):
                    p = np.float32(0)
                    if x + j * across < seen:
                        p = np.float32(math.exp((s[i, j] - shift) * factor))
                    ps[y + i * down, x + j * across] = p
                    l[i] += p  # of this thread's keys only, until the end
            cuda.syncthreads()  # the weights and the values are there
            safe = max(0, min(columns, min(end, limit) - start))  # keys that every query of the block sees
            for j in range(safe):
                for i in range(mine):
                    a[i] = ps[y + i * down, j]
                for c in range(own):
                    value = kvs[j, x + c * across]
                    for i in range(mine):
                        acc[i, c] += a[i] * value
            for j in range(safe, min(columns, end - start)):  # a masked value may be NaN: do not touch it
                for i in range(mine):
                    if start + j < limit + each * (y + i * down):
                        p = ps[y + i * down, j]
                        for c in range(own):
                            acc[i, c] += p * kvs[j, x + c * across]
        for i in range(mine):
            meet[y + i * down, x] = l[i]
        cuda.syncthreads()
        for i in range(mine):
            r = y + i * down
            total = np.float32(0)
            for w in range(across):
                total += meet[r, w]
            for c in range(own):
                d = x + c * across
                if first + r < queries and d < dim:
                    seen = min(end, limit + each * r)
                    out[b, h, first + r, d] = acc[i, c] / total if seen > 0 else np.float32(0)

    return answer
