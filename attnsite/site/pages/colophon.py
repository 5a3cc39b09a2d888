"""The end of a question's page: how to cite it, where it is written, its data, and the questions before and after."""

from collections.abc import Sequence
from html import escape

from attnsite.content.questions import Question
from attnsite.site.about import Site
from attnsite.site.addresses import Page, path_of
from attnsite.site.checked import Checked
from attnsite.site.exports import bibtex
from attnsite.site.pages.questions import UNSEARCHED


def line(checked: Checked) -> str:
    """When the page was last checked, in one quiet line; empty where there is nothing to tell."""
    return f"{checked.told}\n{{ .checked data-search-exclude }}" if checked.told else ""


def ending(checked: Checked, questions: Sequence[Question], site: Site) -> str:
    entry = "\n".join(f"    {row}" for row in bibtex.entry(checked, site).split("\n"))
    return "\n\n".join([
        f"## About this page {UNSEARCHED}",
        f'??? bibtex "Cite this page"\n\n    ```bibtex\n{entry}\n    ```',
        written(checked.question, site),
        onward(checked.question, questions),
    ])  # fmt: skip


def written(question: Question, site: Site) -> str:
    """Where the page's text and data are; an address to edit it only where a repository is known."""
    file = f"docs/{path_of(question)}"
    page = Page(path_of(question))
    folder = page.folder
    edit = f'<a href="{escape(site.edit + file)}" rel="edit">Edit this page</a>: its' if site.edit else "This page's"
    data = f'<a href="{escape(page.to(f"{folder}/index.json"))}">JSON</a>'
    text = f'<a href="{escape(page.to(f"{folder}/index.md#").removesuffix("#"))}">Markdown</a>'
    return (
        f'<p class="written">{edit} source is <code>{escape(file)}</code>. '
        f"Its claims, figures and sources are also there as {data}, its text as {text}.</p>"
    )


def onward(question: Question, questions: Sequence[Question]) -> str:
    """The questions before and after this one, in the order of the menu; at the ends, all questions."""
    at = next(n for n, other in enumerate(questions) if other.slug == question.slug)
    page = Page(path_of(question))

    def link(way: str, to: int) -> str:
        there = 0 <= to < len(questions)
        path = path_of(questions[to]) if there else "questions/index.md"
        title = questions[to].title if there else "All questions"
        words = {"prev": "Previous", "next": "Next"}[way]
        return (f'<a class="onward-{way}" rel="{way}" href="{escape(page.to(path))}">'
                f"<span>{words}</span> {escape(title)}</a>")  # fmt: skip

    label = "Questions before and after this one"
    return f'<nav class="onward" aria-label="{label}">{link("prev", at - 1)} {link("next", at + 1)}</nav>'
