"""Closed forms against enumeration: shapes written out, products added up, and counts of loops that ran."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.formulas import attention as accounting
from attnsite.formulas.attention import Attention, CrossAttention, Decoder, LatentAttention
from attnsite.kernels import cpu_simd_backward as backward_kernel
from attnsite.kernels.plain import counting

SMALL = st.integers(1, 9)
V3 = LatentAttention(width=7168, heads=128, dim=128, rope_dim=64, value_dim=128, latent=512, query_latent=1536)


def latent_matrices(layer):
    """The matrices of one layer as (rows, columns), in the names of DeepSeek-V3's `inference/model.py`."""
    head = layer.dim + layer.rope_dim
    queries = (
        {"wq_a": (layer.width, layer.query_latent), "wq_b": (layer.query_latent, layer.heads * head)}
        if layer.query_latent
        else {"wq": (layer.width, layer.heads * head)}
    )
    return queries | {
        "wkv_a": (layer.width, layer.latent + layer.rope_dim),
        "wkv_b": (layer.latent, layer.heads * (layer.dim + layer.value_dim)),
        "wo": (layer.heads * layer.value_dim, layer.width),
    }


@given(SMALL, SMALL, SMALL, SMALL, SMALL, SMALL, st.integers(0, 5), st.integers(1, 20))
def test_latent_attention_is_the_sum_of_its_matrices(width, heads, dim, rope, value, latent, query_latent, tokens):
    """Weights are the sizes of the published layer's matrices; each meets every token once, at two FLOPs a weight."""
    layer = LatentAttention(width, heads, dim, rope, value, latent, query_latent)
    sizes = {name: rows * columns for name, (rows, columns) in latent_matrices(layer).items()}

    assert layer.parameters() == sum(sizes.values())
    assert layer.up_weights() == sizes["wkv_b"]
    assert layer.projection_flops(tokens) == 2 * tokens * sum(sizes.values())
    assert layer.expansion_flops(tokens) == 2 * tokens * sizes["wkv_b"]


def test_latent_attention_of_deepseek_v3_by_hand():
    """187 million weights a layer, 576 elements a token whatever the heads, 40 960 where keys and values are kept."""
    assert V3.parameters() == 7168 * 1536 + 1536 * 128 * 192 + 7168 * 576 + 512 * 128 * 256 + 128 * 128 * 7168
    assert V3.kv_cache_elements() == 576
    assert V3.kv_cache_elements(absorbed=False) == 128 * (192 + 128)


def test_absorbing_changes_the_order_of_products_and_not_the_result():
    """Scores and outputs of both ways agree in float64, product by product as the FLOPs of either way are counted."""
    layer, tokens, rng = LatentAttention(11, 3, 5, 2, 4, 6), 7, np.random.default_rng(0)
    q, q_rope = rng.standard_normal((3, tokens, 5)), rng.standard_normal((3, tokens, 2))
    latent, k_rope = rng.standard_normal((tokens, 6)), rng.standard_normal((tokens, 2))
    up_k, up_v = rng.standard_normal((3, 6, 5)), rng.standard_normal((3, 6, 4))  # (heads, latent, dim or value_dim)
    keys = np.concatenate((latent @ up_k, np.broadcast_to(k_rope, (3, tokens, 2))), -1)
    scores = np.concatenate((q, q_rope), -1) @ keys.swapaxes(1, 2)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)

    shared = np.concatenate((latent, k_rope), -1)  # one key for all heads, whose first part is the value
    absorbed = np.concatenate((q @ up_k.swapaxes(1, 2), q_rope), -1)

    np.testing.assert_allclose(absorbed @ shared.T, scores)
    np.testing.assert_allclose((weights @ latent) @ up_v, weights @ (latent @ up_v))
    assert layer.core_flops(tokens, tokens, absorbed=False) == 2 * 3 * tokens**2 * (keys.shape[-1] + 4)
    assert layer.core_flops(tokens, tokens, absorbed=True) == 2 * 3 * tokens**2 * (shared.shape[-1] + 6)


@pytest.mark.parametrize("causal", [False, True])
def test_latent_attention_is_what_the_loops_count(causal):
    """Materialised: every head by itself. Absorbed: a decoding step's heads are the queries of one head, read once."""
    layer, tokens = LatentAttention(8, 4, 6, 2, 5, 7), 30
    one = counting.count("naive", tokens, tokens, 6 + 2, causal=causal, value_dim=5)
    step = counting.count("skip_blocks", 4, tokens, 7 + 2, causal=False, value_dim=7, shared=True)

    assert 2 * 4 * one["multiply_adds"] == layer.core_flops(tokens, tokens, causal, absorbed=False)
    assert 2 * step["multiply_adds"] == layer.core_flops(1, tokens, absorbed=True)
    assert step["elements_read"] == 4 * (7 + 2) + tokens * layer.kv_cache_elements()


@given(SMALL, SMALL, SMALL, SMALL, st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))
def test_cross_attention_is_the_sum_of_its_matrices_and_loops(width, source_width, kv_heads, dim, group, queries, keys):
    """Query and output matrices meet the queries, key and value matrices the source, which alone is cached."""
    heads = kv_heads * group
    layer = CrossAttention(width, source_width, heads, dim, kv_heads)
    own = {"q": width * heads * dim, "o": heads * dim * width}
    source = dict.fromkeys("kv", source_width * kv_heads * dim)

    assert layer.parameters() == sum(own.values()) + sum(source.values())
    assert layer.projection_flops(queries, keys) == 2 * (queries * sum(own.values()) + keys * sum(source.values()))
    pairs = itertools.product(range(heads), range(queries), range(keys))
    assert layer.core_flops(queries, keys) == sum(4 * dim for _ in pairs)
    assert layer.kv_cache_elements(keys) == keys * 2 * kv_heads * dim
    counted = counting.count("skip_blocks", queries, keys, dim, causal=False, block=4)
    assert layer.core_flops(queries, keys) == 2 * heads * counted["multiply_adds"]


