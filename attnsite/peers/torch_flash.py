"""PyTorch's `scaled_dot_product_attention` with its flash backend, which it takes on a CPU unless told otherwise.

The keys are taken in blocks with an online softmax, as in FlashAttention [@dao2022flashattention]; the blocks are
multiplied by the BLAS that PyTorch was built with.

Tensors share memory with the arrays, so nothing is copied in. SDPA has no argument for its output: every call makes a
new tensor, as for everybody who calls it. `prepare` hands that tensor over; `attention` copies it, which writes the
output once more. Grouped heads go through `enable_gqa`. `is_causal` is aligned at the top left, so where queries and
keys differ in number a boolean mask says bottom right; it is made before the clock starts, and read with it running.

Look at `prepare`: the backend is asked for by name before the first call, and another one is an error. It is not forced
by `sdpa_kernel`, because entering that costs 20 µs a call, which nobody pays who lets SDPA choose.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.attention import SDPBackend

from attnsite.peers import _torch
from attnsite.peers._torch import build, use_threads

__all__ = ["DEVICE", "attention", "build", "prepare", "prepare_gradients", "use_threads"]
DEVICE = "cpu"
BACKEND = SDPBackend.FLASH_ATTENTION


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    out[...] = prepare(q, k, v, causal=causal)()


def prepare(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, causal: bool) -> Callable[[], np.ndarray]:
    """The call, ready: each makes a new output (batch, heads, queries, dim), which NumPy then shares."""
    inputs = _torch.tensors(q, k, v)
    masking = _torch.masking(q.shape[2], k.shape[2], causal)
    _refuse_others(inputs, masking)
    sdpa = torch.nn.functional.scaled_dot_product_attention
    return lambda: sdpa(*inputs, enable_gqa=True, **masking).numpy()


def prepare_gradients(q: np.ndarray, k: np.ndarray, v: np.ndarray, dout: np.ndarray, *,
                      causal: bool) -> Callable[[], list[np.ndarray]]:  # fmt: skip
    """The backward pass, ready: each call makes new dq, dk, dv from `dout`, the gradient of the output."""
    inputs = _torch.learning(*_torch.tensors(q, k, v))
    masking = _torch.masking(q.shape[2], k.shape[2], causal)
    _refuse_others(inputs, masking)
    out = torch.nn.functional.scaled_dot_product_attention(*inputs, enable_gqa=True, **masking)
    return _torch.pullback(out, inputs, dout)


def _refuse_others(inputs: tuple[torch.Tensor, ...], masking: dict) -> None:
    taken = _torch.chosen(*inputs, **masking)
    if taken != BACKEND.value:
        name = next((backend.name for backend in SDPBackend.__members__.values() if backend.value == taken), str(taken))
        raise NotImplementedError(f"PyTorch takes its {name} backend here, not {BACKEND.name}")
