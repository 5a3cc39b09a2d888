"""Pages as Markdown: all are there, they lead to one another, and no text of a record is taken for HTML."""

import json
import posixpath
import re
import subprocess
import sys
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import pytest
import yaml
from markdown import Markdown

from attnsite.content.questions import load_questions, load_themes, read_sources
from attnsite.measure import machine as this_machine
from attnsite.records import registry
from attnsite.records.mistakes import Mistake, flatten
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import THIS_BUILD
from attnsite.site import addresses as places
from attnsite.site.answers import Answers
from attnsite.site.builders import folder
from attnsite.site.builders import mkdocs_notebooks as notebooks
from attnsite.site.checkout import Checkout
from attnsite.site.figures.fence import fence
from attnsite.site.markdown import extension as markup
from attnsite.site.pages import kernels as kernel_pages
from attnsite.site.pages import machines as machines_page
from attnsite.site.pages import questions as question_pages
from attnsite.site.pages import render as pages
from tests import checkouts
from tests.conftest import ROOT

HOSTILE = '<img src=x onerror="alert(1)">'
SCRIPT = "<script>alert(1)</script>"
FENCES = {"custom_fences": [{"name": "figure", "class": "figure", "format": fence}]}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    checkouts.register(monkeypatch)
    return checkouts.fill(tmp_path)


def html(root, path):
    """A page as HTML, by the extensions that matter here."""
    text = pages.render(Answers.load(root))[path]
    builder = Markdown(
        extensions=[markup.Markup(root=str(root)), "pymdownx.superfences", "md_in_html", "attr_list", "def_list"],
        extension_configs={"pymdownx.superfences": FENCES},
    )
    return builder.convert(re.sub(r"\A\s*---\n.*?\n---\n", "", text, flags=re.DOTALL))


def front(text):
    return yaml.safe_load(text.split("---\n")[1])


