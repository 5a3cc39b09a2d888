"""GQA, MQA and MLA models need a fraction of the KV cache of most MHA models

KV cache per token of {models_with_a_cache} published models in 16-bit elements, by year. Compare the four kinds of
marks.

Each mark is a model; within a year they stand side by side in the order of their names. MHA caches a key and a value
for each query head, GQA for a group of query heads, MQA for all of them together, and MLA caches one compressed vector
from which all heads rebuild theirs. Every layer is counted as caching every token. The models are a selection, not a
census.

A chart of points over the years {first_year} to {last_year}, from {smallest} to {largest} per token on a logarithmic
scale. Half of the models with full multi-head attention need more than {mha_median}: GPT-3 175B {gpt3_175b}, Llama 2 7B
{llama2_7b}. With grouped heads the median is {gqa_median}, for example {llama3_8b} in Llama 3 8B; with latent attention
{mla_median}, and {deepseek_v3} in DeepSeek-V3; with a single KV head {mqa_median}, and {falcon_7b} in Falcon-7B.
"""

import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "kv_cache"
TITLE_COLUMNS = ("KV cache per token",)
LOOKS = {
    "MHA": style.Look(style.OTHER),
    "GQA": style.Look(style.OURS, symbol="diamond"),
    "MQA": style.Look(style.OURS_2, symbol="triangle-up"),
    "MLA": style.Look(style.OTHER_2, symbol="square"),
}
NAMED = {  # models that text may name, and their values' names
    "GPT-3 175B": "gpt3_175b",
    "Llama 2 7B": "llama2_7b",
    "Llama 2 70B": "llama2_70b",
    "Llama 3 8B": "llama3_8b",
    "Llama 3.1 405B": "llama3_405b",
    "DeepSeek-V2 236B": "deepseek_v2",
    "DeepSeek-V3 671B": "deepseek_v3",
    "Falcon-7B": "falcon_7b",
    "GPT-2 XL (1558M)": "gpt2_xl",
    "T5-11B": "t5_11b",
    "PaLM 540B": "palm_540b",
    "Mistral 7B v0.1": "mistral_7b",
    "Qwen2.5-72B": "qwen2_5_72b",
    "Qwen3-32B": "qwen3_32b",
    "Gemma 3 27B": "gemma3_27b",
    "gpt-oss-120b": "gpt_oss_120b",
}
LABELS = {  # models named in the chart: the label, on which side of its place it ends, and a nudge in pixels
    "T5-11B": ("T5-11B, MHA", "left", (8, 0)),
    "GPT-3 175B": ("GPT-3 175B, MHA", "right", (4, 13)),
    "PaLM 540B": ("PaLM, MQA", "right", (-8, 4)),
    "Falcon-7B": ("Falcon-7B, MQA", "right", (-8, 0)),
}
LED = {  # models among others, named where there is room, at the end of a line: the label, the bytes there, a nudge
    "DeepSeek-V2-Lite 16B": ("DeepSeek, MLA", 6 * 1024, 26),
    "Llama 3.1 405B": ("Llama 3.1 405B, GQA", 5 * 1024**2, 4),
}
RECENT = 2024


def cached(run: Run) -> list[Row]:
    """The models that keep a cache."""
    return [row for row in run.where() if row.values["kv_bytes"]]


