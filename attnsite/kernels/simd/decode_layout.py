"""Where things lie in a thread's workspace while it decodes."""

from typing import NamedTuple

from numba import njit

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.registers import WIDTH
from attnsite.kernels.simd.tile import LANES, ROWS

BLOCK = 128  # keys that are worked on at a time; a multiple of WIDTH
LONG = 2 * BLOCK  # where a cache is read in fewer bits: as many bytes, or half
TURN = 24  # heads of a group from which lanes are heads


class Layout(NamedTuple):
    """Where things lie in a thread's workspace, and how wide they are, in floats."""

    group: int  # heads that share a KV head
    wide: int  # a row of q, of the output, of packed k and v
    padded: int  # columns of O^T
    panels: int  # of heads, where lanes are heads
    area: int  # of a panel
    panel: int
    q: int
    mixed: int  # the output so far
    most: int  # the maxima so far
    total: int  # the sums so far
    scores: int
    k: int
    v: int
    spare: int
    end: int


def lay_out(call, start):
    group = call.heads // call.kv_heads
    wide, padded = (call.dim + WIDTH - 1) // WIDTH * WIDTH, (call.dim + ROWS - 1) // ROWS * ROWS
    turned = group >= TURN
    panels, area = (group + LANES - 1) // LANES if turned else 0, (call.dim + padded + 2) * LANES
    rows, packed = call.queries * group, (BLOCK + WIDTH) * wide
    q = start + call.queries * panels * area
    mixed = q + rows * wide
    most = mixed + rows * wide
    scores = most + (2 * rows + 15) // 16 * 16
    k = scores + (BLOCK * LANES if turned else max(group * BLOCK, LONG))
    spare = k + 2 * packed
    return Layout(group, wide, padded, panels, area, start, q, mixed, most, most + rows, scores, k, k + packed, spare,
                  spare + WIDTH * WIDTH)  # fmt: skip


lay_out_compiled = njit(**INLINE)(lay_out)
