"""What a reader does with a page, in a real browser: cards, tables, machines, search."""

from urllib.parse import urljoin

import pytest

pytestmark = pytest.mark.browser
COST = "questions/cost/what_more_heads_cost/"
KV = "#figure-kv_cache_models"


@pytest.fixture
def cited(site, open_page):
    """A page with its first citation in view, and the source that this citation names."""
    page = open_page(site + COST)
    link = page.locator("article a.cite").first
    link.scroll_into_view_if_needed()
    return page, link, title_of(page, link)


def title_of(page, link):
    """The title, in the page's list, of the source that a citation leads to."""
    return page.locator(f"[id='{link.get_attribute('href').partition('#')[2]}'] cite").inner_text()


def leave(page):
    """Move the pointer to where nothing is, so that it asks for no card."""
    page.mouse.move(2, 2)


# --- cards -----------------------------------------------------------------------------------------------------


def test_a_pointer_on_a_citation_shows_its_source(cited):
    """The card names the very source the number leads to, and goes when the pointer goes."""
    page, link, source = cited
    assert page.locator(".card").count() == 0

    link.hover()
    card = page.locator(".card")
    assert source in card.inner_text()
    assert link.get_attribute("aria-describedby") == card.get_attribute("id")
    assert link.get_attribute("title") is None  # else the browser's own tip covers the card
    leave(page)
    card.wait_for(state="detached")
    assert source in link.get_attribute("title")


def test_every_citation_of_a_page_has_the_card_of_its_own_source(site, open_page):
    """Not only the first: each shows the title of the source that it links to, and its own locator."""
    page = open_page(site + COST)
    links = page.locator("article a.cite")
    assert links.count() >= 5
    for link in links.all():
        link.focus()
        card = page.locator(".card").inner_text()
        assert title_of(page, link) in card
        assert (link.get_attribute("data-place") or "") in card


def test_a_citation_shows_its_card_to_the_keyboard(cited):
    """Focus shows the card, Escape hides it and leaves the focus, moving on hides it too."""
    page, link, source = cited
    link.focus()
    card = page.locator(".card")
    assert source in card.inner_text()
    page.keyboard.press("Escape")
    assert card.count() == 0
    assert link.evaluate("e => e === document.activeElement")

    page.locator("article a.headerlink").first.focus()
    link.focus()
    assert card.count() == 1
    page.locator("article h1").evaluate("e => { e.tabIndex = -1; e.focus() }")
    card.wait_for(state="detached")


def test_a_card_stays_while_the_pointer_is_on_it(cited):
    """One can go from the citation to the card, to copy or follow what it holds."""
    page, link, _ = cited
    link.hover()
    page.locator(".card").hover()
    page.wait_for_timeout(500)

    assert page.locator(".card").count() == 1


def test_a_card_lies_within_the_page(site, open_page):
    """On a phone it is no wider than the screen, wherever the citation stands."""
    page = open_page(site + COST, viewport={"width": 360, "height": 740})
    for link in page.locator("article a.cite, article a.quantity").all():
        link.focus()
        box = page.locator(".card").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_number_says_where_it_comes_from(site, open_page):
    """Machine or count, day and file, one a line."""
    page = open_page(site + COST)
    number = page.locator("article a.quantity").first
    told = number.get_attribute("title").split(" · ")
    number.focus()
    page.locator(".card").wait_for()

    assert page.locator(".card .card-line").all_inner_texts() == told
    assert any(line.startswith("results/") for line in told)


# --- steps within a page and away ------------------------------------------------------------------------------


def test_the_first_step_within_a_page_leaves_it_as_it_is(site, open_page):
    """A heading or a source is gone to without the page being loaded again: what was woken stays, and the focus too.

    Another page, the way back and a step within that one work as they did.
    """
    page = open_page(site + COST)
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site)))
    figure = page.locator("figure.is-chart").first
    figure.locator(".exhibit-go").click()
    page.wait_for_selector("figure.is-live")
    page.evaluate("document.querySelector('article').dataset.mine = 'yes'")

    page.locator("article a.cite").first.click()
    page.wait_for_function("location.hash.startsWith('#source-')")
    page.wait_for_timeout(500)
    assert page.locator("article[data-mine] figure.is-live").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.sources') !== null")

    page.locator(".onward a").first.click()
    page.wait_for_function("document.querySelector('article[data-mine]') === null")
    assert COST not in page.url
    page.go_back()
    page.wait_for_url(f"{site}{COST}**")
    page.wait_for_selector("figure.is-chart[data-seen]")
    page.wait_for_function("scrollY > 1000")  # where it was left, whatever heading the address names meanwhile


# --- tables ----------------------------------------------------------------------------------------------------


