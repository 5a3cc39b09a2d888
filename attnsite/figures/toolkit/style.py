"""The look of all figures: colours, lines with their bands and labels, reference lines, the stamp.

Colours are sentinels: the site replaces each by a CSS variable in the static picture and by the theme's value in the
live chart. A figure is a `chart` of two axes, gets `line`s, `points`, `reference`s and `note`s, and is `finish`ed,
which writes the labels at the line ends, the margins for both picture sizes (`layout.meta["sizes"]`) and the stamp.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, labels
from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD, Run

INK, GRID, MUTE, PAPER = "rgb(1,2,3)", "rgb(4,5,6)", "rgb(7,8,9)", "rgb(10,11,12)"
OURS, OURS_2, OTHER, OTHER_2 = "rgb(13,14,15)", "rgb(16,17,18)", "rgb(19,20,21)", "rgb(22,23,24)"
OURS_2_INK, OTHER_2_INK = "rgb(25,26,27)", "rgb(28,29,30)"  # the same hues for words, which need more contrast
INKS = {OURS_2: OURS_2_INK, OTHER_2: OTHER_2_INK}
CLEAR = "rgba(0,0,0,0)"
SIZES = {"wide": (760, 420, 13), "narrow": (360, 360, 11)}  # width, height, size of the type
BROAD = 9  # px: the width of a line behind others
STAMP = {"wide": 11, "narrow": 10}  # size of the stamp's type
TOP, BOTTOM = 40, 66  # margins: the title of the y axis stands above the plot, the stamp below the x axis


def faint(colour: str, alpha: float = 0.2) -> str:
    """The colour, transparent: for bands."""
    return colour.replace("rgb(", "rgba(").replace(")", f",{alpha:g})")


@dataclass(frozen=True)
class Look:
    """How a series is drawn, the same in every figure in which it occurs."""

    colour: str
    dash: str = "solid"
    symbol: str = "circle"


KERNELS = {  # the kernels of the first ladder keep their look everywhere
    "cpu_online": Look(OURS),
    "cpu_blas": Look(OTHER, symbol="square"),
    "cpu_naive": Look(OTHER_2, symbol="diamond"),
    "cpu_simd": Look(OURS_2),
    "cpu_decode": Look(OTHER, symbol="triangle-up"),
    "cpu_simd_decode": Look(OURS_2, symbol="triangle-up"),
    "cpu_simd_decode_bf16": Look(OURS, "dash", "triangle-up"),
    "cpu_simd_decode_int8": Look(OURS_2, "dot", "triangle-down"),
    "cuda_tiled": Look(OURS, "dash"),
    "cuda_naive": Look(OTHER_2, "dash", "diamond"),
    "cuda_decode": Look(OURS_2, "dash", "triangle-up"),
}
_MORE = [Look(c, d, s) for d, s in (("dot", "cross"), ("dashdot", "x")) for c in (OURS_2, OTHER, OTHER_2, OURS)]
_WORDS = {
    "cpu": "",
    "cuda": "GPU",
    "peer": "",
    "blas": "BLAS",
    "numpy": "NumPy",
    "torch": "PyTorch",
    "jax": "JAX",
    "xla": "XLA",
    "onnxruntime": "ONNX Runtime",
    "attention": "",
    "simd": "SIMD",
    "bf16": "bfloat16",
    "f16": "float16",
    "stored": "",
    "mma": "tensor cores",
}


def looks(kernels: Sequence[str]) -> dict[str, Look]:
    """A look for each kernel; those outside the first ladder get the remaining ones in order."""
    others = [kernel for kernel in kernels if kernel not in KERNELS]
    return {k: KERNELS.get(k) or _MORE[others.index(k) % len(_MORE)] for k in kernels}


def call(kernel: str) -> str:
    """A kernel's name as a label: `cpu_online` is "online", `cuda_tiled` is "GPU tiled"."""
    return " ".join(word for part in kernel.split("_") if (word := _WORDS.get(part, part)))


@dataclass
class Chart:
    """A figure in the making: its axes, and the labels that still want a place at the right."""

    figure: go.Figure
    x: axes.Axis
    y: axes.Axis
    ends: list[tuple[float, float, str, str]] = field(default_factory=list)  # x, y, text, colour


