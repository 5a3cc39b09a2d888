"""Dense decoders with multi-head or grouped-query attention, most in the line of Llama."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix
from attnsite.formulas.decoder import Ends, Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Sliding
from attnsite.formulas.mixers import Grouped, head_dim_of
from attnsite.formulas.mlps import Dense
from attnsite.formulas.patterns import FULL, SLIDING, every, first_of, last_layers, no_positions, windows

GATED, GATED_BIAS, PLAIN = Dense(), Dense(bias="mlp_bias"), Dense(gated=False)


def no_rope(keys: Keys, layers: int) -> list[str]:
    """SmolLM3: layers without positions slide, where a window is used."""
    used = keys.flag("use_sliding_window") and keys.given("sliding_window")
    return [FULL if rotates or not used else SLIDING for rotates in no_positions(keys, layers)]


def square_output(keys: Keys, place: Place, heads: int, kv_heads: int, dim: int) -> int:
    """Helium: the output's matrix is hidden × hidden, whatever the heads, so that other heads do not run."""
    hidden = keys.integer("hidden_size")
    if heads * dim != hidden:
        keys.log.fault(keys.place + "head_dim", f"times heads is not hidden_size {hidden}", "Helium needs it to be")
    return 0


def differential(keys: Keys, place: Place, heads: int, kv_heads: int, dim: int) -> int:
    return 4 * dim  # the four vectors of λ


def dynamic_mask(keys: Keys, place: Place, heads: int, kv_heads: int, dim: int) -> int:
    """Doge: Δ of the values for each KV head, and A."""
    return matrix(kv_heads * dim, kv_heads, keys.flag("attention_bias")) + kv_heads


def doge_mlp(keys: Keys, place: Place) -> Mlp:
    """Doge's cross-domain experts are two tables of single vectors beside a dense MLP; those are not modelled."""
    if keys.flag("is_moe"):
        keys.log.fault(keys.place + "is_moe", "is true, and these experts are not modelled", "use its dense form")
    return GATED_BIAS(keys, place)


