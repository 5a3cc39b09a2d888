"""Memory that a kernel works in, kept from one call to the next: fresh pages cost more than small calls do."""

import threading

import numpy as np

_kept = threading.local()  # two Python threads that call at the same time must not share it
_LINE = 16  # float32 numbers of a cache line


def kept(name: str, floats: int) -> np.ndarray:
    """float32 (at least `floats`,), full of anything, the same for each call with that name on this Python thread.

    It begins with a cache line, and grows when more is asked for.
    """
    held: np.ndarray | None = getattr(_kept, name, None)
    if held is None or len(held) < floats:
        held = np.empty(floats + _LINE, np.float32)
        held = held[-held.ctypes.data % (4 * _LINE) // 4 :]
        setattr(_kept, name, held)
    return held


def workspace(threads: int, floats: int) -> tuple[np.ndarray, int]:
    """Scratch for that many threads, and the floats of each share, which begins with a cache line."""
    size = -(-floats // _LINE) * _LINE
    return kept("workspace", threads * size), size
