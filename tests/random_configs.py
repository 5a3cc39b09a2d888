"""Random config.json texts of every model type: as their class has them, keys changed, dropped, of a wrong kind."""

import json
import random

from attnsite.formulas.aliases import ALIASES
from attnsite.formulas.known import architectures, class_defaults

NUMBERS = (1, 2, 3, 4, 7, 8, 16, 64, 100, 128, 256, 1000, 4096)
HUGE = (2**31, 2**40, 2**40 + 1, 2**53 + 1, 10**25, -1, 0, 1e300, 4.0, 2.5, 1e16, 1e22, 5e-324, 1.5e-7, 123456789.125)
WORDS = (
    "auto",
    "F",
    "full_attention",
    "sliding_attention",
    "mamba",
    "it's",
    'a "word"',
    "zürich\n\t\u2028",
    "😀" * 50,
    "",
)
KINDS = ("full_attention", "sliding_attention", "linear_attention", "conv", "hybrid", "attention", "mamba", "moe")
UNKNOWN = ("n_kv_share", "hidden_twist", "colour", "rope_theta", "my_layers", "sliding_window_size", "eos_token_id")


METHODS = ("fp8", "fbgemm_fp8", "mxfp4", "awq", "gptq", "bitsandbytes")


def any_value(draw: random.Random, depth: int = 0) -> object:
    """A value of any kind that JSON has."""
    choice = draw.randrange(9 if depth < 2 else 6)
    if choice == 0:
        return draw.choice(NUMBERS)
    if choice == 1:
        return draw.choice(HUGE)
    if choice == 2:
        return draw.choice((True, False, None))
    if choice == 3:
        return draw.choice(WORDS)
    if choice == 4:
        return draw.choice((float("inf"), float("-inf"), float("nan"), -0.0, 1e-5, 0.1 + 0.2))
    if choice == 5:
        return round(draw.uniform(0, 100), draw.randrange(12))
    if choice == 6:
        return [any_value(draw, depth + 1) for _ in range(draw.randrange(5))]
    if choice == 7:
        return {draw.choice(WORDS): any_value(draw, depth + 1) for _ in range(draw.randrange(4))}
    return [draw.choice(KINDS) for _ in range(draw.choice((1, 3, 12, 32, 48)))]


def near(draw: random.Random, value: object) -> object:
    """Of the same kind, so that the config may still be understood."""
    if isinstance(value, bool) or value is None:
        return draw.choice((True, False, None, draw.choice(NUMBERS)))
    if isinstance(value, int):
        return draw.choice((value * 2, max(value // 2, 1), value + 1, draw.choice(NUMBERS), float(value)))
    if isinstance(value, float):
        return draw.choice((value * 2, 1, 0.5, round(draw.uniform(0, 9), 3)))
    if isinstance(value, list) and value:
        return draw.choice((value[:-1], value + value[:1], value[::-1], [draw.choice(value) for _ in value]))
    if isinstance(value, dict):
        return {key: near(draw, inner) if draw.random() < 0.4 else inner for key, inner in value.items()}
    return any_value(draw)


def config(draw: random.Random) -> dict[str, object]:
    """One config; about half are understood."""
    model_type = draw.choice(sorted([*architectures(), *ALIASES]))
    like = ALIASES[model_type].like if model_type in ALIASES else model_type
    values: dict[str, object] = dict(class_defaults()["classes"].get(like, {}).get("defaults", {}))
    values = {key: value for key, value in values.items() if value is not None or draw.random() < 0.5}
    if "num_hidden_layers" in values and draw.random() < 0.8:
        values["num_hidden_layers"] = draw.choice((1, 2, 3, 6, 12, 26, 61))
    for key in list(values):
        chance = draw.random()
        if chance < 0.04:
            del values[key]
        elif chance < 0.12:
            values[key] = near(draw, values[key])
        elif chance < 0.13:
            values[key] = any_value(draw)
    if draw.random() < 0.15:
        values[draw.choice(UNKNOWN)] = any_value(draw)
    for key in ("head_dim", "sliding_window", "num_key_value_heads", "layer_types", "tie_word_embeddings", "dtype"):
        if draw.random() < 0.05:
            values[key] = draw.choice((draw.choice(NUMBERS), any_value(draw)))
    if draw.random() < 0.2:
        bits = draw.choice((4, 8, 3, 4.0, True, any_value(draw)))
        method = draw.choice((*METHODS, any_value(draw)))
        found = {"quant_method": method} | ({"bits": bits} if draw.random() < 0.5 else {})
        values["quantization_config"] = draw.choice((found, found, found, any_value(draw)))
    if draw.random() < 0.05:
        values["expert_dtype"] = draw.choice(("fp4", "fp8", any_value(draw)))
    values["model_type"] = model_type if draw.random() < 0.97 else any_value(draw)
    wrappers = class_defaults()["wrappers"]
    if draw.random() < 0.1:
        name = draw.choice(sorted(wrappers))
        inner = values if draw.random() < 0.7 else {k: v for k, v in values.items() if k != "model_type"}
        values = {"model_type": name, wrappers[name]["key"]: inner, "dtype": "bfloat16"}
    return values


def texts(seed: int, count: int) -> list[str]:
    """So many JSON texts; some are no object."""
    draw = random.Random(seed)
    return [json.dumps(any_value(draw) if draw.random() < 0.01 else config(draw)) for _ in range(count)]
