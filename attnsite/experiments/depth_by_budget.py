"""Does what depth with one head costs depend on how long a model is trained, and on how long its rate warms up?

Four shapes of `depth_with_one_head`, all with the same number of weights: three layers of four heads, twelve of one,
and the two controls that change the heads alone. Each is trained with the norm before or after for 200 and 800 steps,
after a warm-up of 20 or 80, and the first two for 3200 as well, after a warm-up of 80. The rates go from one that is
too low to one that is too high, so that the best lies between others that were tried; where a longer budget is at its
best at lower rates, those are tried. The rate falls along a cosine to the last step, so that a run of 800 steps is
another one than the first quarter of a run of 3200.
"""

from attnsite.experiment import Case, Observed, Study
from attnsite.experiments import depth_with_one_head as depth
from attnsite.models.corpus import Text
from attnsite.models.optimiser import Descent
from attnsite.models.training import Plan, train

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
    (12, 4, 4, 1),
)
BUDGETS = (  # steps, of warm-up, shapes, rates
    (200, (20, 80), SHAPES, (1e-3, 3e-3, 1e-2, 3e-2)),
    (800, (20, 80), SHAPES, (3e-4, 1e-3, 3e-3, 1e-2)),
    (3200, (80,), SHAPES[:2], (3e-4, 1e-3, 3e-3, 1e-2)),
)
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple(
        {"width": 64, "layers": layers, "heads": heads, "head_width": width, "mlp": mlp, "norm": norm, "rate": rate,
         "warmup": warmup, "steps": steps, "held_out": 64}
        for steps, warmups, shapes, rates in BUDGETS for warmup in warmups for rate in rates
        for norm in ("pre", "post") for layers, heads, width, mlp in shapes
    ),
    seeds=(0, 1, 2),
)  # fmt: skip
