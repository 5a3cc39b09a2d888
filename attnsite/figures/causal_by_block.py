"""A causal mask comes near to halving the time only where blocks are small beside the prompt

The time without a mask over the time with a causal one, by the length of the prompt, for one kernel that leaves out
hidden blocks of several sizes, or none. See how each line keeps to its formula, and which one stays at 1.

A dotted line is the ratio of the pairs of query and key that are computed, 2 N / (N + b), where b is the larger side of
a block. What the mask hides inside a block that is computed is thrown away afterwards. The kernel, its tiles and its
products are the same everywhere; only what it leaves out varies. Bands pair the farthest quartiles of both times; the
lower axis is logarithmic.

A chart of four lines over prompts from {shortest} to {longest} tokens. At {longest} tokens blocks of 32 queries by 8
keys reach {fine_longest}, blocks of 128 {medium_longest}, blocks of 512 {coarse_longest}; at 512 tokens the three are
at {fine_at_512}, {medium_at_512} and {coarse_at_512}. A mask applied after computing is at {mask_longest}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import _axes, _blocks, _measured, _peers, _style
from attnsite.quantity import Quantity
from attnsite.results import Row, Run

EXPERIMENT = "causal_by_block"
TITLE_COLUMNS = ("gain of the mask",)
KERNEL = "control_masked"
KINDS = {  # blocks: the value's name, the label, the look
    (32, 8): ("fine", "32 × 8 blocks", _style.Look(_style.OURS)),
    (128, 128): ("medium", "128 × 128", _style.Look(_style.OURS_2, symbol="diamond")),
    (512, 512): ("coarse", "512 × 512", _style.Look(_style.OTHER_2, symbol="triangle-up")),
    None: ("mask", "mask afterwards", _style.Look(_style.OTHER, symbol="square")),
}
Kind = tuple[int, int] | None


def _kind(row: Row) -> Kind:
    blocks = (row.case.get("variant") or {}).get("blocks")
    return (blocks[0], blocks[1]) if blocks else None


def gains(run: Run) -> dict[Kind, dict[int, Quantity]]:
    """By blocks and length: the time without a mask over the time with one, of the same kernel and variant."""
    times = {(_kind(row), row.case["queries"], row.case["causal"]): row for row in run.where(KERNEL) if row.samples}
    found: dict[Kind, dict[int, Quantity]] = {}
    for kind in KINDS:
        lengths = sorted({n for k, n, causal in times if k == kind and causal and (kind, n, False) in times})
        if not lengths:
            raise LookupError("not measured yet on this machine: prompts with a causal mask and without")
        found[kind] = {n: _measured.ratio(times[kind, n, False], times[kind, n, True]) for n in lengths}
    return found


def expected(kind: Kind, tokens: int) -> float:
    """The ratio of the pairs computed."""
    return _blocks.gain(tokens, *kind) if kind else 1.0


def values(run: Run) -> dict[str, Quantity]:
    found = gains(run)
    lengths = list(found[None])
    longest = lengths[-1]
    named = {
        "shortest": Quantity(lengths[0], "count"),
        "longest": Quantity(longest, "count"),
        "mask_most": max(found[None].values(), key=lambda q: q.value),
        "mask_least": min(found[None].values(), key=lambda q: q.value),
    }
    for kind, (name, _, _) in KINDS.items():
        named[f"{name}_longest"] = found[kind][longest]
        named |= {f"{name}_at_{n}": q for n, q in found[kind].items()}
        named[f"{name}_expected_longest"] = Quantity(expected(kind, longest), "×")
        named |= {f"{name}_expected_at_{n}": Quantity(expected(kind, n), "×") for n in lengths}
    off = [
        abs(q.value / expected(kind, n) - 1)
        for kind, those in found.items()
        for n, q in those.items()
        if kind and n >= 512
    ]
    for n in lengths:  # in the same rounds, so that what slows a whole round is in both
        masked = {_kind(row): row for row in run.where(KERNEL, queries=n, causal=True)}
        for kind, (name, _, _) in KINDS.items():
            if kind:
                named[f"mask_over_{name}_at_{n}"] = _peers.paired(masked[None], masked[kind])
    return named | {
        "farthest": Quantity(max(off), "%"),
        **{f"mask_over_{name}": named[f"mask_over_{name}_at_{longest}"] for name in ("fine", "medium", "coarse")},
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "machine": run.machine,
            "blocks left out": f"{kind[0]} × {kind[1]}" if kind else "none, mask afterwards",
            "tokens": n,
            "gain of the mask": gain,
            "pairs in all / computed": Quantity(expected(kind, n), "×"),
        }
        for run in runs
        for kind, those in gains(run).items()
        for n, gain in those.items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    found = gains(runs[0])
    lengths = list(found[None])
    on = _style.chart(
        _axes.cases_axis("tokens of the prompt", lengths, "tokens"),
        _axes.linear_axis("time without the mask / with it (ratio)", [*_peers.bounds(
            q for those in found.values() for q in those.values()), 2.0], "×", zero=False, pad=0.06),
    )  # fmt: skip
    _style.reference(on, [on.x.low, on.x.high], [2, 2], "half the time", at=0.12, above=True)
    for kind, (_, label, look) in KINDS.items():
        if kind:
            _style.reference(on, lengths, [expected(kind, n) for n in lengths], f"{label}, counted", colour=look.colour)
        gained = list(found[kind].values())
        _style.line(
            on, lengths, [q.value for q in gained], look, label,
            low=[q.low or q.value for q in gained], high=[q.high or q.value for q in gained],
            hover=[f"{label}, {_axes.tokens(n)} tokens: {q}<br>counted {Quantity(expected(kind, n), '×')}"
                   for n, q in found[kind].items()],
        )  # fmt: skip
    return _style.finish(on, runs[0])
