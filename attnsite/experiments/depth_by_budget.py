"""Does what depth with one head costs depend on how long a model is trained, and on how long its rate warms up?

Three shapes of `depth_with_one_head`, all with the same number of weights: three layers of four heads, twelve of one,
and the control that changes the heads alone, three layers of one wide head. Each is trained with the norm before or
after for 200 and for 800 steps, after a warm-up of 20 or 80, at three rates each, chosen so that the best lies between
two others. The rate falls along a cosine to the last step, so that a run of 200 steps is another one than the first
quarter of a run of 800.
"""

from attnsite.experiments import depth_with_one_head as depth
from attnsite.models.corpus import Text
from attnsite.models.optimiser import Descent
from attnsite.models.training import Plan, train
from attnsite.records.workload import Case, Observed, Study

DIGITS = 4  # of what is kept of a run


def observe(case: Case, seed: int) -> Observed:
    """The last validation loss in nats a byte and the way to it; how far the tokens are from all being alike in the
    end; the step at which a run diverged, if it did.
    """
    config, tenth = depth.config_of(case), case["steps"] // depth.POINTS
    plan = Plan(case["steps"], depth.BATCH, Descent(rate=case["rate"], warmup=case["warmup"]), tenth, case["held_out"])
    run = train(config, Text(depth.LENGTH), plan, seed)
    return {
        "validation": run.validation,
        "curve": [[row["step"] + 1, _short(row["validation"])] for row in run.rows if "validation" in row],
        "diverged_at": run.rows[-1]["step"] if run.state == "diverged" else None,
        "residual": depth.residual(run)[-1],
        "weights": depth.weights(config),
        "without_context": depth.without_context(),
    }


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


SHAPES = (  # layers, heads, head width, hidden width of the MLP in widths
    (3, 4, 16, 4),
    (12, 1, 16, 1),
    (3, 1, 64, 4),
)
SWEEPS = (  # steps, norm, steps of warm-up, rates
    (200, "pre", 20, (3e-3, 1e-2, 3e-2)),
    (200, "pre", 80, (3e-3, 1e-2, 3e-2)),
    (200, "post", 20, (3e-4, 1e-3, 3e-3)),
    (200, "post", 80, (3e-4, 1e-3, 3e-3)),
    (800, "pre", 80, (1e-3, 3e-3, 1e-2)),
    (800, "post", 80, (1e-3, 3e-3, 1e-2)),
    (800, "pre", 20, (1e-3, 3e-3, 1e-2)),
    (800, "post", 20, (3e-4, 1e-3, 3e-3)),
)
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple(
        {"width": 64, "layers": layers, "heads": heads, "head_width": width, "mlp": mlp, "norm": norm, "rate": rate,
         "warmup": warmup, "steps": steps, "held_out": 64}
        for steps, norm, warmup, rates in SWEEPS for rate in rates for layers, heads, width, mlp in SHAPES
    ),
    seeds=(0, 1, 2),
)  # fmt: skip
