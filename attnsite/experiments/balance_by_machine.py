"""How many FLOPs a byte does a machine need to be busy, and how many does attention do?

Machines by the numbers that their makers publish, for products of 16-bit matrices without sparsity; they stand in
`balance_by_machine.csv`, with the source of each. Beside them the models of `kv_cache.csv`, each in a decoding step
over a long cache of 16-bit elements, and causal prompts of several lengths.
"""

import csv
from pathlib import Path

from attnsite.experiments.kv_cache import elements_a_layer, models
from attnsite.formulas.attention import Attention
from attnsite.records.workload import Case, Count, Observed

TABLE = Path(__file__).with_suffix(".csv")
ELEMENT_BYTES = 2
HEADS, DIM = 32, 128  # of the prompts; both cancel
PROMPTS = (128, 256, 512, 1024, 2048, 4096)


def machines() -> list[dict[str, object]]:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [
            {"kind": "machine", **row, "teraflops": float(row["teraflops"]), "terabytes": float(row["terabytes"])}
            for row in csv.DictReader(lines)
        ]


def balance(case: Case) -> Observed:
    """FLOPs for each byte that the machine can do and move at once; and what that asks of attention, at 16 bits."""
    intensity = case["teraflops"] / case["terabytes"]
    return {
        "intensity": intensity,
        "queries_a_key": intensity * ELEMENT_BYTES / 2,  # each does 2·dim FLOPs on dim elements
        "causal_prompt": 2 * ELEMENT_BYTES * intensity - 1,  # where (tokens + 1) / 2 / ELEMENT_BYTES is the balance
    }


def decoding(case: Case) -> Observed:
    """One query for each head against one token of the cache; queries and outputs are nothing beside a long cache.

    With latent attention the matrices that make keys and values from the latent are folded into queries and outputs: a
    head's query meets the latent and the rotary part, its weights the latent, and all heads read the same.
    """
    latent = case["attention"] == "MLA"
    widths = 2 * case["latent_dim"] + case["rope_dim"] if latent else case["head_dim"] + case["value_dim"]
    flops = 2 * case["query_heads"] * widths
    return {"intensity": flops / (ELEMENT_BYTES * elements_a_layer(case))}


def prompt(case: Case) -> Observed:
    """Multi-head attention of a whole prompt: each of q, k, v and out is moved once."""
    layer, tokens = Attention(1, HEADS, DIM), case["tokens"]
    return {
        "intensity": layer.core_flops(tokens, tokens, causal=True) / layer.input_bytes(tokens, tokens, ELEMENT_BYTES)
    }


KINDS = {"machine": balance, "decoding": decoding, "prompt": prompt}
_KEPT = ("name", "attention", "query_heads", "kv_heads", "width", "head_dim", "value_dim", "latent_dim", "rope_dim")


def observe(case: Case) -> Observed:
    return KINDS[case["kind"]](case)


experiment = Count(
    observe=observe,
    cases=(
        *machines(),
        *({"kind": "decoding", **{key: model[key] for key in _KEPT}} for model in models() if model["layers"]),
        *({"kind": "prompt", "tokens": tokens} for tokens in PROMPTS),
    ),
)
