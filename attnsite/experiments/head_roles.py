"""Do the heads of a small trained model specialise, and what does the loss do when one of them is removed?

A decoder of two layers, attention only, is trained on random sequences that repeat after a period which differs from
one sequence to the next. No token occurs twice in a period, so what comes next stands behind the token's last
occurrence, at a distance that is not known beforehand. Each head's weights on held-out sequences are read as scores:
how much of a query's weight lies on the token before, on the query's own token, on what followed the same token earlier
(induction), on that earlier token itself (duplicate), and on the first token. The token before is asked for over the
first tokens of a sequence, as many as the shortest period has: later queries look back on these in every sequence, and
nothing looks back on the last ones. The same is read before training. For one seed every weight over one short sequence
is kept too.
"""

import math
from typing import Any

import numpy as np

from attnsite.experiments import _removal
from attnsite.models import heads
from attnsite.models.config import Config
from attnsite.models.model import Model
from attnsite.models.optimiser import Descent
from attnsite.models.tasks import Batch, Repeats
from attnsite.models.training import Plan, train
from attnsite.records.workload import Case, Observed, Study

TASK = Repeats(shortest=16, longest=32, distinct=True)
BATCH, SEQUENCES = 16, 64
NONE, LEAST = "none of these", 0.5  # what a head is called whose scores are all below `LEAST`
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"  # the tokens' names
SHOWN, WORD, TOKENS = 0, "uncopyrightables", 24  # the seed whose weights are kept, over a word of different letters
_HELD_OUT = 6  # what a generator is for


def config(case: Case) -> Config:
    """The decoder: learned positions, LayerNorm before each layer, no MLP."""
    return Config(vocabulary=TASK.vocabulary, width=case["width"], layers=case["layers"], heads=case["heads"],
                  context=TASK.length, mlp=0)  # fmt: skip


def plan(case: Case) -> Plan:
    return Plan(case["steps"], BATCH, Descent(rate=1e-2, warmup=case["steps"] // 10, decay=1.0), validation=BATCH)


def role(scores: dict[str, float]) -> str:
    """The name of the greatest score; `NONE` where that is below `LEAST`."""
    name = max(scores, key=lambda name: scores[name])
    return name if scores[name] >= LEAST else NONE


def read(maps: np.ndarray, tokens: np.ndarray) -> dict[str, Any]:
    """Scores by name, entropies and roles, each a list of layers of heads, and how far each two heads are apart.

    `maps` are (layers, batch, heads, queries, keys), of tokens (batch, length).
    """
    scores = {
        "previous token": heads.previous_token(maps[..., : TASK.shortest, : TASK.shortest]),
        "own token": np.diagonal(maps[..., 1:, 1:], axis1=-2, axis2=-1).mean(axis=(1, -1)),
        "induction": heads.induction(maps, tokens),
        "duplicate": heads.duplicate(maps, tokens),
        "first token": heads.first_token(maps),
    }
    layers, count = maps.shape[0], maps.shape[2]
    roles = [[role({name: float(each[layer, head]) for name, each in scores.items()}) for head in range(count)]
             for layer in range(layers)]  # fmt: skip
    return {
        "scores": {name: rounded(each) for name, each in scores.items()},
        "entropy": rounded(heads.entropy(maps)),
        "roles": roles,
        "distances": rounded(heads.distances(maps), 3),
    }


def having(roles: list[list[str]], name: str) -> list[_removal.Head]:
    """The heads of that role."""
    return [(layer, head) for layer, names in enumerate(roles) for head, each in enumerate(names) if each == name]


def rounded(numbers: np.ndarray, digits: int = 4) -> list[Any]:
    made: list[Any] = np.asarray(numbers, np.float64).round(digits).tolist()
    return made


def observe(case: Case, seed: int) -> Observed:
    """Scores and roles of every head before and after training, and the loss with and without it, in nats a token."""
    initial, run = Model(config(case), seed), train(config(case), TASK, plan(case), seed)
    if run.state == "diverged":
        return {"diverged_at": run.rows[-1]["step"], "loss": math.inf, "accuracy": 0.0}
    data = TASK.sample(np.random.default_rng(_HELD_OUT), case["sequences"], held_out=True)
    asked = TASK.repeated(data[0])
    seen = run.model.look(data[0])
    trained = read(seen.maps, data[0])
    found: dict[str, Any] = {
        "diverged_at": None,
        "least": LEAST,
        "loss": _removal.loss_without(run.model, data, [], asked),
        "loss_initial": _removal.loss_without(initial, data, [], asked),
        "accuracy": float((seen.logits.argmax(axis=-1) == data[1])[asked].mean()),
        "rises": rounded(_removal.rises(run.model, data, asked)),
        "without": {name: _removal.loss_without(run.model, data, having(trained["roles"], name), asked)
                    for name in sorted({name for layer in trained["roles"] for name in layer})},
        "trained": trained,
        "initial": read(initial.look(data[0]).maps, data[0]),
    }  # fmt: skip
    if seed == SHOWN:
        found["shown"] = shown({"trained": run.model, "initial": initial})
    return found


def spelled() -> Batch:
    """The sequence whose weights are kept, as tokens and targets (1, TOKENS): a word, and the word again."""
    places = np.array([[LETTERS.index(WORD[at % len(WORD)]) for at in range(TOKENS + 1)]])
    return places[:, :-1], places[:, 1:]


def shown(models: dict[str, Model]) -> dict[str, Any]:
    """The sequence, and each model's weights over it: layers of heads of queries, the keys up to the query's own."""
    tokens, _ = spelled()

    def weights(model: Model) -> list[Any]:
        return [[[rounded(row[: at + 1], 3) for at, row in enumerate(head)] for head in layer]
                for layer in model.look(tokens).maps[:, 0]]  # fmt: skip

    text = "".join(LETTERS[token] for token in tokens[0])
    return {"text": text, **{name: weights(model) for name, model in models.items()}}


experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=({"width": 64, "layers": 2, "heads": 4, "steps": 1400, "sequences": SEQUENCES},),
)
