"""What a wrong address shows: a page that is whole by itself, at any depth, wherever the site stands."""

import pytest

pytestmark = pytest.mark.browser
WRONG = ["nothing", "questions/cost/kv_cach/", "a/b/c/d/e/nothing.html", "questions/cost/what_more_heads_cost/nothing/"]


@pytest.mark.parametrize("place", ["site", "site_at_root"])
@pytest.mark.parametrize("wrong", WRONG)
def test_every_way_on_leads_there(request, browser, place, wrong):
    """Built for the root of a host and read under a sub-path as well: each link is found, and the style is there."""
    site = request.getfixturevalue(place)
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")  # under its policy
    page, refused = context.new_page(), []
    page.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    assert page.goto(site + wrong).status == 404
    found = f"[...document.links].every(link => link.href.startsWith({site!r}))"
    for _ in range(100):
        if page.evaluate(found):
            break
        page.wait_for_timeout(100)
    assert page.evaluate(found)
    links = page.locator("a[data-to]")

    assert links.count() == 4
    for link in links.all():
        assert link.is_visible()
        assert page.request.get(link.evaluate("e => e.href")).ok
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 29)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (
        page.evaluate("performance.getEntriesByType('resource').filter(e => !/figures.js$|favicon.ico$/.test(e.name))")
        == []
    )
    assert refused == []
    links.last.click()
    page.locator(".md-search-result__meta").wait_for()
    words = wrong.strip("/").split("/")[-1].removesuffix(".html").replace("_", " ")
    assert page.locator(".md-search__input").input_value() == words
    context.close()


def test_it_reads_well_without_scripts(site_at_root, browser):
    """Its links lead below the address that the site was built for; what needs a script is not shown."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site_at_root + "a/b/nothing")

    assert page.locator("h1").inner_text() == "There is no page here"
    shown = [link.get_attribute("href") for link in page.locator("a").all() if link.is_visible()]
    assert shown == ["/", "/questions/", "/evidence/"]
    context.close()
