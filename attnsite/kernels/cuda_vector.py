"""128-bit loads: registers hold a block of scores, shared memory is read four floats at a time.

`cuda_tiled` asks shared memory for one number after another: eight loads serve sixteen multiply-adds up to a width of
64, three serve two at 256. Here a thread answers up to eight queries for four keys, and takes four columns of each of
them with one load: twelve loads serve 128 multiply-adds. All of q, k and v lie in shared memory as they do outside, row
by row, so they come in by the same 16-byte loads and nothing is transposed; four numbers behind each row put
neighbouring rows into different banks.

Bytes: reads k and v once for each block of queries, 8·dim·keys·⌈queries / rows⌉ a head; q and out once.

Look at the two products: both walk along rows of both of their factors, four columns a step. Look at `exchange`: the
threads of a row are neighbours in one warp and find its maximum without shared memory or a barrier, which leaves four
barriers a step. Look also at `spoiled`: weights of masked keys are 0 and are multiplied all the same, unless a value is
no number, which every thread watches for while it loads. The tiles need up to 106 KiB of shared memory, more than the
48 KB a block has without asking. Follows FlashAttention-2 [@dao2024flashattention2].
"""

import math

import numpy as np

from attnsite.kernels.cuda.driver import SIMULATED, Entry, cuda, float32, int32, jit, launch, require, scale
from attnsite.kernels.cuda.ptx import exchange, exp2, load4, store4
from attnsite.kernels.cuda.rows import reading
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cuda"
FOLLOWS = "cuda_tiled"
WIDEST = 256  # columns of a head
# Of each width up to the first number: queries and keys in a tile, threads along the keys, queries of a thread.
TILES = {32: (128, 32, 8, 8), 64: (128, 64, 16, 8), 96: (64, 64, 8, 4), 128: (64, 64, 16, 8), WIDEST: (32, 64, 16, 4)}
SMALL = {8: (4, 8, 2, 4), WIDEST: (4, 8, 2, 2)}  # in the simulator, where every thread is a thread of the system
_LOG2_E = np.float32(math.log2(math.e))
_LARGEST = np.float32(np.finfo(np.float32).max)
_built: dict[tuple[int, ...], object] = {}