class Tags(HTMLParser):
    """What a browser would make of the page: its elements, their attributes, its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def harmless(text):
    """No element and no attribute that came out of a record."""
    tags = Tags(text)
    assert not [tag for tag, _ in tags.found if tag in ("script", "iframe", "svg")]
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    return tags


# --- which pages -----------------------------------------------------------------------------------------------


def test_rendering_twice_gives_the_same(checkout, monkeypatch):
    """With and without what was kept of the first time, and nothing in the checkout changes."""

    def everything():
        kept = checkout / ".cache"
        return sorted((path, path.stat().st_mtime_ns) for path in checkout.rglob("*")
                      if path != kept and kept not in path.parents and path != checkout)  # fmt: skip

    before = everything()
    first = pages.render(Answers.load(checkout))
    assert pages.render(Answers.load(checkout)) == first
    assert pages.render(Answers.load(checkout)) == first
    assert everything() == before


def test_the_ladder_is_climbed_rung_by_rung():
    """Each kernel but the reference says which one it follows, and stands behind it, on its page too."""
    rungs = kernel_pages.ladder()
    places = {kernel.name: place for place, kernel in enumerate(rungs)}
    made = pages.render(Answers.load(ROOT))

    assert sorted(places) == registry.names("kernels")
    assert [kernel.name for kernel in rungs if not kernel.follows] == ["reference"]
    for kernel in rungs[1:]:
        assert places[kernel.follows] < places[kernel.name], kernel.name
        assert f"Builds on [`{kernel.follows}`]({kernel.follows}.md)." in made[kernel.path]
        assert f"[`{kernel.name}`]({kernel.name}.md)" in made[f"kernels/{kernel.follows}.md"]
    assert [kernel.name for kernel in rungs if kernel.idea.startswith("The same")] == []  # it is read by itself


def test_everything_has_its_page():
    """Of this checkout: each question, theme and kernel; each machine and source stands on the page of its kind."""
    made = pages.render(Answers.load(ROOT))
    known = Answers.load(ROOT)
    for question in load_questions(ROOT):
        shown = made[f"questions/{question.theme}/{question.slug}.md"].replace("<wbr>", "")
        assert f"# {question.title}" in shown
    for theme in load_themes(ROOT):
        assert theme.summary in made[f"questions/{theme.slug}/index.md"]
    for kernel in registry.names("kernels"):
        assert registry.path_of("kernels", kernel).read_text().splitlines()[-1] in made[f"kernels/{kernel}.md"]
    for key in known.checkout.sources:
        assert f'<li id="{key}">' in made["sources.md"]
    machines = {path.parent.name for path in (ROOT / "docs" / "results").glob("*/*.json")} - {"every_machine"}
    assert machines
    for machine in machines:
        assert f"\n## {machine}\n" in made["machines.md"]
        assert f"### {machine} {{ data-search-exclude }}\n" in made["evidence.md"]
        assert f"# Runs: {machine}\n" in made[f"results/{machine}/index.md"]
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name in made


def test_every_page_begins_with_its_own_place():
    """The line that tells the extension where the page lies, behind front matter that can be read."""
    for path, text in pages.render(Answers.load(ROOT)).items():
        assert text.count(markup.PAGE.format(path)) == 1, path
        if text.lstrip().startswith("---"):
            assert front(text.lstrip())["title"], path


def test_every_question_shows_its_figure_before_its_first_heading():
    """A reader who stops after the first screen has seen the answer and what settles it."""
    first = r"```figure\n\w+\n```\n|\|.*\|\n\|[-|]+\|\n|<!-- attnsite:\w+ -->\n"  # a figure, a table, or what is tried
    late = [q.slug for q in load_questions(ROOT) if not re.match(first, q.body.strip())]

    assert late == []


def test_every_page_is_in_the_menu_once():
    """But for those that a number, a shortened address or the list of models leads to; and the menu leads to no page
    that is not there."""

    def leaves(menu):
        for item in menu:
            yield from [item] if isinstance(item, str) else leaves(next(iter(item.values()))) if isinstance(
                next(iter(item.values())), list) else [next(iter(item.values()))]  # fmt: skip

    listed = [path for path in leaves(pages.navigation(Checkout.load(ROOT))) if path.endswith(".md")]
    unlisted = ("figures/", "results/", "models/")
    assert sorted(listed) == sorted(path for path in pages.render(Answers.load(ROOT)) if not path.startswith(unlisted))


def test_every_page_of_a_menu_has_a_line_in_it():
    """An index.md that is not the first of its menu would become the page behind the menu's name, and have no line."""
    menus = [next(iter(item.values())) for item in pages.navigation(Checkout.load(ROOT)) if not isinstance(item, str)]
    for menu in menus:
        if isinstance(menu, list):
            assert not [path for path in menu[1:] if isinstance(path, str) and path.endswith("/index.md")]


def test_a_draft_is_not_built(checkout):
    """Neither its page nor a word of it anywhere; without the word it is."""
    path = "docs/questions/shapes/half_done.md"
    draft = checkouts.question(title="Half done?", answer="Halfway.", order=2, more="draft: true\n")
    checkouts.put(checkout, path, draft)
    made = pages.render(Answers.load(checkout))
    assert "questions/shapes/half_done.md" not in made
    assert not [path for path, text in made.items() if "Half done?" in text or "Halfway" in text]
    assert "half_done" not in json.dumps(pages.navigation(Checkout.load(checkout)))

    checkouts.put(checkout, path, draft.replace("draft: true\n", ""))
    assert "Half done?" in pages.render(Answers.load(checkout))["questions/shapes/half_done.md"]
    assert "half_done" in json.dumps(pages.navigation(Checkout.load(checkout)))


def test_all_mistakes_of_all_questions_are_told_at_once(checkout):
    """Nothing is rendered, and nobody mends one only to hear of the next."""
    checkouts.put(checkout, "docs/questions/shapes/one.md", checkouts.question(more="colour: blue\n"))
    checkouts.put(checkout, "docs/questions/shapes/two.md", checkouts.question(order="first"))
    with pytest.raises((Mistake, ExceptionGroup)) as raised:
        pages.render(Answers.load(checkout))

    assert {mistake.path.rsplit("/", 1)[-1] for mistake in flatten(raised.value)} == {"one.md", "two.md"}


