"""With one thread block per head, a GPU fills only with as many heads as multiprocessors

Prefill throughput against the number of heads, for one kernel launched with one thread block per head ("per head") or
per stretch of queries ("tiled").

A thread block runs on one multiprocessor. With one block per head the curve climbs until every multiprocessor has a
head; splitting the queries fills the GPU from the first heads on. All heads have one dimension and all prefills one
length. The dotted line stands at the number of multiprocessors, where the run says it.

A chart of throughput against heads, both on logarithmic axes. With {fewest_heads} head, splitting the queries is
{gain_fewest} as fast as one block per head; with {most_heads} heads it is {gain_most}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, gpu, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "blocks_by_heads"
TITLE_COLUMNS = ("time per call",)
ONE_BLOCK, SPLIT = "cuda_per_head", "cuda_tiled"


def pairs(run: Run) -> list[tuple[Row, Row]]:
    """One block a head, and the queries split, for each number of heads that has both."""
    rows = gpu.measured(run, ONE_BLOCK)
    split = {row.case["heads"]: row for row in rows if row.kernel == SPLIT}
    found = [(row, split[row.case["heads"]]) for row in rows if row.kernel == ONE_BLOCK and row.case["heads"] in split]
    if not found:
        raise LookupError("not measured yet on this machine: one block a head beside several")
    return sorted(found, key=lambda pair: pair[0].case["heads"])


def values(run: Run) -> dict[str, Quantity]:
    both = pairs(run)
    (fewest, fewest_split), (most, most_split) = both[0], both[-1]
    found = {
        "width": Quantity(most.case["dim"], "count"),
        "tokens": Quantity(most.case["queries"], "count"),
        "fewest_heads": Quantity(fewest.case["heads"], "count"),
        "most_heads": Quantity(most.case["heads"], "count"),
        "gain_fewest": measured_rows.ratio(fewest, fewest_split),
        "gain_most": measured_rows.ratio(most, most_split),
        "growth_one_block": measured_rows.ratio(fewest, most) if most is not fewest else Quantity(1, "×"),
    }
    count = run.provenance.machine.get(gpu.MULTIPROCESSORS)
    return found | ({"multiprocessors": Quantity(count, "count")} if count else {})


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"heads": "heads", "dim": "head dim", "queries": "tokens"})


def draw(runs: list[Run]) -> go.Figure:
    pairs(runs[0])
    rows = gpu.measured(runs[0], ONE_BLOCK)
    rates = [gpu.rate(row).value for row in rows]
    x = axes.cases_axis("heads", {row.case["heads"] for row in rows}, "count")
    y = axes.log_axis("throughput (FLOP/s)", rates, "FLOP/s")
    on = style.chart(x, y)
    count = runs[0].provenance.machine.get(gpu.MULTIPROCESSORS)
    if count and x.low < count < x.high:
        style.reference(on, [count, count], [y.low, y.high], f"{count} multiprocessors")
        style.note(on, count, y.low, f"{count} multiprocessors", style.MUTE, above=True, anchor="right", shift=(-6, 6))
    gpu.curves(on, runs[0], rows, "heads", "heads")
    return style.finish(on, runs[0])
