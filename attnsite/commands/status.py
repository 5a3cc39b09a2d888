"""The `status` command: which results are fresh, stale or missing, by machine."""

import argparse

from attnsite.records import browser_calls, registry, run_file
from attnsite.records.mistakes import Mistake, flatten, raise_all
from attnsite.records.participant import parse_participant
from attnsite.records.run_file import Run


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", help="only this machine")


def run(options: argparse.Namespace) -> int:
    names = registry.names("experiments")
    runs: dict[str, dict[str, Run]] = {}
    mistakes: list[Mistake] = []
    for name in names:
        try:
            runs[name] = run_file.load(options.root, name)
        except (Mistake, ExceptionGroup) as error:
            mistakes += flatten(error)
            runs[name] = {}
    machines = sorted({machine for found in runs.values() for machine in found} - {run_file.EVERY_MACHINE})
    lines = []
    for name in names:
        counted = runs[name].get(run_file.EVERY_MACHINE)
        for machine in [run_file.EVERY_MACHINE] if counted else machines or [run_file.THIS_BUILD]:
            if options.machine in (None, machine):
                lines.append((name, machine, *describe(runs[name].get(machine))))
    for name in browser_calls.experiments(options.root) if options.machine is None else []:
        why = browser_calls.why_stale(options.root, name)
        lines.append((name, "in browsers", "stale" if why else "fresh", "", "; ".join(why)))
    widths = [max(len(line[column]) for line in lines) for column in range(5)] if lines else []
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    raise_all(mistakes)
    return 0


def describe(run: Run | None) -> tuple[str, str, str]:
    """State, date with sweep, and the reason or the verdict on steadiness."""
    state = run_file.state(run)
    if run is None:
        return state, "", ""
    note = "; ".join(why_stale(run)) if state == "stale" else str(run.provenance.steadiness.get("verdict", ""))
    return state, f"{run.provenance.started[:10]} {run.sweep}", note


def why_stale(run: Run) -> list[str]:
    """What has changed since the run was made."""
    found = []
    if run.experiment not in registry.names("experiments"):
        return ["the experiment is gone"]
    if not run.complete:
        found.append("was interrupted")
    if not run_file.is_current(run):
        found.append("the experiment has changed")
    kernels = registry.names("kernels")
    measured = {row.kernel: row.kernel_digest for row in run.rows if row.kernel and row.kernel_digest}
    for kernel, digest in sorted(measured.items()):
        if parse_participant(kernel).kind != "peer" and kernel not in kernels:
            found.append(f"{kernel} is gone")
        elif run_file.kernel_digest(kernel) != digest:
            found.append(f"{kernel} has changed")
    joined = set(registry.matching("kernels", run.kernels)) - {row.kernel for row in run.rows}
    return found + [f"{kernel} has joined" for kernel in sorted(joined)]
