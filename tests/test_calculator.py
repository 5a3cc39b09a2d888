"""The calculator and attention by hand, in the browser: whole without a script, and the same numbers as the Python."""

import dataclasses
import gzip
import json
import math
import random
import re

import numpy as np
import pytest

from attnsite.experiments import whole_models
from attnsite.formulas import parts as ledger
from attnsite.site import records
from attnsite.site.widgets import by_hand, calculator, calculator_form
from tests.conftest import ROOT
from tests.test_access import STICKS_OUT
from tests.test_weight import BEFORE, FONT

pytestmark = pytest.mark.browser
PAGES = ("calculator/", "by_hand/")
SEEDS, EACH = 12, 300
ROOF = {"peak": 989e12, "bandwidth": 3.35e12, "name": "NVIDIA H100 SXM"}


def random_case(draw):
    """A model and a step of any size, far beyond what a double counts exactly in places."""

    def up_to(most):
        return int(most ** draw.random())

    layers, kv_heads = up_to(10**4), up_to(300)
    made = {"layers": layers, "width": up_to(10**7), "heads": kv_heads * up_to(300), "kv_heads": kv_heads,
            "dim": up_to(10**6), "mlp_width": up_to(10**8) - 1, "mlp_matrices": draw.choice([2, 3]),
            "vocabulary": up_to(10**8) - 1, "tied": draw.random() < 0.3}  # fmt: skip
    if draw.random() < 0.4:
        made |= {"window": up_to(10**9) - draw.choice([0, 1]), "windowed": draw.randrange(layers + 1)}
    if draw.random() < 0.3:
        made |= {"latent": up_to(10**6), "rope_dim": up_to(10**6) - 1, "value_dim": up_to(10**6),
                 "query_latent": up_to(10**6) - 1}  # fmt: skip
    if draw.random() < 0.3:
        experts = up_to(10**6)
        made |= {"experts": experts, "experts_a_token": draw.randint(1, experts), "shared_experts": up_to(10**6) - 1,
                 "dense_layers": draw.randrange(layers + 1), "dense_width": up_to(10**8) - 1}  # fmt: skip
    keys = up_to(10**9)
    step = ledger.Step(draw.choice([1, keys, min(keys, 7)]), keys, up_to(10**6), draw.random() < 0.7,
                       draw.choice([32, 16, 8.5, 8, 4.5, 4]), draw.choice([32, 16, 8.5, 8, 4.5, 4]))  # fmt: skip
    return ledger.Model(**made), step


IN_PYTHON = {name: getattr(ledger, name) for name in ("weights", "flops", "cache", "moved", "intensity")}
IN_THE_BROWSER = """async ([address, cases, roof]) => {
  const page = await import(address);
  const plain = value => (typeof value === "bigint" ? String(value) : value);
  const whole = found => Object.fromEntries(Object.entries(found).map(([name, value]) => [name, plain(value)]));
  return cases.map(([model, step]) => {
    const [queries, keys, batch] = [step.queries, step.keys, step.batch].map(BigInt);
    const m = page.shape(model), s = { ...step, queries, keys, batch };
    const found = { weights: whole(page.weights(m)), cells: page.cells(m, { ...s, queries: 1n }, roof) };
    for (const name of ["flops", "cache", "moved", "intensity"]) found[name] = whole(page[name](m, s));
    return found;
  });
}"""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_page_counts_as_the_ledger_does(site, open_page, seed):
    """Over thousands of random shapes, every integer to the last digit, every ratio to the last bit, every text."""
    draw = random.Random(seed)
    cases = [random_case(draw) for _ in range(EACH)]
    sent = [(dataclasses.asdict(model), dataclasses.asdict(step)) for model, step in cases]
    page = open_page(site + "glossary/")

    seen = page.evaluate(IN_THE_BROWSER, [site + "assets/calculator.js", sent, ROOF])
    for (model, step), found in zip(cases, seen, strict=True):
        for name, function in IN_PYTHON.items():
            counted = function(model) if name == "weights" else function(model, step)
            counted = {part: str(n) if isinstance(n, int) else n for part, n in counted.items()}
            assert found[name] == counted, (name, model, step)
        cells = calculator.cells(model, dataclasses.replace(step, queries=1), ROOF)
        assert found["cells"] == {name: str(value) for name, value in cells.items()}, (model, step)
    assert max(ledger.flops(*case)["all"] for case in cases) > 2**80


def live(page, kind="calculator"):
    """Touch the part of the page that wakes, and wait for it."""
    page.locator(f"[data-module={kind}]").dispatch_event("focusin")
    page.wait_for_selector(f"[data-module={kind}][data-live=yes]")
    return page


