"""Token {again_longest} takes {ratio} as long without a KV cache as with one, parameters modelled

Time of one more token in one layer, by how many come before it, with a cache and without. The solid lines leave the
dotted ones, attention alone, by what the parameters cost.

Without a cache a layer works on all tokens again for each new one: its products with parameters for every token,
modelled at the median rate of a matrix product over all rounds of this run, and a causal prefill of that length,
measured. With a cache it works on one token: parameters and cache are read once. Dotted is attention alone, measured.
All with 32 KV heads; between measured contexts, as at {again_longest} tokens, the cached attention is interpolated, for
the title and for sums. Bands are the interquartile range of the samples, and both axes are logarithmic.

A chart of two pairs of lines. At {again_longest} tokens one more takes {without} without a cache and {with_cache} with
one; all of the first {again_longest} together take {total_without} and {total_with}, {total_ratio} as long.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.time_per_token import KERNEL, steps
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.figures.toolkit.layer import over, plus, products
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "time_per_token"
TITLE_COLUMNS = ("one more token",)
KV_HEADS = 32
CACHED, AGAIN = style.Look(style.OURS), style.Look(style.OTHER, symbol="square")


def prompts(run: Run) -> list[Row]:
    """Attention over a whole prompt, by its length."""
    rows = [row for row in run.where(KERNEL, kv_heads=KV_HEADS) if row.case["queries"] > 1 and row.samples]
    return sorted(rows, key=lambda row: row.case["queries"])


def between(points: Sequence[tuple[int, float]], power: int) -> dict[int, float]:
    """Times at every length from 1 to the last: from point to point in proportion to length^power, from zero on."""
    found, anchors = {}, [(0, 0.0), *points]
    for (start, before), (end, after) in itertools.pairwise(anchors):
        for n in range(start + 1, end + 1):
            share = (n**power - start**power) / (end**power - start**power)
            found[n] = before + share * (after - before)
    return found


def both(run: Run) -> tuple[dict[int, float], dict[int, float]]:
    """The time of the n-th token for every n up to the longest prompt, with a cache and without."""
    cached = [(row.case["keys"], row.median) for row in steps(run, KV_HEADS)]
    again = [(row.case["queries"], row.median) for row in prompts(run)]
    if not cached or not again or cached[-1][0] < again[-1][0]:
        raise LookupError("not measured yet on this machine: decoding steps, and prompts that are no longer")
    last, attention = again[-1][0], between(cached, 1)
    step = products(run, KV_HEADS).value
    with_cache = {n: step + attention[n] for n in range(1, last + 1)}
    weights = between([(last, products(run, KV_HEADS, last).value)], 1)  # in proportion, but never less than one read
    without = {n: max(step, weights[n]) + time for n, time in between(again, 2).items()}
    return with_cache, without


def values(run: Run) -> dict[str, Quantity]:
    with_cache, without = both(run)
    rows = prompts(run)
    last, row = rows[-1].case["queries"], rows[-1]
    total_with, total_without = sum(with_cache.values()), sum(without.values())
    whole = plus(products(run, KV_HEADS, last), row.quantity())
    return {
        "again_longest": Quantity(last, "count"),
        "with_cache": Quantity(with_cache[last], "s"),
        "without": whole,
        "ratio": over(whole, Quantity(with_cache[last], "s")),
        "prompt_attention": row.quantity(),
        "attention_ratio": Quantity(row.median / (with_cache[last] - products(run, KV_HEADS).value), "×"),
        "prompt_products": products(run, KV_HEADS, last),
        "total_with": Quantity(total_with, "s"),
        "total_without": Quantity(total_without / 3600, "hours"),
        "total_ratio": Quantity(total_without / total_with, "×"),
        "prompt_exponent": measured_rows.exponent(rows, "queries"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        for row in prompts(run):
            n = row.case["queries"]
            lines.append({"machine": run.machine, "cache": "no", "tokens": n, "attention, measured": row.quantity(),
                          "weights, modelled": products(run, KV_HEADS, n),
                          "one more token": plus(products(run, KV_HEADS, n), row.quantity())})  # fmt: skip
        for row in steps(run, KV_HEADS):
            lines.append({"machine": run.machine, "cache": "yes", "tokens": row.case["keys"],
                          "attention, measured": row.quantity(), "weights, modelled": products(run, KV_HEADS),
                          "one more token": plus(products(run, KV_HEADS), row.quantity())})  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    both(run)  # says what is missing
    again = [(row.case["queries"], row, products(run, KV_HEADS, row.case["queries"])) for row in prompts(run)]
    cached = [(row.case["keys"], row, products(run, KV_HEADS)) for row in steps(run, KV_HEADS)]
    series = (("no cache", AGAIN, again), ("with a cache", CACHED, cached))
    points = [point for _, _, those in series for point in those]
    times = [t for _, row, w in points for t in (row.median, plus(w, row.quantity()).high or row.median)]
    on = style.chart(
        axes.log_axis("tokens before it", [n for n, _, _ in points], "tokens", base=2, most=9, pad=1.15),
        axes.log_axis("time of one more token in one layer", times, "s", pad=1.5),
    )
    for label, look, those in series:
        xs = [n for n, _, _ in those]
        sums = [plus(w, row.quantity()) for _, row, w in those]
        hover = [f"{label}, {axes.tokens(n)} tokens: {total}<br>parameters {w}, attention {row.quantity()}"
                 for (n, row, w), total in zip(those, sums, strict=True)]  # fmt: skip
        style.line(on, xs, [q.value for q in sums], look, label, hover=hover,
                    low=[q.low or q.value for q in sums], high=[q.high or q.value for q in sums])  # fmt: skip
        style.reference(on, xs, [row.median for _, row, _ in those], f"attention alone, {label}", colour=look.colour)
    n, row, _ = again[-1]
    style.note(on, n, row.median, "dotted:<br>attention alone", style.MUTE, above=False, anchor="left", shift=(8, 8))
    return style.finish(on, run)
