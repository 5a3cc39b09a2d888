"""With 8 KV heads instead of 32, decode attention is {decode_gain_8} as fast; prefill takes {prompt_8} the time

Speed-up of attention over 32 KV heads, in prefill and in a decode step, by the number of KV heads. Decode gains and
prefill does not; the dashed lines repeat K and V for every query head first.

Every line begins at one, with 32 KV heads and nothing to copy. The thin dotted line is the speed-up of a decode step
that only reads its cache, at the bandwidth that was measured in the same rounds, or only does its FLOPs, at the FMA
peak, whichever takes longer. The copy is made by all threads into memory that is reused, which is faster than most
programs' copies are. Bands pair the quartiles of the samples that are farthest apart; both axes are logarithmic.

A chart of four lines over 32 to 1 KV heads. With 8 a causal prefill of {tokens} tokens takes {prompt_8} the time, a
decode step over {context} tokens {decode_8}; with one {prompt_1} and {decode_1}. With copies prefill takes
{prompt_repeated_8} and the decode step {decode_repeated_8} the time with 8 KV heads.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "gqa_phases"
TITLE_COLUMNS = ("time per call",)
SERIES = {  # name: the phase, the kernel, the label, the look
    "prompt": ("prompt", "cpu_simd", "prefill", style.Look(style.OURS_2)),
    "prompt_repeated": (
        "prompt",
        "cpu_simd_repeated",
        "prefill, K/V repeated",
        style.Look(style.OTHER_2, "dash", "square"),
    ),
    "decode": ("decode", "cpu_simd", "decode", style.Look(style.OURS)),
    "decode_repeated": (
        "decode",
        "cpu_simd_repeated",
        "decode, K/V repeated",
        style.Look(style.OTHER, "dash", "square"),
    ),
}


def rows(run: Run, name: str) -> dict[int, Row]:
    """By the number of KV heads, most first."""
    phase, kernel, _, _ = SERIES[name]
    found = {row.case["kv_heads"]: row for row in run.where(kernel)
             if row.samples and (row.case["queries"] == 1) == (phase == "decode")}  # fmt: skip
    if not {32, 8, 1} <= set(found):
        raise LookupError(f"not measured yet on this machine: {kernel} with 32, 8 and 1 KV heads")
    return dict(sorted(found.items(), reverse=True))


def fewer(kv_heads: list[int]) -> axes.Axis:
    """An axis that runs from 32 KV heads to fewer, placed by how many query heads share one."""
    ticks = tuple(32 / n for n in kv_heads)
    return axes.Axis("KV heads", 0.85, max(ticks) * 1.2, ticks, tuple(map(str, kv_heads)), log=True)


def expected(run: Run, case: dict[str, Any]) -> float:
    """The longer of reading the cache and of doing the FLOPs, at the rates of this run."""
    read, fma = run.ceiling("read"), run.ceiling("fma")
    if read is None or fma is None:
        raise LookupError("not measured yet on this machine: what it can read and compute")
    layer = Attention(1, case["heads"], case["dim"], case["kv_heads"])
    moved = layer.input_bytes(case["queries"], case["keys"])
    return max(moved / read.value, layer.core_flops(case["queries"], case["keys"], case["causal"]) / fma.value)


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for name in SERIES:
        those = rows(run, name)
        for kv_heads in (8, 1):
            found[f"{name}_{kv_heads}"] = measured_rows.ratio(those[kv_heads], those[32])
            found[f"{name}_gain_{kv_heads}"] = measured_rows.ratio(those[32], those[kv_heads])
        found[f"{name}_time_32"] = those[32].quantity()
        found[f"{name}_time_8"] = those[8].quantity()
        found[f"{name}_time_1"] = those[1].quantity()
    decode, prompt = rows(run, "decode"), rows(run, "prompt")
    ratios = [row.median / prompt[32].median for kv_heads, row in prompt.items() if kv_heads < 32]
    least, most = min(ratios), max(ratios)
    found |= {"prompt_least": Quantity(least, "×"), "prompt_most": Quantity(most, "×"),
              "prompt_slowest": Quantity(1 / most, "×"), "prompt_fastest": Quantity(1 / least, "×")}  # fmt: skip
    share = expected(run, dict(decode[8].case)) / expected(run, dict(decode[32].case))
    flops = Attention(1, 32, decode[1].case["dim"], 1).core_flops(1, decode[1].case["keys"])
    low, high = decode[1].middle_half()
    fma = run.ceiling("fma")
    return found | {
        "tokens": Quantity(prompt[32].case["queries"], "count"),
        "context": Quantity(decode[32].case["keys"], "count"),
        "decode_8_expected": Quantity(share, "×"),
        "mqa_speed": Quantity(flops / decode[1].median, "FLOP/s", flops / high, flops / low),
        "mqa_share_of_fma": Quantity(flops / decode[1].median / (fma.value if fma else 1), "%"),
        "copying_8": measured_rows.ratio(rows(run, "decode_repeated")[8], decode[8]),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    columns = {"queries": "queries", "keys": "keys", "kv_heads": "KV heads"}
    return measured_rows.table(runs, columns)


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    lines = {name: rows(run, name) for name in SERIES}
    ratios = {
        name: {kv_heads: measured_rows.ratio(those[32], row) for kv_heads, row in those.items()}
        for name, those in lines.items()
    }
    decode = lines["decode"]
    whole = expected(run, dict(decode[32].case))
    theory = {kv_heads: whole / expected(run, dict(row.case)) for kv_heads, row in decode.items()}
    shown = [b for those in ratios.values() for q in those.values() for b in (q.low or q.value, q.high or q.value)]
    x = fewer(list(decode))
    on = style.chart(x, axes.log_axis("speed-up over 32 KV heads", [*shown, *theory.values()], "×", pad=1.35))
    style.reference(
        on, [32 / n for n in theory], list(theory.values()), "bandwidth or FMA peak alone, whichever is slower"
    )
    middle = list(theory)[len(theory) // 2]
    style.note(on, 32 / middle, theory[middle], "bound by bandwidth<br>or FMA peak", style.MUTE, above=True,
                anchor="right", shift=(-4, -2))  # fmt: skip
    for name, (_, _, label, look) in SERIES.items():
        those = ratios[name]
        hover = [f"{label}, {kv_heads} KV head{'s' * (kv_heads > 1)}: {q}<br>{lines[name][kv_heads].quantity()}"
                 for kv_heads, q in those.items()]  # fmt: skip
        style.line(
            on, [32 / n for n in those], [q.value for q in those.values()], look, label, hover=hover,
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
        )  # fmt: skip
    return style.finish(on, run)
