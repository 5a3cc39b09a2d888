"""The clock on a GPU: events around a call, with a cold second-level cache before each."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from attnsite.measure import correctness
from attnsite.records.workload import Workload

# Never run on a GPU so far: the simulator and stand-ins prove the order of the calls, not the times.
LAUNCHES = 200
FLUSH_BYTES = 256 << 20  # more than any GPU's last cache; copying it also hides the host's launching of what follows


def enter(module: Any, workload: Workload,
          variant: Mapping[str, Any]) -> tuple[Callable[[], float], Callable[[], np.ndarray]]:  # fmt: skip
    """Inputs on the device and everything compiled: a `measure` for a Contestant, and a look at the output in float32.

    The seconds are the GPU's own, between two events; transfers are outside. The output is full of NaN before the
    first call. Raises `NotImplementedError` where the kernel refuses the shape.
    """
    from attnsite.kernels.cuda.driver import cuda

    small = dataclasses.replace(workload, queries=min(4, workload.queries), keys=min(4, workload.keys))
    module.attention(*place(small, module), **small.options(), **variant)  # compiles
    cuda.synchronize()
    arrays = place(workload, module)
    options = workload.options() | dict(variant)
    measure = between_events(lambda: module.attention(*arrays, **options))
    return measure, lambda: correctness.restored(module, arrays[3].copy_to_host())


def between_events(call: Callable[[], object]) -> Callable[[], float]:
    """A `measure` for a Contestant: the seconds between two events around a call that enqueues, with cold caches."""
    from attnsite.kernels.cuda.driver import cuda

    def measure() -> float:
        scratch = _scratch()
        scratch[0].copy_to_device(scratch[1])
        start, end = cuda.event(), cuda.event()
        start.record()
        call()
        end.record()
        end.synchronize()
        return cuda.event_elapsed_time(start, end) / 1e3

    return measure


@cache
def _scratch() -> tuple[Any, Any]:
    """Two buffers that are larger than the last cache."""
    from attnsite.kernels.cuda.driver import cuda

    return cuda.device_array(FLUSH_BYTES, np.uint8), cuda.device_array(FLUSH_BYTES, np.uint8)


def place(workload: Workload, module: Any) -> list[Any]:
    """q, k, v and an output full of NaN on the device, as the kernel takes them: as its `store_array` says, if any."""
    from attnsite.kernels.cuda.driver import cuda

    q, k, v = workload.inputs()
    return [cuda.to_device(correctness.stored(module, array)) for array in (q, k, v, np.full_like(q, np.nan))]


def provenance() -> dict[str, Any]:
    """What a run should say of the GPU besides its name, and the seconds that the host takes for an empty launch.

    Empty where no kernel can run; an attribute that this driver does not know is left out.
    """
    from attnsite.kernels.cuda import driver

    if not driver.available()[0]:
        return {}
    device = driver.cuda.get_current_device()
    wanted = {
        "gpu_multiprocessors": "MULTIPROCESSOR_COUNT",
        "gpu_clock_khz": "CLOCK_RATE",
        "gpu_memory_clock_khz": "MEMORY_CLOCK_RATE",
        "gpu_memory_bus_bits": "GLOBAL_MEMORY_BUS_WIDTH",
        "gpu_l2_bytes": "L2_CACHE_SIZE",
    }
    found: dict[str, Any] = {"gpu_capability": ".".join(str(part) for part in device.compute_capability)}
    for name, attribute in wanted.items():
        try:
            found[name] = int(getattr(device, attribute))
        except Exception:  # drivers differ in what they know and in how they say no
            continue
    return found | {"gpu_launch_seconds": launch_seconds(driver.cuda)}


def launch_seconds(cuda: Any, clock: Callable[[], int] = time.perf_counter_ns) -> float:
    """The median time that the host is busy with one launch of a kernel that does nothing.

    A call whose kernels are shorter than this is limited by the host wherever it is not hidden, as `measure` hides it.
    """

    def nothing(array):
        pass

    kernel, array, samples = cuda.jit(nothing), cuda.device_array(1, np.float32), []
    kernel[1, 32](array)  # compiles
    cuda.synchronize()
    for _ in range(LAUNCHES):
        start = clock()
        kernel[1, 32](array)
        samples.append(clock() - start)
        cuda.synchronize()  # an empty queue for the next: a full one would make the host wait
    return statistics.median(samples) / 1e9
