"""Our kernel against other libraries: who answered each workload, ratios round by round, geometric means."""

import contextlib
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.formulas.attention import Attention
from attnsite.records.participant import parse_participant
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

MASKS = {False: ("full", style.Look(style.OURS)), True: ("causal", style.Look(style.OTHER, symbol="diamond"))}


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
    """The median and the IQR of the ratios of samples of the same round, taken one right after the other.

    What slows a whole round, such as another program or a processor that runs slower, is in both and cancels.
    """
    return measured_rows.quartiles([a / b for a, b in zip(above.samples, below.samples, strict=False)], "×")


def contests(run: Run, ours: Sequence[str]) -> list[Contest]:
    """The workloads that the first of `ours` with any time has answered, and at least one peer too.

    Raises `LookupError` where there is none.
    """
    ran = run.kernel_names()
    name = next((name for name in ours if name in ran), None)
    found = []
    for row in run.where(name) if name else ():
        same = [r for r in run.where() if r.case == row.case and r.who and r.who.kind == "peer"]
        if same:
            found.append(Contest(row, {str(r.kernel): r for r in same}))
    if not found:
        raise LookupError("not measured yet on this machine: no other library has run beside the kernel")
    return found


def contested(runs: Iterable[Run], ours: Sequence[str]) -> Iterator[tuple[Run, list[Contest]]]:
    """The runs in which another library took part, with their contests; the other machines have no ratios to show."""
    for run in runs:
        with contextlib.suppress(LookupError):
            yield run, contests(run, ours)


def peers(those: Iterable[Contest]) -> list[str]:
    """Every peer that took part somewhere, in alphabetical order."""
    return sorted({name for contest in those for name in contest.peers})


def geomean(leads: Sequence[Quantity]) -> Quantity:
    """The geometric mean of ratios; its bounds are the geometric means of theirs, as if all erred the same way."""
    low = [lead.value if lead.low is None else lead.low for lead in leads]
    high = [lead.value if lead.high is None else lead.high for lead in leads]
    mean = statistics.geometric_mean
    return Quantity(mean([lead.value for lead in leads]), "×", mean(low), mean(high))


def whiskers(on: style.Chart, xs: Sequence[float], leads: Sequence[Quantity], look: style.Look, name: str) -> None:
    """An upright line through each point over the interquartile range of its ratios."""
    held: list[float | None] = []
    reach: list[float | None] = []
    for x, lead in zip(xs, leads, strict=True):
        held += [x, x, None]
        reach += [lead.low, lead.high, None]
    on.figure.add_scatter(
        x=held, y=reach, mode="lines", hoverinfo="skip", name=f"{name}, interquartile range",
        line={"color": style.faint(look.colour, 0.45), "width": 2},
    )  # fmt: skip


def bounds(leads: Iterable[Quantity]) -> list[float]:
    """Every number that an axis of ratios must hold, and 1."""
    return [v for q in leads for v in (q.low, q.value, q.high) if v is not None] + [1.0]


def key(row: Row) -> str:
    """The workload of a row, as something to sort and compare by."""
    return repr(sorted(row.case.items()))


def flops(row: Row, products: int = 2) -> float:
    """The FLOPs of a call of so many matrix products, visible pairs only."""
    case = row.case
    two = Attention(1, case["heads"], case["dim"]).core_flops(case["queries"], case["keys"], case["causal"])
    return float(case["batch"] * two * products / 2)


def summary(those: list[Contest]) -> dict[str, Quantity]:
    """For each mask, geometric means against the fastest and each library by name; the best and the worst shape.

    Raises `LookupError` where a mask was not measured.
    """
    found: dict[str, Quantity] = {}
    for causal, (mask, _) in MASKS.items():
        here = [contest for contest in those if contest.ours.case["causal"] is causal]
        if not here:
            raise LookupError(f"not measured yet on this machine: no shape with the mask “{mask}”")
        found |= _against(here, mask)
    leads = [contest.lead(contest.fastest) for contest in those]
    found |= _against(those, "all")
    found["shapes"] = Quantity(len(those), "count")
    found["lost"] = Quantity(sum(lead.value < 1 for lead in leads), "count")
    found["worst"], found["best"] = (pick(leads, key=lambda lead: lead.value) for pick in (min, max))
    return found


def _against(those: list[Contest], name: str) -> dict[str, Quantity]:
    """Geometric means against the fastest and against each peer by name, and the worst shape with each."""
    found = {f"fastest_{name}": geomean([contest.lead(contest.fastest) for contest in those])}
    for peer in peers(those):
        leads = [contest.lead(peer) for contest in those if peer in contest.peers]
        short = parse_participant(peer).stem
        found[f"{short}_{name}"] = geomean(leads)
        found[f"{short}_{name}_worst"] = min(leads, key=lambda lead: lead.value)
        found[f"{short}_{name}_shapes"] = Quantity(len(leads), "count")
    return found


def table(runs: list[Run], ours: Sequence[str]) -> list[dict[str, Any]]:
    """Every row of every run, with its time over ours at the same shape."""
    lines = measured_rows.table(runs, {"heads": "heads", "dim": "head dim", "queries": "tokens", "causal": "causal"})
    measured = [row for run in runs for row in run.rows if row.takes_part]
    beside = {(run.machine, key(c.ours)): c.ours for run, those in contested(runs, ours) for c in those}
    for line, row in zip(lines, measured, strict=True):
        mine = beside.get((line["machine"], key(row)))
        line["speed-up over it"] = paired(row, mine) if mine and row.samples else None
    return lines


def draw_by_work(run: Run, ours: Sequence[str], products: int) -> go.Figure:
    """The fastest peer's time over ours at every shape, by the FLOPs of a call, with the means of both masks."""
    those = contests(run, ours)
    leads = {id(contest): contest.lead(contest.fastest) for contest in those}
    work = {id(contest): flops(contest.ours, products) / 1e9 for contest in those}
    on = style.chart(
        axes.log_axis("GFLOP of one call", list(work.values()), pad=2),
        axes.log_axis("speed-up over the fastest library", bounds(leads.values()), "×"),
    )
    style.reference(on, [on.x.low, on.x.high], [1, 1], "equal", end=True, dash="solid", colour=style.INK)
    for causal, (mask, look) in MASKS.items():
        here = [contest for contest in those if contest.ours.case["causal"] is causal]
        if not here:
            continue
        shown, xs = [leads[id(contest)] for contest in here], [work[id(contest)] for contest in here]
        hover = [
            f"{contest.describe()}<br>{lead} as fast as {style.call(contest.fastest)}<br>IQR {lead.spread()}"
            for contest, lead in zip(here, shown, strict=True)
        ]
        whiskers(on, xs, shown, look, mask)
        style.points(on, xs, [lead.value for lead in shown], look, mask, hover, size=9)
        mean = geomean(shown)
        style.reference(on, [on.x.low, on.x.high], [mean.value] * 2, f"{mask} {mean}", end=True, colour=look.colour)
    return style.finish(on, run)
