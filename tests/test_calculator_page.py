"""The calculator in the browser: the numbers of the formulas for whatever is picked, typed, pasted or asked for."""

import json
import re

import pytest

from attnsite.formulas import config, devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.dtypes import DTYPES, WEIGHTS
from attnsite.formulas.keys import NotUnderstood
from attnsite.site.widgets import calculator, calculator_form
from attnsite.site.widgets.calculator_blocks import answer, details, markdown
from attnsite.site.widgets.calculator_words import Chosen
from tests.conftest import ROOT
from tests.test_access import STICKS_OUT
from tests.test_calculator import in_sight, live

pytestmark = pytest.mark.browser
LLAMA = {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 4, "num_attention_heads": 16,
         "num_key_value_heads": 4, "intermediate_size": 4096, "vocab_size": 1000,
         "tie_word_embeddings": True}  # fmt: skip


def column(model="llama-3-8b", device="h100-sxm", tokens=8192, batch=1, kv="bf16", weights="", ranks=1, values=None):
    """What the page should be about: as `calculator.chosen`, with every field, or of a config."""
    every = devices.load()
    name = "your llama" if values else models.load()[model].name
    decoder = config.read_config(values) if values else models.load()[model].decoder()
    stored = WEIGHTS[weights] if weights else None
    cost = Cost(decoder, Count(tokens), batch, DTYPES[kv], stored, ranks, every[device])
    limit = decoder.positions if values else calculator.limit(models.load()[model])
    return Chosen(name, cost, every[device], tuple(every.values()), "" if values else model, limit)


def said(page, *columns):
    """Wait for the page to be about these, and compare every part of it."""
    wanted = answer(list(columns)) | details(list(columns))
    page.wait_for_function(
        """wanted => Object.entries(wanted).every(([name, html]) => {
          const shown = document.querySelector(`[data-block=${name}]`).cloneNode(true);
          const made = document.createElement("div");
          made.innerHTML = html;
          for (const link of [...made.querySelectorAll("a"), ...shown.querySelectorAll("a")]) link.href += "";
          return shown.innerHTML === made.innerHTML; // a theme makes addresses whole
        })""",
        arg=wanted,
        timeout=10_000,
    )


def faults(page):
    """Every line beside a field, by field."""
    texts = page.locator(".calc-fault[id], .calc-faults[id] li").evaluate_all(
        "all => all.map(e => [(e.closest('ul') || e).id.slice(5, -6), e.textContent]).filter(([, text]) => text)"
    )
    return dict(texts)


def test_the_page_as_built_is_what_the_script_makes(site, open_page):
    """Waking changes no word, no figure and no address."""
    page = open_page(site + "calculator/")
    said(page, column())
    live(page)
    page.wait_for_timeout(500)
    said(page, column())
    assert page.url == site + "calculator/"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1366, 657)])
