"""Decode does {llama_8b_h100_one}, 32 sequences {llama_8b_h100_batch}; an H100 needs {h100_balance}

A whole decode step of Llama 3.1 at 8k tokens of context, weights and attention together, for one sequence and for 32,
and a prefill of 8k tokens. Below the device's ridge point a step is memory-bound, above it compute-bound.

Bytes are those of the weights and of the bf16 cache, read once; FLOPs are those of all matrix products. Prefill reads
the weights once and is far above the ridge point where that is known. Tokens/s bounds are totals over all sequences,
from published bandwidth and peak. They are shown even where 32 caches do not fit next to the weights. With 4-bit
weights the higher of the 16-bit and 8-bit peaks is used, so it remains an upper bound. A dash: no published 16-bit peak
is on record for the M4 Max.

A table of Llama 3.1 8B in bf16 and 4 bits and of the 70B model in 4 bits on three devices. On an H100 with bf16 weights
32 sequences raise the bound from {llama_8b_h100_one_speed} to {llama_8b_h100_batch_speed}, {llama_8b_h100_batch_gain},
since each has a cache of its own.
"""

from typing import Any

from attnsite.figures.toolkit.on_devices import DEVICES, MODELS, OWNED, bound, fit, one
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "models_on_devices"
TITLE_COLUMNS = ("ridge point, FLOP/byte", "FLOP/byte, 32 sequences")
CONTEXT, BATCH = 8192, 32
UNIT = "FLOP/byte"


def both(run: Run, model: str, weights: str, device: str) -> tuple[Row, Row]:
    """One sequence, and a batch."""
    alone, many = (one(run, model, weights, CONTEXT, device, batch=batch) for batch in (1, BATCH))
    return alone, many


def needs(row: Row, unit: str = UNIT) -> Quantity | None:
    """The device's balance; None where its peak is not known."""
    return Quantity(row.values["balance"], unit) if row.values["balance"] else None


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model in ("llama-3.1-8b", "llama-3.1-70b"):
        for device, (key, _) in DEVICES.items():
            alone, many = both(run, model, "bf16", device)
            name = f"{MODELS[model]}_{key}"
            faster = many.values["decode_tokens_per_second"] / alone.values["decode_tokens_per_second"]
            found |= {
                f"{name}_one": Quantity(alone.values["decode_intensity"], UNIT),
                f"{name}_batch": Quantity(many.values["decode_intensity"], UNIT),
                f"{name}_prefill": Quantity(alone.values["prefill_intensity"], UNIT),
                f"{name}_one_speed": bound(alone),
                f"{name}_batch_speed": bound(many),
                f"{name}_batch_gain": Quantity(faster, "×"),
                f"{name}_batch_cache": Quantity(many.values["kv_bytes"], "B"),
            }
            if balance := needs(alone):
                found[f"{key}_balance"] = balance
            if alone.values["prefill_seconds"]:
                found[f"{name}_prefill_seconds"] = Quantity(alone.values["prefill_seconds"], "s")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for model, weights in OWNED:
        for device, (_, label) in DEVICES.items():
            alone, many = both(runs[0], model, weights, device)
            seconds = alone.values["prefill_seconds"]
            rows.append(
                {"model": alone.values["name"], "weights": weights, "device": label}
                | {"ridge point, FLOP/byte": needs(alone, "1")}
                | {"FLOP/byte, 1 sequence": Quantity(alone.values["decode_intensity"])}
                | {f"FLOP/byte, {BATCH} sequences": Quantity(many.values["decode_intensity"])}
                | {"FLOP/byte, prefill": Quantity(alone.values["prefill_intensity"])}
                | {"decode bound, 1 sequence": bound(alone), f"decode bound, {BATCH} sequences": bound(many)}
                | {"prefill bound": Quantity(seconds, "s") if seconds else None}
                | {f"{BATCH} sequences fit": fit(many)}
            )
    return rows
