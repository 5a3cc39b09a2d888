"""Does a trained head lose anything when it is narrower than the context is long?

A head narrower than the context cannot express every pattern [Bhojanapalli et al. 2020], so their remedy is to make
heads wider than width / heads. Here a decoder of two layers has four heads, however wide they are, over a context of 32
bytes, so that heads on both sides of the context's length are trained. Twice: once with everything else as it is, so
that wider heads bring more parameters, and once with an MLP that gives up exactly what the heads take.
"""

from attnsite.experiments._text_models import learn
from attnsite.models.config import Config
from attnsite.records.workload import Case, Observed, Study

CONTEXT = 32


def observe(case: Case, seed: int) -> Observed:
    """What training gave; see `learn`."""
    return learn(model(case), case["steps"], seed)


def model(case: Case) -> Config:
    """The decoder of a case."""
    return Config(width=case["width"], layers=case["layers"], heads=case["heads"], head_width=case["head_width"],
                  mlp=case["mlp"], context=CONTEXT)  # fmt: skip


# Four heads of 8 in a layer of width 64 have as many weights as one width of the MLP's hidden layer.
USUAL_MLP, MLP_FOR = 4, {8: 5, 16: 4, 32: 2}
ALONE, TRADED = (2, 8, 16, 32, 64), (8, 32)
SHAPES = [*((width, USUAL_MLP) for width in ALONE), *((width, MLP_FOR[width]) for width in TRADED)]
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple(
        {"width": 64, "layers": 2, "heads": 4, "head_width": head_width, "mlp": mlp, "steps": 800}
        for head_width, mlp in SHAPES
    ),
)
