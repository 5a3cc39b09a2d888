"""The instructions of `cuda/ptx.py` in Python, for the simulator: one thread of the system is one thread of the GPU.

    load4(array, at)                four elements from `at` on
    store4(array, at, x, y, z, w)   the same, written
    exp2(x)                         2ˣ
    exchange(x, mask)               the x of the thread whose number in the warp differs from mine by the bits of `mask`
    copy16(target, to, source, at, there)   four words, or zeros unless `there`; they have arrived after `wait`
    matrices(array, at)             four 8 × 8 matrices of 16-bit numbers from shared memory, rows spread over the warp:
                                    thread 8·m + r names row r of matrix m; thread 4·g + t gets elements 2t, 2t + 1 of
                                    row g of each. `matrices_turned`: of each transposed
    multiply_bf16(a0 … a3, b0, b1, c0 … c3)   16 × 16 times 16 × 8 plus 16 × 8: thread 4·g + t holds of `a` the pairs
                                    (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), of `b` the pairs (2t, g),
                                    (2t + 8, g), and of `c` the elements (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, …)
    pack_bf16(low, high)            two numbers, rounded to nearest, ties to even, in one word

Warps that are not full are allowed here, and only here. What a warp does together waits on a barrier of its own.
"""

import threading
from typing import Any

import numpy as np

F = np.float32
_lock = threading.Lock()


class _Warp:
    """What the threads of a warp lay down for each other."""

    def __init__(self, threads: int) -> None:
        self.barrier = threading.Barrier(threads)
        self.slots: list[Any] = [None] * 32


def _together(value: Any) -> tuple[list[Any], int]:
    """Lay a value down, wait for the warp, and see everybody's; my number in the warp."""
    thread: Any = threading.current_thread()
    number, block = divmod(thread.thread_id, 32), thread._manager
    with _lock:
        warps = block.__dict__.setdefault("warps", {})
        if number[0] not in warps:
            warps[number[0]] = _Warp(min(32, int(np.prod(block._block_dim)) - 32 * number[0]))
        warp = warps[number[0]]
    warp.slots[number[1]] = value
    warp.barrier.wait(60)
    seen = list(warp.slots)
    warp.barrier.wait(60)
    return seen, number[1]


def _flat(array: Any) -> np.ndarray:
    """A view of a contiguous array, whatever the simulator wraps it in."""
    plain = getattr(array, "_item", array)
    plain = getattr(plain, "_ary", plain)
    view: np.ndarray = plain.reshape(-1)
    if not np.shares_memory(view, plain) and view.size:
        raise ValueError("16 bytes at a time need a contiguous array")
    return view


def _aligned(array: Any, at: Any) -> tuple[np.ndarray, int]:
    flat, at = _flat(array), int(at)
    if at * flat.itemsize % 16 or at < 0 or at + 4 > flat.size:
        raise IndexError(f"16 bytes at element {at} of {flat.size}: not aligned, or outside")
    return flat, at


def load4(array: Any, at: Any) -> tuple[Any, ...]:
    flat, at = _aligned(array, at)
    return tuple(flat[at : at + 4])


def store4(array: Any, at: Any, *four: Any) -> None:
    flat, at = _aligned(array, at)
    flat[at : at + 4] = four


def exp2(x: Any) -> Any:
    return np.exp2(F(x))


def exchange(x: Any, mask: int) -> Any:
    seen, mine = _together(x)
    return seen[mine ^ mask] if seen[mine ^ mask] is not None else x


def copy16(target: Any, to: Any, source: Any, at: Any, there: Any) -> None:
    flat, to = _aligned(target, to)
    if there:
        flat[to : to + 4] = load4(source, at)
    else:
        flat[to : to + 4] = 0


def wait() -> None:
    pass


def _load(array: Any, at: Any, turned: bool) -> tuple[Any, ...]:
    flat, at = _aligned(array, at)
    rows, mine = _together(flat[at : at + 4].view(np.uint16).copy())
    found = []
    for m in range(4):
        matrix = np.array(rows[8 * m : 8 * m + 8])
        matrix = matrix.T if turned else matrix
        found.append(np.ascontiguousarray(matrix[mine // 4, 2 * (mine % 4) : 2 * (mine % 4) + 2]).view(np.uint32)[0])
    return tuple(found)


def matrices(array: Any, at: Any) -> tuple[Any, ...]:
    return _load(array, at, False)


def matrices_turned(array: Any, at: Any) -> tuple[Any, ...]:
    return _load(array, at, True)


def _pair(word: Any, kind: str) -> np.ndarray:
    """The two numbers of a word."""
    half = np.array([word], np.uint32).view(np.uint16)
    return half.view(np.float16).astype(F) if kind == "f16" else (half.astype(np.uint32) << 16).view(F)


def _multiply(kind: str, words: tuple[Any, ...]) -> tuple[Any, ...]:
    seen, mine = _together(words[:6])
    g, t = divmod(mine, 4)

    def row(lane: int, low: int) -> np.ndarray:
        """16 numbers along the depth, from the four threads that hold them in words `low` and `low + step`."""
        step = 2 if low < 4 else 1
        pairs = [_pair(seen[4 * lane + i][word], kind) for word in (low, low + step) for i in range(4)]
        return np.concatenate(pairs)

    a, b = (row(g, 0), row(g, 1)), (row(2 * t, 4), row(2 * t + 1, 4))
    return tuple(F(F(words[6 + 2 * i + j]) + F(a[i] @ b[j])) for i in range(2) for j in range(2))


def multiply_bf16(*words: Any) -> tuple[Any, ...]:
    return _multiply("bf16", words)


def multiply_f16(*words: Any) -> tuple[Any, ...]:
    return _multiply("f16", words)


def pack_bf16(low: Any, high: Any) -> Any:
    bits = np.array([low, high], F).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan([low, high]), 0x7FC0, rounded).astype(np.uint16).view(np.uint32)[0]


def pack_f16(low: Any, high: Any) -> Any:
    return np.array([low, high], np.float16).view(np.uint32)[0]
