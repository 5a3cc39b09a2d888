"""What a site gets once it is built, by whichever builder: its pages' heads, their policy, the
map of the site, the files that a builder would have taken for pages, and scripts and style sheets without remarks."""

import gzip
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from attnsite.records.mistakes import Mistake, raise_all
from attnsite.site import addresses as places
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.builders import content_security_policy as policy
from attnsite.site.exports import bundle, html_head, json_ld
from attnsite.site.exports.html_head import About
from attnsite.site.figures import social_cards
from attnsite.site.pages.evidence import machines

# What a policy in the page cannot say, or a page cannot say for a picture that is opened by itself: each figure's page
# lies in the folder of its pictures, so the rule is for their ending alone. Hosts that read a `_headers` file heed it
# (Netlify, Cloudflare Pages); docs/reuse.md has the same for other servers.
HEADERS = """\
/*
  Content-Security-Policy: frame-ancestors 'none'
  X-Content-Type-Options: nosniff
  Referrer-Policy: strict-origin-when-cross-origin
  Cross-Origin-Opener-Policy: same-origin
/figures/*.svg
  Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; sandbox
"""

_PICTURE = re.compile(r'(<div class="exhibit-stage"><picture>.*?<img [^>]*?loading=)"(?:lazy|eager)"', re.DOTALL)


# The theme's second style sheet holds palettes that this site does not use, and a rule for every element of the page
# while the colours are set, which a page does as it opens: all is styled three times more. `site.css` has the rest.
_PALETTE = re.compile(r'\s*<link rel="stylesheet" href="[^"]*assets/stylesheets/palette\.\w+\.min\.css"\s*/?>')

# A page that is none of the theme's, `overrides/404.html`: its scripts and styles are its own, and so is its policy.
_ALONE = '<html lang="en" data-root='

# What our own scripts say to who reads the checkout alone, a quarter of their bytes: whole lines, and the end of a line
# where no quote follows, so that it cannot stand within a text.
_REMARKS = re.compile(
    r"^[ \t]*(?:/\*.*?\*/[ \t]*|//[^\n]*)\n|(?<=[;{},)\]])[ \t]+// [^\"'`\n]*$", re.DOTALL | re.MULTILINE
)

# The same of style sheets: comments that stand by themselves, or behind a rule.
_NOTES = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*\n|(?<=[;{},)])[ \t]+/\*[^\n]*?\*/[ \t]*$", re.DOTALL | re.MULTILINE)

# The colours of a dark page, which scripts choose: where none run, the system does.
_DARK = re.compile(r'(?<!,\n)^\[data-md-color-scheme="slate"\] \{(.*?)^\}\n', re.DOTALL | re.MULTILINE)
_UNSCRIPTED = "@media screen and (scripting: none) and (prefers-color-scheme: dark)"


def finish(answers: Answers, folder: Path) -> int:
    """Finish a built site; the same again changes nothing. Returns the number of pages.

    Raises every mistake of every page that holds what its policy would block.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.html"))}
    if not paths:
        raise Mistake(folder, "", "holds no page", "name the folder of a site that was built")
    site, known = answers.checkout.site, told(answers)
    before = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    pages = {name: dressed(name, html, folder, site, known) for name, html in before.items()}
    held = {name: policy.read(html, answers.checkout.cache) for name, html in pages.items()}
    alone = {name: held[name] for name, html in pages.items() if _ALONE in html}
    alike = {name: held[name] for name in pages if name not in alone}
    raise_all([*policy.faults(alike), *policy.faults(alone)])
    ways = (alike, policy.policy(alike)), (alone, policy.policy(alone))
    rules = {name: rules for group, rules in ways for name in group}
    for name, html in pages.items():
        finished = policy.secured(html, rules[name])
        if finished != before[name]:
            paths[name].write_text(finished, encoding="utf-8", newline="\n")
    for name, text in {**bundle.markdown(answers), "_headers": HEADERS}.items():
        if (folder / name).parent.is_dir():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for script in sorted((folder / "assets").glob("*.js")):
        if not script.name.endswith(".min.js"):
            text = script.read_text(encoding="utf-8")
            script.write_text(_REMARKS.sub("", text), encoding="utf-8", newline="\n")
    for name in ("site.css", "live.css", "play.css", "heads.css"):  # the font's own sheet keeps its licence
        if (sheet := folder / "assets" / name).is_file():
            text = sheet.read_text(encoding="utf-8")
            sheet.write_text(dark_without_scripts(_NOTES.sub("", text)), encoding="utf-8", newline="\n")
    if site.url:
        write_map(folder, [address(name) for name in pages if is_page(name)], site, known)
    return len(pages)


def dressed(name: str, html: str, folder: Path, site: Site, known: Mapping[str, About]) -> str:
    html = at_once(policy.tame(_PALETTE.sub("", html, count=1)))  # it begins with spaces: no search through the text
    if not is_page(name):
        return html
    place = address(name)
    facts = known.get(place, About())
    if facts.card != social_cards.DEFAULT and not (folder / facts.card).is_file():
        facts = About(facts.data, facts.published, facts.updated, facts.question)
    if facts.data and "image" in facts.data:
        facts.data["image"] = site.at(facts.card)
    return html_head.dressed(html, place, site, facts)


def dark_without_scripts(sheet: str) -> str:
    """A style sheet with its dark colours once more, for who reads without scripts on a dark system."""
    colours = "".join(_DARK.findall(sheet))
    if not colours or _UNSCRIPTED in sheet:
        return sheet
    return f"{sheet}{_UNSCRIPTED} {{\n:root, [data-md-color-scheme] {{{colours}}}\n}}\n"


def at_once(html: str) -> str:
    """The page with the picture above its first section fetched at once: nothing larger is seen first."""
    top, mark, rest = html.partition("<h2")
    return _PICTURE.sub(r'\1"eager"', top, count=1) + mark + rest


def told(answers: Answers) -> dict[str, About]:
    """What is known of pages, by address."""
    site = answers.checkout.site
    found = {"": About(json_ld.home(site)), "machines/": About(json_ld.datasets(machines(answers), site))}
    for question in answers.checkout.questions:
        each, place = answers.checked(question), places.address(path_of(question))
        card = f"{place}card.png"
        data = json_ld.question(each, answers, site, site.at(card))
        found[place] = About(data, each.asked, each.updated, question=True, card=card)
    return found


def is_page(name: str) -> bool:
    return Path(name).name == "index.html"


def address(name: str) -> str:
    return re.sub(r"(^|/)index\.html$", r"\1", name)


def write_map(folder: Path, addresses: list[str], site: Site, known: Mapping[str, About]) -> None:
    """`sitemap.xml`: every page, and the day on which a question was last checked; the same from build to build."""
    lines = []
    for place in addresses:
        day = known[place].updated if place in known else ""
        changed = f"<lastmod>{day}</lastmod>" if day else ""
        lines.append(f"  <url><loc>{escape(site.at(place))}</loc>{changed}</url>\n")
    text = ('<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"{''.join(lines)}</urlset>\n")  # fmt: skip
    (folder / "sitemap.xml").write_text(text, encoding="utf-8", newline="\n")
    (folder / "sitemap.xml.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
