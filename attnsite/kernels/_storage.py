"""Sixteen-bit storage: float16 and bfloat16 numbers, read as float32 and rounded once when written.

NumPy has no bfloat16, so its numbers are given as their bits in uint16, as `x.view(torch.uint16).numpy()` does.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from attnsite.kernels._simd import WIDTH, Lanes, address, intrinsic, pack, shift_index

FLOAT32, FLOAT16, BFLOAT16, INT8 = 0, 1, 2, 3
_FLOAT32 = np.dtype(np.float32)
_KINDS = {_FLOAT32: FLOAT32, np.dtype(np.float16): FLOAT16, np.dtype(np.uint16): BFLOAT16}
_HALF, _BYTE, _SHORT, _INT, _FLOAT = ir.HalfType(), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.FloatType()


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


def _widen(builder: Any, number: Any, kind: Any) -> Any:
    brain = builder.bitcast(builder.shl(builder.zext(number, _INT), ir.Constant(_INT, 16)), _FLOAT)
    half = builder.fpext(builder.bitcast(number, _HALF), _FLOAT)
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

    return Lanes(count.literal_value)(array, types.int64, kind, count), generate


def _widened(builder: Any, bits: Any, which: int) -> Any:
    ints, floats = ir.VectorType(_INT, WIDTH), ir.VectorType(_FLOAT, WIDTH)
    if which == INT8:
        return builder.sitofp(builder.sext(bits, ints), floats)
    if which == FLOAT16:
        return builder.fpext(builder.bitcast(bits, ir.VectorType(_HALF, WIDTH)), floats)
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
    half = builder.bitcast(builder.fptrunc(number, _HALF), _SHORT)
    return builder.select(builder.icmp_signed("==", kind, ir.Constant(kind.type, FLOAT16)), half, brain)
