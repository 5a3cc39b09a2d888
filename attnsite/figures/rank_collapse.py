"""No mask, no residual: three attention layers collapse tokens by {attention_fall_3}

Relative residual by number of layers, in models at initialisation. At 0 all token vectors are equal.

The measure is the relative residual: the norm of the states minus their mean over the tokens, as a share of the norm of
the states. Embeddings have unit variance, attention sees all tokens unless the line says causal, the text is
Shakespeare. A line is the median over the seeds, a band the interquartile range. A decoder has residual, MLP and
LayerNorm.

A chart of lines on a logarithmic axis, with {heads} heads at a hidden size of {width}. Attention alone takes the tokens
{attention_fall_3} closer together in three layers, with LayerNorm {attention_norm_fall_3}, with MLPs
{attention_mlp_fall_3}, under a causal mask {causal_attention_fall_3}; with the residual the measure is at
{attention_residual_last} after {layers} layers, in a whole decoder at {decoder_post_last}.
"""

import itertools
import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "rank_collapse"
TITLE_COLUMNS = ("after 3 layers", "after 16 layers")
HEADS, CAUSAL = 4, "causal_attention"
NAMES = {
    "attention": "attention alone",
    "attention_norm": "with LayerNorm",
    "attention_mlp": "with MLP",
    "attention_residual": "with residual",
    "decoder_pre": "decoder, pre-norm",
    "decoder_post": "decoder, post-norm",
}
LOOKS = {
    "attention_residual": style.Look(style.OURS_2),
    "decoder_post": style.Look(style.OURS, "dot"),
    CAUSAL: style.Look(style.OTHER_2, "dash"),
    "attention_norm": style.Look(style.OTHER_2),
    "attention": style.Look(style.OTHER),
}
ENDS = {"attention_residual": "residual", "decoder_post": "decoder", CAUSAL: "causal attention alone"}
ON_THE_WAY = {"attention_norm": (4, "left"), "attention": (3.5, "right")}  # layers at which a label stands, its side
SHOWN = 8  # layers: by then what falls has fallen
AT = 3  # layers: before rounding shows
Size = tuple[int, int, bool]


def layers(run: Run, parts: str, size: Size) -> list[Quantity]:
    """The relative residual before the first layer and after each, the median over the seeds."""
    width, heads, causal = size
    rows = run.where(parts=parts, width=width, heads=heads, causal=causal)
    return [measured_rows.quartiles(seen, "1") for seen in zip(*(row.values["residual"] for row in rows), strict=True)]


def sizes(run: Run) -> list[Size]:
    """Width, heads and mask of every stack; the one that is drawn first."""
    found = {(row.case["width"], row.case["heads"], row.case["causal"]) for row in run.where()}
    ordered = sorted(found, key=lambda size: (size[2], size[0], abs(size[1] - HEADS), size))
    if not ordered or ordered[0][1:] != (HEADS, False):
        raise LookupError("not measured yet on this machine: how alike tokens become")
    return ordered


def lines(run: Run) -> dict[str, list[Quantity]]:
    """What is drawn: the parts at the first size, and attention alone under a causal mask if there is one."""
    first, *others = sizes(run)
    found = {parts: layers(run, parts, first) for parts in NAMES}
    if masked := [size for size in others if size[2]]:
        found[CAUSAL] = layers(run, "attention", masked[0])
    return found


def fall(line: list[Quantity]) -> Quantity:
    """By how many orders of magnitude the measure falls in three layers."""
    return Quantity(math.log10(line[0].value / line[AT].value), "orders of magnitude", digits=2)


def values(run: Run) -> dict[str, Quantity]:
    width, heads, _ = sizes(run)[0]
    found = {"width": Quantity(width, "count"), "heads": Quantity(heads, "count")}
    for parts, line in lines(run).items():
        found[f"{parts}_begins"], found[f"{parts}_last"] = line[0], line[-1]
        found[f"{parts}_fall_{AT}"] = fall(line)
        found["layers"] = Quantity(len(line) - 1, "count")
    if CAUSAL in lines(run):
        causal = [quantity.value for quantity in lines(run)[CAUSAL]]
        later = [math.log10(a / b) for a, b in itertools.pairwise(causal[AT:])]
        found["causal_layer_least"] = Quantity(min(later), "1", digits=2)
        found["causal_layer_most"] = Quantity(max(later), "orders of magnitude", digits=2)
    for size in sizes(run):
        if not size[2] and size[0] == width:
            found[f"one_of_{size[1]}_heads_fall_{AT}"] = fall(layers(run, "attention", size))
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "parts": NAMES[parts], "hidden size": width, "heads": heads,
         "mask": "causal" if causal else "none"}
        | {f"after {at} layers" if at != 1 else "after 1 layer": Quantity(line[at].value, "small")
           for at in sorted({1, 2, 3, 4, len(line) // 2, len(line) - 1})}
        for run in runs
        for width, heads, causal in sizes(run)
        for parts in NAMES
        for line in (layers(run, parts, (width, heads, causal)),)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found = {parts: line[: SHOWN + 1] for parts, line in lines(run).items()}
    last = len(found["attention"]) - 1
    ticks = tuple(range(last + 1))
    x = axes.Axis("layers", 0, last, ticks, tuple(map(str, ticks)))
    shown = [q.value for line in found.values() for q in line]
    on = style.chart(x, axes.power_axis("relative residual (0: all tokens alike)", shown))
    for parts, look in LOOKS.items():
        if parts not in found:
            continue
        line = found[parts]
        label = ENDS.get(parts) or NAMES[parts]
        at, side = ON_THE_WAY.get(parts, (last, ""))
        style.line(on, list(ticks), [q.value for q in line], look, label, label_end=at >= last,
                    low=[q.low or q.value for q in line], high=[q.high or q.value for q in line],
                    hover=[f"{label}, layer {n}: {axes.small(q.value)}" for n, q in enumerate(line)])  # fmt: skip
        if at < last:
            away = 8 if side == "left" else -8
            height = math.sqrt(line[math.floor(at)].value * line[math.ceil(at)].value)
            style.note(on, at, height, label, look.colour, anchor=side, shift=(away, -4))
    return style.finish(on, run)
