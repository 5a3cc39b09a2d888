"""A figure is explored: by pointer, finger and key, on any line, in every browser; the picture never jumps."""

import threading

import pytest

from tests.conftest import serve

pytestmark = pytest.mark.browser
LONG = "questions/cost/what_more_heads_cost/"
FIGURE = "#figure-parameters_by_heads"
STATE = f"""() => {{ const f = document.querySelector("{FIGURE}"), go = f.querySelector(".exhibit-go");
  return [go.textContent, f.classList.contains("is-live")]; }}"""
BOX = """which => {
  const e = document.querySelector(which);
  e.closest("figure").scrollIntoView({ block: "center", behavior: "instant" });
  const box = e.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round);
}"""
LIVE = f"() => document.querySelector('{FIGURE}.is-live .main-svg .point')"


def says(text):
    return f"() => document.querySelector('{FIGURE} .exhibit-go').textContent === {text!r}"


@pytest.fixture
def line(site_folder):
    """The site behind a line that can be held and cut: its address, and what holds and cuts it."""

    class Line:
        def __init__(self):
            self.open, self.cut = threading.Event(), False
            self.open.set()

        def __call__(self, path):
            """Whether a file of the charts goes through."""
            if not path.endswith(("live.js", "plotly-attnsite.min.js")) and "/live.js?" not in path:
                return True
            self.open.wait(30)
            return not self.cut

    held = Line()
    with serve(site_folder, lets=held) as address:
        yield address, held
        held.open.set()


def arrive(window, address):
    window.open(address + LONG)
    window.until(f"() => document.querySelector('{FIGURE}[data-seen]')")


def test_a_press_keeps_what_a_pointer_has_woken(drive, site):
    """On the way to the button the pointer rests on the picture: the button says what a press will do."""
    window = drive()
    arrive(window, site)
    window.hover(*window.run(BOX, f"{FIGURE} .exhibit-stage"))
    window.until(LIVE)
    assert window.run(STATE) == ["Explore", True]
    window.click(*window.run(BOX, f"{FIGURE} .exhibit-go"))
    window.until(says("Still picture"))
    assert window.run(STATE) == ["Still picture", True]

    window.click(*window.run(BOX, f"{FIGURE} .exhibit-go"))
    assert window.run(STATE) == ["Explore", False]
    window.hover(*window.run(BOX, f"{FIGURE} .exhibit-stage"))
    window.run("() => new Promise(done => setTimeout(done, 500))")
    assert window.run(STATE) == ["Explore", False]  # who has put it to rest wants the picture


def test_a_press_while_the_pointer_has_it_loading_is_not_lost(drive, line):
    """The press shows at once that it was heard, further ones change nothing, and the chart comes."""
    address, held = line
    window = drive()
    arrive(window, address)
    held.open.clear()
    window.hover(*window.run(BOX, f"{FIGURE} .exhibit-stage"))
    window.until(f"() => document.querySelector('{FIGURE}[aria-busy]')")
    assert window.run(STATE) == ["Explore", False]
    place = window.run(BOX, f"{FIGURE} .exhibit-go")
    for _ in range(3):
        window.click(*place)
        assert window.run(STATE) == ["Loading…", False]
        assert window.run(BOX, f"{FIGURE} .exhibit-go") == place
    held.open.set()
    window.until(LIVE)
    window.until(says("Still picture"))


def test_a_tap_on_the_picture_is_seen_at_once(drive, line):
    """Where the button may be out of sight: the picture fades, the button says that it loads, and the chart comes."""
    address, held = line
    window = drive(touch=True)
    window.size(390, 844)
    arrive(window, address)
    held.open.clear()
    window.tap(*window.run(BOX, f"{FIGURE} .exhibit-stage"))
    window.until(says("Loading…"))
    window.until(f"() => getComputedStyle(document.querySelector('{FIGURE} picture')).opacity < 0.9")
    window.tap(*window.run(BOX, f"{FIGURE} .exhibit-go"))
    assert window.run(STATE) == ["Loading…", False]
    held.open.set()
    window.until(LIVE)
    window.until(says("Still picture"))


def test_what_does_not_load_says_so_and_can_be_tried_again(drive, line):
    """In the figure's own note, aloud; the next press tries anew, though browsers remember a module that failed."""
    address, held = line
    window = drive()
    arrive(window, address)
    held.cut = True
    go = window.run(BOX, f"{FIGURE} .exhibit-go")
    window.click(*go)
    window.until(f"() => document.querySelector('{FIGURE} .exhibit-note [role=alert]')")
    assert window.run(STATE) == ["Explore", False]
    assert "did not load" in window.run(f"() => document.querySelector('{FIGURE} .exhibit-note').textContent")
    held.cut = False
    window.click(*go)
    window.until(LIVE)
    window.until(says("Still picture"))
    assert window.run(f"() => document.querySelector('{FIGURE} .exhibit-note').textContent") == ""
    window.said.clear()  # what the browser itself says of a file that does not come


BAR = """() => [...document.querySelectorAll("figure.exhibit")].filter(f => f.querySelector(".exhibit-go")).map(f => {
  const go = f.querySelector(".exhibit-go"), boxes = new Set();
  for (const text of ["Explore", "Loading…", "Still picture"]) {
    go.textContent = text;
    const top = f.getBoundingClientRect().y;
    const of = e => { const b = e.getBoundingClientRect(); return [b.x, b.y - top, b.width, b.height]; };
    boxes.add(JSON.stringify([of(f).slice(2), ...[...f.querySelectorAll(".exhibit-bar *")].map(of)]));
  }
  go.textContent = "Explore";
  return [f.id, boxes.size];
}).filter(([, size]) => size > 1)"""


