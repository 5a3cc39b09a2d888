"""CUDA kernels in the simulator: right on every shape, with and without a causal mask, whatever memory held before."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulate_cuda import cases

from attnsite import discover
from attnsite.kernels import _cuda

ROOT = Path(__file__).parents[1]
KERNELS = discover.matching("kernels", ("cuda_*",))
CASES = [(kernel, case) for kernel in KERNELS for case in cases(kernel)]
pytestmark = pytest.mark.skipif(not _cuda.INSTALLED, reason=_cuda.MISSING)


@pytest.fixture(scope="module")
def simulated():
    """What every kernel made of every case; the kernels run side by side, each in a process of its own."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests" / "simulate_cuda.py")]
    running = {
        kernel: subprocess.Popen(
            [*command, kernel], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for kernel in KERNELS
    }
    found = {}
    try:
        for kernel, process in running.items():
            out, err = process.communicate(timeout=150)
            assert process.returncode == 0, f"{kernel}: {err[-2000:]}"
            found[kernel] = json.loads(out.splitlines()[-1])
    finally:
        for process in running.values():  # a barrier that not every thread reaches would wait for ever
            process.kill()
    return found


@pytest.mark.parametrize(("kernel", "case"), CASES, ids=str)
def test_a_cuda_kernel_agrees_with_float64_in_the_simulator(simulated, kernel, case):
    """The error is at most twice that of plain float32 NumPy; NaN and infinity stand where the reference has them."""
    seen = simulated[kernel][case]

    assert seen["finite"] + seen["other"] == math.prod(cases(kernel)[case][i] for i in (0, 1, 3, 5))
    assert seen["error"] <= seen["bound"]
    assert seen["other_right"]


@pytest.mark.parametrize("kernel", [kernel for kernel in KERNELS if "rows_that_see_nothing" in cases(kernel)])
def test_a_row_that_sees_no_key_is_zero(simulated, kernel):
    """With more queries than keys the first queries see nothing, and their outputs are zeros, not NaN."""
    assert simulated[kernel]["rows_that_see_nothing"]["masked_rows_zero"] is True


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_masked_value_that_is_not_a_number_has_no_influence(simulated, kernel):
    """NaN in one value spoils its column for the queries that see it, and no other output."""
    seen = simulated[kernel]["nan_in_a_value"]

    assert 0 < seen["other"] < seen["finite"]
    assert seen["other_right"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_refused_in_one_sentence_where_nothing_can_launch_it(kernel):
    """Without a GPU, and without the simulator, a call says so; it does not crash."""
    here, reason = _cuda.available()
    if here:
        pytest.skip("there is a GPU here")
    import numpy as np

    array = np.zeros((1, 1, 1, 4), np.float32)
    with pytest.raises(NotImplementedError) as refusal:
        discover.module("kernels", kernel).attention(array, array, array, array, causal=False)

    assert str(refusal.value) == reason
    assert "\n" not in reason
