"""The GPU's clock, with stand-ins for a GPU: what is asked of it, and in which order. No time is asserted."""

import itertools
import types

from attnsite.kernels.cuda import driver
from attnsite.measure.gpu import clock as gpu_clock


class Kernel:
    """Remembers its launches."""

    def __init__(self, log):
        self.log = log

    def __getitem__(self, configuration):
        return lambda *arguments: self.log.append("launch")


def stand_in(log, **attributes):
    """A `cuda` that notes what it is asked for, with one device of these attributes."""
    return types.SimpleNamespace(
        jit=lambda function: Kernel(log),
        device_array=lambda shape, dtype: None,
        synchronize=lambda: log.append("synchronize"),
        get_current_device=lambda: types.SimpleNamespace(compute_capability=(9, 0), **attributes),
    )


def test_a_launch_is_timed_on_an_empty_queue_and_after_compiling():
    """The first launch is not a sample; every sample is followed by waiting, outside the measured time."""
    log = []
    ticks = itertools.count(0, 7_000)

    seconds = gpu_clock.launch_seconds(stand_in(log), clock=lambda: next(ticks))

    assert seconds == 7e-6
    assert log == ["launch", "synchronize"] * (1 + gpu_clock.LAUNCHES)


def test_provenance_leaves_out_what_the_driver_does_not_know(monkeypatch):
    """A missing attribute costs that attribute and nothing else."""
    monkeypatch.setattr(driver, "available", lambda: (True, ""))
    monkeypatch.setattr(driver, "cuda", stand_in([], MULTIPROCESSOR_COUNT=132))

    found = gpu_clock.provenance()

    assert found["gpu_capability"] == "9.0"
    assert found["gpu_multiprocessors"] == 132
    assert "gpu_clock_khz" not in found
    assert found["gpu_launch_seconds"] > 0


def test_without_a_gpu_nothing_is_said_of_one(monkeypatch):
    """No device, no entry."""
    monkeypatch.setattr(driver, "available", lambda: (False, "no CUDA here"))

    assert gpu_clock.provenance() == {}
