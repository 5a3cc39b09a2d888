"""A figure or table of one machine's run, as texts, rows and a chart: what page, files and notebook show alike."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from attnsite.records.mistakes import Mistake
from attnsite.records.nearest import nearest
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD, Run
from attnsite.site import tables

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
LONG = 18  # rows that are higher than the box of a table on any screen, so that its height is known without them


@dataclass(frozen=True)
class Exhibit:
    """One figure or table as shown for one machine.

    `title`, `caption`, `reading` and `alt` are the four paragraphs of the figure's docstring with their numbers
    filled in. `rows` are in the order of `tables.arrange`; `table` is what a page shows of them, as HTML, and `layout`
    says the same to the page's script; `csv` has all of them. `chart` is Plotly's description of the picture, None for
    a figure that is a table. `made_from` is the hash of all that it was made from, empty where that is not known.
    """

    name: str
    run: Run
    state: str
    title: str
    caption: str
    reading: str
    alt: str
    rows: list[dict[str, Any]]
    table: str
    layout: dict[str, Any]
    csv: str
    chart: dict[str, Any] | None
    made_from: str = ""

    @property
    def machine(self) -> str:
        return self.run.machine


class NotMeasured(LookupError):
    """The figure has no run that it could be drawn from."""


def exhibit(module: ModuleType, runs: Mapping[str, Run], machine: str, state: str) -> Exhibit:
    """Draw a figure for one of the machines, the other machines' runs behind it; the rows are its own.

    Raises `NotMeasured` when the run lacks what the figure needs, `Mistake` when the figure's texts are at fault.
    """
    name, run = module.__name__.rsplit(".", 1)[-1], runs[machine]
    quick = run.is_quick
    ordered = [run, *(one for other, one in runs.items() if other != machine)]
    try:
        values = {} if quick else module.values(run)
        rows = module.tabulate(ordered[:1])  # a page would grow with every machine that joins
        drawn = module.draw(ordered) if hasattr(module, "draw") else None
    except (LookupError, ValueError, ArithmeticError, TypeError, AttributeError) as error:
        if not quick and (isinstance(error, KeyError | IndexError) or not isinstance(error, LookupError)):
            raise
        raise NotMeasured(str(error)) from None  # of a quick sweep, which has no more than a few of the points
    if quick and not rows:
        raise NotMeasured("a quick sweep has none of its points")
    texts = checked_quickly(module, run) if quick else paragraphs(module)
    title, caption, reading, alt = (fill(text, values, f"attnsite/figures/{name}.py") for text in texts)
    chart = compact(json.loads(drawn.to_json())) if drawn is not None else None
    arranged = tables.arrange(rows, title_columns(module, rows), drawn_rows(rows, chart) if chart else None)
    rows, heads = arranged.rows, tables.columns(arranged.rows)
    layout = {
        "columns": [heads.index(head) for head in arranged.heads],
        "rows": arranged.shown,
        "same": tables.same_in_all(arranged.same),
        "not_run": tables.reasons(arranged.not_run),
    }
    table = tables.block(arranged, title, long=chart is None and arranged.shown >= LONG)
    csv = tables.comma_separated(rows)
    return Exhibit(name, runs[machine], state, title, caption, reading, alt, rows, table, layout, csv, chart)


def title_columns(module: ModuleType, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that title and caption speak of, which a page shows beside the row's name.

    A figure says them in `TITLE_COLUMNS`; one that a run has no row for is left out. Raises `Mistake` where there is
    none at all.
    """
    name = module.__name__.rsplit(".", 1)[-1]
    heads = tables.columns(rows)
    named = getattr(module, "TITLE_COLUMNS", ())
    if found := [head for head in named if head in heads]:
        return found
    what = f"TITLE_COLUMNS names no column of its table ({', '.join(named)})" if named else "has no TITLE_COLUMNS"
    remedy = f"name the columns that its title and caption speak of, of {', '.join(heads)}"
    raise Mistake(f"attnsite/figures/{name}.py", "TITLE_COLUMNS", what, remedy)


def drawn_rows(rows: Sequence[Mapping[str, Any]], chart: Mapping[str, Any]) -> list[bool]:
    """For each row whether the chart draws it: one of its quantities is a value that a reader can point at.

    Where most values of the chart are in no row, since it draws what is worked out from several, none counts as drawn.
    """
    values: set[float] = set()
    for trace in chart["data"]:
        if trace.get("hoverinfo") not in ("skip", "name"):
            seen = trace.get("x" if trace.get("orientation") == "h" else "y")
            values |= {v for v in seen if isinstance(v, int | float)} if isinstance(seen, list) else set()
    own = [{compact(float(cell.value)) for cell in row.values() if isinstance(cell, Quantity)} & values for row in rows]
    if 2 * len(set().union(*own)) < len(values):
        return [False] * len(rows)
    return [bool(found) for found in own]


