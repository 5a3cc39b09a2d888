"""Who takes part in a workload: every matching kernel that can and is right, its stages, and the machine's ceilings."""

import contextlib
import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from attnsite.measure import ceilings, clock, compiled, correctness, gradients, machine
from attnsite.records import registry
from attnsite.records.mistakes import refused
from attnsite.records.participant import parse_participant
from attnsite.records.run_file import Row, kernel_digest
from attnsite.records.workload import Timing, Workload

SMALL = 32  # tokens of the call that compiles: kernels may take another way for a handful of queries
KEPT = 2**28  # bytes: larger inputs are drawn again for each contestant rather than kept beside its own


class Skipped(Exception):
    """A kernel does not take part in this workload.

    `code`: one of `participant.SKIP_CODES`. `reason`: a sentence for the reader of the result.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class TooLong(Skipped):
    """A call took so long that it is not repeated; nor are larger workloads begun."""

    def __init__(self, reason: str) -> None:
        super().__init__("too_slow", reason)


def matching(patterns: tuple[str, ...]) -> list[str]:
    """Kernels and peers that an experiment asks for; `reference` is nobody's contestant."""
    kernels = [name for name in registry.matching("kernels", patterns) if name != "reference"]
    wanted = [p.removeprefix("peer_") for p in patterns if p.startswith("peer_")]
    peers = registry.matching("peers", tuple(p for p in wanted if not p.startswith("cuda_")))
    peers = [name for name in peers if not name.startswith("cuda_")]  # only a pattern that says so matches those
    peers += registry.matching("peers", tuple(p for p in wanted if p.startswith("cuda_")))
    return kernels + [f"peer_{name}" for name in peers]


def load(kernel: str, gradients: bool = False) -> ModuleType:
    """The kernel's module; raises `Skipped` where its device or its library is not here, or it has no gradients."""
    who = parse_participant(kernel)
    if who.on_gpu:
        from attnsite.kernels.cuda import driver

        here, reason = driver.available()
        if not here:
            raise Skipped("not_installed" if reason == driver.MISSING else "no_device", reason)
    forward = ["attention", "prepare"] if who.kind == "peer" else ["attention"]
    try:
        module = registry.module(who.folder, who.stem, "DEVICE", *([] if gradients else forward))
    except ImportError as error:
        missing = (error.name or str(error)).split(".")[0]
        raise Skipped("not_installed", f"{missing} is not installed") from None
    if gradients and not hasattr(module, "prepare_gradients" if who.kind == "peer" else "gradients"):
        raise Skipped("refused", "has no backward pass")
    return module


def builds(patterns: tuple[str, ...]) -> dict[str, str]:
    """What the libraries of the peers that take part say they were built with, for a run's provenance."""
    found: dict[str, str] = {}
    for kernel in matching(patterns):
        if parse_participant(kernel).kind == "peer":
            with contextlib.suppress(Skipped):
                found |= getattr(load(kernel), "build", dict)()
    return found


def enter(
    kernel: str, workload: Workload, experiment: Timing, longest_s: float, variant: Mapping[str, Any] | None = None
) -> list[tuple[clock.Contestant, Row]]:
    """The kernel as a contestant, with its stages, each with the row that its samples will fill.

    `variant` holds further arguments of the call. Raises `Skipped`. The first call is the check: a wrong kernel is
    never timed.
    """
    module: Any = load(kernel, experiment.gradients)
    try:
        return _enter(module, kernel, workload, experiment, longest_s, variant or {})
    except NotImplementedError as refusal:
        raise Skipped("refused", str(refusal)) from None
    except Skipped:
        raise
    except Exception as error:  # one broken kernel must not cost the others their measurement
        if refused(error, "measure") or compiled.broken(error):  # not the kernel's fault: no row may say that it were
            raise
        raise Skipped("failed", failure(error)) from error


def failure(error: Exception) -> str:
    """What went wrong, by its first line, short."""
    first_line = next(iter(str(error).strip().splitlines()), "")
    return f"failed: {type(error).__name__}: {first_line}"[:200]


def without_folders(reason: str) -> str:
    """A reason as it may be published: of an absolute path, of either kind, the last part only; of a library's words
    no sign that a page or a reader of it could make more of."""
    plain = re.sub(r"[<>`]|[^\x20-\U0010ffff]", "'", reason).replace("](", "] (").replace("://", ": ")
    return _FOLDERS.sub("…/", plain)