def chart(x: axes.Axis, y: axes.Axis) -> Chart:
    """An empty chart: both axes, light horizontal grid, no legend, the y title standing level above the plot."""
    figure = go.Figure(layout={"template": "none"})
    figure.update_layout(
        paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, showlegend=False, hovermode="closest", bargap=0.3, barmode="stack",
        hoverlabel={"bgcolor": PAPER, "bordercolor": MUTE, "font": {"color": INK}},
        xaxis=x.layout(GRID) | {"showgrid": False, "showline": True, "linecolor": MUTE, "ticks": "outside",
                                "tickangle": 0,
                                     "tickcolor": MUTE, "ticklen": 4, "title": {"text": x.title, "standoff": 8}},
        yaxis=y.layout(GRID) | {"showline": False, "ticks": "outside", "ticklen": 4, "tickcolor": CLEAR},
    )  # fmt: skip
    figure.add_annotation(
        name="y title", text=y.title, xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="bottom",
        yshift=9, showarrow=False, align="left", font={"color": INK},
    )  # fmt: skip
    return Chart(figure, x, y)


def line(on: Chart, xs: Sequence[float], ys: Sequence[float], look: Look, label: str, *, label_end: bool = True,
         low: Sequence[float] | None = None, high: Sequence[float] | None = None, hover: Sequence[str] | None = None,
         markers: bool = True, width: float = 2.4) -> None:  # fmt: skip
    """A series with the band of its interquartile range, labelled at its end."""
    if not xs:
        return
    if low is not None and high is not None:
        on.figure.add_scatter(
            x=[*xs, *reversed(xs)], y=[*high, *reversed(low)], mode="lines", fill="toself", hoverinfo="skip",
            fillcolor=faint(look.colour), line={"width": 0, "color": CLEAR}, name=f"{label}, interquartile range",
        )  # fmt: skip
    on.figure.add_scatter(
        x=list(xs), y=list(ys), name=label, mode="lines+markers" if markers else "lines",
        line={"color": look.colour, "width": width, "dash": look.dash},
        marker={"color": look.colour, "symbol": look.symbol, "size": 7},
        hovertext=list(hover) if hover else None, hoverinfo="text" if hover else "x+y+name", cliponaxis=False,
    )  # fmt: skip
    if label_end:
        on.ends.append((xs[-1], ys[-1], label, look.colour))


def points(on: Chart, xs: Sequence[float], ys: Sequence[float], look: Look, name: str, hover: Sequence[str],
           size: float = 8) -> None:  # fmt: skip
    """Marks without a line."""
    on.figure.add_scatter(
        x=list(xs), y=list(ys), name=name, mode="markers", hovertext=list(hover), hoverinfo="text", cliponaxis=False,
        marker={"color": look.colour, "symbol": look.symbol, "size": size, "line": {"color": PAPER, "width": 1}},
    )  # fmt: skip


def reference(on: Chart, xs: Sequence[float], ys: Sequence[float], text: str, *, at: float | None = None,
              above: bool = True, dash: str = "dot", colour: str = MUTE, end: bool = False,
              rim: bool = False, behind: bool = False) -> None:  # fmt: skip
    """A limit, a theory or a peer: a thin line, named on the line at the share `at` of its length, or at its end.

    With a `rim` it is seen on bars too. `behind` draws a broad grey line instead, seen where another one lies on it.
    """
    if rim:
        line = {"color": PAPER, "width": 4}
        on.figure.add_scatter(x=list(xs), y=list(ys), mode="lines", hoverinfo="skip", line=line)
    on.figure.add_scatter(
        x=list(xs), y=list(ys), mode="lines", name=text, hoverinfo="name",
        line={"color": faint(colour, 0.3), "width": BROAD} if behind else {"color": colour, "width": 1.2, "dash": dash},
    )  # fmt: skip
    if end:
        on.ends.append((xs[-1], ys[-1], text, colour))
    elif at is not None:
        first, last = (on.x.fraction(v) for v in (xs[0], xs[-1]))
        start, stop = (on.y.fraction(v) for v in (ys[0], ys[-1]))
        x, y = on.x.value_at(first + at * (last - first)), on.y.value_at(start + at * (stop - start))
        note(on, x, y, text, colour, above=above, shift=(0, 5 if above else -5))


