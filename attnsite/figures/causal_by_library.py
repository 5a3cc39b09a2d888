"""PyTorch’s fused kernel gains about what its blocks allow; its math kernel loses

Speed-up from a causal mask, by library and sequence length; below 1 the mask makes calls slower. Crosses: what the
blocks of PyTorch’s fused kernel allow.

The crosses are the count of pairs for PyTorch’s fused kernel as a source of 2024 has it. It skips blocks of 512 keys,
and gives each thread an equal, consecutive share of the row blocks, so that with a single head the second thread has
more work. Each point is the median over head dimensions of 32, 64 and 128 and, unless it says one head, over 8, 16 and
32 heads, as far as a library finished them. Calls with and without the mask were timed one after the other, not in the
same rounds. Single shapes therefore lie far from the median, some beyond what counting allows. The lower axis is
logarithmic.

A chart of {lines} lines over sequences of {shortest} to {longest} tokens. At {longest} tokens the SIMD kernel gains
{ours}. PyTorch’s fused kernel gains {fused} with many heads, where its blocks allow {fused_expected}, and
{fused_one_head} with one, where they allow {fused_one_head_expected}. Of the shapes with many heads it gains between
{fused_least} and {fused_most}. PyTorch’s math kernel, which materialises the score matrix, is at {unfused}.
"""

import itertools
import math
import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, causal_blocks, measured_rows, style
from attnsite.records.participant import parse_participant
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "peers_prefill"
TITLE_COLUMNS = ("gain of the mask", "its blocks allow")
FEWEST = 8  # heads that are many: then every thread gets whole heads
ONE = " one head"
SERIES = {  # what is drawn: kernel, whether of a single head; the label and the look
    ("cpu_simd", False): ("SIMD kernel", style.Look(style.OURS)),
    ("peer_torch_flash", False): ("PyTorch fused", style.Look(style.OTHER, symbol="square")),
    ("peer_torch_flash", True): ("PyTorch fused, one head", style.Look(style.OTHER_2, "dash", "square")),
    ("peer_torch_math", False): ("PyTorch math", style.Look(style.OTHER_2, symbol="triangle-up")),
    ("peer_onnxruntime_attention", False): ("ONNX Runtime", style.Look(style.OURS_2, "dash", "triangle-down")),
    ("peer_jax_xla", False): ("JAX", style.Look(style.OTHER, "dot", "cross")),
    ("peer_numpy_matmul", False): ("NumPy", style.Look(style.OURS_2, "dot", "diamond")),
}
Series = tuple[str, bool]


def gains(run: Run) -> dict[Series, dict[int, Quantity]]:
    """By kernel, and whether with a single head, and by length: the median over the shapes that ran both ways."""
    return {series: {n: measured_rows.quartiles(those, "×") for n, those in found.items()}
            for series, found in by_shape(run).items()}  # fmt: skip


def by_shape(run: Run) -> dict[Series, dict[int, list[float]]]:
    """The same for each shape: the time without the mask over the time with it."""
    times = {(row.kernel, *(row.case[f] for f in ("queries", "heads", "dim")), row.case["causal"]): row
             for row in run.where() if row.samples and row.case["queries"] == row.case["keys"]}  # fmt: skip
    pairs: dict[Series, dict[int, list[float]]] = {}
    for (kernel, tokens, heads, dim, causal), row in times.items():
        full = times.get((kernel, tokens, heads, dim, False))
        if causal and full and (heads == 1 or heads >= FEWEST):
            series = pairs.setdefault((str(kernel), heads == 1), {})
            series.setdefault(tokens, []).append(full.median / row.median)
    found = {series: dict(sorted(pairs[series].items())) for series in SERIES if series in pairs}
    if ("cpu_simd", False) not in found or not any(parse_participant(kernel).kind == "peer" for kernel, _ in found):
        raise LookupError("not measured yet on this machine: prompts with a mask and without, of a library and of ours")
    return found


