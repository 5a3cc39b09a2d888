"""The online softmax for a few rows over many keys: lanes lie along the keys for scores, along the head for values.

With one query there is no panel of queries to share a key among, and memory sets the pace. So what counts is the order
of reading: rows one after another, each from its beginning to its end. Reading two rows side by side, column by
column, was tried: the processor then no longer sees a stream to fetch ahead, and memory gave a third as much; asking
for lines beforehand (prefetch) won back half of that. The products of a row are added up in registers, for up to four
heads that share it; WIDTH of those sums are then added across by halves into one register of scores. Where values are
taken for so many heads that it needs several passes, column by column, they are touched in order first.
"""

from llvmlite import ir
from numba import njit, types

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.memory import _half_masks
from attnsite.kernels.simd.prefill_steps import NOTHING, ONE, ZERO
from attnsite.kernels.simd.registers import (
    WIDTH,
    Lanes,
    add,
    address,
    aligned,
    between,
    broadcast,
    exp2_scaled,
    fma,
    intrinsic,
    largest,
    load,
    maximum,
    multiply,
    multiply_add,
    pack,
    parts,
    store,
    subtract,
    total,
)  # fmt: skip
from attnsite.kernels.simd.tile import accumulate, put, put_rescaled, zeros


@intrinsic
def halved(typing, lanes):
    """The registers added up into one, by halves."""

    def generate(context, builder, signature, arguments):
        vectors = parts(builder, arguments[0])
        while len(vectors) > 1:
            half = len(vectors) // 2
            vectors = [builder.fadd(x, y) for x, y in zip(vectors[:half], vectors[half:], strict=True)]
        return pack(builder, vectors)

    return (Lanes(1)(lanes), generate) if lanes.count & (lanes.count - 1) == 0 else None


@intrinsic
def accumulate_rows(typing, tile, array, index, step, one):
    """tile[r] + array[index + r·step …] · one for every row r of a tile that is one register wide."""
    if not (tile.count == 1 and isinstance(one, Lanes) and one.count == 1):
        return None

    def generate(context, builder, signature, arguments):
        tile, array, index, step, one = arguments
        sums, [one] = parts(builder, tile), parts(builder, one)
        for r in range(signature.args[0].rows):
            at = builder.add(index, builder.mul(step, ir.Constant(index.type, r)))
            row = aligned(builder.load(address(context, builder, signature.args[1], array, at)))
            sums[r] = multiply_add(builder, row, one, sums[r])
        return pack(builder, sums)

    return tile(tile, array, types.int64, types.int64, one), generate


@intrinsic
def across(typing, array, index):
    """The sums of WIDTH registers that lie in array[index …], register r's in lane r; by halves, neighbours first."""

    def generate(context, builder, signature, arguments):
        array, index = arguments
        starts = [builder.add(index, ir.Constant(index.type, r * WIDTH)) for r in range(WIDTH)]
        at = [address(context, builder, signature.args[0], array, start) for start in starts]
        rows, half = [aligned(builder.load(pointer)) for pointer in at], 1
        while len(rows) > 1:
            low, high = _half_masks(half)
            rows = [
                builder.fadd(builder.shuffle_vector(x, y, low), builder.shuffle_vector(x, y, high))
                for x, y in zip(rows[::2], rows[1::2], strict=True)
            ]
            half *= 2
        return pack(builder, rows)

    return Lanes(1)(array, types.int64), generate


@njit(**INLINE)
def score_keys(ws, q, k, ko, k_step, dim, to, count, spare):
    """ws[to …] = the scores of `count` keys, rounded up to whole registers: the rows behind are read too.

    dim is a multiple of WIDTH; ws[spare …] is room for WIDTH registers.
    """
    whole = dim // (4 * WIDTH) * (4 * WIDTH)
    for j in range(0, count, WIDTH):
        for r in range(WIDTH):
            at = ko + (j + r) * k_step
            wide, one = broadcast(ZERO, 4), broadcast(ZERO, 1)
            for d in range(0, whole, 4 * WIDTH):
                wide = fma(load(k, at + d, 4), load(ws, q + d, 4), wide)
            for d in range(whole, dim, WIDTH):
                one = fma(load(k, at + d, 1), load(ws, q + d, 1), one)
            store(ws, spare + r * WIDTH, add(one, halved(wide)))
        store(ws, to + j, across(ws, spare))


