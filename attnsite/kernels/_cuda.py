"""The only door to CUDA: numba-cuda's `cuda` and `float32`, or objects that say what is missing.

numba-cuda is an extra and in maintenance; whoever moves the kernels to its successor changes this file. Numba's own,
deprecated `numba.cuda` is not used by accident: without numba-cuda there is no CUDA here.
"""

import importlib.util
import math
from typing import Any

MISSING = "numba-cuda is not installed: pip install 'attnsite[cuda]'"


class _Absent:
    """Stands for `cuda` where numba-cuda is not installed; whatever is asked of it says so."""

    def __getattr__(self, name: str) -> Any:
        raise ImportError(MISSING, name="numba-cuda")


if importlib.util.find_spec("numba_cuda") is None:
    cuda: Any = _Absent()
    float32: Any = None
    SIMULATED = False
else:
    from numba import cuda, types  # numba-cuda puts itself in the place of numba.cuda

    float32 = types.float32
    SIMULATED = bool(cuda.config.ENABLE_CUDASIM) if hasattr(cuda, "config") else False
    if not SIMULATED:
        from numba.core import config

        SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", False))


def available() -> tuple[bool, str]:
    """Can kernels be launched here, and if not, why not, in one clear sentence."""
    if isinstance(cuda, _Absent):
        return False, MISSING
    try:
        if cuda.is_available():
            return True, ""
    except Exception as error:  # a driver that is there and broken may raise anything
        return False, f"no CUDA device: {type(error).__name__}"
    return False, "no CUDA device here"


def scale(dim: int) -> float:
    """1 / √dim, by which scores are multiplied."""
    return 1 / math.sqrt(dim)
