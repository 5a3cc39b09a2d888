"""Runs one CUDA kernel in numba-cuda's simulator and prints what came out, as JSON; started by test_cuda_simulator.

The simulator's switch is read when numba-cuda is imported, so this is a process of its own. Every thread of a block is
a thread of the system: shapes are small. Shared and local memory are filled with NaN before each block, so that reading
what no thread has written shows.
"""

import json
import os
import sys
import threading

import numpy as np

# name: batch, heads, kv_heads, queries, keys, dim, causal, what is done to the inputs; a tile's sizes
PREFILL = {
    "one_of_each": (1, 1, 1, 1, 1, 1, False, ""),
    "ragged_grouped": (2, 4, 2, 5, 9, 7, False, ""),
    "ragged_grouped_causal": (2, 4, 2, 5, 9, 7, True, ""),
    "rows_that_see_nothing": (1, 3, 1, 11, 6, 8, True, ""),
    "several_tiles": (1, 1, 1, 17, 19, 8, False, ""),
    "several_tiles_causal": (1, 2, 1, 17, 17, 5, True, ""),
    "odd_width": (1, 1, 1, 6, 7, 41, True, ""),
    "widest": (1, 1, 1, 3, 5, 256, False, ""),
    "no_keys": (1, 2, 1, 3, 0, 4, False, ""),
    "no_keys_causal": (1, 2, 1, 3, 0, 4, True, ""),
    "huge_logits": (1, 2, 2, 9, 11, 8, True, "huge"),
    "nan_in_a_key": (1, 1, 1, 9, 9, 5, True, "nan_key"),
    "nan_in_a_value": (1, 1, 1, 9, 9, 5, True, "nan_value"),
    "infinity_in_a_value": (1, 1, 1, 9, 9, 5, True, "infinite_value"),
    "infinity_in_a_query": (1, 1, 1, 9, 9, 5, True, "infinite_query"),
    "nothing_but_minus_infinity": (1, 1, 1, 4, 6, 1, False, "minus_infinity"),
    "minus_infinity_first": (1, 1, 1, 3, 20, 1, False, "minus_infinity_first"),
}
DECODE = {
    "one_of_each": (1, 1, 1, 1, 1, 1, False, ""),
    "one_part": (1, 2, 2, 1, 7, 5, False, ""),
    "many_parts_grouped": (2, 6, 2, 1, 37, 16, False, ""),
    "causal_sees_all": (1, 3, 1, 1, 29, 3, True, ""),
    "a_group_in_chunks": (1, 10, 1, 1, 21, 4, False, ""),
    "odd_width": (1, 4, 4, 1, 9, 41, False, ""),
    "widest": (1, 2, 1, 1, 30, 256, False, ""),
    "no_keys": (1, 2, 1, 1, 0, 4, False, ""),
    "huge_logits": (1, 4, 2, 1, 40, 8, False, "huge"),
    "nan_in_a_key": (1, 2, 2, 1, 30, 5, False, "nan_key"),
    "nan_in_a_value": (1, 2, 2, 1, 30, 5, False, "nan_value"),
    "infinity_in_a_value": (1, 2, 1, 1, 30, 5, False, "infinite_value"),
    "infinity_in_a_query": (1, 2, 1, 1, 30, 5, False, "infinite_query"),
    "nothing_but_minus_infinity": (1, 1, 1, 1, 20, 1, False, "minus_infinity"),
    "minus_infinity_first": (1, 2, 1, 1, 40, 1, False, "minus_infinity_first"),
}
TENSOR_CORES = {
    "one_of_each": (1, 1, 1, 1, 1, 8, False, ""),
    "ragged_grouped": (2, 4, 2, 5, 9, 24, False, ""),
    "ragged_grouped_causal": (2, 4, 2, 5, 9, 24, True, ""),
    "rows_that_see_nothing": (1, 3, 1, 21, 6, 8, True, ""),
    "several_tiles": (1, 1, 1, 37, 41, 16, False, ""),
    "several_tiles_causal": (1, 2, 1, 35, 35, 40, True, ""),
    "float16": (1, 2, 1, 35, 35, 32, True, "float16"),
    "widest": (1, 1, 1, 3, 20, 256, False, ""),
    "no_keys": (1, 2, 1, 3, 0, 8, False, ""),
    "no_keys_causal": (1, 2, 1, 3, 0, 8, True, ""),
    "huge_logits": (1, 2, 2, 9, 21, 16, True, "huge"),
    "nan_in_a_key": (1, 1, 1, 9, 9, 8, True, "nan_key"),
    "nan_in_a_value": (1, 1, 1, 9, 9, 8, True, "nan_value"),
    "infinity_in_a_value": (1, 1, 1, 9, 9, 8, True, "infinite_value"),
    "infinity_in_a_query": (1, 1, 1, 9, 9, 8, True, "infinite_query"),
    "nothing_but_minus_infinity": (1, 1, 1, 4, 6, 8, False, "minus_infinity"),
    "minus_infinity_first": (1, 1, 1, 3, 40, 8, False, "minus_infinity_first"),
}
for _power in (30, 33, 60):  # scores of 2³¹ and more, where what is rounded off is larger than any exponent
    PREFILL[f"times_two_to_the_{_power}"] = (1, 2, 1, 6, 13, 8, False, f"power {_power}")
    DECODE[f"times_two_to_the_{_power}"] = (1, 4, 2, 1, 40, 8, False, f"power {_power}")
    TENSOR_CORES[f"times_two_to_the_{_power}"] = (1, 2, 1, 9, 40, 8, False, f"power {_power}")
