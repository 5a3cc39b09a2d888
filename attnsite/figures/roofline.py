"""The fastest prefill is compute-bound, decode with a KV head per query head memory-bound

Speed that each kernel reached on this machine, by the FLOP/byte that must be moved at least. See which roof a mark
stands under.

The slanted line is the bandwidth at which memory was read. The level ones are a large matrix product through BLAS and a
loop of fused multiply-adds, all measured in the same run; a GPU has lines of its own, for copying, tensor cores and
multiply-adds. Each is the median over the run; shares in the text are of what its own rounds reached. A kernel that
materialises its scores moves more bytes than the axis says. Nothing can stand above reading or multiply-adds for long,
except work small enough to stay in the processor's caches; the matrix product is what one library reached and no limit.
Left of the corner a kernel is memory-bound, right of it compute-bound. Below the roof is room for a better kernel, but
for this: reading went at {read_least} beside some points and at {read_most} beside others. Kernels that store a cache
in fewer bits are in the table only. Whiskers are interquartile ranges; both axes are logarithmic.

A chart of points under a slanted and two level lines. Reading reaches {read}, a matrix product {matmul}, a loop of
multiply-adds {fma}. The best prefill is at {best_prefill}, {best_prefill_share} of the matrix product. The best decode
step with a KV head for each query head is at {best_mha_decode}, {best_mha_decode_share} of what {mha_intensity} allow.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "roofline"
TITLE_COLUMNS = ("reached", "FLOP/byte")
NARROW = ("cpu_simd_decode_bf16", "cpu_simd_decode_int8")  # store fewer bytes for a number, and are not drawn
ROOFS = {"read": "reading memory", "matmul": "matrix product", "fma": "multiply-adds"}
GPU_ROOFS = {"read": "GPU copying", "matmul": "GPU tensor cores", "fma": "GPU multiply-adds"}
CPU, GPU = "", "cuda_"  # how the names of a side's kernels and ceilings begin, in values too
HALF = ("cuda_mma",)  # takes 16-bit numbers


def work(row: Row) -> tuple[int, int]:
    """FLOPs of QKᵀ and AV, and the bytes of q, k, v and out, each moved once, a cache as it is stored."""
    case = row.case
    layer = Attention(1, case["heads"], case["dim"], case["kv_heads"])
    flops = layer.core_flops(case["queries"], case["keys"], case["causal"])
    moved = layer.input_bytes(case["queries"], case["keys"])
    if row.kernel in NARROW:
        moved += (measured_rows.cache_bytes(row) // case["batch"]) - 2 * 4 * case["kv_heads"] * case["keys"] * case[
            "dim"
        ]
    return case["batch"] * flops, case["batch"] * (moved // 2 if row.kernel in HALF else moved)


def speed(row: Row) -> Quantity:
    (flops, _), (least, most) = work(row), row.middle_half()
    return Quantity(flops / row.median, "FLOP/s", flops / most, flops / least)


def _rows(run: Run) -> dict[str, list[Row]]:
    found = {kernel: run.where(kernel) for kernel in measured_rows.kernels(run) if kernel not in NARROW}
    if not found:
        raise LookupError("not measured yet on this machine: no kernel has run")
    return found


def _side(kernel: str | None) -> str:
    return GPU if (kernel or "").startswith(GPU) else CPU


def _sides(rows: dict[str, list[Row]]) -> list[str]:
    """The sides that have rows; the processor's first."""
    return sorted({_side(kernel) for kernel in rows})


def _roofs(run: Run, side: str) -> dict[str, Quantity]:
    found = {name: rate for name in ROOFS if (rate := run.ceiling(side + name))}
    if set(found) != set(ROOFS):
        raise LookupError("not measured yet on this machine: what it can read and compute at most")
    return found


def _intensity(row: Row) -> float:
    flops, moved = work(row)
    return flops / moved


def values(run: Run) -> dict[str, Quantity]:
    """Of the side that the run has; where it has both, the GPU's with its prefix."""
    rows = _rows(run)
    first, *other = _sides(rows)
    found = _values(run, first, rows)
    return found | {f"{side}{name}": value for side in other for name, value in _values(run, side, rows).items()}


