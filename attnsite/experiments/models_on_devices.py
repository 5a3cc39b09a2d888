"""What do Llama 3.1 8B and 70B and Gemma 3 27B keep, fit on and reach at most on an H100, an RTX 4090 and a laptop?

The published models and the devices of `formulas`, at a sequence length, a batch and a dtype of the weights; the cache
is bf16. A version changes one key of the config: "MHA" gives every query head a KV head of its own, "no window" lets
every layer see and keep all tokens. Bounds are those of `formulas.limits`: bytes at the printed bandwidth, FLOPs at the
printed peak. Llama 3 8B and 70B have the shapes of Llama 3.1.
"""

from typing import Any

from attnsite.formulas import config, devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.dtypes import WEIGHTS
from attnsite.records.workload import Case, Count, Observed

DEVICES = ("h100-sxm", "rtx-4090", "apple-m4-max")
DTYPES = ("bf16", "q4_0")
CONTEXTS = (1024, 8192, 32768, 131072)
VERSIONS = {  # by model, the first as it was published
    "llama-3.1-8b": ("published", "MHA"),
    "llama-3.1-70b": ("published", "MHA"),
    "gemma-3-27b": ("published", "no window"),
}
BATCH, BATCH_CONTEXT = 32, 8192  # of the published models
LIMIT = 2**24  # tokens: no longer context is looked for


def decoder(model: str, version: str) -> Decoder:
    """A published model, or the same with one key of its config changed."""
    keys: dict[str, Any] = dict(models.find(model).config)
    if version == "MHA":
        keys["num_key_value_heads"] = keys["num_attention_heads"]
    elif version == "no window":  # one layer in one is full
        keys["text_config"] = {**keys["text_config"], "sliding_window_pattern": 1}
    return config.read_config(keys)


def longest(shape: Decoder, case: Case) -> int:
    """The most tokens for which weights and cache fit into the device's memory; 0 if the weights alone do not."""
    low, high = 0, LIMIT
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(shape, case, middle).fits else (low, middle - 1)
    return low


def cost(shape: Decoder, case: Case, tokens: int) -> Cost:
    device = devices.find(case["device"])
    return Cost(shape, Tokens(tokens), case["batch"], weights=WEIGHTS[case["weights"]], device=device)


def observe(case: Case) -> Observed:
    """Bytes, whether they fit, and bounds; None for what a peak that is not known would bound."""
    shape = decoder(case["model"], case["version"])
    of = cost(shape, case, case["tokens"])
    device = devices.find(case["device"])
    bandwidth, peak = device.rates(case["weights"])
    return {
        "name": models.find(case["model"]).name,
        "device_bytes": device.memory_bytes,
        "balance": peak / bandwidth if peak else None,
        "bytes_per_token": float(of.kv_bytes_per_token),
        "kv_bytes": of.kv_bytes,
        "weight_bytes": of.weight_bytes,
        "fits": of.fits,
        "longest": longest(shape, case),
        "decode_tokens_per_second": of.decode_tokens_per_second,
        "decode_intensity": of.decode.flops / of.decode.bytes,
        "prefill_intensity": of.prompt.flops / of.prompt.bytes,
        "prefill_seconds": of.time_to_first_token_s if peak else None,
        "decode_limit": of.limits["decode"] if peak else None,
        "prefill_limit": of.limits["prefill"] if peak else None,
    }


def _case(model: str, version: str, weights: str, tokens: int, batch: int, device: str) -> Case:
    return {"model": model, "version": version, "weights": weights, "tokens": tokens, "batch": batch, "device": device}


experiment = Count(
    observe=observe,
    cases=tuple(
        _case(model, version, weights, tokens, batch, device)
        for model, versions in VERSIONS.items()
        for version in versions
        for weights in DTYPES
        for tokens, batch in (*((n, 1) for n in CONTEXTS), (BATCH_CONTEXT, BATCH))
        for device in DEVICES
        if batch == 1 or version == "published"
    ),
)
