"""PyTorch’s fused kernel leads by far more once the scores fill the last-level cache

Speed-up of PyTorch’s fused attention over its math kernel, which materialises the scores, by the size of all scores.
Without a mask.

Each mark is a shape, from 1 head to 32 and from 256 tokens to 4096; its colour is the head dimension. The larger the
head dimension, the more arithmetic there is per score, and the less the time to move it matters. Vertical lines are the
cache sizes, summed over cores. On a machine whose last-level cache has 32 MiB, arrays also begin there to get new
memory from the system for every call, so the step has two possible causes. Whiskers are interquartile ranges of the
ratios of the rounds; both axes are logarithmic.

A chart of {shapes} marks. While the scores are smaller than the last-level cache, the fused kernel is {inside} as fast
in the geometric mean, from there on {outside}: {outside_32} with head dimension 32, {outside_64} with 64 and
{outside_128} with 128. The smallest speed-up over all shapes is {least}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, caches, peers, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "peers_prefill"
TITLE_COLUMNS = ("speed-up of fused", "size of the scores")
HELD, FUSED = "peer_torch_math", "peer_torch_flash"
LAST = 32 << 20  # bytes of a last cache, where a run does not say
LOOKS = {
    32: style.Look(style.OURS),
    64: style.Look(style.OURS_2, symbol="diamond"),
    128: style.Look(style.OTHER_2, symbol="square"),
}


def leads(run: Run) -> list[tuple[int, int, Quantity, Row]]:
    """Of each shape without a mask: the bytes of its scores, the width of a head, the ratio, and the fused row."""
    held = {peers.key(row): row for row in run.where(HELD, causal=False) if row.samples}
    found = []
    for row in run.where(FUSED, causal=False):
        if row.samples and peers.key(row) in held:
            case = row.case
            size = Attention(1, case["heads"], case["dim"]).score_bytes(case["queries"], case["keys"])
            found.append((size, int(case["dim"]), peers.paired(held[peers.key(row)], row), row))
    if not found:
        raise LookupError("not measured yet on this machine: PyTorch with its scores held, and fused")
    return sorted(found, key=lambda lead: lead[:2])


def _last(run: Run) -> int:
    return max(caches.of(run).values(), default=LAST)


def values(run: Run) -> dict[str, Quantity]:
    every = leads(run)
    inside = [lead for size, _, lead, _ in every if size < _last(run)]
    outside = [(dim, lead) for size, dim, lead, _ in every if size >= _last(run)]
    named = {
        "shapes": Quantity(len(every), "count"),
        "least": min((lead for _, _, lead, _ in every), key=lambda q: q.value),
        "most": max((lead for _, _, lead, _ in every), key=lambda q: q.value),
        "inside": peers.geomean(inside or [lead for _, lead in outside]),
        "outside": peers.geomean([lead for _, lead in outside] or inside),
        "last_cache": Quantity(_last(run), "B"),
    }
    for dim in LOOKS:
        those = [lead for width, lead in outside if width == dim] or [lead for _, _, lead, _ in every]
        named[f"outside_{dim}"] = peers.geomean(those)
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        try:
            every = leads(run)
        except LookupError:
            continue
        lines += [
            {"machine": run.machine, "heads": row.case["heads"], "head dim": dim, "tokens": row.case["queries"],
             "size of the scores": Quantity(size, "B"), "speed-up of fused": lead}
            for size, dim, lead, row in every
        ]  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    every = leads(run)
    on = style.chart(
        axes.log_axis("size of all scores", [size for size, _, _, _ in every], "B", base=2, most=5, pad=1.6),
        axes.log_axis("speed-up of the fused kernel", peers.bounds(q for _, _, q, _ in every), "×"),
    )
    style.reference(on, [on.x.low, on.x.high], [1, 1], "equal", dash="solid", colour=style.INK)
    for level, size in caches.of(run).items():
        if on.x.low < size < on.x.high:
            style.reference(on, [size, size], [on.y.low, on.y.high], level, dash="solid")
            style.note(on, size, on.y.high, level, style.MUTE, above=False, anchor="left", shift=(4, -2))
    for dim, look in LOOKS.items():
        those = [(size, lead, row) for size, width, lead, row in every if width == dim]
        if not those:
            continue
        xs, shown = [size for size, _, _ in those], [lead for _, lead, _ in those]
        hover = [
            f"{row.case['heads']} heads, head_dim {dim}, {row.case['queries']} tokens: {lead}<br>IQR {lead.spread()}"
            for _, lead, row in those
        ]
        peers.whiskers(on, xs, shown, look, f"head_dim {dim}")
        style.points(on, xs, [lead.value for lead in shown], look, f"head_dim {dim}", hover)
        on.ends.append((on.x.high, shown[-1].value, f"head_dim {dim}", look.colour))
    return style.finish(on, run)
