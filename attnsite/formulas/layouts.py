"""What a layer keeps of one sequence, by layout: full, sliding, chunked, latent, indexed, compressed, constant, cross.

Shapes are those of the cache objects of transformers 5.24.0 (`cache_utils.py`, class by class), which a test counts.
Two counts of a window: *in a step* the newest token is there (W tokens, what an engine has to hold), *between steps*
transformers has dropped the oldest (W − 1, `DynamicSlidingWindowLayer.update`).
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from attnsite.formulas.attention import visible_pairs
from attnsite.formulas.counts import Count, Kept


class Layout:
    """One of a layer's states. `name` is what it is called in a table."""

    name = "nothing"

    def kept(self, count: Count) -> Kept:
        return Kept()

    def formula(self, count: Count) -> str:
        """Elements in the cache's dtype of one sequence, with the numbers in it."""
        return ""

    def seen(self, tokens: int) -> int:
        """Keys that the newest of so many tokens is compared with; 0 where that is not modelled."""
        return 0

    def visible(self, tokens: int) -> int:
        """Pairs of query and key in one head of a prompt of so many tokens, those that a causal mask leaves."""
        return 0

    def split(self, ranks: int) -> "Layout | None":
        """What each of so many ranks of tensor parallelism keeps; None where it cannot be cut so."""
        return self


def share(heads: int, ranks: int) -> int | None:
    """Heads of one rank: a part of them, or one that other ranks have too (vLLM's `get_num_kv_heads`)."""
    if heads % ranks == 0:
        return heads // ranks
    return 1 if ranks % heads == 0 else None


@dataclass(frozen=True)
class Full(Layout):
    """Keys and values of every token: (heads, T, key_dim) and (heads, T, value_dim). `DynamicLayer`."""

    heads: int
    key_dim: int
    value_dim: int
    name = "full attention"

    def held(self, count: Count) -> int:
        return count.full

    def kept(self, count: Count) -> Kept:
        tokens = self.held(count)
        return Kept(self.heads * (self.key_dim + self.value_dim) * tokens, 2 * self.heads * tokens)

    def formula(self, count: Count) -> str:
        return f"{self.token_formula} × {self.held(count):,} tokens"

    @property
    def token_formula(self) -> str:
        heads = f"{self.heads:,} KV head{'s' * (self.heads > 1)}"
        if self.key_dim == self.value_dim:
            return f"2 × {heads} × {self.key_dim:,}"
        return f"{heads} × ({self.key_dim:,} + {self.value_dim:,})"

    def seen(self, tokens: int) -> int:
        return tokens

    def visible(self, tokens: int) -> int:
        return visible_pairs(tokens, tokens, causal=True)

    def split(self, ranks: int) -> "Full | None":
        heads = share(self.heads, ranks)
        return replace(self, heads=heads) if heads else None


@dataclass(frozen=True)
class Sliding(Full):
    """Keys and values of the last `window` tokens. `DynamicSlidingWindowLayer`."""

    window: int
    name = "sliding attention"

    def held(self, count: Count) -> int:
        return count.near(self.window)

    def seen(self, tokens: int) -> int:
        return min(tokens, self.window)

    def visible(self, tokens: int) -> int:
        return visible_pairs(tokens, tokens, causal=True, window=self.window)


@dataclass(frozen=True)
class Chunked(Sliding):
    """A query sees its own chunk of `window` tokens, which is all that has to be kept. transformers keeps the last
    W − 1 in the same class as a window."""

    name = "chunked attention"

    def seen(self, tokens: int) -> int:
        return (tokens - 1) % self.window + 1

    def visible(self, tokens: int) -> int:
        whole, rest = divmod(tokens, self.window)
        return whole * visible_pairs(self.window, self.window, causal=True) + visible_pairs(rest, rest, causal=True)


@dataclass(frozen=True)
class Reused(Layout):
    """The layer reads what an earlier one keeps: Gemma 3n's and 4's last layers. `DummyLayer`."""

    name = "shared KV"


