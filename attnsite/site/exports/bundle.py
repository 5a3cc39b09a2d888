"""What stands beside the pages for programs: data of each question, cards, bibliography, feed, llms.txt, robots.txt."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnsite.content.questions import Question, Source
from attnsite.site import addresses
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.exports import atom, model_data, plain_markdown, question_json
from attnsite.site.figures import social_cards
from attnsite.site.figures.svg import Pictures

Held = str | Path


def files(answers: Answers, with_cards: bool = True) -> dict[str, Held]:
    """Every file by its path. Cards are there that have been drawn; `drawings` says which there should be."""
    checkout, site = answers.checkout, answers.checkout.site
    pictures = Pictures(checkout.root)
    all_checked = [answers.checked(question) for question in checkout.questions]
    made: dict[str, Held] = {}
    told = []
    for each in all_checked:
        folder = addresses.address(path_of(each.question))
        data = question_json.question(each, answers, site)
        made[f"{folder}index.json"] = question_json.written(data)
        told.append({name: data[name] for name in ("url", "question", "theme", "answer", "measured")}
                    | {"json": site.at(f"{folder}index.json")})  # fmt: skip
        if with_cards and social_cards.whole(drawn := social_cards.path(pictures, card(each.question, answers, site))):
            made[f"{folder}card.png"] = drawn
    made["questions/index.json"] = question_json.written({"format": question_json.FORMAT, "questions": told})
    made |= model_data.files(checkout.cache, site)
    made["sources.bib"] = bibliography(checkout.sources)
    made["llms.txt"] = plain_markdown.index(checkout.themes, checkout.questions, answers, site)
    made["llms-full.txt"] = "\n\n---\n\n".join(plain_markdown.question(each, answers, site) for each in all_checked)
    made["robots.txt"] = "User-agent: *\nAllow: /\n" + (f"Sitemap: {site.at('sitemap.xml')}\n" if site.url else "")
    if site.url:
        made[atom.FILE] = atom.written(all_checked, answers, site)
    return made


def markdown(answers: Answers) -> dict[str, str]:
    """Each question as Markdown beside its page. Builders would take these for pages: they are written afterwards."""
    return {
        f"{addresses.address(path_of(question))}index.md": plain_markdown.question(
            answers.checked(question), answers, answers.checkout.site
        )
        for question in answers.checkout.questions
    }


def drawings(answers: Answers) -> list[dict[str, Any]]:
    """The cards of all questions, to be drawn with the figures."""
    return [card(question, answers, answers.checkout.site) for question in answers.checkout.questions]


def card(question: Question, answers: Answers, site: Site) -> dict[str, Any]:
    return social_cards.card(question.title, plain_markdown.plainly(question.answer, answers), site.name)


def bibliography(sources: Mapping[str, Source]) -> str:
    """All sources as one BibTeX file: each entry as it stands in its own."""
    return "\n\n".join(source.entry for _, source in sorted(sources.items())) + "\n"
