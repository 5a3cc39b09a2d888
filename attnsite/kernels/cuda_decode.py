"""One query a sequence on a GPU: blocks of threads share out the keys, and a second launch joins their softmaxes.

With one query there are only batch × KV heads pieces of independent work, far fewer than a GPU has multiprocessors. So
the keys are split too: each block walks over a part of them with a softmax of its own, and the parts are joined by
their maxima and sums [@dao2023flashdecoding]. All query heads of a group are answered by the block that reads their
keys and values, so grouped and multi-query attention read less [@shazeer2019mqa; @ainslie2023gqa].

Bytes: reads k and v once, 8·kv_heads·keys·dim; more than 32 query heads of one KV head are served by several blocks,
each of which reads them. q, out and the parts' results, 4·(dim + 2)·heads·parts written and read, are small beside.

Look at the split: enough parts for four blocks a multiprocessor of a large GPU, but none shorter than 256 keys. Look at
how the two tensors are read: a tile of keys goes through shared memory, because a score needs a whole row and no thread
could read one alone without leaving most of each memory transaction unused; a value goes from memory straight into the
register of the thread that owns its column, and is used there for every head of the group. On the ladder this is
`cuda_tiled` turned from rows of queries to rows of heads.
"""

import math

import numpy as np

from attnsite.kernels._cuda import SIMULATED, Entry, Scratch, cuda, float32, jit, require, scale

