"""Decoders with multi-head latent attention (MLA), with and without a sparse indexer, and DeepSeek V4's compression."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix
from attnsite.formulas.decoder import Ends, Experts, Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Compressed, Layout, Sliding
from attnsite.formulas.mixers import LatentAttention
from attnsite.formulas.mlps import Dense, Sparse
from attnsite.formulas.patterns import FULL, INDEXED, SLIDING, always

DEEPSEEK = Sparse("n_routed_experts", shared="n_shared_experts")
CSA, HCA = "compressed_sparse_attention", "heavily_compressed_attention"
RATIOS = {0: SLIDING, 4: CSA, 128: HCA}  # `_COMPRESS_RATIO_TO_LAYER_TYPE`, configuration_deepseek_v4.py


def every_layer(keys: Keys, index: int) -> bool:
    return True


def glm_indexer(keys: Keys, index: int) -> bool:
    """GLM's: layers of `indexer_types` "full"; else by a pattern of F and S, or by a frequency and an offset."""
    if types := keys.list("indexer_types", str):
        return index < len(types) and types[index] == "full"
    pattern = keys.value("index_topk_pattern")
    if isinstance(pattern, str):
        return pattern[index : index + 1] == "F"
    if isinstance(pattern, list):
        return pattern[index : index + 1] == ["full"]
    step, offset = max(keys.integer("index_topk_freq", 1, least=0), 1), keys.integer("index_skip_topk_offset", 2, 0)
    return max(index - offset + 1, 0) % step == 0


def hunyuan_indexer(keys: Keys, index: int) -> bool:
    if types := keys.list("indexer_types", str):
        return index < len(types) and types[index] == "full"
    return index == 0 or (index - 1) % 4 == 0


def first_dense(keys: Keys, layers: int) -> list[bool]:
    """`mlp_layer_types`, else `first_k_dense_replace`, which is 1 where it is absent, and `moe_layer_freq`."""
    if names := keys.list("mlp_layer_types", str):
        return [name != "dense" for name in (names + ["sparse"] * layers)[:layers]]
    dense, step = keys.integer("first_k_dense_replace", 1, least=0), keys.integer("moe_layer_freq", 1)
    return [i >= dense and i % step == 0 for i in range(layers)]


def streams(keys: Keys, maps: int) -> int:
    """Two hyper-connections of a layer: `maps` rows over `hc_mult` streams, their bases, and a scale for each kind."""
    wide = keys.integer("hc_mult") * keys.integer("hidden_size")
    return 2 * (maps * wide + maps)


def stream_ends(keys: Keys) -> Ends:
    """The head that joins the streams: `hc_mult` rows over all of them, their bases, a scale."""
    plain, count = Tokens()(keys), keys.integer("hc_mult")
    return Ends(plain.rows, plain.output, plain.other + count * (count * keys.integer("hidden_size") + 1) + 1)


def v4_other(keys: Keys, place: Place) -> int:
    count = keys.integer("hc_mult")
    return 2 * keys.integer("hidden_size") + streams(keys, (2 + count) * count) + 2 * 3


def hy_v4_other(keys: Keys, place: Place) -> int:
    return 2 * keys.integer("hidden_size") + streams(keys, 2 * keys.integer("hc_mult")) + 2 * 2


def axk2_mixer(keys: Keys, place: Place) -> Mixer:
    """AXK2: the queries' second matrix takes twice the latent and makes a gate of the values' width too."""
    plain = LatentAttention(indexed=every_layer)(keys, place)
    rank, heads = keys.integer("q_lora_rank"), keys.integer("num_attention_heads")
    head = keys.integer("qk_nope_head_dim") + keys.integer("qk_rope_head_dim")
    instead = matrix(2 * rank, heads * (head + keys.integer("v_head_dim"))) - matrix(rank, heads * head)
    return Mixer(plain.parameters + instead, plain.states)


def axk2_norms(keys: Keys, place: Place) -> int:
    """AXK2: norms with a gate of low rank; the one before a dense MLP is plain."""
    hidden, sparse = keys.integer("hidden_size"), first_dense(keys, place.index + 1)[place.index]
    rank = keys.integer("gated_norm_rank", keys.integer("gate_norm_rank", 16))
    return (2 + 2 * rank + (2 * rank if sparse else 0)) * hidden


def v4_kinds(keys: Keys, layers: int) -> list[str]:
    ratios = keys.list("compress_ratios")
    if ratios is not None:
        return [RATIOS.get(ratio, f"a ratio of {ratio}") for ratio in ratios[:layers]]
    return [HCA if i < 2 or i % 2 == 0 else CSA for i in range(layers)]


def rate_of(keys: Keys, kind: str) -> int:
    """Tokens for one compressed vector: a table, or a key of its own in older files."""
    older = {CSA: "compress_rate_csa", HCA: "compress_rate_hca"}[kind]
    if keys.given(older):
        return keys.integer(older)
    usual = 4 if kind == CSA else 128
    return keys.inside("compress_rates").integer(kind, usual) if keys.given("compress_rates") else usual