def checked_quickly(module: ModuleType, run: Run) -> list[str]:
    """The four paragraphs for a run with a few points: what it is, and nothing that a figure finds in a full sweep."""
    what = run.experiment.replace("_", " ")
    mine = run.machine == THIS_BUILD
    title = f"{'This machine’s' if mine else 'A'} quick check of {what}" + ("" if mine else f" on {run.machine}")
    where = "here" if mine else "there"
    caption = (f"Few points, each observed for a fraction of a second: they show that everything runs {where}. "
               "What the page says is judged by full sweeps alone.")  # fmt: skip
    reading = paragraphs(module)[2]
    return [title, caption, "" if "{" in reading else reading, f"{title}. Its points are the rows of its table."]


COUNTS = {3: "three", 4: "four"}
FIGURE = ("finding", "caption", "how to read it", "text for readers who cannot see it")


def paragraphs(module: ModuleType, room: str = "figures", wanted: Sequence[str] = FIGURE) -> list[str]:
    """The paragraphs of a docstring, each as one line: the four of a figure's, or those `wanted` of another room's."""
    name = module.__name__.rsplit(".", 1)[-1]
    found = [" ".join(part.split()) for part in re.split(r"\n\s*\n", inspect.cleandoc(module.__doc__ or ""))]
    if len(found) != len(wanted):
        what = f"its docstring has {len(found)} paragraphs, not {COUNTS[len(wanted)]}"
        remedy = f"write {', '.join(wanted[:-1])}, and {wanted[-1]}, blank lines between"
        raise Mistake(f"attnsite/{room}/{name}.py", "", what, remedy)
    return found


def fill(text: str, values: Mapping[str, Quantity], path: str) -> str:
    """Put the figure's numbers in the places of `{name}`."""

    def number(match: re.Match[str]) -> str:
        if match[1] not in values:
            what = f"its docstring asks for {{{match[1]}}}, which values() does not give"
            raise Mistake(path, "", what, f"give it; {nearest(match[1], values)}")
        return str(values[match[1]])

    return re.sub(r"\{(\w+)\}", number, text)


def compact(value: Any) -> Any:
    """A chart with its numbers cut to six digits, which is more than a screen can show, and without templates."""
    if isinstance(value, dict):
        return {k: compact(v) for k, v in value.items() if k != "template"}
    if isinstance(value, list):
        return [compact(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


# --- what is said of a run -------------------------------------------------------------------------------------


def call_machine(machine: str) -> str:
    """A machine's name as a reader meets it."""
    return {EVERY_MACHINE: "counted", THIS_BUILD: "this build"}.get(machine, machine)


def call_run(run: Run) -> str:
    """The machine of a run as a reader meets it, and that it is a quick check where it is one."""
    return call_machine(run.machine) + (": quick check, few points" if run.is_quick else "")


def day(run: Run) -> str:
    """The day a run was made: 23 November 2026."""
    return in_words(run.provenance.started[:10])


def in_words(date: str) -> str:
    """A day such as 2026-11-23 as 23 November 2026."""
    year, month, number = date.split("-")
    return f"{int(number)} {_MONTHS[int(month) - 1]} {year}"


def commit(run: Run) -> str:
    """The commit it was made with, and whether the checkout had changes; empty where it is not known."""
    known = run.provenance.software.get("commit")
    if not known:
        return ""
    return f"commit {known}" + (" with changes" if run.provenance.software.get("clean") is False else "")


def hardware(run: Run) -> str:
    """Processor, cores and graphics card of a run, as far as it says them."""
    machine = run.provenance.machine
    cores = machine.get("cores")
    parts = (machine.get("cpu"), f"{cores} core{'s' if cores != 1 else ''}" if cores else None, machine.get("gpu"))
    return ", ".join(str(part) for part in parts if part)


def freshness(state: str, kind: str) -> str:
    """A state in words; empty when there is nothing to say."""
    if state != "stale":
        return ""
    if kind == "count":
        return "counted with an earlier version of this experiment"
    return "measured with an earlier version of this kernel"


def provenance(run: Run, state: str) -> str:
    """Machine, date, commit, steadiness and state in one line."""
    verdict = run.provenance.steadiness.get("verdict", "")
    if run.machine == EVERY_MACHINE:
        where = "Counted, the same on every machine"
    else:
        made_of = hardware(run)
        where = call_run(run) + (f" ({made_of})" if made_of else "")
    timed = verdict if run.kind == "timing" and verdict != "not timed" else ""
    parts = (where, day(run), commit(run), timed, freshness(state, run.kind))
    return " · ".join(part for part in parts if part)


def downloads(shown: Exhibit) -> dict[str, Any]:
    """What the published JSON of a figure holds: texts, rows in base units, and the chart."""
    return {
        "figure": shown.name,
        "machine": shown.machine,
        "state": shown.state,
        "title": shown.title,
        "caption": shown.caption,
        "reading": shown.reading,
        "alt": shown.alt,
        "made": provenance(shown.run, shown.state),
        "columns": tables.columns(shown.rows),
        "table": shown.layout,
        "rows": [[[c.text, tables.plain(c.value)] for c in row] for row in tables.cells(shown.rows)],
    }
