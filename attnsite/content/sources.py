"""The sources: one plain BibTeX entry a file, read with what we take from it and whether we opened it."""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pybtex.backends.plaintext import Backend
from pybtex.database import BibliographyDataError, Entry, Person
from pybtex.database.input.bibtex import Parser
from pybtex.exceptions import PybtexError
from pybtex.richtext import Text

from attnsite.content.reading import Reading
from attnsite.content.unsafe_markup import at_home
from attnsite.records import ordinary, signs
from attnsite.records.mistakes import Mistake, raise_all

FOLDER = Path("docs/sources")
CHECKED = ("text read", "table read", "abstract read", "not re-read")  # `checked`: how far we opened it ourselves
KEY = re.compile(r"[a-z][a-z0-9]*")
OTHERS = ("others", "et al.", "al., et")  # and further authors
ADDRESSES = {"doi", "eprint", "url"}
VENUES = ("journal", "booktitle", "publisher", "institution", "howpublished")


@dataclass(frozen=True)
class Source:
    """A cited source. Texts are plain, without TeX; `fields` has the BibTeX fields as they stand in the file.

    `authors` are full names, `families` the names to cite by; `more_authors` when the entry ends in "and others".
    `path` is relative to the checkout.
    """

    key: str
    kind: str  # article, inproceedings, misc …
    title: str
    authors: tuple[str, ...]
    families: tuple[str, ...]
    more_authors: bool
    year: str
    venue: str
    annote: str
    checked: str
    fields: Mapping[str, str]
    path: Path
    entry: str  # as it stands in the file

    @property
    def short(self) -> str:
        """As one cites it in running text: "Dao et al. 2022"."""
        if self.more_authors or len(self.families) > 2:
            return f"{self.families[0]} et al. {self.year}"
        return f"{' and '.join(self.families)} {self.year}"

    @property
    def doi(self) -> str:
        return self.fields.get("doi", "")

    @property
    def eprint(self) -> str:
        """The arXiv number, empty when there is none."""
        return self.fields.get("eprint", "")

    @property
    def read(self) -> str:
        """The day on which we opened it, 2026-11-23; empty where the entry does not say."""
        return self.fields.get("urldate", "")

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """(text, address) of the DOI, the arXiv page and the source's own page, those that there are, in this order."""
        url = self.fields.get("url", "")
        said = (self.eprint and "arxiv.org/abs/" in url) or (self.doi and "doi.org/" in url)
        own = url and not said
        found = (
            (f"doi:{self.doi}", f"https://doi.org/{self.doi}", self.doi),
            (f"arXiv:{self.eprint}", f"https://arxiv.org/abs/{self.eprint}", self.eprint),
            (urlsplit(url).hostname or "", url, own),
        )
        return tuple((text, address) for text, address, there in found if there)


def load_sources(root: Path) -> dict[str, Source]:
    """All sources by key. Raises every mistake of every source file at once."""
    sources, mistakes = read_sources(root)
    raise_all(mistakes)
    return sources


def read_sources(root: Path, reading: Reading | None = None) -> tuple[dict[str, Source], list[Mistake]]:
    """The sources that could be read, by key, and the mistakes of the others."""
    reading = reading or Reading()
    sources: dict[str, Source] = {}
    mistakes: list[Mistake] = []
    for path in ordinary.files(root, FOLDER, "*.bib"):
        found, wrong = _read(path, FOLDER / path.name, reading)
        mistakes += wrong
        if found:
            sources[found.key] = found
    return sources, mistakes


def _read(path: Path, shown: Path, reading: Reading) -> tuple[Source | None, Sequence[Mistake]]:
    try:
        return reading.parsed(path, shown, parse)
    except OSError as error:
        return None, [Mistake(shown, "", f"cannot be read ({error.strerror})", "restore the file")]
    except UnicodeDecodeError as error:
        return None, [Mistake(shown, f"byte {error.start}", "is not UTF-8", "save it as UTF-8")]


