"""Splitting the keys keeps a GPU busy that decodes one sequence with few KV heads

Speed-up of a decode step when the keys of each KV head are split among thread blocks, by cache length. Fewer KV heads
leave more to win.

The comparison is with one thread block for each KV head, for one query in each of {heads} heads over a cache of up to
{context} tokens. With 32 KV heads there are as many blocks without splitting, with one there is a single one; a longer
cache makes more parts worth while.

A chart of one line for each number of KV heads, against the length of the cache. At {context} tokens splitting brings
{gain_fewest_kv} with {fewest_kv} KV heads and {gain_most_kv} with {most_kv}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, gpu, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "parts_by_context"
TITLE_COLUMNS = ("one part over several",)
KERNEL = "cuda_decode"
LOOKS = (
    style.Look(style.OURS),
    style.Look(style.OURS_2, "dash", "square"),
    style.Look(style.OTHER, "dot", "diamond"),
    style.Look(style.OTHER_2, "dashdot", "triangle-up"),
)


def gains(run: Run) -> dict[int, dict[int, Quantity]]:
    """By KV heads and context: the time with one part over the time with as many as the kernel chooses."""
    rows = gpu.measured(run, KERNEL)
    whole = {(row.case["kv_heads"], row.case["keys"]): row for row in rows if row.case.get("variant") == {"parts": 1}}
    found: dict[int, dict[int, Quantity]] = {}
    for row in rows:
        key = row.case["kv_heads"], row.case["keys"]
        if not row.case.get("variant") and key in whole:
            found.setdefault(key[0], {})[key[1]] = measured_rows.ratio(whole[key], row)
    if not found:
        raise LookupError("not measured yet on this machine: one part beside several")
    return {heads: dict(sorted(those.items())) for heads, those in sorted(found.items())}


def values(run: Run) -> dict[str, Quantity]:
    found = gains(run)
    fewest, most = min(found), max(found)
    context = max(set(found[fewest]) & set(found[most]))
    return {
        "heads": Quantity(gpu.measured(run, KERNEL)[0].case["heads"], "count"),
        "context": Quantity(context, "count"),
        "fewest_kv": Quantity(fewest, "count"),
        "most_kv": Quantity(most, "count"),
        "gain_fewest_kv": found[fewest][context],
        "gain_most_kv": found[most][context],
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "KV heads": heads, "tokens": tokens, "one part over several": gain}
        for run in runs
        for heads, those in gains(run).items()
        for tokens, gain in those.items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    found = gains(runs[0])
    every = [q for those in found.values() for q in those.values()]
    x = axes.log_axis("sequence length", {n for those in found.values() for n in those}, "tokens", base=2)
    on = style.chart(x, axes.log_axis("speed-up over one part", [q.value for q in every] + [1], "×"))
    style.reference(on, [x.low, x.high], [1, 1], "as fast")
    for (heads, those), look in zip(found.items(), LOOKS, strict=False):
        label = f"{heads} KV head{'s' if heads > 1 else ''}"
        style.line(
            on, list(those), [q.value for q in those.values()], look, label,
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
            hover=[f"{label}, {n} tokens: {q}" for n, q in those.items()],
        )  # fmt: skip
    return style.finish(on, runs[0])
