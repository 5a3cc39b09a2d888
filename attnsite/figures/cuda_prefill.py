"""Each step of the CUDA ladder, beside PyTorch's backends

Prefill throughput by number of tokens, {heads} heads of {width}, without a mask: CUDA kernels in float32 and on tensor
cores, and PyTorch's backends.

Kernels that use tensor cores work in bfloat16, the others in float32; each has its own limit, measured in the same
rounds and drawn as a dotted line. What lies between a line and its limit are the exponentials, and waiting.

A chart of throughput against tokens, both on logarithmic axes. At {tokens} tokens the fastest kernel here reaches
{fastest}, {over_naive} that of the one that materialises the score matrix.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, gpu, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "cuda_prefill"
TITLE_COLUMNS = ("time per call",)
FIRST = "cuda_naive"
LIMITS = {"cuda_fma": "float32 multiply-adds", "cuda_matmul": "tensor cores, bfloat16"}


def shown(run: Run) -> list[Row]:
    """The rows without a mask at the width that has most of them, the widest of those; the same number of heads."""
    rows = [row for row in gpu.measured(run, FIRST) if not row.case["causal"]]
    if not rows:
        raise LookupError("not measured yet on this machine: a prompt without a mask")
    widths = [row.case["dim"] for row in rows]
    width = max(set(widths), key=lambda dim: (widths.count(dim), dim == 128, dim))
    return [row for row in rows if row.case["dim"] == width]


def values(run: Run) -> dict[str, Quantity]:
    rows = shown(run)
    tokens = max(row.case["queries"] for row in rows if row.kernel == FIRST)
    last = [row for row in rows if row.case["queries"] == tokens]
    ours = [row for row in last if row.who and (row.who.kind, row.who.device) == ("kernel", "cuda")]
    best, first = min(ours, key=lambda row: row.median), next(row for row in ours if row.kernel == FIRST)
    found = {
        "heads": Quantity(best.case["heads"], "count"),
        "width": Quantity(best.case["dim"], "count"),
        "tokens": Quantity(tokens, "count"),
        "fastest": gpu.rate(best),
        "over_naive": measured_rows.ratio(first, best),
    }
    return found | {str(row.kernel): gpu.rate(row) for row in last}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"heads": "heads", "dim": "head dim", "queries": "tokens", "causal": "causal"})


def draw(runs: list[Run]) -> go.Figure:
    rows = shown(runs[0])
    rates = [gpu.rate(row).value for row in rows]
    limits = {text: limit for name, text in LIMITS.items() if (limit := runs[0].ceiling(name))}
    x = axes.cases_axis("tokens", {row.case["queries"] for row in rows}, "tokens")
    highest = [*rates, *(limit.value for limit in limits.values())]
    on = style.chart(x, axes.log_axis("throughput (FLOP/s)", highest, "FLOP/s"))
    for text, limit in limits.items():
        style.reference(on, [x.low, x.high], [limit.value] * 2, f"{text}: {limit}")
        style.note(on, x.low, limit.value, f"{text}: {limit}", style.MUTE, above=True, anchor="left", shift=(6, 3))
    gpu.curves(on, runs[0], rows, "queries", "tokens")
    return style.finish(on, runs[0])