def test_a_page_that_cites_lists_its_sources_and_one_that_does_not_has_no_list(checkout):
    """Also one written by hand; a list that is there already is left where it stands."""
    checkouts.put(checkout, "docs/method.md", "# Method\n\nAs said [@doe2020squares].\n")
    checkouts.put(checkout, "docs/about.md", f"# About\n\n{markup.SOURCES}\n\nAs said [@doe2020squares].\n")
    made = pages.render(Answers.load(checkout))

    assert made["method.md"].count(markup.SOURCES) == 1
    assert "## Sources" in made["method.md"]
    assert made["about.md"].count(markup.SOURCES) == 1
    assert markup.SOURCES not in made["index.md"]


# --- links -----------------------------------------------------------------------------------------------------


def test_links_between_pages_resolve():
    """Every link to a page, in Markdown and in HTML, from every page of this checkout."""
    made, published = pages.render(Answers.load(ROOT)), pages.published(Answers.load(ROOT))
    results = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "results").rglob("*.json")}
    assets = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "assets").iterdir()}
    addresses = {places.address(path) for path in made} | set(published) | results | assets
    checked, broken = 0, []
    for path, text in made.items():
        prose = re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
        folder = posixpath.dirname(path)
        for target in re.findall(r"\]\((?!\w+:)([^)#\s]+\.md)(?:#[^)]*)?\)", prose):
            checked += 1
            if posixpath.normpath(posixpath.join(folder, target)) not in made:
                broken.append((path, target))
        for target in re.findall(r'href="(?!\w+:|#)([^"#]+)', prose):
            checked += 1
            goal = posixpath.normpath(posixpath.join(places.address(path), target))
            goal = "" if goal == "." else goal + "/" * target.endswith("/")
            if goal not in addresses:
                broken.append((path, target))
    assert checked > 50
    assert broken == []


@pytest.mark.parametrize(
    ("page", "target", "relative"),
    [
        ("index.md", "index.md", "./"),
        ("index.md", "method.md", "method/"),
        ("method.md", "index.md", "../"),
        ("questions/cost/kv.md", "questions/index.md", "../../"),
        ("questions/cost/kv.md", "figures/a/b.json", "../../../figures/a/b.json"),
        ("questions/cost/kv.md", "questions/cost/other.md#part", "../other/#part"),
        ("questions/cost/kv.md", "#part", "#part"),
    ],
)
def test_relative_addresses(page, target, relative):
    """From where a page is served, which is one folder below where its source lies."""
    assert places.Page(page).to(target) == relative


def test_writing_gives_another_builder_all_that_the_pages_show(checkout, tmp_path):
    """Pages, figures' files and runs in one folder; hand-written files of the checkout are untouched."""
    target = tmp_path / "elsewhere"
    count = folder.write(Answers.load(checkout), target)

    assert count == len(pages.render(Answers.load(checkout))) == len(list(target.rglob("*.md")))
    assert (target / "figures" / "squares" / "laptop.json").is_file()
    assert (target / "results" / "laptop" / "squares.json").is_file()
    assert "attnsite:page" not in (checkout / "docs" / "index.md").read_text()


def test_runs_of_this_build_are_published(checkout, monkeypatch):
    """They lie outside docs/, and every number links to its run."""
    monkeypatch.setattr(this_machine, "made_here", lambda *_: True)
    checkouts.put_run(checkout, THIS_BUILD)

    assert f"results/{THIS_BUILD}/squares.json" in pages.published(Answers.load(checkout))


# --- text that is not meant to be HTML ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [HOSTILE, SCRIPT, "a & b < c", '"quoted"', "[not](a link)", r"back\slash", "it's 5 > 3"]
)
def test_titles_are_text_wherever_they_stand(checkout, text):
    """A question's and a theme's: headings, lists, menus and front matter show what was typed."""
    quoted = "'" + text.replace("'", "''") + "'"
    title = f"'Why {text}?'" if "'" not in text else f'"Why {text}?"'
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(title=title))
    checkouts.put(checkout, "docs/questions/shapes/index.md", checkouts.THEME.format(title=quoted))
    made = pages.render(Answers.load(checkout))
    for path in ("questions/shapes/area.md", "questions/index.md", "questions/shapes/index.md", "evidence.md"):
        tags = harmless(html(checkout, path))
        shown = text if path == "questions/shapes/index.md" else f"Why {text}?"
        assert shown in tags.text, path
        assert not [tag for tag, attributes in tags.found if tag == "a" and attributes.get("href") == "a link"]
    assert front(made["questions/shapes/area.md"])["title"] == escape(f"Why {text}?", quote=False)
    assert "<img" not in json.dumps(pages.navigation(Checkout.load(checkout)))


