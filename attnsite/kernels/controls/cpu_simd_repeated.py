"""Grouped heads by copying: keys and values are repeated for every query head, then attended to as if none were shared.

This is not a rung of the ladder. It is here for one comparison: code that calls attention through a function without
shared heads repeats K and V first, and what that costs is seen against `cpu_simd`, which reads the shared head where it
lies. The copy is made by all threads, into memory that is kept from one call to the next, which is kinder than a fresh
array: its pages are there already. With a KV head for each query head nothing is copied.

Bytes: reads k and v once, writes them heads / kv_heads times, and then reads all of that as `cpu_simd` does. A decoding
step, which otherwise reads each number once, is made of little else.

Look at `_repeat`, and at what follows it: nothing else changes, so every difference in time is the copy, or what the
copies push out of the caches.
"""

from numba import njit, prange

from attnsite.kernels import cpu_simd
from attnsite.kernels.plain.shapes import require_fit
from attnsite.kernels.simd.scratch import kept

DEVICE = "cpu"
FOLLOWS = "cpu_simd"


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim), where kv_heads divides heads; float32."""
    _, heads, kv_heads, _, _, _ = require_fit(q, k, v, out)
    if kv_heads < heads:
        k, v = _repeated(k, heads, "k"), _repeated(v, heads, "v")
    cpu_simd.attention(q, k, v, out, causal=causal)


def _repeated(array, heads, name):
    """The array with each head heads / kv_heads times, in memory that the next call uses again."""
    batch, _, keys, dim = array.shape
    size = batch * heads * keys * dim
    copies = kept(f"repeated {name}", size)[:size].reshape(batch, heads, keys, dim)
    _repeat(array, copies)
    return copies


@njit(parallel=True, cache=True)
def _repeat(array, copies):
    """copies[b, h] = array[b, h // group], as torch.repeat_interleave along the heads."""
    batch, heads = copies.shape[:2]
    group = heads // array.shape[1]
    for head in prange(batch * heads):
        b, h = head // heads, head % heads
        copies[b, h] = array[b, h // group]
