"""One block of threads for each head, however many queries there are: parallel over batch × heads, and nothing else.

A block does what one of `cuda_tiled` does, once for each stretch of its head's queries, one after another: the same
arithmetic in the same order on the same bytes. What it lacks is work for more multiprocessors than there are heads: a
GPU with over a hundred of them stands mostly idle for a prompt of eight heads, as with the first FlashAttention, whose
blocks were one for each head of each sequence [@dao2024flashattention2 §3.2].

Look at the loop, which is all that this kernel adds, and at where it takes the thread's number from: out of shared
memory, so that the compiler cannot know it and does not keep what follows from it in registers from one stretch to the
next. With the plain number it takes 205 registers at width 64 on an H100 and not 140, and a multiprocessor holds two
blocks instead of three; `cuda_tiled`, with 128, has four. This kernel is on no ladder: it is there to show why
parallelism over heads alone runs out.
"""

from attnsite.kernels import cuda_tiled
from attnsite.kernels.cuda.driver import Entry, cuda, int32, jit, require, scale
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cuda"
FOLLOWS = "cuda_tiled"
_built: dict[tuple[int, ...], object] = {}


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); float32 on the device."""
    batch, heads, _, queries, _, dim = require_fit(q, k, v, out, widest=cuda_tiled.WIDEST)
    require(q)
    if 0 in (batch, heads, queries):
        return
    _, _, down, across = cuda_tiled.tile(dim)
    built(dim)[(1, heads, batch), (across, down)](q, k, v, out, scale(dim), causal)


def entries():
    """Those of `cuda_tiled` at the usual widths."""
    return tuple(
        Entry(entry.name, built(dim), entry.signature, entry.threads)
        for dim in (64, 128)
        for entry in cuda_tiled.entries()
        if entry.name == f"width_{dim}"
    )


def built(dim):
    """The kernel for heads of that width, made once."""
    sizes = dim, *cuda_tiled.tile(dim)
    if sizes not in _built:
        _built[sizes] = build(*sizes)
    return _built[sizes]


def build(dim, rows, columns, down, across):
    """The kernel with the tiles of `cuda_tiled`."""
    answer = cuda_tiled.answering(dim, rows, columns, down, across)

    @jit
    def per_head(q, k, v, out, factor, causal):
        numbers = cuda.shared.array((down, across, 2), int32)
        mine = numbers[cuda.threadIdx.y, cuda.threadIdx.x]
        mine[0], mine[1] = cuda.threadIdx.x, cuda.threadIdx.y
        stretches = (q.shape[2] + rows - 1) // rows
        for stretch in range(stretches):
            cuda.syncthreads()  # everything of the last stretch has been used
            answer(q, k, v, out, factor, causal, (stretches - 1 - stretch) * rows, mine[0], mine[1])

    return per_head
