"""The machines page, as Markdown: what each is and how steady it was, and their ratios side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from attnsite.content.questions import Claim, Number, Question
from attnsite.content.texts import typed
from attnsite.records import run_file
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, Run
from attnsite.site.addresses import Page, path_of
from attnsite.site.answers import Answers
from attnsite.site.exhibits import call_machine, day, hardware
from attnsite.site.pages import front_matter
from attnsite.site.pages.front_matter import head
from attnsite.site.pages.questions import UNSEARCHED, plain
from attnsite.site.tables import Link, table

PATH = "machines.md"
COMPARABLE = ("×", "%")  # units of what two machines can be asked alike; seconds and rates are each machine's own
OWN = (
    " *This build* is the machine that built this copy of the site. Its runs are quick checks with few points; no "
    "claim rests on them."
)
YOURS = """## Add yours

One command in a clone measures a machine.{hours} An interrupted run resumes.
With `--quick` it takes a few minutes and gives some of the same rows, enough to see that everything works:

```bash
attnsite measure --machine my_machine --full
attnsite check
git add docs/results/my_machine
```

The name is what a reader would call the machine.
No host name, user name or path is written.
`attnsite check` rejects files that contain a host, user or path name, rows that the experiment did not ask for, or
values that are physically impossible.
A digest over the rows notices a number that changed by accident; that nobody edited a file is shown only by review and
by measuring again."""


def page(questions: Sequence[Question], answers: Answers) -> str:
    """Every machine that something was measured on."""
    known = {machine: runs for machine, runs in machines(answers).items() if machine != EVERY_MACHINE}
    parts = [
        head(PATH, "Machines", description="The machines behind the runs of this site, and their ratios side by side.",
             search={"boost": front_matter.KERNEL}, aliases=["hardware", "processor", "CPU"]),
        "# Machines",
        "A number is only as good as what is known of the machine behind it.\n{ .lead }",
        "Counts are the same everywhere and belong to no machine. The text quotes full sweeps of named machines."
        + (OWN if run_file.THIS_BUILD in known else ""),
    ]  # fmt: skip
    whole = [machine for machine, runs in known.items() if not all(run.is_quick for run in runs.values())]
    if rows := ratios(questions, answers, whole):
        parts += [
            f"## Ratios, machine by machine {UNSEARCHED}",
            "Ratios and shares that claims of this site quote, each machine's own beside the others'. "
            "Times and rates are left out, because they are not comparable between machines, and no average is taken "
            "over machines. Quick checks, which have a few points each, are left out too. Sequence lengths and shapes "
            "are on the linked page.",
            f'<div class="scrolls" data-search-exclude>{table(rows, "Ratios by machine")}</div>',
        ]
    for machine, runs in known.items():
        parts += described_machine(machine, runs, answers)
    return "\n\n".join([*parts, YOURS.replace("{hours}", effort(list(known.values())))]) + "\n"


def effort(machines: Sequence[Mapping[str, Run]]) -> str:
    """How long all full runs took, each on the slowest machine, and the longest of them: a sentence."""
    longest: dict[str, float] = {}
    for name, run in ((name, run) for runs in machines for name, run in runs.items() if not run.is_quick):
        longest[name] = max(run.provenance.seconds, longest.get(name, 0))
    if not longest:
        return ""
    name = max(longest, key=lambda one: longest[one])
    total, most = (f"{seconds / 3600:.1f} hours" for seconds in (sum(longest.values()), longest[name]))
    return f" All runs take up to {total}, {most.removesuffix(' hours')} of them for `{name}`."


def ratios(questions: Sequence[Question], answers: Answers, known: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each ratio that a claim quotes from a measurement, a column for each machine that has any."""
    asked: dict[tuple[str, str], tuple[Question, Claim]] = {}
    figures = set(answers.figure_names())
    for question in questions:
        for claim in question.claims:
            for mark in claim.marks:
                if isinstance(mark, Number) and mark.figure in figures and claim.kind == "measured":
                    asked.setdefault((mark.figure, mark.value), (question, claim))
    rows: list[tuple[Link, str, dict[str, Quantity | str]]] = []
    for (figure, value), (question, claim) in asked.items():
        found: dict[str, Quantity | str] = {}
        for exhibit in answers.exhibits(figure):
            if exhibit.machine not in known or exhibit.run.is_quick:
                continue
            quantity = answers.evidence.values(figure, exhibit.run).get(value)
            if quantity is not None and quantity.unit in COMPARABLE and exhibit.run.kind != "count":
                noisy = exhibit.run.provenance.steadiness.get("verdict") == "noisy"
                found[exhibit.machine] = f"{quantity} (noisy run)" if noisy else quantity
        if found:
            name = f"{figure}.{value}".replace("_", " ").replace(".", ": ", 1)
            rows.append((Link(plain(claim.source), Page(PATH).to(path_of(question))), name, found))
    fullest = sorted(known, key=lambda machine: -sum(machine in found for _, _, found in rows))
    return [
        {"claim": told} | {call_machine(machine): found.get(machine) for machine in fullest} | {"value": name}
        for told, name, found in rows
    ]


