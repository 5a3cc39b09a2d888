"""How fast do all tokens become alike in a stack of attention layers, and what keeps them apart?

Nothing is trained: the first values of a decoder, tokens of a text, embeddings of unit variance. Pure attention has no
residual, no MLP and no LayerNorm; each is then added alone, and all together in both usual orders. What is observed is
the relative residual of Dong, Cordonnier and Loukas (2021): how far the states are from their mean over the tokens. In
float64, so that the fall can be followed over sixteen powers of ten. The seed decides the first values and the tokens.
"""

from typing import Any

import numpy as np

from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.heads import collapse
from attnsite.models.model import Model
from attnsite.records.workload import Case, Observed, Study

LENGTH, BATCH = 64, 4
PARTS: dict[str, dict[str, Any]] = {
    "attention": {"residual": False, "mlp": 0, "norm": "none"},
    "attention_norm": {"residual": False, "mlp": 0, "norm": "post"},
    "attention_mlp": {"residual": False, "mlp": 4, "norm": "none"},
    "attention_residual": {"residual": True, "mlp": 0, "norm": "none"},
    "decoder_pre": {"residual": True, "mlp": 4, "norm": "pre"},
    "decoder_post": {"residual": True, "mlp": 4, "norm": "post"},
}


def observe(case: Case, seed: int) -> Observed:
    """The relative residual of the embeddings and after each layer, the mean over the sequences."""
    config = Config(width=case["width"], layers=case["layers"], heads=case["heads"], context=LENGTH,
                    positions="none", causal=case["causal"], **PARTS[case["parts"]])  # fmt: skip
    model = Model(config, seed, dtype=np.float64)
    embedding = model.parameters["embedding"]
    embedding /= embedding.std()
    tokens, _ = Text(LENGTH).sample(np.random.default_rng(seed), BATCH)
    states = model.look(tokens).states[:: 2 if config.mlp else 1]
    return {"residual": [float(f"{layer:.4g}") for layer in collapse(states).mean(axis=-1)]}


SIZES = ((64, 1, False), (64, 4, False), (64, 16, False), (256, 4, False), (64, 4, True))  # width, heads, causal
experiment = Study(
    observe=observe,
    quick=tuple(
        {"parts": parts, "width": 64, "heads": 4, "causal": causal, "layers": 16}
        for causal in (False, True) for parts in PARTS
    ),
    full=tuple(
        {"parts": parts, "width": width, "heads": heads, "causal": causal, "layers": 16}
        for width, heads, causal in SIZES for parts in PARTS
    ),
)  # fmt: skip
