"""Kernels called with arrays that have names: what they are handed, and in what form they keep it."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from attnsite.records.workload import Workload
from attnsite.wasm import inputs, record

FORMS = {"float32": "f4", "float16": "f2", "uint16": "bf2", "int8": "i1"}  # uint16 holds bfloat16's bits

Place = Callable[[list[record.Step]], tuple[str, list[int]]]


class Call(NamedTuple):
    """Arrays by name, what `attention` is called with, and the form of q, k and out: "f4", "f2", "bf2" or "i1"."""

    arrays: dict[str, np.ndarray]
    given: tuple[Any, ...]
    forms: dict[str, str]


def prepare(kernel: ModuleType, workload: Workload, filled: bool) -> Call:
    """A call of the kernel on this workload; with numbers of `inputs.py` in it, or nothing but zeros."""
    shapes = {"q": (workload.heads, workload.queries), "k": (workload.kv_heads, workload.keys),
              "v": (workload.kv_heads, workload.keys)}  # fmt: skip
    full = {name: (workload.batch, *shape, workload.dim) for name, shape in shapes.items()}
    q, k, v = (
        inputs.numbers(shape, inputs.SEEDS[name]) if filled else np.zeros(shape, np.float32)
        for name, shape in full.items()
    )
    out = np.full_like(q, np.nan) if filled else np.zeros_like(q)
    kept: Any = (k, v)
    if hasattr(kernel, "store_array"):
        q, out, *kept = (kernel.store_array(each) for each in (q, out, k, v))
    elif hasattr(kernel, "store_cache"):
        kept = kernel.store_cache(k, v)
    arrays = {"q": q, "out": out}
    for name, held in zip("kv", kept, strict=True):
        codes, scales = held if isinstance(held, tuple) else (held, None)
        arrays |= {name: codes} | ({} if scales is None else {f"{name}_scales": scales})
    forms = {name: FORMS[arrays[name].dtype.name] for name in ("q", "k", "out")}
    return Call(arrays, (q, *kept, out), forms)


def shares(workload: Workload, most: int = 8) -> Iterator[tuple[int, Workload]]:
    """Into how many equal shares of whole KV heads a call can be cut, and one share; fewest first, at most `most`.

    A share has the KV heads of one sequence after another, each with all its query heads, as one sequence.
    """
    units, group = workload.batch * workload.kv_heads, workload.heads // workload.kv_heads
    for count in itertools.takewhile(lambda count: count <= most, (1 << power for power in range(31))):
        if units % count == 0 and workload.threads in (0, count):
            part = units // count
            yield count, dataclasses.replace(workload, batch=1, heads=part * group, kv_heads=part)


def laid(kernel: ModuleType, share: Workload, variant: dict[str, Any], place: Place, pool: list[Any],
         filled: bool = False) -> tuple[str, dict[str, str], list[list[int]], Call]:  # fmt: skip
    """A call recorded: its module, the forms of its arrays, its steps as numbers of entries and slots, and the call.

    `place` gives the module of some steps and the numbers of their entries in it; slots that are new join `pool`.
    """
    call = prepare(kernel, share, filled)
    steps = record.steps(kernel, call.arrays, call.given, share.options() | variant)
    name, entries = place(steps)
    numbered = [[entry, *(_number(slot, pool) for slot in step.slots)]
                for entry, step in zip(entries, steps, strict=True)]  # fmt: skip
    return name, call.forms, numbered, call


def _number(slot: Any, pool: list[Any]) -> int:
    if slot not in pool:
        pool.append(slot)
    return pool.index(slot)
