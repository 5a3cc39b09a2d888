"""The backward pass as a contestant: what it is given, and whether its three gradients are right."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from attnsite.kernels import cpu_simd, reference
from attnsite.measure.correctness import FLOOR, Verdict
from attnsite.records.workload import Workload

SMALL = 128  # tokens of the call that compiles: with few heads the keys are split then, as they are with more
Gradients = Sequence[np.ndarray]  # dq, dk, dv


def inputs(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """q, k, v and dout, the gradient of the output, standard normal too."""
    q, k, v = workload.inputs()
    return q, k, v, np.random.default_rng([workload.seed, 1]).standard_normal(q.shape, dtype=np.float32)


def prepare(module: Any, workload: Workload) -> Callable[[], Gradients]:
    """The backward pass alone, ready to be called again and again; the forward pass has been made.

    A peer has `prepare_gradients`. A kernel has `gradients`, and gets the output and the log-sum-exp of `cpu_simd`.
    """
    if hasattr(module, "prepare_gradients"):
        made: Callable[[], Gradients] = module.prepare_gradients(*inputs(workload), causal=workload.causal)
        return made
    queries, keys = min(SMALL, workload.queries), min(SMALL, workload.keys)
    if (queries, keys) != (workload.queries, workload.keys):  # so that no sample contains a compilation
        prepare(module, dataclasses.replace(workload, queries=queries, keys=keys))()
    q, k, v, dout = inputs(workload)
    out, lse = np.empty_like(q), np.empty(q.shape[:3], np.float32)
    cpu_simd.attention(q, k, v, out, causal=workload.causal, lse=lse)
    results = tuple(np.full_like(array, np.nan) for array in (q, k, v))

    def call() -> Gradients:
        module.gradients(q, k, v, out, lse, dout, *results, causal=workload.causal)
        return results

    return call


def compare(workload: Workload, made: Gradients) -> Verdict:
    """The worst of the three gradients against float64, in the first and the last group of heads.

    As everywhere, an error is at most twice that of plain float32 NumPy, and some roundings of the largest number; of a
    NumPy that starts from what a backward pass is given, each row's output and log-sum-exp, and not from the weights.
    """
    worst = Verdict(0.0, 0.0)
    for gradient in made:
        if np.isnan(gradient).any():  # also in heads that are not compared
            return Verdict(float("nan"), 0.0)
    for (b, kv), exact, plain in _expected(workload):
        for ours, true, theirs in zip(_group(made, b, kv), exact, plain, strict=True):
            error = float(abs(ours - true).max(initial=0))
            bound = 2 * float(abs(theirs - true).max(initial=0)) + FLOOR * float(abs(true).max(initial=0))
            if error * (worst.bound or 1) >= worst.max_error * (bound or 1):
                worst = Verdict(error, bound)
    return worst


def _group(arrays: Sequence[np.ndarray], b: int, kv: int) -> list[np.ndarray]:
    """Of arrays like q, k, v, … the heads that belong to one KV head of one sequence."""
    kv_heads = arrays[1].shape[1]
    parts = []
    for array in arrays:
        each = array.shape[1] // kv_heads
        parts.append(array[b : b + 1, kv * each : (kv + 1) * each])
    return parts


@functools.lru_cache(maxsize=1)  # all contestants of a workload are compared with the same
def _expected(workload: Workload) -> list[tuple[tuple[int, int], Gradients, Gradients]]:
    """Sequence and KV head, and the gradients there: in float64, and in float32 by plain NumPy."""
    arrays = inputs(workload)
    places = sorted({(0, 0), (workload.batch - 1, workload.kv_heads - 1)})
    found: list[tuple[tuple[int, int], Gradients, Gradients]] = []
    for b, kv in places:
        q, k, v, dout = _group(arrays, b, kv)
        exact, plain = (
            reference.gradients(q, k, v, dout, causal=workload.causal, dtype=dtype, again=again)
            for dtype, again in ((np.float64, False), (np.float32, True))
        )
        found.append(((b, kv), exact, plain))
    return found
