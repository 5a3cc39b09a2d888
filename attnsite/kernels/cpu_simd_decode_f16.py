"""The same over a cache of float16: as many bytes as bfloat16, eleven bits of mantissa instead of eight, less range.

Keys and values are widened to float32 in registers (`_narrow`), by the processor's own conversion; all arithmetic stays
as in `cpu_simd_decode`. Each number is rounded to a relative 2⁻¹² when the cache is written. Its error here is measured
against attention over the rounded cache.

Bytes: 4·kv_heads·keys·dim instead of 8.

Look at `store_cache`: beyond 65504 there is nothing but infinity, which bfloat16 does not know before 3·10³⁸.
"""

import numpy as np

from attnsite.kernels import cpu_simd_decode

DEVICE = "cpu"


def store_cache(k, v):
    """k and v as this kernel takes them: float16 of the same shapes; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return k.astype(np.float16), v.astype(np.float16)


def restore_cache(k, v):
    """What the kept cache stands for, in float32."""
    return k.astype(np.float32), v.astype(np.float32)


def attention(q, k, v, out, *, causal):
    """Fill out, float32 like q (batch, heads, queries, dim), from k and v as `store_cache` made them."""
    cpu_simd_decode.attention(q, k, v, out, causal=causal)
