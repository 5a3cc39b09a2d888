"""What every page of the site weighs and how it moves, before a reader touches it and after all its figures woke."""

import gzip
import json
import re
import time

import pytest

from tests import visits

pytestmark = pytest.mark.browser
BEFORE, REQUESTS, SCRIPTS, AFTER = 113_500, 14, 40_000, 455_000  # bytes gzipped, for a page of four figures
FONT = 20_000  # of formulas, on pages that have some: machines without a mathematical font set exponents wrong
STILL = 0.0005  # a layout shift is a share of the window: this is less than a pixel of a line


@pytest.fixture(scope="module")
def weighed(site, paths, browser):
    """Each page opened with an empty cache, read to its end, and all its figures brought to life."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page = context.new_page()
    context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.add_init_script(visits.SHIFTS)
    traffic, found = visits.Traffic(page), {}
    for path in paths:
        traffic.forget()
        page.goto(site + path, wait_until="networkidle")
        before, others = traffic.sizes(), traffic.others()
        traffic.forget()
        visits.wake(page)
        after = traffic.sizes()
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found[path] = {
            "before": before, "after": {url: size for url, size in after.items() if url not in before},
            "others": others + traffic.others(), "figures": page.locator("figure.exhibit").count(),
            "live": page.locator("figure.is-live").count(), "shift": page.evaluate("window.shift"),
            "moved": page.evaluate("window.moved"),
        }  # fmt: skip
    context.close()
    return found


def room(limit, page):
    """A page of more than four figures may weigh 4 KB more for each, since each brings its own table and texts."""
    return limit + 4_000 * max(0, page["figures"] - 4)


def test_every_page_is_light_before_it_is_touched(weighed):
    """At most 113.5 KB gz in 14 requests, at most 40 KB of it scripts, and beside that the font of formulas."""
    heavy = {}
    for path, page in weighed.items():
        total = sum(page["before"].values())
        scripts = sum(size for url, size in page["before"].items() if url.endswith((".js", ".mjs")))
        font = FONT if any(url.endswith("/formulas.css") for url in page["before"]) else 0
        if total > room(BEFORE, page) + font or len(page["before"]) > REQUESTS or scripts > SCRIPTS:
            heavy[path] = (total, len(page["before"]), scripts)
    assert heavy == {}


def test_waking_every_figure_of_a_page_costs_little(weighed):
    """The chart library and all charts of a page are at most 455 KB gz; there is a page with four and they wake."""
    heavy = {path: sum(page["after"].values()) for path, page in weighed.items()}
    heavy = {path: total for path, total in heavy.items() if total > room(AFTER, weighed[path])}

    assert heavy == {}
    assert max(page["live"] for page in weighed.values()) >= 4


def test_no_page_asks_another_host(weighed):
    """Neither as it opens nor when its figures wake."""
    assert {path: page["others"] for path, page in weighed.items() if page["others"]} == {}


def test_no_page_moves_by_itself(weighed, site, browser):
    """Nothing shifts while it loads, nor when its figures wake.

    What moved is opened five times more: where a long table's text comes in two parts, or is read in two on a busy
    machine, its columns find their widths twice, which no page can help.
    """
    moving = {path: (page["shift"], page["moved"][:3]) for path, page in weighed.items() if page["shift"] > STILL}
    for path in list(moving):
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
            page = context.new_page()
            page.add_init_script(visits.SHIFTS)
            page.goto(site + path, wait_until="networkidle")
            visits.wake(page)
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            if page.evaluate("window.shift") <= STILL:
                moving.pop(path, None)
            context.close()

    assert moving == {}


def test_no_page_moves_when_its_scripts_come_late(site, browser):
    """On a slow line a page is seen before the theme's script has run, a short one with its foot."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.add_init_script(visits.SHIFTS)
    page.route(re.compile(r"/(bundle\.\w+\.min|figures)\.js$"), lambda route: (time.sleep(0.4), route.continue_()))
    moving = {}
    for path in ("questions/learning/", "questions/cost/", "machines/", ""):
        page.goto(site + path, wait_until="networkidle")
        page.wait_for_function("!!window.attnsite")
        if page.evaluate("window.shift") > STILL:
            moving[path] = page.evaluate("[window.shift, window.moved]")
    context.close()

    assert moving == {}


def test_notebooks_are_light(weighed):
    """A notebook's page is at most 250 KB gz with everything it loads: nbconvert's own styles are 600 KB."""
    heavy = {path: sum(page["before"].values()) for path, page in weighed.items() if path.startswith("notebooks/")}

    assert heavy
    assert {path: total for path, total in heavy.items() if total > 250_000} == {}


def test_figure_data_stays_out_of_the_search_index(site_folder):
    """Tables and pictures are not searched, nor what stands on another page: 60 KB are enough for twenty pages."""
    index = (site_folder / "search" / "search_index.json").read_text(encoding="utf-8")

    assert "exhibit-" not in index
    pages = {found["location"].split("#")[0] for found in json.loads(index)["docs"]}
    assert len(gzip.compress(index.encode())) < 60_000 / 20 * len(pages)
