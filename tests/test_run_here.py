"""Kernels in the reader's browser: the bits of the native ones, checked, timed within what was asked, and ended."""

import gzip
import json
import re
import urllib.request
from urllib.parse import urljoin

import pytest

from attnsite.records import asked, browser_calls, run_file, vetting
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
EXPERIMENT = "threads_by_heads"
LOADED = ("run_here", "kernel_clock", "kernel_worker", "kernel_module", "kernel_inputs", "kernel_reference", "own_run",
          "dropped", "run", "beside", "machines", "opened", "say")  # fmt: skip
ABOUT = json.loads((ROOT / browser_calls.FOLDER / browser_calls.ABOUT).read_text(encoding="utf-8"))
ASK = """
  const base = document.querySelector('script[src*="figures.js"]').src;
  const worker = new Worker(new URL("kernel_worker.js", base), { type: "module" });
  const ask = (what, given) => new Promise((done, failed) => {
    worker.onerror = event => failed(Error(event.message || "no worker"));
    worker.onmessage = ({ data }) => ("error" in data ? failed(Error(data.error)) : done(data.answer));
    worker.postMessage({ id: 0, ask: what, ...given });
  });
"""
PROVE = f"""async about => {{ {ASK}
  await ask("load", {{ names: Object.keys(about.modules) }});
  const found = [];
  for (const {{ kernel, module, case: sizes, forms, slots, steps }} of about.proofs) {{
    await ask("lay", {{ kernel, module, call: {{ sizes, forms, slots, steps }} }});
    const verdict = await ask("check", {{ kernel, module, workload: sizes }});
    const first = await ask("prove", {{ kernel, module }}), second = await ask("prove", {{ kernel, module }});
    found.push([first, second, verdict.max_error, verdict.bound]);
  }}
  worker.terminate();
  return found;
}}"""
CHECK = f"""async ([data, at, kernel, count]) => {{ {ASK}
  const one = data.cases[at], {{ module, forms, shares }} = one.calls[kernel];
  await ask("load", {{ names: [module] }});
  const part = one.case.batch * one.case.kv_heads / count;
  const sizes = {{ ...one.case, batch: 1, heads: part * one.case.heads / one.case.kv_heads, kv_heads: part }};
  await ask("lay", {{ kernel, module, call: {{ sizes, forms, slots: data.slots, steps: shares[count] }} }});
  const verdict = await ask("check", {{ kernel, module, workload: sizes }});
  worker.terminate();
  return verdict;
}}"""
PRESS = """() => {
  const button = document.querySelector('[data-act="here"]');
  button.closest("figure").dataset.seconds = "1";
  button.click();
}"""
SAID = "() => document.querySelector('.here-said')?.textContent || ''"
ENDED = """() => [...document.querySelectorAll('.exhibit-here button')]
  .some(one => !one.hidden && one.textContent === 'More rounds')"""
WORKERS = """
  window.workers = { begun: 0, ended: 0 };
  window.Worker = class extends Worker {
    constructor(...given) { super(...given); window.workers.begun++; }
    terminate() { if (!this.over) window.workers.ended++; this.over = true; super.terminate(); }
  };
"""


@pytest.fixture
def address(site):
    """The page with a figure of an experiment whose kernels run in a browser."""
    with urllib.request.urlopen(urljoin(site, "results/index.json")) as answer:
        shown = json.load(answer)["experiments"][EXPERIMENT]["shown"]
    return urljoin(site, shown[0][1].split("#")[0])


def test_modules_give_the_bits_of_the_native_kernels(drive, address):
    """In every browser, whatever it compiles with: prompt, token, window, blocks, and each form of a cache."""
    window = drive()
    window.open(address)
    found = window.run(PROVE, ABOUT)

    assert len(found) == len(ABOUT["proofs"]) > 15
    for proof, (first, second, error, bound) in zip(ABOUT["proofs"], found, strict=True):
        told = proof["kernel"], proof["case"]
        assert first == second, told
        assert proof["sha256"] in (first, None), told
        assert 0 <= error <= bound, told
    exact = {proof["kernel"] for proof in ABOUT["proofs"] if proof["sha256"]}
    assert {p["kernel"] for p in ABOUT["proofs"]} - exact == {"cpu_decode"}  # it lets LLVM reassociate its sums


