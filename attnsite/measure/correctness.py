"""Is the kernel right on this workload? Its result against float64, before anything is timed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnsite.kernels import reference
from attnsite.records.workload import Workload

ROWS = 256  # queries that are compared, in every head, where there are more
FLOOR = 4 * float(np.finfo(np.float32).eps)  # times the largest value: a bound of 0 would forbid any rounding


@dataclass(frozen=True)
class Verdict:
    """The largest error over the compared rows, and the bound: twice that of plain float32 NumPy."""

    max_error: float
    bound: float

    @property
    def right(self) -> bool:
        return self.max_error <= self.bound  # False for NaN


Answers = tuple[np.ndarray, np.ndarray, np.ndarray]  # the rows that are compared, in float64, in plain float32 NumPy
Sight = Callable[[np.ndarray], np.ndarray | None]  # of some queries, which keys they see; None for the causal mask


def compare(q: np.ndarray, k: np.ndarray, v: np.ndarray, out: np.ndarray, *, causal: bool,
            rounded: reference.Rounding = lambda x: x, seen: Sight = lambda rows: None) -> Verdict:  # fmt: skip
    """Compare `out` with float64 on up to ROWS queries spread over all, first and last among them.

    `rounded` is what plain NumPy's weights and outputs go through, as those of the kernel do.
    """
    return judge(out, v, answers(q, k, v, causal=causal, rounded=rounded, seen=seen))


def answers(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, causal: bool, rounded: reference.Rounding = lambda x: x,
            seen: Sight = lambda rows: None) -> Answers:  # fmt: skip
    """Up to ROWS queries spread over all, and what attention gives for them both ways, (batch, heads, rows, dim)."""
    queries = q.shape[2]
    rows = np.unique(np.linspace(0, queries - 1, min(ROWS, queries)).astype(int)) if queries else np.empty(0, int)
    exact = reference.rows(q, k, v, rows, causal=causal, seen=seen(rows))
    return rows, exact, reference.rows(q, k, v, rows, causal=causal, seen=seen(rows), dtype=np.float32, rounded=rounded)


def judge(out: np.ndarray, v: np.ndarray, right: Answers) -> Verdict:
    """What a kernel has put out, (batch, heads, queries, dim), beside the `answers` for the same q, k and `v`."""
    rows, exact, plain = right
    floor = FLOOR * float(np.abs(v).max(initial=0))
    if np.isnan(out).any() and not np.isnan(exact).any():  # also in rows that are not compared
        return Verdict(float("nan"), floor)
    error = float(np.abs(out[:, :, rows] - exact).max(initial=0))
    return Verdict(error, 2 * float(np.abs(plain - exact).max(initial=0)) + floor)


def stored(module: Any, array: np.ndarray) -> np.ndarray:
    """A float32 array as the kernel keeps its numbers: its `store_array` says how, if it has one."""
    made: np.ndarray = module.store_array(array) if hasattr(module, "store_array") else array
    return made


def restored(module: Any, array: np.ndarray) -> np.ndarray:
    """What the kernel's array stands for, in float32."""
    made: np.ndarray = module.restore_array(array) if hasattr(module, "restore_array") else array
    return made


def rounding(module: Any) -> reference.Rounding:
    """What the kernel's way of keeping numbers does to them; nothing, for most."""
    return lambda x: restored(module, stored(module, x))


def check(attention: Callable[..., None], workload: Workload) -> Verdict:
    """Run a CPU kernel on a workload, into an output full of NaN, and compare."""
    q, k, v = workload.inputs()
    out = np.full_like(q, np.nan)
    attention(q, k, v, out, **workload.options())
    return compare(q, k, v, out, causal=workload.causal, seen=workload.seen)
