"""What the PyTorch peers share: tensors on NumPy's memory, the causal mask, threads, and its build."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from attnsite.peers import _mask


def tensors(*arrays: np.ndarray) -> tuple[torch.Tensor, ...]:
    """The same memory as tensors; nothing is copied."""
    return tuple(torch.from_numpy(array) for array in arrays)


def masking(queries: int, keys: int, causal: bool) -> dict[str, Any]:
    """The arguments that mean bottom-right causal to SDPA, whose own `is_causal` is aligned at the top left."""
    if _mask.needs_none(queries, keys, causal):
        return {}
    if queries == keys:
        return {"is_causal": True}  # both alignments are the same here, and no mask is read
    return {"attn_mask": torch.from_numpy(_mask.bottom_right(queries, keys))}


def added(masking: dict[str, Any]) -> dict[str, Any]:
    """The same with a mask to add to the scores, 0 or -inf: SDPA makes that of a boolean one before its backends."""
    if "attn_mask" not in masking:
        return masking
    seen = masking["attn_mask"]
    return {"attn_mask": torch.zeros(seen.shape).masked_fill_(~seen, -torch.inf)}


def chosen(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **masking: Any) -> int:
    """The number of the backend that SDPA takes for these tensors, as in `torch.nn.attention.SDPBackend`."""
    return int(torch._fused_sdp_choice(q, k, v, enable_gqa=True, **masking))


def learning(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The same numbers as tensors whose gradients will be asked for."""
    return tuple(tensor.detach().requires_grad_() for tensor in tensors)


def pullback(out: torch.Tensor, inputs: tuple[torch.Tensor, ...], dout: np.ndarray) -> Callable[[], list[np.ndarray]]:
    """Autograd's backward pass from `dout` at `out` to the inputs, as often as it is called."""
    given = torch.from_numpy(dout)
    return lambda: [made.numpy() for made in torch.autograd.grad(out, inputs, given, retain_graph=True)]


def use_threads(count: int) -> None:
    """PyTorch's own threads, and those of the BLAS in it."""
    torch.set_num_threads(count)


def build() -> dict[str, str]:
    """The BLAS and the vector instructions of this PyTorch."""
    shown = torch.__config__.show()
    blas = re.search(r"oneAPI Math Kernel Library Version ([\d.]+)", shown)
    other = re.search(r"BLAS_INFO=(\w+)", shown)
    vectors = re.search(r"CPU capability usage: (\w+)", shown)
    found = {"torch_blas": f"oneMKL {blas[1]}" if blas else other and other[1], "torch_vectors": vectors and vectors[1]}
    return {name: value for name, value in found.items() if value}
