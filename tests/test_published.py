"""What programs read: heads, data, bibliography, feed, maps and Markdown; all of it says what the pages say."""

import datetime
import html
import json
import re
import struct
import xml.etree.ElementTree as etree
import zlib
from html import unescape
from urllib.parse import urljoin

import jsonschema
import pytest
import yaml
from pybtex.database import parse_string

from attnsite.content.questions import Cite, Number, load_questions, marks
from attnsite.content.sources import load_sources, plain
from attnsite.site import about, addresses
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.builders import finish
from attnsite.site.exports import atom, bibtex, bundle, html_head, json_ld, plain_markdown
from attnsite.site.figures import social_cards
from attnsite.site.pages import render as pages
from tests import checkouts
from tests.conftest import ROOT

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
SITE = "https://attnsite.example/"


@pytest.fixture(scope="module")
def files():
    return bundle.files(Answers.load(ROOT))


@pytest.fixture(scope="module")
def questions():
    return load_questions(ROOT)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path)
    checkouts.put(root, "mkdocs.yml", f"site_name: Squares\nsite_description: On squares.\nsite_url: {SITE}\n")
    checkouts.put(root, "CITATION.cff", "authors: [{name: The square authors}]\nlicense: MIT\n")
    return root


def built(site_folder):
    """Every page of the built site, by its address below the root."""
    return {
        finish.address(path.relative_to(site_folder).as_posix()): path.read_text(encoding="utf-8")
        for path in site_folder.rglob("index.html")
    }


def there(site_folder, address):
    """Whether an absolute address of ours leads to a file that was built."""
    assert address.startswith(SITE), address
    file = site_folder / address.removeprefix(SITE).partition("#")[0]
    return (file / "index.html" if file.is_dir() else file).is_file()


# --- pictures --------------------------------------------------------------------------------------------------


def test_the_first_picture_is_fetched_at_once_and_no_other():
    """Where it stands above the first section; the same again changes nothing."""
    picture = '<div class="exhibit-stage"><picture><source srcset="a"><img src="a" loading="lazy"></picture></div>'
    top, below = f"<h1>A</h1>{picture}{picture}<h2>B</h2>{picture}", f"<h1>A</h1><h2>B</h2>{picture}"
    done = finish.at_once(top)

    assert [word in done[: done.index("<h2")] for word in ('"eager"', '"lazy"')] == [True, True]
    assert done.count('"eager"') == 1
    assert done.index('"eager"') < done.index('"lazy"')
    assert finish.at_once(done) == done
    assert finish.at_once(below) == below


# --- heads -----------------------------------------------------------------------------------------------------


def test_every_head_says_where_the_page_is_and_what_it_shows(site_folder):
    """One canonical address, the same for those who share it; a title, a description, and a picture that is there."""
    for address, text in built(site_folder).items():
        head = text.partition("</head>")[0]

        def said(name, head=head):
            [found] = re.findall(rf'<meta property="{name}" content="([^"]*)">', head)
            return unescape(found)

        [canonical] = re.findall(r'<link rel="canonical" href="([^"]*)">', head)
        assert canonical == said("og:url") == SITE + address
        assert said("og:title")
        assert said("og:title") in unescape(re.search("<title>(.*?)</title>", head)[1])
        assert len(said("og:description")) > 20, address
        assert said("og:image:alt")
        assert there(site_folder, said("og:image"))
        image = (site_folder / said("og:image").removeprefix(SITE)).read_bytes()
        assert struct.unpack(">II", image[16:24]) == (int(said("og:image:width")), int(said("og:image:height")))
        assert '<meta name="twitter:card" content="summary_large_image">' in head
        for link in re.findall(r'<link rel="alternate[^>]*href="([^"]*)"', head):
            assert there(site_folder, urljoin(SITE + address, link)), (address, link)
        assert not re.findall(r'<link rel="alternate"', head)  # the theme would ask for another language's map
    for name in ("canonical", "og:url"):
        assert name not in (site_folder / "404.html").read_text(encoding="utf-8")


