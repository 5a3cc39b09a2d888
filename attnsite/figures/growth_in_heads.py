"""At fixed hidden size only scores grow with the heads; at fixed head_dim all that each head has a part of

The exponent with which each quantity grows with the number of heads. At 0 doubling the heads changes nothing, at 1 it
doubles the quantity, at −1 it halves it.

Each mark is a slope, fitted to the logarithms of counts for 1 to {most_heads} heads of one layer over {tokens} tokens.
Circles have a hidden size of {width} divided among H heads, squares H heads with a head dimension of {head_dim}. In
{apart_by_one} rows the two marks are one apart, since the head dimension is a factor of what is counted; in
{at_one_place} they agree, since it is not. Rows with 8 KV heads are fitted from 8 heads on. Where part of a quantity
grows and part does not, its mark lies between the lines. A decode step reads the layer's parameters and the cache of
all tokens.

A chart of {quantities} quantities in rows. At fixed hidden size the parameters have the exponent
{weights_mha_fixed_width}, the FLOPs of both products {core_flops_fixed_width}, the exponentials
{exponentials_fixed_width}, the cache with one KV head {cache_mqa_fixed_width} and the rank of a head
{rank_fixed_width}. At fixed head dimension the exponents are {weights_mha_fixed_head_width},
{core_flops_fixed_head_width}, {exponentials_fixed_head_width}, {cache_mqa_fixed_head_width} and
{rank_fixed_head_width}.
"""

import math
import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "growth_in_heads"
TITLE_COLUMNS = ("exponent, fixed hidden size", "exponent, fixed head_dim")
QUANTITIES = {
    "weights_mha": ("parameters, MHA", "count"),
    "weights_gqa": ("parameters, 8 KV heads", "count"),
    "projection_flops": ("projection FLOPs", "FLOP"),
    "core_flops": ("QKᵀ and AV FLOPs", "FLOP"),
    "exponentials": ("exponentials", "exp"),
    "scores_written_out": ("scores, materialised", "B"),
    "scores_online": ("scores, online", "B"),
    "log_sum_exps": ("log-sum-exps", "B"),
    "cache_mha": ("KV cache, MHA", "B"),
    "cache_gqa": ("KV cache, 8 KV heads", "B"),
    "cache_mqa": ("KV cache, MQA", "B"),
    "cache_mla": ("KV cache, MLA", "B"),
    "step_mha": ("decode bytes, MHA", "B"),
    "step_gqa": ("decode bytes, 8 KV heads", "B"),
    "step_mqa": ("decode bytes, MQA", "B"),
    "rank": ("rank of a head", "count"),
}
REGIMES = {  # label, look, and where in its row the mark stands if both are at one place
    "fixed_width": ("fixed hidden size", style.Look(style.OURS), 0.16),
    "fixed_head_width": ("fixed head_dim", style.Look(style.OTHER, symbol="square"), -0.16),
}


def counted(run: Run, regime: str, name: str) -> list[tuple[int, float]]:
    """(heads, value), without the numbers of heads for which there is none."""
    rows: list[Row] = run.where(regime=regime)
    found = [(row.case["heads"], row.values[name]) for row in rows if row.values[name] is not None]
    return sorted(found)


def exponent(points: list[tuple[int, float]]) -> float:
    """The slope of the logarithms, by least squares; a rounding error around zero is zero."""
    heads, sizes = zip(*points, strict=True)
    slope = statistics.linear_regression([math.log(h) for h in heads], [math.log(s) for s in sizes]).slope
    return round(slope, 9) + 0.0


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for regime in REGIMES:
        for name, (_, unit) in QUANTITIES.items():
            points = counted(run, regime, name)
            found[f"{name}_{regime}"] = Quantity(exponent(points))
            found[f"{name}_growth_{regime}"] = Quantity(points[-1][1] / points[0][1], "×")
            found[f"{name}_last_{regime}"] = Quantity(points[-1][1], unit)
    steps = [found[f"{n}_fixed_head_width"].value - found[f"{n}_fixed_width"].value for n in QUANTITIES]
    grows = [n for n in QUANTITIES if found[f"{n}_fixed_width"].value > 0.5]
    grows_wide = [n for n in QUANTITIES if found[f"{n}_fixed_head_width"].value > 0.5]
    case = run.where(regime="fixed_head_width")[0].case
    cut = run.where(regime="fixed_width")[0].case
    return found | {
        "quantities": Quantity(len(QUANTITIES), "count"),
        "apart_by_one": Quantity(sum(math.isclose(step, 1, abs_tol=1e-6) for step in steps), "count"),
        "at_one_place": Quantity(sum(math.isclose(step, 0, abs_tol=1e-6) for step in steps), "count"),
        "growing_fixed_width": Quantity(len(grows), "count"),
        "growing_fixed_head_width": Quantity(len(grows_wide), "count"),
        "most_heads": Quantity(max(row.case["heads"] for row in run.where()), "count"),
        "width": Quantity(cut["heads"] * cut["dim"], "count"),
        "head_dim": Quantity(case["dim"], "count"),
        "tokens": Quantity(math.isqrt(int(counted(run, "fixed_width", "exponentials")[0][1])), "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for name, (label, unit) in QUANTITIES.items():
        line: dict[str, Any] = {"quantity": label}
        for regime, (words, _, _) in REGIMES.items():
            points = counted(runs[0], regime, name)
            line |= {
                f"exponent, {words}": Quantity(exponent(points)),
                f"first, {words}": Quantity(points[0][1], unit),
                f"last, {words}": Quantity(points[-1][1], unit),
            }
        lines.append(line)
    return lines


def draw(runs: list[Run]) -> go.Figure:
    places = {name: -float(place) for place, name in enumerate(QUANTITIES)}
    texts = tuple(label for label, _ in QUANTITIES.values())
    y = axes.Axis("quantity of one layer", min(places.values()) - 0.6, 1.5, tuple(places.values()), texts)
    ends = ("−1, halves", "0, constant", "1, doubles")
    on = style.chart(axes.Axis("exponent of growth with heads", -1.28, 1.28, (-1, 0, 1), ends), y)
    for at in (-1, 0, 1):
        style.reference(on, [at, at], [y.low, 0.6], ends[at + 1])
    points = {(name, regime): counted(runs[0], regime, name) for name in QUANTITIES for regime in REGIMES}
    slopes = {key: exponent(found) for key, found in points.items()}
    apart = {name: len({slopes[name, regime] for regime in REGIMES}) > 1 for name in QUANTITIES}
    for name, (label, _) in QUANTITIES.items():
        if apart[name]:
            on.figure.add_scatter(
                x=[slopes[name, regime] for regime in REGIMES], y=[places[name]] * 2, mode="lines", hoverinfo="skip",
                line={"color": style.MUTE, "width": 1}, name=label,
            )  # fmt: skip
    for regime, (words, look, shift) in REGIMES.items():
        hover = []
        for name, (label, unit) in QUANTITIES.items():
            (few, first), *_, (many, last) = points[name, regime]
            sizes = f"{Quantity(first, unit)} with {few}, {Quantity(last, unit)} with {many} heads"
            hover.append(f"{label}, {words}<br>exponent {Quantity(slopes[name, regime])}<br>{sizes}")
        ys = [places[name] + shift * (not apart[name]) for name in QUANTITIES]
        style.points(on, [slopes[name, regime] for name in QUANTITIES], ys, look, words, hover)
        style.note(on, slopes["weights_mha", regime], 1.0, words, look.colour)
    return style.finish(on, runs[0])
