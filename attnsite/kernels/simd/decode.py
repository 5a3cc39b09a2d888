"""One or a few queries over a KV cache: parts of the keys as units of work, joined by their maxima and sums.

`cpu_simd_decode` says what it is good for; its siblings store the cache in fewer bits.
"""

import numpy as np
from numba import get_num_threads, njit
from numba.extending import register_jitable

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd.call import unpack_call
from attnsite.kernels.simd.decode_group import begin_group, end_group, meet_group
from attnsite.kernels.simd.decode_layout import lay_out
from attnsite.kernels.simd.decode_row import begin_rows, end_rows, meet_rows
from attnsite.kernels.simd.join import Parts, join
from attnsite.kernels.simd.registers import pointer
from attnsite.kernels.simd.scratch import workspace
from attnsite.kernels.simd.threads import deal, next_task, on_all

PART = 256  # keys a part has at least
UNITS = 64  # parts there should be for all threads together, if the keys suffice


def decode(call, numbers, arrays):
    """Run a call that `prepare` has laid out; k and v may also be int8, see `cpu_simd_decode_int8`."""
    pairs, rows = call.batch * call.kv_heads, call.batch * call.heads * call.queries
    if rows == 0:
        return
    low, high = sight(call)
    parts = max(1, min(-(-UNITS // pairs), (high - low) // PART))
    threads = min(get_num_threads(), pairs * parts)
    scratch, size = workspace(threads, lay_out(call, 0).end)
    found = (np.empty(rows * parts * call.dim, np.float32), np.empty(rows * parts, np.float32),
             np.empty(rows * parts, np.float32))  # fmt: skip
    on_all(_work, threads, numbers, arrays, parts, scratch, size, found, deal(pairs * parts))
    on_all(join, threads, numbers, arrays, found, parts, threads)


@register_jitable(**INLINE)
def sight(call):
    """The first key that any query sees, and the one behind the last: what a window hides from all is never read."""
    low = max(0, call.low)
    return low, max(low, min(call.keys, call.queries + call.high))


@njit(nogil=True, cache=True, error_model="numpy")
def _work(thread, numbers, arrays, parts, scratch, size, found, dealt):
    """What one thread does: parts of the keys, as long as the counter gives any."""
    (call, arrays), scratch = unpack_call(numbers, arrays), pointer(scratch)
    lay = lay_out(call, thread * size)
    found = Parts(pointer(found[0]), pointer(found[1]), pointer(found[2]))
    first, end = sight(call)
    while True:
        task = next_task(dealt, thread)
        if task < 0:
            return
        pair, part = task // parts, task % parts
        low, high = first + (end - first) * part // parts, first + (end - first) * (part + 1) // parts
        _part(call, arrays, lay, scratch, pair, low, high, found, part, parts)


@njit(**INNER)
def _part(call, arrays, lay, scratch, pair, low, high, found, part, parts):
    """Keys low … high − 1 of one KV head, for all queries of all its heads, and what they give."""
    b, kv = pair // call.kv_heads, pair % call.kv_heads
    if lay.group == 1:
        begin_rows(call, arrays, lay, scratch, b, kv)
        meet_rows(call, arrays, lay, scratch, b, kv, low, high)
        end_rows(call, lay, scratch, b, kv, part, parts, found)
    else:
        begin_group(call, arrays, lay, scratch, b, kv)
        meet_group(call, arrays, lay, scratch, b, kv, low, high)
        end_group(call, lay, scratch, b, kv, part, parts, found)