LARGER = {  # as shipped, or as near to it as there is time for
    "cuda_vector": {"a_larger_tile": (1, 1, 1, 40, 70, 33, True, "", (32, 32, 8, 8))},
    "cuda_mma": {"a_larger_tile": (1, 1, 1, 40, 70, 64, True, "", (2, 64))},
}


def cases(kernel: str) -> dict[str, tuple]:
    found = DECODE if "decode" in kernel else TENSOR_CORES if "mma" in kernel else PREFILL
    return found | LARGER.get(kernel, {})


def inputs(batch, heads, kv_heads, queries, keys, dim, causal, spoiled, tiles=None):
    """Standard normal q, k, v; then whatever spoils them, in the last head and the last third of the keys."""
    rng = np.random.default_rng(7)
    q = rng.standard_normal((batch, heads, queries, dim), dtype=np.float32)
    k, v = rng.standard_normal((2, batch, kv_heads, keys, dim), dtype=np.float32)
    late = keys * 2 // 3
    if spoiled.startswith("power"):  # whole numbers, so that nothing but the exponential can go wrong
        q, k = (rng.integers(-4, 5, array.shape).astype(np.float32) for array in (q, k))
        q *= np.float32(2) ** int(spoiled.split()[1])
    elif spoiled == "huge":
        q *= 1000
    elif spoiled == "nan_key":
        k[-1, -1, late, 0] = np.nan
    elif spoiled == "nan_value":
        v[-1, -1, late, 0] = np.nan
    elif spoiled == "infinite_value":
        v[-1, -1, late, -1] = np.inf
    elif spoiled == "infinite_query":
        q[-1, -1, -1, 0] = np.inf
    elif spoiled == "minus_infinity_first":  # whole tiles, and whole parts, without a finite score
        q, k[:, :, :late] = np.abs(q), -np.inf
    elif spoiled == "minus_infinity":
        q[:], k[:] = -np.inf, 1
    return q, k, v


class Fused(np.float32):
    """A float32 whose products are not rounded before something is added to them, as a GPU's compiler may have it.

    The simulator multiplies, rounds, adds and rounds; the compiler makes one instruction of the two, where the sum of
    x · y and −(x · y rounded) is not 0. A kernel's factor is of this type, and so is what is multiplied by it.
    """

    def __mul__(self, other):
        return Product(float(self) * float(other))

    __rmul__ = __mul__