def test_cross_attention_without_kv_heads_of_its_own_has_as_many_as_heads():
    """As `Attention` has it; with one width for both sequences the weights are those of self-attention."""
    assert CrossAttention(12, 12, 4, 3).parameters() == Attention(12, 4, 3).parameters()


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 200), st.integers(1, 64))
def test_a_windowed_layer_keeps_no_more_than_its_window(layers, windowed, tokens, window):
    """Layer by layer and token by token: a windowed layer keeps the last of them."""
    layers += windowed
    kept = [min(tokens, window) if layer < windowed else tokens for layer in range(layers)]

    assert accounting.windowed_cache_bytes(layers, windowed, 5, tokens, window, 2) == sum(kept) * 5 * 2


def test_a_block_of_32_with_one_scale_of_16_bits_takes_34_bytes():
    """llama.cpp's q8_0 and q4_0: 34 and 18 bytes for 32 elements."""
    assert accounting.packed_bits(8, 32, 16) * 32 / 8 == 34
    assert accounting.packed_bits(4, 32, 16) * 32 / 8 == 18


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("matrices", [2, 3])
def test_training_takes_every_product_three_times(kv_heads, matrices):
    """A list of all products of a forward pass, each with its two gradients, adds up to the closed form."""
    layers, width, heads, dim, mlp, vocabulary, tokens = 3, 8, 4, 2, 20, 50, 13
    model = Decoder(layers, Attention(width, heads, dim, kv_heads), mlp, matrices, vocabulary)
    weights = [(width, heads * dim), (heads * dim, width), *[(width, kv_heads * dim)] * 2, *[(width, mlp)] * matrices]
    products = [(tokens, *matrix) for matrix in weights * layers] + [(tokens, width, vocabulary)]
    core = [(tokens, dim, tokens), (tokens, tokens, dim)] * heads * layers

    def flops(products):
        return sum(2 * m * k * n for m, k, n in products)

    def gradients(products):  # of C = A B, (m, k) @ (k, n): dA = dC Bᵀ and dB = Aᵀ dC
        return [gradient for m, k, n in products for gradient in ((m, n, k), (k, m, n))]

    assert model.block_weights() + model.output_weights() == sum(k * n for _, k, n in products)
    assert model.weight_flops(tokens) == flops(products)
    assert model.core_flops(tokens, causal=False) == flops(core)
    whole = flops(products + core) + flops(gradients(products + core))
    assert model.training_flops(tokens, causal=False) == whole
    assert model.training_flops(tokens, causal=False, core_products=7) == whole + flops(core) // 2


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [0, 1, 5, 64])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (7, 7), (5, 9), (9, 5), (64, 64), (70, 130)])
def test_windowed_counts_agree_with_sets_of_pairs(queries, keys, window, causal):
    """With a window too, the counters equal what follows from the pairs and tiles, enumerated as sets."""
    dim, value_dim, block = 3, 2, 4

    def sees(i, j):
        place = i + keys - queries
        return not causal or (j <= place and (not window or j > place - window))

    seen = {(i, j) for i in range(queries) for j in range(keys) if sees(i, j)}
    needed = {(i // block, j // block) for i, j in seen}
    touched = sum((i // block, j // block) in needed for i in range(queries) for j in range(keys))

    asked = {"causal": causal, "block": block, "window": window}
    naive, tiled = (
        counting.count(algorithm, queries, keys, dim, value_dim=value_dim, **asked)
        for algorithm in ("naive", "skip_blocks")
    )
    assert naive["multiply_adds"] == (dim + value_dim) * len(seen)
    assert naive["exponentials"] == naive["comparisons"] == len(seen)
    assert naive["elements_read"] == queries * dim + len(seen) * (dim + value_dim)
    assert tiled["multiply_adds"] == (dim + value_dim) * touched
    assert tiled["elements_written"] == naive["elements_written"] == queries * value_dim
    for fused, products in ((True, 5), (False, 4)):
        back = counting.count_gradients(queries, keys, dim, fused=fused, **asked)
        assert back["multiply_adds"] == products * dim * touched
        assert back["exponentials"] == touched * fused


def test_the_backward_kernel_makes_the_products_that_are_counted():
    """Its docstring names five: scores again, dV, dP, dQ and dK."""
    assert "as five products" in backward_kernel.__doc__
    assert all(f"{name} = " in backward_kernel.__doc__ for name in ("dV", "dP", "dS", "dQ", "dK"))


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 4), st.integers(0, 5))
def test_pairs_of_a_block_pattern_are_those_that_it_keeps(tokens, size, near, every):
    """Enumerated: the near blocks of keys, of the others the last of every so many, and no key that comes later."""
    size = -(-tokens // -(-tokens // size))  # of as many blocks, alike
    kept = sum(
        i // size - j // size < near or bool(every and (j // size + 1) % every == 0)
        for i in range(tokens)
        for j in range(i + 1)
    )

    assert accounting.block_pairs(tokens, size, near, every) == kept


def test_terms_of_the_context_are_as_they_were_printed():
    """Kaplan's row "Attention: Mask" and PaLM's term, for 3 layers of 64 columns at 100 tokens; a share of a layer."""
    assert accounting.kaplan_context_flops(3, 100, 64) == 38400
    assert accounting.palm_context_flops(3, 100, 64) == 76800
    assert accounting.attention_share(64, 32, 16, 1000, 99, causal=False) == 12672 / (12672 + 2 * 7144)
    assert accounting.attention_share(64, 32, 16, 1000, 99) == 6400 / (6400 + 2 * 7144)
