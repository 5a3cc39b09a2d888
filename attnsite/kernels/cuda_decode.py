"""Split-KV decode on a GPU (flash-decoding): thread blocks split the keys, a second kernel merges their softmaxes.

With one query there are only batch × KV heads pieces of independent work, for few sequences fewer than a GPU has
multiprocessors. So the keys are split too: each block walks over a part of them with a softmax of its own, and the
parts are joined by their maxima and sums [@dao2023flashdecoding]. All query heads of a group are answered by the block
that reads their keys and values, so grouped and multi-query attention read less [@shazeer2019mqa; @ainslie2023gqa].

Bytes: reads k and v once, 8·kv_heads·keys·dim; more than 8 query heads of one KV head, or 4 of width 256, are served by
several blocks, each of which reads them. q, out and the parts' results, 4·(dim + 2)·heads·parts written and read, are
small beside.

Look at the split: enough parts for four blocks a multiprocessor of a large GPU, but none shorter than 256 keys. Look at
the teams: as many threads as 16-byte loads make up a row, so that a warp reads whole rows of keys and values straight
into registers, several keys ahead of their use, and nothing goes through shared memory until the end. A score is added
up by exchanges within the team. Each key that was read meets every head of the group before the next is read.
"""

import math

import numpy as np

from attnsite.kernels.cuda.driver import SIMULATED, Entry, Scratch, cuda, float32, int32, jit, require, scale
from attnsite.kernels.cuda.ptx import exchange, exp2
from attnsite.kernels.cuda.rows import reading
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cuda"
FOLLOWS = "cuda_tiled"
WIDEST = 256  # columns of a head
THREADS = 16 if SIMULATED else 128
HELD = 32 if SIMULATED else 1024  # columns of all the query heads that a block serves together: registers end there
SHORTEST = 8 if SIMULATED else 256  # keys in a part, at least
BLOCKS = 12 if SIMULATED else 528  # blocks that a launch should have, where there are keys enough
_LOG2_E = np.float32(math.log2(math.e))
_built: dict[tuple[int, int], object] = {}
_sums, _maxima, _totals = Scratch(), Scratch(), Scratch()


