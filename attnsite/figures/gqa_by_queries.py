"""8 KV heads are {gain_8_first} as fast as 32 for one query, {gain_8_at_48} for 48

Speed-up of attention with 8 and with 1 KV heads over 32, by the number of queries at once over a cache of {context}
tokens. Both lines come down to one.

One query is a decode step; chunked prefill, or a draft of speculative decoding, has more; a whole prefill has as many
as there are keys. Dotted is what follows from the rates of reading and of multiply-adds alone, measured in the same
rounds: the longer of reading the cache once and of doing the FLOPs. From nine queries on the kernel lays its registers
out for panels of 24, which few queries do not fill. Left out, because the interquartile range of the samples of one of
the two is more than 19% of its median: {left_out} points. Bands pair the quartiles that are farthest apart; the number
of queries is on a logarithmic axis.

A chart of two lines. With one query 8 KV heads are {gain_8_first} and one KV head is {gain_1_first} as fast as 32; with
{most_queries} queries 8 are {gain_8_last} as fast, by the fastest rounds {gain_8_last_fastest}, with {most_queries_1}
one is {gain_1_last}. By the rates alone, the cache with 32 KV heads stops being the limit at {balance_32} queries, with
8 at {balance_8}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.gqa_phases import expected
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "gqa_by_queries"
TITLE_COLUMNS = ("time per call",)
KERNEL = "cpu_simd"
SHARED = {8: ("8 KV heads", style.Look(style.OURS_2, symbol="diamond")), 1: ("1 KV head", style.Look(style.OURS))}


def by_queries(run: Run, kv_heads: int) -> dict[int, Row]:
    rows = [row for row in run.where(KERNEL, kv_heads=kv_heads) if row.samples]
    return {row.case["queries"]: row for row in sorted(rows, key=lambda row: row.case["queries"])}


def disturbed(run: Run, kv_heads: int) -> set[int]:
    """The numbers of queries at which the samples with 32 or with so many KV heads lie too far apart to say anything;
    none where too few would be left."""
    every = [by_queries(run, heads) for heads in (32, kv_heads)]
    wide = {queries for rows in every for queries, row in rows.items() if measured_rows.width(row) > measured_rows.WIDE}
    return wide if len(set(every[0]) - wide) > 1 else set()


def gains(run: Run, kv_heads: int) -> dict[int, Quantity]:
    """How many times as fast as with 32, by the number of queries, but for those that were disturbed."""
    whole, shared, wide = by_queries(run, 32), by_queries(run, kv_heads), disturbed(run, kv_heads)
    both = [queries for queries in whole if queries in shared and queries not in wide]
    return {queries: measured_rows.ratio(whole[queries], shared[queries]) for queries in both}


def _drawn(run: Run) -> dict[int, dict[int, Quantity]]:
    found = {kv_heads: those for kv_heads in SHARED if len(those := gains(run, kv_heads)) > 1}
    if 8 not in found:
        raise LookupError("not measured yet on this machine: several numbers of queries with 32 and with 8 KV heads")
    return found


def balance(run: Run, kv_heads: int) -> float:
    """Queries at which reading the cache once takes as long as the FLOPs.

    A cached float32 is 4 bytes and meets queries · heads / kv_heads multiply-adds.
    """
    read, fma = run.ceiling("read"), run.ceiling("fma")
    if read is None or fma is None:
        raise LookupError("not measured yet on this machine: what it can read and compute")
    return 2 * fma.value / read.value * kv_heads / 32


def values(run: Run) -> dict[str, Quantity]:
    drawn = _drawn(run)
    queries = list(drawn[8])
    found = {
        "context": Quantity(by_queries(run, 32)[queries[0]].case["keys"], "count"),
        "most_queries": Quantity(queries[-1], "count"),
        "left_out": Quantity(sum(len(disturbed(run, kv_heads)) for kv_heads in SHARED), "count"),
        "balance_32": Quantity(balance(run, 32), "1", digits=2),
        "balance_8": Quantity(balance(run, 8), "1", digits=2),
        "balance_1": Quantity(balance(run, 1), "1", digits=2),
    }
    for kv_heads in SHARED:
        those = drawn.get(kv_heads) or drawn[8]
        found[f"gain_{kv_heads}_first"], found[f"gain_{kv_heads}_last"] = those[queries[0]], those[max(those)]
        found |= {f"gain_{kv_heads}_at_{n}": gain for n, gain in those.items()}
        last = max(those)
        fastest = (min(by_queries(run, heads)[last].samples) for heads in (32, kv_heads))
        found[f"gain_{kv_heads}_last_fastest"] = Quantity(next(fastest) / next(fastest), "×")
        found[f"most_queries_{kv_heads}"] = Quantity(max(those), "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"queries": "queries", "kv_heads": "KV heads", "keys": "keys"})


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    drawn = _drawn(run)
    whole = by_queries(run, 32)
    theory = {
        kv_heads: [expected(run, dict(whole[n].case)) / expected(run, {**whole[n].case, "kv_heads": kv_heads})
                   for n in those]
        for kv_heads, those in drawn.items()
    }  # fmt: skip
    shown = [0.8, *(q.high or q.value for those in drawn.values() for q in those.values())]
    shown += [gain for those in theory.values() for gain in those]
    counts = sorted({n for those in drawn.values() for n in those})
    x = axes.log_axis("queries at once", counts, "count", base=2, most=10, pad=1.15)
    on = style.chart(x, axes.log_axis("speed-up over 32 KV heads", shown, "×", pad=1.15))
    style.reference(on, [x.low, x.high], [1, 1], "as fast as with 32", dash="solid")
    for kv_heads, those in drawn.items():
        label, look = SHARED[kv_heads]
        style.reference(on, list(those), theory[kv_heads], f"rates alone, {label}", colour=look.colour)
        style.line(
            on, list(those), [q.value for q in those.values()], look, label,
            hover=[f"{label}, {n} queries: {q}" for n, q in those.items()],
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
        )  # fmt: skip
    style.note(on, x.high, on.y.high, "dotted: by the rates of<br>reading and computing", style.MUTE, above=False,
                anchor="right", shift=(-4, -4))  # fmt: skip
    return style.finish(on, run)
