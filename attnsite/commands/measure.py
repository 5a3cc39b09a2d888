"""The `measure` command: run experiments on this machine and write their result files."""

import argparse
import importlib.util
import math
import re
import shutil
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from attnsite.measure import shards
from attnsite.measure.progress import spoken
from attnsite.records import fingerprint, registry, run_file, sweeps
from attnsite.records.mistakes import Mistake, flatten, raise_all, refused
from attnsite.records.nearest import nearest
from attnsite.records.participant import Participant

PASSES = 3  # of a full sweep that is timed, unless another number is asked for
A_MOMENT, ENOUGH = 1.0, 4  # seconds that an experiment works at least, and how many have to, for a guess of the rest


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="which to run (default: all)")
    parser.add_argument("--machine", default=run_file.THIS_BUILD, metavar="NAME",
                        help="what readers call this machine, such as epyc_2core; its results are kept in "
                        "docs/results/NAME (default: this_build, in the cache)")  # fmt: skip
    sweep = parser.add_mutually_exclusive_group()
    sweep.add_argument("--quick", action="store_const", dest="sweep", const="quick", help="seconds each (default)")
    sweep.add_argument("--full", action="store_const", dest="sweep", const="full", help="minutes each")
    parser.set_defaults(sweep="quick")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="only kernels of this device (default: all)")
    parser.add_argument("--within", type=seconds, metavar="SECONDS", help="begin no experiment after so long; what "
                        "waits is measured the next time")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="measure also what is fresh")
    parser.add_argument("--passes", type=whole, metavar="N", help="measure a full sweep that is timed in so many "
                        f"processes, minutes apart (default: {PASSES} with --full --machine NAME, else 1)")  # fmt: skip
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--pass", dest="number", type=whole, metavar="K", help="only the K-th pass, for the cache")
    parts.add_argument("--shard", metavar="K/N", help="only every N-th case, from the K-th on; --merge joins the parts")
    parts.add_argument("--merge", action="store_true", help="join the parts of a sweep into its result files")


def seconds(text: str) -> float:
    """A number of seconds, at least 0. Raises `argparse.ArgumentTypeError`."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; give one such as 90")
    return number


def whole(text: str) -> int:
    """A whole number from 1 on. Raises `argparse.ArgumentTypeError`."""
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of passes; give one such as 3")
    return int(text)


def run(options: argparse.Namespace) -> int:
    from attnsite.measure import machine

    found = list(faults(options.experiments, options.machine, options.sweep))
    raise_all([*found, *machine.faults(options.root, options.machine)])
    names = options.experiments or registry.names("experiments")
    if not (options.root / "mkdocs.yml").is_file():
        where = target(options, names[0]).parent
        print(f"there is no checkout here: results go to {where}; to contribute some, measure in a clone")
    if options.merge:
        return merge(options, names)
    if options.shard or options.number:  # a part of it, for the cache
        part = shards.parse(options.shard) if options.shard else (1, 1)
        done = [measure(options, name, part) for name in names]
        return 0 if all(done) else 1
    asked = [name for name in names if asks(name, options.sweep)]
    if absent := [name for name in names if name not in asked]:
        print(f"{len(absent)} experiments have no {options.sweep} sweep, since every case takes minutes: "
              f"{', '.join(absent)}")  # fmt: skip
    waiting = [name for name in asked if options.again or needed(options, name)]
    for line in already(options, [name for name in asked if name not in waiting], len(asked)):
        print(line)
    waiting.sort(key=lambda name: kind(name) == "memory")  # whose processes start sooner once kernels are compiled
    if (count := passes_of(options)) > 1 and (timed := [name for name in waiting if kind(name) == "timing"]):
        joined = in_passes(options, timed, count)
        waiting = [name for name in waiting if name not in timed]
        if not joined or not waiting:
            return 0 if joined else 1
    took: list[float] = []
    done = []
    for number, name in enumerate(waiting, 1):
        if options.within is not None and sum(took) >= options.within:
            rest = len(waiting) - number + 1
            print(f"{rest} experiments wait, since {options.within:.0f} s have passed: `attnsite measure` goes on")
            break
        begun = time.monotonic()
        done.append(measure(options, name))
        took.append(time.monotonic() - begun)
        if number < len(waiting):
            print(f"{number} of {len(waiting)} experiments are done{left(took, len(waiting))}", flush=True)
    return 0 if all(done) else 1


def passes_of(options: argparse.Namespace) -> int:
    """How many passes are asked for: a named machine's full sweep has some unless told otherwise."""
    if options.passes is not None:
        return int(options.passes)
    return PASSES if options.sweep == "full" and options.machine != run_file.THIS_BUILD else 1


