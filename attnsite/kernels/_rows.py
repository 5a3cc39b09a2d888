"""The online softmax for a few rows over many keys: lanes lie along the keys for scores, along the head for values.

With one query there is no panel of queries to share a key among, and memory sets the pace. So what counts is the order
of reading: rows one after another, each from its beginning to its end. Reading two rows side by side, column by
column, was tried: the processor then no longer sees a stream to fetch ahead, and memory gave a third as much; asking
for lines beforehand (prefetch) won back half of that. The products of a row are added up in registers; WIDTH rows are
then added across by halves into one register of scores. Where values are taken for several heads at once, column by
column, they are touched in order first.
"""

from llvmlite import ir
from numba import njit, types

from attnsite.kernels._panels import NOTHING, ONE, ZERO
from attnsite.kernels._simd import (
    WIDTH,
    Lanes,
    add,
    address,
    aligned,
    between,
    broadcast,
    exp2,
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
    total,
)  # fmt: skip
from attnsite.kernels._simd_memory import _half_masks
from attnsite.kernels._tile import INLINE, accumulate, put, put_rescaled, zeros


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
def accumulate_pairs(typing, tile, array, index, step, left, right):
    """tile[r] + x[r] · left and, behind those, x[r] · right, with x[r] = array[index + r·step …], r < WIDTH / 2."""

    def generate(context, builder, signature, arguments):
        tile, array, index, step, left, right = arguments
        sums, [left], [right] = parts(builder, tile), parts(builder, left), parts(builder, right)
        for r in range(WIDTH // 2):
            at = builder.add(index, builder.mul(step, ir.Constant(index.type, r)))
            row = aligned(builder.load(address(context, builder, signature.args[1], array, at)))
            sums[r] = multiply_add(builder, row, left, sums[r])
            sums[r + WIDTH // 2] = multiply_add(builder, row, right, sums[r + WIDTH // 2])
        return pack(builder, sums)

    return tile(tile, array, types.int64, types.int64, left, right), generate


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
def score_two(ws, q, q_row, k, ko, k_step, dim, to, to_row, count, spare):
    """The same for two queries that share the keys, without the maxima: each key is loaded once for both."""
    half = WIDTH // 2
    for j in range(0, count, half):
        tile = zeros(WIDTH, 1)
        for d in range(0, dim, WIDTH):
            left, right = load(ws, q + d, 1), load(ws, q + q_row + d, 1)
            tile = accumulate_pairs(tile, k, ko + j * k_step + d, k_step, left, right)
        put(ws, spare, WIDTH, tile)
        store(ws, spare, across(ws, spare))
        for i in range(half):
            ws[to + j + i] = ws[spare + i]
            ws[to + to_row + j + i] = ws[spare + half + i]


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
    """Scores become 2^(score · scale − shift), in place; their sum."""
    scales, shifts, sums = broadcast(scale, 1), broadcast(-shift, 1), broadcast(ZERO, 1)
    for j in range(0, count, WIDTH):
        p = exp2(fma(load(ws, at + j, 1), scales, shifts))
        store(ws, at + j, p)
        sums = add(sums, p)
    return total(sums)


@njit(**INLINE)
def power(x):
    """2^x of one number, x ≤ 127, as `exp2` computes it."""
    return largest(exp2(broadcast(x, 1)))


@njit(**INLINE)
def mix(rows, count, ws, p, p_row, v, vo, v_step, keys, o, o_row):
    """o[r] += Σ_j p[r, j] · v[j] for some rows and `count` registers of columns; both are constants."""
    tile = zeros(rows, count)
    for j in range(keys):
        tile = accumulate(tile, ws, p + j, p_row, load(v, vo + j * v_step, count))
    put_rescaled(ws, o, o_row, broadcast(ONE, count), tile)


@njit(**INLINE)
def mix_group(rows, count, ws, p, p_row, v, vo, v_step, keys, dim, o, o_row):
    """The same for all columns: `count` registers at a time, then one by one."""
    whole = dim // (count * WIDTH) * (count * WIDTH)
    for d in range(0, whole, count * WIDTH):
        mix(rows, count, ws, p, p_row, v, vo + d, v_step, keys, o + d, o_row)
    for d in range(whole, dim, WIDTH):
        mix(rows, 1, ws, p, p_row, v, vo + d, v_step, keys, o + d, o_row)


@njit(**INLINE)
def mix_keys(ws, p, p_row, v, vo, v_step, keys, dim, o, o_row, rows):
    """The same for any number of rows, each value read once for up to eight of them."""
    r = 0
    while rows - r >= 8:
        mix_group(8, 2, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)
        r += 8
    if rows - r >= 4:
        mix_group(4, 2, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)
        r += 4
    if rows - r >= 2:
        mix_group(2, 4, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)
        r += 2
    if rows - r >= 1:
        mix_group(1, 8, ws, p + r * p_row, p_row, v, vo, v_step, keys, dim, o + r * o_row, o_row)


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
