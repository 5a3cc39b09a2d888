"""One sequence: at most {h100_8b_1k_1} from Llama 3.1 8B on an H100, {rtx_4090_8b_1k_1} in 4 bits on an RTX 4090

Upper bounds of decode over 1k tokens of context: of one sequence, of 32 together, and of each of the 32. A dash:
weights and cache do not fit into the device's memory.

Bytes of weights and bf16 cache, read once per step, at the printed bandwidth; or the products at the printed peak,
where that takes longer. A real engine is slower: kernels have to be started, and none reaches the printed bandwidth.
q4_0 is llama.cpp's format of 4.5 bits per weight. A mixture of experts reads only the experts that are chosen: few for
one sequence, nearly all for many.

A table of seven pairs of a model and a device. For one sequence Llama 3.1 70B in 4 bits is bounded by {h100_70b_1k_1}
on an H100 and by {m4_max_70b_1k_1} on an M4 Max, Qwen3 30B A3B by {h100_30b_1k_1} and {m4_max_30b_1k_1}. 32 sequences
of Llama 3.1 8B reach {h100_8b_1k_32} on an H100, {h100_8b_1k_32_each} each.
"""

from typing import Any

from attnsite.figures.toolkit import axes, measured_rows
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "decode_bounds"
TITLE_COLUMNS = ("1 sequence, at most",)
SHORT = {"h100-sxm": "h100", "rtx-4090": "rtx_4090", "apple-m4-max": "m4_max", "llama-3.1-8b": "8b",
         "llama-3.1-70b": "70b", "qwen3-30b-a3b": "30b"}  # fmt: skip
TOKENS, MANY = 1024, 32


def pairs(run: Run) -> list[tuple[str, str, str]]:
    """Device, model and weights, in the experiment's order."""
    return list(dict.fromkeys((row.case["device"], row.case["model"], row.case["weights"]) for row in run.where()))


def one(run: Run, pair: tuple[str, str, str], tokens: int, batch: int) -> Row:
    """Raises `LookupError` with a sentence where it has not been counted."""
    device, model, weights = pair
    case = {"device": device, "model": model, "weights": weights, "tokens": tokens, "batch": batch}
    return measured_rows.counted(run, f"{model} on {device} at {tokens} tokens", **case)


def speed(row: Row, of: int = 1) -> Quantity:
    """Tokens/s of all sequences, or of each of so many."""
    return Quantity(row.values["tokens_per_second"] / of, "tokens/s")


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    contexts = sorted({row.case["tokens"] for row in run.where()})
    batches = sorted({row.case["batch"] for row in run.where()})
    for pair in pairs(run):
        known = one(run, pair, TOKENS, 1).values
        found |= {
            f"parameters_{SHORT[pair[1]]}": Quantity(known["parameters"], "parameters"),
            f"active_{SHORT[pair[1]]}": Quantity(known["active"], "parameters"),
        }
        for tokens in contexts:
            name = f"{SHORT[pair[0]]}_{SHORT[pair[1]]}_{axes.tokens(tokens)}"
            rows = {batch: one(run, pair, tokens, batch) for batch in batches}
            for batch, row in rows.items():
                found |= {f"{name}_{batch}": speed(row), f"{name}_{batch}_each": speed(row, batch)}
            fitting = [batch for batch, row in rows.items() if row.values["fits"]]
            last = fitting[-1] if fitting else batches[0]
            found |= {
                f"{name}_last": speed(rows[last]),
                f"{name}_last_batch": Quantity(last, "count"),
                f"{name}_last_gain": Quantity(speed(rows[last]).value / speed(rows[1]).value, "×"),
            }
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for pair in pairs(runs[0]):
        alone, many = one(runs[0], pair, TOKENS, 1), one(runs[0], pair, TOKENS, MANY)
        both = many.values["fits"]
        lines.append(
            {"model": alone.values["name"], "weights": pair[2], "device": alone.values["device_name"]}
            | {"1 sequence, at most": speed(alone) if alone.values["fits"] else None}
            | {f"{MANY} together": speed(many) if both else None}
            | {f"each of {MANY}": speed(many, MANY) if both else None}
            | {"read in a step, 1 sequence": Quantity(alone.values["step_bytes"], "B")}
        )
    return lines