@dataclass(frozen=True)
class Latent(Layout):
    """Multi-head latent attention: (1, T, latent) and the positions' part of the key (1, T, rope_dim), whatever the
    number of heads. Every rank has all of it."""

    latent: int
    rope_dim: int
    name = "latent attention (MLA)"

    def kept(self, count: Count) -> Kept:
        return Kept((self.latent + self.rope_dim) * count.full, 2 * count.full)

    def formula(self, count: Count) -> str:
        return f"{self.token_formula} × {count.full:,} tokens"

    @property
    def token_formula(self) -> str:
        return f"({self.latent:,} + {self.rope_dim:,})"

    def seen(self, tokens: int) -> int:
        return tokens

    def visible(self, tokens: int) -> int:
        return visible_pairs(tokens, tokens, causal=True)


@dataclass(frozen=True)
class Indexer(Layout):
    """One key a token by which a sparse indexer chooses: (T, dim). `DynamicIndexedLayer.update_indexer`."""

    dim: int
    heads: int = 1
    name = "indexer keys"

    def kept(self, count: Count) -> Kept:
        return Kept(self.heads * self.dim * count.full, self.heads * count.full)

    def formula(self, count: Count) -> str:
        return f"{self.token_formula} × {count.full:,} tokens"

    @property
    def token_formula(self) -> str:
        return f"{self.dim:,}" if self.heads == 1 else f"{self.heads} × {self.dim:,}"


@dataclass(frozen=True)
class Compressed(Layout):
    """DeepSeek V4: a window of vectors that are key and value at once, one compressed vector for each `rate` tokens,
    and those that wait to be compressed, each with its gate. With `index_dim` an indexer keeps the same of its own, and
    groups overlap: the last one stays, in bf16, with its gates in float32.

    `models/deepseek_v4/modeling_deepseek_v4.py`: `DeepseekV4HCACache`, `DeepseekV4CSACache`.
    """

    dim: int
    window: int
    rate: int
    index_dim: int = 0
    name = "compressed attention"

    @property
    def width(self) -> int:
        return self.dim + self.index_dim

    def kept(self, count: Count) -> Kept:
        groups, waiting = divmod(count.tokens, self.rate)
        near = count.near(self.window)
        whole = Kept(self.dim * near + self.width * groups, near + groups)
        sides = 2 if self.index_dim else 1  # overlapping groups: each token has a vector for its own and for the next
        whole += Kept(model=2 * sides * waiting * self.width)
        if self.index_dim and groups:
            whole += Kept(model=self.rate * self.width, single=self.rate * self.width)
        return whole

    def formula(self, count: Count) -> str:
        groups = count.tokens // self.rate
        return f"({self.dim:,} × {count.near(self.window):,} tokens + {self.width:,} × {groups:,} groups)"


@dataclass(frozen=True)
class State(Layout):
    """What does not grow: a convolution's last inputs in the model's dtype and a recurrent state, in float32 unless
    `recurrent_in_model`. `LinearAttentionLayer`. `heads` is what ranks share out; 0 where each has all of it."""

    convolution: int
    recurrent: int
    name: str = "state"
    heads: int = 0
    recurrent_in_model: bool = False
    other_bytes: int = 0

    def kept(self, count: Count) -> Kept:
        single = 0 if self.recurrent_in_model else self.recurrent
        model = self.convolution + (self.recurrent if self.recurrent_in_model else 0)
        return Kept(model=model, single=single, other_bytes=self.other_bytes)

    def split(self, ranks: int) -> "State | None":
        if not self.heads or ranks == 1:
            return self
        if self.heads % ranks:
            return None
        return replace(self, convolution=-(-self.convolution // ranks), recurrent=self.recurrent // ranks)


@dataclass(frozen=True)
class Cross(Full):
    """Keys and values of the encoder's positions, written once; `source` of them, where the config fixes how many.
    `EncoderDecoderCache`."""

    source: int = 0
    name = "cross-attention"

    def held(self, count: Count) -> int:
        return count.paged(self.source or count.source)

    def seen(self, tokens: int) -> int:
        return 0

    def visible(self, tokens: int) -> int:
        return 0


def growth(layout: Layout, tokens: int) -> Fraction:
    """Elements of the cache that one more token adds, on average, once there are so many: a window that is full adds
    none."""
    if isinstance(layout, Compressed):
        near = layout.dim if tokens < layout.window else 0
        return near + Fraction(layout.width, layout.rate)
    return Fraction(layout.kept(Count(tokens + 1)).cache - layout.kept(Count(tokens)).cache)
