"""The cache of {models} published decoders, and of {complete} of them weights and FLOPs, part by part

Published models, one per row: one sequence of {tokens} tokens, all elements 16-bit. Sort by a column, or search for a
name.

Weights are those of projections, MLPs, routers, output layer and embedding, without norms and biases; "used" are those
that a token is multiplied with: without an embedding of its own, and of experts the chosen ones. Models whose MLP was
not looked up have their attention and cache alone. The step is one new token against the cache; its bytes are the
weights that it meets, once, what attention reads, and the new keys and values. Windowed layers keep and read their
window only, but for the banded ones of GPT-3, whose width is not known here: they count as full. Models with a context
shorter than {tokens} tokens are counted at their own. Embedding and output layer are counted as two matrices unless a
source says that they are one.

A table of {models} models, {complete} of them with MLP and vocabulary and {mixtures} of those with experts. From the
smallest to the largest complete model the weights go from {least} to {most}; a decoding step does between {step_least}
and {step_most}.
"""

from collections.abc import Mapping
from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "whole_models"
TITLE_COLUMNS = ("parameters", "KV cache")


def _complete(run: Run) -> list[Row]:
    return [row for row in run.where() if row.case["mlp_width"]]


def values(run: Run) -> dict[str, Quantity]:
    whole = _complete(run)
    if not whole:
        raise LookupError("not counted yet")
    sums = [row.values["weights"]["all"] for row in whole]
    steps = [row.values["step_intensity"]["all"] for row in whole]
    return {
        "models": Quantity(len(run.where()), "count"),
        "complete": Quantity(len(whole), "count"),
        "mixtures": Quantity(sum(row.case["experts"] > 0 for row in whole), "count"),
        "tokens": Quantity(max(row.values["tokens"] for row in run.where()), "count"),
        "least": Quantity(min(sums), "parameters"),
        "most": Quantity(max(sums), "parameters"),
        "step_least": Quantity(min(steps), "FLOP/byte"),
        "step_most": Quantity(max(steps), "FLOP/byte"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for row in runs[0].where():
        case, seen = row.case, row.values
        step, known = seen["step_flops"], bool(case["mlp_width"])
        core = (step["scores"] + step["values"]) / step["all"]

        def whole(value: float, unit: str, known: bool = known) -> Quantity | None:
            return Quantity(value, unit) if known else None  # attention alone is no model

        lines.append({
            "model": case["name"],
            "parameters": whole(seen["weights"]["all"], "parameters"),
            "active parameters": whole(seen["active_weights"], "parameters"),
            "attention": Quantity(seen["weights"]["attention"], "parameters"),
            "MLP": whole(seen["weights"]["mlp"], "parameters"),
            "output layer": Quantity(seen["weights"]["output"], "parameters") if case["vocabulary"] else None,
            "KV cache per token": Quantity(seen["cache"]["token"], "B"),
            "KV cache": Quantity(seen["cache"]["sequence"], "B"),
            "prefill FLOPs": whole(seen["prompt_flops"]["all"], "FLOP"),
            "decode step FLOPs": whole(step["all"], "FLOP"),
            "share of QKᵀ and AV in a step": whole(core, "%"),
            "bytes moved per step": whole(seen["step_bytes"]["all"], "B"),
            "FLOP/byte of a step": whole(seen["step_intensity"]["all"], "1"),
            "FLOP/byte of its attention": Quantity(seen["step_intensity"]["attention"]),
            "heads from": _source(case, "heads"),
            "other parts from": _source(case, "parts"),
        })  # fmt: skip
    return lines


def _source(case: Mapping[str, Any], part: str) -> str | None:
    source = case[f"{part}_from"]
    return source + ("" if case[f"{part}_read"] == "read" else " (not re-read)") if source else None
