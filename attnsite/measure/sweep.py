"""From an experiment to a run: row by row, resumable, checked before it is timed."""

import concurrent.futures
import contextlib
import dataclasses
import datetime
import errno
import functools
import inspect
import os
import time
from pathlib import Path
from typing import Any

import numba

from attnsite.kernels import code_settings
from attnsite.measure import candidates, ceilings, clock, machine, memory, quota, usage
from attnsite.measure.progress import Progress
from attnsite.measure.shards import case_key
from attnsite.records import registry, run_file, sweeps
from attnsite.records.mistakes import Mistake
from attnsite.records.participant import parse_participant
from attnsite.records.run_file import Provenance, Row, Run
from attnsite.records.workload import Count, Experiment, Memory, Study, Timing, Workload

KINDS = {Timing: "timing", Memory: "memory", Study: "study", Count: "count"}
PARTIAL = Path(".cache/attnsite/partial")
Batch = list[Row]  # what one workload or case gave: kept whole, or measured again


class Measurement:
    """One experiment's sweep on one machine. `run()` goes on where an interrupted one stopped."""

    def __init__(self, root: Path, name: str, machine_name: str, sweep: str, device: str | None = None,
                 part: tuple[int, int] = (1, 1), budget: str | None = None) -> None:  # fmt: skip
        self.root, self.name, self.sweep, self.device, self.part = root, name, sweep, device, part
        self.budget = clock.BUDGETS[budget or sweep]
        self.digest = run_file.experiment_digest(name, sweep)  # of the file as it is imported now
        self.experiment: Experiment = registry.module("experiments", name, "experiment").experiment
        self.kind = KINDS[type(self.experiment)]
        self.machine = run_file.EVERY_MACHINE if self.kind == "count" else machine_name
        share = "_{}_of_{}".format(*part) if part[1] > 1 else ""
        self.partial = (
            root / PARTIAL / f"{machine_name}_{sweep}_{device or 'all'}{share}" / self.machine / f"{name}.json"
        )
        self.loads: list[float] = []
        self.stops: list[float] = []  # of a quota, each workload's share of periods
        self.thefts: list[float] = []  # processors' worth of time that the host took from each workload
        self.too_long: list[tuple[str, Workload]] = []  # kernels, with a workload that took them too long
        self.software = machine.software(root)  # as it is when the measurement begins
        # This loads the libraries of the peers before Numba starts its threads, as it must be: Numba switches nested
        # parallelism on in the OpenMP that they share, and PyTorch, loaded into that, took ten times as long.
        self.software |= candidates.builds(getattr(self.experiment, "kernels", ()))
        self.started = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        self.seconds_before = 0.0

    def run(self, progress: Progress | None = None) -> Run:
        """Measure what is not measured yet; after an interruption everything finished is in the partial file."""
        number, count = self.part
        cases = getattr(self.experiment, self.sweep)[number - 1 :: count]
        progress = progress or Progress(self.name, len(cases))
        begun, rows = time.monotonic(), self.resume()
        done = {case_key(row.case) for row in rows}
        for case in cases:
            label = _describe(case)
            progress.step(label)
            if case_key(sweeps.asked(case)) in done:
                continue
            with contextlib.nullcontext() if quota.processors() is None else clock.threads(0):
                rows += self.answer(case)
            run_file.write(self.made(rows, time.monotonic() - begun, complete=False), self.partial)
        made = self.made(rows, time.monotonic() - begun, complete=True)
        progress.finish(summary(made))
        return made

    def finish(self, made: Run, path: Path) -> None:
        """Put the whole run in its place by a move: a process that is killed has left it here or there."""
        run_file.write(made, self.partial)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(self.partial, path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            run_file.write(made, path)  # the cache lies on another disk
            self.partial.unlink(missing_ok=True)

    def resume(self) -> list[Row]:
        """The rows of an interrupted run of exactly this code; none when there is no such file, or a broken one."""
        try:
            found = run_file.read(self.partial)
        except (Mistake, ExceptionGroup):
            return []
        if self.kind != "count" and dict(found.provenance.machine.get("settings") or {}) != code_settings():
            return []
        asked = set(candidates.matching(found.kernels))
        answered = {row.kernel: row.kernel_digest for row in found.rows if row.kernel_digest}
        same = found.digest == self.digest and asked <= {row.kernel for row in found.rows}
        if not same or any(name not in asked or run_file.kernel_digest(name) != d for name, d in answered.items()):
            return []
        self.seconds_before = found.provenance.seconds
        cases, said = len({case_key(row.case) for row in found.rows}), found.provenance.steadiness
        for what, each in (("foreign_load", self.loads), ("throttled", self.stops), ("stolen", self.thefts)):
            each += [said[what]] * cases if what in said else []
        return list(found.rows)

    def answer(self, case: Any) -> Batch:
        """All rows of one workload or case."""
        experiment = self.experiment
        if isinstance(experiment, Timing):
            return self.time(experiment, case)
        if isinstance(experiment, Memory):
            kernels = candidates.matching(experiment.kernels)
            side_by_side = machine.threads() if self.sweep == "quick" else 1  # the full sweep's need all the memory
            with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
                return list(pool.map(lambda kernel: self.weigh(experiment, kernel, case), kernels))
        if isinstance(experiment, Study):
            asks = "clock" in inspect.signature(experiment.observe).parameters  # no experiment has one of its own
            given: dict[str, Any] = {"clock": time.perf_counter} if asks else {}
            observe = functools.partial(experiment.observe, **given)
            return [Row(case=dict(case), seed=seed, values=dict(observe(case, seed))) for seed in experiment.seeds]
        about = case.get("kernel")  # a count about a kernel's code is stale once the kernel has changed
        digest = run_file.kernel_digest(about) if about else None
        return [Row(case=dict(case), kernel=about, kernel_digest=digest, values=dict(experiment.observe(case)))]

    def check_asked(self, kernel: str) -> None:
        """Raises `Skipped` where a kernel is of another device than the one named."""
        if self.device not in (None, parse_participant(kernel).device):
            raise candidates.Skipped("not_asked", f"only {self.device} kernels were asked for")

    def time(self, experiment: Timing, workload: Workload) -> Batch:
        """Check, then time: one workload with everybody who can take part."""
        budget = self.budget
        longest = min(budget.longest_call_s, experiment.longest_call_s)
        rows: Batch = []
        entered: list[tuple[clock.Contestant, Row]] = []
        with clock.threads(workload.threads):
            for kernel in candidates.matching(experiment.kernels):
                try:
                    candidates.check_fits(workload)
                    self.check_asked(kernel)
                    self.check_hope(kernel, workload)
                    for variant in experiment.variants or ({},):
                        entered += candidates.enter(kernel, workload, experiment, longest, variant)
                except candidates.TooLong as why:
                    self.too_long.append((kernel, workload))
                    rows.append(self.skip(kernel, workload, why))
                except candidates.Skipped as why:
                    rows.append(self.skip(kernel, workload, why))
            known = [parse_participant(contestant.name) for contestant, _ in entered]
            on_cpu, on_cuda = (any(who.device == device for who in known) for device in ("cpu", "cuda"))
            entered += [candidates.ceiling(name, workload) for name in experiment.ceilings if on_cpu]
            for name in experiment.ceilings if on_cuda else ():
                try:
                    entered.append(candidates.cuda_ceiling(name, workload))
                except candidates.Skipped as why:
                    rows.append(self.skip(f"ceiling:cuda_{name}", workload, why))
            if entered:
                several = any(who.kind == "peer" and not who.on_gpu for who in known)
                settle_s = clock.SETTLE_S if several else 0.0
                before, taken, begun = quota.periods(), usage.stolen(), time.monotonic()
                watch = self.watch(on_cpu, budget)
                try:
                    foreign = clock.interleave(
                        [contestant for contestant, _ in entered], budget, settle_s=settle_s, watch=watch
                    )
                except usage.NoProcessors as why:
                    return rows + [self.lost(row, why) for _, row in entered if row.takes_part and row.stage is None]
                stopped = quota.stopped(before, quota.periods())
                self.loads += [] if foreign is None else [foreign]
                self.stops += [] if stopped is None else [stopped]
                if taken is not None and (after := usage.stolen()) is not None:
                    self.thefts.append(max(0.0, after - taken) / max(1e-3, time.monotonic() - begun))
        return rows + [timed(row, who, watch.retaken) for who, row in entered]

    def watch(self, on_cpu: bool, budget: clock.Budget) -> usage.Watch:
        """What watches a workload's rounds. A quick sweep asks for no processors beforehand: it has no time to wait."""
        threads = numba.get_num_threads()
        asks = on_cpu and threads > 1 and self.sweep == "full"
        probe = ceilings.probe(threads) if asks else None
        if probe:
            probe()  # compiled, and its threads started
        return usage.Watch(threads, (lambda: usage.measured(probe)) if probe else None, most=budget.rounds)

    def lost(self, row: Row, why: usage.NoProcessors) -> Row:
        return Row(case=row.case, kernel=row.kernel, skipped=str(why), skip_code="lost_threads")

    def check_hope(self, kernel: str, workload: Workload) -> None:
        """Raises `Skipped` where a workload that is smaller in every respect took this kernel too long already."""
        if any(name == kernel and contains(workload, small) for name, small in self.too_long):
            raise candidates.Skipped("too_slow", "a smaller workload took longer than this sweep allows")

    def weigh(self, experiment: Memory, kernel: str, workload: Workload) -> Row:
        """A kernel's peak memory on a workload, in processes of their own."""
        peaks = []
        try:
            self.check_asked(kernel)
            if parse_participant(kernel).on_gpu:
                raise candidates.Skipped("refused", "memory is measured on the CPU only")
            for _ in range(experiment.repeats if self.sweep == "full" else 1):
                found = memory.ask(kernel, workload, cache=experiment.cache)
                peaks.append(found["peak_bytes"])
        except candidates.Skipped as why:
            return self.skip(kernel, workload, why)
        return Row(case=workload.case(), kernel=kernel, kernel_digest=run_file.kernel_digest(kernel),
                   samples=tuple(peaks), max_error=found["max_error"], bound=found["bound"])  # fmt: skip

    def skip(self, kernel: str, workload: Workload, why: candidates.Skipped) -> Row:
        reason = candidates.without_folders(why.reason)
        return Row(case=workload.case(), kernel=kernel, skipped=reason, skip_code=why.code)

    def made(self, rows: list[Row], seconds: float, *, complete: bool) -> Run:
        several = [row for row in rows if len(row.samples) > 2 and row.median > 0]  # memory may not grow at all
        spreads = [(row.middle_half()[1] - row.middle_half()[0]) / row.median for row in several]
        timed = self.kind == "timing"
        everywhere = self.kind == "count"
        provenance = Provenance(
            machine={} if everywhere else machine.describe(),
            software=self.software,
            started=self.started.isoformat().replace("+00:00", "Z"),
            seconds=round(self.seconds_before + seconds, 1),
            steadiness=clock.verdict(spreads if timed else [], self.loads, self.stops, self.thefts),
        )
        return Run(
            experiment=self.name, kind=self.kind, machine=self.machine, sweep=self.sweep,
            digest=self.digest, kernels=tuple(getattr(self.experiment, "kernels", ())),
            provenance=provenance, rows=tuple(rows), complete=complete,
        )  # fmt: skip


def timed(row: Row, who: clock.Contestant, retaken: int) -> Row:
    """The row with its samples, and what each had of the processors; a GPU's kernel leaves them alone."""
    row = dataclasses.replace(row, samples=tuple(who.samples), warmups=tuple(who.warmups), retaken=retaken)
    if row.who is not None and row.who.on_gpu:
        return row
    busy, switched = usage.told(who.used)
    return dataclasses.replace(row, busy=busy, switched=switched)


def cases_of(name: str, sweep: str) -> list[dict[str, Any]]:
    """What an experiment's sweep asks, as JSON values, in order."""
    cases = getattr(registry.module("experiments", name, "experiment").experiment, sweep)
    return [sweeps.asked(case) for case in cases]


def contains(large: Workload, small: Workload) -> bool:
    """Is `small` no larger in any respect? Equal FLOPs do not do: one wide head keeps fewer threads busy than eight."""
    sizes = ("batch", "heads", "queries", "keys", "dim")
    no_larger = all(getattr(small, size) <= getattr(large, size) for size in sizes)
    alike = (small.threads, small.window, small.blocks) == (large.threads, large.window, large.blocks)
    return no_larger and alike and small.causal >= large.causal


def _describe(case: Any) -> str:
    """A workload or a case, short enough for a progress line."""
    if isinstance(case, Workload):
        heads = f"{case.heads} heads" if case.kv_heads == case.heads else f"{case.heads} heads on {case.kv_heads}"
        window = f", window {case.window}" if case.window else ""
        return f"{heads} of {case.dim}, {case.queries} queries, {case.keys} keys{window}"
    return ", ".join(f"{name} {value}" for name, value in dict(case).items())[:60]


def summary(run: Run) -> str:
    """What a run brought, in a line."""
    skipped = sum(row.skipped is not None for row in run.rows)
    parts = [f"{len(run.rows) - skipped} rows in {run.provenance.seconds:.0f} s"]
    if skipped:
        parts.append(f"{skipped} skipped")
    if run.kind == "timing":
        parts.append(str(run.provenance.steadiness["verdict"]))
    return ", ".join(parts)
