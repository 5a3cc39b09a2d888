"""What the GPU can do at most, measured beside the kernels: copying memory, multiply-adds, products of tensor cores."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from attnsite.kernels.cuda import ptx
from attnsite.kernels.cuda.driver import SIMULATED, cuda, float32, jit, uint32
from attnsite.measure.ceilings import Ceiling
from attnsite.measure.gpu import clock as gpu_clock

COPIED = 1 << 30  # bytes, many times the last cache of any GPU
THREADS = 32 if SIMULATED else 256
SUMS = 16  # chains of multiply-adds of a thread: more than their latency needs
TURNS = 4096


def make(name: str) -> Ceiling:
    """The GPU's ceiling for what "read", "fma" and "matmul" stand for on a CPU; compiled and warm.

    Raises KeyError for another name.
    """
    made = {"read": copy, "fma": fma, "matmul": tensor_cores}[name]()
    made.call()
    cuda.synchronize()
    return made


def measure(made: Ceiling) -> Callable[[], float]:
    """A `measure` for a Contestant: the GPU's own seconds, with cold caches as for the kernels."""
    return gpu_clock.between_events(made.call)


@cache
def copy(size: int = COPIED) -> Ceiling:
    """Copy from one buffer to another by the driver; every byte is read once and written once."""
    source, target = (cuda.device_array(size, np.uint8) for _ in range(2))
    return Ceiling(lambda: target.copy_to_device(source), "bytes", 2 * size)


@cache
def fma(turns: int = TURNS) -> Ceiling:
    """float32 multiply-adds on every multiprocessor and nothing else."""
    blocks, out = _blocks(), cuda.device_array(_blocks() * THREADS, np.float32)
    work = 2 * SUMS * turns * blocks * THREADS
    return Ceiling(lambda: _multiply_add[blocks, THREADS](out, np.float32(0.5), np.float32(1), turns), "flops", work)


@cache
def tensor_cores(turns: int = TURNS) -> Ceiling:
    """bfloat16 products of 16 × 16 by 16 × 8 on every multiprocessor, from registers; 4096 FLOPs each."""
    blocks, out = _blocks(), cuda.device_array(_blocks() * THREADS, np.float32)
    work = 4096 * (SUMS // 2) * turns * blocks * (THREADS // 32)
    return Ceiling(lambda: _multiply_tiles[blocks, THREADS](out, turns), "flops", work)


def _blocks() -> int:
    """Enough to fill every multiprocessor."""
    return 1 if SIMULATED else 8 * int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


@jit
def _multiply_add(out, factor, term, turns):
    """Sums that converge to term / (1 − factor); all are used, so that none is left out."""
    sums = cuda.local.array(SUMS, float32)
    for i in range(SUMS):
        sums[i] = np.float32(i)
    for _ in range(turns):
        for i in range(SUMS):
            sums[i] = sums[i] * factor + term
    total = np.float32(0)
    for i in range(SUMS):
        total += sums[i]
    out[cuda.grid(1)] = total


multiply: Any = ptx.multiply_bf16


@jit
def _multiply_tiles(out, turns):
    """Sums of ones times ones: each product adds 16 to every element."""
    sums = cuda.local.array((SUMS // 2, 4), float32)
    ones = uint32(0x3F803F80)
    for i in range(SUMS // 2):
        for e in range(4):
            sums[i, e] = np.float32(0)
    for _ in range(turns):
        for i in range(SUMS // 2):
            four = multiply(ones, ones, ones, ones, ones, ones, sums[i, 0], sums[i, 1], sums[i, 2], sums[i, 3])
            for e in range(4):
                sums[i, e] = four[e]
    total = np.float32(0)
    for i in range(SUMS // 2):
        for e in range(4):
            total += sums[i, e]
    out[cuda.grid(1)] = total
