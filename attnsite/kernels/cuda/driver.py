"""The only door to CUDA: numba-cuda's `cuda`, `jit` and types, or stand-ins that say what is missing.

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
USUAL_SHARED = 48 << 10  # bytes of shared memory that a block may have without asking
_opted_in: set[tuple[Any, ...]] = set()
MOST = 65_535  # blocks along the second and third side of a grid

cuda: Any = None
float32: Any = None
int32: Any = None
uint32: Any = None
INSTALLED = SIMULATED = False
try:
    from numba import cuda as found

    INSTALLED = getattr(found, "implementation", "") == "NVIDIA"
except ImportError:  # a later Numba, without a CUDA of its own
    pass


class Missing:
    """In the place of the decorator: a kernel can be named and read, and a launch says what is missing."""

    def __init__(self, function: Callable[..., None] | None = None, **options: Any) -> None:
        self.py_func = function

    def __call__(self, function: Callable[..., None]) -> "Missing":
        return Missing(function)

    def __getitem__(self, configuration: object) -> Any:
        raise NotImplementedError(MISSING)


jit: Any = Missing
if INSTALLED:
    cuda = found
    jit, SIMULATED = cuda.jit, bool(cuda.config.ENABLE_CUDASIM)
    float32, int32, uint32 = cuda.types.float32, cuda.types.int32, cuda.types.uint32
    cuda.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # too few blocks is what some workloads ask about


@dataclass(frozen=True)
class Entry:
    """A kernel as the compiler sees it: a launch that `attention` makes, with the types of its arguments."""

    name: str
    kernel: Any
    signature: str  # such as "void(float32[:, ::1], boolean)"
    threads: int  # of a block
    dynamic_bytes: int = 0  # of shared memory that the launch asks for, besides what the kernel declares


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


def compile_for(entry: Entry, capability: tuple[int, int]) -> bytes:
    """An entry for a compute capability such as (9, 0), as a launch would hand it to the linker (LTO-IR); no GPU."""
    function = entry.kernel.py_func
    code, _ = cuda.compile(function, entry.signature, device=False, abi="numba", cc=capability, output="ltoir")
    return bytes(code)


def launch(kernel: Any, grid: tuple[int, ...], block: Any, dynamic_bytes: int, *arguments: Any) -> None:
    """Launch with so many bytes of dynamic shared memory, more than the usual 48 KB if the device has them."""
    if dynamic_bytes > USUAL_SHARED and not SIMULATED:
        _opt_in(kernel, arguments, dynamic_bytes)
    kernel[grid, block, 0, dynamic_bytes](*arguments)


def _opt_in(kernel: Any, arguments: tuple[Any, ...], dynamic_bytes: int) -> None:
    """Allow a kernel more shared memory than every device has; numba-cuda 0.30 has no public way to say so.

    Raises NotImplementedError where the device has less. Never run on a GPU so far.
    """
    kinds = tuple(kernel.typeof_pyval(argument) for argument in arguments)
    if (kernel, kinds) in _opted_in:
        return
    most = int(cuda.get_current_device().MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
    if dynamic_bytes > most:
        raise NotImplementedError(f"needs {dynamic_bytes:,} bytes of shared memory, a block has at most {most:,} here")
    from numba.cuda.cudadrv.driver import binding, driver

    function = kernel.compile(kinds)._codelibrary.get_cufunc()
    attribute = binding.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    driver.cuKernelSetAttribute(attribute, dynamic_bytes, function.handle, function.device.id)
    _opted_in.add((kernel, kinds))


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
