"""Shared keys: time doubles at {doubling} or {tokens_doubling}; a batch of {batch_next} takes {batch_next_growth}

Time of one call over a cache of {cache_bytes}, by queries per KV head. Where queries share keys, the time stays near
that of reading the cache for several queries; for a batch it rises at once.

The horizontal line is the time in which this machine reads the cache, the diagonal one the time of the multiply-adds
alone, both modelled at the median rates of this run; where they cross, at {balance_queries}, a perfect kernel would
change from memory-bound to compute-bound. Reading went at two speeds, {read_least} at some points and {read_most} at
others, by which the crossing lies between {balance_queries_least} and {balance_queries_most}. Queries that share a key
are those of the query heads of a group or those of one head's tokens; the sequences of a batch bring a cache each. The
fastest of the kernels here counts at each point. Bands are the interquartile range of the samples; both axes are
logarithmic.

A chart of three lines from a common start at {one_time}; reading is modelled as {read_time}. With {group} query heads
for each KV head the call takes {group_growth} as long, with {tokens} tokens {tokens_growth}, at {speed_at_most}. A
batch of {batch} sequences takes {batch_growth} as long as one, in rounds in which memory was read faster.
"""

import itertools
import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.roofline import speed
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "time_by_sharing"
TITLE_COLUMNS = ("time per call",)
ELEMENT_BYTES = 4
SERIES = {
    "tokens": ("tokens of<br>one sequence", style.Look(style.OURS, symbol="square")),
    "group": ("query heads<br>of a group", style.Look(style.OURS_2)),
    "batch": ("sequences of<br>a batch", style.Look(style.OTHER, symbol="diamond")),
}


