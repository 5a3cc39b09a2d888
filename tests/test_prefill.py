"""`cpu_simd` with everything that it can be asked: lengths, masks, windows, biases, storage, the log-sum-exp."""

import math
import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnsite.kernels import cpu_simd, cpu_simd_decode, cpu_simd_decode_int8

EPS = float(np.finfo(np.float32).eps)
LENGTHS = [(113, 203), (128, 217), (113, 211), (108, 256), (256, 512), (512, 256), (1024, 1024), (1023, 1024),
           (1024, 1023)]  # FlashAttention's own pairs  # fmt: skip
WIDTHS = [32, 40, 59, 64, 80, 96, 111, 128, 160, 192, 224, 256]  # and head widths
OPTIONS = {
    "full": {"causal": False},
    "causal": {"causal": True},
    "top-left": {"causal": True, "causal_alignment": "top-left"},
    "window": {"causal": False, "window": (20, 5)},
    "left window": {"causal": True, "window": (33, -1)},
    "right window, top-left": {"causal": False, "window": (-1, 7), "causal_alignment": "top-left"},
    "key_mask": {"causal": False, "key_mask": True},
    "causal, taken": {"causal": True, "key_mask": True},
    "alibi": {"causal": True, "alibi_slopes": True},
    "all at once": {"causal": False, "window": (50, 50), "key_mask": True, "alibi_slopes": True},
}

FOR_A_FEW = {name: options for name, options in OPTIONS.items() if "alibi_slopes" not in options}


def sight(queries, keys, causal, window=None, causal_alignment="bottom-right"):
    """Which keys a query sees, bool (queries, keys), and where each query stands."""
    stands = np.arange(queries) + (keys - queries if causal_alignment == "bottom-right" else 0)
    left, right = window or (-1, -1)
    right = 0 if causal else right
    apart = np.arange(keys)[None] - stands[:, None]
    return (apart >= -left if left >= 0 else True) & (apart <= right if right >= 0 else True) & (apart == apart), apart


def expected(q, k, v, dtype, *, causal, window=None, causal_alignment="bottom-right", key_mask=None, alibi_slopes=None):
    """The output and the log-sum-exp by the definition, one head after another, and the largest score."""
    (batch, heads, queries, dim), keys = q.shape, k.shape[2]
    band, apart = sight(queries, keys, causal, window, causal_alignment)
    out, lse, largest = np.zeros(q.shape, dtype), np.full(q.shape[:3], -np.inf, dtype), 0.0
    for b, h in np.ndindex(batch, heads):
        kv = h * k.shape[1] // heads
        seen = band & key_mask[b] if key_mask is not None else band
        some = seen.any(axis=1)
        if not some.any():
            continue
        mine, those = (x.astype(dtype) for x in (q[b, h], np.where(seen.any(axis=0)[:, None], k[b, kv], 0)))
        scores = mine @ those.T * dtype(1 / math.sqrt(dim))
        if alibi_slopes is not None:
            scores = scores - dtype(alibi_slopes[b, h]) * abs(apart)
        scores = np.where(seen, scores, dtype(-np.inf)).astype(dtype)
        most = np.where(some, scores.max(axis=1), 0)[:, None]
        weights = np.exp(scores - most)
        sums = weights.sum(axis=1, keepdims=True)
        values = np.where(seen.any(axis=0)[:, None], v[b, kv], 0).astype(dtype)
        out[b, h] = weights @ values / np.where(sums > 0, sums, 1)
        lse[b, h, some] = (most + np.log(np.where(sums > 0, sums, 1)))[some, 0]
        largest = max(largest, float(abs(scores[seen]).max()))
    return out, lse, largest


def arrays(batch, heads, kv_heads, queries, keys, dim, seed=0, scale=1.0):
    rng = np.random.default_rng([seed, batch, heads, kv_heads, queries, keys, dim])

    def normal(count, length):
        return rng.standard_normal((batch, count, length, dim), dtype=np.float32)

    return normal(heads, queries) * np.float32(scale), normal(kv_heads, keys), normal(kv_heads, keys)


