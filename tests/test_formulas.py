"""Formulas as they are read, copied and seen on a small phone: their font, their exponents, their text."""

import html
import json
import re

import pytest

from tests import firefox
from tests.conftest import ROOT

STYLE = ROOT / "docs" / "assets" / "formulas.css"
WITH_FORMULAS = ("by_hand/", "questions/cost/heads_and_parameters/")
OPENED = "document.querySelectorAll('details').forEach(e => { e.open = true; })"
ITALIC_H = 0x210E
GREEK = {**{0x391 + n: 0x1D6E2 + n for n in range(25)}, **{0x3B1 + n: 0x1D6FC + n for n in range(25)},
         0x3F5: 0x1D716, 0x3D5: 0x1D719}  # fmt: skip
# Of each base with an index or an exponent: [above, below], how far its box reaches beyond that of the base.
REACH = """() => {
  document.querySelectorAll("details").forEach(e => { e.open = true; });
  const found = [];
  for (const part of document.querySelectorAll("msub, msup")) {
    if (!part.checkVisibility()) continue;
    const [base, small] = [...part.children].map(e => e.getBoundingClientRect());
    const below = part.localName === "msub" ? small.bottom - base.bottom : base.top - small.top;
    const apart = part.localName === "msub" ? small.top - base.bottom : base.top - small.bottom;
    found.push([part.localName, part.textContent, below, apart, small.left - base.right, base.height]);
  }
  return found;
}"""


def covered():
    """The characters that the font says it has."""
    found = set()
    for first, last in re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", STYLE.read_text(encoding="utf-8")):
        found |= set(range(int(first, 16), int(last or first, 16) + 1))
    return found


def drawn(letter, alone):
    """The character that a browser draws: one that is alone in an identifier is slanted."""
    code = ord(letter)
    if not alone:
        return code
    if letter.isascii() and letter.isalpha():
        return ITALIC_H if letter == "h" else 0x1D434 + code - 65 if code < 97 else 0x1D44E + code - 97
    return GREEK.get(code, code)


def test_the_font_has_every_character_of_every_formula(site_folder):
    """Letters as they are drawn, slanted ones too; a page with a formula asks for the font, and no other page does."""
    missing, pages, asked = set(), set(), set()
    for path in site_folder.rglob("index.html"):
        text = path.read_text(encoding="utf-8")
        if "assets/formulas.css" in text:
            asked.add(path)
        for formula in re.findall(r"<math\b.*?</math>", text, re.DOTALL):
            pages.add(path)
            for element, attributes, inner in re.findall(r"<(m[inos]|mtext)\b([^>]*)>([^<]*)</", formula):
                letters = html.unescape(inner).strip()
                alone = element == "mi" and len(letters) == 1 and "normal" not in attributes
                missing |= {letter for letter in letters if drawn(letter, alone) not in covered()}

    assert len(pages) > 5
    assert asked == pages
    assert missing == set()


@pytest.mark.browser
@pytest.mark.parametrize("path", WITH_FORMULAS)
def test_every_formula_is_drawn_in_that_font(site, open_page, path):
    """The browser itself says which font it drew each sign with: the page's own, and not one of this machine's."""
    page = open_page(site + path)
    page.evaluate(OPENED)
    page.evaluate("document.fonts.ready")
    protocol = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        protocol.send(f"{domain}.enable")
    root = protocol.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    nodes = protocol.send("DOM.querySelectorAll", {"nodeId": root, "selector": "math :is(mi, mn, mo, mtext)"})[
        "nodeIds"
    ]
    others, count = set(), 0
    for node in nodes:
        for font in protocol.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            count += font["glyphCount"]
            if not font["isCustomFont"] or font["familyName"] != "Noto Sans Math":
                others.add(font["familyName"])

    assert count > 20
    assert others == set()


