"""Eight devices hold one KV cache of Llama 3.1 70B, 16 hold {llama_70b_copies_16}; of DeepSeek-V3 each holds all

The bf16 KV cache of one sequence of 32k tokens on each device under tensor parallelism, by number of devices. A dash:
the heads do not divide by that number.

With more devices than KV heads, a head is kept by several devices. Then each keeps as much as before, and all together
keep several copies: the last columns. A latent (MLA) has no heads and is whole on each device. Weights are shared
evenly and not in this table. Windowed layers keep their window.

A table of eight models. A device keeps {llama_70b_at_8} of Llama 3.1 70B with 8 devices and {llama_70b_at_16} with 16;
of DeepSeek-V3 {deepseek_at_8} with any number. Qwen2.5 7B has {qwen_heads} query heads, which 8 does not divide.
"""

from typing import Any

from attnsite.figures.toolkit.by_devices import RANKS, copies, kept, one
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "tensor_parallel"
TITLE_COLUMNS = ("copies, 8 devices", "copies, 16 devices")
MODELS = {
    "llama-2-7b": "llama_2_7b", "llama-3.1-8b": "llama_8b", "llama-3.1-70b": "llama_70b", "gemma-3-27b": "gemma",
    "qwen3-235b-a22b": "qwen_235b", "qwen2.5-7b": "qwen", "phi-4": "phi", "deepseek-v3": "deepseek",
}  # fmt: skip


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model, name in MODELS.items():
        row = one(run, model)
        found[f"{name}_heads"] = Quantity(row.values["query_heads"], "count")
        if row.values["kv_heads"]:
            found[f"{name}_kv_heads"] = Quantity(row.values["kv_heads"], "count")
        found[f"{name}_whole"] = Quantity(row.values["kept"]["1"], "B")
        found[f"{name}_weights"] = Quantity(row.values["weight_bytes"], "B")
        for ranks in RANKS:
            held, times = kept(row, ranks), copies(row, ranks)
            if held and times:
                found |= {f"{name}_at_{ranks}": held, f"{name}_copies_{ranks}": Quantity(times, "1")}
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for model in MODELS:
        row = one(runs[0], model)
        told = {ranks: copies(row, ranks) for ranks in RANKS[2:]}
        lines.append(
            {"model": row.values["name"], "query heads": row.values["query_heads"], "KV heads": row.values["kv_heads"]}
            | {"KV cache": Quantity(row.values["kept"]["1"], "B")}
            | {f"each of {ranks}": kept(row, ranks) for ranks in RANKS}
            | {f"copies, {ranks} devices": Quantity(times) if times else None for ranks, times in told.items()}
        )
    return lines