DEVICE = "cuda"
WIDEST = 256  # columns of a head
THREADS = 16 if SIMULATED else 128
HEADS = 4 if SIMULATED else 32  # query heads of a group that a block serves at most
SHORTEST = 8 if SIMULATED else 256  # keys in a part, at least
BLOCKS = 12 if SIMULATED else 528  # blocks that a launch should have, where there are keys enough
SHARED = 47 * 1024  # bytes of shared memory a block may have without opting in, and a little room
_built: dict[tuple[int, int], object] = {}
_sums, _maxima, _totals = Scratch(), Scratch(), Scratch()


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, 1, dim); k, v (batch, kv_heads, keys, dim); float32 on the device. All keys are seen."""
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1:3]
    require(q)
    if queries != 1:
        raise NotImplementedError(f"decodes one query at a time, got {queries}")
    if dim > WIDEST:
        raise NotImplementedError(f"handles heads up to a width of {WIDEST}, got {dim}")
    if 0 in (batch, heads):
        return
    group = heads // kv_heads
    chunks = -(-group // HEADS)
    served = -(-group // chunks)
    parts = max(1, min(-(-BLOCKS // (batch * kv_heads * chunks)), keys // SHORTEST))
    sums = _sums(batch, heads, parts, dim)
    maxima, totals = _maxima(batch, heads, parts), _totals(batch, heads, parts)
    split = built(dim, served)
    split[(parts, kv_heads * chunks, batch), THREADS](q, k, v, sums, maxima, totals, scale(dim), chunks)
    _join[(heads, batch), THREADS](sums, maxima, totals, out, keys)


def entries():
    """One kernel for each width and number of heads a block serves, and the one that joins."""
    four, three = "float32[:, :, :, ::1]", "float32[:, :, ::1]"
    split = f"void({four}, {four}, {four}, {four}, {three}, {three}, float32, int64)"
    shapes = ((64, 1), (128, 1), (128, 4), (128, 8), (128, 32), (256, 8))
    made = (Entry(f"width_{dim}_heads_{served}", built(dim, served), split, THREADS) for dim, served in shapes)
    return (*made, Entry("join", _join, f"void({four}, {three}, {three}, {four}, int64)", THREADS))


def built(dim, served):
    """The splitting kernel of these sizes, made once."""
    if (dim, served) not in _built:
        _built[dim, served] = build(dim, served)
    return _built[dim, served]


def build(dim, served):
    """The kernel for heads of width `dim`, where a block serves `served` query heads."""
    own = -(-dim // THREADS)  # output columns of a thread
    wide = dim + 1  # the odd width puts a column of the tile into different banks
    small = 4 * served * (dim + 3)  # bytes of queries, maxima, shifts and factors
    sizes = (4,) if SIMULATED else (32, 16, 8)
    tile = next(keys for keys in sizes if small + 4 * keys * (wide + served) <= SHARED)

    @jit
    def split(q, k, v, sums, maxima, totals, factor, chunks):
        qs = cuda.shared.array((served, dim), float32)
        ks = cuda.shared.array((tile, wide), float32)
        ps = cuda.shared.array((served, tile), float32)  # scores, then exp(score − maximum)
        ms = cuda.shared.array(served, float32)
        shifts = cuda.shared.array(served, float32)
        alphas = cuda.shared.array(served, float32)
        acc = cuda.local.array((served, own), float32)
        t, part, b = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockIdx.z
        kv, chunk = cuda.blockIdx.y // chunks, cuda.blockIdx.y % chunks
        group, keys, parts = q.shape[1] // k.shape[1], k.shape[2], sums.shape[2]
        h0 = kv * group + chunk * served
        count = min(served, group - chunk * served)  # the last chunk of a group may be short: its queries are zero
        low, high = keys * part // parts, keys * (part + 1) // parts
        for i in range(t, served * dim, THREADS):
            g, d = i // dim, i % dim
            qs[g, d] = q[b, h0 + g, 0, d] * factor if g < count else np.float32(0)
        for g in range(served):
            for c in range(own):
                acc[g, c] = np.float32(0)
        total = np.float32(0)  # of head t, kept by the thread of that number
        if t < served:
            ms[t] = np.float32(-math.inf)
        for start in range(low, high, tile):
            width = min(tile, high - start)
            for i in range(t, width * dim, THREADS):
                ks[i // dim, i % dim] = k[b, kv, start + i // dim, i % dim]
            cuda.syncthreads()  # the keys are there, and the last step's weights have been used
            for i in range(t, served * tile, THREADS):
                g, j = i // tile, i % tile
                if j < width:
                    score = np.float32(0)
                    for d in range(dim):
                        score += qs[g, d] * ks[j, d]
                    ps[g, j] = score
            cuda.syncthreads()
            if t < served:
                largest = ms[t]
                for j in range(width):
                    if ps[t, j] > largest:
                        largest = ps[t, j]
                shift = largest if largest != np.float32(-math.inf) else np.float32(0)
                alphas[t] = np.float32(math.exp(ms[t] - shift))
                ms[t], shifts[t] = largest, shift
            cuda.syncthreads()
            for i in range(t, served * tile, THREADS):
                g, j = i // tile, i % tile
                if j < width:
                    ps[g, j] = np.float32(math.exp(ps[g, j] - shifts[g]))
            cuda.syncthreads()
            if t < served:
                total *= alphas[t]
                for j in range(width):
                    total += ps[t, j]
            for c in range(own):
                d = t + c * THREADS
                if d < dim:
                    for g in range(served):
                        acc[g, c] *= alphas[g]
                    for j in range(width):
                        value = v[b, kv, start + j, d]
                        for g in range(served):
                            acc[g, c] += ps[g, j] * value
        for c in range(own):
            d = t + c * THREADS
            for g in range(served):
                if d < dim and g < count:
                    sums[b, h0 + g, part, d] = acc[g, c]
        if t < count:
            maxima[b, h0 + t, part], totals[b, h0 + t, part] = ms[t], total

    return split


@jit
def _join(sums, maxima, totals, out, keys):
    """Parts, each with its own maximum, become one softmax: a block for each head."""
    h, b = cuda.blockIdx.x, cuda.blockIdx.y
    parts, dim = sums.shape[2], sums.shape[3]
    largest = np.float32(-math.inf)
    for part in range(parts):
        if maxima[b, h, part] > largest:
            largest = maxima[b, h, part]
    shift = largest if largest != np.float32(-math.inf) else np.float32(0)
    total = np.float32(0)
    for part in range(parts):
        total += np.float32(math.exp(maxima[b, h, part] - shift)) * totals[b, h, part]
    for d in range(cuda.threadIdx.x, dim, THREADS):
        mixed = np.float32(0)
        for part in range(parts):
            mixed += np.float32(math.exp(maxima[b, h, part] - shift)) * sums[b, h, part, d]
        out[b, h, 0, d] = mixed / total if keys > 0 else np.float32(0)
