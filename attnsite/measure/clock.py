"""The clock: contestants are called in turn, round after round, and every sample is kept."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numba

from attnsite.measure import machine, usage

Clock = Callable[[], int]  # nanoseconds


@dataclass
class Contestant:
    """Something that is called again and again. `measure()` makes one call and returns its seconds."""

    name: str
    measure: Callable[[], float]
    stage: str | None = None
    warmups: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    used: list[usage.Used] = field(default_factory=list)  # of each sample


@dataclass(frozen=True)
class Budget:
    """How long one workload is repeated: at least `rounds`, then until `seconds` are over or `most` rounds made."""

    rounds: int
    seconds: float
    most: int = 60
    longest_call_s: float = 1.0


BUDGETS = {
    "quick": Budget(rounds=3, seconds=0.25, longest_call_s=0.4),
    "full": Budget(rounds=9, seconds=2.0, longest_call_s=60.0),  # the experiment's own limit is the lower
    "pass": Budget(rounds=5, seconds=0.8, longest_call_s=60.0),  # of several that make a full sweep
}


def on_cpu(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> Callable[[], float]:
    """A `measure` for a Contestant: one call by the given clock, in seconds.

    A clock that was set back meanwhile, as that of a machine that moved to another host may be, has measured nothing:
    the call is made again.
    """

    def measure() -> float:
        for _ in range(3):
            start = clock()
            call()
            if (taken := clock() - start) >= 0:
                return taken / 1e9
        raise RuntimeError("the clock runs backwards")

    return measure


SETTLE_S = 0.05  # calls shorter than this are preceded by another where libraries with threads of their own take turns


def interleave(contestants: Sequence[Contestant], budget: Budget, clock: Clock = time.perf_counter_ns,
               settle_s: float = 0.0, watch: usage.Watch | None = None) -> float | None:  # fmt: skip
    """Warm every contestant up once, then call all in turn until the budget is used.

    A round begins when the threads get their processors, and is taken again, whole, where they then did not: `watch`
    says so, and raises `NoProcessors` where they never do.

    A contestant whose calls are shorter than `settle_s` makes one that is not measured before each that is. Its turn
    begins while the threads of the one before may still spin, and its own sleep; on two processors the first call took
    up to ten times as long for that, the second did not. Every library is then seen as in a loop of its own calls.

    Returns how many processors' worth of time others took meanwhile, or None where that is not known.
    """
    for contestant in contestants:
        contestant.warmups.append(contestant.measure())
    before, start, rounds = load(), clock(), 0
    while rounds < budget.rounds or (rounds < budget.most and (clock() - start) / 1e9 < budget.seconds):
        if watch:
            watch.ready()
        taken: list[tuple[Contestant, float, usage.Used]] = []
        for contestant in contestants:
            if (contestant.samples or contestant.warmups)[-1] < settle_s:
                contestant.measure()
            reading = usage.reading()
            sample = contestant.measure()
            taken.append((contestant, sample, usage.used(reading, usage.reading())))
        if watch and not watch.keeps([used for _, _, used in taken]):
            continue
        for contestant, sample, used in taken:
            contestant.samples.append(sample)
            contestant.used.append(used)
        rounds += 1
    return foreign(before, load())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Give Numba and BLAS `count` threads; 0 gives them as many as this machine has for us."""
    most = machine.threads()
    count = count or most
    before = numba.get_num_threads()
    numba.set_num_threads(min(count, most))
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # then BLAS keeps what it has
        yield
    else:
        with threadpool_limits(limits=count, user_api="blas"):
            yield
    finally:
        numba.set_num_threads(before)


def load() -> tuple[float, float, float] | None:
    """Seconds that all processes, and that this one, have used the processors so far, and the time; on Linux."""
    if (found := usage.processors()) is None:
        return None
    user, nice, system, _, _, irq, softirq, steal = found
    return user + nice + system + irq + softirq + steal, time.process_time(), time.monotonic()


def foreign(before: tuple[float, float, float] | None, after: tuple[float, float, float] | None) -> float | None:
    """The processors' worth of time that others took between two `load`s; None where the system does not say."""
    if before is None or after is None or after[2] - before[2] < 0.05:  # the system counts in hundredths
        return None
    everybody, ours = after[0] - before[0], after[1] - before[1]
    return max(0.0, everybody - ours) / (after[2] - before[2])


def verdict(spreads: Sequence[float], loads: Sequence[float], stops: Sequence[float] = (),
            thefts: Sequence[float] = (), apart: Sequence[float] = ()) -> dict[str, float | str]:  # fmt: skip
    """Was the machine steady? `spreads` are each row's interquartile range over its median, `loads` each workload's
    foreign, `thefts` the processors' worth of time that the host took from each.

    Steady means that half of the rows have an interquartile range of at most a tenth of their median, and that others
    took at most 0.15 of a processor on average, the host among them; where a quota is set, also that it stopped us in
    at most a hundredth of its periods, `stops`, on average; and where there were several passes, that their medians lie
    at most a tenth apart in nine of ten rows, `apart`.
    """
    if not spreads:
        return {"verdict": "not timed"}
    found: dict[str, float | str] = {"median_spread": round(statistics.median(spreads), 4)}
    steady = statistics.median(spreads) <= 0.10
    if loads:
        found["foreign_load"] = round(statistics.fmean(loads), 4)
        steady = steady and statistics.fmean(loads) <= 0.15
    if stops:
        found["throttled"] = round(statistics.fmean(stops), 4)
        steady = steady and statistics.fmean(stops) <= 0.01
    if thefts:
        found["stolen"] = round(statistics.fmean(thefts), 4)
    if apart:
        found["passes_apart"] = round(statistics.median(apart), 4)
        disagreeing = sum(share > 0.10 for share in apart) / len(apart)
        found["passes_disagreeing"] = round(disagreeing, 4)
        steady = steady and disagreeing <= 0.10
    return {"verdict": "steady" if steady else "noisy"} | found


# An empty parallel loop costs a few µs with OpenMP and TBB, and a hundred times as much with Numba's own queue.
numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]
