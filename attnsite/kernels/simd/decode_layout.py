"""Where things lie in a thread's part of the scratch while it decodes."""

from typing import NamedTuple

from numba.extending import register_jitable

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.prefill_steps import panel_floats
from attnsite.kernels.simd.registers import WIDTH
from attnsite.kernels.simd.tile import LANES, ROWS

BLOCK = 128  # keys that are worked on at a time; a multiple of WIDTH
STORED_BLOCK = 2 * BLOCK  # the same for a single row over a cache in fewer bits: as many bytes, or half
HEADS_AS_LANES_FROM = 24  # heads of a group


class Layout(NamedTuple):
    """Where things lie in the scratch, and how wide they are, in floats."""

    group: int  # heads that share a KV head
    wide: int  # a row of q, of the output, of packed k and v
    padded: int  # columns of O^T
    panels: int  # of heads, where lanes are heads; else 0
    area: int  # of a panel
    panel: int
    q: int  # rows (query, head of the group) of `wide` each
    output: int  # the same rows, so far
    maxima: int  # one a row
    totals: int  # one a row
    scores: int
    k: int  # a block, packed
    v: int
    spare: int  # WIDTH registers
    end: int


@register_jitable(**INLINE)
def lay_out(call, start):
    """The `Layout` from scratch[start] on: its size is asked for in Python too."""
    group = call.heads // call.kv_heads
    wide, padded = (call.dim + WIDTH - 1) // WIDTH * WIDTH, (call.dim + ROWS - 1) // ROWS * ROWS
    as_lanes = group >= HEADS_AS_LANES_FROM
    panels, area = (group + LANES - 1) // LANES if as_lanes else 0, panel_floats(call.dim, padded)
    rows, packed = call.queries * group, (BLOCK + WIDTH) * wide
    q = start + call.queries * panels * area
    output = q + rows * wide
    maxima = output + rows * wide
    scores = maxima + (2 * rows + 15) // 16 * 16
    k = scores + (BLOCK * LANES if as_lanes else max(group * BLOCK, STORED_BLOCK))
    spare = k + 2 * packed
    return Layout(group, wide, padded, panels, area, start, q, output, maxima, maxima + rows, scores, k, k + packed,
                  spare, spare + WIDTH * WIDTH)  # fmt: skip
