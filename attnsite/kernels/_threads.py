"""One compiled function on all threads, called by its address.

A parallel loop is compiled several times over, as a loop, as its wrapper and as what calls it, each time with
everything that its body calls: for the kernels here that was most of a minute. So the loop calls its worker by an
address, which is an argument, and the worker is compiled once, by itself.
"""

from typing import Any

import numpy as np
from numba import njit, prange, typeof, types
from numba.core import cgutils

from attnsite.kernels._simd import intrinsic

_addresses: dict[tuple[Any, ...], int] = {}


def on_all(worker: Any, threads: int, *arguments: Any) -> None:
    """Call `worker(thread, *arguments)` for each thread, all at the same time; arrays and whole numbers only.

    The worker is compiled for the types of its first arguments and again for others, and kept by Numba if it has
    cache=True. It returns nothing and raises nothing.
    """
    key = (worker, *[(a.dtype.num, a.ndim) if type(a) is np.ndarray else int for a in arguments])
    address = _addresses.get(key)
    if address is None:
        address = _addresses[key] = _compile(worker, (types.int64, *map(typeof, arguments)))
    _spread(address, threads, *arguments)


def _compile(worker: Any, kinds: tuple[Any, ...]) -> int:
    """Where the worker's code for arguments of these types lies in memory, for the life of the process."""
    worker.compile(kinds)
    made = worker.overloads[kinds]
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


@intrinsic
def _call(typing, address, thread, arguments):
    """Call the compiled function at `address` with the thread's number and the arguments."""
    kinds = (types.int64, *arguments.types)

    def generate(context, builder, signature, given):
        address, thread, packed = given
        convention = context.call_conv
        pointer = convention.get_function_type(types.none, kinds).as_pointer()
        values = [thread, *cgutils.unpack_tuple(builder, packed, len(arguments.types))]
        function = builder.inttoptr(address, pointer)
        status, _ = convention.call_function(builder, function, types.none, kinds, values)
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, arguments), generate


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _spread(address, threads, *arguments):
    for thread in prange(threads):
        _call(address, thread, arguments)
