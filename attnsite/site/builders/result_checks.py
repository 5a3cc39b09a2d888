"""What is wrong with the committed runs: files that cannot be read, and runs that should not be believed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnsite.content import doubting
from attnsite.records import asked, consistency, raised, recount, registry, run_file, vetting
from attnsite.records.mistakes import Mistake, flatten
from attnsite.records.nearest import nearest
from attnsite.site import disk_cache
from attnsite.site.checkout import Checkout
from attnsite.site.disk_cache import Cache


def committed_results(checkout: Checkout) -> tuple[list[Mistake], list[Mistake]]:
    """What is wrong with run files that cannot be read, and with those that can and should not be published.

    Files of the cache are not the author's to mend, and are left out.
    """
    unusable: list[Mistake] = []
    machines: dict[str, dict[Path, run_file.Run]] = {}
    for path in run_file.files(checkout.root, run_file.COMMITTED):
        shown = path.relative_to(checkout.root)
        try:
            machines.setdefault(path.parent.name, {})[shown] = checkout.evidence.file(path)
        except (Mistake, ExceptionGroup) as error:
            unusable += [Mistake(shown, m.where, m.what, m.remedy) for m in flatten(error)]
    unbelievable: list[Mistake] = []
    experiments = registry.names("experiments")
    for runs in machines.values():
        most = vetting.limits_of(runs.values())
        unbelievable += consistency.of_machine(runs)
        for path, run in runs.items():
            unbelievable += vetted(checkout, run, path, most)
            unbelievable += recounted(checkout, run, path) if run.kind == "count" else ()
            if run.experiment not in experiments:
                what = f"is of {run.experiment[:60]}, which is no experiment"
                unbelievable.append(Mistake(path, "experiment", what, nearest(run.experiment, experiments)))
    by_experiment = [{run.experiment: run for run in runs.values()} for runs in machines.values()]
    unbelievable += doubting.faults(checkout.root, by_experiment)
    every = {path: run for runs in machines.values() for path, run in runs.items()}
    stale = {path: run for path, run in every.items() if asked_of(checkout.cache, run) is None}
    unbelievable += vetting.beside(stale)
    return unusable, unbelievable


def vetted(checkout: Checkout, run: run_file.Run, path: Path, limits: Mapping[str, float]) -> list[Mistake]:
    """What speaks against publishing a run; that nothing does is kept while file, code and limits stay as they are."""
    wanted = asked_of(checkout.cache, run)
    made_from = ("vetted", disk_cache.code_of(Path(vetting.__file__)), disk_cache.bytes_of(checkout.root / path),
                 sorted(limits.items()), disk_cache.name(wanted))  # fmt: skip
    # a list of mistakes is no JSON, so it is not kept: whether a day has come is asked again
    found: list[Mistake] = checkout.cache.kept(made_from, lambda: vetting.faults(run, path, limits, wanted))
    return found


def recounted(checkout: Checkout, run: run_file.Run, path: Path) -> list[Mistake]:
    """What counting again says against a committed count, found once while the file and the code stay as they are."""
    file = registry.ROOT / "experiments" / f"{run.experiment}.py"
    try:
        made_from = ("recounted", disk_cache.code_of(file), disk_cache.code_of(Path(recount.__file__)),
                     disk_cache.bytes_of(checkout.root / path))  # fmt: skip
    except (SyntaxError, OSError):  # there is no such experiment, or none that can be read, which is told of it
        return []
    found = checkout.cache.kept(
        made_from, lambda: [[m.path, m.where, m.what, m.remedy] for m in recount.faults(run, path)]
    )
    return [Mistake(*each) for each in found]


def asked_of(cache: Cache, run: run_file.Run) -> dict[str, Any] | None:
    """What a run's experiment asks; None where its code has changed since, or cannot be imported here."""
    file = registry.ROOT / "experiments" / f"{run.experiment}.py"
    try:
        if not run_file.is_current(run):
            return None
        made_from = ("asked", disk_cache.code_of(Path(asked.__file__)), disk_cache.code_of(file))
        found: dict[str, Any] = cache.kept(made_from, lambda: asked.asked(run.experiment))
    except BaseException as error:  # Numba is not installed, or the experiment is broken, which is told where it is
        if not raised.own(error):
            raise
        return None
    return found
