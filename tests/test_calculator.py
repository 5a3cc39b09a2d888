"""The calculator and attention by hand, in the browser: whole without a script, light, still, and for everybody.

What the calculator says is in `test_calculator_page.py`.
"""

import gzip
import math
import re

import numpy as np
import pytest

from attnsite.site.widgets import by_hand
from tests.test_access import STICKS_OUT
from tests.test_weight import BEFORE, FONT

pytestmark = pytest.mark.browser
PAGES = ("calculator/", "by_hand/")


def live(page, kind="calculator"):
    """Touch the part of the page that wakes, and wait for it."""
    page.locator(f"[data-module={kind}]").dispatch_event("focusin")
    page.wait_for_selector(f"[data-module={kind}][data-live=yes]")
    return page


@pytest.mark.parametrize("path", PAGES)
def test_it_is_whole_without_a_script(site, open_page, path):
    """Tables, picture and its words are there, every number is one, and what only a script could use is hidden."""
    page = open_page(site + path, java_script_enabled=False)
    part = page.locator("[data-module]")

    assert part.locator("table, .calc-figures").first.is_visible()
    picture = part.locator("svg[role=img]").first
    assert picture.is_visible()
    assert re.search(r"\d", picture.get_attribute("aria-label"))
    assert len(picture.get_attribute("aria-label")) > 40
    assert part.locator("input:visible, select:visible, button:visible").count() == 0
    assert not re.search(r"NaN|undefined|None|Infinity", part.inner_text())


@pytest.mark.parametrize("path", PAGES)
def test_it_is_light_and_stands_still(site, browser, path):
    """At most 112 KB gz and the font of formulas, in 14 requests before anybody touches it, scripts at most 40 KB.

    Waking moves nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, bodies = context.new_page(), {}
    page.on("response", lambda answer: bodies.update({answer.url: answer}))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach(e => window.shift += e.value))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(site + path, wait_until="networkidle")
    sizes = {url: len(gzip.compress(answer.body(), 9)) for url, answer in list(bodies.items())}
    print(path, len(sizes), sum(sizes.values()), sum(n for url, n in sizes.items() if url.endswith(".js")))

    assert len(sizes) <= 14, sorted(sizes)
    font = FONT if any(url.endswith("formulas.css") for url in sizes) else 0
    assert sum(sizes.values()) <= BEFORE + font, sizes
    assert sum(size for url, size in sizes.items() if url.endswith(".js")) <= 40_000, sizes
    assert not any(
        name in url
        for url in sizes
        for name in ("calculator.js", "calculator_formulas.js", "by_hand.js", "quantity.js", "choices.json")
    )
    live(page, path.strip("/"))
    page.wait_for_timeout(600)
    assert page.evaluate("window.shift") < 0.001
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_there_are_no_accessibility_violations(site, open_page, path, scheme):
    """axe finds nothing as built, alive, and with faults shown."""
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(site + path, color_scheme=scheme)

    def violations(part=None):
        found = Axe().run(page, context=part).response["violations"]
        return [(v["id"], [node["html"][:160] for node in v["nodes"]][:3]) for v in found]

    assert violations() == []
    live(page, path.strip("/"))
    for details in page.locator("[data-module] details").all():
        details.evaluate("e => e.open = true")
    if path == "calculator/":
        page.fill("#calc-batch", "many")
        page.wait_for_timeout(600)
    assert violations("[data-module]") == []


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_sideways_scrolling(site, open_page, path):
    """At 360 pixels, alive and with everything unfolded and a long fault, nothing sticks out."""
    page = live(open_page(site + path, viewport={"width": 360, "height": 740}), path.strip("/"))
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    if path == "calculator/":
        page.fill("#calc-batch", "9" * 60)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(STICKS_OUT) == []


# --- attention by hand -----------------------------------------------------------------------------------------


def numpy_weights(scores, dim, seen):
    hidden = np.where(seen, np.array(scores, float) / math.sqrt(dim), -np.inf)
    powers = np.exp(hidden - hidden.max())
    return powers / powers.sum()


def weights_shown(page, head):
    found = [page.locator(f"[data-weight={head}-{token}]").inner_text() for token in range(8)]
    return [0.0 if text == "masked" else float(text) for text in found]


def test_the_first_state_is_softmax():
    """As built, each head's weights are NumPy's softmax and its output the weighted values."""
    for scores in by_hand.SCORES.values():
        weights = by_hand.softmax([s / 2 for s in scores], [True] * 8)
        assert weights == pytest.approx(numpy_weights(scores, 4, [True] * 8), abs=1e-12)
        assert by_hand.mixed(weights, (0, 4)) == pytest.approx(np.array(weights) @ np.array(by_hand.VALUES))
    assert by_hand.softmax([1.0, 2.0], [False, False]) == [0.0, 0.0]


def test_a_score_moves_by_keyboard_and_all_weights_follow(site, open_page):
    """Arrow keys, Home and End: the weights are NumPy's, the outputs theirs, the sum one; the other panel rests."""
    page = live(open_page(site + "by_hand/"), "by_hand")
    scores = list(by_hand.SCORES["second"])
    before = weights_shown(page, "single")
    page.locator("[name=second-1]").focus()
    for key, value in (("ArrowRight", scores[1] + 0.5), ("ArrowRight", scores[1] + 1), ("End", 12), ("Home", -12)):
        page.keyboard.press(key)
        scores[1] = value
        weights = numpy_weights(scores, 2, [True] * 8)
        assert weights_shown(page, "second") == pytest.approx(weights, abs=5.1e-4)
        assert page.locator("[data-sum=second]").inner_text() == "1.000"
        for at in (2, 3):
            out = page.locator(f"[data-out=second-{at}]").inner_text().replace("−", "-")
            assert float(out) == pytest.approx(weights @ np.array(by_hand.VALUES)[:, at], abs=5.1e-4)
        drawn = float(page.locator("[data-line=second-1]").get_attribute("stroke-width"))
        assert drawn == pytest.approx(by_hand.THICK * weights[1], abs=1e-6)
    assert weights_shown(page, "single") == before
    assert "weight 0.000" in page.locator("[name=second-1]").get_attribute("aria-valuetext")