@njit(**INLINE)
def score_group(heads, ws, q, q_row, k, ko, k_step, dim, to, to_row, count, spare):
    """The same for some heads that share the keys, a constant that divides WIDTH: each key is loaded once for all."""
    rows = WIDTH // heads
    for j in range(0, count, rows):
        for r in range(rows):
            tile = zeros(heads, 1)
            for d in range(0, dim, WIDTH):
                tile = accumulate_rows(tile, ws, q + d, q_row, load(k, ko + (j + r) * k_step + d, 1))
            put(ws, spare + r * WIDTH, rows * WIDTH, tile)
        store(ws, spare, across(ws, spare))
        for h in range(heads):
            for r in range(rows):
                ws[to + h * to_row + j + r] = ws[spare + h * rows + r]


@njit(**INLINE)
def score_heads(ws, q, q_row, k, ko, k_step, dim, to, to_row, count, spare, heads):
    """The same for any number of heads."""
    h = 0
    while heads - h >= 4:
        score_group(4, ws, q + h * q_row, q_row, k, ko, k_step, dim, to + h * to_row, to_row, count, spare)
        h += 4
    if heads - h >= 2:
        score_group(2, ws, q + h * q_row, q_row, k, ko, k_step, dim, to + h * to_row, to_row, count, spare)
        h += 2
    if heads - h >= 1:
        score_keys(ws, q + h * q_row, k, ko, k_step, dim, to + h * to_row, count, spare)


@njit(**INLINE)
def peak_keys(ws, at, count):
    """The largest of each lane of `count` scores; those behind, up to whole registers, become −inf."""
    best = broadcast(NOTHING, 1)
    for j in range(0, count, WIDTH):
        s = load(ws, at + j, 1)
        if j + WIDTH > count:
            s = between(s, 0, count - j, NOTHING)
            store(ws, at + j, s)
        best = maximum(s, best)
    return best


@njit(**INLINE)
def weigh_keys(ws, at, count, scale, shift):
    """Scores become 2^((score − shift) · scale), in place; their sum."""
    shifts, sums = broadcast(shift, 1), broadcast(ZERO, 1)
    for j in range(0, count, WIDTH):
        p = exp2_scaled(subtract(load(ws, at + j, 1), shifts), scale)
        store(ws, at + j, p)
        sums = add(sums, p)
    return total(sums)


@njit(**INLINE)
def power(x, scale):
    """2^(x · scale) of one number, x · scale ≤ 127, as `exp2_scaled` computes it."""
    return largest(exp2_scaled(broadcast(x, 1), scale))


@njit(**INLINE)
def mix(rows, count, ws, p, p_row, v, vo, v_step, keys, o, o_row):
    """o[r] += Σ_j p[r, j] · v[j] for some rows and `count` registers of columns; both are constants."""
    tile = zeros(rows, count)
    for j in range(keys):
        tile = accumulate(tile, ws, p + j, p_row, load(v, vo + j * v_step, count))
    put_rescaled(ws, o, o_row, broadcast(ONE, count), tile)


@njit(**INLINE)
def mix_group(rows, count, half, ws, p, p_row, v, vo, v_step, keys, dim, o, o_row):
    """The same for all columns: `count` registers at a time, then half as many, then one by one."""
    d = 0
    while dim - d >= count * WIDTH:
        mix(rows, count, ws, p, p_row, v, vo + d, v_step, keys, o + d, o_row)
        d += count * WIDTH
    if dim - d >= half * WIDTH:
        mix(rows, half, ws, p, p_row, v, vo + d, v_step, keys, o + d, o_row)
        d += half * WIDTH
    while d < dim:
        mix(rows, 1, ws, p, p_row, v, vo + d, v_step, keys, o + d, o_row)
        d += WIDTH


@njit(**INLINE)
def mix_keys(ws, p, p_row, v, vo, v_step, keys, dim, o, o_row, rows):
    """The same for any number of rows, each value read once for up to eight of them."""
    r = 0
    while rows - r >= 8:
        mix_group(8, 2, 1, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)
        r += 8
    if rows - r >= 4:
        mix_group(4, 4, 2, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)
        r += 4
    if rows - r >= 2:
        mix_group(2, 8, 4, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)
        r += 2
    if rows - r >= 1:
        mix_group(1, 8, 4, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)


@njit(**INLINE)
def rescale(ws, o, dim, alpha):
    """o *= alpha, unless that changes nothing."""
    if alpha != ONE:
        factor = broadcast(alpha, 1)
        for d in range(0, dim, WIDTH):
            store(ws, o + d, multiply(load(ws, o + d, 1), factor))


@njit(**INLINE)
def touch(array, at, step, rows, dim, ws, spare):
    """Read some rows from first to last, for nothing but that they are near afterwards."""
    seen = broadcast(ZERO, 1)
    for j in range(rows):
        for d in range(0, dim // WIDTH * WIDTH, WIDTH):
            seen = maximum(load(array, at + j * step + d, 1), seen)
    store(ws, spare, seen)
