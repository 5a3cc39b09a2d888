"""Decoding for heads that share nothing: each meets the keys of its own KV head, block by block.

`decode_steps.py` has the steps, `decode_narrow.py` those over a cache in fewer bits.
"""

from numba import njit

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import base_two_scale
from attnsite.kernels.simd.decode_layout import BLOCK, STORED_BLOCK
from attnsite.kernels.simd.decode_narrow import mix_stored, score_stored
from attnsite.kernels.simd.decode_steps import mix_keys, peak_keys, power, rescale, score_keys, touch, weigh_keys
from attnsite.kernels.simd.packing import clear_rows, copy, read_rows, unpack
from attnsite.kernels.simd.prefill_steps import NOTHING, ZERO
from attnsite.kernels.simd.registers import WIDTH, largest
from attnsite.kernels.simd.rows import Rows, rows_at, rows_from


@njit(**INNER)
def begin_rows(call, arrays, lay, scratch, b, kv):
    """Pack the head's queries, and clear what will be summed up."""
    packed = Rows(scratch, lay.q, lay.wide)
    if call.q_type:
        unpack(rows_at(arrays.q16, b, kv, 0), call.queries, call.dim, call.q_type, packed)
    else:
        copy(rows_at(arrays.q, b, kv, 0), call.queries, call.dim, packed)
    for r in range(call.queries):
        scratch[lay.states + r], scratch[lay.states + call.queries + r] = NOTHING, ZERO
    clear_rows(Rows(scratch, lay.output, lay.wide), 0, call.queries)


@njit(**INNER)
def meet_rows(call, arrays, lay, scratch, b, kv, low, high):
    """All queries of the head meet keys low … high − 1."""
    fits, wide = call.dim == lay.wide and not call.kv_type, lay.wide
    if call.kv_type and call.queries == 1 and call.dim == wide and len(arrays.key_mask) == 0:
        _single_row(call, arrays, lay, scratch, b, kv, max(low, call.low), min(high, call.high + 1))
        return
    for block in range(low, high, BLOCK):
        count = min(BLOCK, high - block)
        key_mask = arrays.key_mask
        if len(key_mask):
            key_mask = key_mask[b * call.keys + block : b * call.keys + block + count]
        k, v = rows_at(arrays.k, b, kv, block), rows_at(arrays.v, b, kv, block)
        if not (fits and block + count + WIDTH <= call.keys):  # whole registers of keys are read
            k = Rows(scratch, lay.k, wide)
            read_rows(call, arrays.k, arrays.k16, arrays.k_scales, b, kv, block, count, k)
            clear_rows(k, count, count + WIDTH)
        if not fits or len(key_mask):
            v = Rows(scratch, lay.v, wide)
            read_rows(call, arrays.v, arrays.v16, arrays.v_scales, b, kv, block, count, v)
            for j in range(len(key_mask)):
                if not key_mask[j]:
                    clear_rows(v, j, j + 1)
        elif wide > 8 * WIDTH:
            touch(v, count, call.dim, scratch, lay.spare)
        for i in range(call.queries):
            first, last = max(0, i + call.low - block), min(count, i + call.high + 1 - block)
            if first < last:
                _answer(lay, scratch, call.queries, i, rows_from(k, first), rows_from(v, first), call.dim,
                        last - first, key_mask[first:])  # fmt: skip


@njit(**INNER)
def _single_row(call, arrays, lay, scratch, b, kv, low, high):
    """Keys low … high − 1 for a single row, from 16-bit or int8 storage."""
    scale, query, row = base_two_scale(call.dim), Rows(scratch, lay.q, lay.wide), (b * call.kv_heads + kv) * call.keys
    for block in range(low, high, STORED_BLOCK):
        count = min(STORED_BLOCK, high - block)
        score_stored(call.kv_type, query, rows_at(arrays.k16, b, kv, block), call.dim, lay.scores, count,
                     arrays.k_scales, row + block, lay.spare)  # fmt: skip
        _weigh_row(lay, scratch, 1, 0, count, arrays.key_mask, scale)
        mix_stored(call.kv_type, scratch, lay.scores, rows_at(arrays.v16, b, kv, block), call.dim, count, lay.output,
                   arrays.v_scales, row + block)  # fmt: skip


@njit(**INLINE)
def _answer(lay, scratch, rows, i, k, v, dim, seen, key_mask):
    """Query i meets `seen` keys of a block."""
    query, weights = Rows(scratch, lay.q + i * lay.wide, lay.wide), Rows(scratch, lay.scores, BLOCK)
    score_keys(query, k, lay.wide, weights, seen, lay.spare)
    _weigh_row(lay, scratch, rows, i, seen, key_mask, base_two_scale(dim))
    mix_keys(weights, v, seen, lay.wide, Rows(scratch, lay.output + i * lay.wide, lay.wide))


@njit(**INLINE)
def _weigh_row(lay, scratch, rows, i, seen, key_mask, scale):
    """Row i's scores become weights; its maximum, its sum and what was mixed so far are brought up to date."""
    for j in range(len(key_mask)):
        if j < seen and not key_mask[j]:
            scratch[lay.scores + j] = NOTHING
    peak, total = lay.states + i, lay.states + rows + i
    old = scratch[peak]
    new = max(old, largest(peak_keys(scratch, lay.scores, seen)))
    shift = ZERO if new == NOTHING else new
    alpha = power(old - shift, scale)
    scratch[peak] = new
    scratch[total] = scratch[total] * alpha + weigh_keys(scratch, lay.scores, seen, scale, shift)
    rescale(scratch, lay.output + i * lay.wide, lay.wide, alpha)


@njit(**INNER)
def end_rows(call, lay, scratch, b, kv, part, parts, found):
    """What this part found: each row's weighted sum over it, its largest score, and the sum of its weights."""
    for i in range(call.queries):
        row = ((b * call.heads + kv) * call.queries + i) * parts + part
        copy(
            Rows(scratch, lay.output + i * lay.wide, lay.wide), 1, call.dim, Rows(found.sums, row * call.dim, call.dim)
        )
        found.peaks[row], found.totals[row] = scratch[lay.states + i], scratch[lay.states + call.queries + i]
