"""Large key channels raise int4's error by token to {int4_token_16}; by channel it stays {int4_channel_16}

Error of attention with a rounded KV cache, by format, without large key channels and with a constant added to
{channels} of {dim} key channels. The constant itself changes nothing.

A constant in a key channel adds the same to all scores of a query, so exact attention is the same in both; what differs
is rounding. By token, all numbers of a key share a scale, which the largest sets; by channel, a key channel has its own
and the constant goes into its offset. Values are rounded by token in all. int8 has one scale per key or channel, int4
and int2 a scale and an offset for each 32 numbers, fp8 (E4M3) none. The error is the root mean square of the
differences from float64 over that of the result, the median over {seeds} seeds. The axis is logarithmic.

A chart of {formats} rows with two marks each. Without large channels bf16 makes an error of {bf16_0}, int8
{int8_token_0}, fp8 {fp8_0}, int4 {int4_token_0} and int2 {int2_token_0}; with a constant of {most} they are {bf16_16},
{int8_token_16}, {fp8_16}, {int4_token_16} and {int2_token_16} by token, {int8_channel_16} for int8 by channel and
{int4_channel_16} for int4.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "kv_quantisation"
TITLE_COLUMNS = ("error", "key channels")
FORMATS = {"bf16": "bf16", "int8_channel": "int8, keys by channel", "int8_token": "int8 by token", "fp8": "fp8",
           "int4_channel": "int4, keys by channel", "int4_token": "int4 by token",
           "int2_channel": "int2, keys by channel", "int2_token": "int2 by token"}  # fmt: skip
LOOKS = {0: ("no large channels", style.Look(style.OURS)),
         16: ("constant added", style.Look(style.OTHER, symbol="diamond"))}  # fmt: skip


def offsets(run: Run) -> list[float]:
    found = sorted({row.case["offset"] for row in run.where()})
    if not {0.0, 16.0} <= set(found):
        raise LookupError("not measured yet on this machine: the error of a rounded KV cache")
    return found


def error(run: Run, name: str, offset: float) -> Quantity:
    """The median over the seeds with their interquartile range, a share of the result."""
    return measured_rows.quartiles([row.values[name] for row in run.where(offset=offset)], "%")


def values(run: Run) -> dict[str, Quantity]:
    every = offsets(run)
    found = {
        "channels": Quantity(run.where()[0].case["channels"], "count"),
        "dim": Quantity(128, "count"),
        "seeds": Quantity(len({row.seed for row in run.where()}), "count"),
        "formats": Quantity(len(FORMATS), "count"),
        "most": Quantity(max(every), "count"),
    }
    for name in FORMATS:
        for offset in every:
            found[f"{name}_{offset:g}"] = error(run, name, offset)
        found[f"{name}_keys_0"] = error(run, f"{name}_keys", 0.0)
        found[f"{name}_values_0"] = error(run, f"{name}_values", 0.0)
    for above, below in (("fp8", "int8_token"), ("int8_token", "bf16"), ("int4_token", "int8_token")):
        found[f"{above}_over_{below}"] = Quantity(found[f"{above}_0"].value / found[f"{below}_0"].value, "×")
    for name in ("int8", "int4", "int2"):
        ratio = found[f"{name}_token_16"].value / found[f"{name}_channel_16"].value
        found[f"{name}_token_over_channel"] = Quantity(ratio, "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "format": label, "key channels": f"constant of {offset:g}" if offset else "alike",
         "error": error(run, name, offset), "rounding keys alone": error(run, f"{name}_keys", offset),
         "rounding values alone": error(run, f"{name}_values", offset)}
        for run in runs
        for name, label in FORMATS.items()
        for offset in offsets(run)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    names = list(reversed(FORMATS))
    shown = {offset: [error(run, name, float(offset)) for name in names] for offset in LOOKS}
    places = [float(at) for at in range(len(names))]
    every = [q.value for those in shown.values() for q in those]
    on = style.chart(
        axes.log_axis("error relative to the result", every, "%", pad=1.6),
        axes.Axis("format of the KV cache", -0.6, len(names) - 0.1, tuple(places), tuple(FORMATS[n] for n in names)),
    )
    for place, low, high in zip(places, *([q.value for q in shown[offset]] for offset in LOOKS), strict=True):
        style.reference(on, [low, high], [place, place], "", dash="solid")
    for offset, (label, look) in LOOKS.items():
        hover = [f"{FORMATS[name]}, {label}: {q}" for name, q in zip(names, shown[offset], strict=True)]
        style.points(on, [q.value for q in shown[offset]], places, look, label, hover, size=9)
        left = offset == 0
        style.note(on, shown[offset][-1].value, places[-1], label, look.colour, above=True,
                    anchor="right" if left else "left", shift=(0, 10))  # fmt: skip
    return style.finish(on, run)
