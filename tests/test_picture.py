"""Pictures: in the reader's colours, drawn once, the same for the same figure; without a browser the build goes on."""

import copy
import json
import re
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.content.evidence import Evidence
from attnsite.figures.toolkit import style
from attnsite.records import run_file
from attnsite.site import exhibits
from attnsite.site.answers import Answers
from attnsite.site.figures import chromium, renderer
from attnsite.site.figures import svg as picture
from attnsite.site.pages import render as pages
from tests import checkouts
from tests.conftest import ROOT

SENTINEL = re.compile(
    r"rgba?\(\s*(?:1,\s*2,\s*3|4,\s*5,\s*6|7,\s*8,\s*9|10,\s*11,\s*12|13,\s*14,\s*15|16,\s*17,\s*18|19,\s*20,\s*21"
    r"|22,\s*23,\s*24|25,\s*26,\s*27|28,\s*29,\s*30)\b"
)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    checkouts.register(monkeypatch)
    return checkouts.fill(tmp_path)


@pytest.fixture
def chart(checkout):
    return Answers.load(checkout).exhibits("squares")[0].chart


@pytest.fixture
def browser(monkeypatch):
    """A browser in name only: what would be drawn is an empty SVG; the orders are kept."""
    orders = []

    def write(given, options, folder):
        orders.append(given)
        for order in given:
            order["path"].write_text('<svg class="x" width="1">rgb(1, 2, 3)</svg>', encoding="utf-8")
        return ""

    monkeypatch.setattr(renderer, "write", write)
    monkeypatch.setattr(chromium, "find", lambda: "/browser")
    return orders


# --- colours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sentinel", picture.PALETTE)
def test_every_sentinel_becomes_the_variable_of_its_role(sentinel):
    """Solid or faint, with or without spaces; in the spec a name in braces."""
    name = picture.PALETTE[sentinel][0]
    channels = re.findall(r"\d+", sentinel)
    for solid in (f"rgb({', '.join(channels)})", f"rgb({','.join(channels)})", f"rgba({', '.join(channels)}, 1)"):
        assert f"<path fill='var(--{name})'/>" in picture.themable(f"<svg a='1'><path fill='{solid}'/></svg>")
    faint = f"rgba({', '.join(channels)}, 0.25)"
    assert f"var(--{name}) calc(100% * 0.25)" in picture.themable(f"<svg a='1'><path fill='{faint}'/></svg>")
    assert picture.named_colours(f'["{faint}", "{sentinel}"]') == f'["{{{{{name} 0.25}}}}", "{{{{{name}}}}}"]'


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_other_colours_are_left_alone(channels):
    """Only the sentinels mean a role."""
    colour = f"rgb({', '.join(map(str, channels))})"
    known = {tuple(map(int, re.findall(r"\d+", sentinel))) for sentinel in picture.PALETTE}

    assert (colour in picture.themable(f"<svg a='1'><path fill='{colour}'/></svg>")) == (channels not in known)


def test_pixels_are_rounded_and_what_is_read_is_not():
    """A label such as 0.001 × stays what it says."""
    svg = picture.themable("<svg a='1'><path d='M1.23456,0.987'/><text x='3.14159'>0.001 ×</text></svg>")
    assert "<path d='M1.23,0.98'/><text x='3.14'>0.001 ×</text>" in svg


def test_a_picture_defines_every_variable_in_both_themes():
    """And the dark one only on a screen: paper is always light."""
    sheet = picture.themable("<svg a='1'></svg>")
    light, dark = sheet.split("@media screen and (prefers-color-scheme:dark)")
    by_address = sheet.split("#dark:target~*")[1]  # for browsers in which a picture follows no theme
    assert "#light:target~*" in light
    for name, in_light, in_dark in picture.PALETTE.values():
        assert f"--{name}:{in_light}" in light
        assert f"--{name}:{in_dark}" in dark
        assert f"--{name}:{in_dark}" in by_address


@pytest.mark.parametrize("name", style.SIZES)
def test_no_drawn_picture_has_a_sentinel_left(name):
    """Of all that this checkout has drawn."""
    drawn = sorted((ROOT / picture.CACHE).glob(f"*-{name}.svg"))
    if not drawn:
        pytest.skip("no picture has been drawn in this checkout yet")
    for path in drawn:
        text = path.read_text(encoding="utf-8")
        assert not SENTINEL.search(text), path
        root = ElementTree.fromstring(text)
        assert root.get("viewBox") == "0 0 {} {}".format(*picture.SIZES[name]), path
        assert "<script" not in text


# --- the cache -------------------------------------------------------------------------------------------------


def test_the_same_figure_has_the_same_key(checkout, chart, monkeypatch):
    """Read anew from the same file, and with its parts in another order; any change of what is seen changes it."""
    again = Answers.load(checkout).exhibits("squares")[0].chart
    assert picture.key(chart) == picture.key(again) == picture.key(dict(reversed(chart.items())))

    for path in (("data", 0, "y", 0), ("layout", "title", "text"), ("layout", "font", "color")):
        changed = copy.deepcopy(chart)
        part = changed
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = "another"
        assert picture.key(changed) != picture.key(chart), path
    before = picture.key(chart)
    monkeypatch.setattr(picture, "_VERSION", picture._VERSION + 1)
    assert picture.key(chart) != before


