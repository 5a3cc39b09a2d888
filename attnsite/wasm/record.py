"""What compiled function with what arguments a kernel calls for a workload: its own Python entry says so.

The entry runs as ever, on arrays of the workload's sizes, while whatever starts compiled code is replaced by a recorder
that writes down and starts nothing. So what an entry works out, sizes and strides and shares and scratch, is worked out
there alone, and a kernel's source stays as it is. Arguments are taken apart as Numba takes them apart for its own
calling convention: tuples of any kind into their elements, an array into seven slots and more.
"""

import concurrent.futures
import contextlib
import itertools
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import typeof, types
from numba.core.dispatcher import Dispatcher

SMALL = 64  # elements of an array of whole numbers that is said number by number, and not by how often each comes
_NUMBERS = {"float32": "f4", "float64": "f8", "int64": "i8", "int32": "i4", "uint16": "u2", "uint8": "u1", "bool": "u1",
            "int8": "u1"}  # fmt: skip


class Step(NamedTuple):
    """One start of compiled code: the function, Numba's types of its arguments, and what lies in its slots.

    A slot is a whole number, `["f4", x]` for a real one, or `[type, shape, name]` for an array: the name of one that is
    handed in, "" for an empty one, or a number that tells the arrays of a call apart. One of whole numbers also says
    them: as they are, or as `{"runs": [number, times, …]}`. All others hold anything.
    """

    function: Any
    kinds: tuple[Any, ...]
    slots: list[Any]


def steps(kernel: ModuleType, arrays: Mapping[str, np.ndarray], call: tuple[Any, ...], options: Mapping[str, Any],
          ) -> list[Step]:  # fmt: skip
    """What `kernel.attention(*call, **options)` starts, in order; `arrays` are those that have names.

    Raises what the kernel raises where it has no way to do this workload.
    """
    found: list[tuple[Any, tuple[Any, ...]]] = []
    with _recorded(found), concurrent.futures.ThreadPoolExecutor(1, initializer=_alone) as pool:
        pool.submit(kernel.attention, *call, **options).result()  # a thread of its own, where nothing is kept yet
    names = _Names(arrays)
    return [Step(function, tuple(map(typeof, given)), list(_slots(given, names))) for function, given in found]


def _alone() -> None:
    numba.set_num_threads(1)


@contextlib.contextmanager
def _recorded(found: list[tuple[Any, tuple[Any, ...]]]) -> Iterator[None]:
    """Put a recorder wherever kernels name what starts compiled code: `on_all`, and every compiled function."""

    def on_all(worker: Any, threads: int, *given: Any) -> None:
        if threads != 1:
            raise ValueError(f"{worker.function.__name__} was started on {threads} threads: record with one")
        found.append((worker.function, (0, *given)))

    class Recorder:
        """In the place of one compiled function: called from Python, it writes down what with."""

        def __init__(self, function: Any) -> None:
            self.function = function

        def __call__(self, *given: Any) -> None:
            found.append((self.function, given))

    before: list[tuple[Any, str, Any]] = []
    for name, module in list(sys.modules.items()):
        if not name.startswith("attnsite.kernels."):
            continue
        for word, held in list(vars(module).items()):
            if word == "on_all":
                put: Any = on_all
            elif isinstance(held, Dispatcher):
                put = Recorder(held)
            else:
                continue
            before.append((module, word, held))
            setattr(module, word, put)
    try:
        yield
    finally:
        for module, word, held in before:
            setattr(module, word, held)


class _Names:
    """What the arrays of a call are called: the same memory has the same name wherever it is handed in."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.known = {array.ctypes.data: (name, array.nbytes) for name, array in arrays.items() if array.size}
        self.count = 0

    def of(self, array: np.ndarray) -> str | int:
        """Raises `ValueError` for a part of an array that is handed in by itself: the page would lay it apart."""
        start, size = array.ctypes.data, array.nbytes
        if size == 0:
            return ""
        if start not in self.known:
            if any(other < start + size and start < other + held for other, (_, held) in self.known.items()):
                raise ValueError(f"a part of an array, {array.shape}, is handed to compiled code beside the whole")
            self.known[start] = (self.count, size)  # type: ignore[assignment]
            self.count += 1
        return self.known[start][0]


def _slots(given: tuple[Any, ...], names: _Names) -> Iterator[Any]:
    for value in given:
        if isinstance(value, tuple):
            yield from _slots(value, names)
        elif isinstance(value, np.ndarray):
            if not value.flags.c_contiguous:
                raise ValueError(f"an array {value.shape} that is not contiguous is handed to compiled code")
            name = names.of(value)
            filled = isinstance(name, int) and value.dtype.kind in "iub"
            yield [_NUMBERS[value.dtype.name], list(value.shape), name, *([_whole(value)] if filled else [])]
        elif isinstance(value, bool | np.bool_ | int | np.integer):
            yield int(value)
        elif typeof(value) == types.float32:
            yield ["f4", float(value)]
        else:
            raise ValueError(f"{typeof(value)} is handed to compiled code, which the page cannot lay out")


def _whole(array: np.ndarray) -> list[int] | dict[str, list[int]]:
    numbers = [int(number) for number in array.reshape(-1)]
    if len(numbers) <= SMALL:
        return numbers
    return {"runs": [each for number, those in itertools.groupby(numbers) for each in (number, len(list(those)))]}
