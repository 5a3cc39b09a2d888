"""When a question was last checked: the days of the runs it rests on, and of the last look into its sources."""

from dataclasses import dataclass

from attnsite.content.questions import Question, Source
from attnsite.records.run_file import Run
from attnsite.site.exhibits import in_words


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
        parts = []
        if self.runs:
            old = sum(state == "stale" for state in self.states)
            since = f", {old} with an earlier version of the code" if old else ""
            day = in_words(self.measured[:10])
            several = f"{len(self.runs)} runs and counts, the newest of {day}"
            many = several if len(self.runs) > 1 else f"One run, of {day}"
            parts.append(f"{many}{since}.")
        if self.read:
            opened = sum(source.checked != "not re-read" for source in self.sources)
            parts.append(f"Sources read {in_words(self.read)} ({opened} of {len(self.sources)}).")
        return " ".join(parts)
