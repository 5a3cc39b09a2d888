"""Sixteen-bit storage: float16 and bfloat16 numbers, read as float32 and rounded once when written.

NumPy has no bfloat16, so its numbers are given as their bits in uint16, as `x.view(torch.uint16).numpy()` does.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from attnsite.kernels.simd.registers import (
    INDEX,
    WIDTH,
    Vector,
    address,
    compiled_for_here,
    intrinsic,
    pack,
    shift_index,
)  # fmt: skip

FLOAT32, FLOAT16, BFLOAT16, INT8 = 0, 1, 2, 3
_FLOAT32 = np.dtype(np.float32)
_KINDS = {_FLOAT32: FLOAT32, np.dtype(np.float16): FLOAT16, np.dtype(np.uint16): BFLOAT16}
_HALF, _BYTE, _SHORT, _INT, _FLOAT = ir.HalfType(), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.FloatType()
# x86 before F16C has no instruction for float16, and LLVM calls a function that Numba does not bring: it would end the
# process. There, halves are widened and rounded by whole numbers.
_CONVERSIONS = compiled_for_here(
    """define float @widen(half %x) { %y = fpext half %x to float
    ret float %y }
    define half @narrow(float %x) { %y = fptrunc float %x to half
    ret half %y }"""
)
HALVES = not any(name in _CONVERSIONS for name in ("__extendhf", "__truncsfhf", "__gnu_h2f", "__gnu_f2h"))


def storage(dtype: np.dtype, expected: int | None = None) -> int:
    """How numbers of this type are stored; raises ValueError for a type that no kernel reads."""
    if expected == INT8 and dtype == np.int8:
        return INT8
    try:
        return _KINDS[dtype]
    except KeyError:
        raise ValueError(f"numbers of type {dtype}: give float32, float16, or bfloat16 as its bits in uint16") from None


def bits(array: np.ndarray) -> np.ndarray:
    """The array as compiled code takes it: float32, or uint16 whatever it stands for."""
    return array if array.dtype is _FLOAT32 else array.view(np.uint16)


@intrinsic
def read(typing, array, index, kind):
    """The uint16 array[index] as float32; `kind`, FLOAT16 or BFLOAT16, says what its bits stand for."""

    def generate(context, builder, signature, arguments):
        at = address(context, builder, signature.args[0], arguments[0], arguments[1], _SHORT)
        return _widen(builder, builder.load(at), arguments[2])

    return types.float32(array, types.int64, types.int64), generate


@intrinsic
def read_int8(typing, array, index):
    """The code at byte `index` of a uint16 array that holds int8, as float32; not scaled."""

    def generate(context, builder, signature, arguments):
        start = address(context, builder, signature.args[0], arguments[0], ir.Constant(INDEX, 0), _BYTE)
        code = builder.load(builder.gep(start, [arguments[1]]))
        return builder.sitofp(code, _FLOAT)

    return types.float32(array, types.int64), generate


def _widen(builder: Any, number: Any, kind: Any) -> Any:
    brain = builder.bitcast(builder.shl(builder.zext(number, _INT), ir.Constant(_INT, 16)), _FLOAT)
    half = widen_half(builder, number, _INT, _FLOAT)
    return builder.select(builder.icmp_signed("==", kind, ir.Constant(kind.type, FLOAT16)), half, brain)


@intrinsic(prefer_literal=True)
def read_lanes(typing, array, index, kind, count):
    """`count` registers from the uint16 array's element `index` on, as `read` gives its numbers.

    `kind` and `count` are constants. INT8's index counts bytes; its codes are not scaled yet.
    """
    which = kind.literal_value

    def generate(context, builder, signature, arguments):
        base, index = arguments[:2]
        stored = ir.VectorType(_BYTE if which == INT8 else _SHORT, WIDTH)
        start = address(context, builder, signature.args[0], base, ir.Constant(index.type, 0), stored.element)
        made = []
        for i in range(count.literal_value):
            at = builder.bitcast(builder.gep(start, [shift_index(builder, index, i * WIDTH)]), stored.as_pointer())
            made.append(_widened(builder, builder.load(at, align=1 if which == INT8 else 2), which))
        return pack(builder, made)

    return Vector(count.literal_value)(array, types.int64, kind, count), generate


def _widened(builder: Any, bits: Any, which: int) -> Any:
    ints, floats = ir.VectorType(_INT, WIDTH), ir.VectorType(_FLOAT, WIDTH)
    if which == INT8:
        return builder.sitofp(builder.sext(bits, ints), floats)
    if which == FLOAT16:
        return widen_half(builder, bits, ints, floats)
    shifted = builder.shl(builder.zext(bits, ints), ir.Constant(ints, [16] * WIDTH))
    return builder.bitcast(shifted, floats)


@intrinsic
def write(typing, array, index, kind, number):
    """The uint16 array[index] = number, rounded to nearest, ties to even; NaN stays NaN."""

    def generate(context, builder, signature, arguments):
        base, index, kind, number = arguments
        at = address(context, builder, signature.args[0], base, index, _SHORT)
        builder.store(_narrow(builder, number, kind), at)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, types.float32), generate


def _narrow(builder: Any, number: Any, kind: Any) -> Any:
    whole = builder.bitcast(number, _INT)
    odd = builder.and_(builder.lshr(whole, ir.Constant(_INT, 16)), ir.Constant(_INT, 1))
    rounded = builder.add(whole, builder.add(odd, ir.Constant(_INT, 0x7FFF)))
    rounded = builder.select(builder.fcmp_unordered("uno", number, number), ir.Constant(_INT, 0x7FC00000), rounded)
    brain = builder.trunc(builder.lshr(rounded, ir.Constant(_INT, 16)), _SHORT)
    half = narrow_half(builder, number)
    return builder.select(builder.icmp_signed("==", kind, ir.Constant(kind.type, FLOAT16)), half, brain)


def widen_half(builder: Any, bits: Any, ints: Any, floats: Any, instruction: bool = HALVES) -> Any:
    """float16's bits as float32, exactly; a NaN keeps its sign and digits and is a quiet one. Scalars or vectors."""
    if instruction:
        halves = ir.VectorType(_HALF, WIDTH) if isinstance(ints, ir.VectorType) else _HALF
        return builder.fpext(builder.bitcast(bits, halves), floats)

    def number(value: int) -> Any:
        return ir.Constant(ints, [value] * WIDTH if isinstance(ints, ir.VectorType) else value)

    wide = builder.zext(bits, ints)
    sign = builder.shl(builder.and_(wide, number(0x8000)), number(16))
    size = builder.shl(builder.and_(wide, number(0x7FFF)), number(13))
    moved = builder.add(size, number((127 - 15) << 23))  # the exponent counts from another number
    largest = builder.add(size, number((255 - 31) << 23))
    quiet = builder.select(builder.icmp_unsigned(">", size, number(0x7C00 << 13)), number(0x400000), number(0))
    largest = builder.or_(largest, quiet)  # infinity and NaN
    # Subnormal: 2^-14 · (1 + digits) − 2^-14, which the processor normalises.
    least = builder.bitcast(number((127 - 14) << 23), floats)
    small = builder.fsub(builder.bitcast(builder.add(size, number((127 - 14) << 23)), floats), least)
    found = builder.select(builder.icmp_unsigned(">=", size, number(0x7C00 << 13)), largest, moved)
    subnormal = builder.icmp_unsigned("<", size, number(0x0400 << 13))
    found = builder.select(subnormal, builder.bitcast(small, ints), found)
    return builder.bitcast(builder.or_(found, sign), floats)


