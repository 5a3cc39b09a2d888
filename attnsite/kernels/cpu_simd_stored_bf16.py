"""The tiled online softmax over bfloat16: half the bytes, the same arithmetic, one rounding at the end.

Queries, keys, values and the output are stored in 16 bits; everything in between is float32, as in `cpu_simd`, whose
tiles widen each row on its way into the workspace. Scores, weights and sums are never rounded to 16 bits, so this is
the float32 kernel on rounded inputs, bit for bit, and its output rounded once. That is more exact than a tensor core,
which is given rounded weights.

Bytes: half of those of `cpu_simd`. A prompt is limited by arithmetic, so they buy no time; where they do is when one
query meets a long cache, and `cpu_simd_decode_bf16` is for that.

Look at `store_array`. The error here is measured against attention over the rounded inputs, with an output that is
rounded too; what rounding costs against the numbers before it is another question, and larger.
"""

from attnsite.kernels import cpu_simd
from attnsite.kernels.plain.halves import from_bfloat16, to_bfloat16

DEVICE = "cpu"
FOLLOWS = "cpu_simd"


def store_array(x):
    """float32 as this kernel takes it: the bits of bfloat16, uint16, of the same shape."""
    return to_bfloat16(x)


def restore_array(x):
    """What is stored, in float32."""
    return from_bfloat16(x)


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all bfloat16 as its bits in uint16."""
    cpu_simd.attention(q, k, v, out, causal=causal)