def v4_mixer(keys: Keys, place: Place) -> Mixer:
    """DeepSeek V4: one vector a token is key and value; compressed layers add their projections, gates and positions.

    The output's first matrix is cut into `o_groups` (`DeepseekV4GroupedLinear`).
    """
    hidden, heads, dim = keys.integer("hidden_size"), keys.integer("num_attention_heads"), keys.integer("head_dim")
    rank, groups = keys.integer("q_lora_rank"), keys.integer("o_groups")
    wide = groups * keys.integer("o_lora_rank")
    queries = matrix(hidden, rank) + rank + matrix(rank, heads * dim)
    count = queries + matrix(hidden, dim) + dim + heads * dim // groups * wide + matrix(wide, hidden) + heads
    window = keys.integer("sliding_window")
    if place.kind not in (CSA, HCA):
        keys.log.note("layers that only slide keep their vector twice in transformers, as key and as value")
        return Mixer(count, (Sliding(1, dim, dim, window),))
    rate = rate_of(keys, place.kind)
    if place.kind == HCA:
        count += 2 * matrix(hidden, dim) + rate * dim + dim
        return Mixer(count, (Compressed(dim, window, rate),))
    index_dim, index_heads = keys.integer("index_head_dim"), keys.integer("index_n_heads")
    for width in (dim, index_dim):
        count += 2 * matrix(hidden, 2 * width) + rate * 2 * width + width
    count += matrix(rank, index_heads * index_dim) + matrix(hidden, index_heads)
    states: tuple[Layout, ...] = (Compressed(dim, window, rate, index_dim),)
    return Mixer(count, states)


def v4_mlp(keys: Keys, place: Place) -> Mlp:
    """Every layer has experts and one shared; the first choose by a table of hashes, which is no parameter."""
    hidden, inner = keys.integer("hidden_size"), keys.integer("moe_intermediate_size")
    count, each = keys.integer("n_routed_experts"), gated_mlp(hidden, inner)
    shared = gated_mlp(hidden, inner, keys.flag("mlp_bias"))
    return Mlp(matrix(hidden, count) + shared, Experts(count, keys.integer("num_experts_per_tok"), each))


def longcat_mixer(keys: Keys, place: Place) -> Mixer:
    """LongCat Flash: two attentions in each layer, each with a cache of its own."""
    head = keys.integer("qk_nope_head_dim") + keys.integer("qk_rope_head_dim")
    if keys.integer("qk_head_dim", head, why="the sum of its parts") != head:
        keys.log.fault(keys.place + "qk_head_dim", f"is not the sum {head} of its parts", "take it out")
    one = LatentAttention()(keys, place)
    return Mixer(2 * one.parameters, one.states * 2, pair=2 * one.pair)


def longcat_mlp(keys: Keys, place: Place) -> Mlp:
    """Two dense MLPs and one set of experts, some of which only pass their input on. Those have no parameters by their
    idea; transformers gives them rows of the gate and up matrices all the same, which nothing reads."""
    hidden, idle = keys.integer("hidden_size"), keys.integer("zero_expert_num", 0, least=0)
    count, inner = keys.integer("n_routed_experts"), keys.integer("moe_intermediate_size")
    dense = 2 * gated_mlp(hidden, keys.integer("intermediate_size"))
    common = dense + matrix(hidden, count + idle, keys.flag("router_bias")) + idle * 2 * hidden * inner
    return Mlp(common, Experts(count, keys.integer("num_experts_per_tok"), gated_mlp(hidden, inner)))


LATENT, INDEXED_LATENT = LatentAttention(), LatentAttention(indexed=every_layer)
SPARSE = (FULL, INDEXED)


def deepseek(name: str, folder: str = "") -> Architecture:
    return Architecture(name, LATENT, DEEPSEEK, Tokens(), folder=folder)


TYPES = {
    "deepseek_v2": Architecture(
        "DeepseekV2Attention", LATENT,
        Sparse("n_routed_experts", shared="n_shared_experts", dense=Dense(bias="mlp_bias")), Tokens(),
    ),
    "deepseek_v3": deepseek("DeepseekV3Attention"),
    "sarvam_mla": deepseek("DeepseekV3Attention", "deepseek_v3"),
    "mistral4": deepseek("Mistral4Attention"),
    "glm4_moe_lite": Architecture(
        "Glm4MoeLiteAttention", LATENT, Sparse("n_routed_experts", shared="n_shared_experts", where=first_dense),
        Tokens(),
    ),
    "axk1": Architecture(
        "AXK1Attention", LATENT,
        Sparse("n_routed_experts", shared="n_shared_experts", where=first_dense, extra_vectors=1), Tokens(),
    ),
    "axk2": Architecture(
        "AXK2Attention", axk2_mixer, Sparse("n_routed_experts", shared="n_shared_experts", where=first_dense), Tokens(),
        always(INDEXED), axk2_norms, allowed=SPARSE,
    ),
    "deepseek_v32": Architecture(
        "DeepseekV32Attention", INDEXED_LATENT, DEEPSEEK, Tokens(), always(INDEXED), allowed=SPARSE
    ),
    "glm_moe_dsa": Architecture(
        "GlmMoeDsaAttention", LatentAttention(indexed=glm_indexer), DEEPSEEK, Tokens(), always(INDEXED), allowed=SPARSE
    ),
    "hy_v4": Architecture(
        "HYV4Attention", LatentAttention(indexed=hunyuan_indexer, gate="element", sinks=True),
        Sparse("n_routed_experts", shared="n_shared_experts", where=first_dense), stream_ends, always(INDEXED),
        hy_v4_other, allowed=SPARSE,
    ),
    "deepseek_v4": Architecture(
        "DeepseekV4Attention", v4_mixer, v4_mlp, stream_ends, v4_kinds, v4_other, allowed=(SLIDING, CSA, HCA)
    ),
    "minicpm3": Architecture("MiniCPM3Attention", LATENT, Dense(bias="mlp_bias"), Tokens()),
    "youtu": Architecture("YoutuAttention", LATENT, Dense(), Tokens()),
    "longcat_flash": Architecture(
        "LongcatFlashMLA", longcat_mixer, longcat_mlp, Tokens(), norms=4,
        layers=lambda keys: keys.integer("num_layers"), note="two attentions in each layer, each with its own cache",
    ),
}  # fmt: skip
