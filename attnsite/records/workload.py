"""What an experiment is: what to vary and what to observe. Never how to time it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Case = Mapping[str, Any]  # JSON values only: it is written into the result file
Observed = Mapping[str, Any]  # likewise; floats may be nan or inf


@dataclass(frozen=True)
class Workload:
    """One call of attention: `q (batch, heads, queries, dim)`, `k`, `v (batch, kv_heads, keys, dim)`, all float32.

    `threads` is how many CPU threads the kernel may use; 0 means all that the machine gives this process. `window` is
    how many keys a query sees, its own the last; 0 means no limit. `blocks` is (size, near, every): in blocks of `size`
    tokens a query sees its own block and the `near` − 1 before it, and of all earlier ones the last of every `every`;
    () means all; blocks are of equal length, so of fewer tokens where `size` does not divide the prompt. Both are for
    causal prompts.
    """

    heads: int
    queries: int
    keys: int
    dim: int
    kv_heads: int = 0  # 0: as many as heads
    batch: int = 1
    causal: bool = False
    threads: int = 0
    seed: int = 0
    window: int = 0
    blocks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_heads", self.kv_heads or self.heads)
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if (self.window or self.blocks) and not self.causal:
            raise ValueError("a window and blocks are for causal prompts")
        if self.blocks and self.queries != self.keys:
            raise ValueError(f"blocks are for as many queries as keys, not {self.queries} and {self.keys}")
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.kv_heads} KV heads do not divide {self.heads} heads")

    def inputs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Standard normal q, k and v, the same on every machine."""
        rng = np.random.default_rng(self.seed)

        def normal(heads: int, length: int) -> np.ndarray:
            return rng.standard_normal((self.batch, heads, length, self.dim), dtype=np.float32)

        return normal(self.heads, self.queries), normal(self.kv_heads, self.keys), normal(self.kv_heads, self.keys)

    def options(self) -> dict[str, Any]:
        """What a kernel is called with besides the arrays; only what differs from the usual, the mask apart."""
        window = {"window": (self.window - 1, 0)} if self.window else {}
        return {"causal": self.causal} | window | ({"layout": self.layout()} if self.blocks else {})

    def layout(self) -> np.ndarray:
        """Which block of keys each block of queries sees, bool (blocks, blocks)."""
        size, near, every = self.blocks
        count = -(-self.queries // size)
        query, key = np.arange(count)[:, None], np.arange(count)[None, :]
        kept = (query - key < near) | ((key + 1) % every == 0) if every else query - key < near
        made: np.ndarray = kept & (key <= query)
        return made

    def seen(self, rows: np.ndarray) -> np.ndarray | None:
        """Which keys those queries see, bool (rows, keys); None where nothing but the causal mask hides any."""
        if not self.window and not self.blocks:
            return None
        place, key = rows[:, None] + self.keys - self.queries, np.arange(self.keys)[None, :]
        seen: np.ndarray = key <= place
        if self.window:
            seen &= key > place - self.window
        if self.blocks:
            layout = self.layout()
            size = -(-self.queries // len(layout))
            seen &= layout[place // size, key // size]
        return seen

    def case(self) -> dict[str, Any]:
        """The workload as JSON values; a window and blocks where there are some."""
        case = asdict(self) | {"blocks": list(self.blocks)}
        return {name: value for name, value in case.items() if value != [] and (name, value) != ("window", 0)}


@dataclass(frozen=True)
class Timing:
    """Time every kernel that matches on every workload. Data only: a new kernel joins by existing.

    `stages` also times the stages of the kernels that offer them. `ceilings` names what the machine can do at most
    (`"read"`: bytes a second from memory, `"matmul"` and `"fma"`: FLOP a second), measured in the same rounds.
    A kernel whose one call takes longer than `longest_call_s` on a workload is recorded as skipped there. `variants`
    are keyword arguments that every kernel gets, each a contestant of its own, told apart by `case["variant"]`.
    `gradients` times the backward pass, what a `…_backward` kernel and a peer's `prepare_gradients` do, and not the
    forward pass, whose results it is given.
    """

    kernels: tuple[str, ...]
    quick: tuple[Workload, ...]
    full: tuple[Workload, ...]
    ceilings: tuple[str, ...] = ()
    stages: bool = False
    longest_call_s: float = 4.0
    variants: tuple[Mapping[str, Any], ...] = ()
    gradients: bool = False


@dataclass(frozen=True)
class Memory:
    """Measure how far each kernel's call raises the peak of the process's resident memory, in a process of its own.

    With `cache`, the keys and values are counted too, in the form in which the kernel keeps them: what is measured is
    then how much more memory is resident after a call than before there was a cache.
    """

    kernels: tuple[str, ...]
    quick: tuple[Workload, ...]
    full: tuple[Workload, ...]
    repeats: int = 3
    cache: bool = False


@dataclass(frozen=True)
class Study:
    """Run `observe(case, seed)`, deterministic from its arguments, for every case and seed."""

    observe: Callable[[Case, int], Observed]
    quick: tuple[Case, ...]
    full: tuple[Case, ...]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Count:
    """Evaluate `observe(case)`: closed forms and instrumented counts, the same on every machine."""

    observe: Callable[[Case], Observed]
    cases: tuple[Case, ...]

    @property
    def quick(self) -> tuple[Case, ...]:
        return self.cases

    @property
    def full(self) -> tuple[Case, ...]:
        return self.cases


Experiment = Timing | Memory | Study | Count
