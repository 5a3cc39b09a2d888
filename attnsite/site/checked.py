"""When a question was last checked: the days of the runs it rests on, and of the last look into its sources."""

from collections import Counter
from dataclasses import dataclass

from attnsite.content.questions import Cite, Number, Question, Source, fences, marks
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import THIS_BUILD, Run
from attnsite.site.exhibits import in_words
from attnsite.site.records import Records


@dataclass(frozen=True)
class Checked:
    """What a question rests on: committed runs with their states, and sources, each once, in order of first use."""

    question: Question
    runs: tuple[Run, ...]
    states: tuple[str, ...]
    sources: tuple[Source, ...]

    @property
    def measured(self) -> str:
        """When the newest of its runs was started, ISO 8601; empty without one."""
        return max((run.provenance.started for run in self.runs), default="")

    @property
    def read(self) -> str:
        """The day on which the last of its sources was opened; empty where none says so."""
        return max((source.read for source in self.sources), default="")

    @property
    def asked(self) -> str:
        """The day on which it was published; without one in its front matter, the day of its oldest run."""
        oldest = min((run.provenance.started for run in self.runs), default="")
        return self.question.asked or oldest[:10]

    @property
    def updated(self) -> str:
        """The day on which its answer was last confirmed or changed by something: the newest of all these."""
        return max(self.measured[:10], self.read, self.asked)

    @property
    def told(self) -> str:
        """One line for the page; empty where there is nothing to tell."""
        states = Counter(self.states)
        fresh = "all fresh" if set(states) == {"fresh"} else ", ".join(f"{states[s]} {s}" for s in sorted(states))
        count = f"{len(self.runs)} run{'s and counts' if len(self.runs) > 1 else ' or count'} ({fresh})"
        opened = sum(source.checked != "not re-read" for source in self.sources)
        pages = f"{opened} of {len(self.sources)} sources opened"
        days = [(self.measured[:10], count)] * bool(self.runs) + [(self.read, pages)] * bool(self.read)
        if len({day for day, _ in days}) == 1:
            days = [(days[0][0], ", ".join(what for _, what in days))]
        told = "; ".join(f"{in_words(day)}: {what}" for day, what in days)
        return f"Last checked {told}." if told else ""


def checked(question: Question, records: Records) -> Checked:
    """What a question's answer, text, claims and figures rest on; worked out once for each state of the records."""
    known = records.checks.get(question.path)
    if known is None or known.question != question:
        known = records.checks[question.path] = _checked(question, records)
    return known


def _checked(question: Question, records: Records) -> Checked:
    runs: dict[tuple[str, str], Run] = {}
    keys: dict[str, None] = {}

    def count(run: Run) -> None:
        if run.machine != THIS_BUILD:  # it differs from build to build, and text quotes none of it
            runs[run.machine, run.experiment] = run

    for text in (question.answer, question.body, *(claim.source for claim in question.claims)):
        for mark in marks(text):
            if isinstance(mark, Number):
                try:
                    count(records.evidence.number(mark).run)
                except Mistake:
                    continue  # the mark itself is warned of where it stands
            elif isinstance(mark, Cite):
                keys |= dict.fromkeys(key for key in mark.keys if key in records.sources)
    for fence in fences(question.body):
        try:
            for shown in records.exhibits(fence.figure)[:1]:
                count(shown.run)
        except Mistake:
            continue
    found = tuple(runs.values())
    return Checked(question, found, tuple(map(records.state, found)), tuple(records.sources[key] for key in keys))
