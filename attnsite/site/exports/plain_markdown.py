"""A question as plain Markdown, every number and citation in its words: for programs that read, and for llms.txt."""

import posixpath
import re
import textwrap
from collections.abc import Callable, Sequence

from attnsite.content.questions import Cite, Claim, Number, Question, Theme, marks
from attnsite.content.texts import first_sentence
from attnsite.records.mistakes import Mistake
from attnsite.site import addresses
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.checked import Checked
from attnsite.site.figures import diagram as diagrams
from attnsite.site.markdown import citations

_FIGURE = re.compile(r"^([ \t]*)(`{3,})(figure|diagram)[ \t]*\n\s*(\w+)\s*\n[ \t]*\2[ \t]*$", re.MULTILINE)
_FOLDED = re.compile(r'^(?:\?\?\?\+?|!!!) \w+ "(.*)"[ \t]*\n((?:(?: {4}.*)?\n)*(?: {4}.*)?)', re.MULTILINE)
_LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*\.md)?(#[^)\s]*)?\)")


def resolved(text: str, answers: Answers) -> str:
    """A text with the value in the place of each number's mark, and author and year in that of each citation."""
    for mark in reversed(marks(text)):
        text = text[: mark.start] + _in_words(mark, answers) + text[mark.end :]
    return text


def plainly(text: str, answers: Answers) -> str:
    """The same in one line and without citations or links: for a description."""
    for mark in reversed(marks(text)):
        word = _in_words(mark, answers) if isinstance(mark, Number) else ""
        before = text[: mark.start] if word else text[: mark.start].rstrip()
        text = before + word + text[mark.end :]
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def _in_words(mark: Cite | Number, answers: Answers) -> str:
    if isinstance(mark, Number):
        try:
            return str(answers.number(mark).quantity)
        except Mistake:
            return mark.source  # the page itself warns of it
    told = []
    for reference in mark.references:
        source = answers.checkout.sources.get(reference.key)
        named = source.short if source else reference.key
        told.append(f"{named}, {reference.locator}" if reference.locator else named)
    return f"({'; '.join(told)})"


def question(checked: Checked, answers: Answers, site: Site) -> str:
    """The question, its answer, its text with figures in words, its claims and its sources."""
    asked = checked.question
    path = path_of(asked)
    parts = [
        f"# {asked.title}",
        asked.question,
        f"> {resolved(asked.answer, answers)}",
        also(asked),
        body(asked, path, answers, site),
    ]
    if asked.claims:
        claims = "\n".join(f"- {claim.kind}: {told(claim, answers)}" for claim in asked.claims)
        parts.append(f"## Evidence\n\n{claims}")
    if checked.sources:
        listed = "\n".join(f"- {in_full(source)}" for source in checked.sources)
        parts.append(f"## Sources\n\n{listed}")
    parts.append(f"{checked.told}\n\nFrom {site.name}, {site.at(addresses.address(path))}".strip())
    return "\n\n".join(part for part in parts if part) + "\n"


def also(asked: Question) -> str:
    """What else people call what it is about, in a line; empty where nothing is said."""
    return f"Keywords: {', '.join(asked.aliases)}" if asked.aliases else ""


def told(claim: Claim, answers: Answers) -> str:
    """A claim's sentence with what it rests on."""
    return resolved(claim.source, answers)


def in_full(source: citations.Source) -> str:
    """A source as a line: who, what, where, and what is taken from it."""
    where = ", ".join(filter(None, (source.venue, source.year)))
    links = ", ".join(address for _, address in source.links[:1])
    return f"{citations.people(source)}. {source.title}. {where}. {links}\n  {source.annote} ({source.checked})"


def body(asked: Question, path: str, answers: Answers, site: Site) -> str:
    """The text with figures as their words, folded problems unfolded and links that lead somewhere from anywhere."""
    text = _FOLDED.sub(_unfolded, asked.body.strip() + "\n")
    text = _FIGURE.sub(lambda match: match[1] + shown(match[3], match[4], answers, site), text)
    return _LINK.sub(_absolute(path, site), resolved(text, answers)).strip()


def _unfolded(match: re.Match[str]) -> str:
    return f"**{match[1]}**\n\n{textwrap.dedent(match[2]).strip()}\n\n"


def shown(kind: str, name: str, answers: Answers, site: Site) -> str:
    """What a fence stands for, in words."""
    if kind == "figure":
        return figure(name, answers, site)
    try:
        title, caption, told = diagrams.words(diagrams.module(name), name)
    except Mistake:
        return f"(Diagram {name}.)"
    return f"**Diagram: {title}.** {caption} {told}"


def figure(name: str, answers: Answers, site: Site) -> str:
    """What a figure shows, in words, and where its data lie."""
    try:
        shown = answers.exhibits(name)
    except Mistake:
        shown = []
    if not shown:
        return f"(Figure {name}: not measured yet.)"
    first = shown[0]
    data = site.at(addresses.figure(name, first.machine, ".csv"))
    return f"**Figure: {first.title}.** {first.caption} {first.alt} Data: {data}"


def _absolute(path: str, site: Site) -> Callable[[re.Match[str]], str]:
    def address(match: re.Match[str]) -> str:
        goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1])) if match[1] else path
        return f"]({site.at(addresses.address(goal))}{match[2] or ''})"

    return address


def index(themes: Sequence[Theme], questions: Sequence[Question], answers: Answers, site: Site) -> str:
    """`llms.txt`, as llmstxt.org describes it: what the site is, and every question with its answer in a sentence."""
    parts = [f"# {site.name}", f"> {site.description}",
             "Every quantity comes from a run, a count or a source, and each page says which. Measured numbers are of "
             "the machine that is named beside them."]  # fmt: skip
    for theme in themes:
        own = [q for q in questions if q.theme == theme.slug]
        lines = "\n".join(
            f"- [{q.title}]({site.at(addresses.address(path_of(q)))}index.md): "
            f"{plainly(first_sentence(q.answer), answers)}"
            for q in own
        )
        parts.append(f"## {theme.title}\n\n{lines}")
    data = [
        ("Everything in one file", "llms-full.txt", "all questions as Markdown"),
        ("Claims, figures and sources", "questions/index.json", "as JSON; each question has an index.json of its own"),
        ("Sources", "sources.bib", "the whole bibliography as BibTeX, with what is taken from each"),
        ("Runs", "evidence/", "every run behind a number, as JSON with all samples"),
        ("How the numbers are made", "method/", "the rules of measuring, counting and citing"),
    ]
    rows = "\n".join(f"- [{name}]({site.at(path)}): {what}" for name, path, what in data)
    return "\n\n".join([*parts, f"## Optional\n\n{rows}"]) + "\n"
