"""Prefill is limited by arithmetic, decoding with a key-value head for each query head by memory

What each kernel reached on this machine, by the number of FLOPs for each byte that has to be moved at least. See which
roof a mark stands under.

The slanted line is the bandwidth at which memory was read, the level ones are a large matrix product through BLAS and a
loop of fused multiply-adds, all measured in the same run. Nothing can stand above them for long, except work small
enough to stay in the processor's caches. Left of the corner a kernel waits for memory, right of it for arithmetic; how
far below the roof it stands is what a better kernel could win. Kernels that store a cache in fewer bits are in the
table only: their bytes are others. Whiskers hold the middle half of the samples; both axes
are logarithmic.

A chart of points under a slanted and two level lines. Reading reaches {read}, a matrix product {matmul}, a loop of
multiply-adds {fma}. The best prefill is at {best_prefill}, {best_prefill_share} of the matrix product; the best
decoding step with a key-value head for each query head is at {best_mha_decode}, {best_mha_decode_share} of what
{mha_intensity} allow.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.accounting import Attention
from attnsite.figures import _axes, _measured, _style
from attnsite.quantity import Quantity
from attnsite.results import Row, Run

EXPERIMENT = "roofline"
NARROW = ("cpu_simd_decode_bf16", "cpu_simd_decode_int8")  # store fewer bytes than are counted here
ROOFS = {"read": "reading memory", "matmul": "matrix product", "fma": "multiply-adds"}


def work(row: Row) -> tuple[int, int]:
    """FLOPs of QKᵀ and AV, and the bytes of q, k, v and out, each moved once."""
    case = row.case
    layer = Attention(1, case["heads"], case["dim"], case["kv_heads"])
    flops = layer.core_flops(case["queries"], case["keys"], case["causal"])
    return case["batch"] * flops, case["batch"] * layer.input_bytes(case["queries"], case["keys"])


def speed(row: Row) -> Quantity:
    (flops, _), (least, most) = work(row), row.middle_half()
    return Quantity(flops / row.median, "FLOP/s", flops / most, flops / least)


def _rows(run: Run) -> dict[str, list[Row]]:
    found = {kernel: run.where(kernel) for kernel in _measured.kernels(run) if kernel not in NARROW}
    if not found:
        raise LookupError("not measured yet on this machine: no kernel has run")
    return found


def _roofs(run: Run) -> dict[str, Quantity]:
    found = {name: rate for name in ROOFS if (rate := run.ceiling(name))}
    if set(found) != set(ROOFS):
        raise LookupError("not measured yet on this machine: what it can read and compute at most")
    return found


def _intensity(row: Row) -> float:
    flops, moved = work(row)
    return flops / moved


def values(run: Run) -> dict[str, Quantity]:
    roofs, rows = _roofs(run), [row for those in _rows(run).values() for row in those]
    prefill = [row for row in rows if row.case["queries"] > 1]
    decode = [row for row in rows if row.case["queries"] == 1]
    mha = [row for row in decode if row.case["kv_heads"] == row.case["heads"]]
    if not prefill or not mha:
        raise LookupError("not measured yet on this machine: prefill and decoding with a KV head for each query head")
    read, matmul = roofs["read"], roofs["matmul"]
    best = {"prefill": max(prefill, key=lambda r: speed(r).value), "mha_decode": max(mha, key=lambda r: speed(r).value),
            "decode": max(decode, key=lambda r: speed(r).value)}  # fmt: skip
    found = roofs | {f"best_{name}": speed(row) for name, row in best.items()}
    for name, row in best.items():
        roof = min(_intensity(row) * read.value, matmul.value)
        rate = speed(row)
        found[f"best_{name}_share"] = Quantity(
            rate.value / roof, "%", (rate.low or rate.value) / roof, (rate.high or rate.value) / roof
        )
    found["corner"] = Quantity(matmul.value / read.value, "FLOP a byte")
    found["mha_intensity"] = Quantity(_intensity(best["mha_decode"]), "FLOP a byte")
    found["least_prefill_intensity"] = Quantity(min(_intensity(row) for row in prefill), "FLOP a byte")
    for row in decode:
        found[f"decode_intensity_{row.case['kv_heads']}_kv_heads"] = Quantity(_intensity(row), "FLOP a byte")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    columns = {"heads": "heads", "kv_heads": "KV heads", "queries": "queries", "keys": "keys", "dim": "head width"}
    lines = _measured.table(runs, columns)
    measured = [row for run in runs for row in run.rows if row.kernel and not row.kernel.startswith("ceiling:")]
    for line, row in zip(lines, measured, strict=True):
        line["FLOP a byte, at least moved"] = Quantity(_intensity(row))
        line["reached"] = speed(row) if row.samples else None
    for run in runs:
        lines += [{"machine": run.machine, "kernel": f"limit: {ROOFS[name]}", "reached": rate}
                  for name, rate in _roofs(run).items()]  # fmt: skip
    return lines


def _whiskers(on: _style.Chart, rows: list[Row]) -> None:
    """The middle half of the samples, on the marks that were added last."""
    rates = [speed(row) for row in rows]
    on.figure.data[-1].error_y = {
        "type": "data", "symmetric": False, "thickness": 1.2, "width": 0, "color": on.figure.data[-1].marker.color,
        "array": [(rate.high or rate.value) - rate.value for rate in rates],
        "arrayminus": [rate.value - (rate.low or rate.value) for rate in rates],
    }  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows, roofs = _rows(run), _roofs(run)
    every = [row for those in rows.values() for row in those]
    read, levels = roofs["read"].value, {name: roofs[name].value for name in ("matmul", "fma")}
    top, corner = max(levels.values()), max(levels.values()) / read
    x = _axes.log_axis("FLOP for each byte that must be moved", [*map(_intensity, every), 4 * corner], base=2, most=9)
    rates = [rate for row in every for q in [speed(row)] for rate in (q.low or q.value, q.high or q.value)]
    on = _style.chart(x, _axes.log_axis("speed", [*rates, top], "FLOP/s", pad=1.8))
    start = max(x.low, on.y.low / read)
    _style.reference(on, [start, corner], [start * read, top], f"reading, {roofs['read']}", dash="solid")
    near = start**0.25 * corner**0.75  # on the slanted line, a quarter of its length before the corner
    _style.note(on, near, near * read, "reading", _style.MUTE, anchor="right", shift=(-8, 5))
    for name, level in levels.items():
        label = ROOFS[name].replace(" ", "<br>").replace("-", "-<br>")
        _style.reference(on, [level / read, x.high], [level, level], label, end=True, dash="solid")
    for kernel, look in _style.looks(list(rows)).items():
        those = rows[kernel]
        hover = [
            f"{_style.call(kernel)}: {speed(r)}<br>{r.case['heads']} heads of {r.case['dim']}, "
            f"{r.case['kv_heads']} KV heads,<br>{r.case['queries']} queries, {r.case['keys']} keys" for r in those
        ]  # fmt: skip
        _style.points(on, [_intensity(r) for r in those], [speed(r).value for r in those], look, kernel, hover)
        _whiskers(on, those)
        last = max(those, key=lambda row: (_intensity(row), speed(row).value))
        fastest = max(speed(row).value for row in every if _intensity(row) == _intensity(last))
        if x.fraction(_intensity(last)) > 0.8:
            on.ends.append((_intensity(last), speed(last).value, _style.call(kernel), look.colour))
        else:
            above = speed(last).value == fastest
            _style.note(on, _intensity(last), speed(last).value, _style.call(kernel), look.colour, above=above,
                        shift=(0, 8 if above else -8))  # fmt: skip
    return _style.finish(on, run)