def note(on: Chart, x: float, y: float, text: str, colour: str = INK, *, above: bool | None = None,
         anchor: str = "center", shift: tuple[int, int] = (0, 0), ground: bool = True,
         name: str = "label") -> None:  # fmt: skip
    """A short text at a data point, on a ground of its own, so that no line goes through it; not so on a bar.

    Where it would hide marks or leave the picture, it moves to another place by the point; named "fixed" it stays.
    """
    vertical = {True: "bottom", False: "top", None: "middle"}[above]
    on.figure.add_annotation(
        name=name, text=text, x=on.x.place(x), y=on.y.place(y), xref="x", yref="y", xanchor=anchor,
        yanchor=vertical, xshift=shift[0], yshift=shift[1], showarrow=False, align="left",
        font={"color": INKS.get(colour, colour)}, bgcolor=PAPER if ground else CLEAR, borderpad=0,
    )  # fmt: skip


def leader(on: Chart, xs: Sequence[float], ys: Sequence[float]) -> None:
    """A thin line from a mark to its name."""
    on.figure.add_scatter(x=list(xs), y=list(ys), mode="lines", hoverinfo="skip", line={"color": MUTE, "width": 1})


def whiskers(on: Chart, xs: Sequence[float], ys: Sequence[float], lows: Sequence[float], highs: Sequence[float], *,
             level: bool = False) -> None:  # fmt: skip
    """The middle halves around points, from side to side where `level`, with a rim that sets them off from a bar."""
    middles = xs if level else ys
    for colour, thickness, cap in ((PAPER, 4.0, 5), (INK, 1.2, 3)):
        on.figure.add_scatter(
            x=list(xs), y=list(ys), mode="markers", hoverinfo="skip", marker={"opacity": 0, "size": 1, "color": INK},
            **{"error_x" if level else "error_y": {
                "type": "data", "symmetric": False, "thickness": thickness, "width": cap, "color": colour,
                "array": [high - middle for high, middle in zip(highs, middles, strict=True)],
                "arrayminus": [middle - low for low, middle in zip(lows, middles, strict=True)],
            }},
        )  # fmt: skip


def tick(on: Chart, xs: Sequence[float], ys: Sequence[float]) -> None:
    """A short line across a bar, with a rim that sets it off."""
    for colour, thickness in ((PAPER, 5.0), (INK, 2.0)):
        on.figure.add_scatter(
            x=list(xs), y=list(ys), mode="lines", hoverinfo="skip", line={"color": colour, "width": thickness}
        )


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Centres as near as can be to the wanted ones (0 to 1), in their order, so that no two boxes overlap."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups: list[tuple[list[int], float]] = []  # members from below, and the lower edge of the pile

    def pile(members: list[int]) -> tuple[list[int], float]:
        total = sum(heights[i] for i in members)
        offset, edges = 0.0, []
        for i in members:
            edges.append(wanted[i] - heights[i] / 2 - offset)
            offset += heights[i]
        least, most = 0.0, 1 + heights[members[-1]] / 2 - total  # below the axis stand its ticks
        return members, max(least, min(sum(edges) / len(edges), most))

    for i in order:
        groups.append(pile([i]))
        while len(groups) > 1 and groups[-2][1] + sum(heights[j] for j in groups[-2][0]) > groups[-1][1] + 1e-9:
            last = groups.pop()
            groups[-1] = pile(groups[-1][0] + last[0])
    centres = [0.0] * len(wanted)
    for members, edge in groups:
        for i in members:
            centres[i] = edge + heights[i] / 2
            edge += heights[i]
    return centres


def wrap(text: str) -> str:
    """A long label on two lines, broken where they differ least."""
    spaces = [i for i, letter in enumerate(text) if letter == " "]
    if len(text) <= 14 or "<br>" in text or not spaces:
        return text
    middle = min(spaces, key=lambda i: abs(2 * i - len(text)))
    return f"{text[:middle]}<br>{text[middle + 1 :]}"


