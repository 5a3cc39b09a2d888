"""4-bit Gemma 3 27B on an RTX 4090: {rolled_q4_rtx_4090} tokens fit with rolling buffers, {whole_q4_rtx_4090} without

Gemma 3 27B with rolling buffers in its windowed layers, and with a cache that keeps every token in every layer. The
longest contexts are those that fit beside the weights; a dash means that the weights alone do not.

The cache is bf16. A GB of memory is counted as 10^9 bytes, though cards have GiB: the difference is left to the system
and the engine. It is without activations and an engine's buffers. The bounds of tokens/s are of a decode step over 32k
tokens, from the published bandwidth and the bytes of weights and cache: one for layers that read their window only, one
for a model whose layers all read everything. An engine that keeps the full cache and reads the window only has the
first bound and the second size.

A table of two dtypes of the weights on three devices. At 32k tokens rolling buffers take {rolled_32k} and the full
cache {whole_32k}, at 128k {rolled_128k} and {whole_128k}. With bf16 weights an H100 has room for {rolled_bf16_h100}
tokens with rolling buffers and {whole_bf16_h100} without.
"""

from typing import Any

from attnsite.figures.toolkit import axes
from attnsite.figures.toolkit.on_devices import DEVICES, WEIGHTS, kept, longest, one, speed
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "models_on_devices"
TITLE_COLUMNS = ("device", "longest, rolled", "longest, whole")
MODEL = "gemma-3-27b"
CONTEXT, CONTEXTS = 32768, (8192, 32768, 131072)


def both(run: Run, weights: str, tokens: int, device: str) -> dict[str, Row]:
    kinds = {"rolled": "published", "whole": "no window"}
    return {kind: one(run, MODEL, weights, tokens, device, version) for kind, version in kinds.items()}


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for weights, short in WEIGHTS.items():
        for device, (key, _) in DEVICES.items():
            rows = both(run, weights, CONTEXT, device)
            found |= {f"{kind}_{short}_{key}": Quantity(row.values["longest"], "count") for kind, row in rows.items()}
    for tokens in CONTEXTS:
        rows = both(run, "bf16", tokens, "h100-sxm")
        found |= {f"{kind}_{axes.tokens(tokens)}": kept(row) for kind, row in rows.items()}
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for weights in WEIGHTS:
        for device, (_, label) in DEVICES.items():
            pair = both(runs[0], weights, CONTEXT, device)
            rolled, whole = pair["rolled"], pair["whole"]
            rows.append(
                {"weights": weights, "device": label}
                | {"longest, rolled": longest(rolled), "longest, whole": longest(whole)}
                | {f"KV cache at {axes.tokens(CONTEXT)}, {kind}": kept(row) for kind, row in pair.items()}
                | {"with windows, at most": speed(rolled), "without, at most": speed(whole)}
                | {"size of weights": Quantity(rolled.values["weight_bytes"], "B")}
            )
    return rows