def parse(text: str, path: Path) -> tuple[Source | None, tuple[Mistake, ...]]:
    """Read the text of one source file; the source is None when there is a mistake."""
    remedy = f"write one entry @article{{{path.stem}, …}} with title, author, year, annote, checked and a link"
    try:
        entries = Parser().parse_string(text).entries  # by name, all installed packages would be searched for it
    except (PybtexError, BibliographyDataError) as error:
        line = getattr(error, "lineno", None) or ""
        return None, (Mistake(path, line, f"is not BibTeX ({' '.join(str(error).split())})", remedy),)
    if len(entries) != 1:
        return None, (Mistake(path, "", f"holds {len(entries)} entries", "keep one entry in each file"),)
    [(key, entry)] = entries.items()
    mistakes = tuple(_faults(key, entry, path, text))
    if _outside(text):
        mistakes += (Mistake(path, "", "holds text outside its entry", "take it out: the file is copied as it stands"),)
    if mistakes:
        return None, mistakes
    try:
        source = _source(key, entry, path, text)
    except (PybtexError, ValueError) as error:  # TeX within a field
        told = " ".join(str(error).split())
        return None, (
            Mistake(path, "", f"holds TeX that cannot be read ({told})", "write plain text, and accents as letters"),
        )
    empty = [name for name in ("title", "annote", "families") if not getattr(source, name)]
    if empty:
        return None, (Mistake(path, "", f"has {empty[0]} without a word", "write some that are no TeX"),)
    return source, ()