def narrow_half(builder: Any, number: Any, instruction: bool = HALVES) -> Any:
    """A float32 as float16's bits, rounded to nearest, ties to even; a NaN keeps its sign and first digits, quiet."""
    if instruction:
        return builder.bitcast(builder.fptrunc(number, _HALF), _SHORT)

    def constant(value: int) -> Any:
        return ir.Constant(_INT, value)

    bits = builder.bitcast(number, _INT)
    sign = builder.and_(builder.lshr(bits, constant(16)), constant(0x8000))
    size = builder.and_(bits, constant(0x7FFFFFFF))
    odd = builder.and_(builder.lshr(size, constant(13)), constant(1))
    rounded = builder.add(builder.add(size, constant(0xFFF)), odd)
    whole = builder.lshr(builder.sub(rounded, constant((127 - 15) << 23)), constant(13))
    whole = builder.select(builder.icmp_unsigned(">=", size, constant(0x477FF000)), constant(0x7C00), whole)
    digits = builder.or_(builder.and_(builder.lshr(size, constant(13)), constant(0x3FF)), constant(0x7E00))
    whole = builder.select(builder.icmp_unsigned(">", size, constant(0x7F800000)), digits, whole)
    # Below 2^-14 added to 1/2, whose last digit weighs as much as the last of a subnormal half: the sum is rounded so.
    half = ir.Constant(_FLOAT, 0.5)
    small = builder.bitcast(builder.fadd(builder.bitcast(size, _FLOAT), half), _INT)
    small = builder.sub(small, builder.bitcast(half, _INT))
    whole = builder.select(builder.icmp_unsigned("<", size, constant((127 - 14) << 23)), small, whole)
    return builder.trunc(builder.or_(whole, sign), _SHORT)
