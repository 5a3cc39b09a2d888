"""How much of the processors a control group of Linux grants, and how often it was stopped: `docker --cpus=0.5`.

A process may see all cores of a machine and be let run for a part of each tenth of a second only. Nothing but the
group's own files says so; both versions of control groups are read. Standard library only, so that `doctor` can ask.
"""

import math
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("cpu,cpuacct", "cpu", "cpuacct,cpu")  # folders of version 1


def processors() -> float | None:
    """The processors' worth of time that may be used, such as 0.5; None where there is no limit, or no such group."""
    granted = [quota for folder in _folders() if (quota := _quota(folder)) is not None]
    return min(granted, default=None)


def most_threads(count: int) -> int:
    """`count` threads, or as many as the quota keeps busy: more would be stopped together, in the middle of work."""
    quota = processors()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def periods() -> tuple[int, int] | None:
    """Periods so far in which the group was stopped, and all periods; None where no group has a quota."""
    limited = [folder for folder in _folders() if _quota(folder) is not None]
    if not limited:
        return None
    found = [dict(line.split()[:2] for line in _lines(folder / "cpu.stat")) for folder in limited]
    counts = [(int(stat.get("nr_throttled", 0)), int(stat.get("nr_periods", 0))) for stat in found]
    return max(counts)


def stopped(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float | None:
    """The share of the periods between two `periods` in which the group was stopped; None where there is no quota."""
    if before is None or after is None:
        return None
    return max(0, after[0] - before[0]) / max(1, after[1] - before[1])


def _folders() -> Iterator[Path]:
    """The group's folder and those above it: each may have a limit. In a container the own folder may be hidden."""
    for line in _lines(GROUPS):
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            roots = [MOUNT, MOUNT / "unified"]
        elif "cpu" in controllers.split(","):
            roots = [MOUNT / name for name in _CONTROLLERS]
        else:
            continue
        place = Path(path.lstrip("/"))
        for root in roots:
            yield from (root / folder for folder in (place, *place.parents) if ".." not in folder.parts)


def _quota(folder: Path) -> float | None:
    words = " ".join(_lines(folder / "cpu.max")).split()
    if not words:
        words = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
    if len(words) != 2 or not words[0].isdigit() or not words[1].isdigit():  # "max", or −1: no limit
        return None
    return int(words[0]) / int(words[1]) if int(words[0]) and int(words[1]) else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
