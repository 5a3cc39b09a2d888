"""A Q&A document: its parts, what is wrong with each, and its text as a draft."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from attnsite.content import marks
from attnsite.records.mistakes import Mistake

SLUG = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_PART = re.compile(r"##[ \t]+Question[ \t]+([^\s:#]{1,40})[ \t]*(?::[ \t]*(\S.*))?", re.IGNORECASE)
_FORM = re.compile(r"###[ \t]+Question", re.IGNORECASE)  # of an issue, which has one question without a number
_SECTION = re.compile(r"###[ \t]+(\S.{0,80})")
_SOURCES = ("sources", "references", "bibliography")
_SOURCE = re.compile(r"[ \t]*(?:(\d{1,6})[.)]|\[(\d{1,6})\])[ \t]+(\S.*)")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_CITATION = re.compile(r"(?<!\])\[(\d{1,6}(?:[ \t]*[,;–-][ \t]*\d{1,6}){0,20})\](?!\()")
_ADDRESS = re.compile(r"(?<=\])\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|<?\bhttps?://[^\s<>()]{1,2000}")
_PLACEHOLDER = re.compile(
    r"malformed question|text was:|your (?:answer|question)|cannot be answered|placeholder"
    r"|^[\W_]*$|^\W*(?:todo|tbd|n/?a)\W*$",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"appears to be a template placeholder|please provide the full question|^[\W_]*$|^_No response_$", re.IGNORECASE
)


@dataclass
class Part:
    """One question of a document with its answer and sources; `line` is where its heading stands."""

    number: str
    line: int
    question: str = ""
    question_line: int = 0
    answer: str = ""
    answer_line: int = 0
    sources: dict[int, str] = field(default_factory=dict)
    repeated: list[tuple[int, int]] = field(default_factory=list)  # source numbers given twice, with their lines
    unread: list[tuple[str, int]] = field(default_factory=list)  # headings of text that nothing is made of, with lines
    open_fence: int = 0  # the line of a fence that is never closed
    sections: set[str] = field(default_factory=set)

    @property
    def order(self) -> int:
        return int(self.number) if self.number.isdecimal() and len(self.number) < 7 else 1


def parts(text: str) -> list[Part]:
    """The parts of a document, in order; never raises.

    A heading in a fenced block is none. Within an answer `### Sources` and the next question alone end it: any other
    heading is one of the answer's own.
    """
    found: list[Part] = []
    held: dict[str, list[str]] = {}
    section = ""
    lines = [*re.split(r"\r\n|\r|\n", text), "## Question end"]
    fenced, never_closed = _fences(lines)
    for number, line in enumerate(lines, 1):
        quoted = number in fenced
        heading = None if quoted else _PART.fullmatch(line.rstrip("# \t"))
        if heading or (not quoted and _FORM.fullmatch(line.rstrip("# \t"))):
            if found:
                found[-1].question = " ".join(" ".join(held.get("question", ())).split())
                found[-1].answer = "\n".join(held.get("answer", ())).strip().removesuffix("---").strip()
            name, asked = (heading[1], heading[2]) if heading else ("1", None)
            found.append(Part(name, number, question_line=number, answer_line=number))
            held, section = {"question": [asked]} if asked else {}, "question"
            continue
        if not found:
            continue
        part = found[-1]
        if number in never_closed and not part.open_fence:
            part.open_fence = number
        named = None if quoted else _SECTION.fullmatch(line.rstrip("# \t"))
        title = named[1].strip().rstrip(":").lower() if named else ""
        if title and (section != "answer" or title in _SOURCES or title == "answer"):
            section = "sources" if title in _SOURCES else title
            part.sections.add(section)
            if section == "answer":
                part.answer_line = number
            elif section != "sources":
                part.unread.append((named[1].strip() if named else title, number))
        elif section == "sources":
            _source(part, line, number)
        else:
            if section == "question" and line.strip() and part.question_line == part.line:
                part.question_line = number
            held.setdefault(section, []).append(line)
    return found[:-1]


def before_all(text: str, found: list[Part]) -> int:
    """How many lines with words stand before the first part, of which nothing is made."""
    lines = re.split(r"\r\n|\r|\n", text)[: found[0].line - 1] if found else []
    return sum(bool(re.search(r"\w", line)) for line in lines)


def _fences(lines: list[str]) -> tuple[set[int], set[int]]:
    """The lines, from 1, of fenced blocks with their fences, and those that open a block which nothing closes before
    the text ends, so that the next question would be in it."""
    later = {"`": [0], "~": [0]}  # from each line on, counted from the end: the longest fence that can close a block
    for line in reversed(lines):
        bare = line.strip()
        for letter, longest in later.items():
            closes = len(bare) if bare and not bare.strip(letter) and _FENCE.match(line) else 0
            longest.append(max(closes, longest[-1]))
    inside: set[int] = set()
    never: set[int] = set()
    opened, first = "", 0
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if opened and fence and fence[1].startswith(opened) and not line.strip().strip(opened[0]):
            inside.update(range(first, number + 1))
            opened = ""
        elif fence and not opened and "`" not in line[fence.end() :]:
            if later[fence[1][0]][len(lines) - number] < len(fence[1]):
                never.add(number)
            else:
                opened, first = fence[1], number
    return inside, never


def _source(part: Part, line: str, number: int) -> None:
    listed = _SOURCE.fullmatch(line)
    place = int(listed[1] or listed[2]) if listed else 0
    if listed and place in part.sources:
        part.repeated.append((place, number))
    elif listed:
        part.sources[place] = listed[3].strip()
    elif line.strip() and line.strip() != "---" and part.sources:
        last = next(reversed(part.sources))
        part.sources[last] += " " + line.strip()


def faults(part: Part, file: Path, seen: dict[str, int]) -> Iterable[Mistake]:
    """Why a part cannot be drafted, each with its line; `seen` remembers the numbers of the parts before it."""
    name = f"Question {part.number}"
    if part.number in seen:
        yield Mistake(
            file, part.line, f"{name} is there twice, first in line {seen[part.number]}", "renumber one of them"
        )
        return
    seen[part.number] = part.line
    if not part.question or _PLACEHOLDER.search(part.question[:2000]):
        what = f"{name} has no question" if not part.question else f"{name} is a placeholder: {part.question[:60]!r}"
        yield Mistake(file, part.question_line, what, "write the question there, or delete the part")
        return
    if not slug(part.question):
        yield Mistake(file, part.question_line, f"{name} has no words to name a file by", "write it in Latin letters")
    if slug(part.question) == "index":
        yield Mistake(file, part.question_line, f"{name} would be a theme's own page, index.md", "word it otherwise")
    if "answer" not in part.sections:
        yield Mistake(file, part.line, f"{name} has no line ### Answer", "add one, with the answer below it")
    elif not part.answer or _NO_ANSWER.search(part.answer[:400]):
        yield Mistake(file, part.answer_line, f"{name} has no answer", "write one, or delete the part")
    if part.open_fence:
        what = f"a block of code of {name} begins here and never ends"
        yield Mistake(file, part.open_fence, what, "end it with a line of as many ` or ~")
    for number, line in part.repeated:
        yield Mistake(file, line, f"source {number} of {name} is there twice", "renumber one of them")
    for number in sorted(cited(part.answer) - set(part.sources)):
        what = f"{name} cites [{number}], and there is no source {number}"
        yield Mistake(file, part.answer_line, what, "add it under ### Sources, or take the citation out")


def cited(answer: str) -> set[int]:
    """The numbers of the sources that an answer cites."""
    return {number for match in _citations(answer) for number in _numbers(match[1])}


def _citations(answer: str) -> Iterable[re.Match[str]]:
    """Numbers in brackets that stand for sources: outside of code, formulas and links, and no interval from zero."""
    shown = marks.blank(answer)
    links = [match.span() for match in _ADDRESS.finditer(shown)]
    for match in _CITATION.finditer(shown):
        if any(start <= match.start() < end for start, end in links):
            continue
        before = answer[max(0, match.start() - 200) : match.start()].rpartition("\n")[2]
        defines = answer[match.end() : match.end() + 1] == ":" and not before.strip()
        if not defines and 0 not in _numbers(match[1]):
            yield match


def _numbers(text: str) -> list[int]:
    """The numbers in `1`, `1, 3` and `2–4`; a range that runs on for more than twenty is its two ends."""
    found: list[int] = []
    for item in re.split(r"[,;]", text):
        ends = [int(end) for end in re.findall(r"\d+", item)]
        whole = len(ends) == 2 and 0 <= ends[1] - ends[0] <= 20
        found += range(ends[0], ends[1] + 1) if whole else ends
    return found


def cite(answer: str, keys: dict[int, str]) -> str:
    """The answer as Markdown of ours: `[1, 2]` becomes `[@key; @other]`; what would look like a mark is escaped."""
    open_ = marks.blank(answer)
    changes = {match.start(): (match.end(), "[" + "; ".join(f"@{keys[n]}" for n in _numbers(match[1])) + "]")
               for match in _citations(answer)}  # fmt: skip
    changes |= {match.start(): (match.end(), "\\[") for match in re.finditer(r"\[(?=[@=])", open_)}
    made, at = [], 0
    for start in sorted(changes):
        made += [answer[at:start], changes[start][1]]
        at = changes[start][0]
    return "".join([*made, answer[at:]])


def opening(answer: str, sentences: int = 2) -> str:
    """The first sentences of an answer as plain text, without citations and emphasis."""
    first = next((p for p in re.split(r"\n[ \t]*\n", answer) if re.search(r"\w", p)), answer)[:4000]
    plain = " ".join(re.sub(r"[*_`#>]|\[[^\[\]]{0,200}\]", "", first).split()).replace(" .", ".")
    ends = [match.end() for match in re.finditer(r"(?<!\bal)(?<!\b[A-Z])[.!?](?=\s+[A-Z(]|$)", plain)]
    return plain[: ends[min(sentences, len(ends)) - 1]] if ends else (plain[:300] or "To be written.")


def slug(question: str) -> str:
    """A file's name for a question: its first nine words in a–z and 0–9; empty when it has none."""
    plain = unicodedata.normalize("NFKD", question[:1000]).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())[:9]
    while words and not words[0][0].isalpha():
        words.pop(0)
    return "_".join(words)[:100].strip("_")
