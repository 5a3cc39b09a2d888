"""Tidy rows as an HTML table, as CSV and as JSON."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from attnsite.quantity import Quantity


@dataclass(frozen=True)
class Link:
    """A text that leads somewhere."""

    text: str
    address: str


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the value it sorts by (None: nothing was measured there)."""

    text: str
    value: str | float | None
    address: str = ""

    @property
    def numeric(self) -> bool:
        return isinstance(self.value, int | float)


def cell(value: Any) -> Cell:
    """A cell of a string, a number, a `Quantity` or None."""
    if value is None:
        return Cell("–", None)
    if isinstance(value, Quantity):
        return Cell(str(value), None if math.isnan(value.value) else value.value)
    if isinstance(value, Link):
        return Cell(value.text, value.text, value.address)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", "yes" if value else "no")
    if isinstance(value, int | float):
        return Cell(str(Quantity(value)), None if math.isnan(value) else value)
    return Cell(str(value), str(value))


def columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The column heads in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def cells(rows: Sequence[Mapping[str, Any]]) -> list[list[Cell]]:
    heads = columns(rows)
    return [[cell(row.get(head)) for head in heads] for row in rows]


NUMBER = ' class="number"'


def table(rows: Sequence[Mapping[str, Any]], label: str) -> str:
    """A table that is complete as it stands; the page's script adds sorting where it runs."""
    heads, body = columns(rows), cells(rows)
    numeric = [any(row[i].numeric for row in body) for i in range(len(heads))]
    head = "".join(
        f'<th scope="col"{NUMBER if number else ""}>{escape(name)}</th>'
        for name, number in zip(heads, numeric, strict=True)
    )
    places = [_places([row[i] for row in body]) for i in range(len(heads))]
    lines = "".join(
        f"<tr>{''.join(_cell(c, i == 0, places[i].get(c.value)) for i, c in enumerate(row))}</tr>" for row in body
    )
    named = f'class="rows" data-sorts aria-label="{escape(label)}"'  # the theme wraps tables that have no class
    return f"<table {named}><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _places(column: Sequence[Cell]) -> dict[Any, int]:
    """The place of each number of a column in its order, where the texts do not sort as the numbers do.

    The page needs no more than the order, and the digits of measured numbers are most of what a long table weighs.
    """
    numbers = [cell for cell in column if cell.numeric]
    if all(repr(cell.value) == cell.text for cell in numbers):
        return {}
    return {value: place for place, value in enumerate(sorted({cell.value for cell in numbers}))}  # type: ignore[type-var]


def _cell(cell: Cell, first: bool, place: int | None) -> str:
    tag, scope = ("th", ' scope="row"') if first else ("td", "")
    sort = f' data-value="{place}"' if cell.numeric and place is not None else ""
    number = NUMBER if cell.numeric or cell.value is None else ""
    text = f'<a href="{escape(cell.address)}">{escape(cell.text)}</a>' if cell.address else escape(cell.text)
    return f"<{tag}{scope}{number}{sort}>{text}</{tag}>"


def plain(value: Any) -> Any:
    """A value for CSV and JSON: a quantity is its number in its base unit."""
    if isinstance(value, Quantity):
        value = value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def comma_separated(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV; quantities with a spread bring two more columns, the middle half's ends."""
    plainly = columns(rows)
    spread = {h for h in plainly for r in rows if isinstance(r.get(h), Quantity) and not r[h].exact}
    heads = [name for h in plainly for name in ((h, f"{h}, low", f"{h}, high") if h in spread else (h,))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_unit_head(h, rows) for h in heads])
    for row in rows:
        line: list[Any] = []
        for head in plainly:
            value = row.get(head)
            line.append(plain(value))
            if head in spread:
                line += [value.low, value.high] if isinstance(value, Quantity) else [None, None]
        writer.writerow(line)
    return text.getvalue()


_BASE = {"s": "s", "B": "bytes", "%": "share of one", "FLOP": "FLOP", "FLOP/s": "FLOP/s", "B/s": "bytes/s", "×": "×"}


def _unit_head(head: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The head with the base unit its numbers are in, where the cells are quantities."""
    name = head.removesuffix(", low").removesuffix(", high")
    units = {v.unit for row in rows if isinstance(v := row.get(name), Quantity)}
    unit = _BASE.get(units.pop(), "") if len(units) == 1 else ""
    return f"{head} [{unit}]" if unit else head
