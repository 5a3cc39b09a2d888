"""With scales per 32 elements a 4-bit cache takes {q4_0_bits} or {int4_bits} bits per element, a 2-bit one {int2_bits}

What an element of a KV cache takes in seven formats. The second piece of each bar is the element's share of the scales
of its group.

Counted; the bytes are those of a token of Llama 3 8B, in all layers. A smaller group follows the elements more closely
and has more scales. A format with one scale for a whole tensor pays nothing for it. What rounding does to the results
is another question. The table below has float32 as well, which takes {most_bits} bits.

A chart of horizontal bars. A token takes {bf16} in 16 bits, {int8} in int8 with one scale per row, {q8_0} in
llama.cpp's q8_0, {q4_0} in its q4_0, {int4} in int4 with a scale and an offset for every 32 elements, and {int2} in
int2 with the same, which is {int2_over_bare} what two bits alone would take.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "cache_formats"
TITLE_COLUMNS = ("bits per element", "over its name")
NAMED = {
    "bfloat16 or float16": "bf16",
    "int8, one float32 scale a row": "int8",
    "q8_0": "q8_0",
    "q4_0": "q4_0",
    "int4, scale and offset for 32": "int4",
    "int2, scale and offset for 32": "int2",
}


LABELS = {
    "bfloat16 or float16": "bfloat16, float16",
    "float8, one scale a tensor": "float8, scale a tensor",
    "int8, one float32 scale a row": "int8, scale a row",
    "q8_0": "q8_0",
    "int4, scale and offset for 32": "int4, scale and offset",
    "q4_0": "q4_0",
    "int2, scale and offset for 32": "int2, scale and offset",
}


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for row in run.where():
        if short := NAMED.get(row.case["name"]):
            found |= {
                short: Quantity(row.values["bytes"], "B"),
                f"{short}_bits": Quantity(row.values["bits"]),
                f"{short}_over_bare": Quantity(row.values["over_bare"], "×"),
                f"{short}_over_16_bits": Quantity(row.values["over_16_bits"], "×"),
            }
    bits = [row.values["bits"] for row in run.where()]
    return found | {
        "formats": Quantity(len(bits), "count"),
        "most_bits": Quantity(max(bits)),
        "least_bits": Quantity(min(bits)),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "format": row.case["name"],
            "bits in its name": row.case["bits"],
            "elements that share": row.case["group"] or None,
            "bits they share": row.case["extra_bits"] or None,
            "bits per element": Quantity(row.values["bits"]),
            "over its name": Quantity(row.values["over_bare"], "×"),
            "Llama 3 8B, per token": Quantity(row.values["bytes"], "B"),
            "over 16 bits": Quantity(row.values["over_16_bits"], "×"),
            "where": row.case["where"],
        }
        for row in runs[0].where()
    ]


def _drawn(run: Run) -> list[Row]:
    """The formats with a label, the widest first."""
    found = [row for row in run.where() if row.case["name"] in LABELS]
    if not found:
        raise LookupError("none of the formats that this figure draws has been counted yet")
    return sorted(found, key=lambda row: (-row.values["bits"], row.case["name"]))


def draw(runs: list[Run]) -> go.Figure:
    rows = _drawn(runs[0])
    places = [-float(place) for place in range(len(rows))]
    y = axes.Axis("format", places[-1] - 0.6, 1.0, tuple(places), tuple(LABELS[row.case["name"]] for row in rows))
    on = style.chart(axes.Axis("bits per element", 0, 16.6, (0, 4, 8, 12, 16), ("0", "4", "8", "12", "16")), y)
    on.figure.update_yaxes(showgrid=False)
    for piece, colour in (("elements", style.OURS), ("scales", style.OTHER_2)):
        bare = [row.case["bits"] if piece == "elements" else row.values["bits"] - row.case["bits"] for row in rows]
        on.figure.add_bar(
            orientation="h", y=places, x=bare, width=0.6, name=piece, marker={"color": colour}, hoverinfo="text",
            hovertext=[f"{row.case['name']}<br>{Quantity(bits)} bits of {piece}"
                       for row, bits in zip(rows, bare, strict=True)],
        )  # fmt: skip
    for place, row in zip(places, rows, strict=True):
        text = f"{Quantity(row.values['bits'])} bits, {Quantity(row.values['bytes'], 'B')}"
        inside = row.values["bits"] > 8.5
        ink, anchor, shift = (style.PAPER, "right", -7) if inside else (style.INK, "left", 7)
        style.note(on, row.values["bits"], place, text, ink, anchor=anchor, shift=(shift, 0), ground=not inside,
                    name="fixed")  # fmt: skip
    style.note(on, 0, 0.7, "elements", style.OURS, anchor="left")
    style.note(on, 8, 0.7, "scales and offsets", style.OTHER_2, anchor="left")  # over those of the formats of 8 bits
    return style.finish(on, runs[0])
