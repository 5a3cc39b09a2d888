"""Decode over an int8 KV cache with one scale per row: a quarter of the bytes of float32.

A row of keys or values is stored as whole numbers from −127 to 127 times its largest magnitude / 127, the simplest
quantisation that serving systems use. Codes are widened to float32 in registers (`simd/decode_narrow.py`), and
arithmetic stays as in `cpu_simd_decode`; a row's factor is multiplied into its score and into its weight, which are one
number each. The error here is measured against attention over the rounded cache; what the rounding does to a model is
another question.

Bytes: (2·dim + 8)·kv_heads·keys, a quarter of float32's and a little for the factors.

A row that holds NaN or infinity, which no whole number stands for, has NaN for its factor: it comes back as NaN whole.

Look at `store_cache`, and at `simd/decode_narrow.py` for the way back.
"""

import numpy as np

from attnsite.kernels import cpu_simd_decode

DEVICE = "cpu"
FOLLOWS = "cpu_simd_decode_bf16"


def store_cache(k, v):
    """k and v as this kernel takes them: for each, codes, int8 of its shape, and scales (batch, kv_heads, keys)."""
    return _quantise(k), _quantise(v)


def restore_cache(k, v):
    """What the kept cache stands for, in float32."""
    return tuple(codes * scales[..., None] for codes, scales in (k, v))


def attention(q, k, v, out, *, causal):
    """Fill out, float32 like q (batch, heads, queries, dim), from k and v as `store_cache` made them."""
    cpu_simd_decode.attention(q, k[0], v[0], out, causal=causal, scales=(k[1], v[1]))


def _quantise(x):
    x = np.ascontiguousarray(x, np.float32)
    largest = np.abs(x).max(axis=3, initial=0)
    scales = largest / np.float32(127)
    small = scales < np.finfo(np.float32).tiny  # subnormal: rounded down, it would ask for more than 127
    scales = np.where(small & (scales * np.float32(127) < largest), np.nextafter(scales, np.float32(1)), scales)
    scales = np.where(np.isfinite(scales), scales, np.float32(np.nan))
    factors = np.where((scales > 0)[..., None], x, 0) / np.where(scales > 0, scales, 1)[..., None]
    return np.rint(factors).astype(np.int8), scales
