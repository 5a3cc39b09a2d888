"""At equal weights and their best rates, the deepest model of one head ends {one_head_gap_pre} behind the shallow one

Decoders of equal weights, and one that is larger, with the norm before or after the sublayer, each at the rate of those
tried at which its median loss was least.

Compare rows of one norm. The loss is in nats a byte of held-out text, the median over the seeds, and a run that
diverged has none. The largest norm of a gradient is over all steps, before clipping. Parameters count LayerNorm's
gains and biases, which grow with the layers; weights are those in matrices. The time is that of a whole training step,
the median over rates and seeds.

A table of {models} models. At its best rate the deepest model with one head reaches {deep_one_head_pre_best} with the
norm before and {deep_one_head_post_best} with it after, the shallow one {shallow_pre_best} and {shallow_post_best}.
"""

import statistics
from typing import Any

from attnsite.figures import _depth, _losses, _measured
from attnsite.figures._depth import EXPERIMENT as EXPERIMENT
from attnsite.quantity import Quantity
from attnsite.results import Row, Run

TITLE_COLUMNS = ("loss per byte",)


def values(run: Run) -> dict[str, Quantity]:
    named = _depth.shapes(run)
    found: dict[str, Quantity] = {
        "models": Quantity(2 * len(named), "count"),
        "runs": Quantity(len(run.where()), "count"),
        "seeds": Quantity(len({row.seed for row in run.where()}), "count"),
        "steps": Quantity(run.where()[0].case["steps"], "count"),
        "diverged": Quantity(sum(row.values["diverged_at"] is not None for row in run.where()), "count"),
        "largest_norm": Quantity(max(row.values["largest_norm"] for row in run.where())),
    }
    for role, shape in named.items():
        found[f"{role}_weights"] = Quantity(shape.rows(run)[0].values["weights"], "count")
        found[f"{role}_parameters"] = Quantity(shape.rows(run)[0].values["parameters"], "count")
        for norm in _depth.NORMS:
            rate, found[f"{role}_{norm}_best"] = _depth.best(run, shape, norm)
            found[f"{role}_{norm}_best_rate"] = Quantity(rate, digits=1)
            for name, tried in _depth.rates(run).items():
                loss = _depth.loss(shape.rows(run, norm=norm, rate=tried))
                if loss is not None:
                    found[f"{role}_{norm}_{name}"] = loss
    for role in named:
        for kind in ("weights", "parameters"):
            ratio = found[f"{role}_{kind}"].value / found[f"shallow_{kind}"].value
            found[f"{role}_{kind}_ratio"] = Quantity(ratio, "×")
        for norm in _depth.NORMS:
            rows = named[role].rows(run, norm=norm)
            step, longer = _depth.step(rows), _depth.steps_over(rows, named["shallow"].rows(run, norm=norm))
            if step and longer:
                found |= {f"{role}_{norm}_step": step, f"{role}_{norm}_step_ratio": longer}
    for norm in _depth.NORMS:
        found |= {f"{name}_{norm}": gap for name, gap in _gaps(run, named, norm).items()}
    return found


def _gaps(run: Run, named: dict[str, _depth.Shape], norm: str) -> dict[str, Quantity]:
    """By how much models differ at their best rates, seed by seed."""
    pairs = {
        "one_head_gap": ("deep_one_head", "shallow"),
        "one_head_alone_gap": ("shallow_one_head", "shallow"),
        "heads_at_depth_gap": ("deep_narrow", "deep_one_head"),
        "more_heads_at_depth_gap": ("deep_larger", "deep_one_head"),
        "larger_gap": ("deep_larger", "shallow"),
    }
    found = {}
    for name, (one, other) in pairs.items():
        if one in named and other in named:
            gaps = _losses.gaps(*(at_best_rate(run, named[role], norm) for role in (one, other)))
            if gaps:
                found[name] = _measured.quartiles(gaps, _depth.NATS)
    return found


def at_best_rate(run: Run, shape: _depth.Shape, norm: str) -> list[Row]:
    """The runs at the best rate that did not diverge; there is one, or the rate would not be the best."""
    rate, _ = _depth.best(run, shape, norm)
    return _losses.trained(shape.rows(run, norm=norm, rate=rate))


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        for shape in _depth.shapes(run).values():
            for norm, words in _depth.NORMS.items():
                rows = shape.rows(run, norm=norm)
                rate, loss = _depth.best(run, shape, norm)
                lines.append({
                    "machine": run.machine, "layers × heads": shape.label, "head dim": shape.head_width,
                    "weights": Quantity(rows[0].values["weights"], "count"),
                    "parameters": Quantity(rows[0].values["parameters"], "count"),
                    "norm": words.removeprefix("norm "), "best rate": rate, "loss per byte": loss,
                    "largest gradient norm":
                        Quantity(statistics.median(row.values["largest_norm"] for row in rows)),
                    "time per step": _depth.step(rows),
                    "runs that learned nothing": sum(map(_depth.nothing, rows)), "runs": len(rows),
                })  # fmt: skip
    return lines