def shown(page):
    cells = page.locator("[data-cell]").evaluate_all("e => e.map(c => [c.dataset.cell, c.textContent])")
    return dict(cells)


def expected(name="Llama 3 8B", context=4096, batch=1, roof=ROOF, **changed):
    case = next(case for case in whole_models.shapes() if case["name"] == name)
    work = {key: changed.pop(key) for key in ("causal", "weight_bits", "cache_bits") if key in changed}
    model = ledger.Model(**({field: case[field] for field in whole_models.SHAPE} | changed))
    cells = calculator.cells(model, ledger.Step(1, context, batch, **work), roof)
    return {key: str(value) for key, value in cells.items()}


@pytest.mark.parametrize("path", PAGES)
def test_it_is_whole_without_a_script(site, open_page, path):
    """Tables, picture and its words are there, every number is one, and what only a script could use is hidden."""
    page = open_page(site + path, java_script_enabled=False)
    part = page.locator("[data-module]")

    assert part.locator("table").first.is_visible()
    picture = part.locator("svg[role=img]").first
    assert picture.is_visible()
    assert re.search(r"\d", picture.get_attribute("aria-label"))
    assert len(picture.get_attribute("aria-label")) > 40
    assert part.locator("input:visible, select:visible, button:visible").count() == 0
    assert not re.search(r"NaN|undefined|None|Infinity", part.inner_text())


def test_the_page_as_built_is_what_the_script_makes(site, open_page):
    """Waking changes no number, no line and no mark."""
    page = open_page(site + "calculator/")
    before = [page.locator(part).inner_html() for part in (".calc-tables", ".calc-roof", "[data-told=from]")]
    assert shown(page) == expected()
    live(page)
    page.wait_for_timeout(500)

    assert [page.locator(part).inner_html() for part in (".calc-tables", ".calc-roof", "[data-told=from]")] == before
    assert page.url == site + "calculator/"


def test_every_published_model_can_be_picked(site, open_page):
    """Each gives the numbers of the ledger, no fault, and an address of its own."""
    page = live(open_page(site + "calculator/"))
    for case in whole_models.shapes():
        page.select_option("#calc-model", case["name"])
        assert shown(page) == expected(case["name"]), case["name"]
        assert page.locator("[aria-invalid]").count() == 0
    assert "gpt-oss-120b" in page.url
    assert "not looked up" not in page.locator("[data-told=from]").inner_text()


def test_a_copied_address_opens_the_same_state(site, open_page):
    """What was typed stands in the address; opened anew, form and numbers are the same, and shorter where nothing is
    said that the model says already."""
    page = live(open_page(site + "calculator/"))
    page.select_option("#calc-model", "DeepSeek-V3 671B")
    page.fill("#calc-batch", "256")
    page.fill("#calc-context", "131 072")
    page.select_option("#calc-cache_bits", "8.5")
    page.uncheck("#calc-causal")
    page.select_option("#calc-roof", "mi300x")
    page.check("input[name=phase][value=prompt]")
    now = shown(page)
    assert now["cache.batch"] == expected("DeepSeek-V3 671B", 131072, 256, cache_bits=8.5)["cache.batch"]

    again = open_page(page.url)
    again.wait_for_selector("[data-live=yes]")
    assert shown(again) == now
    assert again.url == page.url
    assert len(re.findall("=", page.url)) == 7
    again.locator("[data-module] button[type=reset]").click()
    again.wait_for_function("() => location.search === ''")
    assert shown(again) == expected()


def test_an_address_is_refused_field_by_field(site, open_page):
    """Absurd values keep the model's own and say why beside the field; the rest is taken; nothing becomes markup."""
    evil = "<img src=x onerror=alert(1)>"
    page = open_page(
        site + f"calculator/?model={evil}&layers=-5&width=1e9&heads=99999999999999999999&batch=4&roof=abacus&h=query"
        f"&causal=perhaps&phase=never&{evil}={evil}&dim=64"
    )
    page.wait_for_selector("[data-live=yes]")

    assert shown(page) == expected(batch=4, dim=64)
    for name in ("model", "layers", "width", "heads", "roof", "causal"):
        assert "address" in page.locator(f"#calc-{name}-fault").inner_text(), name
    lines = page.locator("[data-told=address] li").all_inner_texts()
    assert len(lines) == 2
    assert any("phase" in line for line in lines)
    assert page.locator(".calculator img").count() == 0
    page.fill("#calc-layers", "16")
    assert page.locator("#calc-layers-fault").inner_text() == ""


