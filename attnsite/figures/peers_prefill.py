"""The fastest other library takes {fastest_full} our time without a mask, {fastest_causal} with a causal one

How many times as long the fastest of the other libraries takes as our kernel, one mark for each shape. Below the line
at 1 we lose.

Each library answers every shape in turn with our kernel, with the same arrays and threads, and each mark stands for the
quickest of them at that shape: no single library is that good everywhere. An upright line holds the middle half of the
ratios of the rounds, and the level lines are geometric means. Both axes are logarithmic.

A chart of {shapes} marks over the work of one call. In the geometric mean the fastest other library takes
{fastest_full} our time without a mask and {fastest_causal} with a causal one; at the worst shape it takes {worst}, at
the best {best}. We lose at {lost} of the shapes.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import measured_rows, peers
from attnsite.figures.toolkit.peers import Contest
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "peers_prefill"
TITLE_COLUMNS = ("its time / ours",)
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
