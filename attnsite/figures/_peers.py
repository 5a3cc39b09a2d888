"""Our kernel against other libraries: who answered each workload, ratios round by round, geometric means."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attnsite.figures import _measured, _style
from attnsite.quantity import Quantity
from attnsite.results import Row, Run


@dataclass(frozen=True)
class Contest:
    """One workload: our row, and those of the peers that ran it, by name."""

    ours: Row
    peers: dict[str, Row]

    def lead(self, peer: str) -> Quantity:
        """The peer's time over ours: above 1 we are faster."""
        return paired(self.peers[peer], self.ours)

    @property
    def fastest(self) -> str:
        return min(self.peers, key=lambda name: self.peers[name].median)

    def describe(self) -> str:
        """The workload, for a hover text."""
        case = self.ours.case
        heads = f"{case['heads']} heads" + (f" on {case['kv_heads']}" if case["kv_heads"] != case["heads"] else "")
        mask = ", causal" if case["causal"] else ""
        return f"{heads} of {case['dim']}, {case['queries']} × {case['keys']}{mask}"


def paired(above: Row, below: Row) -> Quantity:
    """The median and the middle half of the ratios of samples of the same round, taken one right after the other.

    What slows a whole round, such as another program or a processor that runs slower, is in both and cancels.
    """
    return _measured.quartiles([a / b for a, b in zip(above.samples, below.samples, strict=False)], "×")


def contests(run: Run, ours: Sequence[str]) -> list[Contest]:
    """The workloads that the first of `ours` with any time has answered, and at least one peer too.

    Raises `LookupError` where there is none.
    """
    ran = run.kernel_names()
    name = next((name for name in ours if name in ran), None)
    found = []
    for row in run.where(name) if name else ():
        same = [r for r in run.where() if r.case == row.case and (r.kernel or "").startswith("peer_")]
        if same:
            found.append(Contest(row, {str(r.kernel): r for r in same}))
    if not found:
        raise LookupError("not measured yet on this machine: no other library has run beside our kernel")
    return found


def peers(those: Iterable[Contest]) -> list[str]:
    """Every peer that took part somewhere, in alphabetical order."""
    return sorted({name for contest in those for name in contest.peers})


def geomean(leads: Sequence[Quantity]) -> Quantity:
    """The geometric mean of ratios; its bounds are the geometric means of theirs, as if all erred the same way."""
    low = [lead.value if lead.low is None else lead.low for lead in leads]
    high = [lead.value if lead.high is None else lead.high for lead in leads]
    mean = statistics.geometric_mean
    return Quantity(mean([lead.value for lead in leads]), "×", mean(low), mean(high))


def whiskers(on: _style.Chart, xs: Sequence[float], leads: Sequence[Quantity], look: _style.Look, name: str) -> None:
    """An upright line through each point over the middle half of its ratios."""
    held: list[float | None] = []
    reach: list[float | None] = []
    for x, lead in zip(xs, leads, strict=True):
        held += [x, x, None]
        reach += [lead.low, lead.high, None]
    on.figure.add_scatter(
        x=held, y=reach, mode="lines", hoverinfo="skip", name=f"{name}, middle half",
        line={"color": _style.faint(look.colour, 0.45), "width": 2},
    )  # fmt: skip


def bounds(leads: Iterable[Quantity]) -> list[float]:
    """Every number that an axis of ratios must hold, and 1."""
    return [v for q in leads for v in (q.low, q.value, q.high) if v is not None] + [1.0]


def key(row: Row) -> str:
    """The workload of a row, as something to sort and compare by."""
    return repr(sorted(row.case.items()))