def test_the_answer_is_on_the_first_screen(site, open_page, width, height):
    """Sentence and four figures, whole, before anything is scrolled; and the form begins."""
    page = open_page(site + "calculator/", viewport={"width": width, "height": height})
    for part in (".calc-told", *(f".calc-figures > div:nth-child({i})" for i in (1, 2, 3, 4)), ".calc-chips button"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height, part
    assert page.locator(".calc-figures strong").count() == 4
    assert page.locator(".calc-figures .calc-kind").count() == 4


def test_every_model_and_device_can_be_picked(site, open_page):
    """The sentence is the formulas' for each, without a fault; a model of each family is compared whole."""
    page = live(open_page(site + "calculator/"))
    seen = page.evaluate(
        """async () => {
          const found = [], told = document.querySelector("[data-block=told]");
          for (const name of ["model", "device"]) {
            const field = document.querySelector(`#calc-${name}`), before = field.value;
            for (const option of [...field.options].filter(one => one.value !== "own")) {
              field.value = option.value;
              field.dispatchEvent(new Event("input", { bubbles: true }));
              found.push([name, option.value, told.textContent, document.querySelectorAll("[aria-invalid]").length]);
            }
            field.value = before;
            field.dispatchEvent(new Event("input", { bubbles: true }));
          }
          return found;
        }"""
    )
    assert len(seen) == len(models.load()) + len(devices.load())
    for name, value, text, wrong in seen:
        assert text == re.sub("<[^>]+>", "", answer([column(**{name: value})])["told"]).replace("&#x27;", "'"), value
        assert wrong == 0, value


def test_a_copied_address_opens_the_same_state(site, open_page):
    """What was picked and typed stands in the address; opened anew the page is the same; Start again empties it."""
    page = live(open_page(site + "calculator/"))
    for name, value in {"model": "deepseek-v3", "kv": "fp8", "weights": "fp8", "device": "h200-sxm"}.items():
        page.select_option(f"#calc-{name}", value)
    for name, value in {"context": "131 072", "batch": "64", "devices": "8"}.items():
        page.fill(f"#calc-{name}", value)
    wanted = column("deepseek-v3", "h200-sxm", 131072, 64, "fp8", "fp8", 8)
    said(page, wanted)
    assert page.url.split("?")[1] == (
        "model=deepseek-v3&context=131072&batch=64&kv=fp8&weights=fp8&device=h200-sxm&devices=8"
    )
    again = open_page(page.url)
    again.wait_for_selector("[data-live=yes]")
    said(again, wanted)
    assert again.url == page.url
    again.locator("#calc-form button[type=reset]").click()
    said(again, column())
    assert again.url == site + "calculator/"


def test_older_addresses_open_what_they_meant(site, open_page):
    """Names of models, `roof`, bits, and sizes of a shape, which become a config of the reader's own."""
    page = open_page(site + "calculator/?model=Llama+3+8B&roof=h100&cache_bits=8.5&weight_bits=4.5&context=4096")
    page.wait_for_selector("[data-live=yes]")
    said(page, column(tokens=4096, kv="q8_0", weights="q4_0"))
    page = open_page(site + "calculator/?layers=16&kv_heads=4")
    page.wait_for_selector("[data-live=yes]")
    values = dict(models.load()["llama-3-8b"].config) | {"num_hidden_layers": 16, "num_key_value_heads": 4}
    said(page, column(values={key: values[key] for key in ("num_hidden_layers", "num_key_value_heads", *values)}))


def test_an_address_is_refused_field_by_field(site, open_page):
    """Absurd values say why beside the field and at the answer; the rest is taken; nothing becomes markup."""
    evil = "<img src=x onerror=alert(1)>"
    page = open_page(
        site + f"calculator/?model={evil}&context=-5&devices=1e99&batch=4&roof=abacus&h=q&causal=no&{evil}=1"
    )
    page.wait_for_selector("[data-live=yes]")
    said(page, column(batch=4))
    assert set(faults(page)) == {"model", "context", "devices", "device"}
    lines = page.locator("[data-told=address] li").all_inner_texts()
    assert len(lines) == 2
    assert "causal" in lines[0]
    assert "context=-5" in page.locator("[data-told=refused]").inner_text()
    assert page.locator(".calculator img").count() == 0
    page.fill("#calc-context", "16k")
    assert "context" not in faults(page)
    assert page.locator("[data-told=refused]").inner_text() == ""


def test_every_fault_is_told_at_once_and_mending_brings_new_numbers(site, open_page):
    page = live(open_page(site + "calculator/"))
    page.fill("#calc-batch", "many")
    page.fill("#calc-context", "")
    page.fill("#calc-devices", "0")
    assert faults(page) == {"batch": "“many” is not a whole number", "context": "is empty: enter a whole number",
                            "devices": "must lie between 1 and 4,096"}  # fmt: skip
    assert "3 faults" in page.locator("[data-told=refused]").inner_text()
    assert page.locator("[aria-invalid=true]").count() == 3
    said(page, column())
    for name, value in {"batch": "2", "context": "1.5k", "devices": "3"}.items():
        page.fill(f"#calc-{name}", value)
    assert faults(page) == {"devices": "cannot be: its full attention cannot be shared out to 3 ranks"}
    page.fill("#calc-devices", "4")
    said(page, column(tokens=1536, batch=2, ranks=4))
    assert faults(page) == {}


def test_any_config_is_read_pasted_dropped_and_opened(site, open_page, tmp_path):
    """The same numbers from all three; the address keeps it; what is not understood is named, every line of it."""
    page = live(open_page(site + "calculator/"))
    page.locator(".calc-own summary").click()
    page.fill("#calc-config", json.dumps(LLAMA, indent=1))
    said(page, column(values=LLAMA))
    assert page.input_value("#calc-model") == "own"
    again = open_page(page.url)
    again.wait_for_selector("[data-live=yes]")
    said(again, column(values=LLAMA))

    wider = LLAMA | {"num_key_value_heads": 16}
    page.locator(".calculator").evaluate(
        """(element, text) => {
          const held = new DataTransfer();
          held.items.add(new File([text], "config.json", { type: "application/json" }));
          for (const type of ["dragover", "drop"]) {
            element.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: held }));
          }
        }""",
        json.dumps(wider),
    )
    said(page, column(values=wider))
    (tmp_path / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    with page.expect_file_chooser() as chooser:
        page.locator("[data-do=open]").click()
    chooser.value.set_files(tmp_path / "config.json")
    said(page, column(values=LLAMA))

    broken = {**LLAMA, "num_hidden_layers": "four", "kv_twist": 3, "model_type": "llama"}
    del broken["hidden_size"], broken["vocab_size"]
    broken["hidden_size"] = -1
    page.fill("#calc-config", json.dumps(broken))
    with pytest.raises(NotUnderstood) as error:
        config.read_config(broken)
    lines = page.locator("#calc-config-fault li").all_inner_texts()
    assert lines == [str(fault) for fault in error.value.faults]
    assert len(lines) == 3
    page.fill("#calc-config", '{"model_type": "llama",\n "hidden_size" 3}')
    assert page.locator("#calc-config-fault li").all_inner_texts() == [
        "line 2: is not valid JSON (Expecting ':' delimiter); paste the whole file"
    ]
    page.fill("#calc-config", '{"model_type": "perceptron"}')
    assert "'perceptron', which is not understood" in page.locator("#calc-config-fault").inner_text()
    page.select_option("#calc-model", "llama-3-8b")
    said(page, column())


def test_two_models_or_devices_stand_side_by_side(site, open_page):
    page = live(open_page(site + "calculator/?context=32k"))
    page.locator(".calc-with summary").click()
    page.select_option("#calc-model2", "qwen3-8b")
    said(page, column(tokens=32768), column("qwen3-8b", tokens=32768))
    page.select_option("#calc-device2", "rtx-4090")
    said(page, column(tokens=32768), column("qwen3-8b", "rtx-4090", 32768))
    assert page.locator(".calc-chart").first.locator(".calc-curve").count() == 6  # two of each panel, and two names


def test_a_device_of_ones_own_is_counted_with(site, open_page):
    """Its three values are fields, and hold finite numbers alone."""
    page = live(open_page(site + "calculator/"))
    assert page.locator("#calc-memory").is_hidden()
    page.select_option("#calc-device", "own")
    page.fill("#calc-memory", "17.5")
    page.fill("#calc-bandwidth", "1000")
    page.fill("#calc-peak", "100")
    rates = (17.5,), False, 1000.0, dict.fromkeys(("fp32", "fp16", "bf16", "fp8", "int8", "fp4"), 100.0)
    own = devices.Device("own", "your device", "", "", 0, (), *rates, (), "", "maker", "")
    cost = Cost(column().cost.decoder, Count(8192), device=own)
    said(page, Chosen("Llama 3 8B", cost, own, tuple(devices.load().values()), "llama-3-8b"))
    page.fill("#calc-bandwidth", "1,000")  # a comma parts thousands, and is nothing else
    page.fill("#calc-context", "8,192")
    said(page, Chosen("Llama 3 8B", cost, own, tuple(devices.load().values()), "llama-3-8b"))
    for typed in ("fast", "3,35", "1,0000"):
        page.fill("#calc-bandwidth", typed)
        assert "must be a number" in faults(page)["bandwidth"]
    page.fill("#calc-context", "1,5k")
    assert "is not a whole number" in faults(page)["context"]


def test_what_is_copied_is_a_markdown_table(site, open_page):
    page = live(open_page(site + "calculator/"))
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async text => { window.held = text; } } })"
    )
    page.locator("[data-do=markdown]").click()
    page.wait_for_function("window.held")
    assert page.evaluate("window.held") == markdown([column()])
    page.locator("[data-do=link]").click()
    page.wait_for_function("window.held === location.href")