def in_passes(options: argparse.Namespace, names: list[str], count: int) -> bool:
    """The first pass of every experiment, then the second of every one; each is joined after its last. False where one
    failed, whose passes so far stay in the cache."""
    from attnsite.measure import passes

    good, took = True, list[float]()
    for number in range(1, count + 1):
        for place, name in enumerate(names):
            path = passes.path_of(options.root, options.machine, number, name)
            if options.again and number == 1:
                path.unlink(missing_ok=True)
            if not passes.kept(path):
                before = passes.path_of(options.root, options.machine, number - 1, name)
                if before.is_file():
                    passes.wait(before)
                begun = time.monotonic()
                path.unlink(missing_ok=True)
                good = passes.measure(options.root, name, options.machine, number, options.device) and good
                took.append(time.monotonic() - begun)
            behind = (number - 1) * len(names) + place + 1
            print(f"pass {number} of {count}: {behind} of {count * len(names)} are done"
                  f"{left(took, len(took) + count * len(names) - behind)}", flush=True)  # fmt: skip
    for name in names:
        paths = [passes.path_of(options.root, options.machine, number, name) for number in range(1, count + 1)]
        runs = [run for path in paths if (run := passes.kept(path))]
        if len(runs) < count:
            good = False
            continue
        run_file.write(passes.join(runs, paths), target(options, name))
        for path in paths:
            path.unlink()
        print(f"{name}: wrote {target(options, name).relative_to(options.root).as_posix()}")
    return good


def already(options: argparse.Namespace, fresh: list[str], asked: int) -> Iterable[str]:
    """What need not be measured, in a line for counts, which belong to no machine, and one for the rest."""
    counts = [name for name in fresh if kind(name) == "count"]
    if counts:
        yield f"{len(counts)} counts are fresh already; they are the same on every machine"
    if rest := len(fresh) - len(counts):
        whose = "this machine" if options.machine == run_file.THIS_BUILD else options.machine
        yield f"{rest} of {asked} experiments have a fresh result of {whose} already"


def left(took: list[float], total: int) -> str:
    """The time that the rest may take, from the seconds that each took so far; nothing while too few say it.

    One that has nothing to do here, such as a GPU's, ends in a moment, and says nothing of the others.
    """
    worked = [seconds for seconds in took if seconds >= A_MOMENT]
    if len(worked) < ENOUGH:
        return ""
    return f", about {spoken(sum(worked) / len(worked) * (total - len(took)))} left"


def faults(experiments: list[str], machine: str, sweep: str = "full") -> list[Mistake]:
    """What is wrong with the names on the command line."""
    known = registry.names("experiments")
    found = [
        Mistake("attnsite measure", name, "is not an experiment", nearest(name, known))
        for name in experiments
        if name not in known
    ]
    found += [
        Mistake("attnsite measure", name, f"has no {sweep} sweep, since every case takes minutes", "use --full")
        for name in experiments
        if name in known and not asks(name, sweep)
    ]
    for name in experiments or known:
        if name in known:
            found += sweeps.faults(name, registry.module("experiments", name, "experiment").experiment)
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", machine) or machine == run_file.EVERY_MACHINE:
        remedy = "use lower-case words joined by underscores, such as epyc_2core, and never a host name"
        found.append(Mistake("attnsite measure", "--machine", f"{machine!r} is not a valid machine name", remedy))
    return found


def asks(name: str, sweep: str) -> bool:
    """Has an experiment such a sweep? A study whose cases all take minutes has no quick one."""
    return bool(getattr(registry.module("experiments", name, "experiment").experiment, sweep))


def target(options: argparse.Namespace, name: str) -> Path:
    """Where the result goes. Counts are the same everywhere: a named machine's command commits them once."""
    if kind(name) != "count":
        return run_file.path_of(options.root, options.machine, name)
    folder = run_file.BUILT if options.machine == run_file.THIS_BUILD else run_file.COMMITTED
    return options.root / folder / run_file.EVERY_MACHINE / f"{name}.json"


def kind(name: str) -> str:
    from attnsite.measure.sweep import KINDS

    return KINDS[type(registry.module("experiments", name, "experiment").experiment)]


def needed(options: argparse.Namespace, name: str) -> bool:
    """Is there no fresh result, of at least this sweep and for the devices asked for?"""
    counted = kind(name) == "count"
    committed = options.root / run_file.COMMITTED / run_file.EVERY_MACHINE / f"{name}.json"
    for path in [committed, target(options, name)] if counted else [target(options, name)]:
        try:
            found = run_file.read(path) if path.is_file() else None
        except (Mistake, ExceptionGroup):
            continue  # measured again, which replaces it
        if found and run_file.state(found) == "fresh" and (counted or answers(options, found)):
            if counted and path == committed:
                forget_cached(options.root, name)
            return False
    return True


