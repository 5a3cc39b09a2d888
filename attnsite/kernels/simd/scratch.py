"""Memory that a kernel's threads work in, kept from one call to the next: fresh pages cost more than small calls do."""

import threading

import numpy as np

_kept = threading.local()  # two Python threads that call at the same time must not share it
_LINE = 16  # float32 numbers of a cache line


def workspace(threads: int, floats: int) -> tuple[np.ndarray, int]:
    """Memory for that many threads, full of anything, and the floats of each share, which begins with a cache line."""
    size = -(-floats // _LINE) * _LINE
    held = getattr(_kept, "held", None)
    if held is None or len(held) < threads * size:
        held = np.empty(threads * size + _LINE, np.float32)
        held = _kept.held = held[-held.ctypes.data % (4 * _LINE) // 4 :]
    return held, size
