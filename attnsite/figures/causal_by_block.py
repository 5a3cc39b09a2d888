"""Skipping small blocks is {fine_longest} as fast as masking at {longest} tokens, large blocks {coarse_longest}

One kernel, skipping hidden blocks against masking all scores afterwards: speed-up, both causal and in the same rounds.
Dotted: what the number of pairs predicts.

A dotted line is the ratio of the pairs of query and key that are computed, 2 / (1 + B / N), where B is the larger side
of a block and N the sequence length. What the mask hides inside a computed block is thrown away afterwards. The kernel,
its tiles and its products are the same everywhere; only what it skips varies. A point is the median of the ratios of
single rounds, a band their interquartile range. A point may pass the prediction a little, by noise or by the work of
masking, which was not timed by itself. The lower axis is logarithmic.

A chart of three lines over {shortest} to {longest} tokens. At {longest} tokens blocks of 32 queries by 8 keys reach
{fine_longest}, blocks of 128 {medium_longest}, blocks of 512 {coarse_longest}. At 512 tokens the three are at
{fine_at_512}, {medium_at_512} and {coarse_at_512}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, causal_blocks, measured_rows, peers, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "causal_by_block"
TITLE_COLUMNS = ("masking afterwards / leaving out",)
KERNEL = "control_masked"
KINDS = {  # blocks: the value's name, the label, the look
    (32, 8): ("fine", "32 × 8 blocks", style.Look(style.OURS)),
    (128, 128): ("medium", "128 × 128", style.Look(style.OURS_2, symbol="diamond")),
    (512, 512): ("coarse", "512 × 512", style.Look(style.OTHER_2, symbol="triangle-up")),
    None: ("mask", "mask afterwards", style.Look(style.OTHER, symbol="square")),
}
Kind = tuple[int, int] | None


def _kind(row: Row) -> Kind:
    blocks = (row.case.get("variant") or {}).get("blocks")
    return (blocks[0], blocks[1]) if blocks else None


def gains(run: Run) -> dict[Kind, dict[int, Quantity]]:
    """By blocks and length: the time of masking afterwards over that of leaving blocks out, of the same rounds."""
    times = {(_kind(row), row.case["queries"]): row for row in run.where(KERNEL, causal=True) if row.samples}
    found: dict[Kind, dict[int, Quantity]] = {}
    for kind in KINDS:
        lengths = sorted({n for k, n in times if k == kind and (None, n) in times})
        if not lengths:
            raise LookupError("not measured yet on this machine: prompts with a causal mask and without")
        if kind:
            found[kind] = {n: peers.paired(times[None, n], times[kind, n]) for n in lengths}
    return found


def masked(run: Run) -> dict[int, Quantity]:
    """By length: the time without a mask over that with a mask that is applied after computing, in other rounds."""
    times = {(row.case["queries"], row.case["causal"]): row for row in run.where(KERNEL) if _kind(row) is None}
    return {n: measured_rows.ratio(times[n, False], row) for (n, causal), row in sorted(times.items())
            if causal and row.samples and (n, False) in times and times[n, False].samples}  # fmt: skip


def expected(kind: Kind, tokens: int) -> float:
    """The ratio of the pairs computed."""
    return causal_blocks.gain(tokens, *kind) if kind else 1.0


def values(run: Run) -> dict[str, Quantity]:
    found, without = gains(run), masked(run)
    lengths = list(next(iter(found.values())))
    longest = lengths[-1]
    named = {"shortest": Quantity(lengths[0], "count"), "longest": Quantity(longest, "count")}
    for kind, those in found.items():
        name = KINDS[kind][0]
        named[f"{name}_longest"] = those[longest]
        named |= {f"{name}_at_{n}": q for n, q in those.items()}
        named[f"{name}_expected_longest"] = Quantity(expected(kind, longest), "×")
        named |= {f"{name}_expected_at_{n}": Quantity(expected(kind, n), "×") for n in lengths}
    off = [abs(q.value / expected(kind, n) - 1) for kind, those in found.items() for n, q in those.items() if n >= 512]
    named["farthest"] = Quantity(max(off), "%")
    if without:
        named["mask_middle"] = measured_rows.quartiles([q.value for q in without.values()], "×")
        named["mask_lengths"] = Quantity(len(without), "count")
        named["mask_least"] = Quantity(min(q.value for q in without.values()), "×")
        named["mask_most"] = Quantity(max(q.value for q in without.values()), "×")
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "machine": run.machine,
            "blocks left out": f"{kind[0]} × {kind[1]}" if kind else "none",
            "tokens": n,
            "masking afterwards / leaving out": gain,
            "pairs in all / computed": Quantity(expected(kind, n), "×"),
        }
        for run in runs
        for kind, those in gains(run).items()
        for n, gain in those.items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    found = gains(runs[0])
    lengths = list(next(iter(found.values())))
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", lengths, "tokens"),
        axes.linear_axis("speed-up over masking afterwards", [*peers.bounds(
            q for those in found.values() for q in those.values()), 2.0], "×", zero=False, pad=0.06),
    )  # fmt: skip
    style.reference(on, [on.x.low, on.x.high], [2, 2], "half the time", at=0.12, above=True)
    for kind, those in found.items():
        _, label, look = KINDS[kind]
        if kind:
            style.reference(on, lengths, [expected(kind, n) for n in lengths], f"{label}, counted", colour=look.colour)
        gained = list(those.values())
        style.line(
            on, lengths, [q.value for q in gained], look, label,
            low=[q.low or q.value for q in gained], high=[q.high or q.value for q in gained],
            hover=[f"{label}, {axes.tokens(n)} tokens: {q}<br>counted {Quantity(expected(kind, n), '×')}"
                   for n, q in those.items()],
        )  # fmt: skip
    return style.finish(on, runs[0])