def test_masks_divisors_and_queries_work_and_nothing_is_nan(site, open_page):
    """Every query, with and without the mask, at every divisor and with scores at both ends: NumPy's numbers."""
    page = live(open_page(site + "by_hand/"), "by_hand")
    page.locator("[name=single-0]").focus()
    page.keyboard.press("End")
    scores = [12, *by_hand.SCORES["single"][1:]]
    for chosen, dim in ((by_hand.OWN, 4), ("1", 1), ("4", 16), ("8", 64)):
        page.select_option("#hand-scale", chosen)
        for causal in (True, False):
            page.set_checked("#hand-causal", causal)
            for query in range(8):
                page.select_option("#hand-query", str(query))
                seen = [not causal or token <= query for token in range(8)]
                expected_weights = numpy_weights(scores, dim, seen)
                assert weights_shown(page, "single") == pytest.approx(expected_weights, abs=5.1e-4)
        assert not re.search(r"NaN|undefined|Infinity", page.locator(".by-hand").inner_html())
    masked = page.locator("[data-weight=single-7]")
    page.set_checked("#hand-causal", True)
    page.select_option("#hand-query", "0")
    assert masked.inner_text() == "masked"
    assert page.locator("[data-weight=single-0]").inner_text() == "1.000"
    page.locator("[data-module] button[type=reset]").click()
    page.wait_for_function("() => document.querySelector('[data-weight=single-7]').textContent !== 'masked'")
    assert weights_shown(page, "single") == pytest.approx(numpy_weights(by_hand.SCORES["single"], 4, [True] * 8),
                                                          abs=5.1e-4)  # fmt: skip


def test_each_head_divides_by_the_root_of_its_own_dimension(site, open_page):
    """As built and alive: the root of as many numbers as the head puts out, said above its scores; the choice names it,
    and the panel's title the dimension. Another choice holds for all heads."""
    page = open_page(site + "by_hand/")
    for awake in (False, True):
        if awake:
            live(page, "by_hand")
        for head, scores in by_hand.SCORES.items():
            dim = page.locator(f"[data-out^={head}-]").count()
            root = math.sqrt(dim)
            assert float(page.locator(f"[data-scale={head}]").inner_text()) == pytest.approx(root, abs=0.005)
            assert weights_shown(page, head) == pytest.approx(numpy_weights(scores, dim, [True] * 8), abs=5.1e-4)
            panel = page.locator(f".hand-panel:has([data-scale={head}])")
            assert f"head dimension {dim}" in panel.locator(".hand-title").inner_text()
            assert f"{root:.3g}" in page.locator("#hand-scale option[selected]").inner_text()
    page.select_option("#hand-scale", "4")
    for head in by_hand.SCORES:
        assert page.locator(f"[data-scale={head}]").inner_text() == "4"


# --- result and control together ---------------------------------------------------------------------------------

WINDOWS = ((1440, 900), (768, 1024), (390, 844))
# Whether the whole of one element is seen: within the window, and not under another.
IN_SIGHT = """e => {
  const box = e.getBoundingClientRect(), within = box.top >= 0 && box.bottom <= innerHeight + 0.5 && box.height > 0;
  const at = y => document.elementFromPoint(box.left + box.width / 2, y);
  const on = top => top && (e.contains(top) || top.contains(e));
  return within && on(at(box.top + 3)) && on(at(box.bottom - 3));
}"""


def in_sight(part):
    return part.evaluate(IN_SIGHT)


@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_the_line_picture_is_seen_beside_every_slider(site, open_page, width, height):
    """Each slider that has the focus is seen, and with it the picture of its heads and what is said of them."""
    page = live(open_page(site + "by_hand/", viewport={"width": width, "height": height}), "by_hand")
    for head in by_hand.SCORES:
        panel = page.locator(f".hand-panel:has([data-scale={head}])")
        for token in (0, 4, 7):
            slider = page.locator(f"[name={head}-{token}]")
            slider.evaluate("e => { e.scrollIntoView({ block: 'center' }); e.focus({ preventScroll: true }); }")
            assert in_sight(slider), (head, token)
            assert in_sight(panel.locator(".hand-picture")), (head, token)
            assert in_sight(panel.locator(".hand-told output")), (head, token)


def test_the_hand_as_built_is_what_the_script_makes(site, open_page):
    """Waking changes no word that is seen."""
    page = open_page(site + "by_hand/")
    before = page.locator(".by-hand").inner_text()
    live(page, "by_hand")
    page.wait_for_timeout(500)

    assert page.locator(".by-hand").inner_text() == before
