"""A Q&A document: its parts, what is wrong with each, and its text as a draft."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from attnsite.errors import Mistake

SLUG = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_PART = re.compile(r"(?:##[ \t]+Question[ \t]+(\S+)|###[ \t]+Question)[ \t]*", re.IGNORECASE)  # the latter: an issue
_SECTION = re.compile(r"###[ \t]+(\S.{0,80})")
_SOURCE = re.compile(r"[ \t]*(\d{1,6})[.)][ \t]+(\S.*)")
_CITATION = re.compile(r"\[(\d{1,6}(?:[ \t]*[,;–-][ \t]*\d{1,6}){0,20})\](?!\()")
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
    sections: set[str] = field(default_factory=set)

    @property
    def order(self) -> int:
        return int(self.number) if self.number.isdecimal() and len(self.number) < 7 else 1


def parts(text: str) -> list[Part]:
    """The parts of a document, in order. Reads each line once; never raises."""
    found: list[Part] = []
    held: dict[str, list[str]] = {}
    section = ""
    for number, line in enumerate([*re.split(r"\r\n|\r|\n", text), "## Question end"], 1):
        heading = _PART.fullmatch(line)
        if heading:
            if found:
                found[-1].question = " ".join(" ".join(held.get("question", ())).split())
                found[-1].answer = "\n".join(held.get("answer", ())).strip().removesuffix("---").strip()
            found.append(Part(heading[1] or "1", number, question_line=number, answer_line=number))
            held, section = {}, "question"
            continue
        if not found:
            continue
        part = found[-1]
        if named := _SECTION.fullmatch(line):
            section = named[1].strip().rstrip(":").lower()
            part.sections.add(section)
            if section == "answer":
                part.answer_line = number
        elif section == "sources":
            _source(part, line, number)
        else:
            if section == "question" and line.strip() and part.question_line == part.line:
                part.question_line = number
            held.setdefault(section, []).append(line)
    return found[:-1]


def _source(part: Part, line: str, number: int) -> None:
    listed = _SOURCE.fullmatch(line)
    if listed and int(listed[1]) in part.sources:
        part.repeated.append((int(listed[1]), number))
    elif listed:
        part.sources[int(listed[1])] = listed[2].strip()
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
    if "answer" not in part.sections:
        yield Mistake(file, part.line, f"{name} has no line ### Answer", "add one, with the answer below it")
    elif not part.answer or _NO_ANSWER.search(part.answer[:400]):
        yield Mistake(file, part.answer_line, f"{name} has no answer", "write one, or delete the part")
    for number, line in part.repeated:
        yield Mistake(file, line, f"source {number} of {name} is there twice", "renumber one of them")
    for number in sorted(cited(part.answer) - set(part.sources)):
        what = f"{name} cites [{number}], and there is no source {number}"
        yield Mistake(file, part.answer_line, what, "add it under ### Sources, or take the citation out")


def cited(answer: str) -> set[int]:
    """The numbers of the sources that an answer cites."""
    return {number for match in _CITATION.finditer(answer) for number in _numbers(match[1])}


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
    escaped = re.sub(r"\[(?=[@=])", r"\\[", answer)
    return _CITATION.sub(
        lambda match: "[" + "; ".join(f"@{keys[number]}" for number in _numbers(match[1])) + "]", escaped
    )


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
