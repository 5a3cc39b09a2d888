"""After {steps} steps the deepest one-head model is {one_head_gap_pre} behind the shallow one

Decoders of equal parameters, and one larger, with pre-norm or post-norm, each at its best learning rate. Compare rows
of one norm.

The loss is in nats per byte of held-out text, the median over the seeds, and a run that diverged has none. A difference
in the text is one of these medians. The largest norm of a gradient is over all steps, before clipping. Parameters count
LayerNorm's gains and biases, which grow with the layers; weights are those in matrices. The time is that of a whole
training step, the median over rates and seeds.

A table of {models} models. At its best rate the deepest model with one head reaches {deep_one_head_pre_best} with
pre-norm and {deep_one_head_post_best} with post-norm, the shallow one {shallow_pre_best} and {shallow_post_best}.
"""

import statistics
from typing import Any

from attnsite.figures.toolkit import depth_study, last_losses
from attnsite.figures.toolkit.depth_study import EXPERIMENT as EXPERIMENT
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

TITLE_COLUMNS = ("loss per byte", "norm")


def values(run: Run) -> dict[str, Quantity]:
    named = depth_study.shapes(run)
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
        for norm in depth_study.NORMS:
            rate, found[f"{role}_{norm}_best"] = depth_study.best(run, shape, norm)
            found[f"{role}_{norm}_best_rate"] = Quantity(rate, digits=1)
            for name, tried in depth_study.rates(run).items():
                loss = depth_study.loss(shape.rows(run, norm=norm, rate=tried))
                if loss is not None:
                    found[f"{role}_{norm}_{name}"] = loss
    edges = {tried for name, tried in depth_study.rates(run).items() if name != "middle"}
    at_edge = sum(found[f"{role}_{norm}_best_rate"].value in edges for role in named for norm in depth_study.NORMS)
    found["best_at_edge"] = Quantity(at_edge, "count")
    for role in named:
        for kind in ("weights", "parameters"):
            ratio = found[f"{role}_{kind}"].value / found[f"shallow_{kind}"].value
            found[f"{role}_{kind}_ratio"] = Quantity(ratio, "×")
        for norm in depth_study.NORMS:
            rows = named[role].rows(run, norm=norm)
            step, longer = depth_study.step(rows), depth_study.steps_over(rows, named["shallow"].rows(run, norm=norm))
            if step and longer:
                found |= {f"{role}_{norm}_step": step, f"{role}_{norm}_step_ratio": longer}
    for norm in depth_study.NORMS:
        found |= _gaps(run, named, norm)
    return found


def _gaps(run: Run, named: dict[str, depth_study.Shape], norm: str) -> dict[str, Quantity]:
    """By how much models differ, each at the best of the rates tried, and the interval that so few seeds give."""
    pairs = {
        f"one_head_gap_{norm}": ("deep_one_head", "shallow"),
        f"one_head_alone_gap_{norm}": ("shallow_one_head", "shallow"),
        f"heads_at_depth_gap_{norm}": ("deep_narrow", "deep_one_head"),
        f"more_heads_at_depth_gap_{norm}": ("deep_larger", "deep_one_head"),
        f"larger_gap_{norm}": ("deep_larger", "shallow"),
    }
    found: dict[str, Quantity] = {}
    for name, (one, other) in pairs.items():
        if one in named and other in named:
            mine, theirs = (at_best_rate(run, named[role], norm) for role in (one, other))
            found |= last_losses.with_interval(name, mine, theirs)
    return found


def at_best_rate(run: Run, shape: depth_study.Shape, norm: str) -> list[Row]:
    """The runs at the best rate that did not diverge; there is one, or the rate would not be the best."""
    rate, _ = depth_study.best(run, shape, norm)
    return last_losses.trained(shape.rows(run, norm=norm, rate=rate))


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        for shape in depth_study.shapes(run).values():
            for norm, words in depth_study.NORMS.items():
                rows = shape.rows(run, norm=norm)
                rate, loss = depth_study.best(run, shape, norm)
                lines.append({
                    "machine": run.machine, "layers × heads": shape.label, "norm": words, "loss per byte": loss,
                    "best rate": rate, "head dim": shape.head_width,
                    "weights": Quantity(rows[0].values["weights"], "count"),
                    "parameters": Quantity(rows[0].values["parameters"], "count"),
                    "largest gradient norm":
                        Quantity(statistics.median(row.values["largest_norm"] for row in rows)),
                    "time per step": depth_study.step(rows),
                    depth_study.FAILED: sum(map(depth_study.stuck, rows)), "runs": len(rows),
                })  # fmt: skip
    return lines
