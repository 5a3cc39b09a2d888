"""What is known of a calculator, and what it is given: a model's released file, or the GGUF metadata made from it."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASED = Path(__file__).parent / "released"
CONFIG, GGUF, NUMBERS = "config.json", "GGUF metadata", "numbers typed in"
LLAMA_CPP, VLLM = "llama.cpp", "vLLM"

# What a rule leaves out, in the words of the page.
FULL, NEAR = "layers that keep a window or no KV", "full layers among windowed ones"
DERIVED, QUERY = "head_dim where it is not hidden size / heads", "that query heads share KV heads"
LATENT, ROPE = "the latent of MLA", "the rotary part of the latent"
ONE, TWICE = "one of keys and values", "nothing: it counts a factor of two twice"
WINDOWS = "the engine's pattern, padding or reach of windows"
LAYERS = "the layers: parameters or a constant instead"


@dataclass(frozen=True)
class Tool:
    """One version of a calculator. `commit` is what was read, `committed` its date where the copy that was read has
    one; `lines` are those of `path` in it. `formula` is the rule in our words, `covers` what its authors say that it is
    for, `leaves_out` what its rule does not know. `engine` is the one whose allocation it models, if any: that engine's
    figure then counts as right too."""

    name: str
    repository: str
    commit: str
    committed: str
    looked_at: str
    path: str
    lines: str
    formula: str
    covers: str
    leaves_out: tuple[str, ...] = ()
    reads: str = CONFIG
    engine: str = ""


@dataclass(frozen=True)
class Given:
    """A model as a calculator meets it: `config` as released, of which `text` is the part of the decoder. `parameters`
    and `active` are as published, in units. `slug` is the model's in `formulas/published`."""

    label: str
    slug: str
    config: Mapping[str, Any]
    parameters: float
    active: float

    @property
    def text(self) -> Mapping[str, Any]:
        return self.config.get("text_config", self.config)

    @property
    def gguf(self) -> dict[str, int]:
        """The metadata that llama.cpp's converter writes, without its prefix: ggml-org/llama.cpp, `conversion/`,
        base.py, gemma.py (commit 061b8c5f), deepseek.py (01a723dc), qwen.py (03173d5e)."""
        text = self.text
        dim = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
        found = {
            "block_count": text["num_hidden_layers"],
            "embedding_length": text["hidden_size"],
            "context_length": text["max_position_embeddings"],
            "head_count": text["num_attention_heads"],
            "head_count_kv": text["num_key_value_heads"],
            "key_length": dim,
            "value_length": dim,
        }
        if rank := text.get("kv_lora_rank"):  # written as one head that keeps the latent
            rope = text["qk_rope_head_dim"]
            found |= {"head_count_kv": 1, "key_length": rank + rope, "value_length": rank, "kv_lora_rank": rank,
                      "key_length_mla": text["qk_nope_head_dim"] + rope,
                      "value_length_mla": text["v_head_dim"]}  # fmt: skip
        if window := text.get("sliding_window"):
            found["sliding_window"] = window
        if interval := text.get("full_attention_interval"):
            found |= {"full_attention_interval": interval, "ssm_conv_kernel": text["linear_conv_kernel_dim"],
                      "ssm_state_size": text["linear_key_head_dim"], "ssm_group_count": text["linear_num_key_heads"],
                      "ssm_inner_size": text["linear_value_head_dim"] * text["linear_num_value_heads"]}  # fmt: skip
        return found


@functools.cache
def released() -> Mapping[str, Given]:
    """What the calculators are tried on, by label: a file in `released` each."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RELEASED.glob("*.json"))]
    return {
        each["label"]: Given(each["label"], each["slug"], each["config"], each["parameters"], each["active"])
        for each in found
    }


def padded(count: int, to: int) -> int:
    """The next multiple."""
    return -(-count // to) * to