def finish(on: Chart, run: Run) -> go.Figure:
    """Place the labels at the line ends, set the margins for both sizes, stamp the run on the picture."""
    on.ends = [(x, y, wrap(text), colour) for x, y, text, colour in on.ends]
    edge = [end for end in on.ends if on.x.fraction(end[0]) >= 0.8]
    for x, y, text, colour in (end for end in on.ends if end not in edge):  # its right is where other lines go on
        note(on, x, y, text.replace("<br>", " "), colour, above=True, anchor="right", shift=(4, 8))
    rows = [text.count("<br>") + 1 for _, _, text, _ in edge]
    centres = spread([on.y.fraction(y) for _, y, _, _ in edge], [0.062 * n + 0.008 for n in rows])
    for (x, _, text, colour), centre in zip(edge, centres, strict=True):
        note(on, x, on.y.value_at(centre), text, colour, anchor="left", shift=(9, 0), name="end")
    on.figure.add_annotation(
        name="stamp", text=stamp(run), xref="paper", yref="paper", x=1, y=0, xanchor="right", yanchor="bottom",
        yshift=4 - BOTTOM, showarrow=False, font={"color": MUTE, "size": STAMP["wide"]},
    )  # fmt: skip
    room = {}
    for name, (_, _, size) in SIZES.items():
        right = max((labels.width(part, size) for _, _, text, _ in edge for part in labels.parts(text)), default=0)
        right = max(right, labels.width(on.x.texts[-1], size) / 2 - 280 * (1 - on.x.fraction(on.x.ticks[-1])) - 11)
        left = max((labels.width(part, size) for text in on.y.texts for part in labels.parts(text)), default=0)
        room[name] = {"margin": {"t": TOP, "b": BOTTOM, "l": round(left) + 18, "r": round(right) + 14}, "font": size}
    on.figure.layout.meta = {"sizes": room}
    _tell_apart(on.figure)
    on.figure.data = sorted(on.figure.data, key=_depth)
    return fit(on.figure, "wide")


HATCH = {"shape": "/", "size": 6, "solidity": 0.18, "fgcolor": PAPER, "fillmode": "overlay"}


def _tell_apart(figure: go.Figure) -> None:
    """Without colours too: bars of the second hue beside ones of the first are hatched; many bands are thinner."""
    bars = [trace for trace in figure.data if trace.type == "bar"]
    hues = {tuple(re.findall(r"\d+", str(trace.marker.color))[:3]) for trace in bars}
    if hues & {tuple(re.findall(r"\d+", colour)) for colour in (OURS, OURS_2)}:
        for trace in bars:
            if trace.marker.color in (OTHER, OTHER_2):
                trace.marker.pattern = HATCH
    bands = [trace for trace in figure.data if trace.type == "scatter" and trace.fill == "toself"]
    for band in bands if len(bands) > 2 else ():
        band.fillcolor = str(band.fillcolor).replace(",0.2)", ",0.12)")


def _depth(trace: Any) -> int:
    """Bars and bands lie below lines, and lines below those that are broken, which would vanish under them."""
    if trace.type != "scatter" or trace.fill == "toself" or trace.line.width == BROAD:
        return 0
    broken = trace.mode and "lines" in trace.mode and (trace.line.dash or "solid") != "solid"
    return 2 if broken or (trace.mode == "lines" and not trace.x) else 1


def fit(figure: go.Figure, size: str, traces: Sequence[Mapping[str, Any]] = ()) -> go.Figure:
    """The figure laid out for one of the picture sizes: margins, size of the type, where y title and stamp begin.

    Labels keep clear of the `traces`, which are the figure's data as JSON values: reading them from it takes long.
    """
    fitted = go.Figure(figure)
    font = SIZES[size][2]
    margin = figure.layout.meta["sizes"][size]["margin"]
    fitted.update_layout(margin=margin, font={"size": font, "color": INK, "family": "system-ui, sans-serif"})
    fitted.update_xaxes(title_font_size=font, ticktext=axes.apart(fitted, SIZES[size][0], font))
    for annotation in fitted.layout.annotations:
        if annotation.name == "y title":
            annotation.xshift = 6 - margin["l"]
        elif annotation.name == "stamp":
            annotation.xshift = margin["r"] - 6
            annotation.font.size = STAMP[size]
    labels.settle(fitted.layout, traces, SIZES[size][:2], font)
    return fitted


def stamp(run: Run) -> str:
    """Machine, day and commit, as they stand in the corner of a picture."""
    name = {EVERY_MACHINE: "counted", THIS_BUILD: "this build"}.get(run.machine, run.machine)
    commit = run.provenance.software.get("commit")
    changed = " with changes" if commit and run.provenance.software.get("clean") is False else ""
    parts = (name, run.provenance.started[:10], f"commit {commit}{changed}" if commit else "")
    return " · ".join(part for part in parts if part)
