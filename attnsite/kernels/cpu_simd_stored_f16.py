"""The tiled online softmax over float16: three more bits for the digits than bfloat16, and far less range.

As in `cpu_simd_stored_bf16`, queries, keys, values and the output are stored in 16 bits and everything in between is
float32. A number beyond 65504 becomes infinite when it is stored; scores are not stored, so they may be as large as in
float32.

Bytes: half of those of `cpu_simd`, and no less time for a prompt.

Look at what is not here: no scaling against overflow, no second sum. Widening is exact and the arithmetic is that of
float32, so the only roundings of 16 bits are those of the inputs and of the output.
"""

import numpy as np

from attnsite.kernels import cpu_simd

DEVICE = "cpu"
FOLLOWS = "cpu_simd_stored_bf16"


def store_array(x):
    """float32 as this kernel takes it: float16, of the same shape; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return x.astype(np.float16, order="C")


def restore_array(x):
    """What is stored, in float32."""
    return x.astype(np.float32)


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float16."""
    cpu_simd.attention(q, k, v, out, causal=causal)