def test_search_engines_find_the_question_its_answer_and_its_sources(site_folder, questions):
    """With the properties that they ask for; the answer is that of the page, and every address is there."""
    found = built(site_folder)
    for question in questions:
        text = found[addresses.address(path_of(question))]
        [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
        data = json.loads(block)
        assert len(block) < 9000
        assert data["@type"] == "TechArticle"
        assert 0 < len(data["headline"]) <= json_ld.HEADLINE
        assert data["author"]["name"] == about.read(ROOT).authors[0]
        assert datetime.date.fromisoformat(data["datePublished"]) <= datetime.date.fromisoformat(data["dateModified"])
        assert data["mainEntity"]["name"] == (question.question or question.title)
        answer = re.sub(r"<[^>]*>|\s", "", re.search(r'<p class="answer">(.*?)</p>', text, re.DOTALL)[1])
        said = re.sub(r"\s", "", data["mainEntity"]["acceptedAnswer"]["text"])
        assert said == re.sub(r"\[\d.*?\]", "", unescape(answer)) or "$" in question.answer
        cited = {key for mark in marks(question.body) if isinstance(mark, Cite) for key in mark.keys}
        assert len(data["citation"]) >= len(cited)
        assert all(each["url"].startswith("https://") or each["url"].startswith("http://") for each in data["citation"])
        assert there(site_folder, data["image"])
        assert there(site_folder, data["url"])


def test_runs_are_data_sets(site_folder):
    """One for each machine, with what a search for data asks of it, and a download that is there for each run."""
    [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', built(site_folder)["machines/"])
    sets = json.loads(block)["@graph"]

    machines = {path.name for path in (ROOT / "docs" / "results").iterdir()}
    assert len(sets) == len(machines)
    for each in sets:
        assert each["@type"] == "Dataset"
        assert 50 <= len(each["description"]) <= 5000
        assert each["license"].startswith("https://")
        assert all(there(site_folder, file["contentUrl"]) for file in each["distribution"])
    assert sum(len(each["distribution"]) for each in sets) == len(list((ROOT / "docs/results").glob("*/*.json")))


def test_the_map_has_every_page_once(site_folder):
    """And nothing else; a question's day is that of its last check."""
    found = etree.parse(site_folder / "sitemap.xml").getroot()
    places_of = [each.findtext(f"{MAP}loc") for each in found]
    days = [each.findtext(f"{MAP}lastmod") for each in found if each.findtext(f"{MAP}lastmod")]

    assert sorted(places_of) == sorted(SITE + address for address in built(site_folder))
    assert len(days) == len(load_questions(ROOT))
    assert f"Sitemap: {SITE}sitemap.xml" in (site_folder / "robots.txt").read_text()


@pytest.mark.parametrize("url", ["https://example.org", "https://example.org/below/it/"])
def test_the_place_of_publication_is_said_once(checkout, monkeypatch, url):
    """One variable moves every absolute address, under a sub-path too; without any there is no feed and no map."""
    checkouts.put(checkout, "mkdocs.yml", 'site_name: S\nsite_url: !ENV [SITE_URL, "https://other.example/"]\n')
    monkeypatch.setenv("SITE_URL", url)
    site = about.read(checkout)
    made = bundle.files(Answers.load(checkout))
    told = json.loads(made["questions/shapes/area/index.json"])
    head = html_head.dressed(
        "<head><title>T</title></head>", "questions/shapes/area/", site, html_head.About(question=True)
    )

    root = url.rstrip("/") + "/"
    assert told["url"] == f"{root}questions/shapes/area/"
    assert f'<link rel="canonical" href="{root}questions/shapes/area/">' in head
    assert f"{root}sitemap.xml" in made["robots.txt"]
    assert "other.example" not in json.dumps({name: text for name, text in made.items() if isinstance(text, str)})
    monkeypatch.setenv("SITE_URL", "")
    bare = bundle.files(Answers.load(checkout))
    assert atom.FILE not in bare
    assert "Sitemap" not in bare["robots.txt"]
    assert "canonical" not in html_head.dressed("<head></head>", "", about.read(checkout), html_head.About())


def test_a_build_says_in_a_line_what_it_lacks_an_address_for(checkout, monkeypatch):
    """Unless one was said, by variable or in the configuration; it says which one is written in its place."""
    config = 'site_name: S\nsite_url: !ENV [SITE_URL, "https://attnsite.example/"]\n'
    checkouts.put(checkout, "mkdocs.yml", config)
    monkeypatch.delenv("SITE_URL", raising=False)
    said = about.unsaid(about.read(checkout))
    assert said.startswith("SITE_URL is not set: ")
    assert "say https://attnsite.example/." in said
    assert "\n" not in said
    monkeypatch.setenv("SITE_URL", "")
    assert "are left out." in about.unsaid(about.read(checkout))
    monkeypatch.setenv("SITE_URL", "https://somebody.github.io/heads/")
    assert about.unsaid(about.read(checkout)) == ""
    monkeypatch.delenv("SITE_URL")
    checkouts.put(checkout, "mkdocs.yml", "site_name: S\nsite_url: https://heads.org/\n")
    assert about.unsaid(about.read(checkout)) == ""


def test_scripts_are_published_without_their_authors_remarks(site_folder):
    """What a line says to who writes them is no reader's to load; every other line is there, and the library whole."""
    scripts = [path for path in (ROOT / "docs" / "assets").glob("*.js") if not path.name.endswith(".min.js")]
    assert len(scripts) > 8
    for script in scripts:
        written, published = (path.read_text(encoding="utf-8").splitlines()
                              for path in (script, site_folder / "assets" / script.name))  # fmt: skip
        remarks = [line.lstrip().startswith(("//", "/*")) for line in published]
        assert not any(remarks), script.name
        rest = iter(written)  # in the same order
        for line in published:
            assert any(re.sub(r"\s+// .*", "", other) == re.sub(r"\s+// .*", "", line) for other in rest), line
        assert len(published) < len(written), script.name
    for name in ("site.css", "live.css", "play.css", "heads.css"):
        written, published = ((folder / "assets" / name).read_text(encoding="utf-8")
                              for folder in (ROOT / "docs", site_folder))  # fmt: skip
        assert "/*" in written
        assert "/*" not in published
        rules = [" ".join(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).split()) for text in (written, published)]
        whole, _, once_more = rules[1].partition(" @media screen and (scripting: none)")
        assert rules[0] == whole, name
        assert bool(once_more) == (name == "site.css")  # the colours of a dark page, for where no script runs
    whole = "plotly-attnsite.min.js"
    assert (site_folder / "assets" / whole).read_bytes() == (ROOT / "docs" / "assets" / whole).read_bytes()


def test_what_a_builder_wrote_into_the_head_is_replaced():
    """Another theme has ideas of its own about shared links: each thing is said once."""
    theirs = ('<head>\n<title>T - S</title>\n<link rel="canonical" href="x">\n<meta property="og:title" content="y">\n'
              '<meta name="twitter:card" content="z">\n<script type="application/ld+json">{}</script>'
              "\n</head>")  # fmt: skip
    site = about.Site("S", "On squares.", SITE, "", "", ("A",), "MIT")
    once = html_head.dressed(theirs, "a/", site, html_head.About())

    assert html_head.dressed(once, "a/", site, html_head.About()) == once
    assert [once.count(each) for each in ('rel="canonical"', '"og:title"', '"twitter:card"')] == [1, 1, 1]
    assert '<meta property="og:title" content="T">' in once


# --- a question's data -----------------------------------------------------------------------------------------


def test_data_are_as_the_schema_and_the_page_about_it_say(files, questions):
    """Every file; and the page names the fields that there are, no more and no fewer."""
    schema = json.loads((ROOT / "docs" / "assets" / "question.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for question in questions:
        jsonschema.validate(json.loads(files[f"{addresses.address(path_of(question))}index.json"]), schema)
    page = (ROOT / "docs" / "reuse.md").read_text(encoding="utf-8").partition("## A question's data")[2]
    rows = re.findall(r"^\| (`.*?) \|", page.partition("## ")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(schema["properties"])


def test_data_say_what_the_page_says(files, questions, site_folder):
    """Claims in order with their numbers and states, the figures that the page shows, and addresses that are there."""
    for question in questions:
        place = addresses.address(path_of(question))
        data = json.loads(files[f"{place}index.json"])
        page = (site_folder / place / "index.html").read_text(encoding="utf-8")
        assert [claim["kind"] for claim in data["claims"]] == [claim.kind for claim in question.claims]
        shown = set(re.findall(r'id="figure-(\w+?)(?:-again)?"', page))
        told = {each["figure"] for each in data["figures"]}
        experiments = {name: Answers.load(ROOT).figure(name).EXPERIMENT for name in shown}
        assert told == {n for n in shown if list((ROOT / "docs/results").glob(f"*/{experiments[n]}.json"))}
        quoted = re.findall(r'<a class="quantity is-(\w+)" href="[^"]*"[^>]*>([^<]*)</a>', page)
        for claim, made in zip(data["claims"], question.claims, strict=True):
            numbers = [grounds for grounds in claim["rests_on"] if "figure" in grounds]
            assert len(claim["rests_on"]) == sum(1 if isinstance(m, Number) else len(m.keys) for m in made.marks)
            for number in numbers:
                assert (number["state"], number["text"]) in {(state, unescape(text)) for state, text in quoted}
                assert number["text"] in claim["text"]
                assert there(site_folder, number["run"])
        for each in data["figures"]:
            assert all(there(site_folder, each[name]) for name in ("csv", "json", "run"))
            assert each["svg"] is None or there(site_folder, each["svg"])
        keys = re.findall(r'<li id="source-(\w+)"', page)
        assert {source["key"] for source in data["sources"]} == set(keys)
    assert len(json.loads(files["questions/index.json"])["questions"]) == len(questions)


# --- bibliography ----------------------------------------------------------------------------------------------


def test_the_bibliography_holds_every_source_as_its_file_does(files):
    """Read by pybtex, written and read again: the same entries, field by field."""
    whole = parse_string(files["sources.bib"], "bibtex")

    assert set(whole.entries) == set(load_sources(ROOT))
    for key, source in load_sources(ROOT).items():
        own = parse_string((ROOT / source.path).read_text(encoding="utf-8"), "bibtex").entries[key]
        assert whole.entries[key] == own
    assert parse_string(whole.to_string("yaml"), "yaml") == whole  # its BibTeX writer would escape TeX once more


@pytest.mark.parametrize("title", ["How large?", r"50 % of $x_1$ & {a} \b #1?", "Wie groß ist ein „Quadrat“?"])
def test_a_page_is_cited_by_an_entry_that_bibtex_reads(checkout, title):
    """Title, authors, address and day, whatever stands in the title."""
    quoted = "'" + title.replace("'", "''") + "'"
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(title=quoted))
    [question] = load_questions(checkout)
    known, site = Answers.load(checkout), about.read(checkout)
    entry = bibtex.entry(known.checked(question), site)
    [(key, read)] = parse_string(entry, "bibtex").entries.items()

    assert key == "attnsite2026area"
    assert "The square authors" in str(read.persons["author"][0])
    typed = title.replace("{", "(").replace("}", ")").replace("\\", "/")
    assert plain(re.sub(r"\\([%&#$_])", r"\1", read.fields["title"]).replace("$", "")) == typed.replace("$", "")
    assert read.fields["url"] == f"{SITE}questions/shapes/area/"
    assert read.fields["year"] == "2026"
    assert entry.replace("\n", "\n    ") in pages.render(Answers.load(checkout))["questions/shapes/area.md"]


# --- feed ------------------------------------------------------------------------------------------------------


def test_the_feed_is_one_as_rfc_4287_asks(files, questions):
    """Identifiers, titles, dates with their zone, authors and links, each where and as often as it must be."""
    root = etree.fromstring(files[atom.FILE])
    time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert root.tag == f"{ATOM}feed"
    for each in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(each.findall(ATOM + name)) == 1, name
            assert each.findtext(ATOM + name)
        assert time.fullmatch(each.findtext(f"{ATOM}updated"))
        assert len([link for link in each.findall(f"{ATOM}link") if link.get("rel") == "alternate"]) == 1
        assert all(link.get("href").startswith(SITE) for link in each.findall(f"{ATOM}link"))
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    assert [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"] == [
        f"{SITE}feed.xml"
    ]
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == len({entry.findtext(f"{ATOM}id") for entry in entries}) == len(questions)
    dates = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert dates == sorted(dates, reverse=True)
    assert root.findtext(f"{ATOM}updated") == dates[0]
    assert all(entry.findtext(f"{ATOM}published") <= entry.findtext(f"{ATOM}updated") for entry in entries)
    assert not re.search(r"\[[@=]", files[atom.FILE])


def entry_of(root):
    return etree.fromstring(bundle.files(Answers.load(root))[atom.FILE]).find(f"{ATOM}entry")


def test_an_answer_comes_again_when_it_is_measured_again(checkout, monkeypatch):
    """By the day in the run's file, by a source that is opened again, and by nothing that a build does."""
    question = checkouts.question(body="[=squares.largest laptop] [@doe2020squares]", more="asked: 2026-01-01\n")
    checkouts.put(checkout, "docs/questions/shapes/area.md", question)
    first = entry_of(checkout)
    assert first.findtext(f"{ATOM}published") == "2026-01-01T00:00:00Z"
    assert first.findtext(f"{ATOM}updated") == "2026-01-02T03:04:05Z"

    checkouts.put_run(checkout, "this_build")
    checkouts.put_run(checkout, "elsewhere")  # which the page does not quote
    assert etree.tostring(entry_of(checkout)) == etree.tostring(first)

    path = checkout / "docs/results/laptop/squares.json"
    path.write_text(path.read_text().replace("2026-01-02T03:04:05Z", "2026-03-04T05:06:07+02:00"))
    assert entry_of(checkout).findtext(f"{ATOM}updated") == "2026-03-04T03:06:07Z"
    assert "Measured again on 4 March 2026" in entry_of(checkout).findtext(f"{ATOM}summary")

    source = (checkout / "docs/sources/doe2020squares.bib").read_text()
    opened = source.replace("checked = {text read}", "checked = {text read},\n  urldate = {2026-05-06}")
    checkouts.put(checkout, "docs/sources/doe2020squares.bib", opened)
    assert entry_of(checkout).findtext(f"{ATOM}updated") == "2026-05-06T00:00:00Z"


# --- Markdown --------------------------------------------------------------------------------------------------


def test_llms_txt_is_as_its_description_asks(files, questions, site_folder):
    """A title, a quotation, sections of links with a word on each; all lead somewhere, and every question is there."""
    text = files["llms.txt"]
    lines = [line for line in text.split("\n") if line]
    assert re.match(r"# \S", lines[0])
    assert lines[1].startswith("> ")
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)(?:: \S.*)$", text, re.MULTILINE)
    assert len(links) == len([line for line in lines if line.startswith("- ")])
    assert all(there(site_folder, link) for link in links)
    assert len([link for link in links if link.endswith("/index.md")]) == len(questions)
    assert lines[[n for n, line in enumerate(lines) if line.startswith("## ")][-1]] == "## Optional"


def test_a_description_has_every_number_of_the_answer(questions, site_folder):
    """What a search engine or a link's preview shows: without its numbers a sentence can say the opposite."""
    for question in questions:
        text = (site_folder / addresses.address(path_of(question)) / "index.html").read_text(encoding="utf-8")
        told = html.unescape(re.search(r'<meta name="description" content="([^"]*)"', text)[1])
        answer = html.unescape(re.sub(r"<[^>]+>", "", re.search(r'<p class="answer">(.*?)</p>', text, re.DOTALL)[1]))

        assert re.findall(r"\d+", told) == re.findall(r"\d+", re.sub(r"\[\d[^\]]*\]", "", answer)), question.slug


def test_a_question_as_markdown_has_no_marks_left(files, questions, site_folder):
    """Numbers and citations are words, figures are told, problems unfolded, links whole; llms-full.txt has them all."""
    for question in questions:
        text = (site_folder / addresses.address(path_of(question)) / "index.md").read_text(encoding="utf-8")
        prose = re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
        assert text.startswith(f"# {question.title}\n")
        assert not re.search(r"\[[@=]\w|^```figure|^\?\?\?", prose, re.MULTILINE)
        assert all(there(site_folder, link) for link in re.findall(rf"\]\(({SITE}[^)]*)\)", prose))
        assert not re.findall(r"\]\((?!https?:)[^)]*\.md", prose)
        for problem in question.problems:
            assert f"**{problem.title}**" in text
        assert text in files["llms-full.txt"]


def test_a_figure_in_words_and_a_problem_unfolded(checkout):
    """What a reader of the Markdown gets in their place."""
    body = ('```figure\nsquares\n```\n\nSee [the rule](../../method.md#a) and [@doe2020squares §1; @roe2021cubes].\n\n'
            '??? question "How many?"\n\n    [=squares.largest].\n\n    ```python\n    1\n    ```\n\nEnd.')  # fmt: skip
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(body=body))
    [question] = load_questions(checkout)
    known = Answers.load(checkout)
    text = plain_markdown.question(known.checked(question), known, about.read(checkout))

    assert "**Figure: The square of 30 is 900.** Compare `side` with area. A line from 1 to 900." in text
    assert f"[the rule]({SITE}method/#a) and (Doe 2020, §1; Roe and Doe 2021)" in text
    assert "**How many?**\n\n900.\n\n```python\n1\n```\n\nEnd." in text


# --- the end of a page -----------------------------------------------------------------------------------------


def test_questions_lead_on_to_one_another(questions):
    """From all questions through each of them and back, in the order of the menu, and never out of them."""
    made = pages.render(Answers.load(ROOT))
    listed = [path_of(question) for question in questions]
    ends = ["questions/index.md", *listed, "questions/index.md"]
    for at, path in enumerate(listed, 1):
        for way, goal in (("prev", ends[at - 1]), ("next", ends[at + 1])):
            [found] = re.findall(rf'rel="{way}" href="([^"]*)"', made[path])
            assert urljoin(SITE + addresses.address(path), found) == SITE + addresses.address(goal)
        assert yaml.safe_load(made[path].split("---\n")[1])["hide"] == ["footer"]  # it would name pages by the menu


def test_a_page_can_be_edited_where_a_repository_is_known(checkout, monkeypatch):
    """Else it names its file, which is true of any copy."""
    path = "questions/shapes/area.md"
    assert f"This page's source is <code>docs/{path}</code>" in pages.render(Answers.load(checkout))[path]
    assert 'rel="edit"' not in pages.render(Answers.load(checkout))[path]
    checkouts.put(checkout, "mkdocs.yml", 'site_name: S\nrepo_url: !ENV [REPO_URL, ""]\n')
    monkeypatch.setenv("REPO_URL", "https://github.com/someone/attnsite")

    address = f"https://github.com/someone/attnsite/edit/main/docs/{path}"
    assert f'<a href="{address}" rel="edit">' in pages.render(Answers.load(checkout))[path]


def test_a_page_says_when_it_was_last_checked(checkout):
    """The newest run that it quotes, with the states of all, and its sources; no line where there is neither."""
    path = "docs/questions/shapes/area.md"
    checkouts.put(checkout, path, checkouts.question(body="[=squares.largest old] [@doe2020squares]"))
    [question] = load_questions(checkout)
    told = "2 runs and counts, the newest of 2 January 2026, 1 with an earlier version of the code."
    assert Answers.load(checkout).checked(question).told == told
    source = (checkout / "docs/sources/doe2020squares.bib").read_text()
    opened = source.replace("text read}", "text read},\n  urldate = {2026-01-02}")
    checkouts.put(checkout, "docs/sources/doe2020squares.bib", opened)
    assert Answers.load(checkout).checked(question).told == f"{told} Sources read 2 January 2026 (1 of 1)."
    assert "the newest of 2 January" in pages.render(Answers.load(checkout))["questions/shapes/area.md"]
    bare = re.sub("  - counted.*\n", "  []\n", checkouts.question(answer="Twice.", body="Nothing."))
    checkouts.put(checkout, path, bare)
    [question] = load_questions(checkout)
    assert Answers.load(checkout).checked(question).told == ""


def test_no_day_of_this_checkout_lies_ahead(questions):
    """The feed and the pages rest on them: each question has one, and what was not opened has none."""
    ahead = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).date().isoformat()
    for question in questions:
        assert "2026-01-01" < Answers.load(ROOT).checked(question).asked <= ahead, question.path
    for source in load_sources(ROOT).values():
        assert source.checked != "not re-read" or not source.read, source.key
        assert source.read <= ahead


