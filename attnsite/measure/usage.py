"""Did the threads run? What a call really had of the processors, and whether the machine gives them at all.

Two threads on one processor compute at half the speed, with samples that lie close together: nothing in the samples
tells it. The processor time of the process does, which all of its threads add to, and so does a short call that keeps
every thread busy, made before each round.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

try:
    import resource
except ImportError:  # Windows, which does not count switches
    resource = None  # type: ignore[assignment]

ENOUGH = 0.9  # of the threads: what the short call has to keep busy; waking and ending them is the rest
DROPS = 0.75  # of what a contestant kept busy in its other rounds: below this, its threads were not all let run
LEAST_S = 0.02  # of a call: what a running thread has used is added up late, every few milliseconds
TRIES, PAUSE_S = 5, 0.05  # before a round is given up, and between two of them
GIVEN_UP = 20  # rounds without the threads' processors, after which the workload is left out


@dataclass(frozen=True)
class Used:
    """Of one call: processors' worth of time of this process, and involuntary switches (None: not counted here).

    It is not `sure` of a call that was too short: a thread's time is added up late, in steps of milliseconds, and two
    busy threads read as anything from 1 to 5 over 2.5 ms.
    """

    busy: float
    switched: int | None
    sure: bool = True


def reading() -> tuple[int, int, int | None]:
    """The time, this process's processor time, both in nanoseconds, and its involuntary switches so far."""
    switched = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else None
    return time.perf_counter_ns(), time.process_time_ns(), switched


def used(before: tuple[int, int, int | None], after: tuple[int, int, int | None]) -> Used:
    """What lies between two readings."""
    wall, cpu = after[0] - before[0], after[1] - before[1]
    switched = None if before[2] is None or after[2] is None else after[2] - before[2]
    return Used(round(max(0, cpu) / max(1, wall), 3), switched, wall >= LEAST_S * 1e9)


def processors(stat: Path = Path("/proc/stat")) -> list[float] | None:
    """Seconds of all processors so far: user, nice, system, idle, waiting, interrupts of two kinds, and what the host
    has taken; None where the system does not say."""
    try:
        words = stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        found = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
    except (OSError, ValueError, AttributeError):
        return None
    return found if len(found) == 8 else None


def stolen(stat: Path = Path("/proc/stat")) -> float | None:
    """Seconds that the host has taken from this machine's processors so far; None where the system does not say."""
    found = processors(stat)
    return found[-1] if found else None


class NoProcessors(Exception):
    """The threads of a workload did not get their processors, however often it was tried; says how many they got."""


@dataclass
class Watch:
    """Watches the rounds of a workload of so many `threads`.

    `probe` is a call that keeps all of them busy for some hundredths of a second, and returns what it used; None asks
    nothing, as for one thread. `retaken` counts the rounds that were taken again, `most` is how many may be.
    """

    threads: int
    probe: Callable[[], Used] | None = None
    most: int = 9
    pause: Callable[[float], None] = time.sleep
    retaken: int = 0
    best: float = 0.0
    lost: int = 0
    kept: dict[int, list[float]] = field(default_factory=dict)  # by place in the round

    def ready(self) -> None:
        """Before a round: wait until the threads get their processors. Raises `NoProcessors` after many tries."""
        if self.probe is None or self.threads < 2:
            return
        while True:
            for _ in range(TRIES):
                busy = self.probe().busy
                self.best = max(self.best, busy)
                if busy >= ENOUGH * self.threads:
                    return
                self.pause(PAUSE_S)
            self.lost += 1
            if self.lost >= GIVEN_UP:
                raise NoProcessors(f"its {self.threads} threads got {self.best:.1f} processors at most")

    def keeps(self, found: Sequence[Used]) -> bool:
        """After a round: is it one like the others? It is not where a contestant's threads had much less of the
        processors than in most of its rounds; then it is taken again, as long as that may be."""
        lower = any(
            one.sure and len(self.kept.get(place, ())) >= 3 and one.busy < DROPS * statistics.median(self.kept[place])
            for place, one in enumerate(found)
        )
        if lower and self.retaken < self.most:
            self.retaken += 1
            return False
        for place, one in enumerate(found):
            if one.sure:
                self.kept.setdefault(place, []).append(one.busy)
        return True


def measured(call: Callable[[], object]) -> Used:
    """What one call used."""
    before = reading()
    call()
    return used(before, reading())


def told(every: Sequence[Used]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Of a row's samples, what its file says: how busy each kept the processors, where all of them are sure, and its
    switches where any had one."""
    switches = tuple(one.switched or 0 for one in every)
    busy = tuple(one.busy for one in every) if all(one.sure for one in every) else ()
    return busy, switches if any(switches) else ()
