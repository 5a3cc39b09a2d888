"""Tiled attention with online softmax and hand-blocked SIMD registers, close to the FMA peak.

`cpu_online` leaves register allocation to LLVM, which loads and stores an accumulator every few multiply-adds. Here a
tile of accumulators stays in registers for a whole product (`simd/tile.py`), and with AVX-512 its loop has sixteen
multiply-adds for ten loads and broadcasts. K and V are read in place; only the queries are packed, transposed, once for
all keys.

Memory traffic: Q and output once; K and V once per tile of queries, mostly from L2. Workspace: a few tiles per thread.

Look at `_meet_panel` in `simd/prefill.py`: for each tile of keys and each panel of queries the scores, the new maxima,
the weights, the mixed values; `simd/prefill_steps.py` has those steps. Threads take tiles from a shared counter,
longest first. Results are bitwise identical for any number of threads. Where there are too few queries to fill a panel,
`cpu_simd_decode` takes over.

Follows FlashAttention-2 [@dao2024flashattention2] in what it computes and in splitting the queries among threads.
"""

from numba import get_num_threads, njit

from attnsite.kernels.plain.inner import INNER
from attnsite.kernels.simd.call import prepare, unpack_call
from attnsite.kernels.simd.decode import decode
from attnsite.kernels.simd.prefill import (
    Blocks,
    Queries,
    begin_queries,
    computed,
    end_queries,
    meet_keys,
    room_at,
    room_floats,
)  # fmt: skip
from attnsite.kernels.simd.registers import pointer
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import deal, next_task, on_all, share_out
from attnsite.kernels.simd.tile import LANES, ROWS

DEVICE = "cpu"
FOLLOWS = "cpu_online"
DECODED_UP_TO = 8  # queries of a head, too few for a panel: the lanes lie otherwise then, and the keys are split
PANELS = 6  # of queries in a tile, at most
KEYS = 128 // ROWS * ROWS  # in a tile
NEEDED = Blocks(1, 1)  # of scores that are computed, as far as whole panels and rows of a tile allow


def attention(q, k, v, out, *, causal, window=None, causal_alignment="bottom-right", key_mask=None, alibi_slopes=None,
              lse=None, tiles=None):  # fmt: skip
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim).

    All float32, or all float16, or all bfloat16 as its bits in uint16; `out` may be float32 in any case. Strides are
    taken as they are, if each row lies in one piece.

    causal: query i sees key j when j ≤ i + offset; offset is keys − queries when `causal_alignment` is "bottom-right"
        (as in FlashAttention since 2.1), 0 when it is "top-left" (as with PyTorch's `is_causal`).
    window: (left, right): query i sees only keys from i + offset − left to i + offset + right; −1 for no end.
    key_mask: bool (batch, keys), true for keys that take part.
    alibi_slopes: float32 (batch, heads), ALiBi: slope · |i + offset − j| is subtracted from the score.
    lse: float32 (batch, heads, queries), filled with the natural logarithm of each row's sum of exponentials.
    tiles: (panels of queries, keys) of a tile; what is best is measured, not known beforehand.

    A row that sees no key gives zeros and −inf. Raises ValueError for arrays that do not fit together.
    """
    call, numbers, arrays = prepare(q, k, v, out, causal=causal, window=window, causal_alignment=causal_alignment,
                                    key_mask=key_mask, alibi_slopes=alibi_slopes, lse=lse)  # fmt: skip
    if call.queries <= DECODED_UP_TO and alibi_slopes is None and tiles is None:
        decode(call, numbers, arrays)
        return
    panels, keys = tiles or (PANELS, KEYS)
    prefill(call, numbers, arrays, panels=panels, keys=-(-keys // ROWS) * ROWS)


def prefill(call, numbers, arrays, *, panels=PANELS, keys=KEYS, blocks=NEEDED, in_parts=False):
    """Run a call that has been laid out, in tiles of at most so many panels of queries and so many keys.

    blocks: what is computed beyond what queries see. in_parts: each thread gets as many tiles in a row, in their order,
        and not the longest that is left when it is free. Neither changes a bit of the output.
    """
    threads, pairs, most = get_num_threads(), call.batch * call.heads, -(-call.queries // LANES)
    if pairs * most == 0:
        return
    panels = share_out(pairs, most, panels, threads)
    tasks = pairs * -(-most // panels)
    threads = min(threads, tasks)
    scratch, size = workspace(threads, room_floats(call, panels, keys))
    on_all(_work, threads, numbers, arrays, panels, keys, *blocks, in_parts, scratch, size,
           deal(tasks, threads, in_parts))  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, arrays, panels, keys, tall, wide, in_order, scratch, size, dealt):
    """What one thread does: tiles of queries, as long as there are any for it."""
    call, arrays = unpack_call(numbers, arrays)
    room = room_at(call, pointer(scratch), thread * size, panels, keys)
    tall_tile = panels * LANES
    tiles = (call.queries + tall_tile - 1) // tall_tile
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        pair, place = task // tiles, task % tiles
        first = (place if in_order else tiles - 1 - place) * tall_tile  # with a causal mask, the longest first
        queries = Queries(pair // call.heads, pair % call.heads, first, min(tall_tile, call.queries - first))
        _tile_of_queries(call, arrays, room, queries, keys, Blocks(tall, wide))


@njit(**INNER)
def _tile_of_queries(call, arrays, room, queries, keys, blocks):
    """One tile of queries, from its first key to its last."""
    begin_queries(call, arrays, room, queries)
    begin, end = computed(call, blocks, queries.first, queries.rows)
    for tile in range(begin // keys * keys, end, keys):
        meet_keys(call, arrays, room, queries, tile, min(keys, call.keys - tile), blocks)
    end_queries(call, arrays, room, queries)
