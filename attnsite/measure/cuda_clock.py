"""The clock on a GPU: events around a call, with a cold second-level cache before each."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from attnsite.experiment import Workload

FLUSH_BYTES = 256 << 20  # more than any GPU's last cache; copying it also hides the host's launching of what follows


def enter(attention: Callable[..., None], workload: Workload) -> tuple[Callable[[], float], Callable[[], np.ndarray]]:
    """Inputs on the device and everything compiled: a `measure` for a Contestant, and a look at the output.

    The seconds are the GPU's own, between two events; transfers are outside. The output is full of NaN before the
    first call. Raises `NotImplementedError` where the kernel refuses the shape.
    """
    from attnsite.kernels._cuda import cuda

    small = dataclasses.replace(workload, queries=min(4, workload.queries), keys=min(4, workload.keys))
    attention(*place(small), causal=workload.causal)  # compiles
    cuda.synchronize()
    arrays = place(workload)
    scratch = [cuda.device_array(FLUSH_BYTES, np.uint8) for _ in range(2)]

    def measure() -> float:
        scratch[0].copy_to_device(scratch[1])
        start, end = cuda.event(), cuda.event()
        start.record()
        attention(*arrays, causal=workload.causal)
        end.record()
        end.synchronize()
        return cuda.event_elapsed_time(start, end) / 1e3

    return measure, lambda: arrays[3].copy_to_host()


def place(workload: Workload) -> list[Any]:
    """q, k, v and an output full of NaN, on the device."""
    from attnsite.kernels._cuda import cuda

    q, k, v = workload.inputs()
    return [cuda.to_device(array) for array in (q, k, v, np.full_like(q, np.nan))]
