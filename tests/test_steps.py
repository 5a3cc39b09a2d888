"""Steps within a page, from page to page and back, in every browser, where the theme turns pages without loads."""

import time

import pytest

from tests.firefox import ENTER, TAB

pytestmark = pytest.mark.browser
LONG = "questions/cost/what_more_heads_cost/"

# Where the window is: the address without its host, how far down, and whether text and document are those marked.
HERE = """() => [location.pathname + location.search, location.hash, Math.round(scrollY),
  !!document.querySelector("article[data-mine]"), document.documentElement.dataset.stayed === "yes"]"""
MARK = """() => { document.querySelector("article").dataset.mine = document.documentElement.dataset.stayed = "yes"; }"""
# Clicked as a reader does, by pointer or key, and not by script: what is asked is what the browser does by itself.
PLACE = """which => {
  const links = [...document.querySelectorAll(which)].filter(e =>
    e.pathname === location.pathname && e.checkVisibility() && e.getClientRects().length);
  const link = links[Math.min(1, links.length - 1)];
  link.scrollIntoView({ block: "center", behavior: "instant" });
  const box = link.getClientRects()[0];
  return [box.x + box.width / 2, box.y + box.height / 2, link.hash];
}"""
# The target of the address: is it what :target selects, and at the top of the window, below the header?
SHOWN = """() => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return false;
  const last = scrollY + innerHeight > document.documentElement.scrollHeight - 2;
  const top = target.getBoundingClientRect().top;
  return target.matches(":target") && (last ? top < innerHeight : Math.abs(top - 70) < 60);
}"""
AFTER = """() => { // whether the focus stands in the target or after it, within the text
  const target = document.querySelector(":target"), now = document.activeElement;
  const later = target.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING;
  return !!now.closest(".md-content") && (target.contains(now) || !!later);
}"""
KINDS = {
    "table of contents": ".md-sidebar--secondary .md-nav__link[href*='#']",
    "citation": "article a.cite",
    "permalink of a heading": "article h2 .headerlink",
    "permalink of a figure": "article figure .headerlink",
    "way back to a citation": "article .sources .back a",
    "problem or section named in the text": "article p a[href*='#']:not(.cite, .quantity, .term, .headerlink)",
}


def follow(window, which):
    """Click the second such link of the page; the hash that it leads to."""
    x, y, leads = window.run(PLACE, which)
    window.click(round(x), round(y))
    return leads


def settle(window, seconds=0.7):
    """The theme writes place and heading into the history a quarter of a second after the last movement."""
    time.sleep(seconds)
    return window.run(HERE)


def arrive(window, site, path=LONG):
    window.open(site + path)
    window.until("() => document.querySelector('figure.exhibit[data-seen]') || !document.querySelector('figure')")
    mapped = "e => e.name.endsWith('/sitemap.xml') && e.responseEnd"
    window.until(f"() => performance.getEntriesByType('resource').some({mapped})")  # until then every step is a load
    time.sleep(0.6)  # the theme takes what moves within a quarter of a second for the arrival, and tracks nothing of it
    window.run(MARK)


def turn(window, path):
    """Go to another page by a link, and have it come without a load."""
    window.run("path => document.querySelector(`a[href$='${path}']`).click()", path)
    window.until(f"() => location.pathname.endsWith({path!r}) && !document.querySelector('article[data-mine]')")
    assert window.run(HERE)[4], "the page was loaded, not turned"
    window.run(MARK)


@pytest.mark.parametrize("place", ["site", "site_at_root"])
def test_pages_are_turned_without_a_load_wherever_the_site_stands(drive, request, place):
    """Under a sub-path and at a root, at addresses for which it was not built; from there on as well."""
    window = drive()
    arrive(window, request.getfixturevalue(place))
    turn(window, "questions/memory/bytes_per_token/")
    turn(window, "/calculator/")
    window.run("() => history.back()")
    window.until("() => location.pathname.endsWith('/bytes_per_token/')")

    assert window.run(HERE)[4]