def expected(run: Run, tokens: int, alone: bool) -> float:
    """What the blocks of PyTorch's fused kernel allow; the heads of a thread are whole ones where there are many."""
    threads = int(run.provenance.machine.get("threads", 1))
    return causal_blocks.gain_in_parts(tokens, *causal_blocks.of_torch(tokens), 1 if alone else threads, threads)


def values(run: Run) -> dict[str, Quantity]:
    found = gains(run)
    lengths = sorted({n for those in found.values() for n in those})
    longest = lengths[-1]
    named = {
        "lines": Quantity(len(found), "count"),
        "shortest": Quantity(lengths[0], "count"),
        "longest": Quantity(longest, "count"),
    }
    names = {"ours": ("cpu_simd", False), "fused": ("peer_torch_flash", False), "unfused": ("peer_torch_math", False),
             "fused_one_head": ("peer_torch_flash", True)}  # fmt: skip
    for name, series in names.items():
        if series not in found:
            raise LookupError("not measured yet on this machine: PyTorch’s kernels, with many heads and with one")
        named |= {f"{name}_at_{n}": q for n, q in found[series].items()} | {name: found[series][max(found[series])]}
    for name, alone in (("fused", False), ("fused_one_head", True)):
        named |= {f"{name}_expected_at_{n}": Quantity(expected(run, n, alone), "×") for n in lengths}
        named[f"{name}_expected"] = Quantity(expected(run, longest, alone), "×")
    if ("peer_jax_xla", False) in found:
        names["jax"] = ("peer_jax_xla", False)
        named |= {f"jax_at_{n}": q for n, q in found[names["jax"]].items()}
        named["jax"] = found[names["jax"]][max(found[names["jax"]])]
    shapes = by_shape(run)
    for name, series in names.items():
        last = shapes[series][max(shapes[series])]
        named |= {f"{name}_least": Quantity(min(last), "×"), f"{name}_most": Quantity(max(last), "×")}
    fused = shapes[names["fused"]]
    middle = {n: statistics.median(those) for n, those in fused.items()}
    single = {n: [away(one, expected(run, n, False)) for one in those] for n, those in fused.items()}
    return named | {
        "fused_off": Quantity(max(away(one, expected(run, n, False)) for n, one in middle.items()), "%"),
        "fused_off_single": Quantity(statistics.fmean(itertools.chain(*single.values())), "%"),
        "fused_off_single_longest": Quantity(statistics.fmean(single[longest]), "%"),
    }


def away(one: float, other: float) -> float:
    """How far apart two ratios are, as a share of the smaller."""
    return math.expm1(abs(math.log(one / other)))


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        try:
            found = gains(run)
        except LookupError:
            continue
        lines += [
            {"machine": run.machine, "kernel": style.call(kernel), "heads": "one" if alone else f"at least {FEWEST}",
             "tokens": n, "gain of the mask": gain,
             "its blocks allow": Quantity(expected(run, n, alone), "×") if kernel == "peer_torch_flash" else None}
            for (kernel, alone), those in found.items() for n, gain in those.items()
        ]  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found = gains(run)
    lengths = sorted({n for those in found.values() for n in those})
    every = [q.value for those in found.values() for q in those.values()]
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", lengths, "tokens"),
        axes.linear_axis("speed-up from the causal mask", [*every, 2.0], "×", zero=False, pad=0.1),
    )
    style.reference(on, [on.x.low, on.x.high], [1, 1], "the mask changes nothing", dash="solid")
    for series, those in found.items():
        label, look = SERIES[series]
        hover = [f"{label}, {axes.tokens(n)} tokens: {q}" for n, q in those.items()]
        style.line(on, list(those), [q.value for q in those.values()], look, label, hover=hover)
        if series[0] == "peer_torch_flash":
            marks = [expected(run, n, series[1]) for n in those]
            hover = [f"{label}: its blocks allow {Quantity(mark, '×')}" for mark in marks]
            style.points(on, list(those), marks, style.Look(look.colour, symbol="x"), f"{label}, counted", hover, 10)
    return style.finish(on, run)
