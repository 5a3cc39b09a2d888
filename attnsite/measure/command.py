"""The `measure` command: run experiments on this machine and write their result files."""

import argparse
import os
import re
from pathlib import Path

from attnsite import discover, results
from attnsite.errors import Mistake, raise_all

os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="which to run (default: all)")
    parser.add_argument("--machine", default=results.THIS_BUILD, metavar="NAME",
                        help="what readers call this machine, such as epyc_2core; its results are kept in "
                        "docs/results/NAME (default: this_build, in the cache)")  # fmt: skip
    sweep = parser.add_mutually_exclusive_group()
    sweep.add_argument("--quick", action="store_const", dest="sweep", const="quick", help="seconds each (default)")
    sweep.add_argument("--full", action="store_const", dest="sweep", const="full", help="minutes each")
    parser.set_defaults(sweep="quick")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="only kernels of this device (default: all)")
    parser.add_argument("--again", action="store_true", help="measure also what is fresh")


def run(options: argparse.Namespace) -> int:
    raise_all(list(faults(options.experiments, options.machine)))
    names = options.experiments or discover.names("experiments")
    waiting = [name for name in names if options.again or needed(options, name)]
    fresh = len(names) - len(waiting)
    if fresh:
        print(f"{fresh} of {len(names)} experiments have a fresh result of {options.machine} already")
    failed = 0
    for name in waiting:
        failed += measure(options, name)
    return 1 if failed else 0


def faults(experiments: list[str], machine: str) -> list[Mistake]:
    """What is wrong with the names on the command line."""
    known = discover.names("experiments")
    found = [
        Mistake("attnsite measure", name, "is not an experiment", f"the experiments are {', '.join(known)}")
        for name in experiments
        if name not in known
    ]
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", machine) or machine == results.EVERY_MACHINE:
        remedy = "use lower-case words joined by underscores, such as epyc_2core, and never a host name"
        found.append(Mistake("attnsite measure", "--machine", f"{machine!r} is no name for a machine", remedy))
    return found


def target(options: argparse.Namespace, name: str) -> Path:
    """Where the result goes. Counts are the same everywhere: a named machine's command commits them once."""
    if kind(name) != "count":
        return results.path_of(options.root, options.machine, name)
    folder = results.BUILT if options.machine == results.THIS_BUILD else results.COMMITTED
    return options.root / folder / results.EVERY_MACHINE / f"{name}.json"


def kind(name: str) -> str:
    from attnsite.measure.run import KINDS

    return KINDS[type(discover.module("experiments", name, "experiment").experiment)]


def needed(options: argparse.Namespace, name: str) -> bool:
    """Is there no fresh result, of at least this sweep?"""
    paths = [target(options, name)]
    if kind(name) == "count":
        paths.append(options.root / results.COMMITTED / results.EVERY_MACHINE / f"{name}.json")
    for path in paths:
        try:
            found = results.read(path) if path.is_file() else None
        except (Mistake, ExceptionGroup):
            continue  # measured again, which replaces it
        if found and results.state(found) == "fresh" and (options.sweep == "quick" or found.sweep == "full"):
            return False
    return True


def measure(options: argparse.Namespace, name: str) -> int:
    """Run one experiment and write it; 0 when it could be done, 1 when it failed as a whole."""
    from attnsite.measure.run import Measurement

    try:
        made = Measurement(options.root, name, options.machine, options.sweep, options.device).run()
    except NotImplementedError as reason:  # the whole experiment cannot be done here; what is there stays
        print(f"{name}: not measured here: {reason}")
        return 0
    path = target(options, name)
    results.write(made, path)
    print(f"{name}: wrote {path.relative_to(options.root)}")
    return 0
