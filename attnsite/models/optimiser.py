"""AdamW with a schedule and clipping, over parameters that lie in one flat array.

The parameters are cut into pieces that never cross from one parameter into another. Threads take pieces; a piece's sum
of squares is one thread's work and the pieces are added up in order, so that the norm is the same for any number of
threads. Weight decay is decoupled and applies to matrices, not to gains and biases [Loshchilov and Hutter 2019].
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import get_num_threads

from attnsite.models import _loops
from attnsite.models.config import DECAYED, Config
from attnsite.models.model import spread

SCHEDULES = ("cosine", "constant", "linear")
PIECE = 1 << 15  # numbers of a piece, at most


@dataclass(frozen=True)
class Descent:
    """How a model is trained: the steepest rate, how it changes, and AdamW's numbers."""

    rate: float = 3e-3
    warmup: int = 20  # steps in which the rate rises from 0
    schedule: str = "cosine"  # what it does from there to the last step
    last: float = 0.1  # the share of the rate that is left at the end
    decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    clip: float = 1.0  # the largest norm of a gradient; 0: any

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {self.schedule!r}: make it one of {', '.join(SCHEDULES)}")

    def rate_at(self, step: int, steps: int) -> float:
        """The rate of step 0, 1, … of that many."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, steps - self.warmup)
        left = {"constant": 1.0, "linear": 1 - done, "cosine": 0.5 + 0.5 * math.cos(math.pi * done)}[self.schedule]
        return self.rate * (left if self.schedule == "constant" else self.last + (1 - self.last) * left)


class AdamW:
    """The two moments of every number, and the step that uses them."""

    def __init__(self, config: Config, descent: Descent, dtype: Any = np.float32) -> None:
        self.descent, self.dtype = descent, dtype
        self.m, self.v = np.zeros(config.count(), dtype), np.zeros(config.count(), dtype)
        self.done = 0  # steps
        starts, stops, decays, self.groups = [], [], [], []
        start = 0
        for name, shape in config.shapes().items():
            for first in range(start, start + math.prod(shape), PIECE):
                starts.append(first)
                stops.append(min(first + PIECE, start + math.prod(shape)))
                decays.append(descent.decay if len(shape) >= DECAYED else 0.0)
                self.groups.append(config.group(name))
            start += math.prod(shape)
        self.starts, self.stops, self.decays = np.array(starts), np.array(stops), np.array(decays, dtype)
        self.squares = np.zeros(len(starts))

    def norms(self, gradients: np.ndarray) -> dict[int, float]:
        """Sum the shares (shares, numbers) into the first; the norm by layer, −1 for what is in none."""
        spread([(_loops.gather, (gradients, self.starts, self.stops, *cut, self.squares)) for cut in self._cuts()])
        found: dict[int, float] = dict.fromkeys(sorted(set(self.groups)), 0.0)
        for group, square in zip(self.groups, self.squares, strict=True):
            found[group] += float(square)
        return {group: math.sqrt(square) for group, square in found.items()}

    def step(self, flat: np.ndarray, gradient: np.ndarray, norm: float, rate: float) -> None:
        """Change the parameters; `norm` is that of the whole gradient, which clipping needs."""
        self.done += 1
        d = self.descent
        clip = d.clip / norm if d.clip and norm > d.clip else 1.0
        whole_m, whole_v = (1 / (1 - beta**self.done) for beta in (d.beta1, d.beta2))
        by = _loops.Step(rate, clip, d.beta1, 1 - d.beta1, d.beta2, 1 - d.beta2, whole_m, whole_v, d.epsilon)
        numbers = tuple(map(self.dtype, by))
        arrays = flat, gradient, self.m, self.v, self.starts, self.stops, self.decays
        spread([(_loops.descend, (*arrays, *cut, numbers)) for cut in self._cuts()])

    def _cuts(self) -> list[tuple[int, int]]:
        """The pieces dealt out to the threads, in runs of about equal numbers."""
        threads, ends = get_num_threads(), np.cumsum(self.stops - self.starts)
        at = [int(np.searchsorted(ends, ends[-1] * i / threads)) for i in range(threads)] + [len(ends)]
        return [(first, last) for first, last in pairwise(at) if first < last]
