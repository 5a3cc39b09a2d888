"""Decoding over a KV cache in bfloat16: half the bytes; without shared KV heads, nearly half the time.

Where memory sets the pace, fewer bits are the way to be faster. Keys and values are widened to float32 in registers
(`simd/decode_narrow.py`), keys that heads share a few at a time in the nearest cache (`simd/decode_group.py`), and all
arithmetic stays as in `cpu_simd_decode`. What is lost is lost when the cache is written: each number is rounded by at
most a relative 2⁻⁸. Its error here is measured against attention over the rounded cache.

Bytes: 4·kv_heads·keys·dim instead of 8.

Look at `store_cache`: bfloat16 is the upper half of a float32, rounded to nearest, ties to even.
"""

from attnsite.kernels import cpu_simd_decode
from attnsite.kernels.plain.halves import from_bfloat16, to_bfloat16

DEVICE = "cpu"
FOLLOWS = "cpu_simd_decode"


def store_cache(k, v):
    """k and v as this kernel takes them: the bits of bfloat16, uint16, of the same shapes."""
    return to_bfloat16(k), to_bfloat16(v)


def restore_cache(k, v):
    """What the kept cache stands for, in float32."""
    return from_bfloat16(k), from_bfloat16(v)


def attention(q, k, v, out, *, causal):
    """Fill out, float32 like q (batch, heads, queries, dim), from k and v as `store_cache` made them."""
    cpu_simd_decode.attention(q, k, v, out, causal=causal)
