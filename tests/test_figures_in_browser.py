"""What a reader does with a figure, in a real browser, on a small site with runs of two machines."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from urllib.parse import urljoin

import pytest

from tests.conftest import ROOT, serve

pytestmark = pytest.mark.browser
KERNELS, STEPS, THREADS, ROOF = (
    "heads_at_fixed_width_kernels", "heads_at_fixed_width", "threads_by_heads", "roofline")  # fmt: skip
OURS, OTHER = "epyc_2core", "my_laptop"
COUNTED = "parameters_by_heads"
SLOWER = 1.5  # the other machine, in this test


def other_machine(path, machine=OTHER, slower=SLOWER):
    """A committed run as another machine would have made it."""
    data = json.loads(path.read_text(encoding="utf-8"))
    data["machine"] = machine
    for row in data["rows"]:
        for name in ("samples", "warmups"):
            if name in row:
                row[name] = [sample * slower for sample in row[name]]
    return data


@pytest.fixture(scope="session")
def two_machines(tmp_path_factory):
    """The address of a small site under a sub-path: two pages, five figures, two machines."""
    root = tmp_path_factory.mktemp("two")
    for name in ("attnsite", "overrides"):
        (root / name).symlink_to(ROOT / name)
    (root / ".cache" / "attnsite").mkdir(parents=True)
    (ROOT / ".cache" / "attnsite" / "pictures").mkdir(parents=True, exist_ok=True)
    (root / ".cache" / "attnsite" / "pictures").symlink_to(ROOT / ".cache" / "attnsite" / "pictures")
    shutil.copytree(ROOT / "docs" / "assets", root / "docs" / "assets")
    built = root / "site"
    shutil.copy(ROOT / "mkdocs.yml", root)
    committed = ROOT / "docs" / "results"
    for name in ("heads_at_fixed_width", "threads_by_heads", "roofline"):
        (root / "docs" / "results" / OURS).mkdir(parents=True, exist_ok=True)
        (root / "docs" / "results" / OTHER).mkdir(parents=True, exist_ok=True)
        shutil.copy(committed / OURS / f"{name}.json", root / "docs" / "results" / OURS)
        if name != "roofline":
            made = json.dumps(other_machine(committed / OURS / f"{name}.json"))
            (root / "docs" / "results" / OTHER / f"{name}.json").write_text(made, encoding="utf-8")
    (root / "docs" / "results" / "every_machine").mkdir()
    shutil.copy(committed / "every_machine" / f"{COUNTED}.json", root / "docs" / "results" / "every_machine")
    fence = "```figure\n{}\n```\n"
    first = "# First\n\n[To the second](second.md)\n\n" + "".join(map(fence.format, (KERNELS, STEPS, THREADS)))
    second = "# Second\n\n[To the first](index.md)\n\n" + "".join(map(fence.format, (THREADS, ROOF, COUNTED)))
    (root / "docs" / "index.md").write_text(first, encoding="utf-8")
    (root / "docs" / "second.md").write_text(second, encoding="utf-8")
    words = [sys.executable, "-m", "mkdocs", "build", "--no-strict", "--site-dir", str(built)]
    with serve(built) as address:  # before there is anything to serve: the site is told where it is
        # navigation is instant only at the site's own address
        quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT), "SITE_URL": address}
        made = subprocess.run(words, cwd=root, capture_output=True, text=True, env=quiet)
        assert made.returncode == 0, made.stdout + made.stderr
        yield address


@pytest.fixture
def first(two_machines, open_page):
    return open_page(two_machines)


def figure_of(page, name):
    figure = page.locator(f"#figure-{name}")
    figure.scroll_into_view_if_needed()
    return figure


def explore(page, name):
    figure = figure_of(page, name)
    figure.locator(".exhibit-go").click()
    page.wait_for_selector(f"#figure-{name}.is-live")
    return figure


def turn(page):
    """Follow the link to the second page, without loading the site anew."""
    page.evaluate("window.stayed = true")
    page.locator("article a[href*=second]").first.click()
    page.wait_for_url("**/second/**")
    page.wait_for_selector(f"#figure-{ROOF}")
    assert page.evaluate("window.stayed")


def shows(page, name, machine):
    """Wait until a figure's run is that machine's."""
    made = "([n, m]) => document.querySelector(`#figure-${n} [data-text=made]`).textContent.startsWith(m)"
    page.wait_for_function(made, arg=[name, machine])


# --- the machine -----------------------------------------------------------------------------------------------


def test_a_machine_that_is_picked_is_shown_by_every_figure_and_on_the_next_pages(first):
    """All figures that have its run take it; after a link and after loading anew they still do; one without says so."""
    page = first
    figure_of(page, KERNELS).locator("select").select_option(OTHER)
    for name in (KERNELS, STEPS, THREADS):
        shows(page, name, OTHER)
        assert page.locator(f"#figure-{name} select").input_value() == OTHER
        assert f"text quotes {OURS}" in page.locator(f"#figure-{name} .exhibit-note").inner_text()
    turn(page)
    for again in (False, True):
        if again:
            page.reload()
        shows(page, THREADS, OTHER)
        assert f"Not measured on {OTHER}" in figure_of(page, ROOF).locator(".exhibit-note").inner_text()
        assert page.locator(f"#figure-{COUNTED} .exhibit-note").inner_text() == ""
        assert OTHER in page.locator(f"#figure-{THREADS} img").get_attribute("src")

    page.locator(f"#figure-{THREADS}").get_by_role("button", name=f"Back to {OURS}").click()
    shows(page, THREADS, OURS)
    assert page.locator(".exhibit-note:not(:empty)").count() == 0
    assert page.evaluate("localStorage.getItem('attnsite.machine')") is None


FORBIDDEN = """for (const name of ["getItem", "setItem", "removeItem"]) {
  const known = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (key.startsWith("attnsite.")) throw Error("forbidden"); // the theme has none of its own for this
    return known.call(this, key, ...rest);
  };
}"""


def test_a_machine_that_is_gone_or_a_storage_that_is_forbidden_changes_nothing(two_machines, open_page):
    """A remembered machine of which no run is here leaves the figures as built; without storage the picker works."""
    page = open_page(two_machines)
    page.evaluate("localStorage.setItem('attnsite.machine', '<img src=x onerror=alert(1)>')")
    page.reload()
    page.wait_for_function("document.querySelector('.exhibit-note').textContent.includes('Not measured on <img')")
    assert page.locator(".exhibit-note img").count() == 0
    shows(page, KERNELS, OURS)

    page = open_page("about:blank")
    page.add_init_script(FORBIDDEN)
    page.goto(two_machines)
    figure_of(page, KERNELS).locator("select").select_option(OTHER)
    shows(page, STEPS, OTHER)


def test_controls_are_html(two_machines, open_page, first):
    """No chart has a slider or a menu of the chart library; picker and buttons are elements of the page."""
    for name in (KERNELS, THREADS):
        spec = first.request.get(f"{two_machines}figures/{name}/{OURS}.json").json()
        for layout in spec["layouts"].values():
            assert not layout.get("sliders")
            assert not layout.get("updatemenus")
    figure = figure_of(first, KERNELS)
    assert figure.get_by_label("Machine").count() == 1
    names = [button.inner_text() for button in figure.locator(".exhibit-acts button").all()]
    assert names == ["Explore", "Run it here", "Full screen", "Copy link"]


def test_a_chart_offers_to_send_nothing_to_anybody(first):
    """The chart library's own button for sharing, which uploads, is not there."""
    figure = explore(first, KERNELS)
    titles = [button.get_attribute("data-title") for button in figure.locator(".modebar-btn").all()]

    assert titles == ["Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"]


