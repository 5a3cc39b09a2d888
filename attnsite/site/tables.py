"""Tidy rows as an HTML table, as CSV and as JSON."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from attnsite.records.quantity import Quantity

NOT_RUN = "not run because"  # the column that says why a row has no measurement
KERNEL = "kernel"
PROSE = 32  # characters from which a cell's text may take several lines
MANY = 11  # columns above which a table is wide, however short they are
WIDE = 100  # characters of a row from which a table is printed in smaller type, without its long texts


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
        return Cell(plain(value), plain(value))
    if isinstance(value, int | float):
        return Cell(str(Quantity(value)), None if math.isnan(value) else value)
    return Cell(str(value), str(value))


def columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The column heads in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def cells(rows: Sequence[Mapping[str, Any]]) -> list[list[Cell]]:
    heads = columns(rows)
    return [[cell(row.get(head)) for head in heads] for row in rows]


# --- what a reader sees of the rows ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Arranged:
    """Rows in the order in which they are published, and what a page shows of them.

    The first `shown` of `rows` are in the table, in the columns of `heads`: the row's name, what the title speaks of,
    then the rest. `same` are the columns that hold one text in all rows shown, which is said once above the table.
    `not_run` are the rows behind the shown ones: for each reason how many rows of which kernels.
    """

    rows: list[dict[str, Any]]
    shown: int
    heads: list[str]
    same: dict[str, str]
    not_run: dict[str, Counter[str]]


def arrange(
    rows: Sequence[dict[str, Any]], title_columns: Sequence[str], drawn: Sequence[bool] | None = None
) -> Arranged:
    """Order rows and columns for a reader.

    Rows that were not run come last. Before them stand the rows that the chart draws (`drawn`, one truth for each
    row), then the others of the same kernels, then other kernels; within each of these they keep their order.
    """
    drawn = drawn or [False] * len(rows)
    kernels = {row.get(KERNEL) for row, seen in zip(rows, drawn, strict=True) if seen}

    def rank(at: int) -> int:
        if rows[at].get(NOT_RUN):
            return 3
        return 0 if drawn[at] else 1 if rows[at].get(KERNEL) in kernels else 2

    ordered = [rows[at] for at in sorted(range(len(rows)), key=rank)]
    shown = [row for row in ordered if not row.get(NOT_RUN)]
    texts = {head: {cell(row.get(head)).text for row in shown} for head in columns(rows)}
    level = {head for head, found in texts.items() if len(found) == 1 and head not in title_columns}
    if len(shown) < 2:
        level = {head for head in level if texts[head] <= {"–", ""}}
    varied = [head for head in texts if head not in level]
    names = [head for head in varied if head not in title_columns]
    heads = [*names[:1], *(head for head in title_columns if head in texts), *names[1:]]
    same = {head: next(iter(texts[head])) for head in texts if head in level and not texts[head] <= {"–", ""}}
    absent: dict[str, Counter[str]] = {}
    for row in ordered[len(shown) :]:
        absent.setdefault(str(row[NOT_RUN]), Counter())[str(row.get(KERNEL, ""))] += 1
    return Arranged(ordered, len(shown), heads, same, absent)


def same_in_all(same: Mapping[str, str]) -> str:
    """The columns that a table leaves out, as one line: All rows: machine = epyc_2core; samples = 15."""
    return f"All rows: {'; '.join(f'{head} = {text}' for head, text in same.items())}." if same else ""


def reasons(not_run: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for each reason: no CUDA here: 20 rows (cuda_mma 10, cuda_tiled 10)."""
    lines = []
    for reason, kernels in not_run.items():
        count = sum(kernels.values())
        rows = f"{count} row{'s' if count != 1 else ''}"
        lines.append(f"{reason}: {rows} ({', '.join(f'{kernel} {n}' for kernel, n in kernels.items())})")
    return lines


def block(arranged: Arranged, label: str, long: bool = False) -> str:
    """The table in its box, what all its rows share above it, and what was not run, closed, below it."""
    shown = [{head: row.get(head) for head in arranged.heads} for row in arranged.rows[: arranged.shown]]
    same = same_in_all(arranged.same)
    above = f'<p class="rows-same">{escape(same)}</p>' if same else ""
    below = ""
    if arranged.not_run:
        count = len(arranged.rows) - arranged.shown
        items = "".join(f"<li>{escape(line)}</li>" for line in reasons(arranged.not_run))
        whose = f' aria-label="{escape(f"{not_run(count)}: {label}")}"' if label else ""
        below = f'<details class="rows-not-run"><summary{whose}>{not_run(count)}</summary><ul>{items}</ul></details>'
    return f'{above}<div class="scrolls{" is-long" if long else ""}">{table(shown, label)}</div>{below}'


