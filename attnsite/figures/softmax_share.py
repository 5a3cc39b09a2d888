"""Softmax takes {share_128} of the three steps with head_dim 128, {share_64} with 64 and {share_8} with 8

Share of softmax in the time of the three steps, QKᵀ, softmax and AV, by head dimension: a CPU kernel on BLAS that
materialises its scores, at a fixed hidden size of {width}.

The three steps are timed one by one; what the whole call takes beyond them, such as allocating the score matrix, is in
none of them. The smaller head_dim is, the more heads there are, and each has a score for every pair. The dotted line is
what one cost per score would give, as many FLOPs of the products as fit head_dim 128 at the longest sequence, {cost}:
it lies above the points at small head_dim, where the products run slower too. Bands hold the interquartile range of the
softmax step. The head dimension is on a logarithmic axis.

A chart of {lines} lines that fall from left to right. At {tokens} tokens softmax takes {share_8} of the steps with
head_dim 8, {share_32} with 32, {share_64} with 64, {share_128} with 128 and {share_256} with 256.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.heads_at_fixed_width import STEPS, steps
from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "heads_at_fixed_width"
TITLE_COLUMNS = ("softmax, share of the steps", "head_dim")
LOOKS = (
    style.Look(style.OURS),
    style.Look(style.OURS_2, "dash", "diamond"),
    style.Look(style.OTHER_2, "dot", "square"),
)
FITTED = 128  # the head_dim at which the cost of a score is read off


def share(rows: dict[str, Row]) -> Quantity:
    """Of softmax in the three steps; bounds by its own interquartile range against the others' medians."""
    others = rows["scores"].median + rows["values"].median
    middle, (low, high) = rows["softmax"].median, rows["softmax"].middle_half()
    return Quantity(middle / (middle + others), "%", low / (low + others), high / (high + others))


def lines(run: Run) -> dict[int, dict[int, dict[str, Row]]]:
    """By length, the longest first, and by head_dim: the rows of the steps."""
    lengths = sorted({row.case["queries"] for row in run.where("cpu_blas", "softmax")}, reverse=True)
    found = {n: {rows["softmax"].case["dim"]: rows for rows in steps(run, n).values()} for n in lengths}
    whole = {n: dict(sorted(those.items())) for n, those in found.items() if {8, 32, 128} <= set(those)}
    if not whole or not {64, 256} <= set(next(iter(whole.values()))):
        raise LookupError("not measured yet on this machine: the steps of a kernel that materialises its scores")
    return whole


def cost(rows: dict[str, Row]) -> float:
    """What softmax takes per score, in FLOPs of the two products at the rate that they run at there."""
    case = rows["softmax"].case
    products = rows["scores"].median + rows["values"].median
    return float(4 * case["dim"] * rows["softmax"].median / products)


def values(run: Run) -> dict[str, Quantity]:
    found = lines(run)
    tokens, longest = next(iter(found.items()))
    first = next(iter(longest.values()))["softmax"].case
    named = {
        "tokens": Quantity(tokens, "count"),
        "lines": Quantity(len(found), "count"),
        "width": Quantity(first["heads"] * first["dim"], "count"),
        "cost": Quantity(cost(longest[FITTED]), "FLOPs", digits=2),
    }
    for dim, rows in longest.items():
        named[f"share_{dim}"] = share(rows)
        named[f"over_products_{dim}"] = Quantity(
            rows["softmax"].median / (rows["scores"].median + rows["values"].median), "×"
        )
        named[f"cost_{dim}"] = Quantity(cost(rows), "FLOPs", digits=2)
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "tokens": tokens, "head_dim": dim, "heads": rows["softmax"].case["heads"],
         "softmax, share of the steps": share(rows)}
        | {f"time of {label}": rows[step].quantity() for step, (label, _) in STEPS.items()}
        | {"whole call": rows[""].quantity()}
        for run in runs
        for tokens, those in lines(run).items()
        for dim, rows in those.items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found = lines(run)
    dims = [dim for those in found.values() for dim in those]
    x = axes.log_axis("head dimension", dims, "count", base=2, pad=1.08)
    on = style.chart(x, axes.linear_axis("softmax, share of the three steps", [0, 1], "%", most=5))
    longest = next(iter(found.values()))
    each = cost(longest[FITTED])
    style.reference(on, list(longest), [each / (each + 4 * dim) for dim in longest], "one cost per score")
    near = list(longest)[1]
    style.note(on, near, each / (each + 4 * near), "one cost per score", style.MUTE, anchor="left", shift=(8, 4))
    for (tokens, those), look in zip(found.items(), LOOKS, strict=False):
        shares = {dim: share(rows) for dim, rows in those.items()}
        label = f"{axes.tokens(tokens)} tokens"
        style.line(
            on, list(shares), [q.value for q in shares.values()], look, label,
            low=[q.low or q.value for q in shares.values()], high=[q.high or q.value for q in shares.values()],
            hover=[f"head_dim {dim}, {label}: {q}<br>softmax {those[dim]['softmax'].quantity()}"
                   for dim, q in shares.items()],
        )  # fmt: skip
    return style.finish(on, run)
