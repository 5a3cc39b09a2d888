"""The same content through Material's successor: the same pages, texts, figures, citations, numbers and claims."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from attnsite.site.builders import zensical, zensical_notebooks
from tests.conftest import ROOT

COUNTED = ("exhibit", "cite", "quantity", "kind", "state", "term", "rows", "is-unmeasured", "formula")
pytestmark = pytest.mark.skipif(importlib.util.find_spec("zensical") is None, reason="zensical is not installed")


class Article(HTMLParser):
    """The text of a page's article, and how often the site's own markup is in it; its links and anchors."""

    def __init__(self, text):
        super().__init__()
        self.depth, self.hidden, self.words = 0, 0, []
        self.marks, self.links, self.anchors = Counter(), [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.depth += tag == "article"
        self.hidden += self.depth > 0 and tag in ("script", "style", "svg")
        if self.depth:
            self.marks.update(name for name in (found.get("class") or "").split() if name in COUNTED)
            self.marks.update(
                f"<{tag}>" for _ in [0] if tag in ("math", "figure", "table", "picture", "details", "pre")
            )
            own = tag == "a" and "href" in found and "headerlink" not in (found.get("class") or "")
            self.links += [found["href"]] if own else []
            self.anchors.update(filter(None, [found.get("id")]))

    def handle_endtag(self, tag):
        self.hidden -= self.depth > 0 and tag in ("script", "style", "svg")
        self.depth -= tag == "article"

    def handle_data(self, data):
        if self.depth and not self.hidden:
            self.words += data.replace("¶", "").split()


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory):
    """The site as Zensical builds it, from what `attnsite pages --project` writes."""
    project = tmp_path_factory.mktemp("project")
    done = subprocess.run(
        [sys.executable, "-m", "attnsite.cli", "pages", str(project), "--project"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    tool = shutil.which("zensical", path=str(Path(sys.executable).parent)) or "zensical"
    built = subprocess.run(
        [tool, "build", "-f", "mkdocs.yml"], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "No issues found" in built.stdout + built.stderr
    words = [sys.executable, "-m", "attnsite.cli", "finish", str(project / "site")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return project / "site"


@pytest.fixture(scope="module")
def both(site_folder, other_folder):
    """Every page of both builds, by its address: ours first."""
    return [
        {
            path.relative_to(folder).as_posix(): Article(path.read_text(encoding="utf-8"))
            for path in folder.rglob("index.html")
        }
        for folder in (site_folder, other_folder)
    ]


def written(pages):
    """The pages that are no notebooks."""
    return {address: page for address, page in pages.items() if not re.fullmatch(r"notebooks/\w+/index\.html", address)}


def test_both_builds_have_the_same_pages(both):
    """Notebooks too."""
    ours, theirs = both

    assert len(ours) > 20
    assert sorted(ours) == sorted(theirs)


def test_every_page_says_the_same(both):
    """Word for word, from the heading to the last source."""
    ours, theirs = map(written, both)
    different = [address for address in ours if ours[address].words != theirs[address].words]

    assert different == []
    assert min(len(page.words) for page in ours.values()) > 20


def test_every_figure_citation_number_and_claim_is_there_in_both(both):
    """Counted page by page, with tables, formulas, pictures and folded problems."""
    ours, theirs = map(written, both)
    different = {address: ours[address].marks - theirs[address].marks for address in ours
                 if ours[address].marks != theirs[address].marks}  # fmt: skip

    assert different == {}
    total = sum((page.marks for page in ours.values()), Counter())
    assert all(total[name] for name in ("exhibit", "cite", "quantity", "kind", "<math>", "<picture>", "<details>"))


def test_anchors_and_links_of_the_text_are_the_same(both):
    """What one could link to can be linked to, and every link of ours leads to the same place."""
    ours, theirs = map(written, both)

    def places(address, page):
        here = "https://site/" + address.removesuffix("index.html")
        return [urljoin(here, link) for link in page.links if not link.startswith("#__")]

    for address, page in ours.items():
        assert not {a for a in page.anchors if not a.startswith("__")} - theirs[address].anchors, address
        assert places(address, page) == places(address, theirs[address]), address


def test_every_file_that_a_page_needs_is_where_it_looks(other_folder):
    """Pictures, data, styles and pages, also by the addresses that only the site's own script reads."""
    missing = []
    for path in other_folder.rglob("index.html"):
        text = path.read_text(encoding="utf-8")
        here = "https://site/" + path.relative_to(other_folder).as_posix().removesuffix("index.html")
        for target in re.findall(r'(?:href|src|srcset|data-spec)="([^"\s]+)', text):
            address = urlsplit(urljoin(here, unescape(target)))
            if address.netloc != "site":
                continue
            file = other_folder / unquote(address.path).lstrip("/")
            if not (file / "index.html" if file.is_dir() else file).is_file():
                missing.append((here, target))

    assert missing == []


def test_notebooks_show_their_code_and_what_it_put_out(other_folder):
    """Every line of code and every output of the executed notebook."""
    for name, text in zensical_notebooks.render(ROOT).items():
        page = Article((other_folder / name.removesuffix(".md") / "index.html").read_text(encoding="utf-8"))
        shown = "".join(page.words)
        for block in re.findall(r"^```+(?:python|text)\n(.*?)^```+$", text, re.MULTILINE | re.DOTALL):
            assert "".join(block.split()) in shown
        assert "Download" in page.words


def test_everything_that_pages_load_is_published(other_folder):
    """Styles, script, pictures and data of figures, runs."""
    files = {path.relative_to(other_folder).as_posix() for path in other_folder.rglob("*") if path.is_file()}

    assert {"assets/site.css", "assets/figures.js", "assets/live.js", "assets/plotly-attnsite.min.js"} <= files
    assert any(file.startswith("figures/") and file.endswith("-wide.svg") for file in files) or not any(
        "-wide.svg" in path.read_text(encoding="utf-8") for path in other_folder.rglob("index.html")
    )
    assert any(file.startswith("results/epyc_2core/") for file in files)


def test_heads_and_policy_are_the_same_but_for_the_themes_own_scripts(site_folder, other_folder):
    """Addresses, pictures, data for search engines and what is beside the pages; scripts by hashes alone."""
    said = re.compile(
        r'<meta property="og:[^>]*>|<link rel="(?:canonical|alternate) ?[^>]*>|<script type="application/ld[^<]*'
    )
    for path in site_folder.rglob("questions/*/*/index.html"):
        theirs = other_folder / path.relative_to(site_folder)
        assert said.findall(path.read_text(encoding="utf-8")) == said.findall(theirs.read_text(encoding="utf-8"))
        assert {file.name for file in path.parent.iterdir()} == {file.name for file in theirs.parent.iterdir()}
    [rules] = {re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)', page.read_text(encoding="utf-8"))[1]
               for page in other_folder.rglob("*.html")}  # fmt: skip
    assert not re.search(r"unsafe|https?:", rules)
    for name in ("sources.bib", "llms.txt", "feed.xml", "robots.txt", "_headers"):
        assert (site_folder / name).read_bytes() == (other_folder / name).read_bytes()


def test_what_differs_is_told_to_whoever_changes_over():
    """README has the list, so that the day Material ends brings no surprise."""
    told = (ROOT / "README.md").read_text(encoding="utf-8")

    for what, why in zensical.DIFFERENCES.items():
        assert f"| {what} | {why} |" in told
