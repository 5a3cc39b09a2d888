"""`cpu_simd` with the mask applied after computing, or skipping whole blocks only: a control, for one comparison.

A control does on purpose what a good kernel does not, so that what it costs can be measured with everything else
equal; it is on no ladder. This one runs the loop of `cpu_simd`. What differs is which scores are computed. `cpu_simd`
leaves out what no query of a panel sees, whatever its tiles are. Here nothing is left out, or only whole blocks of a
given size that no query sees, as kernels do that skip by tiles; what is computed and hidden becomes −∞, its weight 0,
and is multiplied with the values all the same.

Bytes: those of `cpu_simd`.

Look at `computed` in `simd/prefill.py`, which rounds what a panel sees up to whole blocks. `dealt` is how the tiles of
queries come to the threads: "longest first", by a counter, as in `cpu_simd`, or "in parts", each thread so many in a
row, as a loop does that is cut into equal parts. The output is that of `cpu_simd` bit for bit, either way and with any
blocks.
"""

from attnsite.kernels import cpu_simd
from attnsite.kernels.simd.call import FAR, prepare
from attnsite.kernels.simd.prefill import Blocks

DEVICE = "cpu"
FOLLOWS = "cpu_simd"


def attention(q, k, v, out, *, causal, blocks=None, dealt="longest first"):
    """Fill out (batch, heads, queries, dim) from q, like out, and k, v (batch, kv_heads, keys, dim), all float32.

    blocks: (queries, keys) of a block that is left out where no query of it sees any of its keys; None for nothing
        left out. A panel of queries that lies in several blocks computes what the last of them does.
    Raises ValueError for arrays that do not fit together and for another word, NotImplementedError for 16-bit numbers.
    """
    if dealt not in ("longest first", "in parts"):
        raise ValueError(f'dealt is {dealt!r}: make it "longest first" or "in parts"')
    call, numbers, arrays = prepare(q, k, v, out, causal=causal)
    if call.q_type or call.kv_type or call.out_type:
        raise NotImplementedError("float32 only")
    size = Blocks(*blocks) if blocks else Blocks(FAR, FAR)
    cpu_simd.prefill(call, numbers, arrays, blocks=size, in_parts=dealt == "in parts")
