"""How many tokens/s can a model decode at most, by batch, on an H100, an RTX 4090 and a laptop?

The bounds of `formulas.limits`: bytes of weights and bf16 cache at the printed bandwidth, or products at the printed
peak, whichever takes longer. `step_bytes` are what one step reads. Weights in 4 bits are multiplied in the fastest
dtype that the device has, so that the bound stays one. `fits` says whether weights and cache fit into its memory.
"""

from attnsite.formulas import devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.dtypes import WEIGHTS
from attnsite.records.workload import Case, Count, Observed

SERVED = (  # on which device which model, in which weights
    ("h100-sxm", "llama-3.1-8b", "bf16"),
    ("h100-sxm", "llama-3.1-70b", "q4_0"),
    ("h100-sxm", "qwen3-30b-a3b", "bf16"),
    ("rtx-4090", "llama-3.1-8b", "q4_0"),
    ("apple-m4-max", "llama-3.1-8b", "q4_0"),
    ("apple-m4-max", "llama-3.1-70b", "q4_0"),
    ("apple-m4-max", "qwen3-30b-a3b", "q4_0"),
)
CONTEXTS = (1024, 8192, 32768)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def observe(case: Case) -> Observed:
    """The bound and what a step reads; which of bandwidth and peak limits it, None where the peak is not known."""
    device = devices.find(case["device"])
    cost = Cost(
        models.find(case["model"]).decoder(), Tokens(case["tokens"]), case["batch"],
        weights=WEIGHTS[case["weights"]], device=device,
    )  # fmt: skip
    _, peak = device.rates(case["weights"])
    return {
        "name": models.find(case["model"]).name,
        "device_name": device.name,
        "parameters": cost.decoder.parameters,
        "active": cost.decoder.active,
        "step_bytes": cost.decode.bytes,
        "kv_bytes": cost.kv_bytes,
        "tokens_per_second": cost.decode_tokens_per_second,
        "fits": cost.fits,
        "limit": cost.limits["decode"] if peak else None,
    }


experiment = Count(
    observe=observe,
    cases=tuple(
        {"device": device, "model": model, "weights": weights, "tokens": tokens, "batch": batch}
        for device, model, weights in SERVED
        for tokens in CONTEXTS
        for batch in BATCHES
    ),
)
