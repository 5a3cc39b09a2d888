"""What figures of `models_on_devices` share: names of models and devices, and the one row of a case."""

from attnsite.figures.toolkit import measured_rows
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

DEVICES = {"h100-sxm": ("h100", "H100"), "rtx-4090": ("rtx_4090", "RTX 4090"), "apple-m4-max": ("m4_max", "M4 Max")}
MODELS = {"llama-3.1-8b": "llama_8b", "llama-3.1-70b": "llama_70b", "gemma-3-27b": "gemma_27b"}  # their values' names
WEIGHTS = {"bf16": "bf16", "q4_0": "q4"}
OWNED = (("llama-3.1-8b", "bf16"), ("llama-3.1-8b", "q4_0"), ("llama-3.1-70b", "q4_0"))  # each fits on some device


def one(
    run: Run, model: str, weights: str, tokens: int, device: str, version: str = "published", batch: int = 1
) -> Row:
    """Raises `LookupError` with a sentence where it has not been counted."""
    case = {"model": model, "weights": weights, "tokens": tokens, "device": device, "version": version, "batch": batch}
    return measured_rows.counted(run, f"{model} with {tokens} tokens on {device}", **case)


def kept(row: Row) -> Quantity:
    return Quantity(row.values["kv_bytes"], "B")


def fit(row: Row) -> str:
    """Whether weights and cache fit into the memory of the device."""
    return "yes" if row.values["fits"] else "no"


def longest(row: Row) -> Quantity | None:
    """The longest context that fits, in tokens; None where the weights alone do not."""
    return Quantity(row.values["longest"], "count") if row.values["longest"] else None


def speed(row: Row) -> Quantity | None:
    """At most so many tokens/s, of all sequences together; None where weights and cache do not fit."""
    return bound(row) if row.values["fits"] else None


def bound(row: Row) -> Quantity:
    """The same, on as many devices as it would take, sharing the bandwidth of one."""
    return Quantity(row.values["decode_tokens_per_second"], "tokens/s")


def gain(with_it: Row, without: Row, key: str) -> float | None:
    """A bound over another: above 1 is faster. `key` is in tokens/s or in seconds; None where a peak is not known."""
    new, old = with_it.values[key], without.values[key]
    if new is None or old is None:
        return None
    return float(old / new if key.endswith("_seconds") else new / old)
