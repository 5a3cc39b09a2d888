"""One query a sequence on a GPU: blocks of threads share out the keys, and a second launch joins their softmaxes.

With one query there are only batch × KV heads pieces of independent work, far fewer than a GPU has multiprocessors. So
the keys are split too: each block walks over a part of them with a softmax of its own, and the parts are joined by
their maxima and sums [@dao2023flashdecoding]. A block serves up to eight query heads of a group with each key it reads
[@shazeer2019mqa; @ainslie2023gqa].

Bytes: reads k and v once for every eight query heads of a group; q, out and the parts' results are small beside them.

Look at the split: enough parts for a few blocks a multiprocessor, but none shorter than 256 keys.
"""

import math
from functools import cache

import numpy as np

from attnsite.kernels._cuda import SIMULATED, cuda, float32, scale

DEVICE = "cuda"
THREADS = 16 if SIMULATED else 128
HEADS = 8  # query heads of a group that a block serves at most
SHORTEST = 8 if SIMULATED else 256  # keys in a part, at least
BLOCKS = 12 if SIMULATED else 512  # blocks that a launch should have, where there are keys enough


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, 1, dim); k, v (batch, kv_heads, keys, dim); float32 on the device. All keys are seen."""
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1:3]
    if queries != 1:
        raise NotImplementedError(f"decodes one query at a time, got {queries}")
    if dim > 256:
        raise NotImplementedError(f"handles heads up to a width of 256, got {dim}")
    group = heads // kv_heads
    served = min(HEADS, group)
    chunks = -(-group // served)
    parts = max(1, min(-(-BLOCKS // (batch * kv_heads * chunks)), keys // SHORTEST))
    sums = cuda.device_array((batch, heads, parts, dim), np.float32)
    maxima = cuda.device_array((batch, heads, parts), np.float32)
    totals = cuda.device_array((batch, heads, parts), np.float32)
    split, join = build(dim, served)
    split[(parts, kv_heads * chunks, batch), THREADS](q, k, v, sums, maxima, totals, np.float32(scale(dim)), chunks)
    join[(heads, batch), THREADS](sums, maxima, totals, out)


@cache
def build(dim: int, served: int):
    """Both kernels for heads of width `dim`, where a block serves `served` query heads."""
    tile = 4 if SIMULATED else (32 if dim <= 128 else 16)  # keys in shared memory at a time
    own = -(-served * dim // THREADS)  # output elements of a thread
    wide = dim + 1  # the odd width keeps a column in different banks

    @cuda.jit
    def split(q, k, v, sums, maxima, totals, factor, chunks):
        qs = cuda.shared.array((served, dim), float32)
        kvs = cuda.shared.array((tile, wide), float32)
        ps = cuda.shared.array((served, tile), float32)
        ms = cuda.shared.array(served, float32)
        acc = cuda.local.array(own, float32)
        t, part, b = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockIdx.z
        kv, chunk = cuda.blockIdx.y // chunks, cuda.blockIdx.y % chunks
        group, keys, parts = q.shape[1] // k.shape[1], k.shape[2], sums.shape[2]
        h0 = kv * group + chunk * served
        count = min(served, group - chunk * served)
        low, high = keys * part // parts, keys * (part + 1) // parts
        for i in range(t, served * dim, THREADS):
            g = i // dim
            qs[g, i % dim] = q[b, h0 + g, 0, i % dim] * factor if g < count else np.float32(0)
        for i in range(t, served, THREADS):
            ms[i] = np.float32(-math.inf)
        for c in range(own):
            acc[c] = np.float32(0)
        total = np.float32(0)  # of head t, kept by the thread of that number
        for start in range(low, high, tile):
            width = min(tile, high - start)
            cuda.syncthreads()
            for i in range(t, width * dim, THREADS):
                kvs[i // dim, i % dim] = k[b, kv, start + i // dim, i % dim]
            cuda.syncthreads()
            for i in range(t, count * width, THREADS):
                g, j = i // width, i % width
                score = np.float32(0)
                for d in range(dim):
                    score += qs[g, d] * kvs[j, d]
                ps[g, j] = score
            cuda.syncthreads()
            for i in range(t, width * dim, THREADS):
                kvs[i // dim, i % dim] = v[b, kv, start + i // dim, i % dim]
            for c in range(own):
                i = t + c * THREADS
                g = i // dim
                if g < count:
                    largest = ms[g]
                    for j in range(width):
                        if ps[g, j] > largest:
                            largest = ps[g, j]
                    shift = largest if largest != np.float32(-math.inf) else np.float32(0)
                    acc[c] *= np.float32(math.exp(ms[g] - shift))
            shift, largest = np.float32(0), np.float32(0)
            if t < count:
                largest = ms[t]
                for j in range(width):
                    if ps[t, j] > largest:
                        largest = ps[t, j]
                shift = largest if largest != np.float32(-math.inf) else np.float32(0)
                total *= np.float32(math.exp(ms[t] - shift))
            cuda.syncthreads()  # everybody has read the old maxima, and the values are there
            if t < count:
                ms[t] = largest
                for j in range(width):
                    ps[t, j] = np.float32(math.exp(ps[t, j] - shift))
                    total += ps[t, j]
            cuda.syncthreads()
            for c in range(own):
                i = t + c * THREADS
                g = i // dim
                if g < count:
                    for j in range(width):
                        acc[c] += ps[g, j] * kvs[j, i % dim]
        for c in range(own):
            i = t + c * THREADS
            if i // dim < count:
                sums[b, h0 + i // dim, part, i % dim] = acc[c]
        if t < count:
            maxima[b, h0 + t, part], totals[b, h0 + t, part] = ms[t], total

    @cuda.jit
    def join(sums, maxima, totals, out):
        h, b = cuda.blockIdx.x, cuda.blockIdx.y
        parts = sums.shape[2]
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
            out[b, h, 0, d] = mixed / total

    return split, join