def misplaced(found, ink=0.0):
    """Indices that do not reach below their base, or float below it, and exponents likewise above; `ink` is how much of
    its height the box of a base may be larger than its ink."""
    return [
        one
        for one in found
        if one[2] <= -ink * one[5] or one[3] > 0.1 * one[5] or not -0.5 * one[5] < one[4] < 0.5 * one[5]
    ]


@pytest.mark.browser
@pytest.mark.parametrize("path", WITH_FORMULAS)
def test_indices_and_exponents_stand_at_their_letters(site, open_page, path):
    """An index reaches below its letter and overlaps it in height, an exponent the other way; both follow at once."""
    page = open_page(site + path)
    found = page.evaluate(REACH)

    assert len(found) > 3
    assert misplaced(found) == []


@pytest.mark.browser
def test_indices_stand_at_their_letters_in_firefox(site, tmp_path):
    """The same in a browser that lays formulas out by itself."""
    program = firefox.find()
    if program is None:
        pytest.skip("there is no Firefox here: install firefox-esr or firefox from the system's packages")
    browser = firefox.Firefox(program, tmp_path)
    try:
        browser.open(site + WITH_FORMULAS[0])
        browser.run("() => document.fonts.ready.then(() => true)")
        found = browser.run(REACH)
        loaded = browser.run("() => [...document.fonts].map(font => [font.family.replaceAll('\"', ''), font.status])")
    finally:
        browser.close()

    assert ["Formulas", "loaded"] in loaded
    assert len(found) > 3
    assert misplaced(found, 0.05) == []


# --- copied --------------------------------------------------------------------------------------------------------

SELECT = """([first, last]) => {
  const range = document.createRange();
  range.setStart(first, 0);
  range.setEnd(last, last.childNodes.length);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}"""


def copy(page, first, last=None):
    """Select from the start of an element to the end of another, copy by key, and read the clipboard."""
    page.evaluate(SELECT, [first.element_handle(), (last or first).element_handle()])
    page.wait_for_function("performance.getEntriesByType('resource').some(e => e.name.endsWith('copied.js'))")
    page.wait_for_timeout(200)
    page.keyboard.press("Control+c")
    return page.evaluate("navigator.clipboard.readText()")


@pytest.fixture
def readable(site, open_page):
    def opened(path, **options):
        return open_page(site + path, permissions=["clipboard-read", "clipboard-write"], **options)

    return opened


@pytest.mark.browser
def test_a_copied_formula_is_its_tex(readable):
    """With ^ and _, between dollars as Markdown has it, in its sentence; from within a formula the whole of it."""
    page = readable("by_hand/")
    paragraph = page.locator("p:has(math)", has_text="For one query with scores").first
    text = copy(page, paragraph)
    assert r"scores $s_1 \dots s_8$, a head dimension $d_\text{head}$ and values $v_j$" in text
    block = page.locator(".formula-block").first
    assert r"$$w_j = \frac{e^{s_j / \sqrt{d_\text{head}}}}" in copy(page, block)
    inner = paragraph.locator("math").first.locator("mi").first
    assert copy(page, inner).strip() == r"$s_1 \dots s_8$"
    assert page.locator("body > .said.md-typeset").count() == 0


@pytest.mark.browser
def test_copied_numbers_are_plain_digits(readable):
    """A table's cells are apart by tabs, digits have no thin spaces between them, units a plain one before them."""
    page = readable("calculator/")
    page.evaluate("""() => {
      const row = document.querySelector(".calculator tbody tr");
      row.closest("details").open = true;
      row.outerHTML =
        "<tr id=mine><th>a</th><td>16\\u202f000</td><td>\\u22121\\u202f234\\u202f567.5</td><td>128\\u202fKiB</td></tr>";
    }""")
    assert copy(page, page.locator("#mine")).split("\t") == ["a", "16000", "-1234567.5", "128 KiB"]
    kept = page.evaluate("navigator.clipboard.read().then(all => all[0].getType('text/html')).then(b => b.text())")
    assert "16000" in kept
    assert "\u202f" not in kept


