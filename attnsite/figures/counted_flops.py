"""Kernels that skip masked blocks perform Kaplan's count, those that mask twice as much

Counted FLOPs of causal attention over Kaplan's formula, 2 · n_ctx · d_attn per token, by sequence length.

The loops of three algorithms ran with a counter beside each multiply-add. Query by query, over the keys that it sees,
attention performs the lower formula up to the diagonal. In blocks of 64 × 64 without those that are wholly masked it
comes close from above, since blocks on the diagonal are computed whole. Computing every block and masking afterwards
performs the upper formula, 4 · n_ctx · d_attn, a third of the training count printed with PaLM. Without a causal mask
every algorithm performs the upper one.

A chart of three lines over sequences of {smallest_context} to {largest_context} tokens. Masking afterwards stays at
{mask_over_kaplan} of Kaplan's number, skipping blocks falls from {skip_over_kaplan_at_128} to {skip_over_kaplan}, and
going query by query is at {naive_over_kaplan} at the end.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "counted_flops"
TITLE_COLUMNS = ("over Kaplan's",)
ALGORITHMS = {
    "mask_then_compute": ("every block,<br>then the mask", "mask", style.Look(style.OTHER, symbol="square")),
    "skip_blocks": ("masked blocks<br>skipped", "skip", style.Look(style.OURS)),
    "naive": ("query by query", "naive", style.Look(style.OURS_2, symbol="diamond")),
}


def _rows(run: Run, algorithm: str, causal: bool = True) -> list[Row]:
    found = run.where(algorithm=algorithm, causal=causal)
    if not found:
        raise LookupError(f"the FLOPs of “{algorithm}” have not been counted yet")
    return sorted(found, key=lambda row: row.case["context"])


def _over(row: Row, formula: str) -> float:
    return row.values["flops"] / row.values[f"{formula}_flops"]


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for algorithm, (_, name, _) in ALGORITHMS.items():
        rows = _rows(run, algorithm)
        full = _rows(run, algorithm, causal=False)[-1]
        for formula in ("kaplan", "palm", "exact"):
            found[f"{name}_over_{formula}"] = Quantity(_over(rows[-1], formula), "×")
            found[f"{name}_full_over_{formula}"] = Quantity(_over(full, formula), "×")
            for row in rows:
                found[f"{name}_over_{formula}_at_{row.case['context']}"] = Quantity(_over(row, formula), "×")
        found[f"{name}_flops"] = Quantity(rows[-1].values["flops"], "FLOP")
        found[f"{name}_exponentials"] = Quantity(rows[-1].values["exponentials"], "exp")
        found["smallest_context"] = Quantity(rows[0].case["context"], "count")
        found["largest_context"] = Quantity(rows[-1].case["context"], "count")
    mask, skip = (_rows(run, name)[-1] for name in ("mask_then_compute", "skip_blocks"))
    found["mask_over_skip"] = Quantity(mask.values["flops"] / skip.values["flops"], "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "algorithm": label.replace("<br>", " "),
            "causal": causal,
            "context length": row.case["context"],
            "counted": Quantity(row.values["flops"], "FLOP"),
            "over Kaplan's": Quantity(_over(row, "kaplan"), "×"),
            "over twice Kaplan's": Quantity(_over(row, "palm"), "×"),
            "over the visible pairs": Quantity(_over(row, "exact"), "×"),
            "exponentials": Quantity(row.values["exponentials"], "count"),
            "comparisons": Quantity(row.values["comparisons"], "count"),
            "elements read": Quantity(row.values["elements_read"], "count"),
            "elements written": Quantity(row.values["elements_written"], "count"),
        }
        for algorithm, (label, _, _) in ALGORITHMS.items()
        for causal in (True, False)
        for row in _rows(runs[0], algorithm, causal)
    ]


def draw(runs: list[Run]) -> go.Figure:
    rows = {algorithm: _rows(runs[0], algorithm) for algorithm in ALGORITHMS}
    contexts = [row.case["context"] for row in rows["naive"]]
    x = axes.cases_axis("sequence length, in tokens", contexts, "tokens")
    on = style.chart(x, axes.linear_axis("counted FLOPs over 2 n d (ratio)", [0, 2.2], "×", most=5))
    style.reference(on, [x.low, x.high], [1, 1], "Kaplan: 2 n_ctx d_attn", at=0.3, above=False)
    style.reference(on, [x.low, x.high], [2, 2], "full matrices: 4 n_ctx d_attn", at=0.4)
    for algorithm, (label, _, look) in ALGORITHMS.items():
        ratios = [_over(row, "kaplan") for row in rows[algorithm]]
        hover = [f"{label.replace('<br>', ' ')}<br>{axes.tokens(c)} tokens: {Quantity(r, '×')}"
                 for c, r in zip(contexts, ratios, strict=True)]  # fmt: skip
        style.line(on, contexts, ratios, look, label, hover=hover)
    return style.finish(on, runs[0])
