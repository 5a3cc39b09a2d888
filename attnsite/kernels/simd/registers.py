"""Vectors of float32 as a type that Numba's compiled code can hold: each operation is a few instructions.

LLVM vectorises plain loops, but it does not keep a tile of sums in registers. Here the registers are ours. `Vector(n)`
is n hardware registers of WIDTH numbers each, an ordinary value of compiled code: assigned, passed on, looped over. How
many numbers a register has is read from what Numba compiles for, which is this processor unless Numba's settings say
otherwise, when this module is imported; code written in lanes, panels and rows (`simd/tile.py`) runs on any of them,
and where there is no vector unit LLVM takes the vectors apart.

    width   16 with AVX-512, 8 with AVX2, 4 with NEON and elsewhere

Positions are element numbers in a one-dimensional, contiguous array; nothing is checked against its length. No
operation rounds more than once or reassociates, so all of them equal NumPy's bit for bit, except `exp2` and
`exp2_scaled` (see there).

Environment: `ATTNSITE_VECTOR_WIDTH` (4, 8 or 16) takes another width, for tests and for comparing.
"""

import os
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config, extending, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import models, register_model

from attnsite.kernels.plain.exponential import fit_exp2

intrinsic: Any = extending.intrinsic  # whose own types say nothing about what compiled code passes
_CPU: Any = config.CPU_NAME or llvmlite.binding.get_host_cpu_name()  # type: ignore[attr-defined]
_TOLD: str | None = config.CPU_FEATURES  # type: ignore[attr-defined]
FEATURES = get_host_cpu_features() if _TOLD is None else _TOLD  # such as "+avx2,-avx512f"
_NATIVE = 16 if "+avx512f" in FEATURES.split(",") else 8 if "+avx2" in FEATURES.split(",") else 4
_ASKED = os.environ.get("ATTNSITE_VECTOR_WIDTH") or str(_NATIVE)
if _ASKED not in ("4", "8", "16"):
    raise ValueError(f"ATTNSITE_VECTOR_WIDTH is {_ASKED}: make it 4, 8 or 16, or leave it out")
WIDTH = int(_ASKED)


def compiled_for_here(text: str) -> str:
    """The assembly that LLVM makes of a module for the processor that Numba compiles for."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    machine = llvmlite.binding.Target.from_default_triple().create_target_machine(cpu=_CPU, features=FEATURES)
    return str(machine.emit_assembly(llvmlite.binding.parse_assembly(text)))


# Without the instruction llvm.fma becomes a call of the C library for each number.
FUSED = "fmaf" not in compiled_for_here(
    """define float @one(float %x) { %y = call float @llvm.fma.f32(float %x, float %x, float %x)
    ret float %y }
    declare float @llvm.fma.f32(float, float, float)"""
)

_FLOAT, INT, INDEX = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR, _INTS, _BITS = ir.VectorType(_FLOAT, WIDTH), ir.VectorType(INT, WIDTH), ir.VectorType(ir.IntType(1), WIDTH)
_IDENTITY = list(range(WIDTH))


class Vector(types.Type):
    """`count` registers side by side: count × WIDTH numbers."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(name=f"Vector({count}, {WIDTH})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.ArrayType(_VECTOR, kind.count))


def parts(builder: Any, value: Any) -> list[Any]:
    """The registers of a Vector value (or of a tile of them), as LLVM vectors."""
    return [builder.extract_value(value, i) for i in range(value.type.count)]


def pack(builder: Any, vectors: list[Any]) -> Any:
    value = ir.Constant(ir.ArrayType(_VECTOR, len(vectors)), ir.Undefined)
    for i, vector in enumerate(vectors):
        value = builder.insert_value(value, vector, i)
    return value


def address(context: Any, builder: Any, kind: Any, array: Any, index: Any, what: Any = _VECTOR) -> Any:
    """Where element `index` of a Numba array, or behind a pointer, lies, as a pointer to `what`."""
    pointer = isinstance(kind, types.CPointer)
    data = array if pointer else context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index], inbounds=True), what.as_pointer())


def shift_index(builder: Any, index: Any, by: int) -> Any:
    return builder.add(index, ir.Constant(INDEX, by)) if by else index


def splat(builder: Any, number: Any, kind: Any = _VECTOR) -> Any:
    empty = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(INT, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(_INTS, [0] * WIDTH))


def constant(number: float) -> Any:
    return ir.Constant(_VECTOR, [float(np.float32(number))] * WIDTH)


def multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    if not FUSED:
        return builder.fadd(builder.fmul(x, y), z)
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f32"), [x, y, z])


