"""PyTorch's `scaled_dot_product_attention` on a GPU with its math backend: separate operations, in float32.

It writes the scores out between a product, a softmax and another product, as `cuda_naive` does, with tuned products.
It is what PyTorch falls back to where no other backend takes a shape.

Look at `_torch_cuda`: the backend is asked for by name, and a shape that it refuses is a skipped row.
"""

from functools import partial

import torch
from torch.nn.attention import SDPBackend

from attnsite.peers import _torch_cuda
from attnsite.peers._torch import build
from attnsite.peers._torch_cuda import fetch

__all__ = ["DEVICE", "build", "fetch", "prepare"]
DEVICE = "cuda"
prepare = partial(_torch_cuda.prepare, SDPBackend.MATH, torch.float32)