def count(row: Row, kind: str) -> int:
    """How many of the kind there are: 1 in the row that all three begin with."""
    case = row.case
    return {"tokens": case["queries"], "group": case["heads"] // case["kv_heads"], "batch": case["batch"]}[kind]


def series(run: Run, kind: str) -> list[Row]:
    """The fastest kernel's row for each number of queries, all else being one."""
    best: dict[int, Row] = {}
    for row in (row for kernel in run.kernel_names() for row in run.where(kernel)):
        if all(count(row, other) == 1 for other in SERIES if other != kind):
            number = count(row, kind)
            best[number] = min(best.get(number, row), row, key=lambda r: r.median)
    if 1 not in best or len(best) < 2:
        raise LookupError(f"not measured yet on this machine: one query, and more than one of {kind}")
    return [best[number] for number in sorted(best)]


def doubling(rows: list[Row], kind: str) -> float:
    """Where the time is twice that of one, on straight lines between the points of the logarithmic chart."""
    twice = 2 * rows[0].median
    for before, after in itertools.pairwise(rows):
        if before.median < twice <= after.median:
            part = math.log(twice / before.median) / math.log(after.median / before.median)
            return count(before, kind) ** (1 - part) * count(after, kind) ** part
    return float(count(rows[-1], kind))


def limits(run: Run) -> tuple[Quantity, Quantity]:
    read, fma = run.ceiling("read"), run.ceiling("fma")
    if not read or not fma:
        raise LookupError("not measured yet on this machine: what it can read and compute at most")
    return read, fma


def share_of_fma(run: Run, row: Row) -> Quantity:
    fma = run.ceiling("fma", row)
    return Quantity(speed(row).value / fma.value if fma else math.nan, "%")


def cache_bytes(row: Row) -> int:
    """Keys and values of one sequence."""
    layer = Attention(1, row.case["heads"], row.case["dim"], row.case["kv_heads"])
    return ELEMENT_BYTES * layer.kv_cache_elements() * row.case["keys"]


def values(run: Run) -> dict[str, Quantity]:
    read, fma = limits(run)
    rows = {kind: series(run, kind) for kind in SERIES}
    one = rows["tokens"][0]
    reading = cache_bytes(one) / read.value
    flops = speed(one).value * one.median
    rates = [own.value for those in rows.values() for row in those if (own := run.ceiling("read", row))] or [read.value]
    found = {
        "read_least": Quantity(min(rates), "B/s"),
        "read_most": Quantity(max(rates), "B/s"),
        "balance_queries_least": Quantity(cache_bytes(one) / max(rates) * fma.value / flops, "queries", digits=2),
        "balance_queries_most": Quantity(cache_bytes(one) / min(rates) * fma.value / flops, "queries", digits=2),
        "read": read,
        "fma": fma,
        "cache_bytes": Quantity(cache_bytes(one), "B"),
        "context": Quantity(one.case["keys"], "count"),
        "balance": Quantity(fma.value / read.value, "FLOP/byte"),
        "balance_least": Quantity(fma.value / max(rates), "FLOP/byte", digits=2),
        "balance_most": Quantity(fma.value / min(rates), "FLOP/byte", digits=2),
        "balance_queries": Quantity(reading * fma.value / flops, "queries", digits=2),
        "one_time": one.quantity(),
        "read_time": Quantity(reading, "s"),
        "one_over_reading": Quantity(measured_rows.reads(run, one) / cache_bytes(one), "×"),
        "one_share_of_fma": share_of_fma(run, one),
        "doubling": Quantity(doubling(rows["group"], "group"), "queries", digits=2),
        "tokens_doubling": Quantity(doubling(rows["tokens"], "tokens"), "queries", digits=2),
        "batch_next": Quantity(count(rows["batch"][1], "batch"), "count"),
        "batch_next_growth": measured_rows.ratio(rows["batch"][1], one),
    }
    for kind, those in rows.items():
        last, before = those[-1], those[-2]
        found[kind] = Quantity(count(last, kind), "count")
        found[f"{kind}_growth"] = measured_rows.ratio(last, one)
        found[f"{kind}_last_exponent"] = Quantity(
            math.log(last.median / before.median) / math.log(count(last, kind) / count(before, kind))
        )
        for less, more in itertools.pairwise(those):
            found[f"{kind}_{count(more, kind)}_over_{count(less, kind)}"] = measured_rows.ratio(more, less)
        for row in those[1:]:
            if kind == "batch":
                found[f"batch_{count(row, kind)}_reads"] = Quantity(
                    measured_rows.reads(run, row) / measured_rows.reads(run, one), "×"
                )
            found[f"{kind}_{count(row, kind)}_growth"] = measured_rows.ratio(row, one)
            found[f"{kind}_{count(row, kind)}_share_of_fma"] = share_of_fma(run, row)
    batch_reads = Quantity(measured_rows.reads(run, rows["batch"][-1]) / measured_rows.reads(run, one), "×")
    return found | {"speed_at_most": speed(rows["tokens"][-1]), "batch_reads": batch_reads}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    columns = {"heads": "query heads", "kv_heads": "KV heads", "queries": "tokens", "batch": "sequences",
               "keys": "context length"}  # fmt: skip
    lines = measured_rows.table(runs, columns)
    measured = [row for run in runs for row in run.rows if row.takes_part]
    for line, row in zip(lines, measured, strict=True):
        line["speed"] = speed(row) if row.samples else None
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    read, fma = limits(run)
    rows = {kind: series(run, kind) for kind in SERIES}
    one = rows["tokens"][0]
    reading, arithmetic = cache_bytes(one) / read.value, speed(one).value * one.median / fma.value
    numbers = [count(row, kind) for kind, those in rows.items() for row in those]
    times = [time for those in rows.values() for row in those for time in row.middle_half()]
    x = axes.log_axis("queries per KV head", numbers, base=2, most=9, pad=1.1)
    on = style.chart(x, axes.log_axis("time of one call", [*times, reading], "s", pad=1.5))
    style.reference(
        on, [x.low, x.high], [reading] * 2, f"reading the cache once, {Quantity(reading, 's')}", dash="solid"
    )
    style.note(on, x.high, reading, "reading the cache once", style.MUTE, above=False, anchor="right", shift=(-4, -3))
    start, end = max(x.low, on.y.low / arithmetic), min(x.high, on.y.high / arithmetic)
    style.reference(on, [start, end], [start * arithmetic, end * arithmetic], f"multiply-adds at {fma}", dash="solid")
    near = start**0.62 * end**0.38
    style.note(
        on, near, near * arithmetic, "multiply-adds alone", style.MUTE, above=False, anchor="left", shift=(10, 4)
    )
    last = rows["group"][-1]
    level = [row.median for row in rows["tokens"] if count(row, "tokens") == count(last, "group")]
    under = bool(level) and last.median < 0.8 * level[0]  # then the label stands where the other line is not
    for kind, (label, look) in SERIES.items():
        those = rows[kind]
        halves = [row.middle_half() for row in those]
        plain = label.replace("<br>", " ")
        hover = [
            f"{count(row, kind)} {plain}: {row.quantity()}<br>{speed(row)}, {style.call(row.kernel or '')}"
            for row in those
        ]
        style.line(
            on, [count(row, kind) for row in those], [row.median for row in those], look, label, hover=hover,
            low=[low for low, _ in halves], high=[high for _, high in halves], label_end=kind != "group" or not under,
        )  # fmt: skip
    if under:
        label, look = SERIES["group"]
        number = count(last, "group")
        style.note(on, number, last.median, label, look.colour, above=False, anchor="left", shift=(4, -2))
    return style.finish(on, run)
