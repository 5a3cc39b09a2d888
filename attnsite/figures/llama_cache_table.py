"""A published table has Llama 3.1 405B's cache with {heads_405b} KV heads; since August 2024 it has {kv_heads_405b}

The KV cache of Llama 3.1 as the Hugging Face blog's announcement prints it, and as counted. Compare the KV heads that
the printed size implies with those that the model has now.

The table says GB and means GiB; it takes 1k for 1024 tokens, but 16k and 128k for thousands. Dividing a printed size by
layers, tokens, head dimension and two bytes for a key and a value gives the number of KV heads that it was made with.
The largest model was published with 16 in July 2024, and again with 8 in August; the table stayed.

A table of three models at three lengths. For 8B and 70B the printed sizes have {heads_8b} and {heads_70b} KV heads, as
their configurations have. For 405B they have {heads_405b}, where the configuration now has {kv_heads_405b}, so they are
{ratio_405b} of the count.
"""

from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "llama_cache_table"
TITLE_COLUMNS = ("KV heads printed", "KV heads now")
SHORT = {"Llama 3.1 8B": "8b", "Llama 3.1 70B": "70b", "Llama 3.1 405B": "405b"}


def _longest(run: Run, model: str) -> Row:
    rows = run.where(model=model)
    if not rows:
        raise LookupError(f"{model} has not been counted yet")
    return max(rows, key=lambda row: row.case["tokens"])


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model, short in SHORT.items():
        row = _longest(run, model)
        found |= {
            f"heads_{short}": Quantity(round(row.values["kv_heads_of_printed"], 2)),
            f"kv_heads_{short}": Quantity(row.values["kv_heads"], "count"),
            f"ratio_{short}": Quantity(round(row.values["printed_over_counted"], 3), "×"),
            f"counted_{short}": Quantity(row.values["counted_bytes"], "B"),
            f"printed_{short}": Quantity(row.values["printed_bytes"], "B"),
        }
    return found | {"decimal": Quantity(2**30 / 10**9, "×")}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "model": SHORT[row.case["model"]].upper(),
            "tokens": row.case["tokens"],
            "KV heads printed": Quantity(round(row.values["kv_heads_of_printed"], 1)),
            "KV heads now": row.values["kv_heads"],
            "printed, GB": row.case["printed"],
            "counted": Quantity(row.values["counted_bytes"], "B"),
            "ratio": Quantity(round(row.values["printed_over_counted"], 2), "×"),
        }
        for row in runs[0].where()
    ]
