"""The clock: contestants are called in turn, round after round, and every sample is kept."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numba

from attnsite.measure import machine

Clock = Callable[[], int]  # nanoseconds


@dataclass
class Contestant:
    """Something that is called again and again. `measure()` makes one call and returns its seconds."""

    name: str
    measure: Callable[[], float]
    stage: str | None = None
    warmups: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)


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
               settle_s: float = 0.0) -> float | None:  # fmt: skip
    """Warm every contestant up once, then call all in turn until the budget is used.

    A contestant whose calls are shorter than `settle_s` makes one that is not measured before each that is. Its turn
    begins while the threads of the one before may still spin, and its own sleep; on two processors the first call took
    up to ten times as long for that, the second did not. Every library is then seen as in a loop of its own calls.

    Returns how many processors' worth of time others took meanwhile, or None where that is not known.
    """
    for contestant in contestants:
        contestant.warmups.append(contestant.measure())
    before, start, rounds = load(), clock(), 0
    while rounds < budget.rounds or (rounds < budget.most and (clock() - start) / 1e9 < budget.seconds):
        for contestant in contestants:
            if (contestant.samples or contestant.warmups)[-1] < settle_s:
                contestant.measure()
            contestant.samples.append(contestant.measure())
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
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        hertz = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(word) / hertz for word in words[1:9])
    return user + nice + system + irq + softirq + steal, time.process_time(), time.monotonic()


def foreign(before: tuple[float, float, float] | None, after: tuple[float, float, float] | None) -> float | None:
    """The processors' worth of time that others took between two `load`s; None where the system does not say."""
    if before is None or after is None or after[2] - before[2] < 0.05:  # the system counts in hundredths
        return None
    everybody, ours = after[0] - before[0], after[1] - before[1]
    return max(0.0, everybody - ours) / (after[2] - before[2])


def verdict(spreads: Sequence[float], loads: Sequence[float], stops: Sequence[float] = ()) -> dict[str, float | str]:
    """Was the machine steady? `spreads` are each row's middle half over its median, `loads` each workload's foreign.

    Steady means that half of the rows have a middle half of at most a tenth of their median, and that others took at
    most 0.15 of a processor on average; where a quota is set, also that it stopped us in at most a hundredth of its
    periods, `stops`, on average.
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
    return {"verdict": "steady" if steady else "noisy"} | found


# An empty parallel loop costs a few µs with OpenMP and TBB, and a hundred times as much with Numba's own queue.
numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]
