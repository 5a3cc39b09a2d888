"""A 384-layer single-head network is as large as BERT-large only if its MLPs shrink too

Three networks of hidden size 1024 with head_dim 64; both deep ones have as many heads in total as BERT-large. Only with
a divided MLP is the deep network no larger.

With a sixteenth of the feed-forward width in each layer the matrix parameters are equal; with the usual feed-forward
width the deep network is {deep_full_mlp_ratio} as large.

A table of three networks. BERT-large, 24 layers of 16 heads, and the 384-layer network with one head and a divided
feed-forward width have exactly as many parameters in matrices, {bert_large_weights}; with the full feed-forward width
the deep network has {deep_full_mlp_ratio} as many.
"""

from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "depth_or_heads"
TITLE_COLUMNS = ("all weights", "feed-forward size")
NAMES = {
    "bert_large": "BERT-large",
    "deep_divided_mlp": "one head, feed-forward divided by 16",
    "deep_full_mlp": "one head, full feed-forward",
}


def values(run: Run) -> dict[str, Quantity]:
    weights = {row.case["shape"]: row.values["weights"] for row in run.where()}
    full = weights["deep_full_mlp"] / weights["bert_large"]
    return {
        "bert_large_weights": Quantity(weights["bert_large"], "count"),
        "deep_divided_mlp_ratio": Quantity(weights["deep_divided_mlp"] / weights["bert_large"], "×"),
        "deep_full_mlp_ratio": Quantity(full, "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "network": NAMES[row.case["shape"]],
            "feed-forward size": row.case["mlp_width"],
            "all weights": Quantity(row.values["weights"], "count"),
            "layers": row.case["layers"],
            "heads per layer": row.case["heads"],
            "heads in total": row.values["total_heads"],
            "attention weights": Quantity(row.values["attention_weights"], "count"),
            "feed-forward weights": Quantity(row.values["mlp_weights"], "count"),
        }
        for row in runs[0].where()
    ]