def not_run(count: int) -> str:
    return f"Not run: {count} row{'s' if count != 1 else ''}, and why"


NUMBER = "number"


def table(rows: Sequence[Mapping[str, Any]], label: str) -> str:
    """A table that is complete as it stands; the page's script adds sorting where it runs."""
    heads, body = columns(rows), cells(rows)
    kinds = [_kind([row[i] for row in body], i == 0) for i in range(len(heads))]
    head = "".join(
        f'<th scope="col"{_class(kind)}>{escape(name).replace("_", "_<wbr>")}</th>'
        for name, kind in zip(heads, kinds, strict=True)
    )
    places = [_places([row[i] for row in body]) for i in range(len(heads))]
    width = sum(max([len(row[i].text) for row in body if len(row[i].text) <= PROSE], default=PROSE)
                for i in range(len(heads)))  # fmt: skip
    wide = width > WIDE or len(heads) > MANY
    lines = "".join(
        f"<tr>{''.join(_cell(c, i == 0, kinds[i], places[i].get(c.value), wide) for i, c in enumerate(row))}</tr>"
        for row in body
    )
    kind = "rows is-wide" if wide else "rows"  # the theme wraps tables that have no class
    named = f'class="{kind}" data-sorts aria-label="{escape(label)}"'
    return f"<table {named}><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _kind(column: Sequence[Cell], first: bool) -> str:
    """How the cells of a column are set: numbers at the right, long texts on several lines, the row's name as it is."""
    if any(cell.numeric for cell in column):
        return NUMBER
    return "prose" if not first and any(len(cell.text) > PROSE for cell in column) else ""


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _places(column: Sequence[Cell]) -> dict[Any, int]:
    """The place of each number of a column in its order, where the texts do not sort as the numbers do.

    The page needs no more than the order, and the digits of measured numbers are most of what a long table weighs.
    """
    numbers = [cell for cell in column if cell.numeric]
    if all(repr(cell.value) == cell.text for cell in numbers):
        return {}
    return {value: place for place, value in enumerate(sorted({cell.value for cell in numbers}))}  # type: ignore[type-var]


_UNIT = re.compile(r"\u202f(?=[^\d\u202f])")  # the space before a unit, and none among digits


def _cell(cell: Cell, first: bool, kind: str, place: int | None, wide: bool) -> str:
    """A cell; in a `wide` table a number may be parted from its unit, which only paper asks for."""
    tag, scope = ("th", ' scope="row"') if first else ("td", "")
    sort = f' data-value="{place}"' if cell.numeric and place is not None else ""
    set_as = "prose" if kind == "prose" else NUMBER if cell.numeric or cell.value is None else ""
    text = escape(cell.text)
    if first:
        text = text.replace("_", "_<wbr>")  # where a name may be parted on a phone
    if wide:
        text = _UNIT.sub("\u202f<wbr>", text)
    if cell.address:
        text = f'<a href="{escape(cell.address)}">{text}</a>'
    return f"<{tag}{scope}{_class(set_as)}{sort}>{text}</{tag}>"


# --- as files --------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value for CSV and JSON: a quantity is its number in its base unit, a truth is yes or no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Quantity):
        value = value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def comma_separated(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV; quantities with a spread bring two more columns, the interquartile range's ends."""
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
            line.append(as_text(plain(value)))
            if head in spread:
                line += [plain(value.low), plain(value.high)] if isinstance(value, Quantity) else [None, None]
        writer.writerow(line)
    return text.getvalue()


def as_text(value: Any) -> Any:
    """A cell that a spreadsheet would take for a formula, with a sign before it that says it is none."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


_BASE = {"B": "bytes", "%": "share of one", "B/s": "bytes/s"} | dict.fromkeys(
    ("1", "small", "count", "exp", "parameters"), ""
)


def _unit_head(head: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The head with the base unit its numbers are in, where the cells are quantities."""
    name = head.removesuffix(", low").removesuffix(", high")
    units = {v.unit for row in rows if isinstance(v := row.get(name), Quantity)}
    unit = units.pop() if len(units) == 1 else ""
    unit = _BASE.get(unit, unit)
    return f"{head} [{unit}]" if unit else head
