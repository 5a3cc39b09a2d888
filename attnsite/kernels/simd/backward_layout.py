"""Where things lie in a thread's part of the scratch in the backward pass."""

from typing import Any, NamedTuple

from numba import njit
from numba.extending import register_jitable

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.backward_steps import gradient_panel_at, gradient_panel_floats
from attnsite.kernels.simd.registers import WIDTH
from attnsite.kernels.simd.tile import LANES, ROWS

PANELS = 2  # of queries in a tile
QUERIES = PANELS * LANES  # in a tile
KEYS = 64  # in a tile
GAP = 16  # floats between rows of P^T: without them the rows would fall on the same few lines of the first cache


class Room(NamedTuple):
    """A thread's part of the scratch: what lies where, in floats behind the pointer `scratch`."""

    scratch: Any
    padded: int  # columns of dQ^T: the head width, rounded up to whole tiles of sums
    wide: int  # columns of dk and dv: the head width, rounded up to whole registers
    dk: int  # (chunk, wide), so far
    dv: int
    panels: int  # one behind the other
    q: int  # (QUERIES, wide), packed
    dout: int
    weights: int  # P^T (KEYS, QUERIES + GAP)
    gradients: int  # dS^T, likewise
    k: int  # (KEYS, padded), packed
    v: int  # (KEYS, dim)
    end: int


@register_jitable(**INLINE)
def room_at(shape, scratch, at):
    """The `Room` that begins at scratch[at]; in Python its size."""
    dim = shape.dim
    padded, wide = (dim + ROWS - 1) // ROWS * ROWS, (dim + WIDTH - 1) // WIDTH * WIDTH
    dv = at + shape.chunk * wide
    panels = dv + shape.chunk * wide
    q = panels + PANELS * gradient_panel_floats(dim, padded)
    dout = q + QUERIES * wide
    weights = dout + QUERIES * wide
    gradients = weights + KEYS * (QUERIES + GAP)
    k = gradients + KEYS * (QUERIES + GAP)
    v = k + KEYS * padded
    return Room(scratch, padded, wide, at, dv, panels, q, dout, weights, gradients, k, v, v + KEYS * dim)


@njit(**INLINE)
def panel_of(shape, room, i):
    """Panel i of a tile of queries."""
    at = room.panels + i * gradient_panel_floats(shape.dim, room.padded)
    return gradient_panel_at(room.scratch, at, shape.dim, room.padded)