@pytest.fixture
def models(site, open_page):
    """The table of published models, in view."""
    page = open_page(site + COST)
    figure = page.locator(KV)
    figure.scroll_into_view_if_needed()
    return page, figure


def column(figure, number):
    """The sort values of a column, as shown, of the rows that are not hidden."""
    cells = figure.locator("tbody tr:not([hidden])").evaluate_all(
        "(rows, at) => rows.map(row => row.cells[at].dataset.value ?? row.cells[at].textContent)", number
    )
    return [cell.replace("\u202f", "") for cell in cells]


def numeric_column(figure):
    """The first column of numbers that, sorted as text, would come out in another order."""
    heads = figure.locator("thead th")
    for at in range(heads.count()):
        cells = [cell for cell in column(figure, at) if cell != "–"]
        try:
            values = sorted(cells, key=float)
        except ValueError:
            continue
        if values != sorted(cells):
            return at
    raise AssertionError("no column of numbers")


def test_typing_filters_the_rows_of_a_long_table(models):
    """Every word must occur in a row, in any case; the count says how many are left; emptying brings all back."""
    page, figure = models
    rows = figure.locator("tbody tr")
    shown = figure.locator("tbody tr:not([hidden])")
    total = rows.count()
    box = figure.get_by_role("searchbox", name="Filter")
    box.click()
    page.keyboard.type("LLAMA 70")

    texts = [text.lower() for text in shown.all_inner_texts()]
    assert 0 < len(texts) < total
    assert all("llama" in text and "70" in text for text in texts)
    assert figure.locator(".filter output").inner_text() == f"{len(texts)} of {total} rows"
    box.fill("no such model")
    assert shown.count() == 0
    box.fill("")
    assert shown.count() == total


def test_the_table_of_a_chart_sorts_once_it_is_opened(site, open_page):
    """What is closed is left as it came, since a browser would lay it out; however it is opened, it then sorts."""
    page = open_page(site + COST)
    closed = page.locator("figure.is-chart details.exhibit-data")
    assert closed.count() > 2
    assert page.locator("details:not([open]) .sort").count() == 0

    closed.nth(0).locator("summary").click()
    assert closed.nth(0).locator(".sort").count() > 2
    closed.nth(1).evaluate("e => { e.open = true; }")  # as a search in the page does
    closed.nth(1).locator(".sort").first.wait_for()
    assert page.locator("details:not([open]) .sort").count() == 0
    closed.nth(1).locator(".sort").first.click()
    assert closed.nth(1).locator("[aria-sort='ascending']").count() == 1


def test_a_click_on_a_head_sorts_by_number(models):
    """9 comes before 10; a second click turns it round; only the column that orders the rows says so; none is lost."""
    _, figure = models
    at = numeric_column(figure)
    heads = figure.locator("thead th")
    before = sorted(figure.locator("tbody tr").all_inner_texts())

    heads.nth(at).get_by_role("button").click()
    up = [float(cell) for cell in column(figure, at) if cell != "–"]
    assert up == sorted(up)
    assert heads.nth(at).get_attribute("aria-sort") == "ascending"
    heads.nth(at).get_by_role("button").click()
    down = [float(cell) for cell in column(figure, at) if cell != "–"]
    assert down == up[::-1]
    assert heads.nth(at).get_attribute("aria-sort") == "descending"
    heads.first.get_by_role("button").click()
    assert figure.locator("[aria-sort]").count() == 1
    assert heads.first.get_attribute("aria-sort") == "ascending"
    assert sorted(figure.locator("tbody tr").all_inner_texts()) == before


def test_a_table_works_from_the_keyboard(models):
    """A head takes the focus and Enter sorts, Space turns it round; from the filter one gets to the heads by Tab."""
    page, figure = models
    at = numeric_column(figure)
    figure.locator("thead th").nth(at).get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert figure.locator("thead th").nth(at).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert figure.locator("thead th").nth(at).get_attribute("aria-sort") == "descending"

    figure.get_by_role("searchbox", name="Filter").focus()
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.matches('.sort')"))
    assert True in reached


def test_a_filtered_table_stays_filtered_when_it_is_sorted(models):
    """Sorting shows no row that the filter has hidden."""
    _, figure = models
    figure.get_by_role("searchbox", name="Filter").fill("llama")
    shown = sorted(figure.locator("tbody tr:not([hidden])").all_inner_texts())
    figure.locator("thead th").nth(numeric_column(figure)).get_by_role("button").click()

    assert sorted(figure.locator("tbody tr:not([hidden])").all_inner_texts()) == shown


def test_the_heads_of_a_long_table_stay_in_view(models):
    """Scrolled down within its box, the head row is at the box's top."""
    _, figure = models
    box = figure.locator(".scrolls")
    box.evaluate("e => e.scrollTop = 500")

    top = box.bounding_box()["y"]
    assert abs(figure.locator("thead th").first.bounding_box()["y"] - top) < 2