def filled(q, k, options, seed=0):
    """The options with arrays in place of True."""
    rng, made = np.random.default_rng(seed), dict(options)
    if options.get("key_mask"):
        made["key_mask"] = rng.random((q.shape[0], k.shape[2])) > 0.4
    if options.get("alibi_slopes"):
        made["alibi_slopes"] = (rng.random(q.shape[:2]) + 0.01).astype(np.float32)
    return made


def run(q, k, v, module=cpu_simd, **options):
    """The output and the log-sum-exp, both from arrays full of NaN."""
    out, lse = np.full(q.shape, np.nan, np.float32), np.full(q.shape[:3], np.nan, np.float32)
    module.attention(q, k, v, out, lse=lse, **options)
    return out, lse


def check(q, k, v, out, lse, **options):
    """Output: at most twice plain NumPy's error, and what rounding the scores alone can cost. Log-sum-exp likewise."""
    exact, exact_lse, largest = expected(q, k, v, np.float64, **options)
    plain, plain_lse, _ = expected(q, k, v, np.float32, **options)
    np.testing.assert_array_equal(np.isneginf(lse), np.isneginf(exact_lse))
    assert (out[np.isneginf(exact_lse)] == 0).all()
    key_mask = options.get("key_mask")
    size = abs(v if key_mask is None else np.where(key_mask[:, None, :, None], v, 0)).max(initial=0)
    error, bound = abs(out - exact).max(initial=0), 2 * abs(plain - exact).max(initial=0) + EPS * (4 + largest) * size
    assert error <= bound, f"output: {error:.3g} > {bound:.3g}"
    seen = ~np.isneginf(exact_lse)
    error, bound = (abs(made[seen] - exact_lse[seen]).max(initial=0) for made in (lse, plain_lse))
    assert error <= 2 * bound + EPS * (8 + largest), f"log-sum-exp: {error:.3g} > {bound:.3g}"


CASES = [(pair, dim) for i, pair in enumerate(LENGTHS) for dim in WIDTHS[i % 3 :: 3 if max(pair) < 1000 else 6]]


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize(("lengths", "dim"), CASES, ids=[f"{q}x{k}x{d}" for (q, k), d in CASES])
def test_lengths_and_widths_of_flash_attention(lengths, dim, causal):
    """Grouped heads, two sequences."""
    q, k, v = arrays(2, 3, 1, *lengths, dim)

    check(q, k, v, *run(q, k, v, causal=causal), causal=causal)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("lengths", [(113, 203), (203, 113), (65, 1), (9, 4), (257, 640)])
def test_masks_windows_and_biases(lengths, options):
    """More queries than keys and the reverse, wherever the band of visible pairs lies."""
    for dim in (5, 64):
        q, k, v = arrays(2, 4, 2, *lengths, dim)
        asked = filled(q, k, options)

        check(q, k, v, *run(q, k, v, **asked), **asked)


