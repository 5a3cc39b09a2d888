"""Rows of a tensor on the device, four columns at a time."""

from typing import Any

from attnsite.kernels.cuda.driver import float32, jit
from attnsite.kernels.cuda.ptx import load4


def reading(dim: int) -> Any:
    """A device function: columns d … d + 3 of row i of an array (batch, heads, length, dim), zeros outside of it.

    One 16-byte load where the width allows it, which needs a contiguous array and a d that four divides.
    """
    if dim % 4 == 0:

        @jit(device=True, inline=True)
        def read(array, b, h, i, d):
            if i < array.shape[2] and d < dim:
                return load4(array, ((b * array.shape[1] + h) * array.shape[2] + i) * dim + d)
            return float32(0), float32(0), float32(0), float32(0)

    else:  # a row begins anywhere

        @jit(device=True, inline=True)
        def read(array, b, h, i, d):
            x, y, z, w = float32(0), float32(0), float32(0), float32(0)
            if i < array.shape[2]:
                x = array[b, h, i, d] if d < dim else x
                y = array[b, h, i, d + 1] if d + 1 < dim else y
                z = array[b, h, i, d + 2] if d + 2 < dim else z
                w = array[b, h, i, d + 3] if d + 3 < dim else w
            return x, y, z, w

    return read
