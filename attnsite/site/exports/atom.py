"""New and re-measured answers as an Atom feed (RFC 4287).

An entry is a question. It is new on the day it was asked, and updated when a newer run of what it quotes is committed
or its sources are opened again; these dates stand in the files, so a checkout without history gives the same feed.
"""

import datetime
import xml.etree.ElementTree as etree
from collections.abc import Sequence

from attnsite.site import addresses
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.checked import Checked
from attnsite.site.exhibits import in_words
from attnsite.site.exports import plain_markdown

FILE = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"


def written(all_checked: Sequence[Checked], answers: Answers, site: Site) -> str:
    """The feed's text. It needs the site's address: identifiers are addresses."""
    dated = sorted(
        ((moment(checked), checked) for checked in all_checked if checked.updated),
        key=lambda pair: (pair[0], pair[1].question.slug),
        reverse=True,
    )
    feed = etree.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _text(feed, "title", site.name)
    _text(feed, "subtitle", site.description)
    _text(feed, "id", site.url)
    etree.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": site.url})
    etree.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": site.at(FILE)})
    _text(feed, "updated", dated[0][0] if dated else "1970-01-01T00:00:00Z")
    for name in site.authors:
        _text(etree.SubElement(feed, "author"), "name", name)
    for when, checked in dated:
        _entry(feed, when, checked, answers, site)
    etree.indent(feed, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + etree.tostring(feed, encoding="unicode") + "\n"


def _entry(feed: etree.Element, when: str, checked: Checked, answers: Answers, site: Site) -> None:
    asked = checked.question
    address = site.at(addresses.address(path_of(asked)))
    entry = etree.SubElement(feed, "entry")
    _text(entry, "title", asked.title)
    _text(entry, "id", address)
    etree.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": address})
    etree.SubElement(entry, "link", {"rel": "related", "type": "application/json", "href": f"{address}index.json"})
    _text(entry, "published", f"{checked.asked}T00:00:00Z")
    _text(entry, "updated", when)
    etree.SubElement(entry, "category", {"term": asked.theme})
    again = checked.measured[:10] > checked.asked
    news = f" Measured again on {in_words(checked.measured[:10])}." if again else ""
    _text(entry, "summary", plain_markdown.plainly(asked.answer, answers) + news)


def moment(checked: Checked) -> str:
    """When the answer was last confirmed or changed, to the second where a run says so, in UTC."""
    times = [f"{day}T00:00:00+00:00" for day in (checked.asked, checked.read) if day]
    times += [checked.measured] if checked.measured else []
    newest = max(datetime.datetime.fromisoformat(time) for time in times)
    return newest.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(parent: etree.Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = "".join(c for c in text if c.isprintable() or c == " ")
