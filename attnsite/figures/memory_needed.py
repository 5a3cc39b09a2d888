"""Llama 3.1 8B in bf16 needs {llama_8b_bf16_total_32k} with 32k tokens, the 70B model {llama_70b_bf16_total_32k}

Memory of weights, bf16 KV cache and one chunk of prefill, for one sequence of 32k tokens and for 32 of them, and how
many H100s with 80 GB hold it.

Activations are those of 8192 tokens that are computed at once: the input and output of a layer and both halves of its
gated MLP, in 16 bits. An engine holds more than that. q4_0 is llama.cpp's format of 4.5 bits per weight. The number of
H100s is a power of two that divides the heads, with weights shared evenly and KV heads as far as they go; memory is
counted in units of 10^9 bytes.

A table of six models with bf16 and with 4-bit weights. Llama 3.1 8B in bf16 has {llama_8b_bf16_weights} of
weights, {llama_8b_bf16_kv_32k} of cache at 32k tokens and {llama_8b_bf16_activations} of activations. 32 sequences of
the 70B model need {llama_70b_bf16_batch_kv_32k} of cache and {llama_70b_bf16_batch_devices} H100s.
"""

from typing import Any

from attnsite.figures.toolkit import axes, measured_rows
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "memory_needed"
TITLE_COLUMNS = ("memory in all",)
SHORT = {
    "llama-3.1-8b": "llama_8b", "qwen3-32b": "qwen_32b", "qwen3-30b-a3b": "qwen_30b", "llama-3.1-70b": "llama_70b",
    "gemma-3-27b": "gemma_27b", "deepseek-v3": "deepseek",
}  # fmt: skip
WEIGHTS = {"bf16": "bf16", "q4_0": "q4"}
CONTEXT, BATCH = 32768, 32


def one(run: Run, model: str, weights: str, tokens: int, batch: int = 1) -> Row:
    """Raises `LookupError` with a sentence where it has not been counted."""
    case = {"model": model, "weights": weights, "tokens": tokens, "batch": batch}
    return measured_rows.counted(run, f"{model} at {tokens} tokens", **case)


def total(row: Row) -> Quantity:
    return Quantity(sum(row.values[part] for part in ("weight_bytes", "kv_bytes", "activation_bytes")), "B")


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    contexts = sorted({row.case["tokens"] for row in run.where()})
    for model, short in SHORT.items():
        for weights, kind in WEIGHTS.items():
            name = f"{short}_{kind}"
            for tokens in contexts:
                row, many, at = (
                    one(run, model, weights, tokens),
                    one(run, model, weights, tokens, BATCH),
                    axes.tokens(tokens),
                )
                found |= {
                    f"{name}_kv_{at}": Quantity(row.values["kv_bytes"], "B"),
                    f"{name}_batch_kv_{at}": Quantity(many.values["kv_bytes"], "B"),
                    f"{name}_total_{at}": total(row),
                    f"{name}_batch_total_{at}": total(many),
                    f"{name}_kv_share_{at}": Quantity(row.values["kv_bytes"] / total(row).value, "%"),
                    f"{name}_batch_kv_share_{at}": Quantity(many.values["kv_bytes"] / total(many).value, "%"),
                }
            row, many = one(run, model, weights, CONTEXT), one(run, model, weights, CONTEXT, BATCH)
            found |= {
                f"{name}_weights": Quantity(row.values["weight_bytes"], "B"),
                f"{name}_activations": Quantity(row.values["activation_bytes"], "B"),
                f"{name}_per_token": Quantity(row.values["kv_bytes_per_token"], "B"),
                f"{name}_page_waste": Quantity(row.values["page_waste"], "B"),
            }
            for key, held in (("devices", row), ("batch_devices", many)):
                if held.values["devices"]:
                    found[f"{name}_{key}"] = Quantity(held.values["devices"], "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for model in SHORT:
        for weights in WEIGHTS:
            if (model, weights) == ("deepseek-v3", "bf16"):  # which nobody serves: it was published in fp8
                continue
            row, many = one(runs[0], model, weights, CONTEXT), one(runs[0], model, weights, CONTEXT, BATCH)
            lines.append(
                {"model": row.values["name"], "weights": weights, "memory in all": total(row)}
                | {"H100s": row.values["devices"], f"H100s, {BATCH} sequences": many.values["devices"]}
                | {"size of weights": Quantity(row.values["weight_bytes"], "B")}
                | {"KV cache": Quantity(row.values["kv_bytes"], "B")}
                | {f"KV cache, {BATCH} sequences": Quantity(many.values["kv_bytes"], "B")}
                | {"activations": Quantity(row.values["activation_bytes"], "B")}
            )
    return lines
