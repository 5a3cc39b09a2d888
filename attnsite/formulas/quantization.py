"""What a config's `quantization_config` says of how its weights are stored, as transformers reads it.

`quantizers/auto.py` names the methods: `fp8` and `fbgemm_fp8` store the matrices of layers, and of experts, in 8 bits
with scales for blocks or rows (`integrations/finegrained_fp8.py`, `fbgemm_fp8.py`), embedding and output layer apart;
`mxfp4` stores experts alone (`integrations/mxfp4.py`); `awq` and `gptq` store the matrices of layers in `bits`.
"""

from collections.abc import Mapping
from typing import Any

FP8, MXFP4 = ("fp8", "fbgemm_fp8"), "mxfp4"
INTEGERS = {4: "int4", 8: "int8"}


def stored(values: Mapping[str, Any], expert_dtype: object) -> tuple[str, str] | None:
    """The dtypes of routed experts and of other layers, "" for the model's own; None where it is not understood.

    `expert_dtype` is a key of DeepSeek V4 beside the object: its experts are in fp4 where all else is in fp8.
    """
    method, bits = values.get("quant_method"), values.get("bits")
    if method in FP8:
        return (MXFP4 if expert_dtype == "fp4" else "fp8", "fp8")
    if method == MXFP4:
        return (MXFP4, "")
    if method in ("awq", "gptq") and isinstance(bits, int) and bits in INTEGERS:
        return (INTEGERS[bits], INTEGERS[bits])
    return None