def _values(run: Run, side: str, kernels: dict[str, list[Row]]) -> dict[str, Quantity]:
    roofs, rows = _roofs(run, side), [row for k, those in kernels.items() if _side(k) == side for row in those]
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
        beside = {
            kind: run.ceiling(f"{side}{kind}", row) or roofs[kind] for kind in ("read", "matmul")
        }  # in its rounds
        roof = min(_intensity(row) * beside["read"].value, beside["matmul"].value)
        rate = speed(row)
        found[f"best_{name}_share"] = Quantity(
            rate.value / roof, "%", (rate.low or rate.value) / roof, (rate.high or rate.value) / roof
        )
    rates = [own.value for row in rows if (own := run.ceiling(f"{side}read", row))] or [read.value]
    found |= {"read_least": Quantity(min(rates), "B/s"), "read_most": Quantity(max(rates), "B/s")}
    found["corner"] = Quantity(matmul.value / read.value, "FLOP a byte")
    found["mha_intensity"] = Quantity(_intensity(best["mha_decode"]), "FLOP a byte")
    found["least_prefill_intensity"] = Quantity(min(_intensity(row) for row in prefill), "FLOP a byte")
    for row in decode:
        found[f"decode_intensity_{row.case['kv_heads']}_kv_heads"] = Quantity(_intensity(row), "FLOP a byte")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    columns = {"heads": "heads", "kv_heads": "KV heads", "queries": "queries", "keys": "keys", "dim": "head dim"}
    lines = measured_rows.table(runs, columns)
    measured = [row for run in runs for row in run.rows if row.takes_part]
    for line, row in zip(lines, measured, strict=True):
        line["FLOP/byte"] = Quantity(_intensity(row))
        line.pop("largest error")  # the kernels' pages have it
        line["reached"] = speed(row) if row.samples else None
    for run in runs:
        for side in _sides(_rows(run)):
            names = GPU_ROOFS if side == GPU else ROOFS
            lines += [{"machine": run.machine, "kernel": f"limit: {names[name]}", "reached": rate}
                      for name, rate in _roofs(run, side).items()]  # fmt: skip
    return lines


def _whiskers(on: style.Chart, rows: list[Row]) -> None:
    """The interquartile range of the samples, on the marks that were added last."""
    rates = [speed(row) for row in rows]
    on.figure.data[-1].error_y = {
        "type": "data", "symmetric": False, "thickness": 1.2, "width": 0, "color": on.figure.data[-1].marker.color,
        "array": [(rate.high or rate.value) - rate.value for rate in rates],
        "arrayminus": [rate.value - (rate.low or rate.value) for rate in rates],
    }  # fmt: skip


def _roof(on: style.Chart, side: str, limits: dict[str, Quantity], corner: float) -> None:
    """The slanted line and the two level ones of a side."""
    read, names = limits["read"].value, GPU_ROOFS if side == GPU else ROOFS
    start = max(on.x.low, on.y.low / read)
    style.reference(
        on, [start, corner], [start * read, corner * read], f"{names['read']}, {limits['read']}", dash="solid"
    )
    near = (start * corner) ** 0.5  # the middle of the slanted line
    short = names["read"].removesuffix(" memory")
    style.note(on, near, near * read, short, style.MUTE, anchor="right", shift=(-8, 5))
    for name in ("matmul", "fma"):
        level = limits[name].value
        style.reference(on, [level / read, on.x.high], [level, level], f"{names[name]}, {limits[name]}", dash="solid")
    upper, lower = sorted(("matmul", "fma"), key=lambda name: -limits[name].value)
    near = limits[upper].value < 1.6 * limits[lower].value  # no room for words between them
    told = f"{names[upper]},<br>{names[lower]} below" if near else names[upper]
    style.note(on, on.x.high, limits[upper].value, told, style.MUTE, above=True, anchor="right", shift=(0, 3))
    if not near:
        style.note(on, on.x.high, limits[lower].value, names[lower], style.MUTE, above=True, anchor="right",
                    shift=(0, 3))  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = _rows(run)
    roofs = {side: _roofs(run, side) for side in _sides(rows)}
    every = [row for those in rows.values() for row in those]
    tops = {side: max(those["matmul"].value, those["fma"].value) for side, those in roofs.items()}
    corners = {side: tops[side] / those["read"].value for side, those in roofs.items()}
    x = axes.log_axis("FLOP/byte that must be moved", [*map(_intensity, every), 4 * max(corners.values())],
                       base=2, most=9)  # fmt: skip
    rates = [rate for row in every for q in [speed(row)] for rate in (q.low or q.value, q.high or q.value)]
    on = style.chart(x, axes.log_axis("speed", [*rates, *tops.values()], "FLOP/s", pad=2.6))
    for side, limits in roofs.items():
        _roof(on, side, limits, corners[side])
    for kernel, look in style.looks(list(rows)).items():
        those = rows[kernel]
        hover = [
            f"{style.call(kernel)}: {speed(r)}<br>{r.case['heads']} heads of {r.case['dim']}, "
            f"{r.case['kv_heads']} KV heads,<br>{r.case['queries']} queries, {r.case['keys']} keys" for r in those
        ]  # fmt: skip
        style.points(
            on, [_intensity(r) for r in those], [speed(r).value for r in those], look, style.call(kernel), hover
        )
        _whiskers(on, those)
        last = max(those, key=lambda row: (_intensity(row), speed(row).value))
        fastest = max(speed(row).value for row in every if _intensity(row) == _intensity(last))
        if x.fraction(_intensity(last)) > 0.8:
            on.ends.append((_intensity(last), speed(last).value, style.call(kernel), look.colour))
        else:
            highest = speed(last).value == fastest  # then beside the mark, where no roof is
            place = {"anchor": "right", "shift": (-9, 0)} if highest else {"above": False, "shift": (0, -8)}
            style.note(on, _intensity(last), speed(last).value, style.call(kernel), look.colour, **place)
    return style.finish(on, run)
