"""PyTorch's `scaled_dot_product_attention` with its math backend: two matrix products and a softmax, all scores held.

This is what SDPA falls back to, and what attention is in PyTorch without a fused kernel: the scores of all heads lie in
memory, 4·heads·queries·keys bytes, and are written and read more than once.

Tensors share memory with the arrays. Every call makes a new output; `attention` copies it, `prepare` does not. The
causal mask is bottom right, added to the scores where queries and keys differ in number. Grouped heads are repeated in
memory by PyTorch itself.

Look at `prepare`: the backend is called by its own name instead of through `sdpa_kernel`, whose entering costs 20 µs a
call; a test holds that both give the same bits.
"""

from collections.abc import Callable

import numpy as np
import torch

from attnsite.peers import _torch
from attnsite.peers._torch import build, use_threads

__all__ = ["DEVICE", "attention", "build", "prepare", "prepare_gradients", "use_threads"]
DEVICE = "cpu"


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    out[...] = prepare(q, k, v, causal=causal)()


def prepare(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, causal: bool) -> Callable[[], np.ndarray]:
    """The call, ready: each makes a new output (batch, heads, queries, dim), which NumPy then shares."""
    inputs = _torch.tensors(q, k, v)
    masking = _torch.added(_torch.masking(q.shape[2], k.shape[2], causal))
    sdpa = torch.ops.aten._scaled_dot_product_attention_math.default
    return lambda: sdpa(*inputs, enable_gqa=True, **masking)[0].numpy()


def prepare_gradients(q: np.ndarray, k: np.ndarray, v: np.ndarray, dout: np.ndarray, *,
                      causal: bool) -> Callable[[], list[np.ndarray]]:  # fmt: skip
    """The backward pass, ready: each call makes new dq, dk, dv from `dout`, the gradient of the output."""
    inputs = _torch.learning(*_torch.tensors(q, k, v))
    masking = _torch.added(_torch.masking(q.shape[2], k.shape[2], causal))
    out = torch.ops.aten._scaled_dot_product_attention_math.default(*inputs, enable_gqa=True, **masking)[0]
    return _torch.pullback(out, inputs, dout)