@pytest.mark.browser
def test_what_needs_no_mending_is_the_browsers_own_copy(readable):
    """Programs and plain sentences are left alone, and so is what is typed into a field."""
    page = readable("calculator/")
    found = page.evaluate("""async () => {
      const { copied, plain } = await window.attnsite.bring("copied.js");
      const told = html => {
        const box = document.querySelector("article").appendChild(document.createElement("div"));
        box.innerHTML = html;
        getSelection().selectAllChildren(box);
        const found = copied(getSelection());
        box.remove();
        return found;
      };
      return [told("<p>A sentence.</p>"), told("<pre>a = 1\\u202f000</pre>"),
        told("<p>1\\u202f000 heads</p>")[0].trim(),
        plain("2\\u202f\\u00d7, 1\\u202f2345, x\\u202f\\u22122, 12\\u202f%"), plain("1\\u202f234\\u202f567")];
    }""")

    assert found == [None, None, "1000 heads", "2 ×, 1 2345, x -2, 12 %", "1234567"]


# --- a small phone ---------------------------------------------------------------------------------------------------

CUT = """() => {
  document.querySelectorAll("details").forEach(e => { e.open = true; });
  const width = document.documentElement.clientWidth, found = [];
  for (const formula of document.querySelectorAll(".formula")) {
    if (!formula.checkVisibility() || formula.closest("table")) continue;
    const inner = formula.querySelector("math")?.getBoundingClientRect(), box = formula.getBoundingClientRect();
    const scrolls = formula.scrollWidth > formula.clientWidth && getComputedStyle(formula).overflowX === "auto";
    if (inner && inner.right > width && !(scrolls && box.right <= width)) found.push(formula.textContent);
  }
  return found;
}"""


@pytest.mark.browser
def test_no_formula_is_cut_on_a_small_phone(site, site_folder, browser):
    """At 320 pixels one that is wider than the window scrolls in a box of its own, which the keyboard reaches; the rest
    are whole where they stand, in narrow cells of tables too."""
    context = browser.new_context(viewport={"width": 320, "height": 640}, bypass_csp=True)
    page, cut, scrolled = context.new_page(), {}, 0
    for path in sorted(site_folder.rglob("index.html")):
        if '<span class="formula' not in path.read_text(encoding="utf-8"):
            continue
        address = path.parent.relative_to(site_folder).as_posix()
        page.goto(f"{site}{address}/", wait_until="load")
        if found := page.evaluate(CUT):
            cut[address] = found
        widths = page.eval_on_selector_all(
            ".formula:not(.is-wide)", "all => all.map(e => [e.scrollWidth, e.clientWidth])"
        )
        if any(whole > shown + 1 for whole, shown in widths):
            cut[address] = widths
        wide = page.locator(".formula.is-wide")
        for one in wide.all():
            if one.is_visible() and one.evaluate("e => e.scrollWidth > e.clientWidth + 1"):
                one.scroll_into_view_if_needed()
                page.wait_for_function(
                    "e => e.tabIndex === 0 && e.getAttribute('aria-label')", arg=one.element_handle()
                )
                scrolled += 1
    context.close()

    assert cut == {}
    assert scrolled > 0


def test_the_licence_lies_beside_the_font():
    """The font's licence asks for that; the style sheet names it, and the script that makes the font."""
    head = STYLE.read_text(encoding="utf-8")[:400]
    assert "formulas.OFL.txt" in head
    assert "scripts/subset_math_font.sh" in head
    assert (ROOT / "scripts" / "subset_math_font.sh").is_file()
    assert "SIL OPEN FONT LICENSE Version 1.1" in (ROOT / "docs/assets/formulas.OFL.txt").read_text(encoding="utf-8")
    assert json.dumps(str(ROOT)) not in STYLE.read_text(encoding="utf-8")