def aligned(instruction: Any) -> Any:
    instruction.align = 4  # of a float: rows begin anywhere
    return instruction


def _lanewise(names: int, emit: Callable[..., Any], doc: str) -> Any:
    """An operation on each register of `names` arguments alike."""

    def generate(context, builder, signature, arguments):
        columns = zip(*(parts(builder, argument) for argument in arguments), strict=True)
        return pack(builder, [emit(builder, *column) for column in columns])

    def typed(*kinds):
        kind = kinds[0]
        alike = isinstance(kind, Vector) and all(other == kind for other in kinds)
        return (kind(*kinds), generate) if alike else None  # None: Numba reports a wrong call

    operation: Any = {
        1: lambda typing, x: typed(x),
        2: lambda typing, x, y: typed(x, y),
        3: lambda typing, x, y, z: typed(x, y, z),
    }[names]
    operation.__doc__ = doc
    return intrinsic(operation)


def emit_maximum(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


_COEFFICIENTS = fit_exp2(5)  # relative error 1.0e-7


def _exp2(builder, x, scale=None):
    """2^x, or 2^(x · scale), whose product is then never rounded by itself."""
    # AVX-512 has instructions for the rest of rounding and for scaling by a power of two (vreduceps, vscalefps), which
    # give the same bits in eight instructions instead of eleven. Tried: prefill with heads of 32 was 3 % faster, with
    # wider ones 1 % or less, which is not worth another way for one kind of processor.
    lowest, rounder = constant(-127.0), constant(1.5 * 2**23 + 127)
    lowest = lowest if scale is None else builder.fdiv(lowest, scale)
    x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)  # keeps NaN

    def plus(number):
        return builder.fadd(x, number) if scale is None else multiply_add(builder, x, scale, number)

    shifted = plus(rounder)  # the whole part, and 127 more, is now in the lowest bits
    fraction = plus(builder.fsub(rounder, shifted))
    power = constant(_COEFFICIENTS[-1])
    for coefficient in (*_COEFFICIENTS[-2::-1], 1.0):
        power = multiply_add(builder, power, fraction, constant(coefficient))
    exponent = builder.shl(builder.bitcast(shifted, _INTS), ir.Constant(_INTS, [23] * WIDTH))
    # Multiplied, not added to the exponent's bits: a NaN whatever its bits stays one, and 2^-127 becomes 0.
    return builder.fmul(power, builder.bitcast(exponent, _VECTOR))


add = _lanewise(2, lambda b, x, y: b.fadd(x, y), "x + y")
subtract = _lanewise(2, lambda b, x, y: b.fsub(x, y), "x − y")
multiply = _lanewise(2, lambda b, x, y: b.fmul(x, y), "x · y")
divide = _lanewise(2, lambda b, x, y: b.fdiv(x, y), "x / y")
fma = _lanewise(3, multiply_add, "x · y + z, rounded once where the processor can (FUSED)")
maximum = _lanewise(2, emit_maximum, "The larger of x and y; y where either is NaN")
exp2 = _lanewise(1, _exp2, """2^x for x ≤ 127, relative error at most 2e-7; exactly 0 for x ≤ −127, NaN for NaN.

The whole part is rounded off by adding 1.5·2²³ and put into the exponent's bits; a polynomial of degree 5 does the
rest. Below −126 the result has too few bits, as subnormal numbers have, or is 0.""")  # fmt: skip


@intrinsic
def exp2_scaled(typing, lanes, scale):
    """2^(x · scale) as `exp2` computes it, for a float32 scale above 0: exactly 1 for x = 0, however large the scale.

    The product is rounded as a part of what follows, never by itself. So the weight of a score is
    exp2_scaled(score − maximum, scale): the difference is taken first, and what is lost when a large score is scaled
    is never seen.
    """

    def generate(context, builder, signature, arguments):
        scale = splat(builder, arguments[1])
        return pack(builder, [_exp2(builder, x, scale) for x in parts(builder, arguments[0])])

    return (lanes(lanes, types.float32), generate) if isinstance(lanes, Vector) else None


def _is_flat(kind: Any) -> bool:
    """Whether registers can be filled from it: float32, a one-dimensional, contiguous array or a pointer."""
    if isinstance(kind, types.CPointer):
        return bool(kind.dtype == types.float32)
    return isinstance(kind, types.Array) and kind.dtype == types.float32 and kind.ndim == 1 and kind.layout == "C"


