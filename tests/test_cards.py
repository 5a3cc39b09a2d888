"""Cards of citations, numbers and terms for a reader with fingers, in every browser; with keys they are as before."""

import pytest

from tests.firefox import ENTER, ESCAPE

pytestmark = pytest.mark.browser
KINDS = {
    "citation": ("questions/cost/what_more_heads_cost/", "article p a.cite"),
    "number": ("questions/cost/what_more_heads_cost/", "article p a.quantity"),
    "term": ("questions/cost/what_more_heads_cost/", "article p a.term"),
}
PLACE = """which => {
  const link = [...document.querySelectorAll(which)].find(e => e.checkVisibility());
  link.scrollIntoView({ block: "center", behavior: "instant" });
  const box = link.getClientRects()[0];
  return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round);
}"""
ADDRESS = "which => [...document.querySelectorAll(which)].find(e => e.checkVisibility()).href"
CARD, NONE = "() => document.querySelector('.card')", "() => !document.querySelector('.card')"


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def arrive(drive, site, path):
    window = drive(touch=True)
    window.size(390, 844)
    window.open(site + path)
    window.until("() => document.querySelector('figure[data-seen]')")
    return window, window.run("() => location.pathname")


def test_the_first_tap_shows_the_card_and_the_second_follows(drive, site, kind):
    """The page stays where it is until the second; what is tapped beside the card closes it, what is in it does not."""
    path, which = kind
    window, here = arrive(drive, site, path)
    leads = window.run(ADDRESS, which)
    window.tap(*window.run(PLACE, which))
    window.until(CARD)
    down = window.run("() => scrollY")
    window.tap(*window.run("() => { const b = document.querySelector('.card').getBoundingClientRect();"
                           " return [b.x + 6, b.y + 6].map(Math.round); }"))  # fmt: skip
    window.run("() => new Promise(done => setTimeout(done, 500))")
    assert window.run("() => [location.pathname, scrollY]") == [here, down]
    assert window.run("() => document.querySelectorAll('.card').length") == 1
    window.tap(3, 830)
    window.until(NONE)

    window.tap(*window.run(PLACE, which))
    window.until(CARD)
    assert window.run("() => location.pathname") == here
    window.press(ESCAPE)
    window.until(NONE)
    window.tap(3, 830)
    window.tap(*window.run(PLACE, which))
    window.until(CARD)
    window.tap(*window.run(PLACE, which))
    window.until(f"() => location.href === {leads!r}")


def test_a_link_in_the_card_follows(drive, site, kind):
    """It says where it leads, and is tapped once."""
    path, which = kind
    window, _ = arrive(drive, site, path)
    leads = window.run(ADDRESS, which)
    window.tap(*window.run(PLACE, which))
    window.until("() => document.querySelector('.card .card-go')")
    window.tap(*window.run("() => { const b = document.querySelector('.card .card-go').getBoundingClientRect();"
                           " return [b.x + b.width / 2, b.y + b.height / 2].map(Math.round); }"))  # fmt: skip
    window.until(f"() => location.href === {leads!r}")


def test_a_key_shows_the_card_and_follows(drive, site, kind):
    """Focus shows it, Escape closes it, Enter goes where the link leads: at once, after taps as well."""
    path, which = kind
    window, here = arrive(drive, site, path)
    leads = window.run(ADDRESS, which)
    window.tap(*window.run(PLACE, which))
    window.until(CARD)
    window.press(ESCAPE)
    window.until(NONE)
    assert window.run("() => location.pathname") == here
    window.press(ENTER)  # the link that was tapped has the focus
    window.until(f"() => location.href === {leads!r}")


def test_a_card_that_cannot_come_does_not_stop_the_reader(site_folder, site, open_page):
    """Where the module does not load the second tap follows all the same."""
    path, which = KINDS["number"]
    page = open_page("about:blank", has_touch=True, viewport={"width": 390, "height": 844})
    broken = {"body": "throw new Error('half a file')", "content_type": "text/javascript"}
    page.route("**/cards.js*", lambda route: route.fulfill(**broken))
    page.add_init_script("console.warn = () => {}; window.addEventListener('error', e => e.preventDefault());")
    page.goto(site + path)
    page.wait_for_selector("figure[data-seen]")
    leads = page.evaluate(f"({ADDRESS})({which!r})")
    for _ in range(2):
        page.touchscreen.tap(*page.evaluate(f"({PLACE})({which!r})"))
        page.wait_for_timeout(300)
    page.wait_for_url(leads)
