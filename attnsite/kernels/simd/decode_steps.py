"""The online softmax for one row over many keys: lanes lie along the keys for scores, along the head for values.

With one query and one head there is nothing to share a key among, and memory sets the pace. So what counts is the order
of reading: rows one after another, each from its beginning to its end. Reading two rows side by side, column by
column, was tried: the processor then no longer sees a stream to fetch ahead, and memory gave a third as much. The
products of a row are added up in registers; WIDTH of those sums are then added across by halves into one register of
scores. Where values take several passes, column by column, they are touched in order first.
"""

from llvmlite import ir
from numba import njit, types

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.memory import exchange
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
    pack,
    parts,
    store,
    subtract,
    total,
)  # fmt: skip
from attnsite.kernels.simd.rows import columns_from
from attnsite.kernels.simd.tile import accumulate, put_rescaled, zeros


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
def across(typing, array, index):
    """The sums of WIDTH registers that lie in array[index …], register r's in lane r; by halves, neighbours first."""

    def generate(context, builder, signature, arguments):
        array, index = arguments
        starts = [builder.add(index, ir.Constant(index.type, r * WIDTH)) for r in range(WIDTH)]
        at = [address(context, builder, signature.args[0], array, start) for start in starts]
        rows, half = [aligned(builder.load(pointer)) for pointer in at], 1
        while len(rows) > 1:
            rows = [exchange(builder, x, y, half) for x, y in zip(rows[::2], rows[1::2], strict=True)]
            half *= 2
        return pack(builder, rows)

    return Vector(1)(array, types.int64), generate


@njit(**INLINE)
def score_keys(queries, keys, dim, scores, count, spare):
    """scores.data[scores.at …] = those of the query and `count` keys, rounded up to whole registers.

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
def mix(count, weights, values, keys, output):
    """output += Σ_j weights[j] · values[j] for `count` registers of columns, a constant."""
    tile = zeros(1, count)
    for j in range(keys):
        value = load(values.data, values.at + j * values.step, count)
        tile = accumulate(tile, weights.data, weights.at + j, weights.step, value)
    put_rescaled(output.data, output.at, output.step, broadcast(ONE, count), tile)


@njit(**INLINE)
def mix_keys(weights, values, keys, dim, output):
    """The same for all columns: eight registers at a time, then four, then one by one."""
    d = 0
    while dim - d >= 8 * WIDTH:
        mix(8, weights, columns_from(values, d), keys, columns_from(output, d))
        d += 8 * WIDTH
    if dim - d >= 4 * WIDTH:
        mix(4, weights, columns_from(values, d), keys, columns_from(output, d))
        d += 4 * WIDTH
    while d < dim:
        mix(1, weights, columns_from(values, d), keys, columns_from(output, d))
        d += WIDTH


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
