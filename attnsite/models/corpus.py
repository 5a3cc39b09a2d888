"""A text, byte by byte: 899,971 bytes of Shakespeare's plays, kept beside this file.

From `data/tinyshakespeare/input.txt` of github.com/karpathy/char-rnn (commit 6f9487a, SHA-256 of the whole file
86c4e6aa…), cut after the last speech that ends within 900,000 bytes and compressed with xz. The plays are in the public
domain. The last tenth is held out.
"""

import hashlib
import lzma
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from attnsite.models.tasks import Batch

PATH = Path(__file__).with_name("shakespeare.txt.xz")
SHA256 = "a768c0d28ab0c89d7af2b26bfd10203d5aaef004667cad15ae54e6b303779bab"  # of the text, not of the compressed file
HELD_OUT = 0.1


@cache
def text() -> bytes:
    """The whole text. Raises ValueError if it is not what it was when results were made with it."""
    found = lzma.decompress(PATH.read_bytes())
    if hashlib.sha256(found).hexdigest() != SHA256:
        raise ValueError(f"{PATH.name} holds another text than results were made with: restore it from git")
    return found


@dataclass(frozen=True)
class Text:
    """Stretches of the text from random places; every next byte is asked for."""

    length: int = 128
    vocabulary: int = 256

    def sample(self, rng: np.random.Generator, size: int, *, held_out: bool = False) -> Batch:
        """From the first nine tenths, or `held_out` from the last one."""
        source = np.frombuffer(text(), np.uint8)
        border = int(len(source) * (1 - HELD_OUT))
        source = source[border:] if held_out else source[:border]
        starts = rng.integers(0, len(source) - self.length, size)
        whole = source[starts[:, None] + np.arange(self.length + 1)[None, :]].astype(np.int64)
        return whole[:, :-1], whole[:, 1:]
