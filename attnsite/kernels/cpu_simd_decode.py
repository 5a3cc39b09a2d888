"""One or a few queries over a KV cache, at the pace of memory: explicit SIMD, rows read in order, keys split.

`cpu_decode` lets LLVM vectorise its loops, and is held up by additions across registers and by the order in which it
reads. Here a single head reads a row of keys from its beginning to its end and then the next, because only then does
the processor fetch ahead (`simd/decode_steps.py`). The heads of a group share what is read [@shazeer2019mqa;
@ainslie2023gqa]: a register is cut into a slice for each head (`simd/slices.py`), so that one multiply-add meets a
piece of a key with all of them, and values are weighed for up to eight heads at a time (`simd/decode_values.py`).

Bytes: k and v once, whatever the number of heads; a few hundred bytes of partial results for each part and head.

What bounds it: G heads to a KV head do 4·G·dim FLOPs for 8·dim bytes of float32, half as many of bfloat16 and a quarter
of int8, so small groups wait for memory. A group does not read in the processor's own order, so it asks for what is
next: for the values of a block between the multiply-adds of its scores, for the keys of the next block between those of
its values, a few lines at a time and into the second cache. Large groups load nearly as many registers as they
multiply, and loads take longer than multiply-adds on the processors tried; folding sums, exponentials, and widening
bfloat16 or int8 come on top. How the rest of the time is divided among these was not measured.

Look at `simd/decode.py`: a part of the keys is one unit of work, so that all threads read even for one sequence with
one KV head; `simd/join.py` puts parts together by their maxima and sums [@dao2023flashdecoding]. How the keys are split
depends on the sizes alone, so results are the same bit for bit for any number of threads.
"""

from attnsite.kernels.simd.call import prepare
from attnsite.kernels.simd.decode import decode

DEVICE = "cpu"
FOLLOWS = "cpu_decode"
MAX_QUERIES = 16  # of a call


def attention(q, k, v, out, *, causal, window=None, causal_alignment="bottom-right", key_mask=None, lse=None,
              scales=None):  # fmt: skip
    """Fill out (batch, heads, queries, dim) from up to MAX_QUERIES queries; arguments as those of `cpu_simd.attention`.

    q and out may be float32 over a cache of float16 or bfloat16. An int8 cache comes with `scales`: for k and for v the
    factors of their rows, float32 (batch, kv_heads, keys). Raises ValueError for arrays that do not fit together,
    NotImplementedError for more queries.
    """
    call, numbers, arrays = prepare(q, k, v, out, causal=causal, window=window, causal_alignment=causal_alignment,
                                    key_mask=key_mask, lse=lse, scales=scales)  # fmt: skip
    if call.queries > MAX_QUERIES:
        raise NotImplementedError(f"decodes up to {MAX_QUERIES} queries at a time, got {call.queries}")
    decode(call, numbers, arrays)
