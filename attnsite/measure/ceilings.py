"""What the machine can do at most, measured beside the kernels: reading memory, a matrix product, multiply-adds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import get_num_threads, njit, prange

from attnsite.measure import machine

_LANES = 256  # independent accumulators of a thread: enough for two 512-bit pipelines with a latency of four
_STEPS = 1 << 16


@dataclass(frozen=True)
class Ceiling:
    """`call()` does `work` bytes or FLOPs, as `unit` says."""

    call: Callable[[], object]
    unit: str
    work: int


def make(name: str) -> Ceiling:
    """The ceiling of that name: read, matmul or fma."""
    return {"read": read, "matmul": matmul, "fma": fma}[name]()


def read() -> Ceiling:
    """Add up a buffer eight times as large as the last cache, in as many parts as there are threads."""
    elements = max(8 * machine.last_cache_bytes(), 256 << 20) // 4
    buffer = np.ones(min(elements, 512 << 20), np.float32)
    parts = 16 * get_num_threads()
    return Ceiling(lambda: _sum(buffer, parts), "bytes", buffer.nbytes)


def matmul(size: int = 1536) -> Ceiling:
    """A square float32 matrix product by BLAS, 2·size³ FLOPs."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, size, size), dtype=np.float32)
    out = np.empty_like(a)
    return Ceiling(lambda: np.matmul(a, b, out=out), "flops", 2 * size**3)


def fma() -> Ceiling:
    """Multiply-adds on registers, on every thread."""
    sink = np.zeros((get_num_threads(), _LANES), np.float32)
    return Ceiling(lambda: _multiply_add(sink, _STEPS), "flops", 2 * _STEPS * sink.size)


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


@njit(parallel=True, cache=True, fastmath={"contract"})
def _multiply_add(sink, steps):
    for thread in prange(sink.shape[0]):
        lanes = np.empty(_LANES, np.float32)
        lanes[:] = np.float32(1) + np.float32(thread)
        for _ in range(steps):
            for i in range(_LANES):
                lanes[i] = lanes[i] * np.float32(0.999) + np.float32(0.001)
        for i in range(_LANES):
            sink[thread, i] = lanes[i]
