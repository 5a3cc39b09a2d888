"""The evidence page and the sources page, as Markdown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from attnsite.content import doubting
from attnsite.content.questions import Cite, Question, marks
from attnsite.content.texts import typed
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, Run
from attnsite.site import addresses, claims
from attnsite.site.addresses import Page, path_of
from attnsite.site.answers import Answers
from attnsite.site.exhibits import call_machine, commit, day
from attnsite.site.markdown import citations
from attnsite.site.pages import front_matter
from attnsite.site.pages.front_matter import head
from attnsite.site.pages.machines import machines
from attnsite.site.pages.questions import UNSEARCHED
from attnsite.site.tables import Link, table


def evidence_page(questions: Sequence[Question], answers: Answers) -> str:
    """Every claim of the site with its kind and state, then every run behind them."""
    path = "evidence.md"
    asked = [question for question in questions if question.claims]
    everything = [claim for question in asked for claim in question.claims]
    kinds = Counter(claim.kind for claim in everything)
    states = Counter(state for claim in everything if (state := claims.rests_on(claim, answers)[0]))
    told = "every claim on this site: its kind, its evidence, and whether that was measured with the current code"
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in claims.KINDS if kinds[kind])
    made = ", ".join(f"{states[state]} {claims.MADE[state]} ({state})" for state in claims.STATES if states[state])
    stale = f" {claims.STALE}" * bool(states["stale"])
    parts = [
        head(
            path,
            "Evidence",
            description=f"{told[0].upper()}{told[1:]}.",
            search={"boost": front_matter.LIST},
            aliases=["claims", "provenance", "raw data"],
        ),
        "# Evidence",
        f"{told[0].upper()}{told[1:]}.\n{{ .lead }}",
        f"There are {len(everything)} claims: {counted}. "
        f"Of the {sum(states.values())} that rest on a run, {made}.{stale}"
        if everything
        else "No question makes a claim yet.",
        "\n".join(f"{kind}\n: {meaning[0].upper()}{meaning[1:]}.\n" for kind, meaning in claims.KINDS.items()),
        f"## Claims {UNSEARCHED}",
    ]
    for question in asked:
        parts += [
            f"### [{typed(question.title)}]({path_of(question)}) {UNSEARCHED}",
            claims.listed(question.claims, answers),
        ]
    parts += [f"## Runs {UNSEARCHED}", runs_by_machine(answers, Page(path))]
    if answers.answered_doubts:
        parts += [f"## Doubts {UNSEARCHED}", *doubted(answers)]
    if any(isinstance(mark, Cite) for claim in everything for mark in claim.marks):
        parts += [f"## Sources of these claims {UNSEARCHED}", "<!-- attnsite:sources -->"]
    return "\n\n".join(parts) + "\n"


def doubted(answers: Answers) -> list[str]:
    """What a check of all committed runs doubts, kind by kind, and how that is answered."""
    every, short = answers.answered_doubts, doubting.kinds()
    about: dict[tuple[str, str], list[doubting.Answer]] = {}
    for each in every:
        about.setdefault(each.about[:2], []).append(each)
    rows = [
        {"run": f"{experiment}, {call_machine(machine)}", "rows": sum(each.rows for each in those),
         "doubts": "; ".join(f"{short[each.kind]} ({each.rows}, {each.state})" for each in those),
         "answers": " ".join(each.answer for each in those)}
        for (machine, experiment), those in about.items()
    ]  # fmt: skip
    open_ = sum(each.rows for each in every if each.state == "open")
    told = (
        f"Checks that know no kernel look at every committed run for {len(short)} kinds of doubt and found "
        f"{sum(each.rows for each in every)} rows. {open_} are open: nobody has found the cause, and the run is to be "
        "made again. [How these numbers can be wrong](how_these_numbers_can_be_wrong.md) explains them."
    )
    return [told, f'<div class="scrolls" data-search-exclude>{table(rows, "Doubts")}</div>']


def runs_by_machine(answers: Answers, page: Page) -> str:
    """A table of all runs for each machine, folded: what is not opened costs a phone nothing."""
    parts = []
    for machine, runs in machines(answers).items():
        rows = [run_row(run, answers.state(run), page) for run in runs.values()]
        states = Counter(row["state"] for row in rows)
        told = ", ".join(f"{states[state]} {state}" for state in claims.STATES if states[state])
        tabled = f'<div class="scrolls">{table(rows, f"Runs: {call_machine(machine)}")}</div>'
        parts += [
            f"### {typed(call_machine(machine))} {UNSEARCHED}",
            f'<details class="folded" data-search-exclude><summary>{len(rows)} run{"s" if len(rows) > 1 else ""}: '
            f"{told}</summary>{tabled}</details>",
        ]
    return "\n\n".join(parts) or "Nothing has been measured yet: `attnsite measure` does it."


def result_pages(answers: Answers) -> dict[str, str]:
    """`results/` and a page in it for each machine, a run a line: for whoever shortens the address of a file."""
    pages, listed = {}, []
    for machine, runs in machines(answers).items():
        path, named = f"results/{machine}/index.md", call_machine(machine)
        rows = [run_row(run, answers.state(run), Page(path)) for run in runs.values()]
        what = "Counts, the same on every machine" if machine == EVERY_MACHINE else f"What was measured on {named}"
        told = f"{what}, a file each: provenance, every row and every sample, as JSON."
        pages[path] = "\n\n".join([
            head(path, f"Runs: {named}", description=told, search={"exclude": True}),
            f"# Runs: {typed(named)}", f"{typed(told)}\n{{ .lead }}",
            f'<div class="scrolls">{table(rows, f"Runs: {named}")}</div>',
            "[All machines](../index.md); the [evidence page](../../evidence.md) has every claim that rests on a run.",
        ]) + "\n"  # fmt: skip
        link = f'<a href="{escape(Page("results/index.md").to(path))}">{escape(named)}</a>'
        listed.append(f"- {link}\n  {len(rows)} run{'s' if len(rows) > 1 else ''}")
    path = "results/index.md"
    told = "The files behind the numbers: one for each experiment and machine."
    items = f'<div class="questions" markdown>\n\n{chr(10).join(listed)}\n\n</div>'
    parts = [head(path, "Runs", description=told, search={"exclude": True}), "# Runs", f"{told}\n{{ .lead }}",
             items if listed else "Nothing has been measured yet: `attnsite measure` does it."]  # fmt: skip
    return pages | {path: "\n\n".join(parts) + "\n"}


def run_row(run: Run, state: str, page: Page) -> dict[str, Any]:
    verdict = run.provenance.steadiness.get("verdict")
    return {
        "experiment": Link(run.experiment, page.to(addresses.result(run.machine, run.experiment))),
        "kind": run.kind,
        "state": state,
        "sweep": "–" if run.machine == EVERY_MACHINE else run.sweep,
        "rows": len(run.rows),
        "skipped": sum(1 for row in run.rows if row.skipped),
        "steadiness": verdict if run.kind == "timing" else None,
        "made on": day(run),
        "took": Quantity(run.provenance.seconds, "s"),
        "commit": commit(run).removeprefix("commit ") or None,
    }


def sources_page(questions: Sequence[Question], written: Mapping[str, str], answers: Answers) -> str:
    """All sources with what is taken from each, and the pages that cite it."""
    path = "sources.md"
    page = Page(path)
    cited: dict[str, list[tuple[str, str]]] = {}
    pages = [(path_of(q), q.title, [q.answer, q.body, *(c.source for c in q.claims)]) for q in questions]
    pages += [(other, title_of(text, other), [text]) for other, text in written.items()]
    for other, title, texts in pages:
        keys = dict.fromkeys(
            key for text in texts for mark in marks(text) if isinstance(mark, Cite) for key in mark.keys
        )
        for key in keys:
            cited.setdefault(key, []).append((other, title))
    items = []
    for source in sorted(answers.checkout.sources.values(), key=lambda s: (s.families[0].casefold(), s.year, s.key)):
        where = ", ".join(f'<a href="{page.to(f"{other}#source-{source.key}")}">{citations.escape(title)}</a>'
                          for other, title in cited.get(source.key, []))  # fmt: skip
        back = f'<span class="cited-by">Cited in {where}</span>' if where else ""
        items.append(f'<li id="{source.key}">{citations.reference(source)}{back}</li>')
    parts = [
        head(
            path,
            "Sources",
            description="Everything this site cites, and what it takes from each.",
            search={"boost": front_matter.SOURCES},
        ),
        "# Sources",
        "Everything this site cites, what is taken from it, and where.\n{ .lead }",
        f'<ul class="sources">{"".join(items)}</ul>' if items else "No source is cited yet.",
    ]
    return "\n\n".join(parts) + "\n"


def title_of(text: str, path: str) -> str:
    """The title of a hand-written page: its front matter's, else its first heading."""
    for line in text.splitlines():
        if line.startswith("title:"):
            return line.removeprefix("title:").strip().strip("\"'")
        if line.startswith("# "):
            return line.removeprefix("# ").strip()
    return path