@pytest.mark.parametrize("arrived", [True, False], ids=["the page arrived at", "a page turned to"])
def test_every_link_within_a_page_scrolls_and_moves_the_focus(drive, site, arrived):
    """Tables of contents, citations, permalinks, ways back; twice: what is live stays, and nothing is loaded again."""
    window = drive()
    arrive(window, site, LONG if arrived else "questions/memory/bytes_per_token/")
    if not arrived:
        turn(window, LONG)
    window.run("() => document.querySelector('.exhibit-go').click()")
    window.until("() => document.querySelector('figure.is-live')")
    window.asked.clear()
    seen = 0
    for kind, which in KINDS.items():
        if not window.run(f"which => {{ try {{ return ({PLACE})(which); }} catch {{ return null; }} }}", which):
            continue  # there is none on this page, or none that is seen
        seen += 1
        for _ in range(2):  # the second time to where the address leads already
            leads = follow(window, which)
            window.until(SHOWN)
        assert settle(window)[1] == leads, kind  # and no heading's that is near
        window.press(TAB)
        assert window.run(AFTER), kind
    assert seen >= 5

    # what was there is there still; the theme may have fetched the page ahead, as the pointer came over a link to it
    assert window.run("() => !!document.querySelector('article[data-mine] figure.is-live .main-svg')")


@pytest.mark.parametrize("arrived", [True, False], ids=["the page arrived at", "a page turned to"])
def test_the_skip_link_leads_into_the_text(drive, site, arrived):
    """The first stop of the keyboard; the next one after it stands in the text, not in the header."""
    window = drive()
    arrive(window, site)
    if not arrived:
        turn(window, "questions/memory/bytes_per_token/")
    window.run("() => { document.activeElement.blur(); getSelection().removeAllRanges(); }")
    for _ in range(3):
        window.press(TAB)
        if window.run("() => document.activeElement.matches('.md-skip')"):
            break
    assert window.run("() => document.activeElement.matches('.md-skip')")
    window.press(ENTER)
    window.until("() => location.hash.length > 1")
    window.press(TAB)

    assert window.run("() => !!document.activeElement.closest('.md-content')")
    assert window.run(HERE)[3]


def test_back_forward_and_reload_keep_the_place_within_a_page(drive, site):
    """From a citation back to the sentence, forward to the source, and the same after loading anew."""
    window = drive()
    arrive(window, site)
    window.run("() => { document.querySelectorAll('h2')[2].scrollIntoView({ behavior: 'instant' }); }")
    *_, before, _, _ = settle(window)
    window.run("() => document.querySelector('article a.cite').click()")  # from where the reader is, not from the link
    window.until(SHOWN)
    _, hash_there, there, _, _ = settle(window)
    assert abs(there - before) > 1000

    window.run("() => history.back()")
    window.until(f"() => Math.abs(scrollY - {before}) < 40")
    assert settle(window)[3]
    window.run("() => history.forward()")
    window.until(f"() => Math.abs(scrollY - {there}) < 40")
    assert settle(window)[3]
    window.run("() => { setTimeout(() => location.reload()); }")
    window.until("() => !document.querySelector('article[data-mine]') && document.readyState === 'complete'")
    window.until(f"() => Math.abs(scrollY - {there}) < 40")
    assert window.run(HERE)[1] == hash_there


def scrolled(window, to):
    """Read a page as far as that, in steps; where the reader is then, and the heading that the address names."""
    window.run("() => scrollBy({ top: 40, behavior: 'instant' })")  # the theme tracks nothing of the first movement
    time.sleep(0.6)
    for _ in range(5):
        window.run("by => scrollBy({ top: by, behavior: 'instant' })", to / 5)
        time.sleep(0.1)
    return settle(window)


