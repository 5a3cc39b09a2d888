"""At {context} tokens, {models} hybrid models keep {least} to {most} of what attention in every layer would

What published models with linear attention, state-space layers or short convolutions keep of one sequence: a constant
state in most layers, a bf16 KV cache in the others.

“With attention everywhere” is what a model would keep if all of these layers had a KV cache like its attention layers'.
From the context in the column “state = cache” on, the cache is larger than the states. States are counted in the dtypes
of transformers, mostly float32. Layers that keep nothing, such as MLPs, are not counted.

A table of {models} models. Qwen3-Next 80B A3B keeps {qwen3_next_state} of states and {qwen3_next_128k} in all at 128k
tokens, where attention in every layer would keep {qwen3_next_alike_128k}; Jamba v0.1 keeps {jamba_128k} and not
{jamba_alike_128k}.
"""

from typing import Any

from attnsite.figures.toolkit import measured_rows
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "hybrid_states"
TITLE_COLUMNS = ("share at 128k tokens",)
CONTEXT = 131072
NAMED = {"qwen3-next-80b-a3b": "qwen3_next", "qwen3.5-27b": "qwen3_5_27b", "jamba-v0.1": "jamba",
         "nemotron-3-nano-30b-a3b": "nemotron_nano", "kimi-linear-48b-a3b": "kimi_linear"}  # fmt: skip


def share(row: Row, tokens: int = CONTEXT) -> float:
    """What is kept, over what attention in every layer would keep."""
    return float(row.values["kept"][str(tokens)] / row.values["alike"][str(tokens)])


def equal(row: Row) -> float:
    """Tokens at which the cache is as large as the states."""
    return float(row.values["state_bytes"] / row.values["token_bytes"])


def values(run: Run) -> dict[str, Quantity]:
    rows = run.where()
    shares, kinds = [share(row) for row in rows], [row.values["kinds"] for row in rows]
    named = {
        "models": Quantity(len(rows), "count"),
        "context": Quantity(CONTEXT, "count"),
        "least": Quantity(min(shares), "%"),
        "most": Quantity(max(shares), "%"),
        "linear": Quantity(sum(any("Delta" in kind for kind in own) for own in kinds), "count"),
        "state_space": Quantity(sum(any("Mamba" in kind for kind in own) for own in kinds), "count"),
        "equal_least": Quantity(min(map(equal, rows)), "tokens"),
        "equal_most": Quantity(max(map(equal, rows)), "tokens"),
    }
    for model, name in NAMED.items():
        row = measured_rows.counted(run, model, model=model)
        seen = row.values
        named |= {
            f"{name}_state": Quantity(seen["state_bytes"], "B"),
            f"{name}_token": Quantity(seen["token_bytes"], "B"),
            f"{name}_constant_layers": Quantity(seen["constant_layers"], "count"),
            f"{name}_attention_layers": Quantity(seen["attention_layers"], "count"),
            f"{name}_equal": Quantity(equal(row), "tokens"),
            f"{name}_share_128k": Quantity(share(row), "%"),
            f"{name}_share_1k": Quantity(share(row, 1024), "%"),
        }
        for tokens, text in ((1024, "1k"), (8192, "8k"), (CONTEXT, "128k"), (1 << 20, "1m")):
            named[f"{name}_{text}"] = Quantity(seen["kept"][str(tokens)], "B")
            named[f"{name}_alike_{text}"] = Quantity(seen["alike"][str(tokens)], "B")
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": row.values["name"], "share at 128k tokens": Quantity(share(row), "%"),
         "kept at 128k": Quantity(row.values["kept"][str(CONTEXT)], "B"),
         "with attention everywhere": Quantity(row.values["alike"][str(CONTEXT)], "B"),
         "constant state": Quantity(row.values["state_bytes"], "B"),
         "KV cache per token": Quantity(row.values["token_bytes"], "B"),
         "state = cache": Quantity(equal(row), "tokens"),
         "layers with a state": row.values["constant_layers"],
         "with a cache": row.values["attention_layers"],
         "kind of state": ", ".join(row.values["kinds"]), "year": row.values["year"]}
        for row in sorted(runs[0].where(), key=share)
    ]  # fmt: skip
