"""At the highest learning rate, {post_high_failed} of post-norm runs stay at the unigram baseline

Final validation loss after {steps} steps, by layers × heads per layer and by norm and learning rate. "Stuck" cells:
most seeds are still at the unigram baseline.

The darker a cell, the higher the loss. All rows but the last have the same number of parameters in their matrices.
"Wide" is one head with the total width of the shallow model's four, "narrow" are four heads with the total width of the
deep model's one; both change the number of heads alone. The last row has several heads of the full width in each layer,
and the same narrow MLP; it is larger. The unigram baseline is the loss of a model without any context, which knows how
frequent each byte is. The number is the median over the seeds.

A map of {rows} rows and {columns} columns. At the highest rate {post_high_failed} of the post-norm runs end at the
unigram baseline and {pre_high_failed} of the pre-norm runs. Over all rates and with post-norm, it is
{deep_one_head_post_failed} of the runs of the deepest model with one head, {deep_narrow_post_failed} of those with
several narrow heads at the same depth, and {shallow_post_failed} of those of the shallow model with several heads.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, depth_study, style
from attnsite.figures.toolkit.depth_study import EXPERIMENT as EXPERIMENT
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

TITLE_COLUMNS = ("validation loss",)

GAP = 0.35  # between the columns of the two norms, in columns
FULLEST = 0.4


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    named = depth_study.shapes(run)
    for role, shape in named.items():
        for norm in depth_study.NORMS:
            failed = depth_study.share_of_nothing(shape.rows(run, norm=norm))
            found[f"{role}_{norm}_failed"] = Quantity(failed, "%")
            for name, rate in depth_study.rates(run).items():
                share = depth_study.share_of_nothing(shape.rows(run, norm=norm, rate=rate))
                found[f"{role}_{norm}_{name}_failed"] = Quantity(share, "%")
    for norm in depth_study.NORMS:
        for name, rate in depth_study.rates(run).items():
            share = depth_study.share_of_nothing(run.where(norm=norm, rate=rate))
            found[f"{norm}_{name}_failed"] = Quantity(share, "%")
    found |= depth_study.alike(run)
    found["rows"] = Quantity(len(named), "count")
    found["columns"] = Quantity(len(_columns(run)), "count")
    found["steps"] = Quantity(run.where()[0].case["steps"], "count")
    found["without_context"] = Quantity(depth_study.without_context(run), depth_study.NATS)
    return found


def _columns(run: Run) -> list[tuple[str, float]]:
    return [(norm, rate) for norm in depth_study.NORMS for rate in sorted(set(depth_study.rates(run).values()))]


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "layers × heads": shape.label, "norm": depth_study.NORMS[norm], "learning rate": rate,
         "validation loss": depth_study.loss(rows),
         "seeds at the unigram baseline": sum(map(depth_study.nothing, rows)),
         "seeds": len(rows), "seeds that diverged": sum(row.values["diverged_at"] is not None for row in rows)}
        for run in runs
        for shape in depth_study.shapes(run).values()
        for norm, rate in _columns(run)
        for rows in (shape.rows(run, norm=norm, rate=rate),)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    named, columns, worst = depth_study.shapes(run), _columns(run), depth_study.without_context(run)
    half = len(columns) // 2
    lefts = [n + GAP * (n >= half) for n in range(len(columns))]
    least = min(depth_study.best(run, shape, norm)[1].value for shape in named.values() for norm in depth_study.NORMS)
    x = axes.Axis("learning rate", 0, lefts[-1] + 1, tuple(left + 0.5 for left in lefts),
                   tuple(f"{rate:g}" for _, rate in columns))  # fmt: skip
    y = axes.Axis("layers × heads; validation loss (nats per byte)", -len(named), 0.75,
                   tuple(-row - 0.5 for row in range(len(named))),
                   tuple(shape.label for shape in named.values()))  # fmt: skip
    on = style.chart(x, y)
    on.figure.update_yaxes(showgrid=False)
    on.figure.update_xaxes(showline=False, ticks="")
    for start, norm in zip((0, half), depth_study.NORMS, strict=True):
        style.note(on, lefts[start], 0.08, depth_study.NORMS[norm], style.MUTE, above=True, anchor="left")
    for row, shape in enumerate(named.values()):
        for left, (norm, rate) in zip(lefts, columns, strict=True):
            _cell(on, run, shape, norm, rate, (left, -row), (least, worst))
    return style.finish(on, run)


def _cell(on: style.Chart, run: Run, shape: depth_study.Shape, norm: str, rate: float, corner: tuple[float, float],
          ends: tuple[float, float]) -> None:  # fmt: skip
    """One rectangle, filled by how far its loss is from the best to that without context, with the loss in it."""
    rows = shape.rows(run, norm=norm, rate=rate)
    loss, failed = depth_study.loss(rows), sum(map(depth_study.nothing, rows))
    share = min(1.0, max(0.0, (loss.value - ends[0]) / (ends[1] - ends[0]))) if loss else 1.0
    (left, top), gap = corner, 0.03
    xs, ys = (left + gap, left + 1 - gap), (top - gap, top - 1 + gap)
    on.figure.add_scatter(
        x=[xs[0], xs[1], xs[1], xs[0], xs[0]], y=[ys[0], ys[0], ys[1], ys[1], ys[0]], mode="lines", fill="toself",
        fillcolor=style.faint(style.OTHER, round(0.04 + (FULLEST - 0.04) * share, 3)),
        line={"width": 0, "color": style.CLEAR}, hoveron="fills", hoverinfo="text",
        text=f"{shape.label}, {depth_study.NORMS[norm]}, rate {rate:g}<br>loss {loss or 'of no seed'}<br>"
             f"{failed} of {len(rows)} seeds at the unigram baseline",
    )  # fmt: skip
    text = f"{loss.value:.2f}" if loss else "—"
    words = f"{text}<br>stuck" if failed > len(rows) / 2 else text
    style.note(on, left + 0.5, top - 0.5, words, ground=False, name="fixed")
    on.figure.layout.annotations[-1].align = "center"
