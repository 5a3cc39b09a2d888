"""PyTorch's `scaled_dot_product_attention` on a GPU with its flash backend, which is FlashAttention-2.

Tensors are bfloat16, since this backend takes no float32. The reference gets the rounded
inputs, and the bound of the error is that of NumPy with weights and outputs rounded likewise.

Look at `_torch_cuda`: the backend is asked for by name, and a shape that it refuses is a skipped row.
"""

from functools import partial

import torch
from torch.nn.attention import SDPBackend

from attnsite.peers import _torch_cuda
from attnsite.peers._torch import build
from attnsite.peers._torch_cuda import fetch, store_array

__all__ = ["DEVICE", "build", "fetch", "prepare", "store_array"]
DEVICE = "cuda"
prepare = partial(_torch_cuda.prepare, SDPBackend.FLASH_ATTENTION, torch.bfloat16)
