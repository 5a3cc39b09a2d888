"""What the studies of small models on text have in common: one way to train a decoder on bytes of Shakespeare.

Every step takes as many bytes, and validation looks at as many, whatever the context; the schedule is the same share of
the steps. So studies differ in the shape of the model alone.
"""

from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.optimiser import Descent
from attnsite.models.training import Plan, train
from attnsite.records.workload import Observed

A_STEP, VALIDATED = 512, 8192  # bytes
STRETCHES = 5  # of a run: after each there is a validation


def learn(config: Config, steps: int, seed: int) -> Observed:
    """The last validation loss in nats a byte, infinite for a run that diverged, and the way there."""
    stretch = max(1, steps // STRETCHES)
    plan = Plan(
        steps, A_STEP // config.context, Descent(rate=3e-3, warmup=steps // 10), stretch, VALIDATED // config.context
    )
    run = train(config, Text(config.context), plan, seed)
    last = [row["loss"] for row in run.rows[-stretch:]]
    return {
        "validation": run.validation,
        "training": sum(last) / len(last),
        "curve": [[row["step"] + 1, row["validation"]] for row in run.rows if "validation" in row],
        "largest_norm": max(row["norm"] for row in run.rows),
        "diverged_at": run.rows[-1]["step"] if run.state == "diverged" else None,
        "parameters": config.count(),
    }
