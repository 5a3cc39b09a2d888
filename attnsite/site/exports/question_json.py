"""What a question rests on, as data: its claims, figures and sources, for programs; `docs/assets/question.schema.json`
describes it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attnsite.content.questions import Cite, Claim, Mark, Number, Source, fences
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import THIS_BUILD
from attnsite.site import addresses
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.checked import Checked
from attnsite.site.claims import experiments_of, rests_on
from attnsite.site.exports import plain_markdown
from attnsite.site.figures import svg
from attnsite.site.tables import plain

FORMAT = 1
SCHEMA = "assets/question.schema.json"


def question(checked: Checked, answers: Answers, site: Site) -> dict[str, Any]:
    """Everything of one question; addresses are absolute where the site has one."""
    asked = checked.question
    names = dict.fromkeys(fence.figure for fence in fences(asked.body))
    experiments = experiments_of(asked, answers)
    return {
        "format": FORMAT,
        "schema": site.at(SCHEMA),
        "url": site.at(addresses.address(path_of(asked))),
        "title": asked.title,
        "question": asked.question or asked.title,
        "theme": asked.theme,
        "aliases": list(asked.aliases),
        "answer": plain_markdown.plainly(asked.answer, answers),
        "asked": checked.asked or None,
        "measured": checked.measured or None,
        "sources_read": checked.read or None,
        "reproduce": f"attnsite measure {' '.join(experiments)} --full" if experiments else None,
        "license": site.license_url or None,
        "claims": [claim(one, answers, site) for one in asked.claims],
        "figures": [shown for name in names for shown in figures(name, answers, site)],
        "sources": [source(one) for one in checked.sources],
    }


def claim(made: Claim, answers: Answers, site: Site) -> dict[str, Any]:
    return {
        "kind": made.kind,
        "text": plain_markdown.plainly(made.source, answers),
        "state": rests_on(made, answers)[0] or None,
        "rests_on": [grounds for mark in made.marks for grounds in rests(mark, answers, site)],
    }


def rests(mark: Mark, answers: Answers, site: Site) -> Iterable[dict[str, Any]]:
    """A number with its run, or each source of a citation."""
    if isinstance(mark, Cite):
        yield from ({"source": r.key, "place": r.locator or None} for r in mark.references)
        return
    yield {"figure": mark.figure, "value": mark.value, **_number(mark, answers, site)}


def _number(mark: Number, answers: Answers, site: Site) -> Mapping[str, Any]:
    try:
        found = answers.number(mark)
    except Mistake:
        return {"state": "missing"}
    quantity = found.quantity
    return {
        "text": str(quantity),
        "number": plain(quantity.value),
        "unit": quantity.unit,
        "low": plain(quantity.low),
        "high": plain(quantity.high),
        "machine": found.machine,
        "state": found.state,
        "must_be_within": None if mark.low is None else [mark.low, mark.high],
        "run": site.at(addresses.result(found.machine, found.run.experiment)),
    }


def figures(name: str, answers: Answers, site: Site) -> Iterable[dict[str, Any]]:
    """The figure for every machine that is not the one which builds."""
    try:
        shown = answers.exhibits(name)
    except Mistake:
        return
    for one in shown:
        if one.machine == THIS_BUILD:
            continue
        pictured = one.chart is not None and svg.Pictures(answers.checkout.root).drawn(one.chart)
        yield {
            "figure": name,
            "machine": one.machine,
            "state": one.state,
            "title": one.title,
            "caption": one.caption,
            "alt": one.alt,
            "csv": site.at(addresses.figure(name, one.machine, ".csv")),
            "json": site.at(addresses.figure(name, one.machine, ".json")),
            "svg": site.at(addresses.figure(name, one.machine, "-wide.svg")) if pictured else None,
            "run": site.at(addresses.result(one.machine, one.run.experiment)),
        }


def source(cited: Source) -> dict[str, Any]:
    return {
        "key": cited.key,
        "title": cited.title,
        "authors": list(cited.authors) + ["others"] * cited.more_authors,
        "year": cited.year,
        "venue": cited.venue or None,
        "doi": cited.doi or None,
        "arxiv": cited.eprint or None,
        "url": cited.links[-1][1] if cited.links else None,
        "taken": cited.annote,
        "checked": cited.checked,
        "read": cited.read or None,
    }


def written(held: Any) -> str:
    return json.dumps(held, ensure_ascii=False, indent=1) + "\n"
