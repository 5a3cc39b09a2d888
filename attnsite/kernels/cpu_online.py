"""Online softmax, tile by tile: no score matrix at all, and work for every core whatever the number of heads.

The keys are taken in blocks. For each query a running maximum m, a running sum l and a running output are kept; when a
block brings a larger maximum, sum and output are rescaled by exp(m_old − m_new) [@milakov2018online]. Only one tile of
scores exists at a time, so memory does not grow with the square of the length [@rabe2021selfattention;
@dao2022flashattention].

Bytes: reads k and v once for each block of queries, q and out once. Its scratch is a few tiles a thread. In wide heads
BLAS keeps more in registers than these loops do; in narrow ones, with few multiply-adds for each score, this is ahead
of `cpu_blas`, and how much of that is the writing was not measured.

Look at the layout: 64 queries lie side by side in memory and every inner loop runs along them, so that no sum has to
be made across a vector and LLVM vectorises the plain loops. Four keys (or four columns) are taken at a time, which
makes one load and one store of the sum serve four multiply-adds. Threads take blocks of queries, not heads; with a
causal mask, blocks that no query of the tile sees are skipped.
"""

import math

import numpy as np
from numba import njit, prange

from attnsite.kernels.plain.exponential import exp_shifted
from attnsite.kernels.plain.inner import INNER
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cpu"
FOLLOWS = "cpu_blas"
ROWS = 64  # queries in a tile
COLUMNS = 64  # keys in a tile; a multiple of 4


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    require_fit(q, k, v, out)
    _attention(q, k, v, out, causal, np.float32(1 / math.sqrt(q.shape[3])))


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def _attention(q, k, v, out, causal, scale):
    batch, heads, queries = q.shape[:3]
    group = heads // k.shape[1]
    blocks = (queries + ROWS - 1) // ROWS
    for task in prange(batch * heads * blocks):
        head, block = task // blocks, blocks - 1 - task % blocks  # causal: the longest first
        b, h = head // heads, head % heads
        _tile(q[b, h], k[b, h // group], v[b, h // group], out[b, h], block * ROWS, causal, scale)


@njit(**INNER, fastmath={"contract"})
def _tile(q, k, v, out, first, causal, scale):
    """Queries first … first + ROWS of one head: q, out (queries, dim); k, v (keys, dim)."""
    queries, dim = q.shape
    keys = k.shape[0]
    count = min(ROWS, queries - first)
    padded = (dim + 3) // 4 * 4
    qt = np.zeros((padded, ROWS), np.float32)  # the queries, transposed
    for r in range(count):
        for d in range(dim):
            qt[d, r] = q[first + r, d]
    m = np.full(ROWS, -np.inf, np.float32)
    l = np.zeros(ROWS, np.float32)
    acc = np.zeros((dim, ROWS), np.float32)  # the output, transposed
    s = np.empty((COLUMNS, ROWS), np.float32)  # one tile of scores, transposed
    alpha, shift, powers = np.empty(ROWS, np.float32), np.empty(ROWS, np.float32), np.empty(ROWS, np.int32)
    kd, zero = np.zeros((COLUMNS, padded), np.float32), np.float32(0)
    offset = first + keys - queries  # query r of the tile sees keys up to offset + r
    end = min(keys, max(0, offset + count)) if causal else keys
    for start in range(0, end, COLUMNS):
        width = min(COLUMNS, end - start)
        for j in range(width):
            for d in range(dim):
                kd[j, d] = k[start + j, d]
        _scores(qt, kd, s, width)
        if causal and start + width > offset + 1:
            for j in range(width):
                for r in range(min(ROWS, max(0, start + j - offset))):
                    s[j, r] = -np.inf
        _rescale(s, width, m, shift, alpha, scale)
        for j in range(width):
            _weigh(s[j], shift, powers, scale)
        if causal and start + width > offset + 1:
            for j in range(width):
                for r in range(min(ROWS, max(0, start + j - offset))):
                    s[j, r] = zero
        for r in range(ROWS):
            l[r] *= alpha[r]
        for j in range(width):
            for r in range(ROWS):
                l[r] += s[j, r]
        for d in range(dim):
            for r in range(ROWS):
                acc[d, r] *= alpha[r]
        _values(s, v, acc, start, width, offset if causal else keys)
    for r in range(count):
        seen = offset + r >= 0 and keys > 0 if causal else keys > 0
        for d in range(dim):
            out[first + r, d] = acc[d, r] / l[r] if seen else zero


@njit(**INNER, fastmath={"contract"})
def _scores(qt, kd, s, width):
    """s[j, r] = Σ_d kd[j, d] · qt[d, r], four columns at a time."""
    for j in range(width):
        row = s[j]
        for r in range(ROWS):
            row[r] = np.float32(0)
        for d in range(0, qt.shape[0], 4):
            k0, k1, k2, k3 = kd[j, d], kd[j, d + 1], kd[j, d + 2], kd[j, d + 3]
            q0, q1, q2, q3 = qt[d], qt[d + 1], qt[d + 2], qt[d + 3]
            for r in range(ROWS):
                row[r] += k0 * q0[r] + k1 * q1[r] + k2 * q2[r] + k3 * q3[r]


@njit(**INNER, fastmath={"contract"})
def _rescale(s, width, m, shift, alpha, scale):
    """The new running maxima, what to subtract from the scores, and the factor for what was summed before."""
    for r in range(ROWS):
        alpha[r] = m[r]
    for j in range(width):
        for r in range(ROWS):
            m[r] = s[j, r] if s[j, r] > m[r] else m[r]
    for r in range(ROWS):
        shift[r] = np.float32(0) if m[r] == -np.inf else m[r]
        alpha[r] = np.float32(math.exp((alpha[r] - shift[r]) * scale))


@njit(**INNER, fastmath={"contract"})
def _weigh(s, shift, powers, scale):
    """s = exp((s − shift) · scale), along the queries: scores are exact to the last bit until they are subtracted."""
    for r in range(ROWS):
        s[r] = (s[r] - shift[r]) * scale
    exp_shifted(s, np.float32(0), ROWS, powers)


@njit(**INNER, fastmath={"contract"})
def _values(s, v, acc, start, width, last):
    """acc[d, r] += Σ_j s[j, r] · v[start + j, d], four keys at a time while all queries see them."""
    whole = min(width, max(0, last - start + 1)) // 4 * 4
    for j in range(0, whole, 4):
        s0, s1, s2, s3 = s[j], s[j + 1], s[j + 2], s[j + 3]
        for d in range(acc.shape[0]):
            row = acc[d]
            v0, v1, v2, v3 = v[start + j, d], v[start + j + 1, d], v[start + j + 2, d], v[start + j + 3, d]
            for r in range(ROWS):
                row[r] += s0[r] * v0 + s1[r] * v1 + s2[r] * v2 + s3[r] * v3
    for j in range(whole, width):
        for d in range(acc.shape[0]):
            value = v[start + j, d]
            for r in range(min(ROWS, max(0, start + j - last)), ROWS):  # a masked key may be NaN: do not touch it
                acc[d, r] += s[j, r] * value