def test_a_press_times_the_kernels_and_shows_them_beside_ours(drive, address, tmp_path):
    """Within the page's policy; what is kept is a run that `attnsite check` would accept."""
    window = drive()
    window.open(address)
    window.until("() => window.attnsite || document.querySelector('.exhibit-bar:not([hidden])')")
    assert not any("kernel" in url for url in window.asked)  # nothing of it before the press
    window.run(PRESS)
    window.until(ENDED, seconds=120)

    said = window.run(SAID)
    assert re.match(r"\d+ of \d+ cases, \d+ samples in \d+ s on (one thread|\d threads)\. ", said), said
    assert re.search(r"results identical to the native kernels’ in \d+ small calls", said), said
    beside = window.run("() => document.querySelector('.exhibit-own').textContent")
    assert "Your run on browser" in beside
    text = window.run(f"() => JSON.parse(sessionStorage.getItem('attnsite.here.{EXPERIMENT}')).text")
    path = tmp_path / "browser" / f"{EXPERIMENT}.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    made = run_file.read(path)
    assert [str(each) for each in vetting.faults(made, path, {}, asked.asked(EXPERIMENT))] == []
    assert len([row for row in made.rows if row.samples]) >= 3
    assert all(len(row.samples) >= 3 and row.max_error <= row.bound for row in made.rows if row.samples)


@pytest.fixture
def strict(browser, address):
    """The page in a Chromium that heeds its policy, every worker counted."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.add_init_script(WORKERS)
    page.goto(address, wait_until="load")
    page.locator(".exhibit-bar:not([hidden])").first.wait_for()
    yield page
    context.close()
    assert said == []


def begin(page):
    """Press, and wait until kernels are being called."""
    page.evaluate(PRESS)
    page.locator(".here-doing", has_text=re.compile("checking|timing")).wait_for(timeout=90_000)


def all_ended(page):
    page.wait_for_timeout(600)
    workers = page.evaluate("window.workers")
    return workers["begun"] == workers["ended"] > 0


def test_cancel_ends_it_at_once(strict):
    """Every worker is gone with its memory, the page says so, and it can be begun again."""
    begin(strict)
    strict.locator(".exhibit-here button", has_text="Cancel").click()
    strict.locator(".here-said", has_text="Stopped: cancelled.").wait_for()

    assert all_ended(strict)
    assert strict.locator(".exhibit-here button", has_text="More rounds").is_visible()


def test_leaving_the_page_ends_it(strict):
    """Turning to another page keeps the script of this one alive, and must not keep its workers."""
    begin(strict)
    strict.evaluate("document.querySelector('.exhibit-here').closest('figure').remove()")

    assert all_ended(strict)


def test_a_tab_in_the_background_is_refused(strict):
    """Before, and in the middle: browsers slow such tabs down."""
    hide = "Object.defineProperty(document, 'hidden', { value: true, configurable: true })"
    begin(strict)
    strict.evaluate(f"{hide}; document.dispatchEvent(new Event('visibilitychange'))")
    strict.locator(".here-said", has_text="Stopped: the tab went to the background").wait_for()
    strict.locator(".exhibit-here button", has_text="More rounds").click()
    strict.locator(".here-said", has_text="bring it to the front").wait_for()

    assert all_ended(strict)


@pytest.mark.parametrize("which", [min, max], ids=["smallest", "largest"])
def test_the_smallest_and_the_largest_call_are_right(open_page, address, which):
    """Of all experiments: the fewest and the most numbers that a page computes with, in one share and in the most."""
    found = []
    for name in browser_calls.experiments(ROOT):
        data = json.loads((ROOT / browser_calls.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        for at, one in enumerate(data["cases"]):
            case = one["case"]
            rows = case["heads"] * case["queries"] + case["kv_heads"] * case["keys"]
            size = case["batch"] * case["dim"] * rows
            found += [(size, name, at, kernel) for kernel in one["calls"] if kernel.startswith("cpu_simd")]
    _, name, at, kernel = which(found)
    data = json.loads((ROOT / browser_calls.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    page = open_page(address)
    for count in {min(counts := [*data["cases"][at]["calls"][kernel]["shares"]]), max(counts)}:
        verdict = page.evaluate(CHECK, [data, at, kernel, int(count)])
        assert 0 < verdict["max_error"] <= verdict["bound"], (name, at, kernel, count)


def test_a_device_with_little_memory_is_not_filled(strict):
    """Nothing is laid out that would not fit, and the page says why nothing was timed."""
    strict.evaluate("Object.defineProperty(navigator, 'deviceMemory', { value: 0.001 })")
    strict.evaluate(PRESS)
    strict.locator(".here-said", has_text="Nothing was timed: more memory than this device").wait_for()

    assert all_ended(strict)


def test_ten_measurements_leave_nothing_behind(strict):
    """No worker, and in the page no more than its rows."""
    for _ in range(10):
        strict.evaluate(PRESS.replace('"1"', '"0.01"'))
        strict.locator(".exhibit-here button:visible", has_text="More rounds").wait_for(timeout=90_000)

    assert all_ended(strict)
    assert strict.locator(".exhibit-here").count() == strict.locator(".exhibit-own").count() == 1


def test_what_a_press_loads_is_light():
    """At most 40 KB of scripts, gzipped."""
    sizes = [len(gzip.compress((ROOT / f"docs/assets/{name}.js").read_bytes(), 9)) for name in LOADED]

    assert sum(sizes) <= 40_000
