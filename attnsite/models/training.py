"""The training loop: a row a step, validation, divergence as a result, checkpoints that go on bit for bit.

Each step's batch comes from a generator of its own, made from the seed and the step, so nothing but the parameters, the
moments and the rows has to be kept. A run that was interrupted and resumed has the same rows and the same numbers as
one that was not.
"""

import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numba import get_num_threads, set_num_threads

from attnsite.kernels.plain.blas import single_blas_thread
from attnsite.models.config import Config
from attnsite.models.model import SHARES, Model
from attnsite.models.optimiser import AdamW, Descent
from attnsite.models.tasks import Batch

Row = dict[str, Any]
USUAL = Descent()
_BATCHES, _VALIDATION = 1, 2  # what a generator is for


class Data(Protocol):
    """What a model is trained on."""

    def sample(self, rng: np.random.Generator, size: int, *, held_out: bool = False) -> Batch: ...


@dataclass(frozen=True)
class Plan:
    """How long, in batches of what size, and what is looked at meanwhile."""

    steps: int
    batch: int = 16
    descent: Descent = USUAL
    validate_every: int = 0  # steps; 0: at the end only
    validation: int = 64  # sequences, always the same
    hopeless: float = 4.0  # a loss of that many times ln(vocabulary) is given up
    shares: int = SHARES


class Training:
    """A run that is under way. `rows` has what was observed; `state` is "running", "finished" or "diverged"."""

    def __init__(self, config: Config, data: Data, plan: Plan, seed: int = 0, *, checkpoint: Path | None = None,
                 gates: np.ndarray | None = None, clock: Callable[[], float] | None = None) -> None:  # fmt: skip
        self.config, self.data, self.plan, self.seed, self.clock = config, data, plan, seed, clock
        self.model = Model(config, seed, shares=plan.shares)
        if gates is not None:
            self.model.gates[...] = gates
        self.optimiser = AdamW(config, plan.descent)
        self.rows: list[Row] = []
        self.state = "running"
        self.checkpoint = checkpoint
        if checkpoint and checkpoint.exists():
            self.load(checkpoint)

    @property
    def step(self) -> int:
        """Steps that are done."""
        return len(self.rows)

    def run(self, until: int | None = None, progress: Callable[[Row], None] | None = None) -> "Training":
        """Go on to the last step, or to `until`; `progress` gets every row.

        Ctrl-C ends it after the step that is under way, which goes into the rows and, if there is one, the checkpoint;
        KeyboardInterrupt is then raised as ever.
        """
        last = self.plan.steps if until is None else min(until, self.plan.steps)
        threads = get_num_threads()
        try:
            with single_blas_thread(), ThreadPoolExecutor(1, initializer=set_num_threads, initargs=(threads,)) as aside:
                while self.state == "running" and self.step < last:
                    row = aside.submit(self._advance).result()  # there an interrupt cannot tear it apart
                    if progress:
                        progress(row)
        finally:
            if self.checkpoint:
                self.save(self.checkpoint)
        return self

    def batch(self, step: int) -> Batch:
        """What step 0, 1, … is given."""
        return self.data.sample(np.random.default_rng([_BATCHES, self.seed, step]), self.plan.batch)

    def _advance(self) -> Row:
        """One step and its row; the parameters stay as they were where the loss is no number."""
        plan, step, begun = self.plan, self.step, self.clock() if self.clock else 0.0
        loss, gradients = self.model.gradients(*self.batch(step))
        norms = self.optimiser.norms(gradients)
        norm = math.sqrt(sum(each * each for each in norms.values()))
        rate = plan.descent.rate_at(step, plan.steps)
        row: Row = {"step": step, "loss": loss, "rate": rate, "norm": norm, "norms": list(norms.values())}
        limit = plan.hopeless * math.log(self.model.config.vocabulary)
        if not (math.isfinite(norm) and loss <= limit):
            self.state = "diverged"
        else:
            self.optimiser.step(self.model.flat, gradients[0], norm, rate)
            if step + 1 == plan.steps:
                self.state = "finished"
        if self.clock:
            row["seconds"] = self.clock() - begun
        every = plan.validate_every
        if self.state == "finished" or (self.state == "running" and every and (step + 1) % every == 0):
            row["validation"] = self.validate()
        self.rows.append(row)
        return row

    def validate(self) -> float:
        """The mean loss on sequences that are always the same, whatever the seed, and held out."""
        plan, total, count = self.plan, 0.0, 0
        for number, start in enumerate(range(0, plan.validation, plan.batch)):
            rng = np.random.default_rng([_VALIDATION, number])
            tokens, targets = self.data.sample(rng, min(plan.batch, plan.validation - start), held_out=True)
            asked = int((targets >= 0).sum())
            total, count = total + self.model.loss(tokens, targets) * asked, count + asked
        return total / max(1, count)

    @property
    def validation(self) -> float:
        """The last validation loss; infinite for a run that diverged."""
        seen = [row["validation"] for row in self.rows if "validation" in row]
        return math.inf if self.state == "diverged" or not seen else seen[-1]

    def _about(self) -> dict[str, Any]:
        about = {"config": asdict(self.config), "plan": asdict(self.plan), "seed": self.seed, "data": repr(self.data)}
        return about | {"gates": self.model.gates.tolist()}

    def save(self, path: Path) -> None:
        """Write everything that going on needs, whole or not at all."""
        about = json.dumps(self._about() | {"rows": self.rows, "state": self.state})
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            np.savez(file, about=np.array(about), flat=self.model.flat, m=self.optimiser.m, v=self.optimiser.v,
                     done=np.array(self.optimiser.done))  # fmt: skip
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint. Raises ValueError if it is one of another run, naming what differs."""
        with np.load(path) as kept:
            about = json.loads(str(kept["about"]))
            mine = json.loads(json.dumps(self._about()))
            if other := [name for name in mine if about.get(name) != mine[name]]:
                raise ValueError(f"{path.name} is a checkpoint of another run ({', '.join(other)}): remove it")
            self.model.flat[...], self.optimiser.done = kept["flat"], int(kept["done"])
            self.optimiser.m[...], self.optimiser.v[...] = kept["m"], kept["v"]
        self.rows, self.state = about["rows"], about["state"]


def train(config: Config, data: Data, plan: Plan, seed: int = 0, *, progress: Callable[[Row], None] | None = None,
          checkpoint: Path | None = None, gates: np.ndarray | None = None,
          clock: Callable[[], float] | None = None) -> Training:  # fmt: skip
    """Train from a seed, or on from the checkpoint, to the end of the plan; see `Training`."""
    return Training(config, data, plan, seed, checkpoint=checkpoint, gates=gates, clock=clock).run(progress=progress)
