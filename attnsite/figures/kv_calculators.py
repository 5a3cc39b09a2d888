"""In most GQA models since {since}, using the hidden size gives {width_low} to {width_high} times the cache

How far each common mistake is from the right KV cache per token, for {models} published models; one mark is a model for
which the mistake matters. Few marks of the first row lie near 1.

First rows: the hidden size, or all query heads, where only the KV heads are cached. Then the head dimension as hidden
size over heads, although the configuration names another. Then a further factor for the heads, with four bits per
element, as one calculator had it, and one head instead of all. Then MLA as if every head cached its keys and values, or
as if there were two latents and no rotary key. Then windowed layers counted as full at the model's longest context, or
left out although they fill first. Last, four bytes per element, and keys without values. Marks at one place are spread
a little so that they can be told apart; a grey mark stands for all models.

A chart of {mistakes} rows of marks on a logarithmic axis. Of {grouped} models from {since} on with shared KV heads, the
hidden size gives between {width_low} and {width_high} times the cache in {width_between}; the median of all models for
which it is wrong is {width_median} and the most {width_most}. Taking latent attention for full heads gives
{mla_as_mha_most} for DeepSeek-V3, and counting windows as full up to {windows_as_full_most}.
"""

import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.kv_cache import LOOKS, NAMED
from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "kv_calculators"
TITLE_COLUMNS = ("right, per token", "hidden size for KV heads")
MISTAKES = {
    "width": "hidden size for KV heads",
    "query_heads": "query heads for KV heads",
    "width_over_heads": "head_dim by division",
    "extra_heads": "heads twice, 4 bits",
    "one_head": "one head only",
    "mla_as_mha": "MLA kept as MHA",
    "mla_two_latents": "MLA, two latents",
    "windows_as_full": "windows taken as full",
    "windows_left_out": "windowed layers left out",
    "float32": "four bytes, not two",
    "keys_only": "keys without values",
}
SINCE, LOW, HIGH = 2023, 4, 8


def ratios(run: Run, mistake: str) -> list[tuple[float, Row]]:
    """(wrong over right, row) of the models that the mistake concerns, the smallest first."""
    found = [(row.values["ratios"][mistake], row) for row in run.where() if row.values["ratios"][mistake]]
    return sorted(found, key=lambda pair: (pair[0], pair[1].case["name"]))


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for mistake in MISTAKES:
        sizes = [size for size, _ in ratios(run, mistake)]
        found |= {
            f"{mistake}_models": Quantity(len(sizes), "count"),
            f"{mistake}_least": Quantity(sizes[0], "×"),
            f"{mistake}_median": Quantity(statistics.median(sizes), "×"),
            f"{mistake}_most": Quantity(sizes[-1], "×"),
        }
    for row in run.where():
        if row.case["name"] in NAMED:
            name = NAMED[row.case["name"]]
            found[name] = Quantity(row.values["bytes"], "B")
            found |= {f"{name}_{m}": Quantity(r, "×") for m, r in row.values["ratios"].items() if r}
            found |= {f"{name}_as_{m}": Quantity(b, "B") for m, b in row.values["wrong"].items() if b}
            for n, size in row.values["by_context"].items():
                found[f"{name}_at_{axes.tokens(int(n))}"] = Quantity(size, "B")
            if row.values["bytes_a_source_token"]:
                found[f"{name}_a_source_token"] = Quantity(row.values["bytes_a_source_token"], "B")
    grouped = [r for r in run.where() if r.case["year"] >= SINCE and r.case["attention"] in ("GQA", "MQA")]
    width = [row.values["ratios"]["width"] or 1 for row in grouped]
    apart = [r for r in run.where() if r.values["ratios"]["width_over_heads"]]
    return found | {
        "models": Quantity(len(run.where()), "count"),
        "mistakes": Quantity(len(MISTAKES), "count"),
        "windowed_models": Quantity(sum(row.case["window"] > 0 for row in run.where()), "count"),
        "grouped": Quantity(len(grouped), "count"),
        "since": Quantity(SINCE, "1"),
        "width_low": Quantity(LOW, "1"),
        "width_high": Quantity(HIGH, "1"),
        "width_between": Quantity(sum(LOW <= ratio <= HIGH for ratio in width), "count"),
        "width_more": Quantity(sum(ratio > HIGH for ratio in width), "count"),
        "width_over_heads_recent": Quantity(sum(row.case["year"] >= SINCE for row in apart), "count"),
        "width_over_heads_low": Quantity(min(r.values["ratios"]["width_over_heads"] for r in apart if
                                             r.case["year"] >= SINCE), "×"),
        "width_over_heads_high": Quantity(max(r.values["ratios"]["width_over_heads"] for r in apart if
                                              r.case["year"] >= SINCE), "×"),
    }  # fmt: skip


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "model": row.case["name"],
            "attention": row.case["attention"],
            "right, per token": Quantity(row.values["bytes"], "B"),
        }
        | {
            label: Quantity(row.values["ratios"][mistake], "×") if row.values["ratios"][mistake] else None
            for mistake, label in MISTAKES.items()
        }
        | {"window": row.case["window"] or None, "windowed layers": row.case["windowed_layers"] or None,
           "source": row.case["shape_source"], "source of the window": row.case["window_source"] or None}
        for row in runs[0].where()
    ]  # fmt: skip


