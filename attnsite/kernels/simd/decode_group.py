"""Decoding for heads that share keys and values: a block of those meets all queries of all heads of the group.

Keys that are stored in fewer bits are widened KEYS at a time, so that what was widened is met by every head before it
leaves the nearest cache; whole blocks of keys would go to the second cache and come back. Values are widened on their
way from memory (`decode_values.py`), or, where rows do not fill registers or a mask hides some, WIDENED at a time.
"""

from typing import Any

from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import base_two_scale
from attnsite.kernels.simd.decode_heads import head_steps
from attnsite.kernels.simd.decode_layout import BLOCK, KEYS, MOST_HEADS, WIDENED, lines_at_once, slice_of
from attnsite.kernels.simd.decode_values import mixing
from attnsite.kernels.simd.half import BFLOAT16, FLOAT16, FLOAT32, INT8
from attnsite.kernels.simd.packing import byte_rows, clear_rows, copy, number_bytes, read_rows, unpack
from attnsite.kernels.simd.prefill_steps import NOTHING, ONE, ZERO
from attnsite.kernels.simd.registers import WIDTH, broadcast, store
from attnsite.kernels.simd.rows import Rows, rows_at, rows_from


@njit(**INNER)
def begin_group(call, arrays, lay, scratch, b, kv):
    """Pack the queries of all heads of the group, and clear what will be summed up."""
    clear_rows(Rows(scratch, lay.q, lay.wide), 0, 2 * call.queries * lay.chunks * lay.heads)  # and the output
    row = Rows(scratch, lay.k, lay.wide)  # where no key is yet
    for i in range(call.queries):
        for g in range(lay.group):
            h, source = kv * lay.group + g, row
            if call.q_type:
                unpack(rows_at(arrays.q16, b, h, i), 1, call.dim, call.q_type, row)
            elif call.dim == lay.wide:
                source = rows_at(arrays.q, b, h, i)
            else:
                copy(rows_at(arrays.q, b, h, i), 1, call.dim, row)
            _begin_of(lay.heads, source, g % lay.heads, lay.wide, _queries_of(lay, scratch, i, g // lay.heads))
    lanes = lay.heads * slice_of(lay.heads)
    for chunk in range(call.queries * lay.chunks):
        for state in range(lay.states + chunk * 4 * lanes, lay.states + chunk * 4 * lanes + lanes, WIDTH):
            store(scratch, state, broadcast(NOTHING, 1))
            store(scratch, state + lanes, broadcast(ZERO, 1))
            store(scratch, state + 3 * lanes, broadcast(ONE, 1))


@njit(**INLINE)
def _queries_of(lay, scratch, i, chunk):
    return Rows(scratch, lay.q + (i * lay.chunks + chunk) * lay.heads * lay.wide, lay.wide)


def _of(name: str) -> Any:
    """A step for whatever number of heads a chunk has: one of which no chunk is made is left out by LLVM."""
    two, four, eight, many = (getattr(head_steps(min(heads, MOST_HEADS)), name) for heads in (2, 4, 8, 16))

    @njit(**INLINE)
    def chosen(heads, *arguments):
        if heads == 2:
            two(*arguments)
        elif heads == 4 or MOST_HEADS == 4:
            four(*arguments)
        elif heads == 8 or MOST_HEADS == 8:
            eight(*arguments)
        else:
            many(*arguments)

    return chosen


_begin_of, _score_of, _weigh_of, _scale_of = (_of(name) for name in ("begin", "score", "weigh", "scale_keys"))


@njit(**INNER)
def meet_group(call, arrays, lay, scratch, b, kv, low, high):
    """All queries of the group meet keys low … high − 1."""
    for block in range(low, high, BLOCK):
        count = min(BLOCK, high - block)
        _score_block(call, arrays, lay, scratch, b, kv, block, count)
        _weigh_block(call, arrays, lay, scratch, b, kv, block, count)
        _mix_block(call, arrays, lay, scratch, b, kv, block, count)


@njit(**INLINE)
def _seen(call, i, block, count):
    """Of the keys block … block + count − 1 those that query i sees, counted from the block's first."""
    return max(0, i + call.low - block), min(count, i + call.high + 1 - block)


@njit(**INNER)
def _score_block(call, arrays, lay, scratch, b, kv, block, count):
    """Scores of the block's keys, WIDTH at a time, and the values are asked for meanwhile."""
    chunks, size = call.queries * lay.chunks, lay.heads * BLOCK
    fits = call.dim == lay.wide and not call.kv_type
    values = byte_rows(call, arrays.v, arrays.v16, b, kv, block)
    lines = lines_at_once(lay.heads, number_bytes(call))
    for tile in range(0, count, KEYS):
        width = min(KEYS, count - tile)
        k = rows_at(arrays.k, b, kv, block + tile)
        if not fits or width < KEYS:
            k = Rows(scratch, lay.k, lay.wide)
            read_rows(call, arrays.k, arrays.k16, arrays.k_scales, b, kv, block + tile, width, k, False)
            clear_rows(k, width, KEYS)
        for chunk in range(chunks):
            queries = Rows(scratch, lay.q + chunk * lay.heads * lay.wide, lay.wide)
            _score_of(lay.heads, queries, k, lay.wide, lay.scores + chunk * size + tile * lay.heads,
                      rows_from(values, tile), lines)  # fmt: skip


@njit(**INNER)
def _weigh_block(call, arrays, lay, scratch, b, kv, block, count):
    """Scores of the block's keys become weights, for each query of those that it sees."""
    size, slices, row = lay.heads * BLOCK, slice_of(lay.heads), (b * call.kv_heads + kv) * call.keys + block
    if len(arrays.key_mask):
        for j in range(count):
            if not arrays.key_mask[b * call.keys + block + j]:
                for chunk in range(call.queries * lay.chunks):
                    for h in range(lay.heads):
                        at = lay.scores + chunk * size + j // slices * slices * lay.heads + h * slices + j % slices
                        scratch[at] = NOTHING
    for i in range(call.queries):
        first, last = _seen(call, i, block, count)
        for c in range(i * lay.chunks, (i + 1) * lay.chunks if first < last else 0):
            _weigh_of(lay.heads, scratch, lay.scores + c * size, first, last, lay.states + c * 4 * lay.heads * slices,
                      base_two_scale(call.dim))  # fmt: skip
            if call.kv_type == INT8 and _reads_values(call, arrays, lay):
                _scale_of(lay.heads, scratch, lay.scores + c * size, count, arrays.v_scales, row)


@njit(**INLINE)
def _reads_values(call, arrays, lay):
    """Whether values are weighed as they are stored; else they are brought into the scratch."""
    return call.dim == lay.wide and call.kv_type != FLOAT16 and len(arrays.key_mask) == 0


def _mixing(kind: int) -> Any:
    two, four, eight, many = (mixing(min(heads, MOST_HEADS), kind) for heads in (2, 4, 8, 16))

    @njit(**INNER)
    def mix_query(lay, scratch, i, first, last, v, begins, keys):
        """Values first … last − 1 of the block for query i; `begins`: whether they are the first of it that it sees."""
        for c in range(i * lay.chunks, (i + 1) * lay.chunks):
            output = Rows(scratch, lay.output + c * lay.heads * lay.wide, lay.wide)
            factors = lay.states + (4 * c + (2 if begins else 3)) * lay.heads * slice_of(lay.heads)
            weights = lay.scores + c * lay.heads * BLOCK
            if lay.heads == 2:
                two(scratch, weights, first, last, v, lay.wide, output, factors, keys)
            elif lay.heads == 4 or MOST_HEADS == 4:
                four(scratch, weights, first, last, v, lay.wide, output, factors, keys)
            elif lay.heads == 8 or MOST_HEADS == 8:
                eight(scratch, weights, first, last, v, lay.wide, output, factors, keys)
            else:
                many(scratch, weights, first, last, v, lay.wide, output, factors, keys)

    return mix_query


_mix_float32, _mix_bfloat16, _mix_int8 = (_mixing(kind) for kind in (FLOAT32, BFLOAT16, INT8))


@njit(**INNER)
def _mix_block(call, arrays, lay, scratch, b, kv, block, count):
    """The block's values, weighed, join the output; the keys of the next block are asked for meanwhile."""
    keys = byte_rows(call, arrays.k, arrays.k16, b, kv, block + BLOCK)
    if not _reads_values(call, arrays, lay):
        _mix_widened(call, arrays, lay, scratch, b, kv, block, count, keys)
        return
    for i in range(call.queries):
        first, last = _seen(call, i, block, count)
        if first >= last:
            continue
        if call.kv_type == BFLOAT16:
            _mix_bfloat16(lay, scratch, i, first, last, rows_at(arrays.v16, b, kv, block), True, keys)
        elif call.kv_type == INT8:
            _mix_int8(lay, scratch, i, first, last, rows_at(arrays.v16, b, kv, block), True, keys)
        else:
            _mix_float32(lay, scratch, i, first, last, rows_at(arrays.v, b, kv, block), True, keys)


@njit(**INNER)
def _mix_widened(call, arrays, lay, scratch, b, kv, block, count, keys):
    """The same by way of the scratch, where values that a key mask hides are zero, whatever they were."""
    masked = len(arrays.key_mask) > 0
    v = Rows(scratch, lay.v, lay.wide)
    for begin in range(0, count, WIDENED):
        end = min(count, begin + WIDENED)
        read_rows(call, arrays.v, arrays.v16, arrays.v_scales, b, kv, block + begin, end - begin, v, False)
        for j in range(begin, end if masked else begin):
            if not arrays.key_mask[b * call.keys + block + j]:
                clear_rows(v, j - begin, j - begin + 1)
        for i in range(call.queries):
            first, last = _seen(call, i, block, count)
            low, high = max(begin, first), min(end, last)
            if low < high:
                _mix_float32(lay, scratch, i, low, high, rows_from(v, -begin), low == first, keys)


@njit(**INNER)
def end_group(call, lay, scratch, b, kv, part, parts, found):
    """What this part found: each row's weighted sum over it, its largest score, and the sum of its weights."""
    size = slice_of(lay.heads)
    for i in range(call.queries):
        for g in range(lay.group):
            chunk, h = i * lay.chunks + g // lay.heads, g % lay.heads
            state, output = (
                lay.states + chunk * 4 * lay.heads * size + h * size,
                lay.output + (chunk * lay.heads + h) * lay.wide,
            )
            row = ((b * call.heads + kv * lay.group + g) * call.queries + i) * parts + part
            copy(Rows(scratch, output, lay.wide), 1, call.dim, Rows(found.sums, row * call.dim, call.dim))
            total = ZERO
            for lane in range(size):
                total += scratch[state + lay.heads * size + lane]
            found.peaks[row], found.totals[row] = scratch[state], total
