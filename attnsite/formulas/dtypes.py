"""The dtypes in which a KV cache and a model's weights are stored, with the scales that come with them.

Block formats: OCP Microscaling Formats 1.0, table 1 (mxfp8, mxfp4: 32 elements share 8 bits); ggml's `ggml-common.h`
(q8_0, q5_0, q4_0: 32 elements share a 16-bit scale; q6_k, q5_k, q4_k: blocks of 256). nvfp4 has 8 bits for 16
elements. int4 is the usual group of GPTQ and AWQ: 128 elements share a 16-bit scale and a 4-bit zero point.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Dtype:
    """`group` elements take `group_bytes` bytes, scales included; each vector of a head takes `vector_bytes` more."""

    name: str
    group: int
    group_bytes: int
    vector_bytes: int = 0
    scales: str = "no scales"

    def bytes(self, elements: int, vectors: int = 0) -> int:
        """Bytes of so many elements, in `vectors` vectors; a part of a group is stored as a whole one."""
        return -(-elements // self.group) * self.group_bytes + vectors * self.vector_bytes

    @property
    def element(self) -> str:
        """What an element takes, as text: 2 bytes, 34/32 bytes."""
        each = f"{self.group_bytes}/{self.group}" if self.group > 1 else str(self.group_bytes)
        return f"{each} byte{'' if each == '1' else 's'}"


DTYPES = {
    dtype.name: dtype
    for dtype in (
        Dtype("fp32", 1, 4),
        Dtype("bf16", 1, 2),
        Dtype("fp16", 1, 2),
        Dtype("fp8", 1, 1, scales="one scale a tensor, not counted"),
        Dtype("int8", 1, 1, 4, scales="a 16-bit scale and zero point for each head and token"),
        Dtype("mxfp8", 32, 33, scales="8 bits for 32 elements"),
        Dtype("mxfp4", 32, 17, scales="8 bits for 32 elements"),
        Dtype("nvfp4", 16, 9, scales="8 bits for 16 elements"),
        Dtype("q8_0", 32, 34, scales="16 bits for 32 elements"),
        Dtype("q5_0", 32, 22, scales="16 bits for 32 elements"),
        Dtype("q4_0", 32, 18, scales="16 bits for 32 elements"),
    )
}
WEIGHTS = {  # in which weights are stored: matrices of whole groups, with no scale for a vector
    dtype.name: dtype
    for dtype in (
        *(replace(DTYPES[name], vector_bytes=0, scales="") for name in ("fp32", "bf16", "fp16", "fp8", "int8")),
        *(DTYPES[name] for name in ("mxfp8", "mxfp4", "nvfp4", "q8_0", "q5_0", "q4_0")),
        Dtype("q6_k", 256, 210, scales="an 8-bit scale for 16 elements and 16 bits for 256"),
        Dtype("q5_k", 256, 176, scales="6-bit scales and minima for 32 elements and 32 bits for 256"),
        Dtype("q4_k", 256, 144, scales="6-bit scales and minima for 32 elements and 32 bits for 256"),
        Dtype("int4", 256, 133, scales="a 16-bit scale and a 4-bit zero point for 128 elements"),
    )
}


@dataclass(frozen=True)
class Stored:
    """In which dtypes weights are stored: those of routed experts, of what else is in a layer, and of the rest."""

    experts: Dtype
    layers: Dtype
    rest: Dtype

    @property
    def name(self) -> str:
        """All of them, each once: mxfp4 and bf16."""
        names = [self.experts.name]
        for dtype in (self.layers, self.rest):
            if dtype.name not in names:
                names = [*names, dtype.name]
        if len(names) == 1:
            return names[0]
        return ", ".join(names[:-1]) + f" and {names[-1]}"

    @property
    def least(self) -> Dtype:
        """The dtype of the fewest bytes."""
        return min([self.experts, self.layers, self.rest], key=lambda dtype: dtype.group_bytes / dtype.group)


BF16, SINGLE = DTYPES["bf16"], DTYPES["fp32"]
WEIGHT_DTYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}  # as a config's `dtype` spells them
