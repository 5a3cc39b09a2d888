"""Scores materialised: {many} heads take {softmax_growth} as long as {few} in softmax, {products_growth} in the matmuls

Time of one call of the kernel that materialises the score matrix, at hidden size 1024 and {tokens} tokens. The FLOPs of
both products are the same in every bar.

The coloured pieces of a bar are three steps, timed one by one: the scores QKᵀ, their softmax, and the
attention-weighted sums of values. The pale piece is what the whole call takes beyond them. The FLOPs of the two
products do not depend on the number of heads, but their head_dim becomes smaller. The softmax has as many more
exponentials as there are more heads. The cross-line is the time of the whole call, which also allocates the score
matrix. Its whisker is the interquartile range of the samples, wide where calls fell into two groups.

A bar chart over the number of heads at {tokens} tokens. From {few} heads to {many} the whole call goes from {time_8} to
{time_128}, and softmax from {softmax_share_8} to {softmax_share_128} of the three steps. The softmax alone takes
{softmax_growth} as long, the two products {products_growth}. With {many} heads the whole call takes {whole_over_steps}
its three steps.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "heads_at_fixed_width"
TITLE_COLUMNS = ("time per call",)
KERNEL = "cpu_blas"  # the kernel that writes its scores out, and whose steps are timed
STEPS = {"values": ("values, AV", style.OURS_2), "scores": ("scores, QKᵀ", style.OURS),
         "softmax": ("softmax", style.OTHER)}  # fmt: skip
FEW, MANY = 8, 128


def steps(run: Run, tokens: int | None = None) -> dict[int, dict[str, Row]]:
    """By number of heads: the rows of the three steps and, under "", of the whole call, at the largest context."""
    tokens = tokens or measured_rows.largest(run.where(KERNEL, "softmax"), "queries", [("heads", FEW), ("heads", MANY)])
    found: dict[int, dict[str, Row]] = {}
    for step in ("", *STEPS):
        for row in run.where(KERNEL, step or None, queries=tokens):
            found.setdefault(row.case["heads"], {})[step] = row
    return {heads: those for heads, those in sorted(found.items()) if len(those) == len(STEPS) + 1}


def _sum(rows: dict[str, Row], *names: str) -> float:
    return sum(rows[name].median for name in names)


def _share(rows: dict[str, Row]) -> Quantity:
    """The softmax's share of the three steps; bounds by its own interquartile range against the others' medians."""
    others = _sum(rows, "scores", "values")
    low, high = rows["softmax"].middle_half()
    middle = rows["softmax"].median
    return Quantity(middle / (middle + others), "%", low / (low + others), high / (high + others))


def values(run: Run) -> dict[str, Quantity]:
    measured = steps(run)
    few, many = measured[FEW], measured[MANY]
    found = {
        "softmax_growth": measured_rows.ratio(many["softmax"], few["softmax"]),
        "scores_growth": measured_rows.ratio(many["scores"], few["scores"]),
        "values_growth": measured_rows.ratio(many["values"], few["values"]),
        "products_growth": Quantity(_sum(many, "scores", "values") / _sum(few, "scores", "values"), "×"),
        "steps_growth": Quantity(_sum(many, *STEPS) / _sum(few, *STEPS), "×"),
        "whole_over_steps": Quantity(many[""].median / _sum(many, *STEPS), "×"),
        "score_bytes": Quantity(4 * MANY * many[""].case["queries"] * many[""].case["keys"], "B"),
        "tokens": Quantity(few[""].case["queries"], "count"),
        "flops_per_exponential_128": Quantity(4 * 128, "count"),
        "few": Quantity(FEW, "count"),
        "many": Quantity(MANY, "count"),
    }
    for heads, rows in measured.items():
        found[f"time_{heads}"] = rows[""].quantity()
        found[f"steps_time_{heads}"] = Quantity(_sum(rows, *STEPS), "s")
        found[f"whole_over_steps_{heads}"] = Quantity(rows[""].median / _sum(rows, *STEPS), "×")
        found[f"softmax_share_{heads}"] = _share(rows)
    for kernel in run.kernel_names():
        tokens = few[""].case["queries"]
        ends = [run.where(kernel, heads=heads, queries=tokens) for heads in (MANY, FEW)]
        if all(ends):
            found[f"{kernel}_growth"] = measured_rows.ratio(ends[0][0], ends[1][0])
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"heads": "heads", "dim": "head dim", "queries": "tokens"})


def draw(runs: list[Run]) -> go.Figure:
    measured = steps(runs[0])
    places = range(len(measured))
    whole = [rows[""] for rows in measured.values()]
    tallest = max(max(_sum(rows, *STEPS), rows[""].middle_half()[1]) for rows in measured.values())
    x = axes.Axis("heads, of head_dim 1024 / heads", -0.6, len(whole) - 0.4, tuple(places), tuple(map(str, measured)))
    on = style.chart(x, axes.linear_axis("time of one call", [0, tallest], "s", most=6))
    below = 0.0
    for step, (label, colour) in STEPS.items():
        rows = [those[step] for those in measured.values()]
        hover = [f"{r.case['heads']} heads, {label}: {r.quantity()}<br>IQR {r.quantity().spread()}" for r in rows]
        on.figure.add_bar(x=list(places), y=[r.median for r in rows], name=label, marker={"color": colour},
                          hovertext=hover, hoverinfo="text", textposition="none")  # fmt: skip
        on.ends.append((len(whole) - 0.6, below + rows[-1].median / 2, label, colour))
        below += rows[-1].median
    tops = [_sum(those, *STEPS) for those in measured.values()]
    rests = [max(0.0, row.median - top) for row, top in zip(whole, tops, strict=True)]
    on.figure.add_bar(
        x=list(places), y=rests, name="rest", marker={"color": style.faint(style.MUTE, 0.35)}, textposition="none",
        hovertext=[f"{r.case['heads']} heads, the rest of the call: {Quantity(rest, 's')}"
                   for r, rest in zip(whole, rests, strict=True)], hoverinfo="text",
    )  # fmt: skip
    on.ends.append((len(whole) - 0.6, below + rests[-1] / 2, "rest of the call", style.MUTE))
    halves = [row.middle_half() for row in whole]
    style.whiskers(on, list(places), [r.median for r in whole], [low for low, _ in halves], [h for _, h in halves])
    on.figure.add_scatter(
        x=list(places), y=[row.median for row in whole], mode="markers", name="whole call", hoverinfo="text",
        hovertext=[f"{r.case['heads']} heads, whole call: {r.quantity()}" for r in whole],
        marker={"color": style.INK, "symbol": "line-ew-open", "size": 16, "line": {"width": 2, "color": style.INK}},
    )  # fmt: skip
    on.ends.append((len(whole) - 0.6, whole[-1].median, "whole call", style.INK))
    return style.finish(on, runs[0])