class Product(Fused):
    """A product of two float32, which fits into a float64."""

    def __new__(cls, exact):
        made = super().__new__(cls, exact)
        made.exact = exact
        return made

    def __add__(self, other):
        return Fused(self.exact + float(other))

    def __sub__(self, other):
        return Fused(self.exact - float(other))

    def __rsub__(self, other):
        return Fused(float(other) - self.exact)

    __radd__ = __add__


def poison() -> None:
    """Make the simulator's memory start as NaN in every block, and its shared arrays safe to make at once."""
    from numba.cuda.np import numpy_support
    from numba.cuda.simulator import kernel, kernelapi

    lock = threading.Lock()
    run = kernel.BlockManager.run

    def new(shape, dtype):
        return spoil(np.empty(shape, numpy_support.as_dtype(dtype)))

    def spoil(array):
        """NaN in floats; in integers the number that is furthest from any count or place."""
        array.fill(np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).min)
        return array

    def shared(self, shape, dtype, alignment=None):
        if shape == 0:  # what the launch asked for
            return self._dynshared.view(numpy_support.as_dtype(dtype))
        caller = sys._getframe(1)
        place = (caller.f_code.co_filename, caller.f_lineno)
        with lock:
            if place not in self._allocations:
                self._allocations[place] = new(shape, dtype)
            return self._allocations[place]

    def run_poisoned(self, grid_point, *arguments):
        for array in kernel._get_kernel_context().shared._allocations.values():
            spoil(array)
        kernel._get_kernel_context().shared._dynshared.fill(-1)  # NaN, in floats of any width
        return run(self, grid_point, *arguments)

    kernelapi.FakeCUDAShared.array = shared
    kernelapi.FakeCUDALocal.array = lambda self, shape, dtype, alignment=None: new(shape, dtype)
    kernel.BlockManager.run = run_poisoned


def judge(module, case) -> dict[str, object]:
    """The largest error and its bound over what is finite, and whether NaN and infinity stand where they must."""
    from attnsite.kernels import reference

    q, k, v = inputs(*case)
    causal, larger = case[6], {"tiles": case[8]} if len(case) > 8 else {}
    store = half if case[7] == "float16" else getattr(module, "store_array", same)
    restore = getattr(module, "restore_array", same)
    stored = [store(array) for array in (q, k, v, np.full_like(q, np.nan))]
    module.attention(*stored, causal=causal, **larger)
    q, k, v, out = (restore(array) for array in stored)
    rows = np.arange(q.shape[2])
    exact = reference.rows(q, k, v, rows, causal=causal)
    plain = reference.rows(q, k, v, rows, causal=causal, dtype=np.float32, rounded=lambda x: restore(store(x)))
    finite = np.isfinite(exact)
    floor = 4 * float(np.finfo(np.float32).eps) * float(np.abs(v[np.isfinite(v)]).max(initial=0))
    odd = np.array_equal(out[~finite], exact[~finite].astype(np.float32), equal_nan=True)
    return {
        "error": float(np.abs(out - exact)[finite].max(initial=0)),
        "bound": 2 * float(np.abs(plain - exact)[finite].max(initial=0)) + floor,
        "finite": int(finite.sum()),
        "other": int((~finite).sum()),
        "other_right": bool(odd),
        "masked_rows_zero": bool((out[:, :, : max(0, q.shape[2] - k.shape[2])] == 0).all()) if causal else None,
    }


def same(x):
    return x


def half(x):
    return x.astype(np.float16)


def main(kernel: str) -> None:
    from attnsite.kernels.cuda import driver
    from attnsite.records import registry

    assert driver.SIMULATED
    poison()
    device_array = driver.cuda.device_array
    driver.cuda.device_array = lambda shape, dtype: _filled(device_array(shape, dtype))
    module = registry.module("kernels", kernel, "attention")
    module.scale = lambda dim: Fused(driver.scale(dim))
    with np.errstate(all="ignore"):
        found = {name: judge(module, case) for name, case in cases(kernel).items()}
    print(json.dumps(found))


def _filled(array):
    array[:] = np.nan
    return array


if __name__ == "__main__":
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    main(sys.argv[1])
