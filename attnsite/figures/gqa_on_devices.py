"""GQA raises Llama 3.1 8B's decode bound at 128k on an H100 {llama_8b_h100_decode_128k}, its prefill bound
{llama_8b_h100_prefill_128k}

Llama 3.1 with its own 8 KV heads, against the same model with a KV head for every query head (MHA). Gains are ratios of
upper bounds for one sequence, above 1 faster; the last columns say whether weights and cache fit.

The decode bound is the published bandwidth over the bytes of weights and bf16 cache, the prefill bound the published
peak over the FLOPs; both are of one device, also where its memory is too small. The gain in prefill is that of the
narrower key and value projections alone, and shrinks as attention grows. A dash: no published 16-bit peak is on record
for the M4 Max. The 70B model is counted with 4-bit weights (q4_0), the 8B model with bf16.

A table of Llama 3.1 8B and 70B at 8k and 128k tokens on three devices. At 128k MHA would make the cache of the 8B model
{llama_8b_mha_128k} and not {llama_8b_gqa_128k}, and that of the 70B model {llama_70b_mha_128k} and not
{llama_70b_gqa_128k}. On an H100 the decode bound of the 70B model rises {llama_70b_h100_decode_128k} at 128k tokens and
{llama_70b_h100_decode_8k} at 8k.
"""

from typing import Any

from attnsite.figures.toolkit import axes
from attnsite.figures.toolkit.on_devices import DEVICES, MODELS, fit, gain, kept, one
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "models_on_devices"
TITLE_COLUMNS = ("gain in decode", "gain in prefill")
WEIGHTS = {"llama-3.1-8b": "bf16", "llama-3.1-70b": "q4_0"}
CONTEXTS = (8192, 131072)
BOUNDS = {"decode": "decode_tokens_per_second", "prefill": "prefill_seconds"}


def both(run: Run, model: str, tokens: int, device: str) -> tuple[Row, Row]:
    """With the model's own KV heads, and with one for every query head."""
    own, whole = (one(run, model, WEIGHTS[model], tokens, device, version) for version in ("published", "MHA"))
    return own, whole


def gains(own: Row, whole: Row) -> dict[str, Quantity | None]:
    found = {phase: gain(own, whole, key) for phase, key in BOUNDS.items()}
    return {phase: None if ratio is None else Quantity(ratio, "×") for phase, ratio in found.items()}


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model in WEIGHTS:
        for tokens in CONTEXTS:
            name, at = MODELS[model], axes.tokens(tokens)
            for device, (key, _) in DEVICES.items():
                own, whole = both(run, model, tokens, device)
                found |= {f"{name}_{key}_{phase}_{at}": q for phase, q in gains(own, whole).items() if q}
            found |= {f"{name}_gqa_{at}": kept(own), f"{name}_mha_{at}": kept(whole)}
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for model in WEIGHTS:
        for tokens in CONTEXTS:
            for device, (_, label) in DEVICES.items():
                own, whole = both(runs[0], model, tokens, device)
                fits = {f"fits, {kind}": fit(row) for kind, row in (("GQA", own), ("MHA", whole))}
                rows.append(
                    {"model": own.values["name"], "context length": tokens, "device": label}
                    | {f"gain in {phase}": ratio for phase, ratio in gains(own, whole).items()}
                    | {"KV cache, GQA": kept(own), "KV cache, MHA": kept(whole), **fits, "weights": WEIGHTS[model]}
                )
    return rows
