"""Rows of keys and values brought into the form that a tile's product reads: float32, evenly padded, close together."""

import numpy as np
from numba import njit

from attnsite.kernels._storage import read

_LARGEST = np.float32(np.finfo(np.float32).max)
ZERO = np.float32(0)


@njit(nogil=True, error_model="numpy")
def is_finite(v, at, step, rows, dim):
    """Whether no number of the tile is NaN or infinite."""
    bad = False
    for j in range(rows):
        for d in range(dim):
            bad |= not (abs(v[at + j * step + d]) <= _LARGEST)
    return not bad


@njit(nogil=True, error_model="numpy")
def copy(source, at, step, rows, dim, ws, to, to_step):
    """Rows into the workspace, `to_step` apart, columns from dim on zero."""
    for j in range(rows):
        for d in range(dim):
            ws[to + j * to_step + d] = source[at + j * step + d]
        for d in range(dim, to_step):
            ws[to + j * to_step + d] = ZERO


@njit(nogil=True, error_model="numpy")
def unpack_int8(source, at, step, rows, dim, scales, first, ws, to, to_step):
    """The same from int8 codes: row j is code · scales[first + j]."""
    codes = source.view(np.int8)
    for j in range(rows):
        scale = scales[first + j]
        for d in range(dim):
            ws[to + j * to_step + d] = np.float32(codes[at + j * step + d]) * scale
        for d in range(dim, to_step):
            ws[to + j * to_step + d] = ZERO


@njit(nogil=True, error_model="numpy")
def unpack(source, at, step, rows, dim, kind, ws, to, to_step):
    """The same from 16-bit numbers."""
    for j in range(rows):
        for d in range(dim):
            ws[to + j * to_step + d] = read(source, at + j * step + d, kind)
        for d in range(dim, to_step):
            ws[to + j * to_step + d] = ZERO
