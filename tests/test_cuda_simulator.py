"""CUDA kernels in the simulator: right on every shape, with and without a causal mask, whatever memory held before."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulate_cuda import cases

from attnsite.kernels.cuda import driver
from attnsite.measure import correctness
from attnsite.records import registry

ROOT = Path(__file__).parents[1]
KERNELS = registry.matching("kernels", ("cuda_*",))
CASES = [(kernel, case) for kernel in KERNELS for case in cases(kernel)]
pytestmark = pytest.mark.skipif(not driver.INSTALLED, reason=driver.MISSING)


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
            out, err = process.communicate(timeout=600)
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


@pytest.mark.parametrize(("kernel", "case"), [(k, c) for k, c in CASES if c.startswith("times_two")], ids=str)
def test_large_scores_are_exact_though_products_and_sums_are_fused(simulated, kernel, case):
    """The compiler of a GPU may leave out the rounding of a product: a maximum minus itself is still nothing."""
    seen = simulated[kernel][case]

    assert seen["other"] == 0
    assert seen["error"] <= (2e-2 if "mma" in kernel else 4e-6)


@pytest.fixture(scope="module")
def instructions():
    """What the twins of the GPU's instructions do."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests" / "simulate_instructions.py")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout.splitlines()[-1])


def test_matrices_reach_the_tensor_cores_in_the_places_they_belong(instructions):
    """Copied, loaded row by row or turned, and multiplied: the same as NumPy's product, for both kinds of numbers."""
    assert instructions["product_bf16"] < 1e-5
    assert instructions["product_f16"] < 1e-5


@pytest.mark.parametrize("name", ["pack_bf16", "pack_f16", "reversed", "swapped", "powers"])
def test_what_a_twin_does_is_what_the_instruction_says(instructions, name):
    """Rounded to nearest even, four at a time, across a warp, powers of two exact."""
    assert instructions[name] is True


def test_sixteen_bytes_that_do_not_begin_where_they_must_are_an_error(instructions):
    """On a GPU that is a fault that ends the process; here it has a sentence."""
    assert "16 bytes at element 2 of 32: not aligned" in instructions["crooked"]


def test_ceilings_do_the_work_they_say(instructions):
    """Multiply-adds that converge to 2 in each of 16 sums; products that add 16 to each of 32; FLOPs as counted."""
    assert instructions["fma_sum"] == 32
    assert instructions["tile_sum"] == 2 * 16 * 32
    assert instructions["fma_work"] == 2 * 16 * 3 * 32
    assert instructions["tensor_cores_work"] == 4096 * 8 * 3
    assert instructions["copied"] == 2048


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_refused_in_one_sentence_where_nothing_can_launch_it(kernel):
    """Without a GPU, and without the simulator, a call says so; it does not crash."""
    here, reason = driver.available()
    if here:
        pytest.skip("there is a GPU here")
    import numpy as np

    module = registry.module("kernels", kernel)
    array = correctness.stored(module, np.zeros((1, 1, 1, 8), np.float32))
    with pytest.raises(NotImplementedError) as refusal:
        module.attention(array, array, array, array, causal=False)

    assert str(refusal.value) == reason
    assert "\n" not in reason