def attention(q, k, v, out, *, causal, parts=None):
    """q, out (batch, heads, 1, dim); k, v (batch, kv_heads, keys, dim); float32 on the device. All keys are seen.

    parts: into how many parts the keys are split; the kernel chooses unless it is told.
    """
    batch, heads, kv_heads, queries, keys, dim = require_fit(q, k, v, out, widest=WIDEST, contiguous=True)
    require(q)
    if queries != 1:
        raise NotImplementedError(f"decodes one query at a time, got {queries}")
    if 0 in (batch, heads):
        return
    group = heads // kv_heads
    chunks = -(-group // most(dim))
    served = -(-group // chunks)
    parts = parts or max(1, min(-(-BLOCKS // (batch * kv_heads * chunks)), keys // SHORTEST))
    sums = _sums(batch, heads, parts, dim)
    maxima, totals = _maxima(batch, heads, parts), _totals(batch, heads, parts)
    split = built(dim, served)
    split[(parts, kv_heads * chunks, batch), THREADS](q, k, v, sums, maxima, totals, scale(dim), chunks)
    _join[(heads, batch), THREADS](sums, maxima, totals, out, scale(dim), keys)


def most(dim):
    """Query heads of a group that a block serves at most."""
    return max(1, min(4 if SIMULATED else 8, HELD // dim))


def entries():
    """One kernel for each width and number of heads a block serves, and the one that joins."""
    four, three = "float32[:, :, :, ::1]", "float32[:, :, ::1]"
    split = f"void({four}, {four}, {four}, {four}, {three}, {three}, float32, int64)"
    shapes = ((41, 1), (64, 1), (128, 1), (128, 4), (128, 8), (256, 4))
    made = (Entry(f"width_{dim}_heads_{served}", built(dim, served), split, THREADS) for dim, served in shapes)
    return (*made, Entry("join", _join, f"void({four}, {three}, {three}, {four}, float32, int64)", THREADS))


def built(dim, served):
    """The splitting kernel of these sizes, made once."""
    if (dim, served) not in _built:
        _built[dim, served] = build(dim, served)
    return _built[dim, served]


def build(dim, served):
    """The kernel for heads of width `dim`, where a block serves `served` query heads."""
    team = min(THREADS, 32)  # threads that read a row together, a power of two
    while team > 1 and 2 * team >= dim:
        team //= 2
    teams, pieces = THREADS // team, -(-dim // (4 * team))
    ahead = 4 if pieces == 1 else 2  # keys of a team that are on their way at a time
    own = 4 * pieces  # columns of a thread, in pieces of four
    half = team // 2
    read = reading(dim)

    @jit
    def split(q, k, v, sums, maxima, totals, factor, chunks):
        mixed = cuda.shared.array((teams, served, dim), float32)
        ms = cuda.shared.array((teams, served), float32)
        ls = cuda.shared.array((teams, served), float32)
        asked = cuda.local.array((served, own), float32)
        acc = cuda.local.array((served, own), float32)
        m = cuda.local.array(served, float32)
        l = cuda.local.array(served, float32)
        key = cuda.local.array((ahead, own), float32)
        value = cuda.local.array((ahead, own), float32)
        s = cuda.local.array(ahead, float32)
        t = int32(cuda.threadIdx.x)
        mine, x = t // int32(team), t % int32(team)
        part, b = cuda.blockIdx.x, cuda.blockIdx.z
        kv, chunk = cuda.blockIdx.y // chunks, cuda.blockIdx.y % chunks
        group, keys, parts = q.shape[1] // k.shape[1], k.shape[2], sums.shape[2]
        h0 = kv * group + chunk * served
        count = min(served, group - chunk * served)  # the last chunk of a group may be short: its queries are zero
        low, high = keys * part // parts, keys * (part + 1) // parts
        to_base_two = factor * _LOG2_E
        for g in range(served):
            m[g] = np.float32(-math.inf)
            l[g] = np.float32(0)
            for e in range(pieces):
                four = read(q, b, h0 + g if g < count else h0, 0, x * int32(4) + int32(4 * team * e))
                for u in range(4):
                    asked[g, 4 * e + u] = four[u] if g < count else np.float32(0)
                    acc[g, 4 * e + u] = np.float32(0)
        # Every team takes as many turns, so that warps with several teams stay together.
        for turn in range(low, high, teams * ahead):
            start = turn + mine * ahead
            for j in range(ahead):
                for e in range(pieces):
                    d = x * int32(4) + int32(4 * team * e)
                    here = start + j if start + j < high else keys  # behind the last row there are zeros
                    four = read(k, b, kv, here, d)
                    for u in range(4):
                        key[j, 4 * e + u] = four[u]
                    four = read(v, b, kv, here, d)
                    for u in range(4):
                        value[j, 4 * e + u] = four[u]
            for g in range(served):
                largest = m[g]
                for j in range(ahead):
                    score = np.float32(0)
                    for e in range(own):
                        score += asked[g, e] * key[j, e]
                    lane = half
                    while lane > 0:
                        score += exchange(score, lane)
                        lane >>= 1
                    s[j] = score if start + j < high else np.float32(-math.inf)
                    largest = max(largest, s[j])
                shift = largest if largest != np.float32(-math.inf) else np.float32(0)
                alpha = exp2((m[g] - shift) * to_base_two)
                m[g] = largest
                l[g] *= alpha
                for e in range(own):
                    acc[g, e] *= alpha
                for j in range(ahead):
                    p = exp2((s[j] - shift) * to_base_two)
                    l[g] += p
                    for e in range(own):
                        acc[g, e] += p * value[j, e]
        for g in range(served):
            if x == 0:
                ms[mine, g], ls[mine, g] = m[g], l[g]
            for e in range(pieces):
                for u in range(4):
                    d = x * 4 + 4 * team * e + u
                    if d < dim:
                        mixed[mine, g, d] = acc[g, 4 * e + u]
        cuda.syncthreads()
        for i in range(t, count * dim, THREADS):
            g, d = i // dim, i % dim
            largest = np.float32(-math.inf)
            for other in range(teams):
                largest = max(largest, ms[other, g])
            shift = largest if largest != np.float32(-math.inf) else np.float32(0)
            total, joined = np.float32(0), np.float32(0)
            for other in range(teams):
                weight = exp2((ms[other, g] - shift) * to_base_two)
                total += weight * ls[other, g]
                joined += weight * mixed[other, g, d]
            sums[b, h0 + g, part, d] = joined
            if d == 0:
                maxima[b, h0 + g, part], totals[b, h0 + g, part] = largest, total

    return split


@jit
def _join(sums, maxima, totals, out, factor, keys):
    """Parts, each with its own maximum, become one softmax: a block for each head."""
    h, b = cuda.blockIdx.x, cuda.blockIdx.y
    parts, dim = sums.shape[2], sums.shape[3]
    largest = np.float32(-math.inf)
    for part in range(parts):
        largest = max(largest, maxima[b, h, part])
    shift = largest if largest != np.float32(-math.inf) else np.float32(0)
    total, to_base_two = np.float32(0), factor * _LOG2_E
    for part in range(parts):
        total += exp2((maxima[b, h, part] - shift) * to_base_two) * totals[b, h, part]
    for d in range(cuda.threadIdx.x, dim, THREADS):
        mixed = np.float32(0)
        for part in range(parts):
            mixed += exp2((maxima[b, h, part] - shift) * to_base_two) * sums[b, h, part, d]
        out[b, h, 0, d] = mixed / total if keys > 0 else np.float32(0)
