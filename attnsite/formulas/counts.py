"""How tokens are counted, and what is kept of them: elements by the dtype that they are stored in."""

from dataclasses import dataclass

from attnsite.formulas.dtypes import BF16, SINGLE, Dtype


@dataclass(frozen=True)
class Kept:
    """Elements of one sequence: `cache` in the KV cache's dtype, in so many `vectors`; `model` in the model's dtype;
    `single` in float32; and plain `other_bytes`."""

    cache: int = 0
    vectors: int = 0
    model: int = 0
    single: int = 0
    other_bytes: int = 0

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(
            self.cache + other.cache,
            self.vectors + other.vectors,
            self.model + other.model,
            self.single + other.single,
            self.other_bytes + other.other_bytes,
        )

    def bytes(self, dtype: Dtype = BF16, model: Dtype = BF16) -> int:
        cache = dtype.bytes(self.cache, self.vectors)
        return cache + model.bytes(self.model) + SINGLE.bytes(self.single) + self.other_bytes


@dataclass(frozen=True)
class Count:
    """How tokens are counted. `spare` is what a window lacks between steps, `page` the tokens that are set aside at
    once (vLLM's `block_size`; 1: as many as there are), `source` the positions of an encoder's output."""

    tokens: int
    spare: int = 0
    page: int = 1
    source: int = 0

    def paged(self, tokens: int) -> int:
        return -(-tokens // self.page) * self.page

    @property
    def full(self) -> int:
        return self.paged(self.tokens)

    def near(self, window: int) -> int:
        """Tokens of a window. One that does not begin with a page takes a part of one more; transformers drops
        nothing where W − 1 is 0 (its slice `[-W + 1:]` is then everything)."""
        held = min(self.tokens, window - self.spare or self.tokens)
        return self.paged(held if held == self.tokens else held + self.page - 1)