def moshi_mlp(keys: Keys, place: Place) -> Mlp:
    inner = keys.integer("ffn_dim")
    return Mlp(gated_mlp(keys.integer("hidden_size"), inner // 2))


def stablelm_norms(keys: Keys, place: Place, heads: int, kv_heads: int, dim: int) -> int:
    return (heads + kv_heads) * dim if keys.flag("qk_layernorm") else 0


def phi_norms(keys: Keys, place: Place, heads: int, kv_heads: int, dim: int) -> int:
    return 4 * dim if keys.flag("qk_layernorm") else 0


def two_norms(keys: Keys, place: Place) -> int:
    """StableLM: the second norm is absent where attention and MLP run side by side; each has a bias."""
    return (2 if keys.flag("use_parallel_residual") else 4) * keys.integer("hidden_size")


def decoder_norms(keys: Keys, place: Place) -> int:
    """ModernBERT: the first layer has no norm before its attention."""
    each = keys.integer("hidden_size") * (2 if keys.flag("norm_bias") else 1)
    return each * (1 if place.index == 0 else 2)


def bert_mixer(keys: Keys, place: Place) -> Mixer:
    """ModernBERT: a window of half of `local_attention`, as many KV heads as heads."""
    heads, dim = keys.integer("num_attention_heads"), head_dim_of(keys, "derived")
    whole = Grouped().sized(keys, Place(place.index, FULL), heads, heads, dim, dim)
    if place.kind != SLIDING:
        return whole
    return Mixer(whole.parameters, (Sliding(heads, dim, dim, keys.integer("local_attention") // 2),))


def bert_ends(keys: Keys) -> Ends:
    """ModernBERT: norms of the embedding, before and after the head's matrix; the output may have a bias."""
    plain, hidden = Tokens(norms=0, bias="decoder_bias")(keys), keys.integer("hidden_size")
    norms = 3 * hidden * (2 if keys.flag("norm_bias") else 1)
    return Ends(plain.rows, plain.output, norms + matrix(hidden, hidden, keys.flag("classifier_bias")))


def clovax_norms(keys: Keys, place: Place) -> int:
    return (4 if keys.flag("use_post_norm") else 2) * keys.integer("hidden_size")


def llama(name: str, folder: str = "") -> Architecture:
    return Architecture(name, Grouped(), GATED_BIAS, Tokens(), windows, folder=folder)


def plain_qwen(name: str) -> Architecture:
    return Architecture(name, Grouped(norm="head"), GATED, Tokens(), last_layers)


TYPES = {
    "llama": llama("LlamaAttention"),
    "exaone": llama("LlamaAttention", "llama"),
    "internlm3": Architecture(
        "LlamaAttention", Grouped(), GATED_BIAS, Tokens(), windows, folder="llama"
    ),
    "iquestcoder": llama("LlamaAttention", "llama"),
    "granite": llama("GraniteAttention"),
    "cwm": Architecture("CwmAttention", Grouped(False), GATED_BIAS, Tokens(), first_of(4)),
    "helium": Architecture(
        "HeliumAttention", Grouped(out_bias=False, extra=square_output), GATED_BIAS, Tokens(), windows
    ),
    "mistral": Architecture("MistralAttention", Grouped(False), GATED, Tokens(), windows),
    "ministral": Architecture("MinistralAttention", Grouped(False, head_dim="required"), GATED, Tokens(), windows),
    "ministral3": Architecture("Ministral3Attention", Grouped(False), GATED, Tokens(), windows),
    "ernie4_5": Architecture("Ernie4_5Attention", Grouped("use_bias"), Dense(bias="use_bias"), Tokens(), windows),
    "gemma": Architecture("GemmaAttention", Grouped(), GATED, Tokens(), windows),
    "smollm3": Architecture("SmolLM3Attention", Grouped(), GATED_BIAS, Tokens(), no_rope),
    "arcee": Architecture("ArceeAttention", Grouped(), Dense(False, "mlp_bias"), Tokens(), windows),
    "apertus": Architecture("ApertusAttention", Grouped(norm="head"), Dense(False, extra=2), Tokens(), windows),
    "bitnet": Architecture(
        "BitNetAttention",
        Grouped(extra=lambda keys, place, heads, kv_heads, dim: keys.integer("hidden_size")),
        Dense(norm=True), Tokens(), windows,
    ),
    "cohere": Architecture(
        "CohereAttention",
        Grouped(
            head_dim="derived",
            extra=lambda keys, place, heads, kv_heads, dim: (
                (heads + kv_heads) * dim if keys.flag("use_qk_norm") else 0
            ),
        ),
        GATED, Tokens(), windows, norms=1,
    ),
    "cohere2": Architecture(
        "Cohere2Attention", Grouped(head_dim="derived"), GATED, Tokens(), every("sliding_window_pattern", 4), norms=1
    ),
    "diffllama": Architecture(
        "DiffLlamaAttention", Grouped(extra=differential), GATED, Tokens(), windows
    ),
    "doge": Architecture(
        "DogeAttention", Grouped(norm="head", extra=dynamic_mask), doge_mlp, Tokens(), windows, norms=4
    ),
    "exaone4": Architecture(
        "Exaone4Attention", Grouped(False, norm="head"), GATED, Tokens(), every("sliding_window_pattern", 4)
    ),
    "olmo": Architecture("OlmoAttention", Grouped(), GATED, Tokens(norms=0), windows, norms=0),
    "olmo2": Architecture("Olmo2Attention", Grouped(norm="wide"), GATED, Tokens(), windows),
    "olmo3": Architecture("Olmo3Attention", Grouped(norm="wide"), GATED, Tokens(), every("", 4)),
    "gemma2": Architecture("Gemma2Attention", Grouped(), GATED, Tokens(), every("", 2), norms=4),
    "vaultgemma": Architecture("VaultGemmaAttention", Grouped(), GATED, Tokens(), every("", 2)),
    "gemma3_text": Architecture(
        "Gemma3Attention", Grouped(norm="head"), GATED, Tokens(), every("sliding_window_pattern", 6), norms=4,
        folder="gemma3",
    ),
    "glm": Architecture("GlmAttention", Grouped(out_bias=False), GATED, Tokens(), windows),
    "glm4": Architecture("Glm4Attention", Grouped(out_bias=False), GATED, Tokens(), windows, norms=4),
    "granite_swa": Architecture("GraniteSWAAttention", Grouped(sinks=True), GATED_BIAS, Tokens(), first_of(4)),
    "hunyuan_v1_dense": Architecture(
        "HunYuanDenseV1Attention", Grouped(norm="head", head_dim="required"), GATED, Tokens(), windows
    ),
    "hyperclovax": Architecture("HyperCLOVAXAttention", Grouped(), GATED_BIAS, Tokens(), windows, clovax_norms),
    "jais2": Architecture(
        "Jais2Attention", Grouped(), Dense(False, "mlp_bias"), Tokens(norms=2), windows, norms=4
    ),
    "modernbert-decoder": Architecture(
        "ModernBertDecoderAttention", bert_mixer, Dense(bias="mlp_bias"), bert_ends,
        first_of(3, "global_attn_every_n_layers"), decoder_norms,
    ),
    "moshi": Architecture("MoshiAttention", Grouped(False), moshi_mlp, Tokens(spare_words=1, ties=False), windows),
    "nanochat": Architecture("NanoChatAttention", Grouped(), Dense(False), Tokens(norms=0), windows, norms=0),
    "nemotron": Architecture(
        "NemotronAttention", Grouped(), Dense(False, "mlp_bias"), Tokens(norms=2), windows, norms=4
    ),
    "phi": Architecture(
        "PhiAttention", Grouped(True, extra=phi_norms), Dense(False, True), Tokens(norms=2, bias=True), windows, norms=2
    ),
    "phi3": Architecture("Phi3Attention", Grouped(False), GATED, Tokens(), windows),
    "phi4_multimodal": Architecture(
        "Phi4MultimodalAttention", Grouped(False), GATED, Tokens(), windows,
        note="the text decoder alone: image and audio towers are not counted",
    ),
    "qwen2": Architecture("Qwen2Attention", Grouped(True, False), GATED, Tokens(), last_layers),
    "qwen3": plain_qwen("Qwen3Attention"),
    "seed_oss": Architecture(
        "SeedOssAttention", Grouped(out_bias="attention_out_bias"), GATED_BIAS, Tokens(), windows
    ),
    "stablelm": Architecture(
        "StableLmAttention", Grouped("use_qkv_bias", False, head_dim="derived", extra=stablelm_norms), GATED,
        Tokens(norms=2), windows, two_norms,
    ),
    "starcoder2": Architecture(
        "Starcoder2Attention", Grouped("use_bias"), Dense(False, "use_bias"), Tokens(norms=2), windows, norms=4
    ),
}  # fmt: skip