def answers(options: argparse.Namespace, found: run_file.Run) -> bool:
    """Does a fresh run of this machine say all that measuring again would?"""
    from attnsite.measure import machine

    if options.sweep == "full" and found.sweep == "quick":
        return False
    if options.machine == run_file.THIS_BUILD:
        if not machine.made_here(found.provenance.machine, found.provenance.software):
            return False  # a cache that came from another machine
        here = machine.describe()
        if any(found.provenance.machine.get(what) != here.get(what) for what in ("threads", "vectors", "settings")):
            return False  # or from other settings of this one
    return not any(can_take_part_now(row, options.device) for row in found.rows)


def can_take_part_now(row: run_file.Row, device: str | None) -> bool:
    """Was a kernel left out for a reason that no longer holds: not asked for, no library, or no GPU?"""
    if row.who is None or device not in (None, row.who.device):
        return False
    if row.skip_code == "not_installed":
        return all(importlib.util.find_spec(name) is not None for name in libraries(row.who))
    if row.skip_code == "no_device":
        return shutil.which("nvidia-smi") is not None
    return row.skip_code == "not_asked"


def libraries(who: Participant) -> set[str]:
    """The modules of others that a peer imports anywhere, by the names of their packages; of a kernel, its compiler."""
    path = registry.ROOT / who.folder / f"{who.stem}.py"
    if who.kind != "peer" or not path.is_file():
        return {who.library}
    found = {
        name for each in fingerprint.reached(path) for name in fingerprint.imported(each.read_text(encoding="utf-8"))
    }
    return {name.split(".")[0] for name in found} - {"attnsite"}


def forget_cached(root: Path, name: str) -> None:
    """A count that is committed and fresh needs no copy of this build, which would stand in its place."""
    (root / run_file.BUILT / run_file.EVERY_MACHINE / f"{name}.json").unlink(missing_ok=True)


def merge(options: argparse.Namespace, names: list[str]) -> int:
    """Join the parts of every experiment named, or of every one that has some; what is merged is written whole."""
    from attnsite.measure.sweep import cases_of

    have = [name for name in names if shards.parts_of(options.root, options.machine, options.sweep, name)]
    mistakes: list[Mistake] = []
    for name in options.experiments or have:
        try:
            keys = [shards.case_key(case) for case in cases_of(name, options.sweep)]
            made = shards.merge(options.root, options.machine, options.sweep, name, keys)
        except (Mistake, ExceptionGroup) as error:
            mistakes += flatten(error)
            continue
        path = target(options, name)
        run_file.write(made, path)
        print(f"{name}: wrote {path.relative_to(options.root).as_posix()}")
    if not have and not mistakes:
        raise Mistake("attnsite measure", "--merge", "finds no parts of this machine and sweep", "use --shard first")
    raise_all(mistakes)
    return 0


def measure(options: argparse.Namespace, name: str, part: tuple[int, int] = (1, 1), again: bool = True) -> bool:
    """Run one experiment and write it; False when it failed as a whole, which does not stop the others."""
    from attnsite.measure import compiled, passes
    from attnsite.measure.sweep import Measurement

    try:
        budget = "pass" if options.number else options.sweep
        measurement = Measurement(options.root, name, options.machine, options.sweep, options.device, part, budget)
        made = measurement.run()
    except NotImplementedError as reason:  # such as a compiler that is not installed; what is there stays
        print(f"{name}: not measured here: {reason}")
        return True
    except Exception as error:
        if refused(error, "measure"):
            raise  # a full disk or a folder that is not ours: the others would meet the same
        if again and compiled.broken(error):
            print(f"{name}: the cache of compiled kernels is broken; they are compiled anew")
            compiled.forget()
            return measure(options, name, part, again=False)
        print(f"\n{name}: failed; what was there before stays")
        traceback.print_exc()
        return False
    path = target(options, name)
    if options.number:
        path = passes.path_of(options.root, options.machine, options.number, name)
    if part[1] > 1:
        folder = measurement.machine
        path = shards.path_of(options.root, options.machine, options.sweep, part, folder, name)
    measurement.finish(made, path)
    if made.kind == "count" and run_file.COMMITTED in path.relative_to(options.root).parents:
        forget_cached(options.root, name)
    print(f"{name}: wrote {path.relative_to(options.root).as_posix()}")
    return True
