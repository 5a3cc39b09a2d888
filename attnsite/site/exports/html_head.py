"""What a page's head says to programs: address, picture, description, data and feed. Put into finished HTML, so that
every builder's pages have the same."""

import re
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from attnsite.site.about import Site
from attnsite.site.exports import atom, json_ld
from attnsite.site.figures import social_cards

_OTHERS = re.compile(
    r'\s*<meta (?:property|name)="(?:og|twitter|article):[^>]*>|\s*<link rel="(?:canonical|alternate[^"]*)"[^>]*>'
    r'|\s*<script type="application/ld\+json">.*?</script>', re.DOTALL)  # fmt: skip
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_DESCRIPTION = re.compile(r'<meta name="description" content="([^"]*)">')


@dataclass(frozen=True)
class About:
    """What is known of a page beyond its HTML: its data for search engines, and when it was new and last checked."""

    data: dict[str, Any] | None = None
    published: str = ""
    updated: str = ""
    question: bool = False
    card: str = social_cards.DEFAULT  # below the site's root


def dressed(html: str, address: str, site: Site, about: About) -> str:
    """The page with the lines of its head in front of `</head>`; what stood there of the kind is replaced."""
    head, mark, rest = html.partition("</head>")
    if not mark:
        return html
    return f"{_OTHERS.sub('', head).rstrip()}\n{_lines(head, address, site, about)}\n  {mark}{rest}"


def _lines(head: str, address: str, site: Site, about: About) -> str:
    title, description = _TITLE.search(head), _DESCRIPTION.search(head)
    shown = unescape(title[1]).strip().removesuffix(f" - {site.name}") if title else site.name
    said = unescape(description[1]) if description else site.description
    own = about.card != social_cards.DEFAULT
    up = "../" * address.count("/")
    alt = f"The question “{shown}” and the beginning of its answer" if own else f"{site.name}: {site.description}"
    properties = {
        "og:type": "article" if about.question else "website",
        "og:site_name": site.name,
        "og:title": shown,
        "og:description": said,
        "og:url": site.at(address) if site.url else "",
        "og:locale": "en_GB",
        "og:image": site.at(about.card) if site.url else "",
        "og:image:type": "image/png" if site.url else "",
        "og:image:width": str(social_cards.WIDTH) if site.url else "",
        "og:image:height": str(social_cards.HEIGHT) if site.url else "",
        "og:image:alt": alt if site.url else "",
        "article:published_time": about.published,
        "article:modified_time": about.updated,
    }
    links = []  # with two words each: the theme takes what is an alternate alone for the page in another language
    if site.url:
        links.append(f'<link rel="canonical" href="{escape(site.at(address))}">')
        links.append(f'<link rel="alternate feed" type="application/atom+xml" title="New and re-measured answers" '
                     f'href="{up}{atom.FILE}">')  # fmt: skip
    if about.question:
        links.append('<link rel="alternate describedby" type="application/json" title="Claims, figures and sources" '
                     'href="index.json">')  # fmt: skip
        links.append('<link rel="alternate describedby" type="text/markdown" href="index.md">')
    metas = [f'<meta property="{name}" content="{escape(text)}">' for name, text in properties.items() if text]
    metas.append('<meta name="twitter:card" content="summary_large_image">')
    data = [json_ld.block(about.data)] if about.data else []
    return "\n".join("    " + line for line in [*links, *metas, *data])