def test_no_figure_moves_whatever_its_button_says(site, paths, open_page):
    """The box of every control of every figure of every page is where it was, on a phone and on a desk."""
    page = open_page("about:blank")
    moving, seen = {}, 0
    for path in paths:
        page.goto(site + path, wait_until="load")
        figures = page.locator(".exhibit-go").count()
        for width in (390, 1440) if figures else ():
            page.set_viewport_size({"width": width, "height": 900})
            if moved := page.evaluate(BAR):
                moving[path, width] = moved
        seen += figures
    assert seen > 40
    assert moving == {}


# --- taps and double clicks on a live chart ----------------------------------------------------------------------

CHARTS = [
    (LONG, "parameters_by_heads"),
    (LONG, "heads_at_fixed_width"),
    ("questions/memory/time_per_token/", "time_per_token"),
]
TICKS = """id => [...document.querySelectorAll(`#figure-${id} .exhibit-live :is(.xtick, .ytick) text`)].map(e =>
  [e.textContent, e.getAttribute("x"), e.getAttribute("y"), e.getAttribute("transform")].join())"""
POINT = """id => { const all = [...document.querySelectorAll(`#figure-${id} .exhibit-live .point`)];
  const box = all[Math.floor(all.length / 2)].getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round); }"""
TOLD = "id => [...document.querySelectorAll(`#figure-${id} .hoverlayer .hovertext`)].length"


def alive(window, address, path, name):
    window.open(address + path)
    window.until(f"() => document.querySelector('#figure-{name}[data-seen]')")
    window.run(BOX, f"#figure-{name} .exhibit-stage")
    window.run(f"() => document.querySelector('#figure-{name} .exhibit-go').click()")
    window.until(f"() => document.querySelector('#figure-{name}.is-live .main-svg .point')")
    return window.run(TICKS, name)


@pytest.mark.parametrize(("path", "name"), CHARTS)
def test_a_tap_shows_what_a_point_is_and_moves_no_axis(drive, site, path, name):
    """Nor does the next tap."""
    window = drive(touch=True)
    window.size(390, 844)
    before = alive(window, site, path, name)
    for _ in range(2):
        window.tap(*window.run(POINT, name))
        window.until(f"() => ({TOLD})({name!r}) > 0")
        window.run("() => new Promise(done => setTimeout(done, 500))")
        assert window.run(TICKS, name) == before


def test_a_double_click_ends_where_the_picture_has_the_axes(drive, site):
    """Also after another one, and after a zoom."""
    path, name = CHARTS[0]
    window = drive()
    before = alive(window, site, path, name)
    assert len(before) > 5
    for _ in range(2):
        window.double_click(*window.run(BOX, f"#figure-{name} .exhibit-stage"))
        window.run("() => new Promise(done => setTimeout(done, 700))")
        assert window.run(TICKS, name) == before


# What a pointer brings upon a chart, and the words that it lies on by more than the room above their letters.
COVERED = """id => { const live = document.querySelector(`#figure-${id} .exhibit-live`);
  const bar = live.querySelector(".modebar").getBoundingClientRect();
  const words = [...live.querySelectorAll(".annotation text, .annotation .line")];
  return words.filter(e => { const b = e.getBoundingClientRect();
    return b.right > bar.left && b.left < bar.right && b.top + 4 < bar.bottom && b.bottom > bar.top;
  }).map(e => e.textContent); }"""


def test_the_buttons_above_a_chart_cover_no_name(drive, site):
    """Of a chart whose names begin high."""
    path, name = "questions/kernels/memory_or_compute/", "batch_intensity"
    window = drive()
    alive(window, site, path, name)
    assert window.run("id => document.querySelectorAll(`#figure-${id} .modebar-btn`).length", name) > 3

    assert window.run(COVERED, name) == []


# --- names -----------------------------------------------------------------------------------------------------


def test_every_control_of_a_figure_is_called_by_the_figure(site, open_page):
    """No two controls of a page have one name; each begins with what is read on it, and no name ends in a mark."""
    page = open_page(site + LONG)
    page.wait_for_selector("figure[data-seen]")
    page.evaluate("document.querySelectorAll('figure details').forEach(e => { e.open = true; })")
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    asked = ("Explore", "Full screen", "Copy link", "Data", "Downloads and code", "PNG", "Choose your file", "Machine")
    names = [node["name"]["value"] for node in nodes if node.get("name", {}).get("value", "").startswith(asked)
             and node["role"]["value"] in ("button", "DisclosureTriangle", "combobox")]  # fmt: skip
    figures = [node["name"]["value"] for node in nodes if node["role"]["value"] == "figure" and node.get("name")]
    titles = [text.strip() for text in page.locator("figure .exhibit-title [data-text=title]").all_inner_texts()]

    assert len(names) > 20
    assert len(set(names)) == len(names)
    assert all(any(name.endswith(title) for title in titles) for name in names)
    assert len(figures) == len(titles)
    assert sorted(figures) == sorted(titles)
    page.locator(f"{FIGURE} .exhibit-go").click()
    page.wait_for_function(says("Still picture"))
    title = page.locator(f"{FIGURE} [data-text=title]").inner_text()
    assert page.get_by_role("button", name=f"Still picture {title}", exact=True).count() == 1