def test_a_page_that_was_left_is_let_go(first):
    """The theme keeps hold of what it replaced: nothing is in it any more, and the page that came is whole."""
    page = first
    explore(page, KERNELS)
    page.evaluate("window.left = document.querySelector('[data-md-component=container]')")
    turn(page)
    page.wait_for_function("!window.left.isConnected && window.left.querySelectorAll('*').length === 0")
    assert figure_of(page, ROOF).is_visible()
    page.go_back()
    page.wait_for_selector(f"#figure-{KERNELS} img")


# --- link, full screen -----------------------------------------------------------------------------------------


def test_the_link_to_a_figure_is_copied(two_machines, open_page):
    """The button copies the absolute address of the figure, says so, and the address leads there."""
    page = open_page(two_machines + "?h=heads", permissions=["clipboard-read", "clipboard-write"])
    button = figure_of(page, STEPS).get_by_role("button", name="Copy link")
    button.click()
    page.wait_for_function("document.querySelector('#attnsite-said')?.textContent.includes('copied')")

    address = page.evaluate("navigator.clipboard.readText()")
    assert address == f"{two_machines}#figure-{STEPS}"
    page.goto(address)
    assert page.locator(f"#figure-{STEPS}").evaluate("e => e.matches(':target')")


def full(page, name):
    figure = figure_of(page, name)
    button = figure.get_by_role("button", name="Full screen")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"dialog[open] #figure-{name}.is-live")
    return figure


