"""Dealt out in two equal parts, the longer part makes the other wait, and half of the saving is lost

The time without a mask over the time with a causal one, for a single head on two threads, when tiles of queries are
handed out by a counter and when each thread gets one half of them. Compare the lines with 2 and with four thirds.

The second half of the queries sees three quarters of all visible pairs, so whoever has it works half as long again as
two threads that share alike. The dotted lines are the ratios of the pairs that the busier thread computes. Without a
mask both ways of dealing are equally good. Bands pair the farthest quartiles of both times; the lower axis is
logarithmic.

A chart of two lines over prompts from {shortest} to {longest} tokens. At {longest} tokens handing out by a counter
reaches {counter_longest}, two equal parts {parts_longest}, where {expected_longest} was to be expected: with the mask,
equal parts take {parts_over_counter} the time of the counter.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import _axes, _blocks, _measured, _peers, _style
from attnsite.quantity import Quantity
from attnsite.results import Row, Run

EXPERIMENT = "causal_by_dealing"
TITLE_COLUMNS = ("gain of the mask",)
KERNEL = "control_masked"
PANEL = (32, 8)  # what the kernel leaves out here
KINDS = {
    "longest first": ("counter", "longest first,<br>by a counter", _style.Look(_style.OURS)),
    "in parts": ("parts", "in two<br>equal parts", _style.Look(_style.OTHER, symbol="square")),
}


def _kind(row: Row) -> str:
    return str((row.case.get("variant") or {}).get("dealt", "longest first"))


def gains(run: Run) -> dict[str, dict[int, Quantity]]:
    """By the way of dealing and the length: the time without a mask over the time with one."""
    times = {(_kind(row), row.case["queries"], row.case["causal"]): row for row in run.where(KERNEL) if row.samples}
    found: dict[str, dict[int, Quantity]] = {}
    for kind in KINDS:
        lengths = sorted({n for k, n, causal in times if k == kind and causal and (kind, n, False) in times})
        if not lengths:
            raise LookupError("not measured yet on this machine: both ways of dealing out, with two threads")
        found[kind] = {n: _measured.ratio(times[kind, n, False], times[kind, n, True]) for n in lengths}
    return found


def expected(run: Run, kind: str, tokens: int) -> float:
    """The ratio of the pairs that the busier thread computes."""
    threads = int(run.where(KERNEL)[0].case["threads"])
    return _blocks.gain_in_parts(tokens, *PANEL, 1, threads) if kind == "in parts" else _blocks.gain(tokens, *PANEL)


def values(run: Run) -> dict[str, Quantity]:
    found = gains(run)
    lengths = list(found["in parts"])
    longest = lengths[-1]
    last = {_kind(row): row for row in run.where(KERNEL, queries=longest, causal=True)}
    named = {
        "shortest": Quantity(lengths[0], "count"),
        "longest": Quantity(longest, "count"),
        "expected_longest": Quantity(expected(run, "in parts", longest), "×"),
        "parts_over_counter": _peers.paired(last["in parts"], last["longest first"]),
    }
    for kind, (name, _, _) in KINDS.items():
        named[f"{name}_longest"] = found[kind][longest]
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "machine": run.machine,
            "dealt out": kind,
            "tokens": n,
            "gain of the mask": gain,
            "bound by the busier thread": Quantity(expected(run, kind, n), "×"),
        }
        for run in runs
        for kind, those in gains(run).items()
        for n, gain in those.items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found = gains(run)
    lengths = list(found["in parts"])
    every = _peers.bounds(q for those in found.values() for q in those.values())
    on = _style.chart(
        _axes.cases_axis("tokens of the prompt, one head", lengths, "tokens"),
        _axes.linear_axis("time without the mask / with it (ratio)", [*every, 2.0], "×", zero=False, pad=0.06),
    )
    for kind, (_, label, look) in KINDS.items():
        counted = [expected(run, kind, n) for n in lengths]
        _style.reference(on, lengths, counted, f"{label.replace('<br>', ' ')}, counted", colour=look.colour)
        gained = list(found[kind].values())
        _style.line(
            on, lengths, [q.value for q in gained], look, label,
            low=[q.low or q.value for q in gained], high=[q.high or q.value for q in gained],
            hover=[f"{label.replace('<br>', ' ')}, {_axes.tokens(n)} tokens: {q}" for n, q in found[kind].items()],
        )  # fmt: skip
    allowed = expected(run, "in parts", lengths[-1])
    text = "4/3, what the busier half allows"
    _style.note(on, lengths[-1], allowed, text, _style.MUTE, above=False, anchor="right", shift=(0, -26))
    return _style.finish(on, run)
