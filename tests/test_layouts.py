"""What a layer keeps, by hand: small cases counted token by token, and published figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.formulas.counts import Count, Kept
from attnsite.formulas.decoder import Decoder, Ends, Experts, Layer, Mixer, Mlp
from attnsite.formulas.dtypes import BF16, DTYPES
from attnsite.formulas.layouts import (
    Chunked,
    Compressed,
    Cross,
    Full,
    Indexer,
    Latent,
    Reused,
    Sliding,
    State,
    growth,
)

SMALL = st.integers(1, 40)


def ring(tokens, window):
    """Token numbers that a window of so many holds once the newest is in."""
    held = []
    for token in range(tokens):
        held = [*held, token][-window:]
    return len(held)


@given(SMALL, SMALL, SMALL, SMALL, SMALL)
def test_full_and_sliding_layers_keep_what_a_loop_keeps(heads, key_dim, value_dim, tokens, window):
    """Elements are heads × (key + value dimension) × tokens held, whatever the widths."""
    each = heads * (key_dim + value_dim)
    count = Count(tokens)

    assert Full(heads, key_dim, value_dim).kept(count).cache == each * tokens
    assert Sliding(heads, key_dim, value_dim, window).kept(count).cache == each * ring(tokens, window)
    assert Chunked(heads, key_dim, value_dim, window).kept(count).cache == each * ring(tokens, window)


@given(SMALL, st.integers(2, 40))
def test_between_steps_a_window_lacks_one_token(tokens, window):
    """transformers keeps the last W − 1 tokens, or all that there are."""
    assert Sliding(1, 1, 1, window).kept(Count(tokens, spare=1)).cache == 2 * min(tokens, window - 1)


def test_a_window_of_one_drops_nothing_in_transformers():
    """Its slice from −W + 1 is then a slice from 0."""
    assert Sliding(1, 1, 1, 1).kept(Count(7, spare=1)).cache == 14
    assert Sliding(1, 1, 1, 1).kept(Count(7)).cache == 2


def test_llama_3_8b_keeps_128_kib_a_token():
    """2 × 32 layers × 8 heads × 128 × 2 bytes."""
    assert 32 * Full(8, 128, 128).kept(Count(1)).bytes() == 128 << 10


def test_deepseek_v3_keeps_70_272_bytes_a_token():
    """61 layers × (512 + 64) × 2 bytes, whatever the heads (DeepSeek-V3, 2.1.1)."""
    assert 61 * Latent(512, 64).kept(Count(1)).bytes() == 70_272


@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 9), st.integers(2, 20))
def test_compressed_attention_is_what_a_loop_over_tokens_leaves(tokens, dim, index_dim, rate):
    """A token waits with its gate until its group is full; then one vector stands for the group."""
    for index in (0, index_dim):
        waiting = groups = 0
        for _ in range(tokens):
            waiting += 1
            if waiting == rate:
                waiting, groups = 0, groups + 1
        kept = Compressed(dim, 8, rate, index).kept(Count(tokens))
        sides = 2 if index else 1
        overlap = rate * (dim + index) if index and groups else 0

        assert kept.cache == dim * min(tokens, 8) + groups * (dim + index)
        assert kept.model == waiting * 2 * sides * (dim + index) + overlap
        assert kept.single == overlap


def test_states_do_not_grow():
    """A constant state takes as many bytes at any length; its recurrent part is in float32 unless it is said."""
    delta = State(40, 30)
    assert delta.kept(Count(1)) == delta.kept(Count(10**6)) == Kept(model=40, single=30)
    assert delta.kept(Count(1)).bytes() == 40 * 2 + 30 * 4
    assert State(0, 30, recurrent_in_model=True).kept(Count(1)).bytes() == 60
    assert growth(delta, 5) == 0


def test_shared_layers_keep_nothing():
    assert Reused().kept(Count(1000)).bytes() == 0


def test_cross_attention_keeps_the_encoder_s_positions():
    """Those of the call, unless the config fixes how many."""
    assert Cross(2, 3, 3).kept(Count(1000, source=7)).cache == 2 * 6 * 7
    assert Cross(2, 3, 3, 15).kept(Count(1000, source=7)).cache == 2 * 6 * 15


@given(SMALL, st.integers(1, 32))
def test_pages_hold_whole_blocks(tokens, page):
    """Tokens are rounded up to pages; a window may begin in the middle of one."""
    assert Full(1, 1, 1).kept(Count(tokens, page=page)).cache == 2 * -(-tokens // page) * page
    most = max((end // page - start // page + 1) * page
               for end in range(page * 4 + 8) for start in [max(end - 8, 0)])  # fmt: skip

    assert Sliding(1, 1, 1, 9).kept(Count(10**4, page=page)).cache <= 2 * (most + page)
    assert Sliding(1, 1, 1, 9).kept(Count(10**4, page=page)).cache >= 2 * 9


@pytest.mark.parametrize(("heads", "ranks", "each"), [(8, 1, 8), (8, 4, 2), (8, 8, 1), (8, 16, 1), (1, 4, 1)])
def test_ranks_share_out_kv_heads_and_then_repeat_them(heads, ranks, each):
    """More ranks than heads keep a copy each."""
    assert Full(heads, 4, 4).split(ranks) == Full(each, 4, 4)


def test_what_cannot_be_shared_out_is_refused_and_a_latent_is_whole_everywhere():
    assert Full(8, 4, 4).split(3) is None
    assert State(12, 12, heads=2).split(4) is None
    assert State(12, 12, heads=2).split(2) == State(6, 6, heads=2)
    assert Latent(512, 64).split(8) == Latent(512, 64)


@pytest.mark.parametrize(
    ("name", "elements", "size"),
    [("bf16", 64, 128), ("fp8", 64, 64), ("q8_0", 64, 68), ("q4_0", 64, 36), ("mxfp8", 64, 66), ("nvfp4", 64, 36),
     ("q8_0", 33, 68)],
)  # fmt: skip
def test_dtypes_bring_their_scales(name, elements, size):
    """A group has its scale; a part of a group is a whole one."""
    assert DTYPES[name].bytes(elements) == size


def test_int8_has_a_scale_and_a_zero_point_for_each_vector():
    """Two 16-bit numbers for the key and two for the value of each head and token."""
    assert Full(2, 16, 16).kept(Count(3)).bytes(DTYPES["int8"]) == 2 * 2 * 3 * (16 + 4)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 200))
def test_a_batch_reads_at_most_all_experts_and_at_least_one_token_s(count, chosen, tokens):
    """The expectation lies between what one token reads and all, and grows with the tokens."""
    experts = Experts(count, min(chosen, count), 7)

    assert min(chosen, count) - 1e-9 <= experts.read(tokens) <= count
    assert experts.read(tokens) <= experts.read(tokens + 1) + 1e-9


def test_a_decoder_adds_up_its_parts():
    """All, active, and what a step reads, by hand: two layers, one of them with four experts of which one is chosen."""
    layers = (
        Layer("full_attention", Mixer(10, (Full(1, 2, 2),)), Mlp(5), 2),
        Layer("full_attention", Mixer(10, (Full(1, 2, 2), Indexer(3))), Mlp(3, Experts(4, 1, 100)), 2),
    )
    decoder = Decoder("mine", layers, Ends(50, 60, 1))

    assert decoder.parameters == 10 + 5 + 2 + 10 + 3 + 400 + 2 + 50 + 60 + 1
    assert decoder.active == decoder.parameters - 300
    assert sum(decoder.parts().values()) == decoder.parameters
    assert (decoder.in_experts, decoder.experts_read(1)) == (400, pytest.approx(100))
    assert decoder.in_layers == decoder.parameters - 400 - 50 - 60 - 1
    assert decoder.kv_bytes(Count(3), batch=2, dtype=BF16) == 2 * 3 * (4 + 4 + 3) * 2
    assert decoder.kv_elements_per_token(3) == 11
