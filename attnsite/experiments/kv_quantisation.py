"""How far does attention move when its KV cache is kept in 8, 4 or 2 bits, by token or by channel?

Standard normal queries, keys and values: 16 queries in 4 heads of head_dim 128 over 1024 tokens. In `channels` of the
128 key channels a constant `offset` is added to all keys, as large key channels of trained models have it. It adds the
same to all scores of a query, which softmax ignores: exact attention is the same for every offset, so what grows with
it is the error of rounding alone. The error is the root mean square of the differences from float64 over
that of the result. Only the cache is rounded; the arithmetic is float64.

By token, the numbers of one key share a scale; by channel, those of one key channel of several tokens do (KIVI, Liu et
al., 2024). Values are rounded by token in both. Whole numbers of 4 and 2 bits have a scale and an offset for each 32.
"""

from collections.abc import Callable

import numpy as np

from attnsite.kernels import reference
from attnsite.kernels.plain.halves import from_bfloat16, to_bfloat16
from attnsite.records.workload import Case, Observed, Study

HEADS, QUERIES, DIM, TOKENS, GROUP = 4, 16, 128, 1024, 32
ROWS = np.arange(QUERIES)
Rounding = Callable[[np.ndarray], np.ndarray]


def bfloat16(x: np.ndarray) -> np.ndarray:
    """Rounded to 8 significant bits."""
    return from_bfloat16(to_bfloat16(x.astype(np.float32))).astype(np.float64)


def fp8_e4m3(x: np.ndarray) -> np.ndarray:
    """Rounded to 4 significant bits, exponents from −6 to 8, at most 448, without a scale (OCP's E4M3)."""
    _, exponents = np.frexp(x)
    step = np.exp2(np.maximum(exponents - 1, -6) - 3)
    return np.clip(np.round(x / step) * step, -448, 448)


def whole(x: np.ndarray, bits: int, axis: int, group: int) -> np.ndarray:
    """Whole numbers of so many bits with a scale for `group` numbers along an axis; below 8 bits with an offset too."""
    moved = np.moveaxis(x, axis, -1)
    cut = moved.reshape(*moved.shape[:-1], -1, group)
    if bits == 8:
        scale = np.abs(cut).max(axis=-1, keepdims=True) / 127
        made = np.round(cut / scale) * scale
    else:
        low, high = cut.min(axis=-1, keepdims=True), cut.max(axis=-1, keepdims=True)
        scale = (high - low) / (2**bits - 1)
        made = np.round((cut - low) / scale) * scale + low
    return np.moveaxis(made.reshape(moved.shape), -1, axis)


def by_token(bits: int) -> Rounding:
    return lambda x: whole(x, bits, -1, DIM if bits == 8 else GROUP)


def by_channel(bits: int) -> Rounding:
    return lambda x: whole(x, bits, -2, TOKENS if bits == 8 else GROUP)


FORMATS: dict[str, tuple[Rounding, Rounding]] = {  # how keys and how values are rounded
    "bf16": (bfloat16, bfloat16),
    "fp8": (fp8_e4m3, fp8_e4m3),
    "int8_token": (by_token(8), by_token(8)),
    "int8_channel": (by_channel(8), by_token(8)),
    "int4_token": (by_token(4), by_token(4)),
    "int4_channel": (by_channel(4), by_token(4)),
    "int2_token": (by_token(2), by_token(2)),
    "int2_channel": (by_channel(2), by_token(2)),
}


def observe(case: Case, seed: int) -> Observed:
    """The error of each format, of all and of rounding the keys or the values alone."""
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((1, HEADS, QUERIES, DIM))
    k, v = rng.standard_normal((2, 1, HEADS, TOKENS, DIM))
    k[..., : case["channels"]] += case["offset"]
    exact = reference.rows(q, k, v, ROWS, causal=False)

    def error(keys: np.ndarray, values: np.ndarray) -> float:
        made = reference.rows(q, keys, values, ROWS, causal=False)
        return float(np.sqrt(np.mean((made - exact) ** 2) / np.mean(exact**2)))

    found: dict[str, float] = {}
    for name, (round_keys, round_values) in FORMATS.items():
        keys, values = round_keys(k), round_values(v)
        found |= {name: error(keys, values), f"{name}_keys": error(keys, v), f"{name}_values": error(k, values)}
    return found


CASES = tuple({"channels": 4, "offset": float(offset)} for offset in (0, 2, 4, 8, 16))
experiment = Study(observe=observe, quick=(CASES[0], CASES[-1]), full=CASES, seeds=tuple(range(8)))
