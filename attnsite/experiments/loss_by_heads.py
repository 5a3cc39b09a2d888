"""How does the validation loss of a small trained model depend on the number of heads at a fixed width?

A decoder of two layers and width 64 is trained on bytes of Shakespeare, once for each number of heads and seed. Width,
parameters, FLOPs, data, schedule and batches are the same for all; only the cut of the width into heads differs. The
seed decides the first values and the order of the batches. Validation is on held-out text, the same for every run. A
run that diverges is a row that says so.
"""

from attnsite.experiments._text_models import learn
from attnsite.models.config import Config
from attnsite.records.workload import Case, Observed, Study

CONTEXT = 32


def observe(case: Case, seed: int) -> Observed:
    """What training gave; see `learn`."""
    config = Config(width=case["width"], layers=case["layers"], heads=case["heads"], context=CONTEXT)
    return learn(config, case["steps"], seed)


HEADS = (1, 2, 4, 8, 16, 32)
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple({"width": 64, "layers": 2, "heads": heads, "steps": 800} for heads in HEADS),
)