@pytest.mark.parametrize("fullscreen", [True, False])
def test_a_figure_fills_the_screen_and_comes_back(two_machines, open_page, fullscreen):
    """With the browser's full screen and without it, as on an iPhone: the chart fits, keeps its machine's stamp, Escape
    leaves, focus and place are as before."""
    page = open_page("about:blank")
    if not fullscreen:
        page.add_init_script("delete Element.prototype.requestFullscreen")
    page.goto(two_machines)
    before = page.evaluate("[...document.querySelectorAll('article figure')].map(f => f.id)")
    figure = full(page, STEPS)
    page.wait_for_timeout(300)

    box, stage = (
        figure.locator(".exhibit-live .main-svg").first.bounding_box(),
        figure.locator(".exhibit-stage").bounding_box(),
    )
    assert abs(box["width"] - stage["width"]) < 4
    assert abs(box["height"] - stage["height"]) < 4
    assert stage["width"] > 1000
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert OURS in figure.locator(".exhibit-live .annotation-text", has_text="commit").text_content()
    for _ in range(8):
        page.keyboard.press("Tab")
        outside = "!!document.activeElement?.closest('body *') && !document.activeElement.closest('dialog')"
        assert not page.evaluate(outside)
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('dialog') && !document.fullscreenElement")
    assert page.evaluate("[...document.querySelectorAll('article figure')].map(f => f.id)") == before
    assert page.evaluate("document.activeElement.textContent") == "Full screen"
    assert page.locator(f"#figure-{STEPS} .exhibit-live .main-svg").first.bounding_box()["width"] <= 762


def test_a_phone_held_upright_has_a_full_screen_too(two_machines, open_page):
    """Nothing sticks out at 360 pixels, and the chart is the narrow one."""
    page = open_page(two_machines, viewport={"width": 360, "height": 740})
    figure = full(page, STEPS)
    page.wait_for_timeout(300)

    box = figure.locator(".exhibit-live .main-svg").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 361
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= 360


def test_print_leaves_the_full_screen_and_shows_still_pictures(first):
    """Printing from a full screen with a dropped run gives the page with its light picture and nothing else."""
    page = first
    drop(page, [("heads_at_fixed_width.json", json.dumps(mine()))])
    full(page, KERNELS)
    page.emulate_media(media="print")
    page.wait_for_selector("dialog", state="detached")

    figure = page.locator(f"#figure-{KERNELS}")
    assert figure.locator("img").is_visible()
    for part in (".exhibit-live", ".exhibit-own", ".exhibit-bar"):
        assert figure.locator(part).is_hidden()
    assert page.locator(".own-report").is_hidden()