def test_examples_and_context_lengths_are_one_press(site, open_page):
    """Each example opens without a fault; its model and device are on the lists."""
    page = live(open_page(site + "calculator/"))
    for button in page.locator("[data-state]").all():
        button.click()
        assert faults(page) == {}
        assert page.locator("[data-told=address] li").count() == 0
    assert page.locator("[data-state]").count() == len(calculator_form.STARTS)
    page.locator("#calc-form button[type=reset]").click()
    for button, tokens in zip(page.locator("[data-context]").all(), (2048, 8192, 32768, 131072, 2**20), strict=True):
        button.click()
        said(page, column(tokens=tokens))


@pytest.mark.parametrize("model", ["llama-3-8b", "deepseek-v3"])
def test_at_both_ends_of_every_field_each_part_holds_numbers_and_fits_a_phone(site, open_page, model):
    page = live(open_page(site + f"calculator/?model={model}", viewport={"width": 390, "height": 844}))
    page.locator(".calculator details").evaluate_all("all => all.forEach(e => e.open = true)")
    fields = (calculator_form.CONTEXT, calculator_form.BATCH, *calculator_form.MORE)
    for end in ("least", "most"):
        for field in fields:
            page.fill(f"#calc-{field.name}", str(getattr(field, end)))
        assert faults(page) == {}
        page.wait_for_timeout(400)
        words = page.locator(".calculator [data-block]").evaluate_all("all => all.map(e => e.outerHTML).join()")
        assert not re.search(r"NaN|Infinity|undefined|\de\+", words), end
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(STICKS_OUT) == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 1024), (390, 844)])
def test_the_sentence_is_seen_beside_every_field(site, open_page, width, height):
    """From the first field to the last, and it never lies over the field that is typed into."""
    page = live(open_page(site + "calculator/", viewport={"width": width, "height": height}))
    page.locator("[data-module] form details").evaluate_all("all => all.forEach(e => { e.open = true; })")
    for field in page.locator("#calc-form :is(input, select):visible").all():
        field.focus()
        page.wait_for_timeout(30)
        assert in_sight(page.locator(".calc-told p").first), field.get_attribute("id")
        assert in_sight(field), field.get_attribute("id")


def test_it_lives_on_after_instant_navigation(site, open_page):
    """Away by a link and back: the address is kept, the form wakes again, once."""
    page = live(open_page(site + "calculator/"))
    page.fill("#calc-batch", "32")
    page.locator("article a[href*='what_more_heads_cost']").first.click()
    page.mouse.move(0, 0)  # no figure of the other page is to wake
    page.wait_for_url("**/what_more_heads_cost/**")
    page.wait_for_timeout(600)  # what is told once the typing stops falls due on the other page
    page.go_back()
    page.wait_for_selector("[data-module=calculator][data-live=yes]")
    said(page, column(batch=32))
    page.fill("#calc-batch", "16")
    said(page, column(batch=16))


def test_the_file_of_choices_is_light_and_names_no_path():
    told = calculator.data()
    assert len(told.encode()) < 200_000
    assert str(ROOT) not in told
    assert json.loads(told)["start"] == {"model": calculator.MODEL, "device": calculator.DEVICE}