def values(run: Run) -> dict[str, Quantity]:
    rows, every = cached(run), run.where()
    size = {row.case["name"]: row.values["kv_bytes"] for row in every}
    recent = [row for row in every if row.case["year"] >= RECENT]
    found = {name: Quantity(size[model], "B") for model, name in NAMED.items() if model in size}
    for row in every:
        if row.case["name"] in NAMED:
            name = NAMED[row.case["name"]]
            found[f"{name}_heads"] = Quantity(row.case["query_heads"], "count")
            found[f"{name}_layers"] = Quantity(row.case["layers"], "count")
            if row.values["kv_bytes_full_context"]:
                found[f"{name}_full_context"] = Quantity(row.values["kv_bytes_full_context"], "B")
            if size["Llama 2 7B"]:
                found[f"{name}_over_llama2_7b"] = Quantity(size[row.case["name"]] / size["Llama 2 7B"], "×")
    for kind in LOOKS:
        of_kind = [row for row in every if row.case["attention"] == kind]
        found[f"{kind.lower()}_models"] = Quantity(len(of_kind), "count")
        found[f"recent_{kind.lower()}_models"] = Quantity(sum(row in recent for row in of_kind), "count")
        if sizes := [row.values["kv_bytes"] for row in of_kind if row.values["kv_bytes"]]:
            found[f"{kind.lower()}_median"] = Quantity(statistics.median(sizes), "B")
    smallest, largest = (pick(row.values["kv_bytes"] for row in rows) for pick in (min, max))
    return found | {
        "models": Quantity(len(every), "count"),
        "models_with_a_cache": Quantity(len(rows), "count"),
        "recent_models": Quantity(len(recent), "count"),
        "single_head_models": Quantity(sum(row.case["query_heads"] == 1 for row in every), "count"),
        "fewest_query_heads": Quantity(min(row.case["query_heads"] for row in every), "count"),
        "heads_wider_than_model": Quantity(sum(r.values["heads_width_over_width"] > 1.01 for r in every), "count"),
        "not_re_read": Quantity(sum(row.case["verified"] != "read" for row in every), "count"),
        "smallest": Quantity(smallest, "B"),
        "largest": Quantity(largest, "B"),
        "range": Quantity(largest / smallest, "×"),
        "first_year": Quantity(min(row.case["year"] for row in rows)),
        "last_year": Quantity(max(row.case["year"] for row in rows)),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "model": row.case["name"],
            "year": row.case["year"],
            "attention": row.case["attention"],
            "KV cache per token": Quantity(row.values["kv_bytes"], "B"),
            "query heads": row.case["query_heads"],
            "KV heads": row.case["kv_heads"],
            "source": row.case["source"],
        }
        for row in cached(runs[0])
    ]


def _places(rows: list[Row]) -> dict[str, float]:
    """Where each model stands: in its year, by name, since any order of size would look like growth within the year."""
    places = {}
    for year in {row.case["year"] for row in rows}:
        models = sorted((row for row in rows if row.case["year"] == year), key=lambda row: row.case["name"].lower())
        for rank, row in enumerate(models):
            places[row.case["name"]] = year + 0.8 * ((rank + 0.5) / len(models) - 0.5)
    return places


def draw(runs: list[Run]) -> go.Figure:
    rows = cached(runs[0])
    places = _places(rows)
    found = [row.case["year"] for row in rows]
    years = range(min(found), max(found) + 1)
    x = axes.Axis("year of publication", years[0] - 0.6, years[-1] + 0.6, tuple(years), tuple(map(str, years)))
    y = axes.log_axis("KV cache per token", [r.values["kv_bytes"] for r in rows], "B", base=2, pad=2)
    on = style.chart(x, y)
    led = [row for row in rows if row.case["name"] in LED]
    for row in led:
        x_at, (_, y_at, _) = places[row.case["name"]], LED[row.case["name"]]
        style.leader(on, [x_at, x_at], [row.values["kv_bytes"], y_at])
    for kind, look in LOOKS.items():
        of_kind = [row for row in rows if row.case["attention"] == kind]
        hover = [
            f"{row.case['name']}, {kind}<br>{Quantity(row.values['kv_bytes'], 'B')} a token<br>"
            f"{row.case['query_heads']} query and {row.case['kv_heads'] or 'no'} KV heads, {row.case['layers']} layers"
            for row in of_kind
        ]  # fmt: skip
        style.points(on, [places[row.case["name"]] for row in of_kind], [row.values["kv_bytes"] for row in of_kind],
                      look, kind, hover)  # fmt: skip
    for row in rows:
        name, kind = row.case["name"], row.case["attention"]
        if name in LABELS:
            label, side, shift = LABELS[name]
            style.note(on, places[name], row.values["kv_bytes"], label, LOOKS[kind].colour, anchor=side, shift=shift)
    for row in led:
        label, y_at, aside = LED[row.case["name"]]
        colour = LOOKS[row.case["attention"]].colour
        style.note(on, places[row.case["name"]], y_at, label, colour, shift=(aside, 0), name="fixed")
    return style.finish(on, runs[0])
