"""A page for each figure whose numbers the text quotes: what each number is, from which rows, of which run; and a page
that lists these. A number in the text leads to its entry here, and from here to the figure and to the file of the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from attnsite.content.evidence import Resolved
from attnsite.content.questions import Number, Question, fences, marks
from attnsite.content.texts import typed
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import EVERY_MACHINE, Run
from attnsite.site import addresses, grounds
from attnsite.site.addresses import Page, path_of
from attnsite.site.answers import Answers
from attnsite.site.exhibits import call_machine, commit, day, freshness, hardware
from attnsite.site.pages.front_matter import head
from attnsite.site.tables import table

Quoted = dict[tuple[str, str], dict[str, str]]  # by value and machine: the pages that quote it, path and title
_UNSEARCHED = {"exclude": True}


def quoted(questions: Sequence[Question], written: Mapping[str, tuple[str, str]]) -> dict[str, Quoted]:
    """The numbers that pages quote, by figure. `written` has the title and the text of each hand-written page."""
    pages = {path_of(q): (q.title, "\n".join([q.answer, q.body, *(c.source for c in q.claims)])) for q in questions}
    found: dict[str, Quoted] = {}
    for place, (title, text) in {**pages, **written}.items():
        for mark in marks(text):
            if isinstance(mark, Number):
                of_figure = found.setdefault(mark.figure, {})
                of_figure.setdefault((mark.value, mark.machine or EVERY_MACHINE), {})[place] = title
    return found


def render(questions: Sequence[Question], written: Mapping[str, tuple[str, str]], answers: Answers) -> dict[str, str]:
    """The page of every figure that is quoted, and the one that lists them."""
    shown: dict[str, list[Question]] = {}
    for question in questions:
        for fence in fences(question.body):
            shown.setdefault(fence.figure, []).append(question)
    pages, listed = {}, []
    for figure, numbers in sorted(quoted(questions, written).items()):
        try:
            exhibits = answers.exhibits(figure)
        except Mistake:
            continue  # the mark itself is warned of where it stands
        if not exhibits:
            continue
        pages[addresses.numbers(figure)] = _page(figure, exhibits[0].title, numbers, shown.get(figure, []), answers)
        listed.append(f"- [`{figure}`]({figure}.md)\n  {typed(exhibits[0].title)}")
    index = "figures/index.md"
    told = "every number that the text quotes from a figure, with the run and the rows behind it"
    items = "\n".join(listed)
    description = f"{told[0].upper()}{told[1:]}."
    parts = [
        head(index, "Figures and their numbers", description=description, search=_UNSEARCHED),
        "# Figures and their numbers",
        f"A page for each figure: {told}.\n{{ .lead }}",
        f'<div class="questions" markdown>\n\n{items}\n\n</div>' if items else "No number is quoted yet.",
    ]
    return pages | {index: "\n\n".join(parts) + "\n"}


def _page(figure: str, title: str, numbers: Quoted, questions: Sequence[Question], answers: Answers) -> str:
    here = Page(addresses.numbers(figure))
    parts = [
        head(here.path, f"Numbers of {figure}", description=f"Where each number comes from that is quoted of: {title}",
             search=_UNSEARCHED, hide=["toc"]),
        f"# Numbers of the figure {figure.replace('_', ' ')}",
        f"{typed(title)}.\n{{ .lead }}",
    ]  # fmt: skip
    for question in questions[:1]:
        parts.append(
            f"[See the figure](../{path_of(question)}#figure-{figure}), on the page “{typed(question.title)}”."
        )
    names = sorted({value for value, _ in numbers})
    written = grounds.computed(answers.checkout.cache, answers.figure(figure), names)
    tables: dict[str, _Behind] = {}
    for (value, machine), pages in sorted(numbers.items()):
        mark = Number(figure, value, machine, None, None, 0, 0, 0, "")
        try:
            found = answers.number(mark)
        except Mistake:
            continue  # its mark is warned of
        if machine not in tables:
            names = sorted(other for other, its in numbers if its == machine)
            tables[machine] = _behind(figure, found.run, names, answers)
        parts += _entry(mark, found, pages, here, written[value], tables[machine])
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Behind:
    """The rows behind each number of a figure for one machine, as Markdown; where it is not `shown` for that one, there
    are none."""

    shown: bool
    rows: Mapping[str, str] = field(default_factory=dict)


def _behind(figure: str, run: Run, names: Sequence[str], answers: Answers) -> _Behind:
    if not any(one.machine == run.machine for one in answers.exhibits(figure)):
        return _Behind(shown=False)

    def make() -> dict[str, str]:
        found = answers.rows_behind(figure, run, names)
        return {name: _rows(name, run.machine, rows) for name, rows in found.items() if rows}

    return _Behind(True, answers.lasting(("numbers", figure, run.machine, *names), make))


def _rows(name: str, machine: str, rows: Sequence[Mapping[str, Any]]) -> str:
    told = "From this row" if len(rows) == 1 else f"From these {len(rows)} rows"
    made = table(rows, f"Rows behind {name}, {call_machine(machine)}")
    return f'{told} of the figure’s data:\n\n<div class="scrolls">{made}</div>'


def _entry(
    mark: Number, found: Resolved, pages: Mapping[str, str], here: Page, expression: str, behind: _Behind
) -> list[str]:
    """What is known of one number: where it is from, how it is computed, who quotes it, its files and its rows."""
    machine = mark.machine or EVERY_MACHINE
    run, quantity = found.run, found.quantity
    counted = machine == EVERY_MACHINE
    place = addresses.number(mark.figure, mark.value, "" if counted else machine).partition("#")[2]
    spread = quantity.spread()
    told = [
        "counted, the same on every machine" if counted else f"{run.kind} on {call_machine(machine)}",
        "" if counted else hardware(run),
        day(run), commit(run),
        f"interquartile range {spread}" if spread else "",
        freshness(found.state, run.kind) or found.state,
    ]  # fmt: skip
    lines = [f"- {typed(' · '.join(part for part in told if part))}"]
    code = f"<code>attnsite/figures/{escape(mark.figure)}.py</code>"
    if expression:
        one = escape(" ".join(expression.split()))
        lines.append(f"- Computed in {code}: <code>{one}</code>")
    else:
        lines.append(f"- Computed in {code}, `values()`")
    quoting = ", ".join(f"[{typed(title)}](../{path})" for path, title in pages.items())
    lines.append(f"- Quoted in {quoting}")
    files = [(addresses.figure(mark.figure, machine, ".csv"), "the figure’s rows as CSV")] if behind.shown else []
    files.append((addresses.result(machine, run.experiment), "every sample of the run as JSON"))
    links = ", ".join(f'<a href="{escape(here.to(file))}">{what}</a>' for file, what in files)
    lines.append(f"- Files: {links}")
    parts = [
        f"## {typed(str(quantity))} <small>`{mark.value}`, {typed(call_machine(machine))}</small> {{ #{place} }}",
        "\n".join(lines),
    ]
    if rows := behind.rows.get(mark.value):
        parts.append(rows)
    return parts
