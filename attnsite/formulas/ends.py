"""What a model has before and after its layers: embeddings, positions, the final norm, the output layer."""

from dataclasses import dataclass

from attnsite.formulas.blocks import matrix
from attnsite.formulas.decoder import Ends
from attnsite.formulas.keys import Keys
from attnsite.formulas.mixers import Flag, flag


@dataclass(frozen=True)
class Tokens:
    """`norms` are vectors of the hidden size; `positions` the key of a learned table's rows, with `offset` more;
    `spare_words` rows that the input alone has; `ties` is false where the class has no way to tie. A tied matrix is the
    output's, and counts once."""

    norms: int = 1
    positions: str = ""
    offset: int = 0
    bias: Flag = False
    spare_words: int = 0
    ties: bool = True

    def __call__(self, keys: Keys) -> Ends:
        hidden, words = keys.integer("hidden_size"), keys.integer("vocab_size")
        tied = keys.flag("tie_word_embeddings", True)
        if tied and not self.ties:
            keys.log.note("tie_word_embeddings is true, and the class of this model ties nothing")
            tied = False
        rows = 0 if tied else (words + self.spare_words) * hidden
        if self.positions:
            rows += (keys.integer(self.positions) + self.offset) * hidden
        return Ends(rows, matrix(hidden, words, flag(keys, self.bias)), self.norms * hidden)