def test_a_description_fits_into_an_attribute(checkout):
    """The theme writes it between quotes as it stands."""
    answer = """'As "squares" are: > 1 & [a link](area.md) [@doe2020squares].'"""
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(answer=answer))

    told = front(pages.render(Answers.load(checkout))["questions/shapes/area.md"])["description"]
    assert told == "As &quot;squares&quot; are: &gt; 1 &amp; a link."


@pytest.mark.parametrize("field", ["author", "title", "annote", "venue"])
@pytest.mark.parametrize("text", [HOSTILE, SCRIPT, '"><script>alert(1)</script>', "A & B", "</li></ol><b>"])
def test_fields_of_sources_are_text(checkout, field, text):
    """On the page that cites, in the tip of the citation, and on the page of all sources; or refused, as a file with
    markup in other fields than names is."""
    checkouts.put(checkout, "docs/sources/doe2020squares.bib", checkouts.source("doe2020squares", **{field: text}))
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(body="See [@doe2020squares §1]."))
    if field != "author" and "<" in text:
        [told] = [each for each in read_sources(checkout)[1] if "doe2020squares" in str(each.path)]
        assert "doe2020squares" not in Answers.load(checkout).checkout.sources, told
        return
    assert "doe2020squares" in Answers.load(checkout).checkout.sources
    for path in ("questions/shapes/area.md", "sources.md"):
        page = html(checkout, path)
        tags = harmless(page)
        assert not [tag for tag, _ in tags.found if tag in ("b", "img")]
        assert page.count("<li") == page.count("</li>")
        if field != "author":  # BibTeX turns a name's parts round
            assert text.replace('"', "") in re.sub('[“”"]', "", tags.text)


@pytest.mark.parametrize("cpu", [HOSTILE, SCRIPT, 'The "Best" & Fastest', "a\n\nb", "[=squares.largest]", "[@nobody]"])
def test_what_is_known_of_a_machine_is_text(checkout, cpu):
    """A processor says what it likes of itself: on the machines' page, in pickers, tables and captions."""
    checkouts.put_run(checkout, "laptop", cpu=cpu, cores=2)
    checkouts.put(checkout, "docs/questions/shapes/area.md",
                  checkouts.question(body="```figure\nsquares\n```\n\n[=squares.largest laptop]"))  # fmt: skip
    for path in (
        "machines.md",
        "evidence.md",
        "questions/shapes/area.md",
        "figures/squares.md",
        "results/laptop/index.md",
    ):
        tags = harmless(html(checkout, path))
        assert not [tag for tag, _ in tags.found if tag == "mark"]
        assert path in ("evidence.md", "results/laptop/index.md") or cpu.split()[0] in tags.text


@pytest.mark.parametrize("machine", ["it's", 'a"b', "<b>bold", "a&b", "[x](y)"])
def test_names_of_machines_are_text(checkout, machine):
    """`attnsite measure` allows none of these, but a folder can be renamed by anybody."""
    checkouts.put_run(checkout, machine, cpu="A processor", cores=2)
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(body="```figure\nsquares\n```"))
    for path in ("machines.md", "evidence.md", "questions/shapes/area.md"):
        page = html(checkout, path)
        tags = harmless(page)
        assert machine in tags.text, path
        assert not [tag for tag, _ in tags.found if tag == "b"]
        assert not [name for _, attributes in tags.found for name in attributes if not re.fullmatch(r"[\w:-]+", name)]


def test_a_hand_written_page_keeps_its_front_matter(checkout):
    """The line of its place comes behind it; a rule of three dashes in the text is none."""
    checkouts.put(checkout, "docs/method.md", "---\ntitle: How\nhide: [toc]\n---\n\n# How\n\n---\n\nSo.\n")
    text = pages.render(Answers.load(checkout))["method.md"]

    assert front(text) == {"title": "How", "hide": ["toc"]}
    assert text.index("hide:") < text.index("attnsite:page") < text.index("# How")


