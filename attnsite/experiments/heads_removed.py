"""How does the loss of a trained model rise as heads are removed, the least important first or at random?

A decoder is trained on bytes of Shakespeare. Afterwards heads are removed, which sets what they put out to zero, and
nothing is trained again. Four ways decide the order: the gradient of the loss by each head's gate, estimated once on
text that the model was trained on; the same gradient divided by its layer's norm, as Michel et al. 2019 do; the rise of
the loss on that text when the head alone is removed; and several draws at random. Whole layers of heads are removed as
well. The loss is that of held-out text, the same for every order, seed and number of heads.
"""

import math

import numpy as np

from attnsite.experiments import _removal
from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.optimiser import Descent
from attnsite.models.training import Plan, train
from attnsite.records.workload import Case, Observed, Study

LENGTH, BATCH = 128, 8
_HELD_OUT, _ORDERS, _WEIGHED = 3, 4, 5  # what a generator is for


def observe(case: Case, seed: int) -> Observed:
    """Losses in nats a byte: of the whole model, of ever fewer heads in each order, and without each head alone."""
    config = Config(width=case["width"], layers=case["layers"], heads=case["heads"], context=LENGTH)
    plan = Plan(case["steps"], BATCH, Descent(rate=3e-3, warmup=case["steps"] // 10), validation=BATCH)
    text = Text(LENGTH)
    run = train(config, text, plan, seed)
    if run.state == "diverged":
        return {"diverged_at": run.rows[-1]["step"], "whole": math.inf}
    model, heads = run.model, _removal.all_heads(run.model)
    held_out = text.sample(np.random.default_rng(_HELD_OUT), case["sequences"], held_out=True)
    seen = text.sample(np.random.default_rng(_WEIGHED), case["sequences"])
    gradients = _removal.sensitivity(model, seen)
    counts = range(0, len(heads) + 1, max(1, len(heads) // 16))

    def losses(order: list[_removal.Head]) -> list[float]:
        return [round(_removal.loss_without(model, held_out, order[:count]), 5) for count in counts]

    rng = np.random.default_rng([_ORDERS, seed])
    drawn = [[heads[place] for place in rng.permutation(len(heads))] for _ in range(case["draws"])]
    order = _removal.least_first(gradients)
    layers = [[head for head in heads if head[0] == layer] for layer in range(config.layers)]
    others = [[head for head in heads if head[0] != layer] for layer in range(config.layers)]
    return {
        "diverged_at": None,
        "whole": _removal.loss_without(model, held_out, []),
        "removed": list(counts),
        "by_gradient": losses(order),
        "by_gradient_in_layers": losses(_removal.least_first(_removal.by_layer(gradients))),
        "by_removal": losses(_removal.least_first(_removal.rises(model, seen))),
        "largest_gradient_first": losses(order[::-1]),
        "at_random": [losses(drawn_order) for drawn_order in drawn],
        "without_layer": [round(_removal.loss_without(model, held_out, layer), 5) for layer in layers],
        "with_one_layer": [round(_removal.loss_without(model, held_out, layer), 5) for layer in others],
        "gradients": [[float(f"{one:.4g}") for one in layer] for layer in gradients],
        "rises": _removal.rises(model, held_out).round(5).tolist(),
    }


experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=({"width": 128, "layers": 4, "heads": 8, "steps": 1000, "sequences": 32, "draws": 5},),
)
