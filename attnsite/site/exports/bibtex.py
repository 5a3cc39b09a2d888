"""How a question is cited: a BibTeX entry, made of what the checkout says."""

import re

from attnsite.site import addresses
from attnsite.site.about import Site
from attnsite.site.addresses import path_of
from attnsite.site.checked import Checked
from attnsite.site.exhibits import in_words

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def entry(checked: Checked, site: Site) -> str:
    """The entry; its date is the day on which the page was last checked or measured."""
    asked = checked.question
    year, month = checked.updated[:4], checked.updated[5:7]
    fields = {
        "author": " and ".join(f"{{{tex(name)}}}" for name in site.authors),
        "title": f"{{{tex(asked.title)}}}",
        "year": year,
        "howpublished": tex(site.name),
        "url": site.at(addresses.address(path_of(asked))) if site.url else "",
        "note": f"Last checked {in_words(checked.updated)}" if checked.updated else "",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    if month:
        lines.insert(3, f"  month = {_MONTHS[int(month) - 1]}")
    return f"@misc{{attnsite{year}{re.sub('[^a-z0-9]', '', asked.slug)},\n" + ",\n".join(lines) + "\n}"


def tex(text: str) -> str:
    """Text that BibTeX reads back as it was typed, as far as it can hold it."""
    text = text.replace("\\", "/").replace("{", "(").replace("}", ")").replace("`", "'")
    return re.sub(r"([%&#$_])", r"\\\1", " ".join(text.split()))
