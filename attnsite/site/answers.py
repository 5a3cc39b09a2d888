"""The answers of a checkout: each mark resolved once, each figure drawn once, each claim and question judged once.

Pages, data, feed, cards and the check are written from the same answers, so what is checked is what is shown.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from attnsite.content import doubting
from attnsite.content.evidence import Evidence, Resolved, within
from attnsite.content.questions import Cite, Claim, Number, Question, fences, marks
from attnsite.records import registry, run_file
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD, Run
from attnsite.site import disk_cache, exhibits, grounds
from attnsite.site.checked import Checked
from attnsite.site.checkout import Checkout
from attnsite.site.exhibits import Exhibit, NotMeasured, exhibit

_PARTS = ("name", "title", "caption", "reading", "alt", "rows", "table", "layout", "csv", "chart")
_PLOTLY = version("plotly")


@dataclass(frozen=True)
class Judged:
    """The worst state of the runs that a claim rests on, `missing`, `stale` or `fresh`, empty where it only cites; and
    the range that each of its numbers must lie in."""

    state: str
    ranges: tuple[tuple[float, float], ...]


class Answers:
    """What the numbers, figures, claims and questions of a checkout come to; each is worked out when first asked for.

    After an edit of texts alone, `before` are the answers until then: what no text decides is taken over from them.
    """

    def __init__(self, checkout: Checkout, before: "Answers | None" = None) -> None:
        self.checkout = checkout
        self._numbers: dict[tuple[str, str, str], Resolved] = before._numbers if before else {}
        self._drawn: dict[tuple[str, str], Exhibit | NotMeasured] = before._drawn if before else {}
        self._lasting: dict[tuple[object, ...], Any] = before._lasting if before else {}
        self._checked: dict[Path, Checked] = {}
        self._judged: dict[Claim, Judged] = {}

    @classmethod
    def load(cls, root: Path) -> "Answers":
        """Those of the checkout in a folder, as it is now."""
        return cls(Checkout.load(root))

    @property
    def evidence(self) -> Evidence:
        return self.checkout.evidence

    @cached_property
    def quoted(self) -> Counter[str]:
        """How often the questions quote each machine by its name."""
        texts = (text for path, text in self.checkout.texts.items() if text and path.parts[1] == "questions")
        return Counter(m.machine for text in texts for m in marks(text) if isinstance(m, Number) and m.machine)

    # --- numbers, claims, questions --------------------------------------------------------------------------------

    def number(self, mark: Number) -> Resolved:
        """What a number's mark stands for, resolved once whatever range it states. Raises as `Evidence.number` does."""
        key = (mark.figure, mark.value, mark.machine or EVERY_MACHINE)
        if key not in self._numbers:
            self._numbers[key] = self.evidence.find(mark)
        return within(mark, self._numbers[key])

    def claim(self, made: Claim) -> Judged:
        """In what state a claim is, and what it needs."""
        if made not in self._judged:
            self._judged[made] = self._judge(made)
        return self._judged[made]

    def _judge(self, made: Claim) -> Judged:
        numbers = [mark for mark in made.marks if isinstance(mark, Number)]
        states = []
        for mark in numbers:
            try:
                states.append(self.number(mark).state)
            except Mistake:
                states.append("missing")
        ranges = [(mark.low, mark.high) for mark in numbers if mark.low is not None and mark.high is not None]
        worst = next((state for state in ("missing", "stale") if state in states), "fresh" if states else "")
        return Judged(worst, tuple(ranges))

    def checked(self, question: Question) -> Checked:
        """What a question's answer, text, claims and figures rest on."""
        if question.path not in self._checked:
            self._checked[question.path] = self._check(question)
        return self._checked[question.path]

    def _check(self, question: Question) -> Checked:
        runs: dict[tuple[str, str], Run] = {}
        keys: dict[str, None] = {}
        sources = self.checkout.sources

        def count(run: Run) -> None:
            if run.machine != THIS_BUILD:  # it differs from build to build, and text quotes none of it
                runs[run.machine, run.experiment] = run

        for text in (question.answer, question.body, *(claim.source for claim in question.claims)):
            for mark in marks(text):
                if isinstance(mark, Number):
                    try:
                        count(self.number(mark).run)
                    except Mistake:
                        continue  # the mark itself is warned of where it stands
                elif isinstance(mark, Cite):
                    keys |= dict.fromkeys(key for key in mark.keys if key in sources)
        for fence in fences(question.body):
            try:
                for shown in self.exhibits(fence.figure)[:1]:
                    count(shown.run)
            except Mistake:
                continue
        found = tuple(runs.values())
        return Checked(question, found, tuple(map(self.state, found)), tuple(sources[key] for key in keys))

    # --- runs ------------------------------------------------------------------------------------------------------

    def runs(self, experiment: str) -> Mapping[str, Run]:
        return self.evidence.runs(experiment)

    def state(self, run: Run) -> str:
        return self.evidence.state(run)

    @cached_property
    def answered_doubts(self) -> list[doubting.Answer]:
        """All lines of `docs/doubts.csv` that can be read, in its order."""
        return doubting.read(self.checkout.root)[0]

    def doubts(self, run: Run) -> list[doubting.Answer]:
        """How the doubts about a run are answered, kind by kind."""
        return [each for each in self.answered_doubts if each.about[:2] == (run.machine, run.experiment)]

    def apart(self, run: Run) -> bool:
        """Is it this build's, or a quick check? It stands after the others, and behind none of their pictures."""
        return run.machine == run_file.THIS_BUILD or run.is_quick

    def quoted_first(self, experiment: str) -> list[Run]:
        """An experiment's runs: that of the machine which the text quotes most comes first."""
        runs = self.runs(experiment).values()
        return sorted(runs, key=lambda run: (self.apart(run), -self.quoted[run.machine]))

    def experiments(self) -> list[str]:
        """The names of all experiments that have a run which is shown."""
        return [name for name in self.checkout.experiments if self.runs(name)]

    # --- figures ---------------------------------------------------------------------------------------------------

    def figure_names(self) -> list[str]:
        return registry.names("figures")

    def figure(self, name: str) -> ModuleType:
        """The figure's module. Raises `Mistake` where there is none of that name."""
        return self.evidence.figure(name)

    def exhibits(self, name: str) -> list[Exhibit]:
        """The figure for every machine whose run it can be drawn from: the one that the text quotes most comes first.

        Another machine's results, whatever its name, so never move a figure away from the text beside it.
        """
        found = [self.exhibit(name, run.machine) for run in self.quoted_first(self.figure(name).EXPERIMENT)]
        return [shown for shown in found if isinstance(shown, Exhibit)]

    def exhibit(self, name: str, machine: str) -> Exhibit | NotMeasured:
        """The figure for one machine, or why it cannot be drawn from that run. Raises what the figure's code raises."""
        if (name, machine) not in self._drawn:
            module = self.figure(name)
            runs = self.runs(module.EXPERIMENT)
            beside = {other: one for other, one in runs.items() if other == machine or not self.apart(one)}
            self._drawn[name, machine] = self._draw(module, beside, machine, self.state(runs[machine]))
        return self._drawn[name, machine]

    def rows_behind(self, figure: str, run: Run, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """For each of these numbers of a figure, the rows of its table that it rests on; none where they are many."""
        file = self.checkout.file_of(run.machine, run.experiment)
        cache, module = self.checkout.cache, self.figure(figure)
        found: dict[str, list[dict[str, Any]]] = self.lasting(
            ("behind", figure, run.machine, *names), lambda: grounds.rows_behind(cache, module, run, file, names)
        )
        return found

    def lasting(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """What figures and runs alone decide, made once under its name: after an edit of texts it is still that."""
        if key not in self._lasting:
            self._lasting[key] = make()
        return self._lasting[key]

    def _draw(self, module: ModuleType, runs: Mapping[str, Run], machine: str, state: str) -> Exhibit | NotMeasured:
        """Draw a figure, or take it from an earlier build that drew it from the same files by the same code."""

        def make() -> dict[str, Any]:
            try:
                made = exhibit(module, runs, machine, state)
            except NotMeasured as error:
                return {"lacks": str(error)}
            return {part: getattr(made, part) for part in _PARTS}

        files = [self.checkout.file_of(other, module.EXPERIMENT) for other in runs]
        written = getattr(module, "__file__", None)
        if not written or not all(file.is_file() for file in files):
            key, told = "", make()
        else:
            code = (disk_cache.code_of(Path(written)), disk_cache.code_of(Path(exhibits.__file__)), _PLOTLY)
            made_from = (module.__name__, code, machine, state, *runs, *map(disk_cache.bytes_of, files))
            key, told = disk_cache.name(made_from), self.checkout.cache.kept(made_from, make)
        if "lacks" in told:
            return NotMeasured(told["lacks"])
        return Exhibit(run=runs[machine], state=state, made_from=key, **told)
