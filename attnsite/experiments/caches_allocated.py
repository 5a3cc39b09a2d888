"""Does a closed form give the bytes that a KV cache really takes, for every kind of layer?

Tiny random models of each model type that the formulas read were built with transformers 5.24.0 on a CPU in bf16, read
a prompt and decoded; `caches_allocated.csv` has the bytes of the tensors in their cache objects, and of the storages
behind these. `tests/observe_allocations.py` writes it again. What is predicted comes from the config alone.
"""

import csv
from pathlib import Path

from attnsite.formulas.config import parse_config
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.layouts import Full, Layout, Reused, Sliding
from attnsite.records.workload import Case, Count, Observed

TABLE = Path(__file__).with_suffix(".csv")


def observed() -> dict[str, dict[str, str]]:
    """The table's rows by model type."""
    if not TABLE.is_file():
        return {}
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {row["model_type"]: row for row in csv.DictReader(lines)}


def kinds(decoder: Decoder) -> str:
    """What its layers keep, in words: all kinds, each once."""
    return ", ".join(sorted({state.name for state in decoder.states() if not isinstance(state, Reused)})) or "nothing"


def whole(state: Layout) -> Layout:
    """A window's layer as if it kept every token."""
    return Full(state.heads, state.key_dim, state.value_dim) if isinstance(state, Sliding) else state


def observe(case: Case) -> Observed:
    """Held and allocated bytes after the prompt and after some steps, and what closed forms say of each.

    Held: a window between steps, W − 1 tokens. Allocated: after a step the storage behind such a window has W tokens,
    and after a prompt all of it, since the window is a view.
    """
    row = observed()[case["model_type"]]
    decoder, source = parse_config(row["config"]), int(row["source"])
    prompt, tokens = int(row["prompt_tokens"]), int(row["tokens"])
    everything = Tokens(prompt, source=source)
    return {
        "kinds": kinds(decoder),
        "windows": sum(isinstance(state, Sliding) for state in decoder.states()),
        "held": int(row["held"]),
        "held_predicted": decoder.kv_bytes(Tokens(tokens, spare=1, source=source)),
        "allocated": int(row["allocated"]),
        "allocated_predicted": decoder.kv_bytes(Tokens(tokens, source=source)),
        "prompt_held": int(row["prompt_held"]),
        "prompt_held_predicted": decoder.kv_bytes(Tokens(prompt, spare=1, source=source)),
        "prompt_allocated": int(row["prompt_allocated"]),
        "prompt_allocated_predicted": sum(
            layers * whole(state).kept(everything).bytes() for state, layers in decoder.states().items()
        ),
    }


experiment = Count(observe=observe, cases=tuple({"model_type": name} for name in observed()))