def lanes(sizes: list[float], most: int = 5) -> list[float]:
    """A small shift for each mark, so that equal ones stand above one another: 0, then further and further out."""
    seen: dict[float, int] = {}
    shifts = []
    for size in sizes:
        count = seen[size] = seen.get(size, -1) + 1
        place = count % most
        shifts.append((1 if place % 2 else -1) * ((place + 1) // 2) * 0.14)
    return shifts


def ratio_axis(sizes: list[float]) -> axes.Axis:
    """A log axis whose ticks say what was divided or multiplied: ÷8, 1, ×8."""
    powers = [8**n for n in range(7)]
    low, high = min(sizes) / 1.6, max(sizes) * 1.6
    ticks = {1 / p: f"÷{p}" for p in powers} | {float(p): f"×{p}" for p in powers} | {1.0: "1"}
    kept = sorted(tick for tick in ticks if low <= tick <= high)
    texts = tuple(ticks[tick] for tick in kept)
    return axes.Axis("wrong over right (ratio)", low, high, tuple(kept), texts, log=True)


def draw(runs: list[Run]) -> go.Figure:
    places = {mistake: -float(place) for place, mistake in enumerate(MISTAKES)}
    found = {mistake: ratios(runs[0], mistake) for mistake in MISTAKES}
    x = ratio_axis([size for those in found.values() for size, _ in those])
    y = axes.Axis("mistake", min(places.values()) - 0.6, 1.4, tuple(places.values()), tuple(MISTAKES.values()))
    on = style.chart(x, y)
    style.reference(on, [1, 1], [y.low, 0.6], "right", dash="solid")
    for bound in (LOW, HIGH):
        style.reference(on, [bound, bound], [-1.5, 0.6], f"×{bound}")
    alike = [m for m in MISTAKES if len(found[m]) == len(runs[0].where()) and found[m][0][0] == found[m][-1][0]]
    for kind, look in LOOKS.items():
        xs, ys, hover = [], [], []
        for mistake in (m for m in MISTAKES if m not in alike):
            shifts = lanes([size for size, _ in found[mistake]])
            for (size, row), shift in zip(found[mistake], shifts, strict=True):
                if row.case["attention"] == kind:
                    xs.append(size)
                    ys.append(places[mistake] + shift)
                    right = f"{Quantity(size, '×')} of {Quantity(row.values['bytes'], 'B')} per token"
                    hover.append(f"{row.case['name']}, {kind}<br>{MISTAKES[mistake]}: {right}")
        style.points(on, xs, ys, look, kind, hover, size=6)
    for mistake in alike:
        size = found[mistake][0][0]
        text = f"all models<br>{MISTAKES[mistake]}: {Quantity(size, '×')}"
        style.points(on, [size], [places[mistake]], style.Look(style.MUTE), MISTAKES[mistake], [text])
    for place, (kind, look) in zip((0.03, 0.28, 0.53, 0.78), LOOKS.items(), strict=True):
        style.points(on, [x.value_at(place)], [1.0], look, f"{kind}, key", [kind])
        style.note(on, x.value_at(place), 1.0, kind, look.colour, anchor="left", shift=(7, 0))
    return style.finish(on, runs[0])
