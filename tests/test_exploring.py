"""A live chart that is explored: one hover reads every series, a zoom keeps names and gets ticks, series are switched,
a link carries machine and zoom, and what is exported says where it is from."""

import html
import json
import math
import re

import pytest

from attnsite.site import exhibits
from attnsite.site.answers import Answers
from attnsite.site.checkout import Checkout
from attnsite.site.pages import render as pages
from tests import firefox
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
COST = "questions/cost/what_more_heads_cost/"
LINES, STEPS = "score_memory", "heads_at_fixed_width"
OURS, OTHER = "epyc_2core", "xeon_2core"


MADE = "([n, m]) => document.querySelector(`#figure-${n} [data-text=made]`).textContent.startsWith(m)"


def explore(page, name=LINES):
    figure = page.locator(f"#figure-{name}")
    figure.scroll_into_view_if_needed()
    page.wait_for_function("!!window.attnsite")
    page.evaluate("name => window.attnsite.wake(document.getElementById(`figure-${name}`))", name)
    page.wait_for_selector(f"#figure-{name}.is-live")
    page.wait_for_function(
        "name => { const s = window.attnsite.live.get(document.getElementById(`figure-${name}`)); "
        "return s?.explored && !s.adapting; }",
        arg=name,
    )
    return figure


def state(page, expression, name=LINES):
    """What an expression says of the chart's state `s`."""
    found = f"name => (s => {expression})(window.attnsite.live.get(document.getElementById(`figure-${{name}}`)))"
    return page.evaluate(found, name)