_FOLDERS = re.compile(r"(?:(?<![\w.…/:])/|\b[A-Za-z]:[\\/]|\\\\)(?:[^\s/\\:'\"]+[/\\])+")


def _enter(
    module: Any, kernel: str, workload: Workload, experiment: Timing, longest_s: float, variant: Mapping[str, Any]
) -> list[tuple[clock.Contestant, Row]]:
    who = parse_participant(kernel)
    peer = who.kind == "peer"
    if peer and hasattr(module, "use_threads"):
        module.use_threads(workload.threads or machine.threads())
    q, k, v = drawn(workload)
    kept, meant = keep(module, k, v, workload)
    case = workload.case() | ({"variant": dict(variant)} if variant else {})
    base: dict[str, Any] = {"case": case, "kernel": kernel, "kernel_digest": kernel_digest(kernel)}
    if not experiment.gradients:
        options = accepted(module.prepare if peer else module.attention, workload)
    steps: list[tuple[str, Callable[[], float]]] = []
    out: Callable[[], Any]
    rounded = correctness.rounding(module)
    if who.on_gpu and not peer:
        from attnsite.measure.gpu import clock as gpu_clock

        measure, out = gpu_clock.enter(module, workload, variant)
    elif who.on_gpu:
        from attnsite.measure.gpu import clock as gpu_clock

        call = module.prepare(q, k, v, **options)
        measure, out = gpu_clock.between_events(call), lambda: module.fetch(call())
    elif experiment.gradients:
        out = gradients.prepare(module, workload)
        measure = clock.on_cpu(out)
    elif peer:
        out = module.prepare(q, k, v, **options)
        measure = clock.on_cpu(out)
    else:
        compile_small(module, workload)
        arrays = lay_out(module, q, kept)
        measure = clock.on_cpu(lambda: module.attention(*arrays, **options, **variant))
        out = lambda: correctness.restored(module, arrays[-1])  # noqa: E731
        wanted = experiment.stages and hasattr(module, "stages")
        pairs = module.stages(q, k, v, np.empty_like(q), **accepted(module.stages, workload)) if wanted else ()
        steps = [(name, clock.on_cpu(step)) for name, step in pairs]
    first = measure()
    if first > longest_s and peer:  # a library's first call may load and compile
        first = measure()
    if first > longest_s:
        took = above(first, longest_s)
        raise TooLong(f"one call took {took} s, longer than the {longest_s:g} s that this sweep allows")
    made: Any = out()
    if experiment.gradients:
        verdict = gradients.compare(workload, made)
    elif meant[0] is k and _bytes(workload) <= KEPT:  # it keeps numbers as they are
        verdict = correctness.judge(made, v, _answers(workload))
    else:
        verdict = correctness.compare(
            rounded(q), *meant, made, causal=workload.causal, rounded=rounded, seen=workload.seen
        )
    if not verdict.right:
        raise Skipped("wrong", f"wrong: error {verdict.max_error:.3g}, at most {verdict.bound:.3g} is allowed")
    whole = Row(**base, max_error=verdict.max_error, bound=verdict.bound)
    entered = [(clock.Contestant(kernel, measure), whole)]
    return entered + [(clock.Contestant(kernel, step, stage=name), Row(**base, stage=name)) for name, step in steps]