@pytest.mark.parametrize("options", FOR_A_FEW.values(), ids=FOR_A_FEW)
@pytest.mark.parametrize("queries", [1, 2, 3, 8])
def test_a_handful_of_queries(queries, options):
    """They take another way through the cache; its length need not be a multiple of anything."""
    for keys, dim in ((1, 1), (7, 40), (130, 64), (2100, 128), (515, 256)):
        q, k, v = arrays(2, 6, 2, queries, keys, dim)
        asked = filled(q, k, options)
        for module in (cpu_simd, cpu_simd_decode):
            check(q, k, v, *run(q, k, v, module, **asked), **asked)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), st.integers(0, 150), st.integers(0, 150),
    st.integers(1, 70), st.sampled_from(list(OPTIONS.values())), st.integers(0, 9),
)  # fmt: skip
def test_any_shape_with_any_option(batch, kv_heads, group, queries, keys, dim, options, seed):
    """Whatever the shape and whatever is asked."""
    q, k, v = arrays(batch, kv_heads * group, kv_heads, queries, keys, dim, seed)
    options = filled(q, k, options, seed)

    check(q, k, v, *run(q, k, v, **options), **options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_huge_logits(options):
    """A thousand times too large: nothing overflows."""
    q, k, v = arrays(1, 8, 2, 200, 230, 64, scale=1000)
    options = filled(q, k, options)

    check(q, k, v, *run(q, k, v, **options), **options)


def test_rows_that_see_nothing():
    """A sequence of which no key takes part, and rows before the first key: zeros, and a log-sum-exp of −inf."""
    q, k, v = arrays(2, 2, 1, 90, 40, 8)
    key_mask = np.ones((2, 40), bool)
    key_mask[1] = False
    out, lse = run(q, k, v, causal=True, key_mask=key_mask)

    blind = np.zeros((2, 2, 90), bool)
    blind[0, :, :50] = blind[1] = True
    np.testing.assert_array_equal(np.isneginf(lse), blind)
    assert (out[blind] == 0).all()
    assert np.isfinite(out).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_keys_that_take_no_part_have_no_influence(bad):
    """Whatever they hold, and whether the mask, the window or the causal rule hides them."""
    q, k, v = arrays(1, 2, 1, 100, 120, 24)
    key_mask = np.random.default_rng(0).random((1, 120)) > 0.3
    for options, hidden in (
        ({"causal": False, "key_mask": key_mask}, ~key_mask[0]),
        ({"causal": True, "causal_alignment": "top-left"}, np.arange(120) >= 100),
        ({"causal": False, "window": (10, 4), "causal_alignment": "top-left"}, np.arange(120) > 103),
    ):
        spoiled_k, spoiled_v = k.copy(), v.copy()
        spoiled_k[:, :, hidden] = spoiled_v[:, :, hidden] = bad
        for ours, clean in zip(run(q, spoiled_k, spoiled_v, **options), run(q, k, v, **options), strict=True):
            np.testing.assert_allclose(ours, clean, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 1, 1, 5, 5, 8), (1, 2, 1, 0, 5, 8), (1, 2, 2, 5, 0, 8), (1, 1, 1, 0, 0, 8),
                                   (2, 4, 2, 100, 0, 64)])  # fmt: skip
def test_lengths_of_zero(shape):
    """No sequence, no query, no key: there is nothing to do, or nothing to see."""
    q, k, v = arrays(*shape)
    out, lse = run(q, k, v, causal=True)

    assert (out == 0).all()
    assert np.isneginf(lse).all()


def test_many_tokens_of_tiny_heads():
    """More keys than any tile, and a head of one number."""
    q, k, v = arrays(1, 1, 1, 700, 30_000, 1)

    check(q, k, v, *run(q, k, v, causal=True), causal=True)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("queries", [300, 5])
def test_any_number_of_threads_and_any_tile_give_the_same_bits(queries, options):
    """How work is dealt out depends on who is free; what is computed does not."""
    q, k, v = arrays(1, 3, 1, queries, 700, 40)
    options, before = filled(q, k, options), numba.get_num_threads()
    together = run(q, k, v, **options)
    try:
        numba.set_num_threads(1)
        alone = run(q, k, v, **options)
    finally:
        numba.set_num_threads(before)
    for one, many in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, many)
    if queries > cpu_simd.DECODED_UP_TO:
        for panels in (1, 3, 9):
            tiled, _ = run(q, k, v, tiles=(panels, cpu_simd.KEYS), **options)
            np.testing.assert_array_equal(tiled, together[0])
        tiled, lse = run(q, k, v, tiles=(4, 40), **options)  # other tiles of keys: sums in another order
        check(q, k, v, tiled, lse, **options)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["full", "left window", "all at once"])
