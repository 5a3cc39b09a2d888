"""Weights, cache and FLOPs of {models} published decoders, part by part

One model a row, a single sequence of {tokens} tokens, all numbers of 16 bits. Sort by a column, or search for a name.

Weights are those of projections, MLPs, routers, output layer and embedding, without norms and biases; "used" are those
that a token meets, fewer where it chooses among experts. A dash under MLP means that its width was not looked up, so
that the sums of that row lack it. The step is one new token against the cache; its bytes are the weights, once, what
attention reads, and the new keys and values. Windowed layers keep and read their window only. Models with a context
shorter than {tokens} tokens are counted at their own. Where nobody looked whether embedding and output layer are one
matrix, they are counted as two.

A table of {models} models, {complete} of them with MLP and vocabulary and {mixtures} of those with experts. From the
smallest to the largest complete model the weights go from {least} to {most}; a decoding step does between
{step_least} and {step_most}.
"""

from collections.abc import Mapping
from typing import Any

from attnsite.quantity import Quantity
from attnsite.results import Row, Run

EXPERIMENT = "whole_models"
TITLE_COLUMNS = ("weights", "KV cache", "one step")


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
        "step_least": Quantity(min(steps), "FLOP a byte"),
        "step_most": Quantity(max(steps), "FLOP a byte"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for row in runs[0].where():
        case, seen = row.case, row.values
        step, known = seen["step_flops"], bool(case["mlp_width"])
        lines.append({
            "model": case["name"],
            "weights": Quantity(seen["weights"]["all"], "parameters"),
            "used": Quantity(seen["active_weights"], "parameters"),
            "attention": Quantity(seen["weights"]["attention"], "parameters"),
            "MLP": Quantity(seen["weights"]["mlp"], "parameters") if known else None,
            "output layer": Quantity(seen["weights"]["output"], "parameters") if case["vocabulary"] else None,
            "KV cache per token": Quantity(seen["cache"]["token"], "B"),
            "KV cache": Quantity(seen["cache"]["sequence"], "B"),
            "prompt": Quantity(seen["prompt_flops"]["all"], "FLOP"),
            "one step": Quantity(step["all"], "FLOP"),
            "of it attention": Quantity((step["scores"] + step["values"]) / step["all"], "%"),
            "bytes moved per step": Quantity(seen["step_bytes"]["all"], "B"),
            "FLOP/byte of a step": Quantity(seen["step_intensity"]["all"]),
            "FLOP/byte of its attention": Quantity(seen["step_intensity"]["attention"]),
            "heads from": _source(case, "heads"),
            "other parts from": _source(case, "parts"),
        })  # fmt: skip
    return lines


def _source(case: Mapping[str, Any], part: str) -> str | None:
    source = case[f"{part}_from"]
    return source + ("" if case[f"{part}_read"] == "read" else " (not re-read)") if source else None
