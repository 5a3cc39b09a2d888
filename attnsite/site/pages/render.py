"""All pages of the site as Markdown, and everything published beside them: pure functions of the checkout."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from attnsite.content.questions import Cite, Question, fences, load_questions, load_themes, marks
from attnsite.records import ordinary, run_file
from attnsite.records.run_file import THIS_BUILD
from attnsite.site import about, addresses, disk_cache, exhibits, records
from attnsite.site.checked import checked
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


def render(root: Path) -> dict[str, str]:
    """Every page by its path below `docs/`: questions, themes, evidence, kernels, and the hand-written ones.

    Raises every mistake of questions and themes at once.
    """
    known, site = records.read(root), about.read(root)
    themes, questions = load_themes(root), load_questions(root)
    written = hand_written(root)
    pages = {path: with_parts(with_sources(directed(path, text), text), known) for path, text in written.items()}
    pages["questions/index.md"] = question_pages.overview_page(themes, questions)
    for theme in themes:
        pages[f"questions/{theme.slug}/index.md"] = question_pages.theme_page(theme, questions)
    for question in questions:
        each = checked(question, known)
        ends = colophon.line(each), colophon.ending(each, questions, site)
        page = question_pages.question_page(question, questions, known, *ends)
        pages[addresses.path_of(question)] = with_parts(page, known)
    kernels = kernel_pages.ladder()
    pages["kernels.md"] = kernel_pages.overview_page(kernels, known)
    for kernel in [*kernels, *kernel_pages.libraries()]:
        pages[kernel.path] = kernel_pages.kernel_page(kernel, known, kernels)
    pages["peers.md"] = kernel_pages.libraries_page()
    pages |= evidence_pages.result_pages(known)
    pages["evidence.md"] = evidence_pages.evidence_page(questions, known)
    if model_pages.CALCULATOR in written:  # which every model's page leads to
        pages |= model_pages.pages(root)
    pages["machines.md"] = machines_page.page(questions, known)
    titled = {path: (evidence_pages.title_of(text, path), text) for path, text in written.items()}
    pages |= number_pages.render(questions, titled, known)
    pages["sources.md"] = evidence_pages.sources_page(questions, written, known)
    return pages


def hand_written(root: Path) -> dict[str, str]:
    """The pages in `docs/` that are written by hand, by path; questions and themes are records of their own."""
    docs = root / "docs"
    found = ordinary.files(root, Path("docs"), "**/*.md")
    paths = [path for path in found if path.relative_to(docs).parts[0] != "questions"]
    return {path.relative_to(docs).as_posix(): path.read_text(encoding="utf-8-sig") for path in paths}


def with_sources(page: str, text: str) -> str:
    """A page that cites gets its list of sources at the end."""
    if SOURCES in text or not any(isinstance(mark, Cite) for mark in marks(text)):
        return page
    return f"{page.rstrip()}\n\n## Sources\n\n{SOURCES}\n"


def with_parts(page: str, known: records.Records) -> str:
    """A page with what is made at build put where a comment asks for it."""
    for place, made in PARTS.items():
        if place in page:
            page = page.replace(place, made(known))
    return page


def navigation(root: Path) -> Navigation:
    """What stands in the menu: the questions by theme, then what is behind the numbers."""
    themes, questions = load_themes(root), load_questions(root)
    by_theme: Navigation = ["questions/index.md"]
    for theme in themes:
        own = [addresses.path_of(question) for question in questions if question.theme == theme.slug]
        by_theme.append({escape(theme.title, quote=False): [f"questions/{theme.slug}/index.md", *own]})
    kernels: Navigation = ["kernels.md", *(kernel.path for kernel in kernel_pages.ladder())]
    kernels += ["peers.md", *(library.path for library in kernel_pages.libraries())]
    notebooks = [f"notebooks/{path.name}" for path in ordinary.files(root, Path("docs/notebooks"), "*.py")]
    first = ["method.md", "evidence.md", "sources.md", "machines.md", "glossary.md", "corrections.md"]
    written = hand_written(root)
    play: Navigation = [path for path in PLAY if path in written]
    if model_pages.CALCULATOR in written:
        play[1:1] = [model_pages.INDEX]
    others = [path for path in written if path not in ("index.md", *first, *play)]
    generated = ("evidence.md", "sources.md", "machines.md")
    behind = [path for path in first if path in generated or (root / "docs" / path).is_file()] + others
    menu: Navigation = [{"Home": "index.md"}] if (root / "docs" / "index.md").is_file() else []
    menu += [{"Questions": by_theme}, *([{"Try it": play}] if play else []), {"Kernels": kernels}]
    menu += [{"Notebooks": notebooks}] if notebooks else []
    return [*menu, {"Behind the numbers": behind}]


def published(root: Path, with_cards: bool = True) -> dict[str, str | Path]:
    """Files that stand beside the pages, as text or as the file to copy: figures' files, this build's runs, and what
    programs read. Pictures that are missing are drawn, those of cards `with_cards` only."""
    known = records.read(root)
    shown = [exhibit for name in known.figure_names() for exhibit in known.exhibits(name)]
    plates = social_cards.missing(root, bundle.drawings(root, load_questions(root))) if with_cards else []
    charts = [exhibit.chart for exhibit in shown if exhibit.chart is not None]
    svg.draw(root, charts, [social_cards.still(root, plate) for plate in plates])
    social_cards.pack(root, plates)
    return {**beside_questions(root, with_cards), **beside_figures(root, shown)}


def beside_questions(root: Path, with_cards: bool = True) -> dict[str, str | Path]:
    """What an edit of a question may change of the files that are published."""
    known = records.read(root)
    told = json.dumps(catalogue(known, load_questions(root)), ensure_ascii=False, indent=1)
    return {**bundle.files(root, with_cards), addresses.CATALOGUE: told}


def beside_figures(root: Path, shown: list[exhibits.Exhibit]) -> dict[str, str | Path]:
    """What follows from figures and runs alone."""
    files: dict[str, str | Path] = {}
    stands = standing(root)
    for exhibit in shown:

        def place(ending: str, exhibit: exhibits.Exhibit = exhibit) -> str:
            return addresses.figure(exhibit.name, exhibit.machine, ending)

        files[place(".json")] = described(exhibit, root)
        files[place(".csv")] = exhibit.csv
        if exhibit.chart is not None and svg.drawn(root, exhibit.chart):
            files |= {place(f"-{size}.svg"): path for size, path in svg.paths(root, exhibit.chart).items()}
            files[place(".svg")] = sheet.alone(root, exhibit, stands.get(exhibit.name, ""))
    if (root / "docs" / calculator.PAGE).is_file():
        files[calculator.DATA] = calculator.data()
        files[browser_module.ADDRESS] = browser_module.text(PACKAGE)
    known = records.read(root)
    for name in known.experiments():
        if THIS_BUILD in known.runs(name):
            files[addresses.result(THIS_BUILD, name)] = run_file.path_of(root, THIS_BUILD, name)
    return files


def sheets(root: Path, names: Iterable[str], stands: Mapping[str, str]) -> dict[str, str]:
    """The files of these figures that say where the figure stands, which an edit of a question may change."""
    shown = [exhibit for name in names for exhibit in records.read(root).exhibits(name)]
    return {addresses.figure(one.name, one.machine, ".svg"): sheet.alone(root, one, stands.get(one.name, ""))
            for one in shown if one.chart is not None and svg.drawn(root, one.chart)}  # fmt: skip


def standing(root: Path) -> dict[str, str]:
    """The address of each figure on the first question that shows it; on a page written by hand where none does."""
    site, found = about.read(root), dict[str, str]()
    for question in load_questions(root):
        for fence in fences(question.body):
            address = addresses.address(addresses.path_of(question))
            found.setdefault(fence.figure, site.at(f"{address}#figure-{fence.figure}"))
    for path, text in hand_written(root).items():
        for fence in fences(text):
            found.setdefault(fence.figure, site.at(f"{addresses.address(path)}#figure-{fence.figure}"))
    return found


def catalogue(known: records.Records, questions: list[Question]) -> dict[str, Any]:
    """What was measured and where it is shown, for whoever brings a run of their own: by experiment."""
    places_of: dict[str, list[list[str]]] = {}
    for question in questions:
        for fence in fences(question.body):
            address = addresses.address(addresses.path_of(question)) + f"#figure-{fence.figure}"
            places_of.setdefault(known.figure(fence.figure).EXPERIMENT, []).append([question.title, address])
    found = {}
    for experiment in known.experiments():
        runs = known.runs(experiment)
        kind = next(iter(runs.values())).kind if runs else ""
        found[experiment] = {"kind": kind, "machines": list(runs), "shown": places_of.get(experiment, [])}
    return {"format": run_file.FORMAT, "experiments": found}


def described(exhibit: exhibits.Exhibit, root: Path | None = None) -> str:
    """A figure's JSON file: texts and rows to read, and the chart that the page's script draws.

    In a checkout, `root`, it is kept for the next build.
    """
    if root is not None and exhibit.made_from:
        made_from = ("described", exhibit.made_from, disk_cache.code_of(Path(__file__)))
        return str(disk_cache.kept(root, made_from, lambda: described(exhibit)))
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