# --- downloads -------------------------------------------------------------------------------------------------


def test_downloads_are_named_after_figure_and_machine(first):
    """CSV, JSON and SVG, for the machine that is shown; all are there."""
    page, figure = first, figure_of(first, KERNELS)
    figure.locator("select").select_option(OTHER)
    shows(page, KERNELS, OTHER)
    links = figure.locator(".exhibit-origin a[data-ending]")
    assert [link.get_attribute("download") for link in links.all()] == [
        f"{KERNELS}_{OTHER}{ending}" for ending in (".csv", ".json", ".svg")
    ]
    for link in links.all():
        assert page.request.get(urljoin(page.url, link.get_attribute("href"))).ok


def test_a_downloaded_svg_stands_alone(two_machines, first):
    """No variable of a style sheet is left in it, its ground is white, and it is drawn alike in dark mode."""
    text = first.request.get(f"{two_machines}figures/{KERNELS}/{OURS}.svg").text()
    assert "var(" not in text
    assert "color-mix" not in text
    assert "prefers-color-scheme" not in text
    assert '<rect width="100%" height="100%" fill="#ffffff"/>' in text
    assert OURS in text
    assert re.search(r"commit [0-9a-f]{7,}", text)


def png(data):
    """Width, height and the first pixel of a PNG."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colours = struct.unpack(">IIBB", data[16:26])
    assert depth == 8
    packed, at = b"", 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    raw = zlib.decompressobj().decompress(packed, 1 + 4 * 4)
    return width, height, tuple(raw[1:4]), colours


@pytest.mark.parametrize(("scheme", "ground"), [("light", (255, 255, 255)), ("dark", (22, 24, 29))])
@pytest.mark.parametrize("alive", [False, True])
def test_a_png_is_made_in_the_browser(two_machines, open_page, scheme, ground, alive):
    """Twice the size, on the ground of the theme, of picture and live chart, under a name that says what it shows."""
    page = open_page(two_machines, color_scheme=scheme)
    figure = explore(page, KERNELS) if alive else figure_of(page, KERNELS)
    figure.locator(".exhibit-origin summary").click()
    with page.expect_download() as saved:
        figure.get_by_role("button", name="PNG").click()

    assert saved.value.suggested_filename == f"{KERNELS}_{OURS}.png"
    with open(saved.value.path(), "rb") as file:
        data = file.read()
    width, height, pixel, _ = png(data)
    assert (width, pixel) == (1520, ground)
    assert 840 < height < 1400  # the picture, and its title, caption, machine and address
    assert len(data) > 20_000  # a chart, not an empty sheet


# --- linked hover ----------------------------------------------------------------------------------------------


def test_a_point_and_its_row_are_marked_together(first):
    """Pointing at a point marks the row that holds its value, and the same number of heads in the other live chart."""
    page = first
    explore(page, STEPS)
    figure = explore(page, KERNELS)
    figure.locator(".exhibit-data > summary").click()
    points = figure.locator(".exhibit-live .scatterlayer .point")
    points.nth(3).scroll_into_view_if_needed()
    page.wait_for_selector(f"#figure-{KERNELS} tr[tabindex]", state="attached")
    points.nth(3).hover(force=True)

    page.wait_for_selector(f"#figure-{KERNELS} tr.is-marked")
    marked = figure.locator("tr.is-marked").first.inner_text()
    time = figure.locator(".reading-box .is-nearest b").text_content()
    assert re.fullmatch(r"[\d.]+.[mµn]?s", time)
    assert time in marked
    page.wait_for_selector(f"#figure-{STEPS} .shapelayer path", state="attached")
    page.mouse.move(2, 2)
    page.wait_for_selector("tr.is-marked", state="detached")
    page.wait_for_selector(f"#figure-{STEPS} .shapelayer path", state="detached")


def test_rows_are_reached_by_key(first):
    """One stop for Tab, arrows from row to row; the chart shows the row's point, and the row is described."""
    page = first
    figure = explore(page, KERNELS)
    figure.locator(".exhibit-data > summary").click()
    page.wait_for_selector(f"#figure-{KERNELS} tr[tabindex]")
    page.mouse.move(2, 2)
    stops = figure.locator("tr[tabindex='0']")
    assert stops.count() == 1
    stops.focus()
    page.wait_for_selector(f"#figure-{KERNELS} .hoverlayer .hovertext")
    one = figure.locator(".hoverlayer .hovertext").first.text_content()
    page.keyboard.press("ArrowDown")
    other = "([n, t]) => ![undefined, t].includes(document.querySelector(`#figure-${n} .hovertext`)?.textContent)"
    page.wait_for_function(other, arg=[KERNELS, one])
    assert figure.locator("tr[tabindex='0']").count() == 1
    assert page.evaluate("document.activeElement.matches('tr.is-marked')")
    described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
    assert "marked in the chart" in page.locator(f"[id='{described}']").inner_text()


