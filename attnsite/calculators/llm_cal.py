"""llm-cal: one formula put together from traits of the attention."""

from attnsite.calculators._tool import FULL, ROPE, Given, Tool

TOOL = Tool(
    name="llm-cal",
    repository="FlyTOmeLight/llm-cal",
    commit="ca137f6b71f05d02153111dc9db18d71c0934d47",
    committed="2026-04-26",
    looked_at="2026-12-01",
    path="src/llm_cal/architecture/formulas/kv_cache.py",
    lines="31-121",
    formula=(
        "2 × KV heads × head_dim × 2 × tokens × layers; MLA: kv_lora_rank × 2; a window caps the tokens of all layers"
    ),
    covers='models of the Hub, with a label of trust at every number: these say "estimated"',
    leaves_out=(FULL, ROPE),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    config = given.config
    if "num_hidden_layers" not in config:  # the decoder's part of a nested file is not opened: "unknown"
        return None
    seen = min(tokens, config.get("sliding_window") or tokens)
    each = 2 * config["num_key_value_heads"] * head_dim(given)
    if config.get("q_lora_rank") or config.get("kv_lora_rank"):
        each = config["kv_lora_rank"]
    return each * 2 * seen * config["num_hidden_layers"]


def head_dim(given: Given) -> int:
    """As the file says, else the hidden size over the heads (architecture/traits.py, line 56)."""
    return given.config.get("head_dim") or given.config["hidden_size"] // given.config["num_attention_heads"]
