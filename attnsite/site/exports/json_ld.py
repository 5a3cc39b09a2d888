"""Pages as schema.org describes things, for search engines: JSON-LD.

A question is a TechArticle about a Question with its accepted answer, and no QAPage: search engines keep that word for
pages on which anybody may answer.
"""

import json
from collections.abc import Mapping
from typing import Any

from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD, Run
from attnsite.site import addresses
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.checked import Checked
from attnsite.site.exhibits import call_machine, hardware, in_words
from attnsite.site.exports import plain_markdown

CONTEXT = "https://schema.org"
_ARTICLES = ("article", "inproceedings", "incollection", "phdthesis", "mastersthesis", "techreport")
HEADLINE = 110  # characters that search engines show


def question(checked: Checked, answers: Answers, site: Site, image: str) -> dict[str, Any]:
    asked = checked.question
    answer = plain_markdown.plainly(asked.answer, answers)
    dates = {"datePublished": checked.asked, "dateModified": checked.updated} if checked.updated else {}
    return {
        "@context": CONTEXT,
        "@type": "TechArticle",
        "headline": shortened(asked.title),
        "url": site.at(addresses.address(path_of(asked))),
        "image": image,
        "inLanguage": "en",
        **dates,
        **_made_by(site),
        "isPartOf": website(site),
        **({"keywords": list(asked.aliases)} if asked.aliases else {}),
        "mainEntity": {"@type": "Question", "name": asked.question or asked.title,
                       "acceptedAnswer": {"@type": "Answer", "text": answer}},
        "citation": [
            {"@type": "ScholarlyArticle" if source.kind in _ARTICLES or source.eprint else "CreativeWork",
             "name": source.title, "datePublished": source.year, "url": source.links[0][1]}
            for source in checked.sources
        ],
    }  # fmt: skip


def website(site: Site) -> dict[str, Any]:
    return {"@type": "WebSite", "name": site.name, "url": site.url}


def home(site: Site) -> dict[str, Any]:
    return {"@context": CONTEXT, **website(site), "description": site.description, "inLanguage": "en", **_made_by(site)}


def datasets(machines: Mapping[str, Mapping[str, Run]], site: Site) -> dict[str, Any]:
    """The runs of each machine, and the counts, as data sets with a file for each experiment."""
    return {"@context": CONTEXT, "@graph": [
        dataset(machine, runs, site) for machine, runs in machines.items() if machine != THIS_BUILD
    ]}  # fmt: skip


def dataset(machine: str, runs: Mapping[str, Run], site: Site) -> dict[str, Any]:
    days = sorted(run.provenance.started[:10] for run in runs.values())
    newest = max(runs.values(), key=lambda run: run.provenance.started)
    what = (
        "Counts and closed forms of attention heads, the same on every machine"
        if machine == EVERY_MACHINE
        else f"Measurements of attention kernels on {call_machine(machine)} ({hardware(newest)})"
    )
    return {
        "@type": "Dataset",
        "name": f"Attention heads, {'counted' if machine == EVERY_MACHINE else 'measured on ' + machine}",
        "description": f"{what}: {len(runs)} runs as JSON with every sample, made from {in_words(days[0])} to "
        f"{in_words(days[-1])}, each with machine, versions and commit.",
        "url": site.at("machines/" if machine != EVERY_MACHINE else "evidence/"),
        "temporalCoverage": f"{days[0]}/{days[-1]}",
        "dateModified": days[-1],
        "isAccessibleForFree": True,
        **_made_by(site, "creator"),
        "distribution": [
            {"@type": "DataDownload", "encodingFormat": "application/json",
             "contentUrl": site.at(addresses.result(machine, experiment))}
            for experiment in runs
        ],
    }  # fmt: skip


def _made_by(site: Site, role: str = "author") -> dict[str, Any]:
    people = [{"@type": "Organization", "name": name} for name in site.authors]
    return {role: people[0] if len(people) == 1 else people} | (
        {"license": site.license_url} if site.license_url else {}
    )


def shortened(text: str) -> str:
    """A text cut at a word to what is shown of a headline."""
    return text if len(text) <= HEADLINE else text[: HEADLINE - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def block(held: Mapping[str, Any]) -> str:
    """A script element that holds data: no text of it can end it, and none is run."""
    text = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'<script type="application/ld+json">{text}</script>'