def described_machine(machine: str, runs: Mapping[str, Run], answers: Answers) -> list[str]:
    """What is known of one machine: when it was measured, how steadily, what is fresh, and all its provenance."""
    ordered = sorted(runs.values(), key=lambda run: run.provenance.started)
    latest = ordered[-1]
    states = Counter(answers.state(run) for run in ordered)
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    days = dict.fromkeys([day(ordered[0]), day(latest)])
    quick = all(run.is_quick for run in ordered)
    checked = " A quick check of few points each; what pages say is not judged by it." if quick else ""
    told = [f"{typed(hardware(latest))}.{checked}", f"{len(runs)} runs, {counted}, measured {' to '.join(days)}."]
    timed = [run.provenance.steadiness.get("verdict") for run in ordered if run.kind == "timing"]
    if timed:
        told.append(
            f"{timed.count('steady')} of {len(timed)} timing runs were steady (spread of the median row, CPU time of "
            "other processes)."
        )
    stale = [run.experiment for run in ordered if answers.state(run) == "stale"]
    if stale:
        told.append(f"Stale: {', '.join(f'`{name}`' for name in sorted(stale))}.")
    absent = [name for name in answers.experiments() if name not in runs and measured(name, answers)]
    if absent:
        told.append(f"Not measured here: {', '.join(f'`{name}`' for name in absent)}.")
    rows = [{"fact": name.replace("_", " "), "value": value} for name, value in facts(ordered).items()]
    return [
        f"## {typed(call_machine(machine))}{': quick check, few points' if quick else ''}",
        " ".join(told),
        f'<div class="scrolls" data-search-exclude>{table(rows, f"What is known of {call_machine(machine)}")}</div>',
    ]


def facts(runs: Sequence[Run]) -> dict[str, str]:
    """What the runs of a machine say of it and of its software; where they differ, every value and how many have it."""
    found: dict[str, Counter[str]] = {}
    for run in reversed(runs):
        for name, value in {**described(run.provenance.machine), **described(run.provenance.software)}.items():
            found.setdefault(name, Counter())[value] += 1
    return {
        name: next(iter(values)) if len(values) == 1
        else "; ".join(f"{value} ({number} run{'s' * (number > 1)})" for value, number in values.most_common())
        for name, values in found.items()
    }  # fmt: skip


def measured(experiment: str, answers: Answers) -> bool:
    """Is it one that machines differ in?"""
    return EVERY_MACHINE not in answers.runs(experiment)


def machines(answers: Answers) -> dict[str, dict[str, Run]]:
    """All runs by machine and experiment."""
    found: dict[str, dict[str, Run]] = {}
    for experiment in answers.experiments():
        for machine, run in answers.runs(experiment).items():
            found.setdefault(machine, {})[experiment] = run
    return dict(sorted(found.items(), key=lambda pair: (pair[0] == run_file.THIS_BUILD, pair[0])))


def described(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts as texts; sizes in bytes as sizes, lists and mappings in one line, what is unknown left out."""

    def text(name: str, value: Any) -> str:
        if isinstance(value, Mapping):
            return ", ".join(f"{key} {text(name, inner)}" for key, inner in value.items())
        if isinstance(value, list | tuple):
            return ", ".join(text(name, inner) for inner in value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float) and ("bytes" in name or "caches" in name):
            return str(Quantity(value, "B"))
        return str(value)

    return {name.removesuffix("_bytes"): text(name, value) for name, value in facts.items() if value not in (None, "")}
