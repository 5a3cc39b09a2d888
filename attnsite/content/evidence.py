"""What stands behind a number: the run it comes from, how fresh that is, and the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from attnsite.content import figure_faults
from attnsite.content.questions import Number
from attnsite.records import raised, registry, run_file
from attnsite.records.mistakes import Mistake
from attnsite.records.nearest import nearest
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, Run

_PARTS = ("EXPERIMENT", "TITLE_COLUMNS", "values", "tabulate")  # what every figure's module has


@dataclass(frozen=True)
class Resolved:
    """A number of the text with everything a reader may ask about it. `path` is the result file, below the checkout."""

    quantity: Quantity
    run: Run
    machine: str
    state: str
    path: Path


@dataclass
class Evidence:
    """The runs and figures of a checkout; each file is read once. `keeps` says which runs of the cache are shown."""

    root: Path
    keeps: Callable[[Run], bool] = lambda run: True
    _files: dict[Path, Run | Exception] = field(default_factory=dict)
    _runs: dict[str, dict[str, Run]] = field(default_factory=dict)
    _values: dict[tuple[str, str], dict[str, Quantity]] = field(default_factory=dict)
    _states: dict[tuple[str, str], str] = field(default_factory=dict)
    _paths: dict[tuple[str, str], Path] = field(default_factory=dict)
    _figures: dict[str, ModuleType] = field(default_factory=dict)

    def runs(self, experiment: str) -> Mapping[str, Run]:
        """All runs of an experiment by machine. Raises `Mistake`s where a file is broken."""
        if experiment not in self._runs:
            self._runs[experiment] = run_file.load(self.root, experiment, self.keeps, self.file)
        return self._runs[experiment]

    def file(self, path: Path) -> Run:
        """The run in a file, read once. Raises `Mistake`s where it is broken, each time that it is asked for."""
        if path not in self._files:
            try:
                self._files[path] = run_file.read(path)
            except (Mistake, ExceptionGroup) as error:
                self._files[path] = error
        found = self._files[path]
        if isinstance(found, Run):
            return found
        raise found

    def figure(self, name: str) -> ModuleType:
        """The module of a figure. Raises `Mistake` where there is none of that name, or it is incomplete."""
        if name not in self._figures:  # asked for at each number of each page
            try:
                module = registry.module("figures", name, *_PARTS)
            except BaseException as error:
                if not raised.own(error):
                    raise
                if not figure_faults.lacks(error):
                    raise figure_faults.fault(name, error) from None
                known = registry.names("figures")
                what = str(error) if name in known else f"there is no figure {name}"
                remedy = "write what it needs" if name in known else nearest(name, known)
                raise Mistake(f"attnsite/figures/{name}.py", "", what, remedy) from None
            if not isinstance(module.EXPERIMENT, str) or module.EXPERIMENT not in registry.names("experiments"):
                what = f"its EXPERIMENT is {module.EXPERIMENT!r:.60}, which is no experiment"
                remedy = nearest(str(module.EXPERIMENT), registry.names("experiments"))
                raise Mistake(f"attnsite/figures/{name}.py", "", what, remedy)
            self._figures[name] = module
        return self._figures[name]

    def values(self, figure: str, run: Run) -> Mapping[str, Quantity]:
        """The numbers that a figure takes from a run. Raises `Mistake` where the run does not have them."""
        key = (figure, run.machine)
        if key not in self._values:
            try:
                self._values[key] = dict(self.figure(figure).values(run))
            except Mistake:
                raise
            except BaseException as error:  # whatever its author wrote
                if not raised.own(error):
                    raise
                path = self.path(run)
                if not figure_faults.lacks(error):
                    raise figure_faults.fault(figure, error, path.as_posix()) from None
                what = f"does not have what the figure {figure} needs ({type(error).__name__}: {error})"
                raise Mistake(path, "", what, f"measure it again: attnsite measure {run.experiment}") from None
        return self._values[key]

    def path(self, run: Run) -> Path:
        """A run's file, below the checkout."""
        key = (run.experiment, run.machine)
        if key not in self._paths:
            file = Path(run.machine) / f"{run.experiment}.json"
            folders = (run_file.COMMITTED, run_file.BUILT)
            has = (folder for folder in folders if (self.root / folder / file).is_file())
            self._paths[key] = next(has, run_file.COMMITTED) / file
        return self._paths[key]

    def state(self, run: Run) -> str:
        key = (run.experiment, run.machine)
        if key not in self._states:
            self._states[key] = run_file.state(run)
        return self._states[key]

    def number(self, mark: Number) -> Resolved:
        """The number that a mark stands for.

        Raises `Mistake`, with the mark as its place, where figure, machine or value do not exist, and where the value
        lies outside the range that the mark states.
        """
        return within(mark, self.find(mark))

    def find(self, mark: Number) -> Resolved:
        """The same wherever it lies."""

        def wrong(what: str, remedy: str) -> Mistake:
            return Mistake(mark.source, "", what, remedy)

        try:
            module = self.figure(mark.figure)
        except Mistake as mistake:
            if mark.figure in registry.names("figures"):
                raise
            raise wrong(mistake.what, mistake.remedy) from None
        runs = self.runs(module.EXPERIMENT)
        machine = mark.machine or EVERY_MACHINE
        if machine not in runs:
            have = ", ".join(runs) or "none yet"
            what = f"there is no run of {machine}" if mark.machine else "names no machine, and is not a count"
            raise wrong(what, f"name a machine that has a run: {have}")
        run = runs[machine]
        if run.is_quick:
            what = f"is of a quick check of {machine}, which has a few points"
            raise wrong(
                what, f"name a machine that was measured whole, or measure: attnsite measure {run.experiment} --full"
            )
        values = self.values(mark.figure, run)
        if mark.value not in values:
            what = f"{mark.figure} has no value {mark.value} in {self.path(run).as_posix()}"
            raise wrong(what, nearest(mark.value, values))
        return Resolved(values[mark.value], run, machine, self.state(run), self.path(run))


def within(mark: Number, found: Resolved) -> Resolved:
    """What was found for a mark. Raises `Mistake` where it lies outside the range that the mark states."""
    quantity = found.quantity
    if mark.low is not None and mark.high is not None and not mark.low <= quantity.value <= mark.high:
        what = f"is {quantity}, outside the {mark.low:g} to {mark.high:g} that the sentence needs"
        raise Mistake(mark.source, "", what, "fix the sentence, or the measurement")
    if (mark.high or 0.0) - (mark.low or 0.0) > max(1.0, 100 * abs(quantity.value)):
        what = f"has a range from {mark.low:g} to {mark.high:g}, which nearly every number lies in"
        raise Mistake(mark.source, "", what, "name the range that the sentence needs")
    return found
