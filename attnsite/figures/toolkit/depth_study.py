"""What the figures about deep and shallow models share: the shapes of that study by name, and its runs' losses."""

import functools
import math
import statistics
from typing import Any, NamedTuple

from attnsite.figures.toolkit import measured_rows, style
from attnsite.models import baselines
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "depth_with_one_head"
NORMS = {"pre": "pre-norm", "post": "post-norm"}
NATS = "nats"
FAILED = "runs within 0.05 nats of the unigram baseline"  # a column of tables
MARGIN = 0.05  # nats: a run that ends as near to the loss without context has learned nothing from it
LENGTH, BATCH = 64, 8  # of the study's sequences, and of those that are validated together
APART = 0.02  # of what tokens have: more than that, and they are not all alike
LOOKS = {
    "shallow": style.Look(style.OURS_2),
    "shallow_one_head": style.Look(style.OURS_2, "dot"),
    "between": style.Look(style.OURS),
    "deep_one_head": style.Look(style.OTHER),
    "deep_narrow": style.Look(style.OTHER, "dot"),
    "deep_larger": style.Look(style.OTHER_2),
}


class Shape(NamedTuple):
    """A decoder's layers and heads, and what part it has in the comparison."""

    layers: int
    heads: int
    head_width: int
    mlp: int
    role: str

    @property
    def label(self) -> str:
        """Layers × heads a layer, and how the heads differ from those of the other shapes."""
        kind = {"deep_narrow": " narrow", "deep_larger": " larger", "shallow_one_head": " wide"}.get(self.role, "")
        return f"{self.layers}\u00a0×\u00a0{self.heads}{kind}"

    def rows(self, run: Run, **case: Any) -> list[Row]:
        return run.where(layers=self.layers, heads=self.heads, head_width=self.head_width, mlp=self.mlp, **case)


def shapes(run: Run) -> dict[str, Shape]:
    """The shapes of a run by role, the shallow ones first. Raises LookupError where there are not two depths."""
    rows = run.where()
    depths = sorted({row.case["layers"] for row in rows})
    if len(depths) < 2:
        raise LookupError("not measured yet on this machine: models of two depths")
    least = min(row.values["weights"] for row in rows)
    found = {}
    for row in rows:
        case = row.case
        end = {depths[0]: "shallow", depths[-1]: "deep"}.get(case["layers"], "between")
        role = end
        if end == "shallow" and case["heads"] == 1:
            role = "shallow_one_head"
        elif end == "deep":
            many = "deep_larger" if row.values["weights"] > least else "deep_narrow"
            role = "deep_one_head" if case["heads"] == 1 else many
        found[role] = Shape(case["layers"], case["heads"], case["head_width"], case["mlp"], role)
    return {role: found[role] for role in LOOKS if role in found}


def rates(run: Run) -> dict[str, float]:
    """The lowest, the middle and the highest rate; one and the same where there was one."""
    seen = sorted({row.case["rate"] for row in run.where()})
    return {"low": seen[0], "middle": seen[len(seen) // 2], "high": seen[-1]}


def loss(rows: list[Row]) -> Quantity | None:
    """The last validation loss in nats a byte, the median over the seeds that did not diverge; None if all did."""
    seen = [row.values["validation"] for row in rows if math.isfinite(row.values["validation"])]
    return measured_rows.quartiles(seen, NATS) if seen else None


def without_context(run: Run) -> float:
    """The loss of a model that knows how frequent each byte is and nothing else, on the sequences of the validation."""
    return _baseline(run.where()[0].case["held_out"])


@functools.cache
def _baseline(sequences: int) -> float:
    return round(baselines.frequencies(baselines.validated(LENGTH, BATCH, sequences)), 3)


def nothing(row: Row) -> bool:
    """Whether a run diverged, or ended with no better loss than the frequencies of the bytes give."""
    return not row.values["validation"] < _baseline(row.case["held_out"]) - MARGIN


def late(row: Row) -> bool:
    """Whether a run has not even come down to what the frequencies of the bytes give."""
    return bool(math.isfinite(loss := row.values["validation"]) and loss > _baseline(row.case["held_out"]) + MARGIN)


def stuck(row: Row) -> bool:
    """Whether a run ended at the loss that the frequencies of the bytes give, or diverged."""
    return nothing(row) and not late(row)


def alike(run: Run) -> dict[str, Quantity]:
    """How far the last states of held-out tokens are from all being alike: in runs that learned, in those that ended at
    the loss without context, and in those that had not come down to it."""
    found = {}
    ended = [row for row in run.where() if row.values["diverged_at"] is None]
    groups = {"failed": stuck, "late": late, "learned": lambda row: not nothing(row)}
    for name, belongs in groups.items():
        rows = [row for row in ended if belongs(row)]
        found[f"runs_{name}"] = Quantity(len(rows), "count")
        if rows:
            every = [row.values["residual"] for row in rows]  # after each layer, or before the output alone
            seen = [one[-1] if isinstance(one, list | tuple) else one for one in every]
            found[f"{name}_alike"] = Quantity(-math.log10(statistics.median(seen)), "orders of magnitude", digits=2)
            found[f"{name}_alike_least"], found[f"{name}_alike_most"] = Quantity(min(seen)), Quantity(max(seen))
            found[f"{name}_apart"] = Quantity(sum(one > APART for one in seen), "count")
    return found


def share_of_nothing(rows: list[Row]) -> float:
    """Of these runs. Raises LookupError where there are none."""
    if not rows:
        raise LookupError("not measured yet on this machine: every shape at every rate")
    return statistics.fmean(nothing(row) for row in rows)


def step(rows: list[Row]) -> Quantity | None:
    """The time of a training step, the median over runs; None where a run had no clock."""
    taken = [row.values["seconds"] for row in rows]
    return None if None in taken else measured_rows.quartiles(taken, "s")


def steps_over(rows: list[Row], others: list[Row]) -> Quantity | None:
    """How many times longer the first's steps take, run by run of one rate and seed; None where one had no clock."""
    beside = {(row.case["rate"], row.seed): row.values["seconds"] for row in others}
    at = [(row.values["seconds"], (row.case["rate"], row.seed)) for row in rows]
    pairs = [(mine, beside[which]) for mine, which in at if which in beside]
    if not pairs or any(None in pair for pair in pairs):
        return None
    return measured_rows.quartiles([mine / theirs for mine, theirs in pairs], "×")


def best(run: Run, shape: Shape, norm: str) -> tuple[float, Quantity]:
    """The rate with the least median loss, and that loss."""
    found = {rate: loss(shape.rows(run, norm=norm, rate=rate)) for rate in sorted(set(rates(run).values()))}
    whole = {rate: q for rate, q in found.items() if q is not None}
    if not whole:
        raise LookupError("not measured yet on this machine: a run that did not diverge")
    rate = min(whole, key=lambda rate: whole[rate].value)
    return rate, whole[rate]
