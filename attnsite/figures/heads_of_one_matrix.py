"""Each column belongs to exactly one head, so parameters do not change

The {width} columns of one query matrix, dealt out to 1, 2, 3, up to {most_heads} heads. The first head, at the left of
each row, gets narrower; the row keeps its length.

A column was set to zero, and the heads whose scores changed own it: {owners_a_column} head for every column and every
number of heads. The key and value matrices are divided in the same way, the output matrix by its rows. The layer is
made of whole numbers, so that results can be compared without rounding. All three differences come out as exactly 0: of
the heads' projections side by side from the undivided projection ({projection_difference}), of the summed scores from
those of one head ({score_difference}), and of the summed outputs from the undivided output ({output_difference}).

A chart of {divisors} rows of equal length, one for each number of heads that divides {width}. With one head the row is
one piece of {width} columns, with {most_heads} it is {most_heads} pieces of one column. The pieces of all four matrices
add up to {weights} parameters in every row.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "heads_of_one_matrix"
TITLE_COLUMNS = ("columns of a head",)
DIFFERENCES = ("projection_difference", "score_difference", "output_difference")


def _rows(run: Run) -> list[Row]:
    return sorted(run.where(), key=lambda row: row.case["heads"])


def values(run: Run) -> dict[str, Quantity]:
    rows = _rows(run)
    one, most = rows[0], rows[-1]
    found = {
        "width": Quantity(one.case["dim"], "count"),
        "divisors": Quantity(len(rows), "count"),
        "most_heads": Quantity(most.case["heads"], "count"),
        "owners_a_column": Quantity(max(row.values["owners_a_column"] for row in rows), "count"),
        "weights": Quantity(most.values["weights"], "count"),
        "weights_growth": Quantity(most.values["weights"] / one.values["weights"], "×"),
        "score_multiply_adds": Quantity(most.values["score_multiply_adds"], "count"),
        "multiply_adds_growth": Quantity(
            most.values["score_multiply_adds"] / one.values["score_multiply_adds"], "×"
        ),
        "scores_growth": Quantity(most.values["scores"] / one.values["scores"], "×"),
        "transformer_parameters": Quantity(one.values["transformer_parameters"], "count"),
    }  # fmt: skip
    for name in DIFFERENCES:
        found[name] = Quantity(max(row.values[name] for row in rows), "count")
    for row in rows:
        ending = f"{row.case['heads']}_head" + "s" * (row.case["heads"] > 1)
        found[f"rank_{ending}"] = Quantity(row.values["rank_of_a_head"], "count")
        found[f"scores_{ending}"] = Quantity(row.values["scores"], "count")
        found[f"weights_a_head_{ending}"] = Quantity(row.values["weights_a_head"], "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "heads": row.case["heads"],
            "columns of a head": row.case["dim"],
            "heads that own a column": row.values["owners_a_column"],
            "weights of a head": Quantity(row.values["weights_a_head"], "count"),
            "weights of all heads": Quantity(row.values["weights"], "count"),
            "multiply-adds of all scores": Quantity(row.values["score_multiply_adds"], "count"),
            "scores": Quantity(row.values["scores"], "count"),
            "rank of a head's scores": row.values["rank_of_a_head"],
            "difference of projections": Quantity(row.values["projection_difference"], "count"),
            "difference of scores": Quantity(row.values["score_difference"], "count"),
            "difference of outputs": Quantity(row.values["output_difference"], "count"),
        }
        for row in _rows(runs[0])
    ]


def pieces(owners: list[list[int]]) -> list[tuple[int, int, int]]:
    """(head, first column, columns): neighbours of one owner, put together."""
    found: list[tuple[int, int, int]] = []
    for column, those in enumerate(owners):
        if found and [found[-1][0]] == those:
            head, first, columns = found.pop()
            found.append((head, first, columns + 1))
        else:
            found.append((those[0], column, 1))
    return found


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    width = rows[0].case["dim"]
    names = [f"{row.case['heads']} head" + "s" * (row.case["heads"] > 1) for row in rows]
    places = tuple(-float(place) for place in range(len(rows)))
    y = axes.Axis("number of heads", places[-1] - 0.6, 0.6, places, tuple(names))
    ticks = tuple(range(0, width + 1, width // 4))
    on = style.chart(axes.Axis("columns of the query matrix", 0, width, ticks, tuple(map(str, ticks))), y)
    colours = (style.OTHER, style.faint(style.OURS, 0.8), style.faint(style.OURS_2, 0.55))
    bars: list[list[tuple[float, int, int, str]]] = [[], [], []]  # place, first column, columns, text
    for place, name, row in zip(places, names, rows, strict=True):
        for head, first, columns in pieces(row.values["owners"]):
            text = f"{name}: head {head + 1} owns {columns} column" + "s" * (columns > 1)
            bars[0 if head == 0 else 1 + head % 2].append((place, first, columns, text))
    for colour, those, name in zip(colours, bars, ("first head", "even heads", "odd heads"), strict=True):
        on.figure.add_bar(
            orientation="h", y=[b[0] for b in those], base=[b[1] for b in those], x=[b[2] for b in those], width=0.72,
            hovertext=[b[3] for b in those], hoverinfo="text", name=name,
            marker={"color": colour, "line": {"color": style.PAPER, "width": 0.6}},
        )  # fmt: skip
    on.figure.update_yaxes(showgrid=False)
    for place, row in zip(places, rows, strict=True):
        dim = row.case["dim"]
        on.ends.append((width, place, f"head_dim {dim}", style.MUTE))
    style.note(on, width / 2, 0, "one head owns all of them", name="fixed")
    return style.finish(on, runs[0])
