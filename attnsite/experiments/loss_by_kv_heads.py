"""What does it cost in validation loss when query heads share keys and values, from grouped-query to multi-query?

A decoder of two layers and width 64 is trained on bytes of Shakespeare with eight query heads on eight, four, two and
one KV head. Fewer KV heads are fewer parameters; so each is trained once more with the parameters given back as further
query heads of the same width, which leaves the cache as small: sixteen heads of both kinds together.
"""

from attnsite.experiments._text_models import learn
from attnsite.models.config import Config
from attnsite.records.workload import Case, Observed, Study

CONTEXT, HEAD_WIDTH = 32, 8


def observe(case: Case, seed: int) -> Observed:
    """What training gave, see `learn`, and the elements that the KV cache keeps of a token in all layers."""
    config = model(case)
    cache = 2 * config.layers * config.kv_heads * config.head_width
    return {**learn(config, case["steps"], seed), "cached": cache}


def model(case: Case) -> Config:
    """The decoder of a case."""
    return Config(width=case["width"], layers=case["layers"], heads=case["heads"], kv_heads=case["kv_heads"],
                  head_width=HEAD_WIDTH, context=CONTEXT)  # fmt: skip


SHARED = ((8, 8), (8, 4), (8, 2), (8, 1))  # heads, KV heads
GIVEN_BACK = ((14, 2), (15, 1))
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple({"width": 64, "layers": 2, "heads": heads, "kv_heads": kv_heads, "steps": 800}
               for heads, kv_heads in (*SHARED, *GIVEN_BACK)),
)  # fmt: skip
