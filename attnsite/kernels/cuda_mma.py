"""Tensor cores: one mma.m16n8k16 instruction per warp, 16-bit inputs, float32 accumulation.

What `cuda_vector` does with 2048 multiply-adds of its threads is one `mma` of a warp here, so feeding it is the task.
Numbers are bfloat16 or float16. Each warp keeps 16 queries in registers as the instruction wants them; keys and values
come into shared memory by asynchronous copies, the next tile while this one is worked on, and from there into
registers by `ldmatrix`, values transposed on the way. The accumulator layout of QKᵀ matches the A-operand
layout of PV, so attention weights are packed in pairs and stay in each thread's registers.

Memory traffic: 4·head_dim·keys·⌈queries / 64⌉ bytes per head for K and V, and Q and output once. That equals
`cuda_vector` up to head_dim 64, whose blocks of queries are twice as tall there, half of it at 128 and a quarter at
256.

Look at the pairs `m0`, `m1`: a thread holds parts of two rows, eight apart, and three others hold the rest of them, so
a row's maximum takes two exchanges. Look at the four words of padding after each row in shared memory, which avoid bank
conflicts between the eight rows of a matrix. Weights are rounded to 16 bits before the second product; the sums, the
maxima and both products are not. Follows FlashAttention-2 [@dao2024flashattention2] in all of this.

NaN or inf in a masked row of V cannot reach the output: masked tiles are checked for them first.
"""

import math

import numpy as np

from attnsite.kernels.cuda import ptx
from attnsite.kernels.cuda.driver import SIMULATED, Entry, cuda, float32, int32, jit, launch, require, scale, uint32
from attnsite.kernels.cuda.ptx import copy16, exchange, exp2, matrices, matrices_turned, wait
from attnsite.kernels.plain.halves import from_bfloat16, to_bfloat16
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cuda"
FOLLOWS = "cuda_vector"
WIDEST = 256  # columns of a head
# Of each width up to the first number: warps of a block, of 16 queries each, and keys in a tile.
TILES = {64: (4, 64), 128: (4, 64), WIDEST: (4, 32)}
SMALL = {WIDEST: (1, 16)}  # in the simulator, where every thread is a thread of the system
HELD = 128  # up to this width the queries stay in registers
KINDS = {"float16": "f16", "uint16": "bf16"}  # NumPy has no bfloat16: its numbers are given as their bits
DTYPES = tuple(np.dtype(name) for name in KINDS)
_LOG2_E = np.float32(math.log2(math.e))
_built: dict[tuple[object, ...], object] = {}