@pytest.mark.parametrize(("queries", "heads", "dim"), [(113, 4, 59), (70, 4, 64), (3, 4, 40), (1, 2, 64), (1, 2, 240)])
def test_sixteen_bit_storage(kind, name, queries, heads, dim):
    """What is stored is read exactly and computed in float32; the result is rounded once, or not at all."""
    options = OPTIONS[name]
    if queries <= cpu_simd.DECODED_UP_TO:
        options = {name: value for name, value in options.items() if name != "alibi_slopes"}
    wide = arrays(2, heads, 2, queries, 203 if queries > 1 else 555, dim)
    if kind == "float16":
        q, k, v = stored = [array.astype(np.float16) for array in wide]
        q, k, v = (array.astype(np.float32) for array in stored)
    else:
        stored = [(array.view(np.uint32) >> 16).astype(np.uint16) for array in wide]
        q, k, v = ((bits.astype(np.uint32) << 16).view(np.float32) for bits in stored)
    options = filled(q, k, options)
    out, lse = run(*stored, **options)

    check(q, k, v, out, lse, **options)
    narrow = np.full(q.shape, 7, stored[0].dtype)
    cpu_simd.attention(*stored, narrow, **options)
    back = narrow.astype(np.float32) if kind == "float16" else (narrow.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(back, out, rtol=2**-11 if kind == "float16" else 2**-8, atol=1e-7)


@pytest.mark.parametrize("heads", [2, 6])
@pytest.mark.parametrize("dim", [64, 40])
@pytest.mark.parametrize("name", ["full", "left window", "key_mask"])
def test_a_cache_of_int8(name, dim, heads):
    """Codes and scales stand for the numbers that are computed with, one row a head or several."""
    q, k, v = arrays(2, heads, 2, 1, 555, dim)
    kept = cpu_simd_decode_int8.store_cache(k, v)
    k, v = cpu_simd_decode_int8.restore_cache(*kept)
    options = filled(q, k, OPTIONS[name])
    out, lse = np.full_like(q, np.nan), np.full(q.shape[:3], np.nan, np.float32)
    (k_codes, k_scales), (v_codes, v_scales) = kept
    cpu_simd_decode.attention(q, k_codes, v_codes, out, lse=lse, scales=(k_scales, v_scales), **options)

    check(q, k, v, out, lse, **options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_nothing_outside_the_output_is_written(options):
    """Inputs stay as they are, and so does the memory on both sides of every array."""
    for queries, keys, dim in ((67, 165, 33), (4, 165, 33)):
        q, k, v = arrays(2, 4, 2, queries, keys, dim)
        asked = filled(q, k, options)
        plain = [q, k, v, np.full_like(q, np.nan), np.full(q.shape[:3], np.nan, np.float32)]
        stores = [np.full(array.size + 256, np.float32(7.25)) for array in plain]
        guarded = [store[128:-128].reshape(array.shape) for store, array in zip(stores, plain, strict=True)]
        for inside, array in zip(guarded, plain, strict=True):
            inside[...] = array

        cpu_simd.attention(*guarded[:4], lse=guarded[4], **asked)

        for store in stores:
            assert (store[:128] == 7.25).all()
            assert (store[-128:] == 7.25).all()
        for before, after in zip(plain[:3], guarded, strict=False):
            np.testing.assert_array_equal(before, after)
        for found, true in zip(guarded[3:], run(q, k, v, **asked), strict=True):
            np.testing.assert_array_equal(found, true)


def test_strides_are_taken_as_they_are():
    """Arrays (batch, tokens, heads, dim) with their axes exchanged, as a model has them; every second row."""
    q, k, v = arrays(2, 4, 2, 50, 70, 24)
    together, _ = run(q, k, v, causal=True)
    swapped = [array.swapaxes(1, 2).copy().swapaxes(1, 2) for array in (q, k, v)]
    np.testing.assert_array_equal(run(*swapped, causal=True)[0], together)
    spread = [np.repeat(array, 2, axis=2)[:, :, ::2] for array in (q, k, v)]
    np.testing.assert_array_equal(run(*spread, causal=True)[0], together)
    packed = np.concatenate([q[:, :2], k[:, :, :50], v[:, :, :50]], axis=3)
    parts = [packed[..., i * 24 : (i + 1) * 24] for i in range(3)]
    copies = [part.copy() for part in parts]
    np.testing.assert_array_equal(run(*parts, causal=True)[0], run(*copies, causal=True)[0])


def test_what_does_not_fit_is_refused():
    """One line, which names the argument and says what to do."""
    q, k, v = arrays(1, 4, 2, 20, 30, 8)
    out = np.empty_like(q)
    for wrong, line in (
        ({"q": q[0]}, r"q has 3 dimensions, .*: make it \(batch, heads, length, dim\)"),
        ({"k": k[:, :, :9]}, "v is .* they do not fit together"),
        ({"k": k[:, :1].repeat(3, 1), "v": v[:, :1].repeat(3, 1)}, "k has 3 KV heads and q 4 heads"),
        ({"q": q[..., ::-1]}, "q does not lie head element by head element, forwards: copy it first"),
        ({"k": k.swapaxes(2, 3).copy().swapaxes(2, 3)}, "k does not lie"),
        ({"v": v.astype(np.float16)}, "store those pairs alike"),
        ({"q": q.astype(np.float64)}, "numbers of type float64: give float32, float16, or bfloat16"),
        ({"causal_alignment": "left"}, "causal_alignment is 'left': make it"),
        ({"key_mask": np.ones((1, 29), bool)}, r"key_mask is bool \(1, 29\): make it contiguous bool \(1, 30\)"),
        ({"alibi_slopes": np.ones((1, 4))}, r"slopes is float64 \(1, 4\): make it contiguous float32 \(1, 4\)"),
        ({"lse": np.ones((1, 4, 19), np.float32)}, "lse is float32"),
    ):
        with pytest.raises(ValueError, match=line):
            cpu_simd.attention(**({"q": q, "k": k, "v": v, "out": out, "causal": True} | wrong))
    wide = np.zeros((1, 1, 20, 257), np.float32)
    with pytest.raises(NotImplementedError, match="heads up to a width of 256, got 257"):
        cpu_simd.attention(wide, wide, wide, wide.copy(), causal=False)


CROWD = """
import numpy as np, numba
from attnsite.kernels import cpu_simd
rng = np.random.default_rng(0)
for queries in (300, 5, 1):
    for heads in (1, 5):
        q, k = (rng.standard_normal((1, heads, length, 24), dtype=np.float32) for length in (queries, 400))
        outs = []
        for threads in (1, 3, numba.config.NUMBA_NUM_THREADS):
            numba.set_num_threads(threads)
            for _ in range(20):
                outs.append(np.full_like(q, np.nan))
                cpu_simd.attention(q, k, k, outs[-1], causal=True)
        assert np.isfinite(outs[0]).all() and all((out == outs[0]).all() for out in outs)
print("the same")
"""


def test_far_more_threads_than_processors_or_work():
    """In a process with threads enough to keep this machine's processors from their owners: it ends, and is right."""
    crowd = 8 * (os.cpu_count() or 1)
    found = subprocess.run(
        [sys.executable, "-c", CROWD], env=os.environ | {"NUMBA_NUM_THREADS": str(crowd)}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip

    assert found.stdout.strip() == "the same", found.stderr[-2000:]


def test_alignments_are_those_of_pytorch():
    """`is_causal` is top-left; its `causal_lower_right` is what FlashAttention does since 2.1."""
    torch = pytest.importorskip("torch")
    from torch.nn.attention.bias import causal_lower_right

    attend = torch.nn.functional.scaled_dot_product_attention
    for queries, keys in ((40, 70), (70, 70)):
        q, k, v = arrays(1, 2, 2, queries, keys, 32)
        tensors = [torch.from_numpy(array) for array in (q, k, v)]
        for causal_alignment, theirs in (
            ("top-left", attend(*tensors, is_causal=True)),
            ("bottom-right", attend(*tensors, attn_mask=causal_lower_right(queries, keys))),
        ):
            ours, _ = run(q, k, v, causal=True, causal_alignment=causal_alignment)
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-5)