# --- cards -----------------------------------------------------------------------------------------------------


def png(size, filtered):
    """A picture of one colour channel, as a browser might write it."""

    def chunk(kind, held):
        return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))

    held = zlib.compress(filtered, 1)
    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", held[:5]), (b"IDAT", held[5:]), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_a_packed_picture_is_the_same_picture():
    """Its pixels and its size, in no more bytes, and whole to its end."""
    pixels = b"".join(b"\x00" + bytes(n % 7 for n in range(row, row + 64)) for row in range(64))
    given = png((64, 64), pixels)
    small = social_cards.packed(given)

    assert small[:33] == given[:33]
    [held] = re.findall(rb"IDAT(.*)\x00\x00\x00\x00IEND", small, re.DOTALL)
    assert zlib.decompress(held[:-4]) == pixels
    assert len(small) <= len(given)
    assert social_cards.packed(small) == small


@pytest.mark.parametrize("title", ["Short?", "Why " + "is it so very long " * 14 + "?", "W" * 200])
@pytest.mark.parametrize("answer", ["Yes.", "Because it is so. " * 40])
def test_no_line_of_a_card_leaves_it(title, answer):
    """However long title and answer are, they stay above the foot and between the margins."""
    notes = social_cards.card(title, answer, "The site")["layout"]["annotations"]
    for note, below in zip(notes, [*notes[1:], None], strict=True):
        lines = re.sub("</?b>", "", note["text"]).split("<br>")
        size = note["font"]["size"]
        assert max(map(len, lines)) * size * social_cards._EM <= social_cards.WIDTH - 2 * social_cards._MARGIN
        assert note["y"] + len(lines) * size * 1.2 <= (below["y"] if below else social_cards.HEIGHT)


def test_cards_are_drawn_with_the_figures_and_a_missing_one_is_the_common_one(checkout, tmp_path, monkeypatch):
    """The order goes to the browser in the same visit; without a browser the page names the card that is committed."""
    from attnsite.site.figures import renderer, svg

    visits = []
    monkeypatch.setattr(renderer, "write", lambda orders, options, folder: visits.append(orders) or "no browser today")
    monkeypatch.setattr(svg, "_said", True)
    monkeypatch.setenv("CHROMIUM", "/bin/sh")
    assert not [path for path in pages.published(Answers.load(checkout)) if path.endswith("card.png")]
    [orders] = visits
    assert {order["path"].suffix for order in orders} == {".svg", ".png"}
    site = checkout / "site"
    checkouts.put(site, "questions/shapes/area/index.html", "<html><head><meta charset=utf-8></head></html>")
    finish.finish(Answers.load(checkout), site)

    text = (site / "questions/shapes/area/index.html").read_text(encoding="utf-8")
    assert f'<meta property="og:image" content="{SITE}assets/card.png">' in text
    assert (ROOT / "docs" / social_cards.DEFAULT).read_bytes()[16:24] == struct.pack(
        ">II", social_cards.WIDTH, social_cards.HEIGHT
    )