def hover(page, figure, across, down):
    stage = figure.locator(".exhibit-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    for nudge in (6, 0):
        page.mouse.move(box["x"] + box["width"] * across + nudge, box["y"] + box["height"] * down)
        page.wait_for_timeout(80)


# --- one hover -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("name", [LINES, STEPS])
def test_one_hover_reads_every_series(site, open_page, name, width, scheme):
    """Wherever the pointer is, each series that was measured there stands in the box with the number of its label; the
    box lies within the chart, and goes with the pointer."""
    page = open_page(site + COST, viewport={"width": width, "height": 844}, color_scheme=scheme)
    figure = explore(page, name)
    spec = state(page, "s.spec", name)
    series = [trace for trace in spec["data"] if trace.get("hoverinfo") not in ("skip", "name")]
    for across in (0.3, 0.5, 0.66):
        hover(page, figure, across, 0.5)
        box = figure.locator(".reading-box")
        box.wait_for()
        rows = [" ".join(row.split()) for row in box.locator("p:not(:first-child)").all_inner_texts()]
        assert len(rows) == len(series), rows
        place = state(page, "s.chart._hoverdata[0].x", name)
        for trace in series:
            at = trace["x"].index(place)
            told = trace["hovertext"][at].split("<br>")[0].split(": ")[1]
            assert any(trace["name"] in row and " ".join(told.split()) in row for row in rows), (trace["name"], rows)
        inner, outer = box.bounding_box(), figure.locator(".exhibit-stage").bounding_box()
        assert inner["x"] >= outer["x"] - 1
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1
        assert inner["y"] >= outer["y"] - 1
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1
        assert box.locator(".is-nearest").count() == 1
        assert not figure.locator(".hoverlayer .hovertext").first.is_visible()
    page.mouse.move(2, 2)
    box.wait_for(state="detached")


@pytest.mark.parametrize("name", ["kv_calculators", "kv_by_context"])
def test_a_tap_is_told_where_the_finger_is_not(site, open_page, name):
    """In a box below the chart, on a phone's page, where it stays until the next; Plotly's own box is not seen."""
    page = open_page(site + "questions/memory/bytes_per_token/", viewport={"width": 390, "height": 844},
                     has_touch=True, is_mobile=True)  # fmt: skip
    figure = explore(page, name)
    mark = page.evaluate("""name => {
      const all = [...document.querySelectorAll(`#figure-${name} .point`)];
      const box = all[all.length >> 1].getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    }""", name)  # fmt: skip
    page.touchscreen.tap(*mark)
    box = figure.locator(".reading-box")
    box.wait_for()
    page.wait_for_timeout(600)  # a tap is told when the finger is down, and where Plotly is silent once it is lifted
    told, stage = box.bounding_box(), figure.locator(".exhibit-stage").bounding_box()
    across = told["x"] - 4 < mark[0] < told["x"] + told["width"] + 4
    down = told["y"] - 4 < mark[1] < told["y"] + told["height"] + 4
    assert not (across and down)
    assert stage["x"] - 1 <= told["x"] <= told["x"] + told["width"] <= stage["x"] + stage["width"] + 1
    assert told["y"] >= stage["y"] + stage["height"]
    assert figure.locator(".exhibit-bar").bounding_box()["y"] >= told["y"] + told["height"]
    assert not figure.locator(".hoverlayer .hovertext").first.is_visible()


def test_what_was_read_goes_when_the_chart_changes(site, open_page):
    """Turned to its side, a phone lays the chart out anew: neither our box nor Plotly's stay where nobody points."""
    page = open_page(site + COST, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    figure = explore(page)
    box = figure.locator(".exhibit-stage").bounding_box()
    page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    figure.locator(".reading-box").wait_for()
    page.set_viewport_size({"width": 844, "height": 390})
    page.wait_for_function(f"() => document.querySelector('#figure-{LINES} .exhibit-live').offsetWidth > 700")
    page.wait_for_function(
        f"() => !document.querySelector('#figure-{LINES} :is(.reading-box, .hoverlayer .hovertext)')"
    )

    figure.locator("[data-act=full]").click()
    page.wait_for_selector("dialog.exhibit-full .is-live")
    page.wait_for_timeout(400)
    chart = figure.locator(".exhibit-live")
    assert float(chart.evaluate("e => e.style.getPropertyValue('--scale')")) >= 0.84  # type is as large as on the page
    assert chart.bounding_box()["height"] >= 0.6 * 390


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
@pytest.mark.parametrize("name", [LINES, STEPS])
def test_every_row_of_the_list_of_series_can_be_pressed(site, open_page, name, touch):
    """The list lies over the buttons below the chart, not under them: what is pressed is the row that is seen."""
    width = 390 if touch else 1280
    page = open_page(site + COST, viewport={"width": width, "height": 844}, has_touch=touch, is_mobile=touch)
    figure = explore(page, name)
    press = "tap" if touch else "click"
    getattr(figure.locator(".series-list summary"), press)()
    rows = figure.locator(".series-list label")
    assert rows.count() > 1
    for row in rows.all():
        was = row.locator("input").is_checked()
        row.scroll_into_view_if_needed()
        getattr(row, press)(timeout=5000)  # refuses where something else lies over it
        assert row.locator("input").is_checked() != was
        page.wait_for_timeout(100)
    assert figure.evaluate("e => e.classList.contains('is-live')")


MARKS = """name => {
  const chart = [...window.attnsite.live.values()].find(state => state.chart?.closest(`#figure-${name}`)).chart;
  const full = chart._fullLayout, box = chart.querySelector(".main-svg").getBoundingClientRect();
  const scale = box.width / full.width, found = [];
  for (const trace of chart._fullData) {
    if (trace.mode !== "markers" || !Array.isArray(trace.hovertext)) continue;
    trace.x.forEach((x, at) => {
      if (trace.x.filter(other => other === x).length < 3) return;
      found.push([trace.hovertext[at].split(": ").at(-1).split("<br>")[0], trace.hovertext[at],
        box.left + scale * (full.xaxis._offset + full.xaxis.d2p(x)),
        box.top + scale * (full.yaxis._offset + full.yaxis.d2p(trace.y[at]))]);
    });
  }
  return found;
}"""


@pytest.mark.parametrize(
    ("path", "name"),
    [("questions/learning/how_many_heads_for_a_width/", "loss_by_heads"),
     ("questions/numerics/wrong_or_rounding/", "bugs_and_rounding")],
)  # fmt: skip
def test_of_several_marks_at_one_place_the_one_pointed_at_is_told(site, open_page, path, name):
    """Not the first of its series that stands there: that was another seed's value."""
    page = open_page(site + path)
    figure = explore(page, name)
    marks = page.evaluate(MARKS, name)
    assert len(marks) > 3
    seen = 0
    for value, _, x, y in marks:
        near = [other for other in marks if abs(other[2] - x) < 2 and abs(other[3] - y) < 6]
        if len(near) > 1 or seen == 4:
            continue  # two marks that lie on each other are not told apart
        page.mouse.move(2, 2)
        page.mouse.move(x, y)
        nearest = figure.locator(".reading-box .is-nearest")
        nearest.wait_for()
        told = nearest.inner_text()
        if "one of" in told:
            assert value in told, (value, told)
            seen += 1
    assert seen >= 2


def test_one_hover_reads_every_series_in_firefox(site, tmp_path):
    """The same in a browser that places and paints by itself."""
    program = firefox.find()
    if program is None:
        pytest.skip("there is no Firefox here: install firefox-esr or firefox from the system's packages")
    browser = firefox.Firefox(program, tmp_path)
    try:
        browser.open(site + COST)
        browser.until("() => !!window.wrappedJSObject.attnsite || !!window.attnsite")
        browser.run(f"""() => {{ const figure = document.getElementById('figure-{LINES}');
            figure.scrollIntoView({{ block: 'center' }}); figure.querySelector('.exhibit-go').click(); }}""")
        browser.until(f"() => document.querySelector('#figure-{LINES}.is-live .series-list')")
        box = browser.run(f"""() => {{ const b = document.querySelector('#figure-{LINES} .exhibit-stage')
            .getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }}""")
        browser.hover(round(box[0]), round(box[1]))
        browser.until("() => document.querySelectorAll('.reading-box p').length === 5")
        within = browser.run("""() => { const a = document.querySelector('.reading-box').getBoundingClientRect();
            const b = document.querySelector('.reading-box').closest('.exhibit-stage').getBoundingClientRect();
            return a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1
              && a.bottom <= b.bottom + 1; }""")
        said = browser.said
    finally:
        browser.close()

    assert within
    assert [line for line in said if "Incorrect number of children" not in line] == []


ALL = """async specs => {
  const { compared, read, ticks, writer } = await window.attnsite.bring("explore.js");
  return specs.map(spec => {
    const across = compared(spec.data), found = { across, rows: [], ticks: [] };
    if (across) {
      const state = { across, spec, chart: { data: spec.data } };
      const places = new Set(spec.data.filter(t => !["skip", "name"].includes(t.hoverinfo)).flatMap(t => t[across]));
      for (const place of places) found.rows.push(read(state, place).map(row => [row.trace.name, row.told]));
    }
    for (const name of ["xaxis", "yaxis"]) {
      const axis = spec.layouts.wide[name], [first, last] = axis.range;
      if (!writer(axis)) continue;
      for (const part of [[0, 0.5], [0.3, 0.5], [0.42, 0.47], [0.8, 0.95], [0.5, 0.501]]) {
        const range = part.map(share => first + share * (last - first));
        const data = name === "xaxis" ? spec.data.flatMap(t => t.x || []) : [];
        found.ticks.push([axis.type, range, ticks(axis, range, data, 0.1)]);
      }
    }
    return found;
  });
}"""


def test_every_chart_can_be_read_and_zoomed(site, site_folder, open_page):
    """Over all charts of the site: where series share places each reading has words, and each window of an axis with
    numbers gets three ticks or more, within it, in order, each with a text of its own."""
    specs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(site_folder.glob("figures/*/*.json"))]
    specs = [spec for spec in specs if "layouts" in spec]
    page = open_page(site + "glossary/")
    found = page.evaluate(ALL, specs)
    few, bad = [], []
    for spec, one in zip(specs, found, strict=True):
        for rows in one["rows"]:
            bad += [(spec["figure"], row) for row in rows if not re.search(r"\w", row[1]) or "undefined" in row[1]]
        for kind, (first, last), made in one["ticks"]:
            places = [math.log10(value) if kind == "log" else value for value in made["vals"]]
            low, high = sorted((first, last))
            if not all(low - 1e-6 <= place <= high + 1e-6 for place in places) or len(set(made["texts"])) < len(places):
                bad.append((spec["figure"], first, last, made))
            if len(places) < 3 and high - low > 0.02:
                few.append((spec["figure"], first, last, made))

    assert sum(one["across"] is not None for one in found) > len(found) / 2
    assert bad == []
    assert few == []


# --- zoom ------------------------------------------------------------------------------------------------------------

NAMED = """([name]) => {
  const figure = document.getElementById(`figure-${name}`), s = window.attnsite.live.get(figure);
  const stage = figure.querySelector(".exhibit-stage").getBoundingClientRect();
  const [x0, x1] = s.chart.layout.xaxis.range, [y0, y1] = s.chart.layout.yaxis.range;
  const texts = [...figure.querySelectorAll(".annotation-text")].filter(e => {
    const b = e.getBoundingClientRect();
    return b.width && b.left >= stage.left - 1 && b.right <= stage.right + 1 && b.top >= stage.top - 1
      && b.bottom <= stage.bottom + 1;
  }).map(e => e.textContent.replace(/\\s+/g, ""));
  const inView = t => t.x.some((x, i) => {
    const [u, v] = [Math.log10(x), Math.log10(t.y[i])];
    return u >= x0 && u <= x1 && v >= y0 && v <= y1;
  });
  return s.chart.data.filter(t => !["skip", "name"].includes(t.hoverinfo) && inView(t))
    .map(t => [t.name, texts.includes(t.name.replace(/\\s+/g, ""))]);
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_a_zoomed_chart_names_its_series_and_has_ticks(site, open_page, width):
    """Each series of which a point is in view is named within the chart, each axis has three ticks; the whole is as it
    was once it is seen again."""
    page = open_page(site + COST, viewport={"width": width, "height": 844})
    figure = explore(page)
    before = state(page, "[s.chart.layout.annotations, s.chart.layout.xaxis.ticktext, s.chart.layout.yaxis.ticktext]")
    seen = 0
    for part in ((0.1, 0.5, 0.05, 0.6), (0.35, 0.62, 0.1, 0.5), (0.6, 0.9, 0.4, 0.95)):
        page.evaluate("""([name, [a, b, c, d]]) => {
          const s = window.attnsite.live.get(document.getElementById(`figure-${name}`)), own = s.spec.layouts.wide;
          const at = (axis, share) => own[axis].range[0] + share * (own[axis].range[1] - own[axis].range[0]);
          return Plotly.relayout(s.chart, { "xaxis.range": [at("xaxis", a), at("xaxis", b)],
            "yaxis.range": [at("yaxis", c), at("yaxis", d)] });
        }""", [LINES, part])  # fmt: skip
        page.wait_for_timeout(400)
        named = page.evaluate(NAMED, [LINES])
        seen += len(named)
        assert [one for one in named if not one[1]] == []
        for axis in ("x", "y"):
            assert figure.locator(f".exhibit-live .{axis}tick text").count() >= 3, (part, axis)
    assert seen > 4
    page.evaluate("""name => { const s = window.attnsite.live.get(document.getElementById(`figure-${name}`));
      return Plotly.relayout(s.chart, { "xaxis.range": s.spec.layouts.wide.xaxis.range,
        "yaxis.range": s.spec.layouts.wide.yaxis.range }); }""", LINES)  # fmt: skip
    page.wait_for_timeout(400)
    assert (
        state(page, "[s.chart.layout.annotations, s.chart.layout.xaxis.ticktext, s.chart.layout.yaxis.ticktext]")
        == before
    )


# --- series ----------------------------------------------------------------------------------------------------------


def shown_series(page, name=LINES):
    return state(page, "s.chart.data.filter(t => t.visible !== 'legendonly').map(t => t.name)", name)


AXES = """["xaxis", "yaxis"].map(name => s.chart._fullLayout[name].range.map(end => +end.toPrecision(6)))"""


def test_another_machines_chart_has_its_own_axes_and_goes_back_to_them(site, open_page):
    """What was zoomed into on one machine is no window of another; a double click shows all that was measured there."""
    page = open_page(site + COST, viewport={"width": 1280, "height": 900})
    figure = explore(page, STEPS)
    first = state(page, AXES, STEPS)
    page.evaluate(
        """name => { const s = window.attnsite.live.get(document.getElementById(`figure-${name}`));
      const [a, b] = s.chart._fullLayout.xaxis.range;
      return window.Plotly.relayout(s.chart, { "xaxis.range": [a + (b - a) / 3, b - (b - a) / 3] }); }""",
        STEPS,
    )
    figure.locator("select").select_option(OTHER)
    page.wait_for_function(MADE, arg=[STEPS, OTHER])
    page.wait_for_function(f"""() => {{ const s = window.attnsite.live.get(document.querySelector("#figure-{STEPS}"));
      const own = s.spec.layouts.wide.xaxis.range;
      return s.spec.machine === "{OTHER}" && s.chart._fullLayout.xaxis.range.every((end, at) => end === own[at]); }}""")
    own = state(page, AXES, STEPS)
    assert own != first

    stage = figure.locator(".exhibit-stage")
    stage.scroll_into_view_if_needed()
    stage.dblclick()
    page.wait_for_timeout(400)
    assert state(page, AXES, STEPS) == own


ZOOMED = COST + "?zoom=0.5_1.5_0.2_1.2#figure-parameters_by_heads"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
IS_ZOOMED = """() => { const s = window.attnsite?.live.get(document.querySelector("#figure-parameters_by_heads"));
  return s?.explored && !s.adapting && s.chart._fullLayout.xaxis.range[0] === 0.5; }"""


def test_a_zoomed_link_can_be_read_on_a_phone(site, open_page):
    """One tap reads a point and leaves the window; the whole screen, and the way back from it, leave it too; a button
    shows the whole."""
    page = open_page(site + ZOOMED, **PHONE)
    page.wait_for_function(IS_ZOOMED)
    figure = page.locator("#figure-parameters_by_heads")
    for _ in range(2):
        figure.get_by_role("button", name="Full screen").or_(figure.get_by_role("button", name="Leave full")).tap()
        page.wait_for_timeout(300)
        assert page.evaluate(IS_ZOOMED)
    mark = page.evaluate("""() => { const stage = document.querySelector("#figure-parameters_by_heads .exhibit-stage");
      stage.scrollIntoView({ block: "center", behavior: "instant" });
      const s = window.attnsite.live.get(stage.closest("figure")), { xaxis, yaxis } = s.chart._fullLayout;
      const b = s.chart.querySelector(".nsewdrag").getBoundingClientRect();
      return [b.x + b.width / 2, b.y + b.height / 2]; }""")
    page.touchscreen.tap(*mark)
    page.wait_for_timeout(700)
    assert page.evaluate(IS_ZOOMED)

    figure.get_by_role("button", name="Whole chart").tap()
    page.wait_for_function(f"!({IS_ZOOMED})()")
    assert figure.get_by_role("button", name="Whole chart").count() == 0


def test_what_was_read_of_one_machine_goes_with_it(site, open_page):
    """On a phone a reading stays below the chart until the next one, and not below the chart of another machine."""
    page = open_page(site + COST, **PHONE)
    figure = explore(page, STEPS)
    figure.locator("select").select_option(OTHER)
    page.wait_for_function(MADE, arg=[STEPS, OTHER])
    page.wait_for_function(f"""() => {{ const s = window.attnsite.live.get(document.querySelector("#figure-{STEPS}"));
      return s.home === "{OTHER}" && !s.adapting; }}""")
    mark = page.evaluate(
        """name => { const all = [...document.querySelectorAll(`#figure-${name} .point`)];
      all[0].scrollIntoView({ block: "center", behavior: "instant" });
      const b = all[all.length >> 1].getBoundingClientRect();
      return [b.x + b.width / 2, b.y + b.height / 2]; }""",
        STEPS,
    )
    page.touchscreen.tap(*mark)
    figure.locator(".reading-box").wait_for()
    page.wait_for_timeout(600)
    figure.locator("select").select_option(OURS)
    page.wait_for_function(MADE, arg=[STEPS, OURS])
    page.wait_for_timeout(700)
    assert figure.locator(".reading-box").count() == 0


def test_a_phone_that_is_turned_on_the_full_screen_comes_back_to_the_figure(site, open_page):
    """Though every line of the page has moved."""
    page = open_page(site + COST, **PHONE)
    figure = page.locator("#figure-decode_by_context")
    page.wait_for_function("!!window.attnsite")
    figure.get_by_role("button", name="Full screen").scroll_into_view_if_needed()
    before = figure.bounding_box()["y"]
    figure.get_by_role("button", name="Full screen").tap()
    page.wait_for_selector("dialog[open]")
    page.set_viewport_size({"width": 844, "height": 390})
    figure.get_by_role("button", name="Leave full screen").tap()
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_timeout(200)
    assert abs(figure.bounding_box()["y"] - before) < 60


def test_a_figure_of_one_machine_says_nothing_of_that_machine_being_picked(site, site_folder, open_page):
    """There is no way back where there was no way out, whatever page the choice was made on."""
    [path, *_] = [
        file for file in sorted(site_folder.glob("questions/*/*/index.html"))
        if re.search(rf'<figure class="exhibit[^>]*data-machine="{OTHER}"', file.read_text(encoding="utf-8"))
    ]  # fmt: skip
    page = open_page(site)
    page.evaluate("machine => localStorage.setItem('attnsite.machine', machine)", OTHER)
    page.goto(f"{site}{path.parent.relative_to(site_folder).as_posix()}/", wait_until="networkidle")
    page.wait_for_function("!!window.attnsite")
    page.wait_for_timeout(300)
    notes = page.locator(f'figure.exhibit[data-machine="{OTHER}"] .exhibit-note')
    assert notes.count()
    assert notes.all_inner_texts() == [""] * notes.count()


@pytest.mark.parametrize(("path", "name", "told"), [
    ("questions/cost/heads_and_parameters/", "heads_of_one_matrix", "1 head"),
    ("questions/cost/sparse_attention/", "sparse_saved", "2k"),
])  # fmt: skip
def test_every_hover_is_told_in_a_box_within_the_chart(site, open_page, path, name, told):
    """Where one mark stands alone as where several do: Plotly's own label is cut at the edge, and turned at a bar."""
    page = open_page(site + path, viewport={"width": 1280, "height": 900})
    figure = explore(page, name)
    figure.locator(".exhibit-stage").scroll_into_view_if_needed()
    marks = page.evaluate(
        """name => [...document.querySelectorAll(`#figure-${name} :is(.point path, path.point)`)].map(e => {
      const b = e.getBoundingClientRect();
      return [b.right - Math.min(b.width / 2, 4), b.y + b.height / 2]; })""",
        name,
    )
    stage, seen = figure.locator(".exhibit-stage").bounding_box(), []
    for across, down in marks:
        page.mouse.move(across - 3, down)
        page.mouse.move(across, down)
        page.wait_for_timeout(70)
        if page.locator(f"#figure-{name} .hoverlayer .hovertext").count():
            box = figure.locator(".reading-box")
            assert box.count() == 1
            at = box.bounding_box()
            assert stage["x"] <= at["x"]
            assert at["x"] + at["width"] <= stage["x"] + stage["width"]
            assert not figure.locator(".hoverlayer .hovertext").first.is_visible()
            seen.append(box.inner_text())
    assert any(told in text for text in seen)
    assert not any("…" in text for text in seen)


def test_a_series_is_switched_off_and_on(site, open_page):
    """By its box, with the keyboard, and by its name in the chart; its band goes too, the rest stays where it is."""
    page = open_page(site + COST)
    figure = explore(page)
    every, ranges = shown_series(page), state(page, "s.chart.layout.yaxis.range")
    figure.locator(".series-list summary").focus()
    page.keyboard.press("Enter")
    boxes = figure.locator(".series-list input")
    names = boxes.evaluate_all("all => all.map(e => e.value)")
    assert len(names) > 2
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    off = f"name => !window.attnsite.live.get(document.getElementById('figure-{LINES}')).chart.data.some(" \
          "t => t.name.startsWith(name) && t.visible !== 'legendonly')"  # fmt: skip
    page.wait_for_function(off, arg=names[0])
    assert all(name in shown_series(page) for name in every if not name.startswith(names[0]))
    assert state(page, "s.chart.layout.yaxis.range") == ranges
    hover(page, figure, 0.5, 0.3)
    figure.locator(".reading-box").wait_for()
    assert figure.locator(".reading-box p:not(:first-child)").count() == len(names) - 1
    page.mouse.move(2, 2)

    label = figure.locator(".annotation-text-g", has_text=re.compile(rf"^{re.escape(names[0])}$")).first
    label.click(force=True)
    page.wait_for_function(off.replace("!window", "!!window", 1).replace("!!window", "window"), arg=names[0])
    assert sorted(shown_series(page)) == sorted(every)
    assert boxes.first.is_checked()
    page.keyboard.press("Escape")


def test_what_belongs_to_a_series_goes_with_it(site, open_page):
    """Its line of reference too, which has the series' name in its own; marks of a legend are no series."""
    page = open_page(site + COST)
    figure = explore(page, "decode_by_context")
    figure.locator(".series-list summary").click()
    figure.locator(".series-list input").first.uncheck()
    gone = "s.chart.data.filter(t => t.visible === 'legendonly').map(t => t.name)"
    page.wait_for_function("() => [...window.attnsite.live.values()].every(s => !s.adapting)")
    names = state(page, gone, "decode_by_context")
    assert any(name.startswith("reading 32 KV heads") for name in names)
    assert not any(name.startswith(("reading 8", "reading 1 ", "8 KV", "1 KV")) for name in names)

    page = open_page(site + "questions/memory/bytes_per_token/")
    figure = explore(page, page.locator("figure.is-chart").first.get_attribute("id").removeprefix("figure-"))
    assert not [name for name in figure.locator(".series-list label").all_inner_texts() if name.endswith(", key")]


# --- the link --------------------------------------------------------------------------------------------------------

ZOOM = """name => {
  const s = window.attnsite.live.get(document.getElementById(`figure-${name}`)), own = s.spec.layouts.wide;
  const ends = axis => [0.2, 0.7].map(share => own[axis].range[0] + share * (own[axis].range[1] - own[axis].range[0]));
  return Plotly.relayout(s.chart, { "xaxis.range": ends("xaxis"), "yaxis.range": ends("yaxis") })
    .then(() => [...ends("xaxis"), ...ends("yaxis")]);
}"""


def copied_link(page, name=LINES):
    page.locator(f"#figure-{name} [data-act=link]").click()
    page.wait_for_function("document.querySelector('#attnsite-said')?.textContent.includes('copied')")
    return page.evaluate("navigator.clipboard.readText()")


@pytest.fixture
def link(site, open_page):
    """The link that is copied of a figure with another machine and a zoom."""
    page = open_page(site + COST, permissions=["clipboard-read", "clipboard-write"])
    page.locator(f"#figure-{LINES} select").select_option(OTHER)
    page.wait_for_function(MADE, arg=[LINES, OTHER])
    explore(page)
    return page.evaluate(ZOOM, LINES), copied_link(page)


def test_a_link_carries_machine_and_zoom(site, open_page, link):
    """Who opens it sees the same, reads that the link asks for it, and has a way back; nothing is kept for other pages;
    links within the page work as ever."""
    zoomed, address = link
    assert address.endswith(f"#figure-{LINES}")
    page = open_page(address)
    page.wait_for_selector(f"#figure-{LINES}.is-live")
    page.wait_for_function("([name, end]) => Math.abs((window.attnsite.live.get(document.getElementById("
                           "`figure-${name}`))?.chart?.layout?.xaxis?.range?.[1] ?? 99) - end) < 0.001",
                           arg=[LINES, zoomed[1]])  # fmt: skip
    found = state(page, "[...s.chart.layout.xaxis.range, ...s.chart.layout.yaxis.range]")
    assert found == pytest.approx(zoomed, abs=1e-3)
    figure = page.locator(f"#figure-{LINES}")
    assert figure.evaluate("e => e.matches(':target')")
    assert figure.locator("select").input_value() == OTHER
    assert f"Shown as the link asks; the text quotes {OURS}." in figure.locator(".exhibit-note").inner_text()
    assert page.evaluate("localStorage.getItem('attnsite.machine')") is None
    figure.get_by_role("button", name=f"Back to {OURS}").click()
    page.wait_for_function(MADE, arg=[LINES, OURS])
    assert "machine=" not in page.url


def test_a_plain_figure_has_a_plain_link(site, open_page):
    """Nothing is asked for that is as it was built."""
    page = open_page(site + COST + "?h=heads", permissions=["clipboard-read", "clipboard-write"])
    assert copied_link(page) == f"{site}{COST}#figure-{LINES}"


def test_a_link_lands_at_the_figure_everywhere(open_page, link):
    """On a phone, and without a script."""
    for options in ({"viewport": {"width": 390, "height": 844}, "has_touch": True}, {"java_script_enabled": False}):
        page = open_page(link[1], **options)
        page.wait_for_timeout(800)
        top = page.locator(f"#figure-{LINES}").bounding_box()["y"]
        assert -5 <= top <= 200, options


@pytest.mark.parametrize("asked", [
    "machine=abacus", "machine=%3Cimg%20src%3Dx%3E", "zoom=1_2", "zoom=a_b_c_d", "zoom=5_1_2_3", "zoom=0_1_0_1e99",
    "zoom=900_901_0_1", "zoom=0_0_0_0", "machine=&zoom=", "zoom=-1e3_1_1_1&machine=" + "x" * 500])  # fmt: skip
def test_a_link_that_asks_for_what_is_not_there_shows_the_figure(site, open_page, asked):
    """As built, whole, with a line that says so; nothing of the address becomes markup."""
    page = open_page(f"{site}{COST}?{asked}#figure-{LINES}")
    page.wait_for_timeout(1200)
    figure = page.locator(f"#figure-{LINES}")
    assert figure.locator("[data-text=made]").inner_text().startswith(OURS)
    assert figure.locator(".exhibit-note img").count() == 0
    if re.search("zoom=[^&]", asked):
        page.wait_for_selector(f"#figure-{LINES}.is-live")
        told = "n => document.querySelector(`#figure-${n} .exhibit-note`).textContent.includes('all of it')"
        page.wait_for_function(told, arg=LINES)
        assert state(page, "s.chart.layout.xaxis.range") == state(page, "s.spec.layouts.wide.xaxis.range")
    if re.search("machine=[^&]", asked):
        assert "Not measured on" in figure.locator(".exhibit-note").inner_text()
        assert len(figure.locator(".exhibit-note").inner_text()) < 250
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


# --- exports ---------------------------------------------------------------------------------------------------------


def words_of(svg):
    return " ".join(
        html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL))).split()
    )