def attention(q, k, v, out, *, causal, tiles=None):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); on the device, contiguous.

    All float16, or all bfloat16 as its bits in uint16. tiles: (warps, keys in a tile).
    """
    batch, heads, _, queries, _, dim = require_fit(q, k, v, out, dtypes=DTYPES, widest=WIDEST, contiguous=True)
    require(q)
    if dim % 8:
        raise NotImplementedError(f"handles heads whose width is a multiple of 8, got {dim}")
    if 0 in (batch, heads, queries):
        return
    sizes = tuple(tiles or tile(dim))
    words = [array.view(np.uint32) for array in (q, k, v, out)]
    grid = (-(-queries // (16 * sizes[0])), heads, batch)
    kernel = built(dim, KINDS[str(q.dtype)], *sizes)
    launch(kernel, grid, 32 * sizes[0], shared_bytes(dim, sizes), *words, scale(dim), causal)


def store_array(x):
    """float32 as this kernel takes it where nobody says otherwise: the bits of bfloat16, of the same shape."""
    return to_bfloat16(x)


def restore_array(x):
    """What is stored, in float32."""
    return x.astype(np.float32) if x.dtype == np.float16 else from_bfloat16(x)


def tile(dim):
    """Warps of a block and keys in a tile."""
    return next(sizes for widest, sizes in (SMALL if SIMULATED else TILES).items() if dim <= widest)


def pitch(dim):
    """Words from one row to the next in shared memory: whole matrices, and four words so that rows differ in banks."""
    return -(-dim // 16) * 8 + 4


def shared_bytes(dim, sizes):
    """Bytes of shared memory of a block: two tiles of keys, two of values, and the queries."""
    warps, columns = sizes
    tiles, queries = 4 * columns * pitch(dim), 16 * warps * pitch(dim)
    return 4 * (max(tiles, queries) if dim <= HELD else tiles + queries)


def entries():
    """One kernel for each kind of number, and for each width of a head: the usual ones, and an odd one."""
    four = "uint32[:, :, :, ::1]"
    signature = f"void({four}, {four}, {four}, {four}, float32, boolean)"
    return tuple(
        Entry(f"width_{dim}_{kind}", built(dim, kind, *tile(dim)), signature, 32 * tile(dim)[0],
              shared_bytes(dim, tile(dim)))
        for dim, kind in ((32, "bf16"), (64, "bf16"), (80, "bf16"), (128, "bf16"), (128, "f16"), (256, "bf16"))
    )  # fmt: skip


def built(*sizes):
    """The kernel of these sizes, made once."""
    if sizes not in _built:
        _built[sizes] = build(*sizes)
    return _built[sizes]


def build(dim, kind, warps, columns):
    """The kernel for heads of width `dim`: `warps` × 16 queries and `columns` keys in a tile."""
    multiply, pack = getattr(ptx, f"multiply_{kind}"), getattr(ptx, f"pack_{kind}")
    exponent = {"bf16": 0x7F80, "f16": 0x7C00}[kind]  # all of its bits are set in what is no number, or infinite
    rows, count = 16 * warps, 32 * warps
    words, step = dim // 2, pitch(dim)
    vectors = -(-dim // 16) * 2  # 16-byte pieces of a row
    depth, ahead, beside = -(-dim // 16), columns // 8, -(-dim // 16) * 2  # steps of q kᵀ; eights of keys, of columns
    kv = columns * step
    held = dim <= HELD
    fragments, q_at = depth if held else 1, 0 if held else 4 * kv

    @jit
    def mma(q, k, v, out, factor, causal):
        shared = cuda.shared.array(0, uint32)
        mine = cuda.local.array((fragments, 4), uint32)
        acc = cuda.local.array((beside, 4), float32)
        s = cuda.local.array((ahead, 4), float32)
        t = int32(cuda.threadIdx.x)
        lane, warp = t & int32(31), t >> int32(5)
        g, two = lane >> int32(2), lane & int32(3)  # my row of eight, my pair of columns
        h, b = cuda.blockIdx.y, cuda.blockIdx.z
        queries, keys = q.shape[2], k.shape[2]
        head = h // (q.shape[1] // k.shape[1])
        first = (cuda.gridDim.x - 1 - cuda.blockIdx.x) * rows
        # Query r of the block sees keys below `limit + r`, and never more than there are.
        limit = first + keys - queries + 1 if causal else keys
        each = 1 if causal else 0
        end = min(keys, max(0, limit + each * (rows - 1)))
        q_from = ((b * q.shape[1] + h) * queries + first) * words
        kv_from = (b * k.shape[1] + head) * keys * words
        for i in range(t, rows * vectors, count):
            r, c = int32(i) // int32(vectors), int32(i) % int32(vectors) * int32(4)
            copy16(shared, int32(q_at) + r * int32(step) + c, q, q_from + r * words + c,
                   first + r < queries and c < words)  # fmt: skip
        wait()
        cuda.syncthreads()
        q_row = int32(q_at) + (warp * int32(16) + (lane & int32(15))) * int32(step) + (lane >> int32(4)) * int32(4)
        if held:
            for i in range(depth):
                four = matrices(shared, q_row + int32(i * 8))
                for e in range(4):
                    mine[i, e] = four[e]
            cuda.syncthreads()  # the keys come into the same place
        for j in range(beside):
            for e in range(4):
                acc[j, e] = np.float32(0)
        m0, m1 = np.float32(-math.inf), np.float32(-math.inf)
        l0, l1 = np.float32(0), np.float32(0)
        to_base_two = factor * _LOG2_E
        r0 = warp * int32(16) + g
        seen0, seen1 = min(end, limit + each * r0), min(end, limit + each * (r0 + 8))
        for i in range(t, columns * vectors, count):
            r, c = int32(i) // int32(vectors), int32(i) % int32(vectors) * int32(4)
            there = r < end and c < words
            copy16(shared, r * int32(step) + c, k, kv_from + r * words + c, there)
            copy16(shared, int32(2 * kv) + r * int32(step) + c, v, kv_from + r * words + c, there)
        for start in range(0, end, columns):
            now = int32(start // columns & 1) * int32(kv)
            wait()
            cuda.syncthreads()  # this tile is there, and everybody is done with the other place
            following = start + columns
            if following < end:
                for i in range(t, columns * vectors, count):
                    r, c = int32(i) // int32(vectors), int32(i) % int32(vectors) * int32(4)
                    there = following + r < end and c < words
                    at, source = int32(kv) - now + r * int32(step) + c, kv_from + (following + r) * words + c
                    copy16(shared, at, k, source, there)
                    copy16(shared, int32(2 * kv) + at, v, source, there)
            for j in range(ahead):
                for e in range(4):
                    s[j, e] = np.float32(0)
            # Four matrices: eight keys, and 32 columns of them, which are two steps of the product.
            k_row = now + (lane & int32(7)) * int32(step) + (lane >> int32(3)) * int32(4)
            for i in range(0, depth, 2):
                if not held:
                    a = matrices(shared, q_row + int32(i * 8))
                    if i + 1 < depth:
                        z = matrices(shared, q_row + int32(i * 8 + 8))
                    else:
                        z = a
                else:
                    a = mine[i, 0], mine[i, 1], mine[i, 2], mine[i, 3]
                    n = min(i + 1, depth - 1)
                    z = mine[n, 0], mine[n, 1], mine[n, 2], mine[n, 3]
                for j in range(ahead):
                    four = matrices(shared, k_row + int32(8 * j * step + 8 * i))
                    c4 = multiply(a[0], a[1], a[2], a[3], four[0], four[1], s[j, 0], s[j, 1], s[j, 2], s[j, 3])
                    if i + 1 < depth:
                        c4 = multiply(z[0], z[1], z[2], z[3], four[2], four[3], c4[0], c4[1], c4[2], c4[3])
                    for e in range(4):
                        s[j, e] = c4[e]
            masked = start + columns > min(end, limit)  # for some query of the block
            if masked:
                for j in range(ahead):
                    for e in range(2):
                        key = start + 8 * j + 2 * two + e
                        if key >= seen0:
                            s[j, e] = np.float32(-math.inf)
                        if key >= seen1:
                            s[j, 2 + e] = np.float32(-math.inf)
            n0, n1 = m0, m1
            for j in range(ahead):
                n0, n1 = max(n0, max(s[j, 0], s[j, 1])), max(n1, max(s[j, 2], s[j, 3]))
            n0, n1 = max(n0, exchange(n0, 1)), max(n1, exchange(n1, 1))
            n0, n1 = max(n0, exchange(n0, 2)), max(n1, exchange(n1, 2))
            shift0 = n0 if n0 != np.float32(-math.inf) else np.float32(0)
            shift1 = n1 if n1 != np.float32(-math.inf) else np.float32(0)
            alpha0, alpha1 = exp2((m0 - shift0) * to_base_two), exp2((m1 - shift1) * to_base_two)
            m0, m1 = n0, n1
            l0 *= alpha0
            l1 *= alpha1
            for j in range(ahead):
                for e in range(2):
                    s[j, e] = exp2((s[j, e] - shift0) * to_base_two)
                    s[j, 2 + e] = exp2((s[j, 2 + e] - shift1) * to_base_two)
                    l0 += s[j, e]
                    l1 += s[j, 2 + e]
            for j in range(beside):
                for e in range(2):
                    acc[j, e] *= alpha0
                    acc[j, 2 + e] *= alpha1
            v_at = int32(2 * kv) + now
            if masked:
                spoiled = int32(0)
                for i in range(t, columns * 4 * vectors, count):
                    word = shared[v_at + int32(i // (4 * vectors) * step + i % (4 * vectors))]
                    if word & uint32(exponent) == uint32(exponent):
                        spoiled = int32(1)
                    if (word >> uint32(16)) & uint32(exponent) == uint32(exponent):
                        spoiled = int32(1)
                if cuda.syncthreads_or(spoiled):
                    # What is no number is added to the rows that see it, and becomes 0 for the product.
                    for r in range(columns):
                        for j in range(beside):
                            word = shared[v_at + int32(r * step + 4 * j) + two]
                            for e in range(2):
                                bits = (word >> uint32(16 * e)) & uint32(0xFFFF)
                                if bits & uint32(exponent) == uint32(exponent):
                                    x = np.float32(math.nan)
                                    if bits & uint32(0x7FFF) == uint32(exponent):
                                        x = np.float32(math.inf)
                                    if bits > uint32(0x8000):
                                        x = -x
                                    if start + r < seen0:
                                        acc[j, e] += x
                                    if start + r < seen1:
                                        acc[j, 2 + e] += x
                    cuda.syncthreads()
                    for i in range(t, columns * 4 * vectors, count):
                        at = v_at + int32(i // (4 * vectors) * step + i % (4 * vectors))
                        word = shared[at]
                        if word & uint32(exponent) == uint32(exponent):
                            word = word & uint32(0xFFFF0000)
                        if (word >> uint32(16)) & uint32(exponent) == uint32(exponent):
                            word = word & uint32(0xFFFF)
                        shared[at] = word
                    cuda.syncthreads()
            v_row = v_at + (lane & int32(15)) * int32(step) + (lane >> int32(4)) * int32(4)
            for i in range(columns // 16):
                p0, p1 = pack(s[2 * i, 0], s[2 * i, 1]), pack(s[2 * i, 2], s[2 * i, 3])
                p2, p3 = pack(s[2 * i + 1, 0], s[2 * i + 1, 1]), pack(s[2 * i + 1, 2], s[2 * i + 1, 3])
                for j in range(0, beside, 2):
                    four = matrices_turned(shared, v_row + int32(16 * i * step + 4 * j))
                    c4 = multiply(p0, p1, p2, p3, four[0], four[1], acc[j, 0], acc[j, 1], acc[j, 2], acc[j, 3])
                    for e in range(4):
                        acc[j, e] = c4[e]
                    c4 = multiply(p0, p1, p2, p3, four[2], four[3],
                                  acc[j + 1, 0], acc[j + 1, 1], acc[j + 1, 2], acc[j + 1, 3])  # fmt: skip
                    for e in range(4):
                        acc[j + 1, e] = c4[e]
        l0, l1 = l0 + exchange(l0, 1), l1 + exchange(l1, 1)
        l0, l1 = l0 + exchange(l0, 2), l1 + exchange(l1, 2)
        share0, share1 = np.float32(1) / l0, np.float32(1) / l1
        for j in range(beside):
            w = 4 * j + two
            if w < words:
                if first + r0 < queries:
                    pair = pack(acc[j, 0] * share0, acc[j, 1] * share0) if seen0 > 0 else uint32(0)
                    out[b, h, first + r0, w] = pair
                if first + r0 + 8 < queries:
                    pair = pack(acc[j, 2] * share1, acc[j, 3] * share1) if seen1 > 0 else uint32(0)
                    out[b, h, first + r0 + 8, w] = pair

    return mma