def drawn(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The workload's q, k and v, in memory of the caller's own: no contestant may find them in a cache that another
    one has filled."""
    if _bytes(workload) > KEPT:
        return workload.inputs()
    q, k, v = _drawn(workload)
    return q.copy(), k.copy(), v.copy()


@functools.lru_cache(maxsize=1)  # drawing takes longer than most calls
def _drawn(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return workload.inputs()


@functools.lru_cache(maxsize=1)  # all contestants that take the arrays as they are have the same
def _answers(workload: Workload) -> correctness.Answers:
    return correctness.answers(*_drawn(workload), causal=workload.causal, seen=workload.seen)


def _bytes(workload: Workload) -> int:
    """Of q, k, v and the output in float32."""
    rows = 2 * (workload.heads * workload.queries + workload.kv_heads * workload.keys)
    return 4 * workload.batch * workload.dim * rows


def accepted(call: Callable[..., Any], workload: Workload) -> dict[str, Any]:
    """What a kernel is called with besides the arrays. Raises `Skipped` where it has no argument for a part of it."""
    options, known = workload.options(), inspect.signature(call).parameters
    for name in options:
        if name not in known:
            raise Skipped("refused", f"takes no {name}")
    return options


def above(number: float, limit: float) -> str:
    """A number with as many decimals as show that it is above a limit."""
    return next((text for digits in range(1, 13) if float(text := f"{number:.{digits}f}") > limit), str(number))


Cache = tuple[Any, Any]  # of keys and of values, as a kernel takes them


def keep(
    module: Any, k: np.ndarray, v: np.ndarray, workload: Workload | None = None
) -> tuple[Cache, tuple[np.ndarray, np.ndarray]]:
    """k and v as the kernel takes them, and what they then stand for.

    Most kernels take arrays as they are. One that keeps its cache in another form has `store_cache(k, v)`, which is not
    timed, and `restore_cache` for the way back: it is right when it answers correctly for the cache that it was given.
    One that keeps all its arrays in fewer bits has `store_array(x)` and `restore_array` instead.
    """
    kept = store(module, k, v, workload)
    return kept, restored(module, kept)


def store(module: Any, k: np.ndarray, v: np.ndarray, workload: Workload | None = None) -> Cache:
    """k and v as the kernel keeps them; one whose cache depends on the window is told the workload's."""
    if not hasattr(module, "store_cache"):
        return correctness.stored(module, k), correctness.stored(module, v)
    known = inspect.signature(module.store_cache).parameters
    options = {name: value for name, value in (workload.options() if workload else {}).items() if name in known}
    made: Cache = module.store_cache(k, v, **options)
    return made


def restored(module: Any, kept: Cache) -> tuple[np.ndarray, np.ndarray]:
    """What a kept cache stands for, in float32."""
    if not hasattr(module, "restore_cache"):
        return correctness.restored(module, kept[0]), correctness.restored(module, kept[1])
    made: Cache = module.restore_cache(*kept)
    return made


def lay_out(module: Any, q: np.ndarray, kept: tuple[Any, Any]) -> tuple[Any, Any, Any, np.ndarray]:
    """q, k, v and an output full of NaN as the kernel takes them; k and v come from `keep`."""
    return correctness.stored(module, q), *kept, correctness.stored(module, np.full_like(q, np.nan))


def compile_small(module: Any, workload: Workload) -> None:
    """One call on a few tokens, so that no sample contains a compilation."""
    queries, keys = min(SMALL, workload.queries), min(SMALL, workload.keys)
    small = dataclasses.replace(workload, queries=queries, keys=keys)
    q, k, v = small.inputs()
    kept = store(module, k, v, small)
    module.attention(*lay_out(module, q, kept), **accepted(module.attention, small))


def ceiling(name: str, workload: Workload) -> tuple[clock.Contestant, Row]:
    made = ceilings.make(name)
    row = Row(case=workload.case(), kernel=f"ceiling:{name}", values={made.unit: made.work})
    return clock.Contestant(f"ceiling:{name}", clock.on_cpu(made.call)), row


def cuda_ceiling(name: str, workload: Workload) -> tuple[clock.Contestant, Row]:
    """The GPU's own, by the same name with "cuda_" before it; raises `Skipped` if it fails."""
    from attnsite.measure.gpu import ceilings as gpu_ceilings

    try:
        made = gpu_ceilings.make(name)
    except Exception as error:  # whatever a driver raises: the kernels are still to be timed
        raise Skipped("failed", failure(error)) from error
    row = Row(case=workload.case(), kernel=f"ceiling:cuda_{name}", values={made.unit: made.work})
    return clock.Contestant(f"ceiling:cuda_{name}", gpu_ceilings.measure(made)), row


def check_fits(workload: Workload) -> None:
    """Raises `Skipped` where this machine cannot run the workload at all."""
    if workload.threads > machine.threads():
        reason = f"needs {workload.threads} threads, this machine has {machine.threads()}"
        raise Skipped("too_few_threads", reason)
    memory = machine.describe().get("memory_bytes")
    if memory and _bytes(workload) > memory // 2:
        raise Skipped("too_large", "its inputs are larger than half of this machine's memory")