def _faults(key: str, entry: Entry, path: Path, text: str) -> list[Mistake]:
    fields = _fields(entry)
    found: list[Mistake] = []

    def wrong(field: str, what: str, remedy: str) -> None:
        lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*{field}\s*=", line, re.IGNORECASE)]
        found.append(Mistake(path, lines[0] if lines else "", what, remedy))

    for number, sign in signs.find(text):
        found.append(Mistake(path, number, f"holds the character {sign}, which is invisible", "take it out"))
    if key != path.stem:
        wrong("@", f"its key is {key!r}, but the file is called {path.name}", "give both the same name")
    if not KEY.fullmatch(key):
        wrong("@", f"the key {key!r} has other characters than a–z and 0–9", "rename it: surname, year, first word")
    for name in ("title", "year", "annote", "checked"):
        if not fields.get(name, "").strip():
            help_ = {"annote": "say what we take from it, with page, section or table"}.get(name, f"add {name} = {{…}}")
            wrong(name, f"has no {name}", help_)
    people = entry.persons.get("author") or entry.persons.get("editor") or ()
    if all(str(person) in OTHERS or not re.search(r"\w", str(person)) for person in people):
        wrong("author", "has no author", "add author = {Family, Given and Family, Given}")
    if not any(fields.get(name) for name in ADDRESSES):
        wrong("url", "has no doi, eprint or url", "add one, so that a reader can open the source")
    if fields.get("checked") and fields["checked"] not in CHECKED:
        wrong("checked", f"checked is {fields['checked']!r}", f"write one of: {'; '.join(CHECKED)}")
    shapes = {"year": r"(?:1[5-9]|[2-9][0-9])[0-9]{2}", "doi": r"10\.[0-9]{4,}(?:/(?!\.\.?(?:/|$))[^\s/\"<>]+)+",
              "eprint": r"[0-9]{4}\.[0-9]{4,5}(v[0-9]+)?|[a-z-]+/[0-9]{7}", "url": rf"https?://{_HOST}(:[0-9]+)?(/[!-~]*)?",
              "urldate": r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"}  # fmt: skip
    for name in sorted(ADDRESSES):
        if "\\" in fields.get(name, ""):
            wrong(name, f"its {name} holds TeX, {fields[name]!r}", "write the address as a browser takes it")
    if fields.get("url") and at_home(fields["url"]):
        wrong("url", f"its url is {fields['url']!r:.80}, the reader's own machine", "name a public page")
    for name in sorted(fields.keys() - ADDRESSES):
        if markup := _MARKUP.search(fields[name]):
            wrong(name, f"its {name} holds {markup[0]!r}", "write plain text; addresses have fields of their own")
    for name, shape in shapes.items():
        if fields.get(name) and not (re.fullmatch(shape, fields[name]) and (name != "urldate" or _day(fields[name]))):
            wrong(name, f"its {name} is {fields[name]!r}", f"a {name} looks like {_EXAMPLES[name]}")
    return found


_MARKUP = re.compile(r"</?[A-Za-z!]|\]\(|\[[@=]|\bjavascript:|\bdata:\w+/", re.IGNORECASE)
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"


def _outside(text: str) -> bool:
    """Whether something stands before the entry or behind the brace that ends it."""
    head = re.match(r"\ufeff?\s*@\w+\s*\{", text)
    depth, at = 1, head.end() if head else 0
    while head and depth and at < len(text):
        if text[at] == "\\":
            at += 1
        else:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return not head or bool(text[at:].strip())


def _day(written: str) -> bool:
    """Whether a calendar has that day, and a site could have been opened on it."""
    try:
        return datetime.date.fromisoformat(written).year >= 1990
    except ValueError:
        return False


_EXAMPLES = {"year": "2023", "doi": "10.1145/1498765.1498785", "eprint": "2205.14135", "url": "https://…",
             "urldate": "2026-11-23"}  # fmt: skip


def _source(key: str, entry: Entry, path: Path, text: str) -> Source:
    fields = _fields(entry)
    people: list[Person] = entry.persons.get("author") or entry.persons.get("editor")
    named = [person for person in people if str(person) not in OTHERS]
    venue = next(
        (fields[n] for n in ("journal", "booktitle", "publisher", "institution", "howpublished") if n in fields), ""
    )
    return Source(
        key=key,
        kind=entry.type.lower(),
        title=plain(fields["title"]),
        authors=tuple(_name(person, all_parts=True) for person in named),
        families=tuple(_name(person, all_parts=False) for person in named),
        more_authors=len(named) < len(people),
        year=fields["year"],
        venue=plain(venue) or ("arXiv" if fields.get("eprint") else ""),
        annote=plain(fields["annote"]),
        checked=fields["checked"],
        fields=fields,
        path=path,
        entry=text.replace("\r\n", "\n").strip(),
    )


def _name(person: Person, all_parts: bool) -> str:
    before = person.first_names + person.middle_names if all_parts else []
    return plain(" ".join([*before, *person.prelast_names, *person.last_names, *person.lineage_names]))


def _fields(entry: Entry) -> dict[str, str]:
    """The fields by name; in addresses TeX's escapes, as DBLP and others write them, are taken back."""
    fields = {name.lower(): value for name, value in entry.fields.items()}
    for name in ADDRESSES & fields.keys():
        fields[name] = re.sub(r"\\~(?:\{\})?|\\([_%&#$])", lambda match: match[1] or "~", fields[name])
    return fields


def plain(latex: str) -> str:
    """BibTeX text without its TeX: accents as letters, no braces, plain spaces. A % is one, and begins no comment.

    Raises ValueError for a command that it does not know.
    """
    if not _TEX.search(latex):
        return " ".join(latex.split())
    latex = re.sub(r"(?<!\\)%", r"\\%", latex).replace("\\$", _DOLLAR)
    latex = re.sub(r"\$([^$]*)\$", lambda match: _formula(match[1]), latex)
    before = ""
    while before != latex:  # one in another
        before, latex = latex, _WRAPPED.sub(r"\1", latex)
    told = " ".join(Text.from_latex(latex).render(_PLAIN).replace("\xa0", " ").split()).replace(_DOLLAR, "$")
    if "\\" in told:
        raise ValueError(re.search(r"\\\w*", told)[0])  # type: ignore[index]
    return told


def _formula(latex: str) -> str:
    """A short formula as text: Greek letters, small raised and lowered digits, ×; the rest as it stands."""
    latex = re.sub(r"\\([A-Za-z]+)\s*", lambda match: _LETTERS.get(match[1], f"\\{match[1]} "), latex)
    latex = re.sub(r"\^(?:\{([0-9+-]+)\}|([0-9]))", lambda match: (match[1] or match[2]).translate(_RAISED), latex)
    latex = re.sub(r"_(?:\{([0-9+-]+)\}|([0-9]))", lambda match: (match[1] or match[2]).translate(_LOWERED), latex)
    left = re.search(r"\\[A-Za-z]+", latex)
    if left:
        raise ValueError(left[0])
    return latex


_GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
          "xi", "omicron", "pi", "rho", "final", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega")  # fmt: skip
_LETTERS = {name: chr(0x3B1 + at) for at, name in enumerate(_GREEK)}
_LETTERS |= {name.capitalize(): chr(0x391 + at) for at, name in enumerate(_GREEK)}
_LETTERS |= {"times": "×", "cdot": "·", "leq": "≤", "geq": "≥", "le": "≤", "ge": "≥", "approx": "≈", "infty": "∞",
             "sqrt": "√", "log": "log ", "to": "→", "rightarrow": "→", "ell": "ℓ"}  # fmt: skip
_LETTERS |= dict.fromkeys(("mathcal", "mathrm", "text", "mathbf"), "")
_RAISED, _LOWERED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"), str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_WRAPPED = re.compile(r"\\(?:emph|textit|textbf|texttt|textsc|textrm|textsf|text|url|mbox|enquote)\s*\{([^{}]*)\}")
_DOLLAR = "\ue000"  # stands for a dollar that is meant as one


_TEX = re.compile(r"[^ -~\u00a1-\uffff]|[\\{}$%~^_&#'\"`<>]|--|,,")  # what may mean more than it is; few names have any
_PLAIN = Backend()  # `render_as("text")` would search all installed packages for it, at every call