def test_pictures_are_drawn_once_and_together(checkout, chart, browser):
    """One visit for all that is missing, twice the same chart once, and no visit when nothing is."""
    other = {**chart, "layout": {**chart["layout"], "title": {"text": "another"}}}
    picture.Pictures(checkout).draw([chart, other, chart])
    assert [len(orders) for orders in browser] == [2 * len(picture.SIZES)]
    assert picture.Pictures(checkout).drawn(chart)
    picture.Pictures(checkout).draw([chart, other])
    assert len(browser) == 1

    picture.Pictures(checkout).path(other, "wide").unlink()
    picture.Pictures(checkout).draw([chart, other])
    assert [len(orders) for orders in browser] == [4, 2]


def test_pictures_have_their_sizes(checkout, chart, browser):
    """Each is laid out for the size that it is shown at."""
    picture.Pictures(checkout).draw([chart])

    sizes = {(order["fig"]["layout"]["width"], order["fig"]["layout"]["height"]) for order in browser[0]}
    assert sizes == set(picture.SIZES.values()) == {(760, 420), (360, 360)}


def test_half_a_picture_is_never_kept(checkout, chart, monkeypatch, capsys, browser):
    """A browser that fails in the middle leaves nothing that would pass for a picture, and costs no build."""

    def fail(orders, options, folder):
        orders[0]["path"].write_text("<svg a='1'>", encoding="utf-8")
        return "the browser went away"

    monkeypatch.setattr(picture, "_said", False)
    monkeypatch.setattr(renderer, "write", fail)
    picture.Pictures(checkout).draw([chart])

    assert not picture.Pictures(checkout).drawn(chart)
    assert list((checkout / picture.CACHE).iterdir()) == []
    assert "the browser went away" in capsys.readouterr().err


def test_without_a_browser_it_says_so_once_and_goes_on(checkout, monkeypatch, capsys):
    """The files that need none are there all the same, and the page draws the chart itself."""
    monkeypatch.setattr(chromium, "find", lambda: None)
    monkeypatch.setattr(picture, "_said", False)
    files = pages.published(Answers.load(checkout))
    pages.published(Answers.load(checkout))

    said = capsys.readouterr().err
    assert said.count("no Chromium was found") == 1
    assert "CHROMIUM" in said
    assert {path.rsplit(".", 1)[-1] for path in files if path.startswith("figures/")} == {"json", "csv"}
    assert not [path for path in files if path.endswith(".png")]


def test_a_variable_names_the_browser(monkeypatch):
    """And one that names nothing means none, also where one is installed."""
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert chromium.find() == sys.executable
    monkeypatch.setenv("CHROMIUM", "none")
    assert chromium.find() is None


# --- the spec --------------------------------------------------------------------------------------------------


def test_the_spec_keeps_every_digit_of_the_data(checkout):
    """Rows of JSON and CSV are the run's own numbers; the drawing has the six digits that a screen can show."""
    shown = Answers.load(checkout).exhibits("squares")[0]
    spec = json.loads(pages.described(shown))
    areas = [row.values["area"] for row in shown.run.rows]

    at = spec["columns"].index("area")
    assert [row[at][1] for row in spec["rows"]] == areas
    csv = pages.published(Answers.load(checkout))["figures/squares/every_machine.csv"]
    assert [float(line.split(",")[1]) for line in csv.splitlines()[1:]] == areas
    assert spec["data"][0]["y"] == pytest.approx(areas, rel=1e-5)


def test_every_spec_of_the_checkout_keeps_the_numbers_of_its_rows():
    """Also where the cells are quantities with a unit: the number is in the base unit, uncut."""
    evidence, seen = Evidence(ROOT), 0
    for name in exhibits_of(evidence):
        module = evidence.figure(name)
        runs = evidence.runs(module.EXPERIMENT)
        for machine in runs:
            try:
                shown = exhibits.exhibit(module, runs, machine, "fresh")
            except exhibits.NotMeasured:
                continue
            spec = json.loads(pages.described(shown))
            for row, told in zip(shown.rows, spec["rows"], strict=True):
                for column, (_, value) in zip(spec["columns"], told, strict=True):
                    own = getattr(row.get(column), "value", row.get(column))
                    if isinstance(own, float) and value is not None:
                        assert value == own, (name, machine, column)
                        seen += 1
    assert seen > 100


def exhibits_of(evidence):
    return [name for name in Answers.load(ROOT).figure_names()
            if evidence.figure(name).EXPERIMENT in run_file.experiments(ROOT)]  # fmt: skip


def test_the_spec_draws_in_the_readers_colours(checkout):
    """No sentinel is left, and both layouts are there."""
    spec = pages.described(Answers.load(checkout).exhibits("squares")[0])

    assert not SENTINEL.search(spec)
    assert "{{ours}}" in spec
    assert set(json.loads(spec)["layouts"]) == set(picture.SIZES)
