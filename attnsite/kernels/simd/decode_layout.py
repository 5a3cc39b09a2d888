"""Where things lie in a thread's part of the scratch while it decodes."""

from typing import NamedTuple

from numba.extending import register_jitable

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.registers import WIDTH

BLOCK = 128  # keys whose weights are found at a time; a multiple of WIDTH
STORED_BLOCK = 2 * BLOCK  # the same for a single row over a cache in fewer bits: as many bytes, or half
WIDENED = 32  # values that are brought into the nearest cache at a time; a multiple of WIDTH
KEYS = 16  # keys that are scored at a time
SUMS = {16: 16, 8: 8, 4: 8}[WIDTH]  # registers of a tile, of scores or of the output
MOST_HEADS = WIDTH  # of a chunk


class Layout(NamedTuple):
    """Where things lie in the scratch, and how wide they are, in floats.

    Heads of a group stand in chunks of `heads`, those of the last chunk that are too many with queries of zeros; a
    single head is a chunk of one. Rows are (query, chunk, head of the chunk), chunks (query, chunk).
    """

    group: int  # heads that share a KV head
    heads: int  # of a chunk
    chunks: int  # of a group
    wide: int  # a row of q, of the output, of packed k and v
    q: int  # (chunks, wide / slice, heads, slice), or the rows where a chunk is one head
    output: int  # (rows, wide), so far
    states: int  # (chunks, 4, heads, slice): maxima, sums, factors for older sums, ones; or a maximum and a sum a row
    scores: int  # (chunks, BLOCK / slice, heads, slice)
    k: int  # a block, packed
    v: int
    spare: int  # WIDTH registers
    end: int


@register_jitable(**INLINE)
def slice_of(heads):
    """The lanes that each head of a chunk has: those of one register for two heads, of two for more."""
    return (WIDTH if heads == 2 else 2 * WIDTH) // heads


@register_jitable(**INLINE)
def lines_at_once(heads, number_bytes):
    """The cache lines of as many values, for each step of the scores, as keys are met in a tile."""
    tall = SUMS if heads == 2 else SUMS // 2
    return max(1, tall * slice_of(heads) * number_bytes // 64)


@register_jitable(**INLINE)
def chunk_of(group):
    """The heads of a chunk: those that cost least, where each chunk costs as much as one more head."""
    best, least = 1, group if group == 1 else 1 << 30
    heads = MOST_HEADS
    while heads > 1:
        chunks = (group + heads - 1) // heads
        if group > 1 and chunks * (heads + 1) < least:
            best, least = heads, chunks * (heads + 1)
        heads //= 2
    return best


@register_jitable(**INLINE)
def lay_out(call, start):
    """The `Layout` from scratch[start] on: its size is asked for in Python too."""
    group = call.heads // call.kv_heads
    heads = chunk_of(group)
    chunks = (group + heads - 1) // heads
    wide = (call.dim + WIDTH - 1) // WIDTH * WIDTH
    rows = call.queries * chunks * heads
    output = start + rows * wide
    states = output + rows * wide
    scores = states + call.queries * chunks * 4 * heads * slice_of(heads)
    k = scores + max(rows * BLOCK, STORED_BLOCK)
    v = k + (BLOCK + WIDTH) * wide
    spare = v + (BLOCK + WIDTH) * wide
    return Layout(group, heads, chunks, wide, start, output, states, scores, k, v, spare, spare + WIDTH * WIDTH)