def test_a_downloaded_svg_says_where_it_is_from(site_folder):
    """Title, caption, machine, day, commit and the address of the figure, within the sheet, for every chart of every
    machine; with the picture itself, of light colours."""
    known, stands = Answers.load(ROOT), pages.standing(Checkout.load(ROOT))
    count = 0
    for name in (LINES, STEPS, "parameters_by_heads", "kv_cache", "decode_ladder"):
        for shown in known.exhibits(name):
            if shown.machine == "this_build":
                continue
            path = site_folder / "figures" / name / f"{shown.machine}.svg"
            svg = path.read_text(encoding="utf-8")
            told = words_of(svg)
            for text in (shown.title, shown.caption, exhibits.provenance(shown.run, shown.state), stands[name]):
                assert " ".join(text.replace("`", "").split()) in told, (name, text)
            height = float(re.match(r"<svg [^>]*height=\"(\d+)\"", svg)[1])
            lines = [float(y) for y in re.findall(r'<text x="12" y="([\d.]+)"', svg)]
            assert max(lines) < height
            assert height > 420
            assert "var(" not in svg
            assert svg.count("<svg ") == 2
            count += 1
    assert count > 5


def test_a_png_says_the_same_as_the_svg(site, site_folder, open_page):
    """Of the picture and of the live chart: the texts of the page's figure, and the address with its machine."""
    page = open_page(site + COST)
    file = words_of((site_folder / "figures" / LINES / f"{OURS}.svg").read_text(encoding="utf-8"))
    sheet = """async name => (await (await window.attnsite.bring("acts.js")).sheet(
      document.getElementById(`figure-${name}`))).svg"""
    figure = page.locator(f"#figure-{LINES}")
    for alive in (False, True):
        if alive:
            explore(page)
        told = words_of(page.evaluate(sheet, LINES))
        for part in ("title", "caption", "made"):
            text = " ".join(figure.locator(f"[data-text={part}]").inner_text().split())
            assert text in told, (alive, part)
            assert text in file, part
        assert f"{site}{COST}#figure-{LINES}" in told.replace(" ", "")
        assert "commit" in told
    page.locator(f"#figure-{LINES} select").select_option(OTHER)
    page.wait_for_function(MADE, arg=[LINES, OTHER])
    assert f"machine={OTHER}#" in words_of(page.evaluate(sheet, LINES)).replace(" ", "")


