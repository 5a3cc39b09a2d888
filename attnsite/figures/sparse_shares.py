"""At 16k tokens attention is {visible_16k} or {printed_16k} of Qwen2.5’s prefill FLOPs, depending on the count

QKᵀ and AV over visible pairs, beside all pairs with the projections counted as attention. Counting the masked half and
the projections raises attention's share, most at the shortest length.

The first count is what sparsity can skip, over it and the products with the parameters of all layers. The second counts
the whole square, with the half that a causal kernel never computes, and calls the projections and the softmax attention
too; no sparse pattern makes the projections smaller. It has the output layer in the whole.

A table of four models at three sequence lengths. On average over the models attention is {visible_16k} of the FLOPs at
16k tokens by the first count and {printed_16k} by the second; at 64k {visible_64k} and {printed_64k}, at 128k
{visible_128k} and {printed_128k}.
"""

import statistics
from typing import Any

from attnsite.figures.toolkit import axes
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "sparse_models"
TITLE_COLUMNS = ("16k: visible pairs", "16k: all pairs and projections")
WAYS = {"visible": "visible pairs", "printed": "all pairs and projections"}


def _models(run: Run) -> list[Row]:
    return [row for row in run.where() if "model" in row.case]


def values(run: Run) -> dict[str, Quantity]:
    rows = _models(run)
    found: dict[str, Quantity] = {}
    for way in WAYS:
        for tokens in rows[0].values[way]:
            name = f"{way}_{axes.tokens(int(tokens)).lower()}"
            mean = statistics.fmean(row.values[way][tokens] for row in rows)
            found[name] = Quantity(mean, "%", digits=2)
            each = [row.values[way][tokens] for row in rows]
            found[f"{name}_least"] = Quantity(min(each), "%", digits=2)
            found[f"{name}_most"] = Quantity(max(each), "%", digits=2)
            # What keeping a fifth of the pairs makes of the whole, if all of that share could be dropped.
            found[f"fifth_{name}"] = Quantity(1 / (1 - 0.8 * mean), "×", digits=2)
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": row.case["model"], "layer parameters": Quantity(row.values["weights"], "parameters")}
        | {
            f"{axes.tokens(int(tokens))}: {label}": Quantity(share, "%", digits=2)
            for tokens in row.values["visible"]
            for way, label in WAYS.items()
            for share in (row.values[way][tokens],)
        }
        for row in _models(runs[0])
    ]
