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

from attnsite.accounting import Attention
from attnsite.figures import _axes, _measured, _peers, _style
from attnsite.figures._peers import Contest
from attnsite.quantity import Quantity
from attnsite.results import Row, Run

EXPERIMENT = "peers_prefill"
OURS = ("cpu_simd", "cpu_online")
MASKS = {False: ("full", _style.Look(_style.OURS)), True: ("causal", _style.Look(_style.OTHER, symbol="diamond"))}


def flops(row: Row) -> int:
    """The matrix products of a call, visible pairs only."""
    case = row.case
    return case["batch"] * Attention(1, case["heads"], case["dim"]).core_flops(
        case["queries"], case["keys"], case["causal"]
    )


def values(run: Run) -> dict[str, Quantity]:
    those = _peers.contests(run, OURS)
    found: dict[str, Quantity] = {}
    for causal, (mask, _) in MASKS.items():
        here = [contest for contest in those if contest.ours.case["causal"] is causal]
        if not here:
            raise LookupError(f"not measured yet on this machine: no shape with the mask “{mask}”")
        found |= _leads(here, mask)
    leads = {id(contest): contest.lead(contest.fastest) for contest in those}
    found |= _leads(those, "all")
    found["shapes"] = Quantity(len(those), "count")
    found["lost"] = Quantity(sum(lead.value < 1 for lead in leads.values()), "count")
    found["worst"], found["best"] = (pick(leads.values(), key=lambda lead: lead.value) for pick in (min, max))
    return found | _peak(run, those)


def _leads(those: list[Contest], name: str) -> dict[str, Quantity]:
    """Geometric means against the fastest and against each peer by name, and the worst shape with each."""
    found = {f"fastest_{name}": _peers.geomean([contest.lead(contest.fastest) for contest in those])}
    for peer in _peers.peers(those):
        leads = [contest.lead(peer) for contest in those if peer in contest.peers]
        short = peer.removeprefix("peer_")
        found[f"{short}_{name}"] = _peers.geomean(leads)
        found[f"{short}_{name}_worst"] = min(leads, key=lambda lead: lead.value)
        found[f"{short}_{name}_shapes"] = Quantity(len(leads), "count")
    return found


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
        work = flops(row) / peak.values["flops"]
        rounds = [work * p / s for p, s in zip(peak.samples, row.samples, strict=False)]
        shares.append(_measured.quartiles(rounds, "%"))
    return {"fma": fma, "fma_share_least": min(shares, key=lambda share: share.value),
            "fma_share_most": max(shares, key=lambda share: share.value)}  # fmt: skip


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    columns = {"heads": "heads", "dim": "head width", "queries": "tokens", "causal": "causal"}
    lines = _measured.table(runs, columns)
    measured = [row for run in runs for row in run.rows if row.kernel and not row.kernel.startswith("ceiling:")]
    ours = {(run.machine, _peers.key(c.ours)): c.ours for run in runs for c in _peers.contests(run, OURS)}
    for line, row in zip(lines, measured, strict=True):
        line["causal"] = "yes" if line["causal"] else "no"
        beside = ours.get((line["machine"], _peers.key(row)))
        line["its time / ours"] = _peers.paired(row, beside) if beside and row.samples else None
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    those = _peers.contests(run, OURS)
    leads = {id(contest): contest.lead(contest.fastest) for contest in those}
    on = _style.chart(
        _axes.log_axis("GFLOP of one call", [flops(contest.ours) / 1e9 for contest in those], pad=2),
        _ratios(list(leads.values())),
    )
    _style.reference(on, [on.x.low, on.x.high], [1, 1], "equal", end=True, dash="solid", colour=_style.INK)
    for causal, (mask, look) in MASKS.items():
        here = [contest for contest in those if contest.ours.case["causal"] is causal]
        if not here:
            continue
        shown = [leads[id(contest)] for contest in here]
        xs = [flops(contest.ours) / 1e9 for contest in here]
        hover = [
            f"{contest.describe()}<br>{_style.call(contest.fastest)}: {lead} our time<br>middle half {lead.spread()}"
            for contest, lead in zip(here, shown, strict=True)
        ]
        _peers.whiskers(on, xs, shown, look, mask)
        _style.points(on, xs, [lead.value for lead in shown], look, mask, hover, size=9)
        mean = _peers.geomean(shown)
        _style.reference(on, [on.x.low, on.x.high], [mean.value] * 2, f"{mask} {mean}", end=True, colour=look.colour)
    return _style.finish(on, run)


def _ratios(leads: list[Quantity]) -> _axes.Axis:
    """A log axis of ratios that holds 1, with ticks at 0.5, 1, 2, 5 and so on."""
    return _axes.log_axis("time of the fastest other / ours", _peers.bounds(leads), "×")
