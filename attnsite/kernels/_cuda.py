"""The only door to CUDA: numba-cuda's `cuda`, `jit` and `float32`, or stand-ins that say what is missing.

numba-cuda is an extra and in maintenance; whoever moves the kernels to its successor changes this file. numba-cuda puts
itself in the place of Numba's own, deprecated `numba.cuda`; where it has not, there is no CUDA here, so that the
deprecated one is never used by accident. Without numba-cuda the kernels' modules can still be imported and read.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MISSING = "numba-cuda is not installed (pip install 'attnsite[cuda]')"
SIMULATOR = "the CUDA simulator is on (NUMBA_ENABLE_CUDASIM), whose times mean nothing"
MOST = 65_535  # blocks along the second and third side of a grid

cuda: Any = None
float32: Any = None
INSTALLED = SIMULATED = False
try:
    from numba import cuda as found

    INSTALLED = getattr(found, "implementation", "") == "NVIDIA"
except ImportError:  # a later Numba, without a CUDA of its own
    pass


class Missing:
    """In the place of the decorator: a kernel can be named and read, and a launch says what is missing."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.py_func = function

    def __getitem__(self, configuration: object) -> Any:
        raise NotImplementedError(MISSING)


jit: Any = Missing
if INSTALLED:
    cuda = found
    jit, float32, SIMULATED = cuda.jit, cuda.types.float32, bool(cuda.config.ENABLE_CUDASIM)
    cuda.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # too few blocks is what some workloads ask about


@dataclass(frozen=True)
class Entry:
    """A kernel as the compiler sees it: a launch that `attention` makes, with the types of its arguments."""

    name: str
    kernel: Any
    signature: str  # such as "void(float32[:, ::1], boolean)"
    threads: int  # of a block


class Scratch:
    """A float32 array on the device, kept from call to call: no call but the first of a shape allocates memory."""

    def __init__(self) -> None:
        self.array: Any = None

    def __call__(self, *shape: int) -> Any:
        if self.array is None or self.array.shape != shape:
            self.array = None  # frees the old one first
            self.array = cuda.device_array(shape, np.float32)
        return self.array


def available() -> tuple[bool, str]:
    """Can kernels be timed here, and if not, why not, in one clear sentence."""
    if not INSTALLED:
        return False, MISSING
    if SIMULATED:
        return False, SIMULATOR
    try:
        if cuda.is_available():
            return True, ""
        problem = cuda.cuda_error()
    except Exception as error:  # a driver that is there and broken may raise anything
        problem = error
    told = str(problem).strip().splitlines() if problem else ["NVVM, the compiler, is not installed"]
    return False, f"no CUDA here: {told[0].rstrip('.:')}" if told else "no CUDA here"


def compile_ptx(entry: Entry, capability: tuple[int, int]) -> str:
    """The PTX of an entry for a compute capability such as (9, 0), as a launch would compile it; needs no GPU."""
    ptx, _ = cuda.compile(entry.kernel.py_func, entry.signature, device=False, abi="numba", cc=capability, output="ptx")
    return ptx


def require(array: Any) -> None:
    """Refuse in one sentence where no kernel can be launched, the simulator apart."""
    here, reason = available()
    if not here and not SIMULATED:
        raise NotImplementedError(reason)
    if max(array.shape[:2]) > MOST:
        raise NotImplementedError(f"launches at most {MOST:,} sequences and heads, got {array.shape[:2]}")


def scale(dim: int) -> np.float32:
    """1 / √dim, by which scores are multiplied."""
    return np.float32(1 / math.sqrt(dim))