@intrinsic
def pointer(typing, array):
    """Where the numbers of a contiguous array begin: indexed like it, and valid for as long as its caller holds it.

    Numba counts who holds an array, and a record of arrays is counted anew each time that it is passed on or read; a
    pointer costs nothing, and is of one type whether or not its numbers may be written.
    """

    def generate(context, builder, signature, arguments):
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    flat = isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C"
    return (types.CPointer(array.dtype)(array), generate) if flat else None


@intrinsic(prefer_literal=True)
def load(typing, array, index, count):
    """`count` registers from array[index …]; `count` is a constant."""

    def generate(context, builder, signature, arguments):
        base, start = arguments[:2]
        starts = [shift_index(builder, start, i * WIDTH) for i in range(count.literal_value)]
        at = [address(context, builder, signature.args[0], base, s) for s in starts]
        return pack(builder, [aligned(builder.load(pointer)) for pointer in at])

    return (Vector(count.literal_value)(array, types.int64, count), generate) if _is_flat(array) else None


@intrinsic
def store(typing, array, index, lanes):
    """array[index …] = lanes"""

    def generate(context, builder, signature, arguments):
        base, start, value = arguments
        for i, vector in enumerate(parts(builder, value)):
            at = address(context, builder, signature.args[0], base, shift_index(builder, start, i * WIDTH))
            aligned(builder.store(vector, at))
        return context.get_dummy_value()

    return (types.void(array, types.int64, lanes), generate) if _is_flat(array) else None


@intrinsic(prefer_literal=True)
def broadcast(typing, number, count):
    """The float32 `number` in every lane of `count` registers; `count` is a constant."""

    def generate(context, builder, signature, arguments):
        return pack(builder, [splat(builder, arguments[0])] * count.literal_value)

    return Vector(count.literal_value)(types.float32, count), generate


@intrinsic
def between(typing, lanes, low, high, other):
    """Lane i keeps its number where low ≤ i < high; elsewhere it gets the float32 `other`."""

    def generate(context, builder, signature, arguments):
        value, low, high, other = arguments
        most = ir.Constant(INDEX, 1 << 30)
        least = ir.Constant(INDEX, -(1 << 30))

        def limit(index):  # as 32 bits, whatever it was
            index = builder.select(builder.icmp_signed(">", index, most), most, index)
            index = builder.select(builder.icmp_signed("<", index, least), least, index)
            return splat(builder, builder.trunc(index, INT), _INTS)

        low, high, other = limit(low), limit(high), splat(builder, other)
        kept = []
        for i, vector in enumerate(parts(builder, value)):
            lane = ir.Constant(_INTS, [i * WIDTH + j for j in _IDENTITY])
            inside = builder.and_(builder.icmp_signed(">=", lane, low), builder.icmp_signed("<", lane, high))
            kept.append(builder.select(inside, vector, other))
        return pack(builder, kept)

    return lanes(lanes, types.int64, types.int64, types.float32), generate


@intrinsic
def where_equal(typing, lanes, number, then):
    """Vector that equal the float32 `number` become the float32 `then`."""

    def generate(context, builder, signature, arguments):
        number, then = splat(builder, arguments[1]), splat(builder, arguments[2])
        vectors = parts(builder, arguments[0])
        return pack(builder, [builder.select(builder.fcmp_ordered("==", x, number), then, x) for x in vectors])

    return lanes(lanes, types.float32, types.float32), generate


def _fold(builder, vectors, join):
    """All numbers of some registers joined into one, by halves: the same order on every machine of this width."""
    while len(vectors) > 1:
        vectors = [join(builder, *pair) for pair in zip(vectors[::2], vectors[1::2], strict=False)] + (
            vectors[-1:] if len(vectors) % 2 else []
        )
    [vector] = vectors
    step = WIDTH // 2
    while step:
        turned = ir.Constant(_INTS, [(i + step) % WIDTH for i in _IDENTITY])
        vector = join(builder, vector, builder.shuffle_vector(vector, vector, turned))
        step //= 2
    return builder.extract_element(vector, ir.Constant(INT, 0))


@intrinsic
def total(typing, lanes):
    """The sum of all lanes, by halves."""

    def generate(context, builder, signature, arguments):
        return _fold(builder, parts(builder, arguments[0]), lambda b, x, y: b.fadd(x, y))

    return types.float32(lanes), generate


@intrinsic
def largest(typing, lanes):
    """The largest of all lanes; NaN may be passed over."""

    def generate(context, builder, signature, arguments):
        return _fold(builder, parts(builder, arguments[0]), emit_maximum)

    return types.float32(lanes), generate