def test_a_notebook_loses_its_dress_and_keeps_its_content():
    """Styles and scripts of the converter go, cells and outputs stay, code can be scrolled from the keyboard."""
    given = ('<style>a{}</style><script>x</script><div class="jupyter-wrapper"><style>b{}</style><h1>Title</h1>'
             '<div class="jp-InputPrompt jp-x">In [1]:</div><div class="highlight-ipynb hl-python "><pre>1 + 1</pre>'
             '</div><script>y</script><div class="jp-OutputArea-output"><pre>2</pre></div></div>')  # fmt: skip
    slim = notebooks.slim(given, "notebooks/sum.py")

    assert "<style" not in slim
    assert "<script" not in slim
    assert "In [1]" not in slim
    assert '<pre tabindex="0">1 + 1</pre>' in slim
    assert '<pre tabindex="0">2</pre>' in slim
    assert slim.index("</h1>") < slim.index('href="sum.py" download')


IMPORTED = """
import importlib.metadata as metadata

import attnsite.site

def load(entry):
    raise SystemExit(f"{entry.name} was loaded")

metadata.EntryPoint.load = load
import nbconvert.nbconvertapp
"""


def test_the_exporters_of_notebooks_are_not_made_for_a_text_of_help():
    """nbconvert makes one of each as it is imported, and so would every build of the site."""
    subprocess.run([sys.executable, "-c", IMPORTED], cwd=ROOT, check=True)


def test_a_figure_begins_with_the_machine_that_the_text_quotes(checkout):
    """Results that come later, of a machine whatever its name, leave it in its place; the others follow in order."""
    text = checkouts.question(body="It is [=squares.largest laptop].")
    checkouts.put(checkout, "docs/questions/shapes/area.md", text)
    checkouts.put_run(checkout, "apple", cpu="Another", cores=4)

    shown = [exhibit.machine for exhibit in Answers.load(checkout).exhibits("squares")]

    assert shown[0] == "laptop"
    assert shown[1:] == sorted(shown[1:], key=lambda machine: (machine == THIS_BUILD, machine))


def test_a_question_says_how_long_its_runs_took(monkeypatch):
    """The sum for each machine, of the runs that its figures show; nothing of a moment, or of a quick sweep."""
    held = Answers.load(ROOT)
    names = ["heads_at_fixed_width", "depth_with_one_head", "parameters_by_heads"]
    machines = ["epyc_2core", "xeon_2core", "every_machine"]
    runs = {name: held.runs(name)[machine] for name, machine in zip(names, machines, strict=True)}

    def told(seconds, sweep="full"):
        made = {
            name: {run.machine: replace(run, sweep=sweep, provenance=replace(run.provenance, seconds=seconds[name]))}
            for name, run in runs.items()
        }
        monkeypatch.setattr(held, "runs", made.get)
        return question_pages.taken(names, held)

    assert told(dict(zip(names, (100, 1211, 9999), strict=True))) == (
        "The runs that are shown here were made with `--full`, which took "
        "2 minutes on epyc_2core and 20 minutes on xeon_2core."
    )
    assert told(dict.fromkeys(names, 30)) == ""
    assert told(dict.fromkeys(names, 1000), "quick") == ""


def test_machines_are_compared_by_ratios_alone(checkout, monkeypatch):
    """What a claim quotes, one column for each machine; counts and times are in no row."""
    more = "  - measured: It grows. [=squares.growth laptop]\n  - measured: It takes. [=squares.seconds laptop]\n"
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(more=more))
    known = Answers.load(checkout)
    module = known.figure("squares")
    before = module.values
    monkeypatch.setattr(module, "values", lambda run: before(run) | {
        "growth": Quantity(3.0 if run.machine == "old" else 2.0, "×"), "seconds": Quantity(1.0, "s")})  # fmt: skip

    [row] = machines_page.ratios(load_questions(checkout), known, ["laptop", "old"])

    assert row["value"] == "squares: growth"
    assert (row["laptop"].value, row["old"].value) == (2.0, 3.0)
    page = machines_page.page(load_questions(checkout), known)
    assert "## Ratios, machine by machine" in page
    assert "## Add yours" in page
