"""{models_128} of {models} collected models have a head dimension of {most_common}

Collected models by head dimension, in two periods. Before {split}, 64 and 128 were about equally common; since then 128
dominates.

The models are those of the KV cache table; some families appear in several sizes. Models have grown by orders of
magnitude: the number of heads grows with the hidden size, and the head dimension stays. The selection is for
illustration and not a census.

A bar chart over head dimensions from {narrowest} to {widest}. Of {models} models {models_128} have head_dim 128 and
{models_64} head_dim 64; {others} have another head dimension. Of those from {split} on, {late_128_share} have 128.
"""

from collections import Counter
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "kv_cache"
TITLE_COLUMNS = ("from 2023 on", "before 2023")
SPLIT = 2023
PERIODS = (f"before {SPLIT}", f"from {SPLIT} on")


def late(row: Row) -> bool:
    return bool(row.case["year"] >= SPLIT)


def values(run: Run) -> dict[str, Quantity]:
    rows = run.where()
    counts = Counter(row.case["head_dim"] for row in rows)
    recent = Counter(row.case["head_dim"] for row in rows if late(row))
    apart = sum(row.values["attention_width"] != row.case["width"] for row in rows)
    return {
        "models": Quantity(len(rows), "count"),
        "split": Quantity(SPLIT, "1"),
        "most_common": Quantity(counts.most_common(1)[0][0], "count"),
        "narrowest": Quantity(min(counts), "count"),
        "widest": Quantity(max(counts), "count"),
        "models_64": Quantity(counts[64], "count"),
        "models_128": Quantity(counts[128], "count"),
        "others": Quantity(len(rows) - counts[64] - counts[128], "count"),
        "late_128_share": Quantity(recent[128] / recent.total(), "%"),
        "late_models": Quantity(recent.total(), "count"),
        "apart": Quantity(apart, "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = sorted(runs[0].where(), key=lambda row: (row.case["head_dim"], row.case["year"]))
    widths = sorted({row.case["head_dim"] for row in rows})
    return [
        {
            "head dim": dim,
            PERIODS[0]: sum(row.case["head_dim"] == dim and not late(row) for row in rows),
            PERIODS[1]: sum(row.case["head_dim"] == dim and late(row) for row in rows),
            "models": ", ".join(row.case["name"] for row in rows if row.case["head_dim"] == dim),
        }
        for dim in widths
    ]


def draw(runs: list[Run]) -> go.Figure:
    lines = tabulate(runs)
    names = [str(line["head dim"]) for line in lines]
    tallest = max(line[PERIODS[0]] + line[PERIODS[1]] for line in lines)
    x = axes.Axis("head dimension", -0.6, len(names) - 0.4, tuple(range(len(names))), tuple(names))
    on = style.chart(x, axes.linear_axis("models", [0, tallest], "count"))
    for period, colour in zip(PERIODS, (style.OTHER_2, style.OURS), strict=True):
        on.figure.add_bar(
            x=list(range(len(names))), y=[line[period] for line in lines], name=period, marker={"color": colour},
            hovertext=[f"head_dim {name}: {line[period]} {period}" for name, line in zip(names, lines, strict=True)],
            hoverinfo="text",
        )  # fmt: skip
    top = names.index("128") if "128" in names else 0
    early, recent = lines[top][PERIODS[0]], lines[top][PERIODS[1]]
    style.note(on, top + 0.45, early / 2, PERIODS[0], style.OTHER_2, anchor="left")
    style.note(on, top + 0.45, early + recent / 2, PERIODS[1], style.OURS, anchor="left")
    return style.finish(on, runs[0])
