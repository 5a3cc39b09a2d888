"""One sequence, Llama 3.1 8B, H100: at most {llama_8b_bf16_h100_1k} at 1k tokens, {llama_8b_bf16_h100_128k} at 128k

Upper bounds for one sequence: the published bandwidth, over the bytes of weights and KV cache that a decode step reads.
A dash: weights and cache do not fit into the device's memory.

A real engine is slower: no kernel reaches the published bandwidth, and starting kernels, the softmax, norms and
sampling take time of their own. Every weight is read once per step and every cached element once; the cache is bf16. A
bound of 200 tokens/s is a time per output token (TPOT) of at least 5 ms. All rows are limited by bandwidth, so the
bound falls with the context as the cache grows beside the weights. Llama 3 8B and 70B have the shapes of Llama 3.1.

A table of Llama 3.1 8B in bf16 and in 4 bits and of Llama 3.1 70B in 4 bits at four contexts. On an RTX 4090 the 8B
model in 4 bits is bounded by {llama_8b_q4_rtx_4090_1k} at 1k tokens and {llama_8b_q4_rtx_4090_128k} at 128k, on an M4
Max by {llama_8b_q4_m4_max_1k} and {llama_8b_q4_m4_max_128k}. The 70B model in 4 bits is bounded by
{llama_70b_q4_h100_1k} and {llama_70b_q4_h100_128k} on an H100 and by {llama_70b_q4_m4_max_1k} and
{llama_70b_q4_m4_max_128k} on an M4 Max.
"""

from typing import Any

from attnsite.figures.toolkit import axes
from attnsite.figures.toolkit.on_devices import DEVICES, MODELS, OWNED, WEIGHTS, bound, kept, one, speed
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "models_on_devices"
TITLE_COLUMNS = ("H100, at most",)
CONTEXTS = (1024, 8192, 32768, 131072)


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model, weights in OWNED:
        for device, (key, _) in DEVICES.items():
            name = f"{MODELS[model]}_{WEIGHTS[weights]}_{key}"
            rows = {tokens: one(run, model, weights, tokens, device) for tokens in CONTEXTS}
            found |= {f"{name}_{axes.tokens(tokens)}": bound(row) for tokens, row in rows.items()}
            first, last = (rows[tokens].values["decode_tokens_per_second"] for tokens in (CONTEXTS[0], CONTEXTS[-1]))
            found[f"{name}_slower"] = Quantity(first / last, "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for model, weights in OWNED:
        for tokens in CONTEXTS:
            on = {label: one(runs[0], model, weights, tokens, key) for key, (_, label) in DEVICES.items()}
            first = on["H100"]
            rows.append(
                {"model": first.values["name"], "weights": weights, "context length": tokens}
                | {f"{label}, at most": speed(row) for label, row in on.items()}
                | {"KV cache": kept(first), "size of weights": Quantity(first.values["weight_bytes"], "B")}
            )
    return rows
