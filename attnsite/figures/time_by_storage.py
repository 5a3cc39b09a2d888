"""bfloat16 makes a decode step with 32 KV heads {decode_bf16_gain} as fast, prefill {prompt_bf16_gain}

Speed-up of prefill and of a decode step with 16-bit or 8-bit storage over float32. The short line on a bar is what the
bytes alone would give.

A bar is the median time of the kernel with float32 over the median time with this storage, in the same rounds; whiskers
span from the lower quartile over the upper to the upper over the lower. The short line on each bar is the number of
bytes of keys and values in float32 over that in this storage, the speed-up of a step that only reads. Arithmetic is
float32 in all of them; the elements are widened on the way. int8 is a way to store a KV cache, and no prefill was timed
with it.

A bar chart of two groups. Prefill of {tokens} tokens takes {prompt_f16} the time with float16 and {prompt_bf16} with
bfloat16. A decode step over {context} tokens takes {decode_f16} with float16, {decode_bf16} with bfloat16 and
{decode_int8} with int8.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "time_by_storage"
TITLE_COLUMNS = ("time per call",)
KINDS = {  # kernel: the value's name, the label, bytes over those of float32, the colour
    "cpu_simd_stored_f16": ("f16", "float16", 1 / 2, style.OURS),
    "cpu_simd_stored_bf16": ("bf16", "bfloat16", 1 / 2, style.OURS_2),
    "cpu_simd_decode_int8": ("int8", "int8 cache", (128 + 4) / 512, style.OTHER_2),
}
PHASES = {"prompt": "prefill", "decode": "decode step"}


def rows(run: Run, phase: str) -> dict[str, Row]:
    """By kernel: the rows of the largest workload of that phase that float32 and both kinds of 16 bits have."""
    those = [row for row in run.where() if row.samples and row.takes_part
             and (row.case["queries"] == 1) == (phase == "decode")]  # fmt: skip
    needed = ("cpu_simd", "cpu_simd_stored_f16", "cpu_simd_stored_bf16")
    size = measured_rows.largest(those, "keys") if those else 0
    found = {str(row.kernel): row for row in those if row.case["keys"] == size}
    if not set(needed) <= set(found):
        raise LookupError(f"not measured yet on this machine: {', '.join(needed)}")
    return found


def bars(run: Run) -> list[tuple[str, str, Quantity]]:
    """Phase, kernel and the speed-up over float32, the slowest phase first."""
    found = []
    for phase in PHASES:
        those = rows(run, phase)
        found += [
            (phase, kernel, measured_rows.ratio(those["cpu_simd"], those[kernel]))
            for kernel in KINDS
            if kernel in those
        ]
    return found


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for phase, kernel, gain in bars(run):
        those, name = rows(run, phase), KINDS[kernel][0]
        found[f"{phase}_{name}"] = measured_rows.ratio(those[kernel], those["cpu_simd"])
        found[f"{phase}_{name}_gain"] = gain
        found[f"{phase}_{name}_time"] = those[kernel].quantity()
    if "decode_int8" not in found:
        raise LookupError("not measured yet on this machine: cpu_simd_decode_int8")
    prompt, decode = rows(run, "prompt")["cpu_simd"], rows(run, "decode")["cpu_simd"]
    return found | {
        "tokens": Quantity(prompt.case["queries"], "count"),
        "context": Quantity(decode.case["keys"], "count"),
        "prompt_time": prompt.quantity(),
        "decode_time": decode.quantity(),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"queries": "queries", "keys": "keys", "kv_heads": "KV heads"})


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    shown = bars(run)
    labels = tuple(f"{PHASES[phase]},<br>{KINDS[kernel][1]}" for phase, kernel, _ in reversed(shown))
    ys = tuple(map(float, range(len(shown))))
    most = max(*(1 / KINDS[kernel][2] for _, kernel, _ in shown), *(q.high or q.value for _, _, q in shown)) * 1.3
    x = axes.linear_axis("speed-up over float32", [0, most], "×", pad=0, most=4)
    on = style.chart(x, axes.Axis("phase and KV cache dtype", -0.6, len(shown) - 0.4, ys, labels))
    on.figure.update_yaxes(showgrid=False)
    style.reference(on, [1, 1], [on.y.low, on.y.high], "float32", dash="solid", rim=True)
    for y, (_, kernel, q) in zip(ys, reversed(shown), strict=True):
        _, _, bytes_, colour = KINDS[kernel]
        low, high = q.low or q.value, q.high or q.value
        on.figure.add_bar(
            x=[q.value], y=[y], orientation="h", width=0.56, marker={"color": colour},
            hovertext=[f"{labels[int(y)].replace('<br>', ' ')}: {q}<br>{q.spread()}"], hoverinfo="text",
        )  # fmt: skip
        style.whiskers(on, [q.value], [y], [low], [high], level=True)
        style.tick(on, [1 / bytes_, 1 / bytes_], [y - 0.36, y + 0.36])
        style.note(on, high, y, str(q), anchor="left", shift=(8, 0), name="fixed")
    style.note(
        on,
        1 / KINDS["cpu_simd_stored_f16"][2],
        len(shown) - 0.55,
        "by bytes alone",
        style.MUTE,
        anchor="left",
        shift=(4, 2),
    )
    return style.finish(on, run)
