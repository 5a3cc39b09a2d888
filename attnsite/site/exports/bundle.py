"""What stands beside the pages for programs: data of each question, cards, bibliography, feed, llms.txt, robots.txt."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from attnsite.content.questions import Question, load_questions, load_themes
from attnsite.site import about, addresses, records
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.checked import checked
from attnsite.site.exports import atom, model_data, plain_markdown, question_json
from attnsite.site.figures import social_cards
from attnsite.site.records import Records

Held = str | Path


def files(root: Path, with_cards: bool = True) -> dict[str, Held]:
    """Every file by its path. Cards are there that have been drawn; `drawings` says which there should be."""
    known, site = records.read(root), about.read(root)
    themes, questions = load_themes(root), load_questions(root)
    all_checked = [checked(question, known) for question in questions]
    made: dict[str, Held] = {}
    told = []
    for each in all_checked:
        folder = addresses.address(path_of(each.question))
        data = question_json.question(each, known, site)
        made[f"{folder}index.json"] = question_json.written(data)
        told.append({name: data[name] for name in ("url", "question", "theme", "answer", "measured")}
                    | {"json": site.at(f"{folder}index.json")})  # fmt: skip
        if with_cards and social_cards.whole(drawn := social_cards.path(root, card(each.question, known, site))):
            made[f"{folder}card.png"] = drawn
    made["questions/index.json"] = question_json.written({"format": question_json.FORMAT, "questions": told})
    made |= model_data.files(root, site)
    made["sources.bib"] = bibliography(known)
    made["llms.txt"] = plain_markdown.index(themes, questions, known, site)
    made["llms-full.txt"] = "\n\n---\n\n".join(plain_markdown.question(each, known, site) for each in all_checked)
    made["robots.txt"] = "User-agent: *\nAllow: /\n" + (f"Sitemap: {site.at('sitemap.xml')}\n" if site.url else "")
    if site.url:
        made[atom.FILE] = atom.written(all_checked, known, site)
    return made


def markdown(root: Path) -> dict[str, str]:
    """Each question as Markdown beside its page. Builders would take these for pages: they are written afterwards."""
    known, site = records.read(root), about.read(root)
    return {
        f"{addresses.address(path_of(question))}index.md": plain_markdown.question(
            checked(question, known), known, site
        )
        for question in load_questions(root)
    }


def drawings(root: Path, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The cards of all questions, to be drawn with the figures."""
    known, site = records.read(root), about.read(root)
    return [card(question, known, site) for question in questions]


def card(question: Question, known: Records, site: Site) -> dict[str, Any]:
    return social_cards.card(question.title, plain_markdown.plainly(question.answer, known), site.name)


def bibliography(known: Records) -> str:
    """All sources as one BibTeX file: each entry as it stands in its own."""
    return "\n\n".join(_entry(known.root / source.path, (known.root / source.path).stat().st_mtime_ns)
                       for _, source in sorted(known.sources.items())) + "\n"  # fmt: skip


@lru_cache(maxsize=4096)
def _entry(path: Path, _modified: int) -> str:
    return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").strip()
