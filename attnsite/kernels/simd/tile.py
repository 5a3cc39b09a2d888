"""A tile of sums that stays in registers: the one product that all explicit-SIMD kernels are made of.

    tile[r] += a[r, t] · panel[t]          r < ROWS, a panel is PANEL registers wide, t runs over the depth

One panel is loaded and ROWS numbers are broadcast for ROWS × PANEL fused multiply-adds, so arithmetic and not loading
is what takes the time. Scores, weighted values and every product of the backward pass have this form, with other
strides; nothing but the panels has to be packed. ROWS × PANEL sums fill the register file: 24 of 32 with AVX-512
would be possible, but 16 divide common head widths and are enough to hide the latency of a multiply-add [measured
here: 8 × 2 within 1 % of 12 × 2]; 12 of 16 with AVX2.
"""

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import models, register_model

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd import registers
from attnsite.kernels.simd.registers import (
    WIDTH,
    Vector,
    address,
    aligned,
    emit_maximum,
    intrinsic,
    load,
    multiply_add,
    pack,
    parts,
    shift_index,
    splat,
)  # fmt: skip

ROWS, PANEL = {16: (8, 2), 8: (4, 3), 4: (4, 4)}[WIDTH]
LANES = PANEL * WIDTH  # numbers in a panel


class Tile(types.Type):
    """`rows` × `count` registers."""

    def __init__(self, rows: int, count: int) -> None:
        self.rows, self.count = rows, count
        super().__init__(name=f"Tile({rows}, {count}, {WIDTH})")


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Tile) -> None:
        super().__init__(manager, kind, ir.ArrayType(ir.VectorType(ir.FloatType(), WIDTH), kind.rows * kind.count))


@intrinsic(prefer_literal=True)
def zeros(typing, rows, count):
    """A tile of zeros; both arguments are constants."""
    kind = Tile(rows.literal_value, count.literal_value)

    def generate(context, builder, signature, arguments):
        return pack(builder, [registers.constant(0.0)] * (kind.rows * kind.count))

    return kind(rows, count), generate


@intrinsic
def accumulate(typing, tile, array, index, step, panel):
    """tile[r] + array[index + r·step] · panel for every row r."""

    def generate(context, builder, signature, arguments):
        tile, array, index, step, panel = arguments
        sums, columns = parts(builder, tile), parts(builder, panel)
        for r in range(signature.args[0].rows):
            at = builder.add(index, builder.mul(step, ir.Constant(index.type, r))) if r else index
            number = builder.load(address(context, builder, signature.args[1], array, at, ir.FloatType()))
            number = splat(builder, number)
            for c, column in enumerate(columns):
                sums[r * len(columns) + c] = multiply_add(builder, number, column, sums[r * len(columns) + c])
        return pack(builder, sums)

    if not (isinstance(tile, Tile) and isinstance(panel, Vector) and tile.count == panel.count):
        return None
    return tile(tile, array, types.int64, types.int64, panel), generate


@intrinsic(prefer_literal=True)
def row(typing, tile, r):
    """Row r of the tile; r is a constant."""

    def generate(context, builder, signature, arguments):
        start = r.literal_value * tile.count
        return pack(builder, parts(builder, arguments[0])[start : start + tile.count])

    return Vector(tile.count)(tile, r), generate


@intrinsic
def peak(typing, lanes, tile):
    """The largest in each column, of the tile's rows and of `lanes`; NaN in the tile is passed over."""

    def generate(context, builder, signature, arguments):
        best, vectors = parts(builder, arguments[0]), parts(builder, arguments[1])
        for i, vector in enumerate(vectors):
            best[i % tile.count] = emit_maximum(builder, vector, best[i % tile.count])
        return pack(builder, best)

    return lanes(lanes, tile), generate


@intrinsic
def put(typing, array, index, step, tile):
    """array[index + r·step …] = tile[r] for every row r."""

    def generate(context, builder, signature, arguments):
        array, index, step, tile = arguments
        kind = signature.args[3]
        for i, vector in enumerate(parts(builder, tile)):
            at = builder.add(index, builder.mul(step, ir.Constant(index.type, i // kind.count)))
            at = shift_index(builder, at, i % kind.count * WIDTH)
            aligned(builder.store(vector, address(context, builder, signature.args[0], array, at)))
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, tile), generate


@intrinsic
def put_rescaled(typing, array, index, step, factor, tile):
    """array[index + r·step …] = array[…] · factor + tile[r] for every row r; factor is as wide as a row."""

    def generate(context, builder, signature, arguments):
        array, index, step, factor, tile = arguments
        kind, factors = signature.args[4], parts(builder, factor)
        for i, vector in enumerate(parts(builder, tile)):
            at = builder.add(index, builder.mul(step, ir.Constant(index.type, i // kind.count)))
            at = address(context, builder, signature.args[0], array, shift_index(builder, at, i % kind.count * WIDTH))
            old = aligned(builder.load(at))
            aligned(builder.store(multiply_add(builder, old, factors[i % kind.count], vector), at))
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, factor, tile), generate


@njit(**INLINE)
def product(rows, a, start, a_row, a_step, b, begin, b_step, depth):
    """The tile Σ_t a[start + r·a_row + t·a_step] · b[begin + t·b_step …], r < rows, t < depth; `rows` is a constant."""
    tile = zeros(rows, PANEL)
    for t in range(depth):
        tile = accumulate(tile, a, start + t * a_step, a_row, load(b, begin + t * b_step, PANEL))
    return tile
