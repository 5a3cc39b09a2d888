"""What the PyTorch peers on a GPU share: tensors on the device, one backend and no other, and the way back.

SDPA chooses among its backends by version, type and shape, so each is asked for by name, and a shape that it refuses
is a skipped row. Entering `sdpa_kernel` costs the host some microseconds, which the clock does not see: what is timed
lies between two events on the device.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from attnsite.peers import _mask

PLACE = "cuda"


def prepare(backend: SDPBackend, kind: torch.dtype, q: np.ndarray, k: np.ndarray, v: np.ndarray, *,
            causal: bool) -> Callable[[], torch.Tensor]:  # fmt: skip
    """The call, ready: each enqueues one and gives its output on the device."""
    if not torch.cuda.is_available():
        raise NotImplementedError("PyTorch sees no GPU here")
    inputs = [torch.from_numpy(array).to(PLACE, kind) for array in (q, k, v)]
    queries, keys = q.shape[2], k.shape[2]
    masking: dict = {} if _mask.needs_none(queries, keys, causal) else {"is_causal": True}
    if masking and queries != keys:
        masking = {"attn_mask": torch.from_numpy(_mask.bottom_right(queries, keys)).to(PLACE)}
    sdpa = torch.nn.functional.scaled_dot_product_attention

    def call() -> torch.Tensor:
        with sdpa_kernel(backend):
            return sdpa(*inputs, enable_gqa=q.shape[1] != k.shape[1], **masking)

    try:
        call()
        torch.cuda.synchronize()
    except RuntimeError as refusal:
        reason = str(refusal).strip().splitlines()[0]
        raise NotImplementedError(f"{backend.name} refuses: {reason}"[:200]) from None
    return call


def fetch(out: torch.Tensor) -> np.ndarray:
    """The output as a float32 array."""
    made: np.ndarray = out.float().cpu().numpy()
    return made


def store_array(array: np.ndarray) -> np.ndarray:
    """float32 numbers rounded to bfloat16, as the tensors hold them."""
    made: np.ndarray = torch.from_numpy(np.ascontiguousarray(array)).bfloat16().float().numpy()
    return made
