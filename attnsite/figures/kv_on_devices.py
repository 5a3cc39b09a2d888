"""An RTX 4090 fits Llama 3.1 8B in bf16 and {llama_8b_bf16_rtx_4090_longest} tokens of KV cache

The bf16 KV cache of one sequence, and how many tokens of it fit beside the weights on an RTX 4090 with 24 GB, an H100
with 80 GB and a MacBook with an M4 Max and 128 GB. A dash: the weights alone do not fit.

Llama 3 8B and 70B have the shapes of Llama 3.1. q4_0 is llama.cpp's format of 4.5 bits per weight; the cache stays in
bf16. A GB of memory is counted as 10^9 bytes, though cards have GiB: the difference is left to the system and the
engine. Activations, the engine's buffers and what an operating system keeps from a GPU are left out, so that a real
context is shorter. Gemma 3 27B is counted with rolling buffers in its windowed layers, and a longer context then adds
{gemma_27b_per_token} per token. A length beyond the context that a model was trained for says only that memory is not
the limit.

A table of three models, each with bf16 and with 4-bit weights. Llama 3.1 8B keeps {llama_8b_per_token} per token and
{llama_8b_at_128k} at 128k tokens, the 70B model {llama_70b_per_token} and {llama_70b_at_128k}, Gemma 3 27B
{gemma_27b_at_128k}. With 4-bit weights an RTX 4090 holds {llama_8b_q4_rtx_4090_longest} tokens of the 8B model and
{gemma_27b_q4_rtx_4090_longest} of Gemma 3 27B; an H100 holds {llama_70b_q4_h100_longest} of the 70B model.
"""

from typing import Any

from attnsite.figures.toolkit import axes
from attnsite.figures.toolkit.on_devices import DEVICES, MODELS, WEIGHTS, kept, longest, one
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "models_on_devices"
TITLE_COLUMNS = ("tokens that fit: H100", "tokens that fit: RTX 4090")
CONTEXTS = (8192, 32768, 131072)


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model, name in MODELS.items():
        at = {tokens: one(run, model, "bf16", tokens, "h100-sxm") for tokens in (1024, *CONTEXTS)}
        found[f"{name}_per_token"] = Quantity(at[CONTEXTS[0]].values["bytes_per_token"], "B")
        found |= {f"{name}_at_{axes.tokens(tokens)}": kept(row) for tokens, row in at.items()}
        for weights, short in WEIGHTS.items():
            on = {key: one(run, model, weights, CONTEXTS[0], device).values for device, (key, _) in DEVICES.items()}
            found |= {f"{name}_{short}_{key}_longest": Quantity(seen["longest"], "count") for key, seen in on.items()}
            found[f"{name}_{short}_weights"] = Quantity(on["h100"]["weight_bytes"], "B")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for model in MODELS:
        for weights in WEIGHTS:
            first = one(runs[0], model, weights, CONTEXTS[0], "h100-sxm")
            at = {n: kept(one(runs[0], model, weights, n, "h100-sxm")) for n in CONTEXTS}
            on = {label: longest(one(runs[0], model, weights, CONTEXTS[0], key)) for key, (_, label) in DEVICES.items()}
            rows.append(
                {"model": first.values["name"], "weights": weights}
                | {"per token": Quantity(first.values["bytes_per_token"], "B")}
                | {f"at {axes.tokens(tokens)}": size for tokens, size in at.items()}
                | {"size of weights": Quantity(first.values["weight_bytes"], "B")}
                | {f"tokens that fit: {label}": tokens for label, tokens in on.items()}
            )
    return rows
