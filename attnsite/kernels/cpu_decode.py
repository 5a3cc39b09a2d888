"""One query per sequence over a KV cache: the keys are split among threads, a group of heads shares what is read.

Generating a token asks one question of the whole cache. There is no second query to reuse a key for, so the step can be
no faster than the cache is read. Two things matter then. All query heads of a group are answered while a block of their
keys and values lies in the nearest cache, so grouped and multi-query attention read less [@shazeer2019mqa;
@ainslie2023gqa]. And the keys are split into parts with a softmax each, which are joined at the end by their maxima and
sums, so that all threads read even for one sequence with one KV head [@dao2023flashdecoding].

Bytes: reads k and v once, 8·kv_heads·keys·dim, whatever the number of query heads.

Look at `_block`: the scores of 64 keys, then their 64 values; `_join` is the online softmax's rescaling, done once.
"""

import math

import numpy as np
from numba import get_num_threads, njit, prange

from attnsite.kernels.plain.exponential import exp_shifted
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cpu"
FOLLOWS = "cpu_online"
BLOCK = 64  # keys whose scores are held at a time
PART = 512  # keys a part has at least: below that, joining costs more than another thread brings


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, 1, dim); k, v (batch, kv_heads, keys, dim); all float32. The query sees every key."""
    batch, heads, kv_heads, queries, keys, dim = require_fit(q, k, v, out)
    if queries != 1:
        raise NotImplementedError(f"decodes one query at a time, got {queries}")
    pairs = batch * kv_heads
    wanted = -(-4 * get_num_threads() // max(1, pairs))
    parts = max(1, min(wanted, keys // PART))
    sums = np.empty((batch, heads, parts, dim), np.float32)
    maxima, totals = np.empty((2, batch, heads, parts), np.float32)
    _parts(q, k, v, sums, maxima, totals, np.float32(1 / math.sqrt(dim)))
    _join(sums, maxima, totals, out, keys)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _parts(q, k, v, sums, maxima, totals, scale):
    batch, kv_heads, keys = k.shape[:3]
    group, parts = q.shape[1] // kv_heads, sums.shape[2]
    for task in prange(batch * kv_heads * parts):
        pair, part = task // parts, task % parts
        b, kv = pair // kv_heads, pair % kv_heads
        low, high = keys * part // parts, keys * (part + 1) // parts
        for g in range(group):
            maxima[b, kv * group + g, part], totals[b, kv * group + g, part] = -np.inf, 0
            sums[b, kv * group + g, part] = 0
        for start in range(low, high, BLOCK):
            for h in range(kv * group, (kv + 1) * group):
                _block(q[b, h, 0], k[b, kv], v[b, kv], start, min(BLOCK, high - start), sums[b, h, part],
                       maxima[b, h], totals[b, h], part, scale)  # fmt: skip


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _block(q, k, v, start, width, mixed, maxima, totals, part, scale):
    """One head's query, q (dim,), on `width` keys of k, v (keys, dim): brings output, maximum and sum up to date.

    Rows are taken by whole indices, never by slices: Numba then knows that they are contiguous and vectorises the sums.
    """
    dim = len(q)
    s, powers = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.int32)
    largest = maxima[part]
    for j in range(width):
        row = k[start + j]
        score = np.float32(0)
        for d in range(dim):
            score += q[d] * row[d]
        s[j] = score * scale
        largest = s[j] if s[j] > largest else largest
    shift = np.float32(0) if largest == -np.inf else largest
    alpha = np.float32(math.exp(maxima[part] - shift))
    exp_shifted(s, shift, width, powers)
    total = np.float32(0)
    for j in range(width):
        total += s[j]
    maxima[part], totals[part] = largest, totals[part] * alpha + total
    for d in range(dim):
        mixed[d] *= alpha
    whole = width // 4 * 4
    for j in range(0, whole, 4):  # four values for one load and one store of the sum
        v0, v1, v2, v3 = v[start + j], v[start + j + 1], v[start + j + 2], v[start + j + 3]
        s0, s1, s2, s3 = s[j], s[j + 1], s[j + 2], s[j + 3]
        for d in range(dim):
            mixed[d] += s0 * v0[d] + s1 * v1[d] + s2 * v2[d] + s3 * v3[d]
    for j in range(whole, width):
        row, weight = v[start + j], s[j]
        for d in range(dim):
            mixed[d] += weight * row[d]


@njit(cache=True, error_model="numpy")
def _join(sums, maxima, totals, out, keys):
    """Parts, each with its own maximum, become one softmax."""
    batch, heads, parts, dim = sums.shape
    for b in range(batch):
        for h in range(heads):
            largest = np.float32(-np.inf)
            for part in range(parts):
                largest = max(largest, maxima[b, h, part])
            shift = np.float32(0) if largest == -np.inf else largest
            total = np.float32(0)
            out[b, h, 0] = 0
            for part in range(parts):
                factor = np.float32(math.exp(maxima[b, h, part] - shift))
                total += factor * totals[b, h, part]
                for d in range(dim):
                    out[b, h, 0, d] += factor * sums[b, h, part, d]
            for d in range(dim if keys > 0 else 0):
                out[b, h, 0, d] /= total