# --- machines --------------------------------------------------------------------------------------------------


@pytest.fixture
def picked(site, open_page):
    """A figure that can be shown for another machine, and that machine."""
    page = open_page(site + COST)
    figures = page.locator("figure.is-chart:has(.exhibit-machine select)")
    if figures.count() == 0:
        pytest.skip("there is only one machine's run here")
    figure = figures.first
    figure.scroll_into_view_if_needed()
    return page, figure, figure.locator("select option").nth(1).get_attribute("value")


def test_another_machine_brings_its_own_picture_rows_and_files(picked):
    """After the choice nothing of the figure is of the first machine, and every address leads somewhere."""
    page, figure, other = picked
    published = page.request.get(
        urljoin(page.url, figure.locator("select option").nth(1).get_attribute("data-spec"))
    ).json()
    figure.locator("select").select_option(other)
    page.wait_for_function("([e, text]) => e.textContent === text",
                           arg=[figure.locator("[data-text=made]").element_handle(), published["made"]])  # fmt: skip

    assert figure.locator("[data-text=title]").inner_text() == published["title"].replace("`", "")
    assert figure.locator("img").get_attribute("alt") == published["alt"]
    assert figure.locator("tbody tr").count() == published["table"]["rows"]
    addresses = [figure.locator("img").get_attribute("src"), figure.locator("[data-run]").get_attribute("href")]
    addresses += [link.get_attribute("href") for link in figure.locator("[data-ending]").all()]
    for address in addresses:
        assert other in address
        assert page.request.get(urljoin(page.url, address)).ok, address
    figure.locator(".exhibit-data > summary").click()
    figure.locator("thead .sort").first.click()
    assert figure.locator("[aria-sort=ascending]").count() == 1


def test_a_live_figure_shows_the_machine_that_is_picked(picked):
    """Picking a machine redraws the chart, and says so to who cannot see it."""
    page, figure, other = picked
    figure.locator(".exhibit-go").click()
    page.wait_for_selector("figure.is-live .exhibit-live .main-svg")
    before = figure.locator(".exhibit-live").get_attribute("aria-label")
    points = "e => [...e.querySelectorAll('.exhibit-live .trace path')].map(p => p.getAttribute('d')).join()"
    drawn = figure.evaluate(points)
    figure.locator("select").select_option(other)
    page.wait_for_function("([e, before]) => e.getAttribute('aria-label') !== before",
                           arg=[figure.locator(".exhibit-live").element_handle(), before])  # fmt: skip
    page.wait_for_function(f"([e, before]) => ({points})(e) !== before", arg=[figure.element_handle(), drawn])

    assert page.locator("figure.is-live").count() == 1


def test_the_last_machine_picked_is_the_one_shown(picked):
    """Also when the answer for the one picked before arrives later."""
    page, figure, other = picked
    first = figure.locator("select option").first.get_attribute("value")
    page.route(f"**/{other}.json", lambda route: (page.wait_for_timeout(300), route.continue_()))
    figure.locator("select").select_option(other)
    figure.locator("select").select_option(first)
    page.wait_for_timeout(900)

    assert f"/{first}" in figure.locator("img").get_attribute("src")
    assert first in figure.locator("[data-ending='.csv']").get_attribute("href")


# --- search ----------------------------------------------------------------------------------------------------


def searched(page):
    """The addresses of worker and index that the page has asked for."""
    return page.evaluate(
        "performance.getEntriesByType('resource').map(e => e.name).filter(n => /search_index|workers.search/.test(n))"
    )


def test_search_loads_when_it_is_wanted_and_not_before(site, open_page):
    """A page that is read fetches no index; focus on the field fetches it once; typing finds a question."""
    page = open_page(site)
    page.wait_for_load_state("networkidle")
    assert searched(page) == []

    page.keyboard.press("/")
    page.keyboard.type("softmax")
    page.locator(".md-search-result__link").first.wait_for()
    assert any("search_index.json" in address for address in searched(page))
    assert page.locator(".md-search-result__link").count() >= 2


def test_a_shared_search_is_answered(site, open_page):
    """An address with a query opens the search with its results, though nobody has touched anything."""
    page = open_page(site + "?q=softmax")

    page.locator(".md-search-result__link").first.wait_for()


def test_a_result_leads_to_its_page_with_the_word_marked(site, open_page):
    """Following a result arrives where the word stands, highlighted."""
    page = open_page(site)
    page.locator(".md-search__input").fill("softmax")
    page.locator(".md-search-result__link").first.click()
    page.wait_for_url("**h=softmax**")

    page.locator("article mark").first.wait_for(state="attached")
