"""Moving vectors about: blocks transposed in registers, memory fetched ahead, a counter that threads share."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from attnsite.kernels.simd.registers import INDEX, INT, WIDTH, Vector, address, aligned, intrinsic, parts

_BYTE = ir.IntType(8)


def half_masks(half: int) -> tuple[Any, Any]:
    """Of two vectors, what two rows exchange: lanes with the bit `half` unset of both, and lanes with it set."""
    mask = ir.VectorType(INT, WIDTH)
    low = [j if not j & half else WIDTH + j - half for j in range(WIDTH)]
    high = [j + half if not j & half else WIDTH + j for j in range(WIDTH)]
    return ir.Constant(mask, low), ir.Constant(mask, high)


def exchange(builder: Any, x: Any, y: Any, half: int) -> Any:
    """x added up with itself where the lane's bit `half` is unset, y where it is set: lane i and lane i ^ half.

    A blend and one shuffle: the two shuffles of `half_masks` both wait for the one unit that AVX-512 has for them.
    """
    own = [j if not j & half else WIDTH + j for j in range(WIDTH)]
    other = [j + half if not j & half else WIDTH + j - half for j in range(WIDTH)]
    mask = ir.VectorType(INT, WIDTH)
    return builder.fadd(*(builder.shuffle_vector(x, y, ir.Constant(mask, lanes)) for lanes in (own, other)))


def _turn(builder: Any, rows: list[Any]) -> list[Any]:
    """WIDTH vectors transposed: in log2(WIDTH) steps, rows i and i + half exchange the halves that are out of place."""
    half = 1
    while half < WIDTH:
        low, high = half_masks(half)
        turned = list(rows)
        for i in (i for i in range(WIDTH) if not i & half):
            turned[i] = builder.shuffle_vector(rows[i], rows[i + half], low)
            turned[i + half] = builder.shuffle_vector(rows[i], rows[i + half], high)
        rows, half = turned, 2 * half
    return rows


@intrinsic
def transpose(typing, source, start, step, target, to, to_step, factor):
    """target[to + j·to_step + i] = source[start + i·step + j] · factor[j] for i, j below WIDTH; factor is Vector(1)."""
    if not (isinstance(factor, Vector) and factor.count == 1):
        return None

    def generate(context, builder, signature, arguments):
        source, start, step, target, to, to_step, factor = arguments
        [factor] = parts(builder, factor)

        def at(kind, array, first, by, i):
            index = builder.add(first, builder.mul(by, ir.Constant(INDEX, i)))
            return address(context, builder, kind, array, index)

        loads = [aligned(builder.load(at(signature.args[0], source, start, step, i))) for i in range(WIDTH)]
        for j, vector in enumerate(_turn(builder, [builder.fmul(x, factor) for x in loads])):
            aligned(builder.store(vector, at(signature.args[3], target, to, to_step, j)))
        return context.get_dummy_value()

    index = types.int64
    return types.void(source, index, index, target, index, index, factor), generate


def _prefetching(locality: int, doc: str) -> Any:
    def prefetch(typing, array, index):
        def generate(context, builder, signature, arguments):
            at = address(context, builder, signature.args[0], arguments[0], arguments[1], _BYTE)
            kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), INT, INT, INT])
            call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(call, [at, *(ir.Constant(INT, what) for what in (0, locality, 1))])  # read, how near, data
            return context.get_dummy_value()

        return types.void(array, types.int64), generate

    prefetch.__doc__ = doc
    return intrinsic(prefetch)


prefetch = _prefetching(
    3,
    """Ask for the cache line of array[index], for reading, into every cache.

The index may lie outside the array.""",
)
prefetch_second = _prefetching(
    2,
    """The same into all caches but the nearest.

Requests for more than that holds end sooner so: 10.7 GB/s for 9.2, on one core of an Ice Lake.""",
)


@intrinsic
def as_bytes(typing, array):
    """The bytes behind a pointer to numbers, as a pointer to uint8."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _BYTE.as_pointer())

    return types.CPointer(types.uint8)(array), generate


@intrinsic
def fetch_add(typing, counter, index, by):
    """Add `by` to the int64 counter[index] as one step that no other thread can come between; what it was before."""

    def generate(context, builder, signature, arguments):
        at = address(context, builder, signature.args[0], arguments[0], arguments[1], INDEX)
        return builder.atomic_rmw("add", at, arguments[2], "monotonic")

    return types.int64(counter, types.int64, types.int64), generate
