"""A reference line of a bibliography, read as far as it can be; nothing is made up."""

import re
import unicodedata
from dataclasses import dataclass

_YEAR = re.compile(r"\(([0-9]{4})[a-z]?\)|(?<![0-9.:/])((?:19|20)[0-9]{2})(?=[.,;)\s]|$)")
_TITLE = re.compile(r"[\"“]([^\"“”]{3,400})[\"”]")
_VENUE = re.compile(r"(?<!\*)\*([^*]{3,200})\*(?!\*)")
_URL = re.compile(r"https?://[^\s<>\"{}\\^`]+")
_ARXIV = re.compile(r"(?:arXiv:|arxiv\.org/(?:abs|pdf|html)/)([0-9]{4}\.[0-9]{4,5})(?:v[0-9]+)?", re.IGNORECASE)
_DOI = re.compile(r"(?:doi:\s*|doi\.org/)(10\.[0-9]{4,}/[^\s<>\"{}]+)", re.IGNORECASE)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*[{\"](.*?)[}\"],?\s*$", re.MULTILINE)
_BODY = re.compile(  # an author that is no person
    r"^[^,]*\b(?:Corporation|Corp|Inc|Ltd|LLC|GmbH|Company|University|Institute|Foundation|Team|Group|Labs?|Laborator(?:y|ies)"
    r"|Consortium|Committee|Research|Project|Community|Developers|Contributors|Association|Society|Agency|AI)\b(?=[^,]*$)"
)
LONGEST = 4000  # characters of a line that are read


@dataclass(frozen=True)
class Reference:
    """What a line says: authors as BibTeX writes them, and the rest; empty where it says nothing."""

    authors: str
    title: str
    year: str
    venue: str
    url: str
    eprint: str
    doi: str
    line: str

    @property
    def missing(self) -> list[str]:
        """What a complete source needs and the line does not say."""
        link = self.url or self.eprint or self.doi
        needed = {
            "who wrote it": self.authors,
            "its title": self.title,
            "its year": self.year,
            "where to find it": link,
        }
        return [name for name, value in needed.items() if not value]

    @property
    def key(self) -> str:
        """The first author's surname, the year and the first word of the title, in a–z and 0–9."""
        first = self.authors.split(",")[0].split(" and ")[0]
        surname = _letters(first.removeprefix("The ").split()[0] if first and _BODY.search(first) else first)
        word = next((w for w in map(_letters, self.title.split()) if w not in ("", "a", "an", "the", "on")), "")
        key = f"{surname}{self.year}{word}"[:60]
        return key if surname[:1].isalpha() else f"unknown{key}"

    def same_as(self, other: "Reference") -> bool:
        """Is it the same work? One that has the same number or address, or title and authors, or else the same line."""
        for mine, theirs in ((self.doi, other.doi), (self.eprint, other.eprint)):
            if mine and theirs:
                return mine.lower() == theirs.lower()
        if self.url and self.url == other.url:
            return True
        if self.title and other.title:
            return _plain(self.title) == _plain(other.title) and _plain(self.authors) == _plain(other.authors)
        return self.line == other.line

    def bibtex(self, key: str) -> str:
        """A BibTeX entry of the fields that are known, to be completed by hand."""
        kind = "article" if self.venue and not self.url and not self.eprint else "misc"
        fields = {
            "author": self.authors, "title": self.title, "year": self.year,
            "journal" if kind == "article" else "howpublished": self.venue, "doi": self.doi, "eprint": self.eprint,
            "url": self.url, "annote": f"Draft from an intake. The reference as it was given: {self.line}",
            "checked": "not re-read",
        }  # fmt: skip
        safe = {name: _safe(value) for name, value in fields.items() if value}
        if "author" in safe:  # a body has no given names
            names = safe["author"].split(" and ")
            safe["author"] = " and ".join(f"{{{name}}}" if _BODY.search(name) else name for name in names)
        lines = [f"  {name} = {{{value}}}" for name, value in safe.items()]
        return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}\n"


def read(line: str) -> Reference:
    """Read one reference; never raises."""
    line = re.sub(r"\\([_%&#~$])", r"\1", " ".join(line[:LONGEST].split()))  # as BibTeX files have addresses
    url = _URL.search(line)
    address = _ended(url[0]) if url else ""
    words = _URL.sub(" ", line)
    title, venue = _TITLE.search(words), _VENUE.search(words)
    year = _YEAR.search(words[: title.start()] if title else words) or _YEAR.search(words)
    ends = [match.start() for match in (title, year, venue) if match]
    eprint, doi = _ARXIV.search(line), _DOI.search(line)
    return Reference(
        authors=_authors(words[: min(ends)] if ends else ""),
        title=title[1].strip().rstrip(".,") if title else "",
        year=(year[1] or year[2]) if year else "",
        venue=venue[1].strip().rstrip(".,") if venue else "",
        url=address,
        eprint=eprint[1] if eprint else "",
        doi=_ended(doi[1]) if doi else "",
        line=line,
    )


def _ended(address: str) -> str:
    """An address without what ends the sentence around it; a bracket that it opened itself is its own."""
    address = address.rstrip(".,;")
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(".,;")
    return address


def of_bibtex(text: str) -> Reference:
    """What a source file says of its work, as far as `same_as` asks; a field stands in a line of its own."""
    held = {name.lower(): value.strip() for name, value in _FIELD.findall(text)}
    line = held.get("annote", "").rpartition("as it was given: ")[2]
    return Reference(
        held.get("author", ""), held.get("title", ""), held.get("year", ""), "", held.get("url", ""),
        held.get("eprint", ""), held.get("doi", ""), line,
    )  # fmt: skip


def _plain(text: str) -> str:
    """A title or names by their letters and digits alone."""
    decomposed = unicodedata.normalize("NFKD", text).lower()
    return "".join(letter for letter in decomposed if letter.isalnum())


def _authors(text: str) -> str:
    """`Zhang, A., Lipton, Z. C., & Li, M.` as `Zhang, A. and Lipton, Z. C. and Li, M.`; et al. as others."""
    others = re.search(r"\bet al\b|\band others\b", text) is not None
    text = re.sub(r"[,;]?\s*\b(?:et al\.?|and others)", "", text).strip(" ,;.(").replace("{", "").replace("}", "")
    parts = [part.strip(" ,&") for part in re.split(r",\s*&|&|;|\band\b|,", text)]
    names: list[str] = []
    for part in filter(None, parts):
        initials = re.fullmatch(r"(?:[A-Z]\.?[\s-]?)+", part) is not None
        if initials and names and "," not in names[-1]:
            names[-1] += f", {part}" + ("" if part.endswith(".") else ".")
        else:
            names.append(part)
    return " and ".join(names + ["others"] * (others and bool(names)))


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", plain.split()[-1] if plain.split() else "") if text else ""


def _safe(text: str) -> str:
    """Text that BibTeX reads back as it is: no braces, no backslashes, TeX's characters escaped."""
    text = "".join(c for c in text if c.isprintable())
    text = text.replace("\\", "/").replace("{", "(").replace("}", ")").replace("@", " at ")
    return re.sub(r"([%&#$_])", r"\\\1", text) if "://" not in text[:8] else text
