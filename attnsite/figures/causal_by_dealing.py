"""Under a causal mask, a static split of one head takes up to {parts_longest} as long as dynamic scheduling

Time of one head on two threads with a static split, half of the queries each, over the time with dynamic scheduling: a
counter hands out tiles, the longest first. Same rounds.

The second half of the queries sees three quarters of all visible pairs. Under the mask its thread therefore works half
as long again as two threads that share equally; the dotted line is the ratio of the pairs that the busier thread
computes. Without a mask both halves are equal work. A point is the median of the ratios of single rounds, a band their
interquartile range; the lower axis is logarithmic.

A chart of two lines over {shortest} to {longest} tokens. At {longest} tokens equal parts take {parts_longest} as long
under the mask, where the number of pairs predicts {expected_longest}, and {unmasked_longest} without.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, causal_blocks, peers, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "causal_by_dealing"
TITLE_COLUMNS = ("time in parts / by a counter",)
KERNEL = "control_masked"
PANEL = (32, 8)  # what the kernel leaves out here
KINDS = {  # causal: the value's name, the label, the look
    True: ("parts", "causal mask", style.Look(style.OURS)),
    False: ("unmasked", "no mask", style.Look(style.OTHER, symbol="square")),
}
WAYS = ("longest first", "in parts")


def _kind(row: Row) -> str:
    return str((row.case.get("variant") or {}).get("dealt", WAYS[0]))


def ratios(run: Run) -> dict[bool, dict[int, Quantity]]:
    """By mask and length: the time in two equal parts over that by a counter, of the same rounds."""
    times = {(_kind(row), row.case["queries"], row.case["causal"]): row for row in run.where(KERNEL) if row.samples}
    counter, parts = WAYS
    found = {
        causal: {n: peers.paired(times[parts, n, causal], times[counter, n, causal])
                 for n in sorted({n for way, n, _ in times if way == parts})
                 if (parts, n, causal) in times and (counter, n, causal) in times}
        for causal in KINDS
    }  # fmt: skip
    if not all(found.values()):
        raise LookupError("not measured yet on this machine: both ways of dealing out, with two threads")
    return found


def expected(run: Run, tokens: int) -> float:
    """The ratio of the pairs that the busier thread computes, under the mask."""
    threads = int(run.where(KERNEL)[0].case["threads"])
    return causal_blocks.gain(tokens, *PANEL) / causal_blocks.gain_in_parts(tokens, *PANEL, 1, threads)


def values(run: Run) -> dict[str, Quantity]:
    found = ratios(run)
    lengths = list(found[True])
    longest = lengths[-1]
    named = {
        "shortest": Quantity(lengths[0], "count"),
        "longest": Quantity(longest, "count"),
        "expected_longest": Quantity(expected(run, longest), "×"),
    }
    for causal, (name, _, _) in KINDS.items():
        named[f"{name}_longest"] = found[causal][max(found[causal])]
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "machine": run.machine,
            "mask": "causal" if causal else "none",
            "tokens": n,
            "time in parts / by a counter": ratio,
            "bound by the busier thread": Quantity(expected(run, n) if causal else 1.0, "×"),
        }
        for run in runs
        for causal, those in ratios(run).items()
        for n, ratio in those.items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found = ratios(run)
    lengths = list(found[True])
    every = peers.bounds(q for those in found.values() for q in those.values())
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", lengths, "tokens"),
        axes.linear_axis("time, static split / dynamic scheduling", [*every, 1.5], "×", zero=False, pad=0.06),
    )
    counted = [expected(run, n) for n in lengths]
    style.reference(on, lengths, counted, "counted", at=0.2, above=True)
    for causal, (_, label, look) in KINDS.items():
        those = found[causal]
        style.line(
            on, list(those), [q.value for q in those.values()], look, label,
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
            hover=[f"{label}, {axes.tokens(n)} tokens: {q}" for n, q in those.items()],
        )  # fmt: skip
    return style.finish(on, run)
