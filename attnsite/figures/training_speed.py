"""A training step is {fastest} as fast as PyTorch, eager or compiled, whichever is faster

Speed-up of a training step over PyTorch, eager and through `torch.compile`, for {models} models. Right of 1 these
kernels are faster.

The parameters, batches and AdamW are the same, all take turns on {threads} threads, and the losses stay within {away}
of each other. A mark is the median of the ratios round by round, its line their interquartile range. The first number
of a model is its layers, then come its heads in each layer and the tokens of its context; all have a hidden size of
{width}. Under each model stand the tokens/s of these kernels. The axis does not begin at zero.

A chart with a row for each of {models} models. Against whichever of PyTorch's two ways is faster, these kernels are
{fastest} as fast in the geometric mean, {worst} at the model where PyTorch is best and {best} where it is worst. They
train on {slowest} to {quickest} tokens/s, in the medians of rounds that wandered in some of the models.
"""

import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, peers, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "training_speed"
TITLE_COLUMNS = ("speed-up over it",)
WAYS = {"torch": ("eager", style.Look(style.OTHER)),
        "torch_compile": ("compiled", style.Look(style.OURS, symbol="diamond"))}  # fmt: skip


def beside(run: Run) -> list[Row]:
    """The rows with PyTorch's times too. `LookupError` where there is none."""
    found = [row for row in run.where() if any(row.values["seconds"].get(way) for way in WAYS)]
    if not found:
        raise LookupError("not measured yet on this machine: PyTorch has trained no model beside these kernels")
    return found


def lead(row: Row, way: str) -> Quantity:
    """PyTorch's time over ours, round by round: above 1 we are faster."""
    seconds = row.values["seconds"]
    return measured_rows.quartiles([a / b for a, b in zip(seconds[way], seconds["ours"], strict=True)], "×")


def faster(row: Row) -> Quantity:
    """The lead over whichever of PyTorch's ways is faster at this model."""
    return min((lead(row, way) for way in WAYS if way in row.values["seconds"]), key=lambda found: found.value)


def rate(row: Row, way: str = "ours") -> Quantity:
    """Tokens a second."""
    return measured_rows.quartiles([row.values["tokens"] / one for one in row.values["seconds"][way]], "count")


def values(run: Run) -> dict[str, Quantity]:
    rows = beside(run)
    leads, rates = [faster(row) for row in rows], [rate(row) for row in rows]
    found = {
        "fastest": peers.geomean(leads),
        "worst": min(leads, key=lambda one: one.value),
        "best": max(leads, key=lambda one: one.value),
        "slowest": min(rates, key=lambda one: one.value),
        "quickest": max(rates, key=lambda one: one.value),
        "lost": Quantity(sum(one.value < 1 for one in leads), "count"),
        "models": Quantity(len(rows), "count"),
        "threads": Quantity(run.provenance.machine.get("threads", 1), "count"),
        "width": Quantity(rows[0].case["width"], "count"),
        "rounds": Quantity(rows[0].case["rounds"], "count"),
        "away": Quantity(max(row.values["away"] for row in rows), "nats", digits=1),
    }
    for way in WAYS:
        those = [lead(row, way) for row in rows if way in row.values["seconds"]]
        if those:
            found |= {way: peers.geomean(those), f"{way}_worst": min(those, key=lambda one: one.value)}
    for row in rows:
        shape = "{layers}_{heads}_{length}".format(**row.case)
        found |= {f"{way}_{shape}": rate(row, way) for way in row.values["seconds"]}
        found |= {f"{way}_lead_{shape}": lead(row, way) for way in WAYS if way in row.values["seconds"]}
        ours = rate(row)
        found[f"ours_{shape}_low"] = Quantity(ours.low or ours.value, "count")
        found[f"ours_{shape}_high"] = Quantity(ours.high or ours.value, "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        for row in run.where():
            seconds = row.values["seconds"]
            names = {"ours": "these kernels"} | {way: f"PyTorch, {name}" for way, (name, _) in WAYS.items()}
            for way, name in names.items():
                if seconds.get(way):
                    lines.append({"machine": run.machine, "trained by": name, "layers": row.case["layers"],
                                  "heads": row.case["heads"],
                                  "sequence length": row.case["length"], "batch": row.case["batch"],
                                  "tokens/s": rate(row, way),
                                  "time per step": measured_rows.quartiles(seconds[way], "s"),
                                  "speed-up over it": lead(row, way) if way != "ours" else None})  # fmt: skip
    return lines


def label(row: Row) -> str:
    """A model and how fast ours trains it, on two lines."""
    thousands = statistics.median(row.values["tokens"] / one for one in row.values["seconds"]["ours"]) / 1000
    return "{layers} × {heads}, {length}".format(**row.case) + f"<br>{thousands:.1f}k tokens/s"


def draw(runs: list[Run]) -> go.Figure:
    rows = beside(runs[0])
    shown = {way: [lead(row, way) if way in row.values["seconds"] else None for row in rows] for way in WAYS}
    places = [float(len(rows) - 1 - i) for i in range(len(rows))]
    every = [one for leads in shown.values() for one in leads if one]
    x = axes.linear_axis("speed-up over PyTorch, by step", peers.bounds(every), "×",
                          zero=False, most=6)  # fmt: skip
    y = axes.Axis("layers × heads, tokens", -0.6, len(rows) - 0.2, (*places, -0.6), (*map(label, rows), ""))
    on = style.chart(x, y)
    style.reference(on, [1, 1], [on.y.low, on.y.high], "equal", dash="solid", colour=style.INK)
    for above, (way, (name, look)) in zip((0.16, -0.16), WAYS.items(), strict=True):
        there = [(one, place + above, row) for one, place, row in zip(shown[way], places, rows, strict=True) if one]
        if not there:
            continue
        reach = [at for one, _, _ in there for at in (one.low, one.high, None)]
        on.figure.add_scatter(
            x=reach, y=[at for _, place, _ in there for at in (place, place, None)], mode="lines", hoverinfo="skip",
            line={"color": style.faint(look.colour, 0.45), "width": 3}, name=f"{name}, interquartile range",
        )  # fmt: skip
        style.points(on, [one.value for one, _, _ in there], [place for _, place, _ in there], look, name,
                      [f"{one} as fast as {name}, {rate(row, way)} tokens/s<br>IQR {one.spread()}"
                       for one, _, row in there], size=10)  # fmt: skip
        one, place, _ = there[-1]
        style.note(on, one.value, place, name, look.colour, above=above > 0, shift=(0, 7 if above > 0 else -7))
    return style.finish(on, runs[0])
