"""All pages of the site as Markdown, and everything published beside them: pure functions of the answers."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from attnsite.content.questions import Cite, fences, marks
from attnsite.records import run_file
from attnsite.records.run_file import THIS_BUILD
from attnsite.site import addresses, disk_cache, exhibits
from attnsite.site.answers import Answers
from attnsite.site.checkout import Checkout
from attnsite.site.disk_cache import Cache
from attnsite.site.exports import bundle
from attnsite.site.figures import sheet, social_cards, svg
from attnsite.site.javascript import browser_module
from attnsite.site.markdown.extension import SOURCES
from attnsite.site.pages import calculators, colophon
from attnsite.site.pages import evidence as evidence_pages
from attnsite.site.pages import kernels as kernel_pages
from attnsite.site.pages import machines as machines_page
from attnsite.site.pages import models as model_pages
from attnsite.site.pages import numbers as number_pages
from attnsite.site.pages import questions as question_pages
from attnsite.site.pages.front_matter import directed
from attnsite.site.widgets import by_hand, calculator, head_browser

Navigation = list[Any]
PARTS = {calculator.PLACE: calculator.html, by_hand.PLACE: by_hand.html, head_browser.PLACE: head_browser.html,
         calculators.PLACE: calculators.entries}  # fmt: skip
PLAY = ("calculator.md", "calculators_checked.md", "by_hand.md")
PACKAGE = Path(__file__).parents[2]


def render(answers: Answers) -> dict[str, str]:
    """Every page by its path below `docs/`: questions, themes, evidence, kernels, and the hand-written ones.

    Raises every mistake of questions and themes at once.
    """
    checkout = answers.checkout
    checkout.raise_refused()
    site, themes, questions, written = checkout.site, checkout.themes, checkout.questions, checkout.written
    pages = {path: with_parts(with_sources(directed(path, text), text), answers) for path, text in written.items()}
    pages["questions/index.md"] = question_pages.overview_page(themes, questions)
    for theme in themes:
        pages[f"questions/{theme.slug}/index.md"] = question_pages.theme_page(theme, questions)
    for question in questions:
        each = answers.checked(question)
        ends = colophon.line(each), colophon.ending(each, questions, site)
        page = question_pages.question_page(question, questions, answers, *ends)
        pages[addresses.path_of(question)] = with_parts(page, answers)
    kernels = kernel_pages.ladder()
    pages["kernels.md"] = kernel_pages.overview_page(kernels, answers)
    for kernel in [*kernels, *kernel_pages.libraries()]:
        pages[kernel.path] = kernel_pages.kernel_page(kernel, answers, kernels)
    pages["peers.md"] = kernel_pages.libraries_page()
    pages |= evidence_pages.result_pages(answers)
    pages["evidence.md"] = evidence_pages.evidence_page(questions, answers)
    if model_pages.CALCULATOR in written:  # which every model's page leads to
        pages |= model_pages.pages(checkout.cache)
    pages["machines.md"] = machines_page.page(questions, answers)
    titled = {path: (evidence_pages.title_of(text, path), text) for path, text in written.items()}
    pages |= number_pages.render(questions, titled, answers)
    pages["sources.md"] = evidence_pages.sources_page(questions, written, answers)
    return pages


def with_sources(page: str, text: str) -> str:
    """A page that cites gets its list of sources at the end."""
    if SOURCES in text or not any(isinstance(mark, Cite) for mark in marks(text)):
        return page
    return f"{page.rstrip()}\n\n## Sources\n\n{SOURCES}\n"


def with_parts(page: str, answers: Answers) -> str:
    """A page with what is made at build put where a comment asks for it."""
    for place, made in PARTS.items():
        if place in page:
            page = page.replace(place, made(answers))
    return page


def navigation(checkout: Checkout) -> Navigation:
    """What stands in the menu: the questions by theme, then what is behind the numbers."""
    themes, questions, written = checkout.themes, checkout.questions, checkout.written
    by_theme: Navigation = ["questions/index.md"]
    for theme in themes:
        own = [addresses.path_of(question) for question in questions if question.theme == theme.slug]
        by_theme.append({escape(theme.title, quote=False): [f"questions/{theme.slug}/index.md", *own]})
    kernels: Navigation = ["kernels.md", *(kernel.path for kernel in kernel_pages.ladder())]
    kernels += ["peers.md", *(library.path for library in kernel_pages.libraries())]
    notebooks = [f"notebooks/{name}" for name in checkout.notebooks]
    first = ["method.md", "evidence.md", "sources.md", "machines.md", "glossary.md", "corrections.md"]
    play: Navigation = [path for path in PLAY if path in written]
    if model_pages.CALCULATOR in written:
        play[1:1] = [model_pages.INDEX]
    others = [path for path in written if path not in ("index.md", *first, *play)]
    generated = ("evidence.md", "sources.md", "machines.md")
    behind = [path for path in first if path in generated or path in written] + others
    menu: Navigation = [{"Home": "index.md"}] if "index.md" in written else []
    menu += [{"Questions": by_theme}, *([{"Calculators": play}] if play else []), {"Kernels": kernels}]
    menu += [{"Notebooks": notebooks}] if notebooks else []
    return [*menu, {"Methods and data": behind}]


def published(answers: Answers, with_cards: bool = True) -> dict[str, str | Path]:
    """Files that stand beside the pages, as text or as the file to copy: figures' files, this build's runs, and what
    programs read. Pictures that are missing are drawn, those of cards `with_cards` only."""
    pictures = svg.Pictures(answers.checkout.root)
    shown = [exhibit for name in answers.figure_names() for exhibit in answers.exhibits(name)]
    plates = social_cards.missing(pictures, bundle.drawings(answers)) if with_cards else []
    charts = [exhibit.chart for exhibit in shown if exhibit.chart is not None]
    pictures.draw(charts, [social_cards.still(pictures, plate) for plate in plates])
    social_cards.pack(pictures, plates)
    return {**beside_questions(answers, with_cards), **beside_figures(answers, shown)}


def beside_questions(answers: Answers, with_cards: bool = True) -> dict[str, str | Path]:
    """What an edit of a question may change of the files that are published."""
    told = json.dumps(catalogue(answers), ensure_ascii=False, indent=1)
    return {**bundle.files(answers, with_cards), addresses.CATALOGUE: told}


def beside_figures(answers: Answers, shown: list[exhibits.Exhibit]) -> dict[str, str | Path]:
    """What follows from figures and runs alone."""
    files: dict[str, str | Path] = {}
    checkout, stands, pictures = answers.checkout, standing(answers.checkout), svg.Pictures(answers.checkout.root)
    for exhibit in shown:

        def place(ending: str, exhibit: exhibits.Exhibit = exhibit) -> str:
            return addresses.figure(exhibit.name, exhibit.machine, ending)

        files[place(".json")] = described(exhibit, checkout.cache)
        files[place(".csv")] = exhibit.csv
        if exhibit.chart is not None and pictures.drawn(exhibit.chart):
            files |= {place(f"-{size}.svg"): path for size, path in pictures.paths(exhibit.chart).items()}
            files[place(".svg")] = sheet.alone(answers, exhibit, stands.get(exhibit.name, ""))
    if calculator.PAGE in checkout.written:
        files[calculator.DATA] = calculator.data()
        files[browser_module.ADDRESS] = browser_module.text(PACKAGE)
    for name in answers.experiments():
        if THIS_BUILD in answers.runs(name):
            files[addresses.result(THIS_BUILD, name)] = checkout.file_of(THIS_BUILD, name)
    return files


def sheets(answers: Answers, names: Iterable[str], stands: Mapping[str, str]) -> dict[str, str]:
    """The files of these figures that say where the figure stands, which an edit of a question may change."""
    pictures = svg.Pictures(answers.checkout.root)
    shown = [exhibit for name in names for exhibit in answers.exhibits(name)]
    return {addresses.figure(one.name, one.machine, ".svg"): sheet.alone(answers, one, stands.get(one.name, ""))
            for one in shown if one.chart is not None and pictures.drawn(one.chart)}  # fmt: skip


def standing(checkout: Checkout) -> dict[str, str]:
    """The address of each figure on the first question that shows it; on a page written by hand where none does."""
    site, found = checkout.site, dict[str, str]()
    for question in checkout.questions:
        for fence in fences(question.body):
            address = addresses.address(addresses.path_of(question))
            found.setdefault(fence.figure, site.at(f"{address}#figure-{fence.figure}"))
    for path, text in checkout.written.items():
        for fence in fences(text):
            found.setdefault(fence.figure, site.at(f"{addresses.address(path)}#figure-{fence.figure}"))
    return found


def catalogue(answers: Answers) -> dict[str, Any]:
    """What was measured and where it is shown, for whoever brings a run of their own: by experiment."""
    places_of: dict[str, list[list[str]]] = {}
    for question in answers.checkout.questions:
        for fence in fences(question.body):
            address = addresses.address(addresses.path_of(question)) + f"#figure-{fence.figure}"
            places_of.setdefault(answers.figure(fence.figure).EXPERIMENT, []).append([question.title, address])
    found = {}
    for experiment in answers.experiments():
        runs = answers.runs(experiment)
        kind = next(iter(runs.values())).kind if runs else ""
        found[experiment] = {"kind": kind, "machines": list(runs), "shown": places_of.get(experiment, [])}
    return {"format": run_file.FORMAT, "experiments": found}


def described(exhibit: exhibits.Exhibit, cache: Cache | None = None) -> str:
    """A figure's JSON file: texts and rows to read, and the chart that the page's script draws.

    With a `cache`, that of a checkout, it is kept for the next build.
    """
    if cache is not None and exhibit.made_from:
        made_from = ("described", exhibit.made_from, disk_cache.code_of(Path(__file__)))
        return str(cache.kept(made_from, lambda: described(exhibit)))
    told, chart = exhibits.downloads(exhibit), exhibit.chart
    if chart is not None:
        told |= {"data": chart["data"], "layouts": svg.layouts(chart)}
    return svg.named_colours(json.dumps(told, ensure_ascii=False, separators=(",", ":")))


# --- the command -----------------------------------------------------------------------------------------------


def name_menus(html: str) -> str:
    """The theme's nested menus by number: it gives several of them one label, and landmarks must differ."""
    number = itertools.count(1)
    return re.sub(
        r'(<nav class="md-nav" data-md-level="[1-9]") aria-labelledby="[^"]*"',
        lambda match: f'{match[1]} aria-label="Menu, part {next(number)}"',
        html,
    )


def anchors(html: str) -> set[str]:
    """Every place of a page that a link can lead to."""
    return set(re.findall(r'\sid="([^"]+)"', html))
