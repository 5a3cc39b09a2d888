"""The records behind the pages, read once for each state of their files, however many pages ask for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from attnsite.content import glossary
from attnsite.content.evidence import Evidence
from attnsite.content.questions import Number, Source, marks, read_sources
from attnsite.measure import here
from attnsite.records import ordinary, registry, run_file
from attnsite.records.run_file import Run
from attnsite.site import disk_cache, exhibits, grounds
from attnsite.site.exhibits import Exhibit, NotMeasured, exhibit


@dataclass
class Records:
    """Sources, runs and figures of a checkout."""

    root: Path
    drawn: dict[tuple[str, str], Exhibit | NotMeasured] = field(default_factory=dict)
    behind: dict[tuple[str, ...], dict[str, list[int]]] = field(default_factory=dict)
    checks: dict[Path, Any] = field(default_factory=dict)  # by question, what `checked` has found

    @cached_property
    def evidence(self) -> Evidence:
        return Evidence(self.root, here.keeps)

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        return read_sources(self.root)[0]  # `attnsite check` names the mistakes of the others

    @cached_property
    def quoted(self) -> Counter[str]:
        """How often the questions quote each machine by its name."""
        files = ordinary.files(self.root, Path("docs/questions"), "**/*.md")
        texts = (path.read_text(encoding="utf-8-sig", errors="replace") for path in files)
        return Counter(m.machine for text in texts for m in marks(text) if isinstance(m, Number) and m.machine)

    @cached_property
    def terms(self) -> list[glossary.Term]:
        return glossary.read(self.root)

    def figure_names(self) -> list[str]:
        return registry.names("figures")

    def figure(self, name: str) -> ModuleType:
        """The figure's module. Raises `Mistake` where there is none of that name."""
        return self.evidence.figure(name)

    def runs(self, experiment: str) -> Mapping[str, Run]:
        return self.evidence.runs(experiment)

    def apart(self, run: Run) -> bool:
        """Is it this build's, or a quick check? It stands after the others, and behind none of their pictures."""
        return run.machine == run_file.THIS_BUILD or run.is_quick

    def quoted_first(self, experiment: str) -> list[Run]:
        """An experiment's runs: that of the machine which the text quotes most comes first."""
        runs = self.runs(experiment).values()
        return sorted(runs, key=lambda run: (self.apart(run), -self.quoted[run.machine]))

    def experiments(self) -> list[str]:
        """The names of all experiments that have a run which is shown."""
        return [name for name in run_file.experiments(self.root) if self.runs(name)]

    def state(self, run: Run) -> str:
        return self.evidence.state(run)

    def exhibits(self, name: str) -> list[Exhibit]:
        """The figure for every machine whose run it can be drawn from: the one that the text quotes most comes first.

        Another machine's results, whatever its name, so never move a figure away from the text beside it.
        """
        found = [self.exhibit(name, run.machine) for run in self.quoted_first(self.figure(name).EXPERIMENT)]
        return [shown for shown in found if isinstance(shown, Exhibit)]

    def exhibit(self, name: str, machine: str) -> Exhibit | NotMeasured:
        """The figure for one machine, or why it cannot be drawn from that run. Raises what the figure's code raises."""
        if (name, machine) not in self.drawn:
            module = self.figure(name)
            runs = self.runs(module.EXPERIMENT)
            beside = {other: one for other, one in runs.items() if other == machine or not self.apart(one)}
            self.drawn[name, machine] = self._drawn(module, beside, machine, self.state(runs[machine]))
        return self.drawn[name, machine]

    def rows_behind(self, figure: str, run: Run, names: Sequence[str]) -> dict[str, list[int]]:
        """For each of these numbers of a figure, the rows of its table that it rests on."""
        key = (figure, run.machine, *names)
        if key not in self.behind:
            self.behind[key] = grounds.rows_behind(self.root, self.figure(figure), run, names)
        return self.behind[key]

    def _drawn(self, module: ModuleType, runs: Mapping[str, Run], machine: str, state: str) -> Exhibit | NotMeasured:
        """Draw a figure, or take it from an earlier build that drew it from the same files by the same code."""

        def make() -> dict[str, Any]:
            try:
                made = exhibit(module, runs, machine, state)
            except NotMeasured as error:
                return {"lacks": str(error)}
            return {part: getattr(made, part) for part in _PARTS}

        files = [run_file.path_of(self.root, other, module.EXPERIMENT) for other in runs]
        written = getattr(module, "__file__", None)
        if not written or not all(file.is_file() for file in files):
            key, told = "", make()
        else:
            code = (disk_cache.code_of(Path(written)), disk_cache.code_of(Path(exhibits.__file__)), _PLOTLY)
            made_from = (module.__name__, code, machine, state, *runs, *map(disk_cache.bytes_of, files))
            key, told = disk_cache.name(made_from), disk_cache.kept(self.root, made_from, make)
        if "lacks" in told:
            return NotMeasured(told["lacks"])
        return Exhibit(run=runs[machine], state=state, made_from=key, **told)


_PARTS = ("name", "title", "caption", "reading", "alt", "rows", "table", "layout", "csv", "chart")
_PLOTLY = version("plotly")
_kept: dict[Path, tuple[object, Records]] = {}


def read(root: Path) -> Records:
    """The records of a checkout; the same ones again while no source and no result has changed."""
    stamp = _stamp(root)
    if root not in _kept or _kept[root][0] != stamp:
        _kept[root] = (stamp, Records(root))
    return _kept[root][1]


def _stamp(root: Path) -> object:
    folders = (root / "docs" / "sources", root / run_file.COMMITTED, root / run_file.BUILT)
    files = (path for folder in folders for path in folder.rglob("*") if path.suffix in (".bib", ".json"))
    written = [root / glossary.FILE] if (root / glossary.FILE).is_file() else []
    return here.shown(), sorted((str(path), path.lstat().st_mtime_ns) for path in [*files, *written])