# --- the reader's own run --------------------------------------------------------------------------------------


def mine(experiment="heads_at_fixed_width", **changes):
    """A run as a reader would bring it, half as fast again."""
    return other_machine(ROOT / "docs" / "results" / OURS / f"{experiment}.json", "a_reader", 2.0) | changes


TOLD = "([n, t]) => document.querySelector(`#figure-${n} .exhibit-own`)?.textContent.includes(t)"
DROP = """files => {
  const held = new DataTransfer();
  for (const [name, text] of files)
    held.items.add(new File([text], name, { type: "application/json" }));
  const options = { bubbles: true, cancelable: true, dataTransfer: held };
  const on = document.querySelector("article");
  for (const kind of ["dragover", "drop"]) on.dispatchEvent(new DragEvent(kind, options));
}"""


def drop(page, files):
    page.evaluate("document.querySelector('.own-report')?.remove()")
    page.evaluate(DROP, files)
    page.wait_for_selector(".own-report", timeout=20000)
    return page.locator(".own-report").inner_text()


def test_a_dropped_run_is_drawn_beside_ours_and_removed(first):
    """Crosses at twice the time for every point, a table that says so, nothing sent; Remove takes all away."""
    page = first
    sent = []
    page.on("request", lambda request: sent.append(request.method) if request.method != "GET" else None)
    told = drop(page, [("heads_at_fixed_width.json", json.dumps(mine()))])
    assert "heads_at_fixed_width on a_reader" in told
    assert "sent nowhere" in told
    figure = figure_of(page, KERNELS)
    page.wait_for_function(TOLD, arg=[KERNELS, "A cross in the chart"])
    assert "yours takes 2× ours" in figure.locator(".exhibit-own").inner_text()
    spec = page.evaluate(
        "n => { const s = window.attnsite.live.get(document.getElementById(`figure-${n}`)).shown; return s.data; }",
        KERNELS,
    )
    ours = {
        (x, y) for trace in spec if trace.get("name") != "yours" for x, y in zip(trace["x"], trace["y"], strict=True)
    }
    yours = [
        (x, y) for trace in spec if trace.get("name") == "yours" for x, y in zip(trace["x"], trace["y"], strict=True)
    ]
    assert len(yours) > 20
    assert all(any(x == u and abs(y / v - 2) < 1e-4 for u, v in ours) for x, y in yours)
    assert figure.locator(".exhibit-live .scatterlayer .point").count() > len(yours)

    figure.locator(".exhibit-rows summary").click()
    assert figure.locator(".exhibit-rows tbody tr").count() > 40
    assert page.locator(f"#figure-{THREADS} .exhibit-own").count() == 0
    page.locator(f"#figure-{KERNELS}").get_by_role("button", name="Remove your run").click()
    page.wait_for_selector(".exhibit-own", state="detached")
    page.wait_for_function("n => !window.attnsite.live.get(document.getElementById(`figure-${n}`)).shown", arg=KERNELS)
    assert sent == []


