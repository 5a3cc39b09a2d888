"""Decode with one KV head: {mqa_mean_lead} as fast as the fastest library, on average

Speed-up of a decode step over the fastest of the other libraries, by context length, for 32, 8 and 1 KV heads. Above 1
the kernel is faster.

Each point compares with whichever library is the fastest there. All read the same cache in float32; a kernel that
answers all query heads of a group while a block of the cache is at hand reads it once, one that repeats the cache or
takes head after head reads it again. Bands hold the interquartile range of the ratios of the rounds; both axes are
logarithmic.

A chart of three lines. At {context} tokens the kernel is {mha_lead} as fast as the fastest other library with 32 KV
heads, {gqa_lead} with 8 and {mqa_lead} with 1. With 32 it reads the cache at {mha_bandwidth_share} of what this machine
reached when it only read.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.decode_by_context import KINDS
from attnsite.figures.toolkit import axes, measured_rows, peers, style
from attnsite.figures.toolkit.peers import Contest
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "peers_decode"
TITLE_COLUMNS = ("speed-up over it", "time per step")
OURS = ("cpu_simd_decode", "cpu_decode")


def _bytes(row: Row) -> int:
    """What the step must read at least: the cache, the queries and the output, in float32."""
    case = row.case
    return case["batch"] * Attention(1, case["heads"], case["dim"], case["kv_heads"]).input_bytes(
        case["queries"], case["keys"]
    )


def _share(run: Run, row: Row) -> Quantity | None:
    """The bandwidth of a step over that of reading in the same rounds."""
    read = run.where("ceiling:read", **row.case)
    if not read:
        return None
    work = _bytes(row) / read[0].values["bytes"]
    return measured_rows.quartiles([work * r / s for r, s in zip(read[0].samples, row.samples, strict=False)], "%")


def _kinds(run: Run) -> dict[int, list[Contest]]:
    """The contests by number of key-value heads, by rising context."""
    those = sorted(peers.contests(run, OURS), key=lambda contest: contest.ours.case["keys"])
    return {kv: here for kv in KINDS if (here := [c for c in those if c.ours.case["kv_heads"] == kv])}


def values(run: Run) -> dict[str, Quantity]:
    kinds = _kinds(run)
    if len(kinds) < len(KINDS):
        raise LookupError("not measured yet on this machine: no decoding step with each of 32, 8 and 1 KV heads")
    shared = set.intersection(*({c.ours.case["keys"] for c in here} for here in kinds.values()))
    if not shared:
        raise LookupError("not measured yet on this machine: no context with 32, 8 and 1 key-value heads")
    context = max(shared)
    found = {"context": Quantity(context, "count")}
    for kv_heads, here in kinds.items():
        name = KINDS[kv_heads][0]
        at = next(contest for contest in here if contest.ours.case["keys"] == context)
        found[f"{name}_time"], found[f"{name}_lead"] = at.ours.quantity(), at.lead(at.fastest)
        found[f"{name}_mean_lead"] = peers.geomean([contest.lead(contest.fastest) for contest in here])
        for contest in here:
            keys = contest.ours.case["keys"]
            found[f"{name}_lead_at_{keys}"] = contest.lead(contest.fastest)
            found |= {f"{name}_{peer.removeprefix('peer_')}_at_{keys}": contest.lead(peer) for peer in contest.peers}
        moved, (least, most) = _bytes(at.ours), at.ours.middle_half()
        found[f"{name}_bandwidth"] = Quantity(moved / at.ours.median, "B/s", moved / most, moved / least)
        if share := _share(run, at.ours):
            found[f"{name}_bandwidth_share"] = share
    read = run.ceiling("read")
    return found | ({"read_bandwidth": read} if read else {})


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"kv_heads": "KV heads", "keys": "context length"}, head="time per step")
    rows = [(run, row) for run in runs for row in run.rows if row.takes_part]
    ours = {(run.machine, peers.key(c.ours)): c.ours for run, those in peers.contested(runs, OURS) for c in those}
    for line, (run, row) in zip(lines, rows, strict=True):
        beside = ours.get((run.machine, peers.key(row)))
        line["speed-up over it"] = peers.paired(row, beside) if beside and row.samples else None
        line["of the read bandwidth"] = _share(run, row) if row.samples else None
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    kinds = _kinds(run)
    leads = {kv: [contest.lead(contest.fastest) for contest in here] for kv, here in kinds.items()}
    contexts = [contest.ours.case["keys"] for here in kinds.values() for contest in here]
    on = style.chart(
        axes.cases_axis("context length, tokens", contexts, "tokens"),
        axes.log_axis("speed-up over the fastest library", peers.bounds(q for qs in leads.values() for q in qs), "×"),
    )
    style.reference(on, [on.x.low, max(contexts)], [1, 1], "equal", end=True, dash="solid", colour=style.INK)
    for kv_heads, here in kinds.items():
        _, label, look = KINDS[kv_heads]
        shown = leads[kv_heads]
        hover = [
            f"{contest.describe()}<br>{lead} as fast as {style.call(contest.fastest)}<br>IQR {lead.spread()}"
            for contest, lead in zip(here, shown, strict=True)
        ]
        style.line(on, [contest.ours.case["keys"] for contest in here], [lead.value for lead in shown], look, label,
                    low=[lead.low or lead.value for lead in shown], high=[lead.high or lead.value for lead in shown],
                    hover=hover)  # fmt: skip
    return style.finish(on, run)