def attention(q, k, v, out, *, causal, tiles=None):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); float32 on the device, contiguous.

    tiles: (queries, keys, threads along the keys, queries of a thread); what is best is measured, not known beforehand.
    """
    batch, heads, _, queries, _, dim = require_fit(q, k, v, out, widest=WIDEST, contiguous=True)
    require(q)
    if 0 in (batch, heads, queries):
        return
    sizes = tuple(tiles or tile(dim))
    grid = (-(-queries // sizes[0]), heads, batch)
    launch(built(dim, *sizes), grid, threads(sizes), shared_bytes(dim, sizes), q, k, v, out, scale(dim), causal)


def tile(dim):
    """Queries and keys in a tile, threads along the keys, queries of a thread."""
    return next(sizes for widest, sizes in (SMALL if SIMULATED else TILES).items() if dim <= widest)


def threads(sizes):
    """Threads of a block."""
    rows, _, across, mine = sizes
    return rows // mine * across


def padded(dim, across):
    """Columns of a row in shared memory that take part: whole loads for every thread."""
    return -(-dim // (4 * across)) * 4 * across


def shared_bytes(dim, sizes):
    """Bytes of shared memory of a block: the queries, a tile of keys or values, the weights."""
    rows, columns, across, _ = sizes
    return 4 * ((rows + columns) * (padded(dim, across) + 4) + rows * (columns + 4))


def entries():
    """One kernel for each width of a head: the usual ones, and odd ones."""
    four = "float32[:, :, :, ::1]"
    signature = f"void({four}, {four}, {four}, {four}, float32, boolean)"
    return tuple(
        Entry(f"width_{dim}", built(dim, *tile(dim)), signature, threads(tile(dim)), shared_bytes(dim, tile(dim)))
        for dim in (32, 41, 64, 80, 128, 256)
    )


def built(*sizes):
    """The kernel of these sizes, made once."""
    if sizes not in _built:
        _built[sizes] = build(*sizes)
    return _built[sizes]


def build(dim, rows, columns, across, mine):
    """The kernel for heads of width `dim`: `rows` × `columns` scores in a tile, `mine` queries of each thread."""
    down = rows // mine
    count = down * across
    beside = columns // across  # keys of a thread
    wide = padded(dim, across)
    own = wide // across  # output columns of a thread
    step, longer = wide + 4, columns + 4  # from one row to the next
    kv_at, p_at = rows * step, (rows + columns) * step
    vectors, used = wide // 4, -(-dim // 4) * 4
    whole, half, broadest = dim % 4 == 0, across // 2, max(own, beside)
    read = reading(dim)

    @jit
    def vector(q, k, v, out, factor, causal):
        shared = cuda.shared.array(0, float32)
        s = cuda.local.array((mine, beside), float32)
        acc = cuda.local.array((mine, own), float32)
        m = cuda.local.array(mine, float32)
        l = cuda.local.array(mine, float32)
        c = cuda.local.array((4, broadest), float32)
        t = int32(cuda.threadIdx.x)
        x, y = t % int32(across), t // int32(across)  # along the keys and the columns; along the queries
        # Where my first query, key, columns and weight lie; the others are constant distances away.
        q_at, k_at, v_at, w_at = y * step, kv_at + x * step, kv_at + x * 4, p_at + y * longer
        h, b = cuda.blockIdx.y, cuda.blockIdx.z
        queries, keys = int32(q.shape[2]), int32(k.shape[2])
        kv = h // (q.shape[1] // k.shape[1])
        first = int32((cuda.gridDim.x - 1 - cuda.blockIdx.x) * rows)
        # Query r of the block sees keys below `limit + r`, and never more than there are.
        limit = first + keys - queries + int32(1) if causal else keys
        each = int32(1) if causal else int32(0)
        end = min(keys, max(int32(0), limit + each * int32(rows - 1)))
        to_base_two = factor * _LOG2_E
        for i in range(t, rows * vectors, count):
            r, d = int32(i) // int32(vectors), int32(i) % int32(vectors) * int32(4)
            four = read(q, b, h, first + r, d)
            store4(shared, r * int32(step) + d, four[0], four[1], four[2], four[3])
        for i in range(mine):
            m[i] = np.float32(-math.inf)
            l[i] = np.float32(0)
            for e in range(own):
                acc[i, e] = np.float32(0)
        for start in range(int32(0), end, int32(columns)):
            cuda.syncthreads()  # the values of the last step have been used
            for i in range(t, columns * vectors, count):
                r, d = int32(i) // int32(vectors), int32(i) % int32(vectors) * int32(4)
                four = read(k, b, kv, start + r, d)
                store4(shared, int32(kv_at) + r * int32(step) + d, four[0], four[1], four[2], four[3])
            cuda.syncthreads()  # the keys are there
            for i in range(mine):
                for j in range(beside):
                    s[i, j] = np.float32(0)
            for d in range(0, used, 4):
                for j in range(beside):
                    four = load4(shared, k_at + (j * across * step + d))
                    for e in range(4):
                        c[e, j] = four[e]
                for i in range(mine):
                    four = load4(shared, q_at + (i * down * step + d))
                    for j in range(beside):
                        for e in range(4):
                            s[i, j] += four[e] * c[e, j]
            masked = start + int32(columns) > min(end, limit)  # for some query of the block
            if masked:
                for i in range(mine):
                    seen = min(end, limit + each * (y + int32(i * down))) - start - x  # from my first key on
                    for j in range(beside):
                        if seen <= int32(j * across):
                            s[i, j] = np.float32(-math.inf)
            for i in range(mine):
                largest = m[i]
                for j in range(beside):
                    largest = max(largest, s[i, j])
                lane = half
                while lane > 0:
                    largest = max(largest, exchange(largest, lane))
                    lane >>= 1
                shift = largest if largest != np.float32(-math.inf) else np.float32(0)
                alpha = exp2((m[i] - shift) * to_base_two)
                m[i] = largest
                l[i] *= alpha
                for e in range(own):
                    acc[i, e] *= alpha
                for j in range(beside):
                    p = exp2((s[i, j] - shift) * to_base_two)
                    l[i] += p  # of this thread's keys only, until the end
                    shared[w_at + x + (i * down * longer + j * across)] = p
            cuda.syncthreads()  # the keys have been used
            spoiled = int32(0)
            for i in range(t, columns * vectors, count):
                r, d = int32(i) // int32(vectors), int32(i) % int32(vectors) * int32(4)
                four = read(v, b, kv, start + r, d)
                store4(shared, int32(kv_at) + r * int32(step) + d, four[0], four[1], four[2], four[3])
                for e in range(4):
                    if not abs(four[e]) <= _LARGEST:
                        spoiled = int32(1)
            if cuda.syncthreads_or(spoiled) and masked:  # the weights and the values are there
                for j in range(min(columns, end - start)):
                    for i in range(mine):
                        r = y + int32(i * down)
                        if start + j < limit + each * r:
                            p = shared[w_at + (i * down * longer + j)]
                            for e in range(own):
                                acc[i, e] += p * shared[v_at + (j * step + e // 4 * 4 * across + e % 4)]
            else:
                for j in range(0, columns, 4):
                    for e in range(0, own, 4):
                        for w in range(4):
                            four = load4(shared, v_at + ((j + w) * step + e * across))
                            for u in range(4):
                                c[w, e + u] = four[u]
                    for i in range(mine):
                        four = load4(shared, w_at + (i * down * longer + j))
                        for e in range(own):
                            for w in range(4):
                                acc[i, e] += four[w] * c[w, e]
        for i in range(mine):
            total = l[i]
            lane = half
            while lane > 0:
                total += exchange(total, lane)
                lane >>= 1
            r = first + y + i * down
            some = min(end, limit + each * (y + i * down)) > 0
            share = np.float32(1) / total
            if r < queries:
                for e in range(0, own, 4):
                    d = x * 4 + e * across
                    for u in range(4):
                        c[u, 0] = acc[i, e + u] * share if some else np.float32(0)
                    if whole:
                        if d < dim:
                            at = ((b * q.shape[1] + h) * queries + r) * dim + d
                            store4(out, at, c[0, 0], c[1, 0], c[2, 0], c[3, 0])
                    else:
                        for u in range(4):
                            if d + u < dim:
                                out[b, h, r, d + u] = c[u, 0]

    return vector