def test_a_figure_of_ratios_gets_a_table_and_no_cross(first):
    """What is worked out from several rows is not guessed at."""
    page = first
    drop(page, [("threads_by_heads.json", json.dumps(mine("threads_by_heads")))])
    page.wait_for_function(TOLD, arg=[THREADS, "in the table alone"])

    assert page.locator(f"#figure-{THREADS} .exhibit-rows tbody tr").count() > 10
    assert page.locator(f"#figure-{KERNELS} .exhibit-own").count() == 0


def test_a_dropped_run_stays_through_navigation_and_follows_the_machine(first):
    """It is beside the next page's figures, and beside the machine that is picked, and it can be chosen as a file."""
    page = first
    figure = figure_of(page, THREADS)
    figure.locator(".exhibit-origin summary").click()
    with page.expect_file_chooser() as chooser:
        figure.get_by_role("button", name="Choose your file").click()
    name, text = "threads_by_heads.json", json.dumps(mine("threads_by_heads"))
    chooser.value.set_files({"name": name, "mimeType": "application/json", "buffer": text.encode()})
    page.wait_for_selector(f"#figure-{THREADS} .exhibit-own")
    assert f"beside {OURS}" in page.locator(f"#figure-{THREADS} .exhibit-own").inner_text()
    page.get_by_role("button", name="Close").click()
    turn(page)
    page.wait_for_selector(f"#figure-{THREADS} .exhibit-own")
    figure_of(page, THREADS).locator("select").select_option(OTHER)
    page.wait_for_function(TOLD, arg=[THREADS, f"beside {OTHER}"])
    assert "1.33×" in page.locator(f"#figure-{THREADS} .exhibit-own").inner_text()


EVIL = "<img src=x onerror='window.hacked=1'><a href=\"javascript:hacked=1\">x</a>"