def test_back_and_forward_between_pages_keep_address_and_place(drive, site):
    """The address names a heading of the page that is shown and no other's; both pages are where they were left."""
    window = drive()
    arrive(window, site)
    first = scrolled(window, 5000)
    assert first[2] > 3000
    assert first[1], "the address names no heading"
    turn(window, "questions/memory/bytes_per_token/")
    second = scrolled(window, 3000)
    assert second[2] > 1500
    assert second[1], "the address names no heading"

    for step, (path, hash_there, place, *_) in (("back", first), ("forward", second), ("back", first)):
        window.run(f"() => history.{step}()")
        window.until(f"() => location.pathname === {path!r} && Math.abs(scrollY - {place}) < 60")
        now = settle(window, 1)
        assert now[:2] == [path, hash_there], step
        assert abs(now[2] - place) < 60, step
    assert now[4]


def test_a_step_back_while_the_next_page_is_under_way(site, open_page):
    """On a slow line: the address, the text and the place are the first page's, whatever arrives later."""
    page = open_page(site + LONG)
    page.wait_for_selector("figure[data-seen]")
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    page.evaluate("scrollTo({ top: 4000, behavior: 'instant' })")
    page.wait_for_timeout(700)
    heading = page.locator("h1").inner_text()
    hold = lambda route: (time.sleep(1), route.continue_())  # noqa: E731
    page.route("**/questions/memory/bytes_per_token/", hold)
    page.evaluate("document.querySelector(\"a[href$='memory/bytes_per_token/']\").click()")
    page.wait_for_timeout(300)
    page.evaluate("scrollBy({ top: 300, behavior: 'instant' })")  # still read while the other is under way
    page.wait_for_timeout(500)
    page.go_back()
    page.wait_for_timeout(2000)

    assert page.url.partition("#")[0] == site + LONG
    assert page.locator("h1").inner_text() == heading
    assert abs(page.evaluate("scrollY") - 4000) < 60
    assert page.evaluate("document.documentElement.dataset.stayed") == "yes"


def test_what_the_address_keeps_of_a_page_stays_in_it(site, open_page):
    """Steps within the calculator leave its fields in the address and as they are."""
    page = open_page(site + "calculator/?batch=2")
    page.wait_for_function("document.querySelector('[name=batch]').value === '2'")
    page.locator("[name=batch]").fill("3")
    page.wait_for_function("location.search.includes('batch=3')")
    search = page.evaluate("location.search")
    page.locator(".md-sidebar--secondary .md-nav__link[href*='#']").last.click()
    page.wait_for_function("location.hash.length > 1 && scrollY > 100")

    assert page.evaluate("location.search") == search
    assert page.locator("[name=batch]").input_value() == "3"


def test_the_way_back_from_a_result_of_the_search_leads_to_the_place_that_was_read(site, open_page):
    """On a phone the search lies over the page, which the theme holds at its top meanwhile."""
    page = open_page(site + LONG, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.wait_for_selector("figure.exhibit[data-seen]")
    page.wait_for_timeout(600)
    page.evaluate("scrollTo({ top: 5000, behavior: 'instant' })")
    page.wait_for_timeout(600)
    page.locator("label[for=__search].md-header__button").tap()
    page.wait_for_timeout(700)  # the theme holds the page once its search has slid in
    page.locator(".md-search__input").press_sequentially("cache")
    page.wait_for_selector(".md-search-result__link")
    page.wait_for_timeout(400)
    link = page.locator(".md-search-result__link:not([href*='what_more_heads_cost'])").first
    leads = link.evaluate("e => e.pathname")
    link.tap()
    page.wait_for_function("path => location.pathname === path && !document.body.style.top", arg=leads)
    page.wait_for_timeout(800)
    page.go_back()
    page.wait_for_function("path => location.pathname.endsWith(path)", arg=LONG)
    page.wait_for_function("Math.abs(scrollY - 5000) < 60")
