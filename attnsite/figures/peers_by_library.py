"""Over all prefill shapes, the nearest library is behind by {nearest} in the geometric mean

Speed-up of `cpu_simd` over each library: geometric mean, and a line from the worst shape to the best. Right of 1 the
kernel is faster.

Filled circles are calls without a mask, diamonds those with a causal one. The kernel and each library took turns on the
same arrays with the same number of threads; a library that refused a shape, or took too long, is left out there, and
the table says so. The axis is logarithmic.

A chart with a row for each of {libraries} libraries. The kernel is {nearest} as fast as the nearest in the geometric
mean over all its shapes, {farthest} as fast as the farthest; at its worst shape it is {worst} as fast as some library.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.peers_prefill import OURS
from attnsite.figures.toolkit import axes, peers, style
from attnsite.figures.toolkit.peers import MASKS, Contest
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "peers_prefill"
TITLE_COLUMNS = ("speed-up over it",)


def _leads(those: list[Contest], peer: str, causal: bool | None = None) -> list[Quantity]:
    """The ratios of one library, least first; all of them, or those of one mask."""
    wanted = [c for c in those if peer in c.peers and causal in (None, c.ours.case["causal"])]
    return sorted((contest.lead(peer) for contest in wanted), key=lambda lead: lead.value)


def _ordered(those: list[Contest]) -> list[str]:
    """The libraries, nearest to the kernel first."""
    return sorted(peers.peers(those), key=lambda peer: peers.geomean(_leads(those, peer)).value)


def values(run: Run) -> dict[str, Quantity]:
    those = peers.contests(run, OURS)
    order = _ordered(those)
    means = [peers.geomean(_leads(those, peer)) for peer in order]
    worst = min((_leads(those, peer)[0] for peer in order), key=lambda lead: lead.value)
    return {"libraries": Quantity(len(order), "count"), "nearest": means[0], "farthest": means[-1], "worst": worst}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run, those in peers.contested(runs, OURS):
        for peer in _ordered(those):
            for causal, (mask, _) in MASKS.items():
                leads = _leads(those, peer, causal)
                if leads:
                    lines.append({"machine": run.machine, "library": style.call(peer), "mask": mask,
                                  "shapes": len(leads), "speed-up over it": peers.geomean(leads),
                                  "worst shape for us": leads[0], "best shape for us": leads[-1]})  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    those = peers.contests(run, OURS)
    order = _ordered(those)
    every = [lead for peer in order for lead in _leads(those, peer)]
    places = [float(len(order) - 1 - i) for i in range(len(order))]
    on = style.chart(
        axes.log_axis("speed-up over the library", [*(lead.value for lead in every), 1], "×"),
        axes.Axis("library", -0.6, len(order) - 0.4, (*places, -0.6), (*(style.call(p) for p in order), "")),
    )
    style.reference(on, [1, 1], [on.y.low, on.y.high], "equal", dash="solid", colour=style.INK)
    for causal, (mask, look) in MASKS.items():
        xs, ys, hover = [], [], []
        for peer, place in zip(order, places, strict=True):
            leads = _leads(those, peer, causal)
            if not leads:
                continue
            mean, height = peers.geomean(leads), place + (-0.17 if causal else 0.17)
            on.figure.add_scatter(
                x=[leads[0].value, leads[-1].value], y=[height] * 2, mode="lines", hoverinfo="skip",
                line={"color": style.faint(look.colour, 0.45), "width": 3}, name=f"{style.call(peer)}, {mask}",
            )  # fmt: skip
            xs.append(mean.value)
            ys.append(height)
            hover.append(f"{style.call(peer)}, {mask}: {mean}<br>from {leads[0]} to {leads[-1]}, {len(leads)} shapes")
        style.points(on, xs, ys, look, mask, hover, size=10)
        if xs:
            style.note(on, xs[-1], ys[-1], mask, look.colour, above=not causal, shift=(0, -7 if causal else 7))
    return style.finish(on, run)