def test_every_fault_is_told_at_once_beside_its_field(site, open_page):
    """One line each, read out with the field; the last good numbers stay, and mending brings new ones."""
    page = live(open_page(site + "calculator/"))
    page.fill("#calc-kv_heads", "5")
    page.fill("#calc-batch", "many")
    page.fill("#calc-context", "")
    page.locator("details:has(#calc-experts) summary").click()
    page.fill("#calc-experts", "8")

    faults = {"kv_heads": "must divide the 32 query heads", "batch": "“many” is not a whole number",
              "context": "is empty: enter a whole number",
              "experts_a_token": "must be at least 1 with experts"}  # fmt: skip
    for name, line in faults.items():
        field = page.locator(f"#calc-{name}")
        assert page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text() == line
        assert field.get_attribute("aria-invalid") == "true"
    page.wait_for_function("() => document.querySelector('.calc-told output').value.includes('4 fields have a fault')")
    assert shown(page) == expected()
    for name, value in {"kv_heads": "4", "batch": "2", "context": "1000", "experts_a_token": "2"}.items():
        page.fill(f"#calc-{name}", value)
    assert shown(page) == expected(context=1000, batch=2, kv_heads=4, experts=8, experts_a_token=2)


def test_bounds_of_the_form_are_finite_numbers_everywhere(site, open_page):
    """At the least and at the most that every field allows, each cell holds a number."""
    page = live(open_page(site + "calculator/"))
    everything = [*calculator_form.SHAPE, *calculator_form.WORK,
                  *(f for fields in calculator_form.FOLDED.values() for f in fields)]  # fmt: skip
    page.locator(".calculator details").evaluate_all("all => all.forEach(e => e.open = true)")
    for end in ("least", "most"):
        for field in everything:
            value = getattr(field, end)
            if end == "most" and field.name in ("windowed", "dense_layers"):
                value = 10_000
            if end == "most" and field.name == "window":
                value = 10**9
            page.fill(f"#calc-{field.name}", str(value))
        assert page.locator("[aria-invalid]").count() == 0, end
        words = " ".join(shown(page).values())
        assert not re.search(r"NaN|Infinity|undefined|e\+", words), words


def test_it_lives_on_after_instant_navigation(site, open_page):
    """Away by a link and back: the address is kept, the form wakes again, once."""
    page = live(open_page(site + "calculator/"))
    page.fill("#calc-batch", "32")
    page.locator("article a[href*='what_more_heads_cost']").first.click()
    page.wait_for_url("**/what_more_heads_cost/**")
    page.wait_for_timeout(600)  # what is told once the typing stops falls due on the other page
    page.go_back()
    page.wait_for_selector("[data-module=calculator][data-live=yes]")
    assert shown(page) == expected(batch=32)
    page.fill("#calc-batch", "16")
    assert shown(page) == expected(batch=16)


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
        name in url for url in sizes for name in ("calculator.js", "by_hand.js", "quantity.js", "models.json")
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
        page.fill("#calc-kv_heads", "5")
        page.wait_for_timeout(600)
    assert violations("[data-module]") == []


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_sideways_scrolling(site, open_page, path):
    """At 360 pixels, alive and with everything unfolded and a long fault, nothing sticks out."""
    page = live(open_page(site + path, viewport={"width": 360, "height": 740}), path.strip("/"))
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    if path == "calculator/":
        page.fill("#calc-layers", "9" * 60)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(STICKS_OUT) == []


def test_models_file_is_small_and_names_no_path():
    """What the form loads is at most 6 KB, and has nothing of the machine that built it."""
    told = calculator.data(records.read(ROOT))

    assert len(gzip.compress(told.encode(), 9)) < 6_000
    assert str(ROOT) not in told
    assert json.loads(told)["start"] == {"model": "Llama 3 8B", "roof": "h100"}


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


@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_the_calculators_sentence_is_seen_beside_every_field(site, open_page, width, height):
    """From the first field to the last, whole, and it never lies over the field that is typed into."""
    page = live(open_page(site + "calculator/", viewport={"width": width, "height": height}))
    page.locator("[data-module] details").evaluate_all("all => all.forEach(e => { e.open = true; })")
    for field in page.locator("#calc-form :is(input, select):visible").all():
        field.focus()
        page.wait_for_timeout(30)
        name = field.get_attribute("id") or field.get_attribute("value")
        assert in_sight(page.locator(".calc-told output")), name
        assert in_sight(field), name


