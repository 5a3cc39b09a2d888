"""How does the validation loss of a small trained model depend on the number of heads at a fixed width?

A decoder of two layers and width 128 is trained on bytes of Shakespeare, once for each number of heads and seed. Width,
parameters, FLOPs, data, schedule and batches are the same for all; only the cut of the width into heads differs. The
seed decides the first values and the order of the batches. Validation is on held-out text, the same for every run. A
run that diverges is a row that says so.
"""

from attnsite.experiment import Case, Observed, Study
from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.optimiser import Descent
from attnsite.models.training import Plan, train

LENGTH, BATCH = 128, 8


def observe(case: Case, seed: int) -> Observed:
    """The last validation loss in nats a byte, and the way there."""
    config = Config(width=case["width"], layers=case["layers"], heads=case["heads"], context=LENGTH)
    plan = Plan(case["steps"], BATCH, Descent(rate=3e-3, warmup=case["steps"] // 10), max(1, case["steps"] // 10))
    run = train(config, Text(LENGTH), plan, seed)
    last = [row["loss"] for row in run.rows[-max(1, case["steps"] // 10) :]]
    return {
        "validation": run.validation,
        "training": sum(last) / len(last),
        "curve": [[row["step"] + 1, row["validation"]] for row in run.rows if "validation" in row],
        "largest_norm": max(row["norm"] for row in run.rows),
        "diverged_at": run.rows[-1]["step"] if run.state == "diverged" else None,
        "parameters": config.count(),
    }


HEADS = (1, 2, 4, 8, 16, 32)
experiment = Study(
    observe=observe,
    quick=tuple({"width": 32, "layers": 1, "heads": heads, "steps": 20} for heads in (1, 4)),
    full=tuple({"width": 128, "layers": 2, "heads": heads, "steps": 800} for heads in HEADS),
)
