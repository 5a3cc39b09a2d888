"""The fewer queries a call has, the less a causal mask saves; a decode step saves nothing

Speed-up from a causal mask for the last queries of a sequence of {context} tokens, from a single query to all of them.
Dotted: what the number of pairs predicts.

A query at the end of the sequence sees nearly all of it, so there is little to skip. The dotted line is the ratio of
the pairs, 1 / (1 − (c − 1) / 2N) for the last c of N tokens. Bands are the widest ratio of the two quartile ranges; the
lower axis is logarithmic.

A chart of one line over {fewest} to {most} queries. With a single query the mask makes the step {one} as fast. With a
quarter of the sequence it makes the call {quarter} as fast, with half of it {half}, with all of it {all}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, causal_blocks, measured_rows, peers, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "causal_by_chunk"
TITLE_COLUMNS = ("gain of the mask",)
KERNEL = "cpu_simd"
LOOK = style.KERNELS[KERNEL]


def gains(run: Run) -> tuple[int, dict[int, Quantity]]:
    """The context, and by the number of queries the time without a mask over the time with one."""
    times = {(row.case["queries"], row.case["causal"]): row for row in run.where(KERNEL) if row.samples}
    chunks = sorted({n for n, causal in times if causal and (n, False) in times})
    if len(chunks) < 2:
        raise LookupError("not measured yet on this machine: chunks with a causal mask and without")
    context = next(iter(times.values())).case["keys"]
    return context, {n: measured_rows.ratio(times[n, False], times[n, True]) for n in chunks}


def values(run: Run) -> dict[str, Quantity]:
    context, found = gains(run)
    named = {"one": 1, "quarter": context // 4, "half": context // 2, "all": context}
    return {
        "context": Quantity(context, "count"),
        "fewest": Quantity(min(found), "count"),
        "most": Quantity(max(found), "count"),
        **{name: found[n] for name, n in named.items() if n in found},
        **{f"{name}_expected": Quantity(causal_blocks.chunk_gain(n, context), "×") for name, n in named.items()},
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "machine": run.machine,
            "queries": n,
            "keys": context,
            "gain of the mask": gain,
            "pairs in all / seen": Quantity(causal_blocks.chunk_gain(n, context), "×"),
        }
        for run in runs
        for context, found in [gains(run)]
        for n, gain in found.items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    context, found = gains(runs[0])
    chunks, gained = list(found), list(found.values())
    on = style.chart(
        axes.cases_axis(f"query tokens of a call over {axes.tokens(context)} keys", chunks, "tokens"),
        axes.linear_axis("speed-up from the causal mask", [*peers.bounds(gained), 2.0], "×", zero=False),
    )
    steps = [2 ** (k / 4) for k in range(4 * 20) if chunks[0] <= 2 ** (k / 4) <= chunks[-1]]
    curve = [*steps, chunks[-1]]
    style.reference(on, curve, [causal_blocks.chunk_gain(n, context) for n in curve], "counted pairs", dash="dot",
                     colour=style.MUTE)  # fmt: skip
    middle = (chunks[-1] / chunks[0]) ** 0.9 * chunks[0]
    style.note(on, middle, causal_blocks.chunk_gain(middle, context), "dotted: the pairs counted", style.MUTE,
                anchor="right", shift=(-22, 12))  # fmt: skip
    style.line(
        on, chunks, [q.value for q in gained], LOOK, "measured",
        low=[q.low or q.value for q in gained], high=[q.high or q.value for q in gained],
        hover=[f"{n} queries: {q}<br>IQR {q.spread()}" for n, q in found.items()],
    )  # fmt: skip
    style.note(on, chunks[0], 1.0, "decode", style.INK, above=True, anchor="left", shift=(2, 12))
    return style.finish(on, runs[0])