def test_a_model_without_mlp_says_what_its_weights_are_without(site, open_page):
    """Not one sentence calls the weights of attention alone those of the model; typed in, they are."""
    page = live(open_page(site + "calculator/"))
    told = page.locator(".calc-told output")
    partial = [case for case in whole_models.shapes() if not (case["mlp_width"] or case["dense_width"])]
    assert len(partial) > 5
    for case in partial:
        page.select_option("#calc-model", case["name"])
        page.wait_for_function("name => document.querySelector('.calc-told output').value.startsWith(name)",
                               arg=case["name"])  # fmt: skip
        assert "of attention only" in told.inner_text() or "without" in told.inner_text(), case["name"]
    page.fill("#calc-mlp_width", "1024")
    page.wait_for_function("document.querySelector('.calc-told output').value.includes('without vocabulary')")
    page.fill("#calc-vocabulary", "1024")
    page.wait_for_function("document.querySelector('.calc-told output').value.includes(' weights; KV cache')")
    page.select_option("#calc-model", "Llama 3 8B")
    page.wait_for_function("document.querySelector('.calc-told output').value.startsWith('Llama 3 8B: 8.03')")
    assert "without" not in told.inner_text()


def test_the_sentence_as_built_is_what_the_script_says(site, open_page):
    """Word for word."""
    page = open_page(site + "calculator/")
    before = page.locator(".calc-told output").inner_text()
    live(page)
    page.wait_for_timeout(600)
    assert page.locator(".calc-told output").inner_text() == before
    assert "FLOP/byte" in before


@pytest.mark.parametrize(("typed", "counted"), [
    ("4k", 4096), ("128K", 131072), ("1e3", 1000), ("1.5k", 1536), ("131,072", 131072), ("131 072", 131072),
    ("1M", 2**20), ("2.5e2", 250)])  # fmt: skip
def test_numbers_are_taken_as_people_type_them(site, open_page, typed, counted):
    """With k and M of 1024, with an exponent, with separators; the address has the plain number."""
    page = live(open_page(site + "calculator/"))
    page.fill("#calc-context", typed)
    assert shown(page) == expected(context=counted)
    assert page.locator("[aria-invalid]").count() == 0
    assert page.url == site + f"calculator/{f'?context={counted}' if counted != 4096 else ''}"


@pytest.mark.parametrize("typed", ["1.5", "k", "1e", "-4k", "1e-3", "4kk", "0x10", "1e99", "∞"])
def test_what_is_no_whole_number_is_refused(site, open_page, typed):
    """In a line beside the field."""
    page = live(open_page(site + "calculator/"))
    page.fill("#calc-context", typed)
    said = "must not be negative" if typed.startswith("-") else "is not a whole number"
    assert said in page.locator("#calc-context-fault").inner_text()


def test_extremes_have_no_false_digits_and_fit_a_phone(site, open_page):
    """At the most that every field allows no cell has more than seven digits, and the page fits the phone."""
    page = live(open_page(site + "calculator/", viewport={"width": 390, "height": 844}))
    page.locator(".calculator details").evaluate_all("all => all.forEach(e => e.open = true)")
    for field in [*calculator_form.SHAPE, *calculator_form.WORK,
                  *(f for fields in calculator_form.FOLDED.values() for f in fields)]:  # fmt: skip
        page.fill(f"#calc-{field.name}", str(field.most))
    assert page.locator("[aria-invalid]").count() == 0

    def digits(text):  # without the zeros at the end of a whole number
        return len(re.sub(r"0+$", "", re.sub(r"[^\d.]", "", text)))

    longest = max(shown(page).values(), key=digits)
    assert digits(longest) <= 7, longest
    assert "×10" in " ".join(shown(page).values())
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(STICKS_OUT) == []


def test_the_hand_as_built_is_what_the_script_makes(site, open_page):
    """Waking changes no word that is seen."""
    page = open_page(site + "by_hand/")
    before = page.locator(".by-hand").inner_text()
    live(page, "by_hand")
    page.wait_for_timeout(500)

    assert page.locator(".by-hand").inner_text() == before


def test_what_a_link_says_and_is_not_taken_is_told_at_the_answer(site, open_page):
    page = open_page(site + "calculator/?heads=banana&layers=-3&model=zz&context=1e9&what=1")
    page.wait_for_selector("[data-module=calculator][data-live=yes]")
    told = page.locator(".calc-told").inner_text()
    assert "Not taken from the link: model=zz, heads=banana, layers=-3, what=1." in told
    page.fill("#calc-layers", "3")
    assert "Not taken" not in page.locator(".calc-told").inner_text()
