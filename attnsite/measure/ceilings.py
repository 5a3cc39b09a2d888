"""What the machine can do at most, measured beside the kernels: reading memory, a matrix product, multiply-adds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import get_num_threads, njit, prange

from attnsite.kernels.plain.blas import multiply
from attnsite.kernels.simd.tile import LANES, ROWS, product, put
from attnsite.measure import machine

_DEPTH = 1 << 21  # multiply-adds into each sum


@dataclass(frozen=True)
class Ceiling:
    """`call()` does `work` bytes or FLOPs, as `unit` says."""

    call: Callable[[], object]
    unit: str
    work: int


def make(name: str) -> Ceiling:
    """The ceiling of that name, read, matmul or fma, for as many threads as Numba has now; compiled and warm."""
    made = {"read": read, "matmul": matmul, "fma": fma}[name](get_num_threads())
    made.call()
    return made


@cache
def read(threads: int, elements: int | None = None) -> Ceiling:
    """Add up a buffer of `buffer_bytes` in parts that the threads share; of another size in a test."""
    buffer = _buffer(elements or buffer_bytes(machine.last_cache_bytes()) // 4)
    parts = 16 * threads
    return Ceiling(lambda: _sum(buffer, parts), "bytes", buffer.nbytes)


def buffer_bytes(last_cache: int) -> int:
    """Bytes that are read: eight times the last cache, at least 256 MiB and at most 2 GiB."""
    return min(max(8 * last_cache, 256 << 20), 2 << 30)


@cache
def _buffer(elements: int) -> np.ndarray:
    return np.ones(elements, np.float32)


@cache
def matmul(threads: int, size: int = 1536) -> Ceiling:
    """A square float32 matrix product by BLAS, 2·size³ FLOPs, with the threads shared out as `cpu_blas` does it."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, size, size), dtype=np.float32)
    out = np.empty_like(a)

    def call() -> np.ndarray:
        multiply([(a, b, out)])
        return out

    return Ceiling(call, "flops", 2 * size**3)


@cache
def fma(threads: int, depth: int = _DEPTH) -> Ceiling:
    """`depth` multiply-adds into each sum on every thread and nothing else: tiles of sums that stay in registers.

    The loop is that of the explicit-SIMD kernels, with operands that never change. A polynomial by Horner's rule over
    elements in the nearest cache, which LLVM vectorises by itself, was tried first: with AVX-512 it reaches two thirds
    of this, since LLVM prefers narrower vectors.
    """
    sums = np.empty((threads, ROWS * LANES), np.float32)
    operands = np.full(ROWS + LANES, 1e-3, np.float32)
    work = 2 * ROWS * LANES * depth * threads
    return Ceiling(lambda: _multiply_add(operands, sums, depth), "flops", work)


def probe(threads: int) -> Callable[[], object]:
    """A call of some hundredths of a second that keeps so many threads busy, and nothing else."""
    return fma(threads, 6 * _DEPTH).call


@njit(parallel=True, cache=True)
def _sum(buffer, parts):
    sums = np.zeros(parts, np.float32)
    for part in prange(parts):
        sums[part] = _sum_part(buffer[buffer.size * part // parts : buffer.size * (part + 1) // parts])
    return sums.sum()


@njit(cache=True, fastmath=True)
def _sum_part(part):
    total = np.float32(0)
    for i in range(len(part)):
        total += part[i]
    return total


@njit(parallel=True, cache=True)
def _multiply_add(operands, sums, depth):
    for thread in prange(sums.shape[0]):
        put(sums[thread], 0, LANES, product(ROWS, operands, 0, 1, 0, operands, ROWS, 0, depth))
