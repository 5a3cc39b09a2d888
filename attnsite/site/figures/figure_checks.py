"""Every figure drawn from every committed run, as a build would: what raises is told of the figure's file.

What was drawn is kept, so a build that follows draws none of it again; what was found is kept too, while the figure and
its runs stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

from attnsite.content import figure_faults
from attnsite.records import raised
from attnsite.records.mistakes import Mistake, flatten
from attnsite.records.run_file import THIS_BUILD
from attnsite.site import disk_cache, exhibits
from attnsite.site.answers import Answers


def faults(answers: Answers) -> list[Mistake]:
    """The mistakes of all figures, each once."""
    found = [mistake for name in answers.figure_names() for mistake in _of_figure(answers, name)]
    found += [mistake for name in answers.figure_names() for mistake in _typed(answers, name)]
    return list(dict.fromkeys(found))


def _typed(answers: Answers, name: str) -> list[Mistake]:
    try:
        return list(figure_faults.typed(name, answers.figure(name).__doc__ or ""))
    except Mistake:  # which is told of it
        return []


def _of_figure(answers: Answers, name: str) -> list[Mistake]:
    try:
        module = answers.figure(name)
        runs = {machine: run for machine, run in answers.runs(module.EXPERIMENT).items() if machine != THIS_BUILD}
    except (Mistake, ExceptionGroup) as error:
        return [mistake for mistake in flatten(error) if mistake.path.startswith("attnsite/figures")]
    files = {machine: answers.checkout.file_of(machine, module.EXPERIMENT) for machine in runs}

    def make() -> list[list[str]]:
        each = {machine: _of_run(answers, name, machine, files[machine]) for machine in runs}
        shown = {machine: file.relative_to(answers.checkout.root) for machine, file in files.items()}
        found = [_of_which(m, each, shown[machine]) for machine in runs for m in each[machine]]
        return [[m.path, m.where, m.what, m.remedy] for m in found]

    if not getattr(module, "__file__", None) or not all(file.is_file() for file in files.values()):
        return [Mistake(*each) for each in make()]
    code = (disk_cache.code_of(Path(str(module.__file__))), disk_cache.code_of(Path(exhibits.__file__)))
    made_from = ("figure faults", name, code, *runs, *map(disk_cache.bytes_of, files.values()))
    return [Mistake(*each) for each in answers.checkout.cache.kept(made_from, make)]


def _of_which(mistake: Mistake, each: Mapping[str, list[Mistake]], file: Path) -> Mistake:
    """A figure's mistake with the run that it was found with, unless all of several have it, or it says so already."""
    everywhere = len(each) > 1 and all(mistake in found for found in each.values())
    if everywhere or file.as_posix() in mistake.what or mistake.path == file.as_posix():
        return mistake
    return Mistake(mistake.path, mistake.where, f"{mistake.what}, from {file.as_posix()}", mistake.remedy)


def _of_run(answers: Answers, name: str, machine: str, file: Path) -> list[Mistake]:
    try:
        answers.exhibit(name, machine)
    except Mistake as mistake:
        return [mistake]
    except BaseException as error:  # whatever its author wrote
        if not raised.own(error):
            raise
        return [figure_faults.fault(name, error, file.relative_to(answers.checkout.root).as_posix())]
    return []
