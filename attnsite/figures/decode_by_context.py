"""Attention decode at {context} tokens: {mha_time} with 32 KV heads, {mqa_time} with one

Time of one decode step of attention with 32 query heads, by sequence length, for 32, 8 and 1 KV heads. Dotted: the
least time to read that cache.

Each dotted line is the least time in which this machine could read that cache, at the bandwidth measured in the same
run; nothing that reads the cache from memory can lie below it. Short contexts can, since their KV cache fits into the
CPU caches. Bands are interquartile ranges; both axes are logarithmic.

A chart of three rising lines. At {context} tokens a step takes {mha_time} with 32 KV heads, {gqa_time} with 8 and
{mqa_time} with 1: sharing among four query heads makes it {gqa_speedup} as fast, among all {mqa_speedup}. With 32 the
cache is read at {mha_bandwidth}, {mha_bandwidth_share} of what the machine reached.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, peers, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "decode_by_context"
STORED = ("bf16", "int8")
TITLE_COLUMNS = ("time per step",)
OURS = ("cpu_simd_decode", "cpu_decode")  # the first that was measured is drawn: in float32, as the lines below it
KINDS = {  # KV heads: the value's name, the label, the look
    32: ("mha", "32 KV heads,<br>MHA", style.Look(style.OTHER, symbol="square")),
    8: ("gqa", "8 KV heads,<br>GQA", style.Look(style.OURS_2, symbol="diamond")),
    1: ("mqa", "1 KV head,<br>MQA", style.Look(style.OURS)),
}


def _kernel(run: Run) -> str:
    names = measured_rows.kernels(run)
    if not names:
        raise LookupError("not measured yet on this machine: no kernel has run a decoding step")
    return next((name for name in OURS if name in names), names[0])


def _rows(run: Run, kv_heads: int) -> list[Row]:
    return sorted(run.where(_kernel(run), kv_heads=kv_heads), key=lambda row: row.case["keys"])


def _bytes(row: Row) -> int:
    """What the step must move at least: the cache as it is stored, queries and output in float32."""
    case = row.case
    return measured_rows.cache_bytes(row) + 4 * case["batch"] * 2 * case["queries"] * case["heads"] * case["dim"]


def _share(run: Run, row: Row) -> Quantity | None:
    """A step's bandwidth over that of reading in its own rounds; the bounds pair the quartiles farthest apart."""
    read, moved, (least, most) = run.ceiling("read", row), _bytes(row), row.middle_half()
    if not read:
        return None
    low, high = (read.low or read.value), (read.high or read.value)
    return Quantity(moved / row.median / read.value, "%", moved / most / high, moved / least / low)


def values(run: Run) -> dict[str, Quantity]:
    rows = {kv_heads: _rows(run, kv_heads) for kv_heads in KINDS}
    contexts = set.intersection(*({row.case["keys"] for row in those} for those in rows.values()))
    if not contexts:
        raise LookupError("not measured yet on this machine: no context with 32, 8 and 1 key-value heads")
    wide = {r.case["keys"] for those in rows.values() for r in those if measured_rows.width(r) >= measured_rows.WIDE}
    calm = contexts - wide
    context, overall = max(calm or contexts), run.ceiling("read")
    at = {kv: next(row for row in those if row.case["keys"] == context) for kv, those in rows.items()}
    found = {"context": Quantity(context, "count")}
    for kv_heads, (name, _, _) in KINDS.items():
        row, least, most = at[kv_heads], *at[kv_heads].middle_half()
        moved = _bytes(row)
        found[f"{name}_time"] = row.quantity()
        found[f"{name}_cache_bytes"] = Quantity(moved, "B")
        found[f"{name}_bandwidth"] = Quantity(moved / row.median, "B/s", moved / most, moved / least)
        found[f"{name}_time_a_key"] = Quantity(row.median / context, "s", least / context, most / context)
        found[f"{name}_longest_context"] = Quantity(rows[kv_heads][-1].case["keys"], "count")
        shares = {r.case["keys"]: share for r in rows[kv_heads] if (share := _share(run, r))}
        found |= {f"{name}_bandwidth_share_at_{keys}": share for keys, share in shares.items()}
        if context in shares:
            found[f"{name}_bandwidth_share"] = shares[context]
        for stored in STORED:
            other = [r for r in run.where(f"cpu_simd_decode_{stored}", kv_heads=kv_heads, keys=context) if r.samples]
            if other:
                found[f"{name}_{stored}_gain"] = peers.paired(row, other[0])
        if len(rows[kv_heads]) > 1:
            found[f"{name}_exponent"] = measured_rows.exponent(rows[kv_heads], "keys")
    for name, kv in (("gqa", 8), ("mqa", 1)):
        every = {row.case["keys"]: row for row in rows[32]}
        gains = [measured_rows.ratio(every[r.case["keys"]], r).value for r in rows[kv] if r.case["keys"] in contexts]
        found |= {f"{name}_speedup_least": Quantity(min(gains), "×"), f"{name}_speedup_most": Quantity(max(gains), "×")}
    found["gqa_speedup"] = measured_rows.ratio(at[32], at[8])
    found["mqa_speedup"] = measured_rows.ratio(at[32], at[1])
    found["mqa_over_gqa_speedup"] = measured_rows.ratio(at[8], at[1])
    return found | ({"read_bandwidth": overall} if overall else {})


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"kv_heads": "KV heads", "keys": "context length"}, head="time per step")
    measured = [row for run in runs for row in run.rows if row.takes_part]
    for line, row in zip(lines, measured, strict=True):
        line.pop("largest error")  # the kernels' pages have it
        if row.samples:
            low, high = row.middle_half()
            line["read at"] = Quantity(_bytes(row) / row.median, "B/s", _bytes(row) / high, _bytes(row) / low)
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = {kv_heads: those for kv_heads in KINDS if (those := _rows(run, kv_heads))}
    every = [row for those in rows.values() for row in those]
    if not every:
        raise LookupError("not measured yet on this machine: no decoding step with 32, 8 or 1 key-value heads")
    read = run.ceiling("read")
    own = {kv: [run.ceiling("read", row) for row in those] for kv, those in rows.items()}  # of each row's own rounds
    bounds = {kv: [_bytes(r) / q.value for r, q in zip(rows[kv], those, strict=True) if q] for kv, those in own.items()}
    times = [time for row in every for time in row.middle_half()] + [
        time for those in bounds.values() for time in those
    ]
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", [row.case["keys"] for row in every], "tokens"),
        axes.log_axis("time of one decode step", times, "s", pad=1.7),
    )
    for kv_heads, those in rows.items():
        _, label, look = KINDS[kv_heads]
        if read:
            name = f"reading {kv_heads} KV head{'s' * (kv_heads > 1)}"
            style.reference(on, [r.case["keys"] for r in those], bounds[kv_heads], name, colour=look.colour)
        measured_rows.curve(on, those, "keys", label, look)
    if read:
        text = f"dotted: reading alone, about {read}"
        style.note(on, on.x.high, on.y.low, text, style.MUTE, above=True, anchor="right", shift=(-4, 4))
    return style.finish(on, run)
