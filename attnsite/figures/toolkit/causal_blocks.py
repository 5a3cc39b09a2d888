"""What a causal mask leaves to compute where only whole blocks of hidden pairs are left out: the closed forms."""

import math


def gain(tokens: int, tall: int, wide: int) -> float:
    """All pairs of a prompt over those in blocks, `tall` queries by `wide` keys, of which a query sees something.

    The blocks computed hold N (N + tall + wide − gcd) / 2 pairs, where gcd is the greatest common divisor of both
    sides and N a multiple of them; a block larger than the prompt counts as large as that.
    """
    tall, wide = min(tall, tokens), min(wide, tokens)
    return 2 / (1 + (tall + wide - math.gcd(tall, wide)) / tokens)


def chunk_gain(queries: float, keys: int) -> float:
    """The same for the last `queries` of a context, pair by pair: 1 for a single query, almost 2 for all of them."""
    return 1 / (1 - (queries - 1) / (2 * keys))


def gain_in_parts(tokens: int, tall: int, wide: int, heads: int, threads: int) -> float:
    """The same as a ratio of times, where rows of blocks are dealt out to threads in equal parts, head after head.

    Everybody waits for the thread with the most pairs, which with a single head is the last.
    """
    tall, wide = min(tall, tokens), min(wide, tokens)
    rows = -(-tokens // tall)
    part = -(-heads * rows // threads)
    work = [min(tall, tokens - row * tall) * min(tokens, -(-min(tokens, (row + 1) * tall) // wide) * wide)
            for row in range(rows)]  # fmt: skip
    every = [i % rows for i in range(heads * rows)]
    shares = [every[first : first + part] for first in range(0, len(every), part)]
    longest = max(sum(work[row] for row in share) for share in shares)
    whole = max(sum(min(tall, tokens - row * tall) * tokens for row in share) for share in shares)
    return whole / longest


def of_torch(queries: int) -> tuple[int, int]:
    """The blocks of PyTorch's fused kernel for processors, as in its source: 512 keys, and queries by their count."""
    return (256 if queries >= 768 else 64 if queries >= 192 else 32), 512
