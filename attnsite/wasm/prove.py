"""What a native kernel gives for small calls, as a hash of its bits: a module that gives others is not the kernel.

The native code is compiled with the settings that modules are: registers of four numbers, no fused multiply-add. Where
a kernel lets LLVM reassociate its sums, LLVM orders them as the processor likes it, and nothing is said of its bits.
"""

import hashlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from attnsite.records import registry
from attnsite.records.workload import Workload
from attnsite.wasm import calls

# Sizes that divide by nothing: a last panel, tile and register that are not full, grouped heads, keys that are masked.
PROMPT = Workload(heads=4, kv_heads=2, queries=70, keys=90, dim=40, causal=True)
TOKEN = Workload(heads=4, kv_heads=2, queries=1, keys=700, dim=40, causal=True)
BLOCKS = Workload(heads=2, queries=150, keys=150, dim=40, causal=True, blocks=(32, 2, 3))
WINDOW = Workload(heads=2, queries=70, keys=70, dim=40, causal=True, window=20)


def proofs(kernel: str, place: calls.Place) -> Iterator[dict[str, Any]]:
    """The calls of a kernel by which a browser can show that it runs the kernel, each with its slots and its hash."""
    module = registry.module("kernels", kernel)
    for workload in (PROMPT, TOKEN, BLOCKS, WINDOW):
        pool: list[Any] = []
        try:
            name, forms, steps, call = calls.laid(module, workload, {}, place, pool, filled=True)
        except (NotImplementedError, TypeError):  # it has no way to do this workload
            continue
        module.attention(*call.given, **workload.options())
        yield {"kernel": kernel, "case": workload.case(), "module": name, "forms": forms, "slots": pool,
               "steps": steps, "sha256": digest(call.arrays["out"]) if keeps_order(module) else None}  # fmt: skip


def keeps_order(module: ModuleType) -> bool:
    """Whether a kernel's sums are made in the order that is written, on every processor."""
    own = [each for each in vars(module).values() if isinstance(each, Dispatcher)]
    return not any("reassoc" in (each.targetoptions.get("fastmath") or ()) for each in own)


def digest(array: np.ndarray) -> str:
    """A hash of an array's bits."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
