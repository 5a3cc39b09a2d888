"""Prefill: {fastest_full} as fast as the fastest library, {fastest_causal} with a causal mask

Speed-up of `cpu_simd` over the fastest of the other libraries, one mark for each shape. Above 1 the kernel is faster.

Each library answers every shape in turn with the kernel, with the same arrays and threads, and each mark stands for the
quickest of them at that shape: no single library is that good everywhere. An upright line is the interquartile range of
the ratios of the rounds, and the level lines are geometric means. Both axes are logarithmic.

A chart of {shapes} marks over the work of one call. In the geometric mean the kernel is {fastest_full} as fast as the
fastest other library without a mask and {fastest_causal} with a causal one; at the worst shape it is {worst}, at the
best {best}. It is slower at {lost} of the shapes.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import measured_rows, peers
from attnsite.figures.toolkit.peers import Contest
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "peers_prefill"
TITLE_COLUMNS = ("speed-up over it",)
OURS = ("cpu_simd", "cpu_online")


def values(run: Run) -> dict[str, Quantity]:
    those = peers.contests(run, OURS)
    shortest = min((contest.ours for contest in those), key=lambda row: row.median)
    return peers.summary(those) | _peak(run, those) | {"shortest": shortest.quantity()}


def _peak(run: Run, those: list[Contest]) -> dict[str, Quantity]:
    """The share of the multiply-add peak that our kernel reaches with long prompts and wide heads, without a mask."""
    fma = run.ceiling("fma")
    large = [
        c.ours
        for c in those
        if c.ours.case["queries"] >= 1024 and c.ours.case["dim"] >= 64 and not c.ours.case["causal"]
    ]
    if not (fma and large):
        return {}
    shares = []
    for row in large:
        peak = run.where("ceiling:fma", **{name: v for name, v in row.case.items() if name != "variant"})[0]
        work = peers.flops(row) / peak.values["flops"]
        rounds = [work * p / s for p, s in zip(peak.samples, row.samples, strict=False)]
        shares.append(measured_rows.quartiles(rounds, "%"))
    return {"fma": fma, "fma_share_least": min(shares, key=lambda share: share.value),
            "fma_share_most": max(shares, key=lambda share: share.value)}  # fmt: skip


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return peers.table(runs, OURS)


def draw(runs: list[Run]) -> go.Figure:
    return peers.draw_by_work(runs[0], OURS, products=2)
