"""Registers cut into slices, one for each head of a group that meets the same keys.

A chunk of H heads stands in one register or two: each head has a slice of S lanes, which holds S numbers of its query.
As many numbers of a key are loaded and repeated for all heads, by the load itself, and a multiply-add then serves them
all. The sums of S keys are folded within slices, all at once, so that lane l of a slice has key l's score. That takes
3·(S − 1) instructions for a register of heads; adding up each row by itself takes 3·(WIDTH − 1) for WIDTH scores.
"""

from llvmlite import ir
from numba import types

from attnsite.kernels.simd.memory import exchange
from attnsite.kernels.simd.registers import (
    INDEX,
    INT,
    WIDTH,
    Vector,
    address,
    aligned,
    emit_maximum,
    intrinsic,
    multiply_add,
    pack,
    parts,
    splat,
)  # fmt: skip
from attnsite.kernels.simd.tile import Tile

_MASK = ir.VectorType(INT, WIDTH)


def _repeated(context, builder, kind, array, index, size):
    few = ir.VectorType(ir.FloatType(), size)
    numbers = aligned(builder.load(address(context, builder, kind, array, index, few)))
    return builder.shuffle_vector(numbers, numbers, ir.Constant(_MASK, [i % size for i in range(WIDTH)]))


@intrinsic(prefer_literal=True)
def repeat(typing, array, index, size):
    """A register of the `size` numbers array[index …], repeated; `size` is a constant that divides WIDTH."""

    def generate(context, builder, signature, arguments):
        array, index, _ = arguments
        return pack(builder, [_repeated(context, builder, signature.args[0], array, index, size.literal_value)])

    return Vector(1)(array, types.int64, size), generate


@intrinsic(prefer_literal=True)
def copy_slice(typing, source, start, target, to, size):
    """target[to …] = source[start …], `size` numbers, a constant that divides WIDTH."""

    def generate(context, builder, signature, arguments):
        source, start, target, to, _ = arguments
        few = ir.VectorType(ir.FloatType(), size.literal_value)
        numbers = aligned(builder.load(address(context, builder, signature.args[0], source, start, few)))
        aligned(builder.store(numbers, address(context, builder, signature.args[2], target, to, few)))
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64, size), generate


@intrinsic(prefer_literal=True)
def accumulate_slices(typing, tile, array, index, step, queries, size):
    """tile[r] + queries · (array[index + r·step …], `size` numbers, repeated), for every row r."""

    def generate(context, builder, signature, arguments):
        tile, array, index, step, queries, _ = arguments
        sums, columns = parts(builder, tile), parts(builder, queries)
        for r in range(signature.args[0].rows):
            at = builder.add(index, builder.mul(step, ir.Constant(INDEX, r))) if r else index
            key = _repeated(context, builder, signature.args[1], array, at, size.literal_value)
            for c, column in enumerate(columns):
                sums[r * len(columns) + c] = multiply_add(builder, column, key, sums[r * len(columns) + c])
        return pack(builder, sums)

    if not (isinstance(tile, Tile) and isinstance(queries, Vector) and tile.count == queries.count):
        return None
    return tile(tile, array, types.int64, types.int64, queries, size), generate


@intrinsic(prefer_literal=True)
def fold_slices(typing, tile, size):
    """Each slice added up: lane l of a slice of row i is the sum of that slice of the tile's row i · size + l.

    By halves, neighbours first. `size` divides the number of rows.
    """

    def generate(context, builder, signature, arguments):
        vectors, count = parts(builder, arguments[0]), tile.count
        columns = [vectors[c::count] for c in range(count)]
        half = 1
        while half < size.literal_value:
            columns = [
                [exchange(builder, x, y, half) for x, y in zip(rows[::2], rows[1::2], strict=True)] for rows in columns
            ]
            half *= 2
        return pack(builder, [vector for row in zip(*columns, strict=True) for vector in row])

    if not (isinstance(tile, Tile) and tile.rows % size.literal_value == 0):
        return None
    return Tile(tile.rows // size.literal_value, tile.count)(tile, size), generate


@intrinsic(prefer_literal=True)
def keep_first(typing, lanes, count, other, size):
    """The first `count` lanes of each slice of `size` keep their numbers; the others get the float32 `other`."""

    def generate(context, builder, signature, arguments):
        value, count, other, _ = arguments
        lane = ir.Constant(_MASK, [i % size.literal_value for i in range(WIDTH)])
        inside = builder.icmp_signed("<", lane, splat(builder, builder.trunc(count, INT), _MASK))
        return pack(builder, [builder.select(inside, x, splat(builder, other)) for x in parts(builder, value)])

    return lanes(lanes, types.int64, types.float32, size), generate


@intrinsic(prefer_literal=True)
def spread_largest(typing, lanes, size):
    """The largest of each slice of `size` lanes in all of these; NaN may be passed over."""

    def generate(context, builder, signature, arguments):
        spread, half = parts(builder, arguments[0]), 1
        while half < size.literal_value:
            turn = ir.Constant(_MASK, [i ^ half for i in range(WIDTH)])
            spread = [emit_maximum(builder, x, builder.shuffle_vector(x, x, turn)) for x in spread]
            half *= 2
        return pack(builder, spread)

    return lanes(lanes, size), generate


@intrinsic
def put_scaled(typing, array, index, step, factors, factor_step, tile):
    """array[index + r·step …] = array[…] · array[factors + r·factor_step] + tile[r] for every row r."""

    def generate(context, builder, signature, arguments):
        array, index, step, factors, factor_step, tile = arguments
        kind, where, vectors = signature.args[5], signature.args[0], parts(builder, tile)
        for r in range(kind.rows):
            row = builder.add(index, builder.mul(step, ir.Constant(INDEX, r)))
            factor = builder.add(factors, builder.mul(factor_step, ir.Constant(INDEX, r)))
            number = builder.load(address(context, builder, where, array, factor, ir.FloatType()))
            factor = splat(builder, number)
            for c in range(kind.count):
                at = address(context, builder, where, array, builder.add(row, ir.Constant(INDEX, c * WIDTH)))
                sums = multiply_add(builder, aligned(builder.load(at)), factor, vectors[r * kind.count + c])
                aligned(builder.store(sums, at))
        return context.get_dummy_value()

    index_kind = types.int64
    return types.void(array, index_kind, index_kind, index_kind, index_kind, tile), generate