# --- what each control is called -------------------------------------------------------------------------------------


def test_every_control_of_a_figure_says_whose_it_is(site, open_page):
    """Buttons and folded parts have their figure's title in their names, and the figure is named by it alone."""
    page = open_page(site + COST)
    found = page.evaluate("""() => [...document.querySelectorAll("figure.exhibit[aria-labelledby]")].flatMap(figure => {
      const title = figure.querySelector("[data-text=title]");
      const said = [...figure.querySelectorAll("[data-act=explore], [data-act=full], [data-act=link], summary")];
      const name = document.getElementById(figure.getAttribute("aria-labelledby"));
      return [name === title && !name.textContent.includes("¶"),
        ...said.map(e => (e.getAttribute("aria-labelledby") || "").split(" ").includes(title.id)
          || (e.getAttribute("aria-label") || "").endsWith(title.textContent.replaceAll("`", "")))];
    })""")
    assert len(found) > 20
    assert all(found)


def test_a_file_over_the_page_is_announced(site, open_page):
    """A sign over the whole page while a file is dragged over it, gone when it leaves."""
    page = open_page(site + "glossary/")
    page.wait_for_function("""() => {  // again and again, as browsers say it; the sign's style comes with the first
      const held = new DataTransfer();
      held.items.add(new File(["{}"], "a.json"));
      document.querySelector("article").dispatchEvent(
        new DragEvent("dragover", { bubbles: true, cancelable: true, dataTransfer: held }));
      return getComputedStyle(document.body, "::after").content.includes("sent nowhere");
    }""")
    page.wait_for_function("!document.body.classList.contains('is-dropping')")
    assert page.evaluate("getComputedStyle(document.body, '::after').content") == "none"


def test_the_home_page_is_named_once(site, site_folder, open_page):
    """Its title is the site's name, which no page has twice."""
    page = open_page(site)
    name = page.title()
    assert name == "Attention heads, measured"
    for path in site_folder.rglob("index.html"):
        title = re.search(r"<title>(.*?)</title>", path.read_text(encoding="utf-8"), re.DOTALL)[1]
        assert title.count(name) <= 1, path