def hostile():
    """Files that are not runs, each with a part of what must be said."""
    good = mine()
    row = good["rows"][-1]
    text = json.dumps(good)
    proto = text.replace('"rows": [', '"__proto__": {"polluted": 1}, "rows": [', 1)
    in_row = text.replace('"rows": [{', '"rows": [{"__proto__": {"polluted": 1}, "constructor": {}, ', 1)
    return [
        ("a.json", "hello", "is not valid JSON"), ("b.json", "", "is empty"),
        ("c.json", text[: len(text) // 2], "ends in the middle"),
        ("d.json", "[1, 2]", "is not a run"), ("e.json", json.dumps({"format": 99}), "newer than the 3"),
        ("f.json", json.dumps(good | {"experiment": EVIL}), "an experiment that this site does not have"),
        ("g.json", proto, "__proto__ is not a field"), ("h.json", in_row, "row 1.__proto__ is not a field"),
        ("i.json", text.replace('"samples": [', '"samples": [NaN, ', 1), "is not valid JSON"),
        ("j.json", json.dumps(good | {"rows": [row | {"samples": [-1.0, 1e300]}]}), "not a valid measurement"),
        ("p.json", json.dumps(good | {"rows": [row | {"samples": [0.0, 0.0]}]}), "a time of 0, which no call takes"),
        ("k.json", json.dumps(good | {"rows": [row | {"case": {"deep": [[[[1]]]]}}]}), "holds what runs do not hold"),
        ("l.json", "[" * 100_000 + "]" * 100_000, "is not a run"),
        ("m.json", json.dumps(good | {"machine": EVIL}), "machine is no name"),
        ("n.json", json.dumps(good | {"rows": [{"case": row["case"], "skipped": "no"}]}), "without the other"),
        (EVIL, json.dumps({"format": 1}), "experiment is missing"),
        ("o.json", json.dumps(good | {"kind": "count"}), "is a timing"),
    ]  # fmt: skip


def test_a_file_that_is_no_run_is_refused_in_a_clear_line(first):
    """All mistakes at once, in text: nothing of a file becomes an element, a property or a number of ours."""
    page = first
    for name, text, what in hostile():
        told = drop(page, [[name, text]])
        assert what in told, (name, told)
        assert "<img" not in name or name[:40] in told
    together = drop(page, [[name, text] for name, text, _ in hostile()[:6]])
    assert together.count(".json:") == 6
    assert page.locator(".own-report img, .own-report a, .exhibit-own").count() == 0
    assert page.evaluate("[window.hacked, ({}).polluted, Object.prototype.polluted]") == [None, None, None]


def test_texts_of_a_run_stay_texts(first):
    """Kernel, step, case and day of a run that is otherwise whole are shown as written, and a huge file is not read."""
    page = first
    run = mine()
    for row in run["rows"]:
        if row.get("samples"):
            row["case"] |= {"note": EVIL}
    run["provenance"]["started"] = EVIL
    told = drop(page, [("x.json", json.dumps(run))])
    assert "heads_at_fixed_width" in told
    page.wait_for_selector(f"#figure-{KERNELS} .exhibit-own")
    said = page.locator(f"#figure-{KERNELS} .exhibit-own").inner_text()
    assert "no row of yours" in said
    assert "table" not in said
    assert "0 rows" not in said
    assert page.locator(".exhibit-own img, .exhibit-own a, .own-report img").count() == 0
    assert page.evaluate("window.hacked") is None

    page.evaluate("""() => {
      const held = new DataTransfer();
      held.items.add(new File([new Uint8Array(50 * 2 ** 20)], "huge.json"));
      document.querySelector(".own-report").remove();
      const options = { bubbles: true, cancelable: true, dataTransfer: held };
      document.querySelector("article").dispatchEvent(new DragEvent("drop", options));
    }""")
    page.wait_for_selector(".own-report")
    assert "huge.json: is larger than 4 MiB" in page.locator(".own-report").inner_text()


# --- all of it together ----------------------------------------------------------------------------------------


FEWER = "document.querySelectorAll('tbody tr:nth-child(n + 5)').forEach(row => row.remove())"  # axe looks at each cell


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_this_breaks_accessibility(two_machines, open_page, scheme):
    """axe finds nothing with a machine picked, a run dropped, tables open, on the full screen; 360 px are enough."""
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(two_machines, color_scheme=scheme)
    figure_of(page, KERNELS).locator("select").select_option(OTHER)
    shows(page, KERNELS, OTHER)
    drop(page, [["heads_at_fixed_width.json", json.dumps(mine())], ["bad.json", "{"]])
    page.wait_for_selector(f"#figure-{KERNELS}.is-live")
    page.wait_for_selector(f"#figure-{KERNELS} .exhibit-own")
    page.evaluate("n => document.querySelectorAll(`#figure-${n} details`).forEach(d => { d.open = true; })", KERNELS)
    page.evaluate(FEWER)
    page.wait_for_timeout(200)

    def violations():
        found = Axe().run(page).response["violations"]
        return [(v["id"], [node["html"][:160] for node in v["nodes"]][:3]) for v in found]

    assert violations() == []
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_timeout(300)
    page.wait_for_function("document.documentElement.scrollWidth <= 360")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Close").click()
    full(page, KERNELS)
    page.wait_for_timeout(300)
    assert violations() == []


def test_what_is_not_asked_for_is_not_loaded(first):
    """A page that is only read loads neither chart nor any of the modules."""
    page = first
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(e => e.name.split('/').pop())")

    modules = {path.name for path in (ROOT / "docs" / "assets").glob("*.js")} - {"figures.js"}
    assert {"live.js", "cards.js", "plotly-attnsite.min.js"} < modules
    assert not modules & set(loaded)
    assert not [name for name in loaded if name.startswith("plotly")]
