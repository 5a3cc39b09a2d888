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
from attnsite.kernels.simd.memory import half_masks
from attnsite.kernels.simd.prefill_steps import NOTHING, ONE, ZERO
from attnsite.kernels.simd.registers import (
    WIDTH,
    Vector,
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
from attnsite.kernels.simd.rows import columns_from, rows_from
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

    return (Vector(1)(lanes), generate) if lanes.count & (lanes.count - 1) == 0 else None


@intrinsic
def accumulate_rows(typing, tile, array, index, step, one):
    """tile[r] + array[index + r·step …] · one for every row r of a tile that is one register wide."""
    if not (tile.count == 1 and isinstance(one, Vector) and one.count == 1):
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
            low, high = half_masks(half)
            rows = [
                builder.fadd(builder.shuffle_vector(x, y, low), builder.shuffle_vector(x, y, high))
                for x, y in zip(rows[::2], rows[1::2], strict=True)
            ]
            half *= 2
        return pack(builder, rows)

    return Vector(1)(array, types.int64), generate


@njit(**INLINE)
def score_keys(queries, keys, dim, scores, count, spare):
    """scores.data[scores.at …] = those of the first query and `count` keys, rounded up to whole registers.

    The rows behind are read too. dim is a multiple of WIDTH; queries, scores and the room for WIDTH registers at
    `spare` lie in the scratch.
    """
    scratch, whole = queries.data, dim // (4 * WIDTH) * (4 * WIDTH)
    for j in range(0, count, WIDTH):
        for r in range(WIDTH):
            at = keys.at + (j + r) * keys.step
            wide, one = broadcast(ZERO, 4), broadcast(ZERO, 1)
            for d in range(0, whole, 4 * WIDTH):
                wide = fma(load(keys.data, at + d, 4), load(scratch, queries.at + d, 4), wide)
            for d in range(whole, dim, WIDTH):
                one = fma(load(keys.data, at + d, 1), load(scratch, queries.at + d, 1), one)
            store(scratch, spare + r * WIDTH, add(one, halved(wide)))
        store(scratch, scores.at + j, across(scratch, spare))


@njit(**INLINE)
def score_group(heads, queries, keys, dim, scores, count, spare):
    """The same for some heads that share the keys, a constant that divides WIDTH: each key is loaded once for all.

    Row h of `queries` and of `scores` is head h's.
    """
    scratch, rows = queries.data, WIDTH // heads
    for j in range(0, count, rows):
        for r in range(rows):
            tile, at = zeros(heads, 1), keys.at + (j + r) * keys.step
            for d in range(0, dim, WIDTH):
                tile = accumulate_rows(tile, scratch, queries.at + d, queries.step, load(keys.data, at + d, 1))
            put(scratch, spare + r * WIDTH, rows * WIDTH, tile)
        store(scratch, spare, across(scratch, spare))
        for h in range(heads):
            for r in range(rows):
                scratch[scores.at + h * scores.step + j + r] = scratch[spare + h * rows + r]


@njit(**INLINE)
def score_heads(queries, keys, dim, scores, count, spare, heads):
    """The same for any number of heads."""
    h = 0
    while heads - h >= 4:
        score_group(4, rows_from(queries, h), keys, dim, rows_from(scores, h), count, spare)
        h += 4
    if heads - h >= 2:
        score_group(2, rows_from(queries, h), keys, dim, rows_from(scores, h), count, spare)
        h += 2
    if heads - h >= 1:
        score_keys(rows_from(queries, h), keys, dim, rows_from(scores, h), count, spare)


@njit(**INLINE)
def peak_keys(scratch, at, count):
    """The largest of each lane of `count` scores; those behind, up to whole registers, become −inf."""
    best = broadcast(NOTHING, 1)
    for j in range(0, count, WIDTH):
        s = load(scratch, at + j, 1)
        if j + WIDTH > count:
            s = between(s, 0, count - j, NOTHING)
            store(scratch, at + j, s)
        best = maximum(s, best)
    return best


@njit(**INLINE)
def weigh_keys(scratch, at, count, scale, shift):
    """Scores become 2^((score − shift) · scale), in place; their sum."""
    shifts, sums = broadcast(shift, 1), broadcast(ZERO, 1)
    for j in range(0, count, WIDTH):
        p = exp2_scaled(subtract(load(scratch, at + j, 1), shifts), scale)
        store(scratch, at + j, p)
        sums = add(sums, p)
    return total(sums)


@njit(**INLINE)
def power(x, scale):
    """2^(x · scale) of one number, x · scale ≤ 127, as `exp2_scaled` computes it."""
    return largest(exp2_scaled(broadcast(x, 1), scale))


@njit(**INLINE)
def mix(rows, count, weights, values, keys, output):
    """output[r] += Σ_j weights[r, j] · values[j] for some rows and `count` registers of columns; both are constants."""
    tile = zeros(rows, count)
    for j in range(keys):
        value = load(values.data, values.at + j * values.step, count)
        tile = accumulate(tile, weights.data, weights.at + j, weights.step, value)
    put_rescaled(output.data, output.at, output.step, broadcast(ONE, count), tile)


@njit(**INLINE)
def mix_group(rows, count, half, weights, values, keys, dim, output):
    """The same for all columns: `count` registers at a time, then half as many, then one by one."""
    d = 0
    while dim - d >= count * WIDTH:
        mix(rows, count, weights, columns_from(values, d), keys, columns_from(output, d))
        d += count * WIDTH
    if dim - d >= half * WIDTH:
        mix(rows, half, weights, columns_from(values, d), keys, columns_from(output, d))
        d += half * WIDTH
    while d < dim:
        mix(rows, 1, weights, columns_from(values, d), keys, columns_from(output, d))
        d += WIDTH


@njit(**INLINE)
def mix_keys(weights, values, keys, dim, output, rows):
    """The same for any number of rows, each value read once for up to eight of them."""
    r = 0
    while rows - r >= 8:
        mix_group(8, 2, 1, rows_from(weights, r), values, keys, dim, rows_from(output, r))
        r += 8
    if rows - r >= 4:
        mix_group(4, 4, 2, rows_from(weights, r), values, keys, dim, rows_from(output, r))
        r += 4
    if rows - r >= 2:
        mix_group(2, 8, 4, rows_from(weights, r), values, keys, dim, rows_from(output, r))
        r += 2
    if rows - r >= 1:
        mix_group(1, 8, 4, rows_from(weights, r), values, keys, dim, rows_from(output, r))


@njit(**INLINE)
def rescale(scratch, at, dim, alpha):
    """scratch[at …] (dim,) *= alpha, unless that changes nothing."""
    if alpha != ONE:
        factor = broadcast(alpha, 1)
        for d in range(0, dim, WIDTH):
            store(scratch, at + d, multiply(load(scratch, at + d, 1), factor))


@njit(**INLINE)
def touch(rows, count, dim, scratch, spare):
    """Read some rows from first to last, for nothing but that they are near afterwards."""
    seen = broadcast(ZERO, 1)
    for j in range(count):
        for d in range(0, dim // WIDTH * WIDTH, WIDTH):
            seen = maximum(load(rows.data, rows.at + j * rows.step + d, 1), seen)
    store(scratch, spare, seen)
