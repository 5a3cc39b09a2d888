"""PyTorch's `scaled_dot_product_attention` on a GPU with its memory-efficient backend, in float32.

It walks over the keys in tiles as the others do. On recent GPUs its products may go through tensor cores in several
passes, so its speed is not bounded by that of the float32 units.

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
prepare = partial(_torch_cuda.prepare, SDPBackend.EFFICIENT_ATTENTION, torch.float32)
