"""One compiled function on all threads, called by its address.

A parallel loop is compiled several times over, as a loop, as its wrapper and as what calls it, each time with
everything that its body calls: for the kernels here that was most of a minute. So the loop calls its worker by an
address, which is an argument, and the worker is compiled once, by itself.
"""

import functools
from typing import Any

import numpy as np
from numba import _dispatcher, config, njit, prange, typeof, types
from numba.core import cgutils
from numba.extending import models, register_model

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.memory import fetch_add
from attnsite.kernels.simd.registers import INDEX, intrinsic

_addresses: dict[tuple[Any, bytes], int] = {}


def on_all(worker: Any, threads: int, *arguments: Any) -> None:
    """Call `worker(thread, *arguments)` for each thread, all at the same time: arrays, whole numbers, tuples of them.

    The worker is compiled for the types of its first arguments and again for others, and kept by Numba if it has
    cache=True. It returns nothing and raises nothing. One thread is the calling one, and nobody else is woken up.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise NotImplementedError("needs Numba's compiler, which is off (NUMBA_DISABLE_JIT)")
    if threads == 1:
        worker(0, *arguments)
        return
    key = (worker, _dispatcher.compute_fingerprint(arguments))
    address = _addresses.get(key)
    if address is None:
        address = _addresses[key] = _compile(worker, (types.int64, *map(typeof, arguments)))
    _spread(address, threads, *arguments)


def _compile(worker: Any, kinds: tuple[Any, ...]) -> int:
    """Where the worker's code for arguments of these types lies in memory, for the life of the process."""
    worker.compile(kinds)
    made = worker.overloads[kinds]
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


@functools.lru_cache(maxsize=512)
def share_out(pairs: int, panels: int, most: int, threads: int) -> int:
    """Panels of a tile, at most `most`, for `pairs` heads of `panels` each: enough tiles for all, the last round full.

    With 32 panels of one head for two threads, tiles of three make eleven: one thread does six and the other waits.
    Tiles of four make eight, and both end together: 5 % faster, measured. Between equals the larger tile reads the keys
    less often.
    """
    tiles = {size: pairs * -(-panels // size) for size in range(min(most, panels), 0, -1)}
    enough = {size: count for size, count in tiles.items() if count >= 4 * threads} or {1: tiles[1]}
    return min(enough, key=lambda size: -(-enough[size] // threads) * size)


def deal(tasks: int, threads: int = 1, in_parts: bool = False) -> np.ndarray:
    """How tasks 0 … tasks − 1 come to the threads, for `next_task`: int64 counters, and behind them where each ends.

    From one counter to whoever is free, or each thread an equal part in a row, as a loop does that is cut into parts.
    """
    parts = threads if in_parts else 1
    dealt = np.zeros(2 * parts, np.int64)
    for part in range(parts):
        dealt[part], dealt[parts + part] = tasks * part // parts, tasks * (part + 1) // parts
    return dealt


@njit(**INLINE)
def next_task(dealt, thread):
    """The next task for a thread from what `deal` gave, each to one thread; −1 when none is left for it."""
    parts = len(dealt) // 2
    part = thread % parts
    task = fetch_add(dealt, part, 1)
    return task if task < dealt[parts + part] else -1


class Packed(types.Type):
    """The address of a tuple of arguments: one number, where the loop would hand over each array piece by piece."""

    def __init__(self, content: types.BaseTuple) -> None:
        self.content = content
        super().__init__(name=f"Packed({content})")


@register_model(Packed)
class _PackedModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Packed) -> None:
        super().__init__(manager, kind, INDEX)


@intrinsic
def _pack(typing, arguments):
    """Lay the tuple down for as long as the calling function runs."""

    def generate(context, builder, signature, given):
        return builder.ptrtoint(cgutils.alloca_once_value(builder, given[0]), INDEX)

    return Packed(arguments)(arguments), generate


@intrinsic
def _call(typing, address, thread, packed):
    """Call the compiled function at `address` with the thread's number and the packed arguments."""
    content, kinds = packed.content, (types.int64, *packed.content.types)

    def generate(context, builder, signature, given):
        address, thread, packed = given
        convention = context.call_conv
        pointer = convention.get_function_type(types.none, kinds).as_pointer()
        laid = context.get_value_type(content).as_pointer()
        arguments = cgutils.unpack_tuple(builder, builder.load(builder.inttoptr(packed, laid)), len(kinds) - 1)
        function = builder.inttoptr(address, pointer)
        status, _ = convention.call_function(builder, function, types.none, kinds, [thread, *arguments])
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, packed), generate


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _spread(address, threads, *arguments):
    packed = _pack(arguments)
    for thread in prange(threads):
        _call(address, thread, packed)
