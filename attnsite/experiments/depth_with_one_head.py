"""Does a deep model of one head a layer train worse than a shallow one of many, and is it the depth or the one head?

Decoders of width 64 are trained on bytes of Shakespeare. Three shapes have twelve heads of width 16 in all, 3 layers of
4, 6 of 2 or 12 of 1, with the MLP divided as the heads are, after Liu, Liu and Han (2021): their matrices have the same
number of weights, only LayerNorm's gains and biases grow with the layers. Two controls change the number of heads
alone, at the same weights: 3 layers of one wide head, 12 layers of four narrow ones. The third gives each of 12 layers
three more heads of the full width, and is larger by them. Each shape has its norm before or after, and three rates. The
seed decides the first values and the order of the batches. A run that diverges is a row that says so. How alike the
tokens are in a trained model is the relative residual that `rank_collapse` follows in models at their first values.
"""

import math
from collections.abc import Callable

import numpy as np

from attnsite.models.config import DECAYED, Config
from attnsite.models.corpus import HELD_OUT, Text, text
from attnsite.models.heads import collapse
from attnsite.models.optimiser import Descent
from attnsite.models.training import Plan, Row, Training, train
from attnsite.records.workload import Case, Observed, Study

LENGTH, BATCH, POINTS = 64, 8, 10
DIGITS = 4  # of what is kept of a run


def config_of(case: Case) -> Config:
    """The decoder of a case."""
    sizes = {name: case[name] for name in ("width", "layers", "heads", "head_width", "mlp", "norm")}
    return Config(context=LENGTH, **sizes)


def observe(case: Case, seed: int, clock: Callable[[], float] | None = None) -> Observed:
    """The way of the loss; the gradient's norm in each layer, at the first step and over the last tenth; in the end,
    how far the tokens are from all being alike, before the first layer and after each.
    """
    config, tenth = config_of(case), max(1, case["steps"] // POINTS)
    plan = Plan(case["steps"], BATCH, Descent(rate=case["rate"], warmup=tenth), tenth, case["held_out"])
    run = train(config, Text(LENGTH), plan, seed, clock=clock)
    return {
        "validation": run.validation,
        "curve": [[row["step"] + 1, _short(row["validation"])] for row in run.rows if "validation" in row],
        "diverged_at": run.rows[-1]["step"] if run.state == "diverged" else None,
        "largest_norm": max(row["norm"] for row in run.rows),
        "first_norms": by_layer(run, run.rows[:1]),
        "late_norms": by_layer(run, run.rows[-tenth:]),
        "residual": residual(run),
        "parameters": config.count(),
        "weights": weights(config),
        "without_context": without_context(),
        "seconds": _short(float(np.median([row["seconds"] for row in run.rows]))) if clock else None,
    }


def by_layer(run: Training, rows: list[Row]) -> list[float]:
    """The mean norm of each layer's part of the gradient, first layer first."""
    groups = sorted(set(run.optimiser.groups))
    means = np.mean([row["norms"] for row in rows], axis=0)
    return [_short(norm) for group, norm in zip(groups, means, strict=True) if group >= 0]


def residual(run: Training) -> list[float]:
    """The mean relative residual of held-out tokens after each layer, that of what goes into the first before them."""
    tokens, _ = run.data.sample(np.random.default_rng(0), BATCH, held_out=True)
    with np.errstate(all="ignore"):  # a model that diverged is a result
        states = run.model.look(tokens).states[:: len(run.config.sublayers) // run.config.layers]
        return [_short(layer) for layer in collapse(states).mean(axis=-1)]


def weights(config: Config) -> int:
    """The numbers in matrices: all but the gains and biases of LayerNorm."""
    return sum(math.prod(shape) for shape in config.shapes().values() if len(shape) >= DECAYED)


def without_context() -> float:
    """The loss, in nats a byte, of a model that knows how frequent each byte is and nothing else."""
    source = np.frombuffer(text(), np.uint8)
    border = int(len(source) * (1 - HELD_OUT))
    counts = np.bincount(source[:border], minlength=256) + 1  # no byte is impossible
    return _short(-np.log(counts[source[border:]] / counts.sum()).mean())


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


SHAPES = (  # layers, heads, head width, hidden width of the MLP in widths
    (3, 4, 16, 4),
    (6, 2, 16, 2),
    (12, 1, 16, 1),
    (3, 1, 64, 4),
    (12, 4, 4, 1),
    (12, 4, 16, 1),
)
NORMS, RATES = ("pre", "post"), (1e-3, 3e-3, 1e-2)
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple(
        {"width": 64, "layers": layers, "heads": heads, "head_width": width, "mlp": mlp, "norm": norm, "rate": rate,
         "steps": 200, "held_out": 64}
        for layers, heads, width, mlp in SHAPES for norm in NORMS for rate in RATES
    ),
)  # fmt: skip
