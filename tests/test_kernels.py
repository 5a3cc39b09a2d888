"""Every CPU kernel, found by its file, against float64."""

import itertools

import numba
import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from attnsite.kernels import reference
from attnsite.kernels.plain import blas, counting
from attnsite.kernels.simd import threads as _threads
from attnsite.measure import candidates, correctness
from attnsite.records import registry

APART = ("cpu_*_stored_*", "cpu_*_repeated", "cpu_*_masked", "cpu_*_rolled", "cpu_*_sparse", "control_masked")
KERNELS = registry.matching("kernels", ("cpu_*", "control_*", *APART))
STORING = ("store_cache", "store_array")  # in fewer bits: right is what is right for the numbers that were kept
EXACT = [name for name in KERNELS if not any(hasattr(registry.module("kernels", name), how) for how in STORING)]
SHAPES = [  # batch, heads, kv_heads, queries, keys, dim
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 128),
    (2, 3, 3, 1, 70, 5),
    (1, 4, 1, 65, 1, 16),
    (2, 4, 2, 17, 33, 8),
    (1, 2, 1, 65, 130, 40),
    (1, 3, 3, 130, 65, 80),
    (1, 8, 2, 1, 2100, 64),
    (1, 6, 3, 113, 203, 96),
    (1, 1, 1, 257, 255, 33),
    (3, 2, 2, 64, 64, 128),
    (2, 4, 2, 1, 0, 8),  # an empty cache
    (1, 2, 1, 9, 0, 40),
    (1, 26, 1, 1, 0, 16),
    (1, 4, 2, 0, 7, 8),
]
IDS = ["x".join(map(str, shape)) for shape in SHAPES]


def arrays(shape, seed=0, scale=1.0):
    batch, heads, kv_heads, queries, keys, dim = shape
    rng = np.random.default_rng([seed, *shape])

    def normal(count, length):
        return rng.standard_normal((batch, count, length, dim), dtype=np.float32)

    return normal(heads, queries) * np.float32(scale), normal(kv_heads, keys), normal(kv_heads, keys)


def run(name, q, k, v, causal):
    """The kernel's output, from an array full of NaN; skips where the kernel says that it cannot."""
    module = registry.module("kernels", name, "attention", "DEVICE")
    arrays = candidates.lay_out(module, q, candidates.keep(module, k, v)[0])
    try:
        module.attention(*arrays, causal=causal)
    except NotImplementedError as refusal:
        pytest.skip(str(refusal))
    return correctness.restored(module, arrays[-1])


def tokens(name, wanted):
    """How many queries a kernel may be asked: one where it decodes."""
    return 1 if "decode" in name else wanted


def judge(name, q, k, v, causal):
    """The verdict on a kernel, for the numbers that it was given to keep."""
    module = registry.module("kernels", name)
    out, rounded = run(name, q, k, v, causal), correctness.rounding(module)
    _, (k, v) = candidates.keep(module, k, v)
    return correctness.compare(rounded(q), k, v, out, causal=causal, rounded=rounded)


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
@pytest.mark.parametrize("name", KERNELS)
def test_errors_are_at_most_twice_those_of_plain_float32(name, shape, causal):
    """On odd shapes, grouped heads, more queries than keys and the reverse."""
    q, k, v = arrays(shape)

    verdict = judge(name, q, k, v, causal)

    assert verdict.right, verdict


def whole(shape, power):
    """Small whole numbers, q times a power of two: products and sums are exact in any order, and no tie is broken."""
    batch, heads, kv_heads, queries, keys, dim = shape
    rng = np.random.default_rng([power, *shape])
    made = (rng.integers(-4, 5, (batch, *size, dim)) for size in ((heads, queries), (kv_heads, keys), (kv_heads, keys)))
    q, k, v = (array.astype(np.float32) for array in made)
    return q * np.float32(2) ** np.float32(power), k, v + np.float32(0.5)


@pytest.mark.parametrize("power", [0, 10, 20, 30, 33, 40, 70, 100])
@pytest.mark.parametrize("name", KERNELS)
def test_huge_scores_are_as_exact_as_any(name, power):
    """However large, the largest score has the weight 1, or its share where several are equal: no NaN, full or causal.

    Each row that becomes int8 has a 127, so that its factor is 1 and nothing of it is rounded.
    """
    queries = tokens(name, 41)
    for shape in ((1, 4, 2, queries, 90, 32), (1, 2, 2, queries, 1100, 33), (2, 26, 1, queries, 37, 24)):
        q, k, v = whole(shape, power)
        if "int8" in name:
            k[..., -1], v[..., -1] = 127, 127
            v = np.floor(v)
        for causal in (False, True):
            out, rounded = run(name, q, k, v, causal), correctness.rounding(registry.module("kernels", name))
            _, (kept_k, kept_v) = candidates.keep(registry.module("kernels", name), k, v)
            exact = reference.rows(rounded(q), kept_k, kept_v, np.arange(queries), causal=causal)
            fine = np.isfinite(exact)
            np.testing.assert_array_equal(np.isfinite(out), fine)
            assert fine.all() or "f16" in name  # which has no numbers beyond 65504
            out, exact = np.where(fine, out, 0), np.where(fine, exact, 0)
            bound = 3e-6 + (2.0**-8 if "stored" in name else 0)  # of an output that is rounded
            assert abs(out - exact).max(initial=0) <= bound * abs(v).max()


@pytest.mark.parametrize("keys", [1, 64, 700])
@pytest.mark.parametrize("name", KERNELS)
def test_equal_numbers_give_that_number(name, keys):
    """The input of pytorch/pytorch#121558: every weight is 1 / keys, whatever the scores, which are 1.4e11."""
    queries = tokens(name, 16)
    q, k, v = (np.full((1, 1, count, 64), 133120.0, np.float32) for count in (queries, keys, keys))

    out = run(name, q, k, v, False)

    if name == "cpu_simd_stored_f16":  # infinity minus infinity
        assert np.isnan(out).all()
    else:
        np.testing.assert_allclose(out, 133120, rtol=1e-5)


@pytest.mark.parametrize("name", KERNELS)
def test_rows_that_see_nothing_are_zero(name):
    """With more queries than keys, the first causal rows see no key; from an empty cache a decoder sees none either."""
    shape = (1, 2, 1, 1, 0, 8) if "decode" in name else (1, 2, 1, 9, 4, 8)
    q, k, v = arrays(shape)

    out = run(name, q, k, v, True)

    assert (out[:, :, :5] == 0).all()
    assert np.isfinite(out).all()


@pytest.mark.parametrize("payload", [0x7FC00001, 0x7FFFFFFF, 0xFFC00123])
@pytest.mark.parametrize("where", ["q", "k"])
@pytest.mark.parametrize("name", EXACT)
def test_a_nan_of_any_bits_is_one(name, where, payload):
    """Also one whose lowest bits are set, which some instructions keep."""
    queries = tokens(name, 30)
    q, k, v = arrays((1, 2, 1, queries, 90, 8), seed=3)
    {"q": q, "k": k}[where].view(np.uint32)[0, 0, -1, 2] = payload

    out = run(name, q, k, v, False)

    np.testing.assert_array_equal(np.isnan(out), np.isnan(reference.rows(q, k, v, np.arange(queries), causal=False)))


LAYOUTS = {
    "BLHD": lambda x: np.ascontiguousarray(x.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3),
    "expanded heads": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "expanded batch": lambda x: np.broadcast_to(x[:1], x.shape),
    "expanded length": lambda x: np.broadcast_to(x[:, :, :1], x.shape),
    "Fortran": np.asfortranarray,
    "reversed": lambda x: x[:, :, ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [name for name in KERNELS if name not in EXACT])
def test_what_is_stored_in_fewer_bits_may_have_lain_anyhow(name, layout):
    """A kernel takes what its own `store_cache` or `store_array` makes of a view; the former stores keys and values."""
    q, k, v = arrays((2, 4, 2, tokens(name, 11), 70, 24))
    k, v = LAYOUTS[layout](k), LAYOUTS[layout](v)
    if not hasattr(registry.module("kernels", name), "store_cache"):
        q = LAYOUTS[layout](q)

    verdict = judge(name, q, k, v, True)

    assert verdict.right, verdict


ODD = np.array([0.0, -0.0, 1e-45, -1e-42, 2e-43, 1.17e-38, -5.9e-8, 6.0e-5, 65504, 65520, -3.4e38, np.inf, -np.inf],
               np.float32)  # fmt: skip


@pytest.mark.parametrize("kind", ["bf16", "f16"])
def test_odd_numbers_are_stored_as_their_nearest(kind):
    """Signed zeros, subnormal numbers and infinities; a NaN of any bits stays one."""
    module = registry.module("kernels", f"cpu_simd_stored_{kind}")
    bits = np.array([0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7FC00000, 0x7FBFFFFF], np.uint32)
    x = np.concatenate([ODD, bits.view(np.float32)]).reshape(1, 1, 1, -1)
    with np.errstate(over="ignore"):
        exact = ODD.astype(np.float16).astype(np.float32) if kind == "f16" else ODD
    made = module.restore_array(module.store_array(x))[0, 0, 0]
    cache = registry.module("kernels", "cpu_simd_decode_bf16")
    found = [made] if kind == "f16" else [made, cache.restore_cache(*cache.store_cache(x, x))[0][0, 0, 0]]

    for made in found:
        assert np.isnan(made[len(ODD) :]).all()
        made = made[: len(ODD)]
        np.testing.assert_array_equal(np.signbit(made), np.signbit(exact))
        if kind == "f16":
            np.testing.assert_array_equal(made, exact)
        else:
            fine = np.isfinite(made)
            assert (abs(made - exact)[fine] <= np.maximum(abs(exact[fine]) / 256, 5e-41)).all()
            np.testing.assert_array_equal(
                made[~fine], np.where(abs(exact[~fine]) > 3e38, np.sign(exact[~fine]), 0) * np.inf
            )


def test_int8_keeps_tiny_rows_and_says_what_it_cannot_keep():
    """A row of subnormal numbers keeps its signs; one with NaN or infinity is NaN whole; zeros are zeros."""
    module = registry.module("kernels", "cpu_simd_decode_int8")
    tiny, none, odd = [[2e-43, -2e-43, 1e-43, 0], [1e-45, 0, 0, -1e-45]], [[0, -0.0, 0, 0]], [np.inf, np.nan]
    rows = [*tiny, *none, *([x, 1, 2, 3] for x in odd), [-3.4e38, 3.4e38, 1e38, 0], [1, -1, 0.5, 0]]
    rows = np.array(rows, np.float32)[None, None]
    (codes, scales), _ = kept = module.store_cache(rows, rows)
    made = module.restore_cache(*kept)[0]

    assert codes.dtype == np.int8
    assert abs(codes.astype(int)).max() <= 127
    assert np.isnan(made[0, 0, 3:5]).all()
    fine = [0, 1, 2, 5, 6]
    off = abs(made[0, 0, fine].astype(float) - rows[0, 0, fine])
    assert (off <= 0.5001 * np.maximum(scales[0, 0, fine], 1e-45)[:, None].astype(float)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=["nan", "inf", "-inf"])
@pytest.mark.parametrize("where", ["q", "k", "v"])
@pytest.mark.parametrize("name", EXACT)
def test_nan_and_infinity_go_where_the_reference_sends_them(name, where, bad):
    """Exactly the same outputs are NaN; what a mask hides has no influence."""
    queries = tokens(name, 70)
    q, k, v = arrays((1, 2, 1, queries, 90, 8), seed=3)
    {"q": q, "k": k, "v": v}[where][0, 0, -1 if where == "q" else 85, 2] = bad

    out = run(name, q, k, v, True)

    exact = reference.rows(q, k, v, np.arange(queries), causal=True)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(exact))
    finite = np.isfinite(exact)
    np.testing.assert_allclose(out[finite], exact[finite], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
@pytest.mark.parametrize("name", registry.matching("kernels", ("cpu_*_stored_*",)))
def test_sixteen_bit_storage_rounds_the_inputs_and_the_output_and_nothing_else(name, shape, causal):
    """Bit for bit the float32 kernel on rounded inputs, its output rounded once."""
    module = registry.module("kernels", name)
    q, k, v = arrays(shape)
    rounded = correctness.rounding(module)
    wide = np.full_like(q, np.nan)

    registry.module("kernels", "cpu_simd").attention(rounded(q), rounded(k), rounded(v), wide, causal=causal)

    np.testing.assert_array_equal(run(name, q, k, v, causal), rounded(wide))


def test_storing_in_float16_loses_the_range_and_in_bfloat16_the_digits():
    """Beyond 65504 float16 has infinity only; near 1, bfloat16 steps by 1/128 and float16 by 1/1024."""
    x = np.array([[[[70000, 1 + 1 / 300, 1 + 1 / 3000]]]], np.float32)
    brain, half = (
        correctness.rounding(registry.module("kernels", f"cpu_simd_stored_{kind}"))(x) for kind in ("bf16", "f16")
    )

    np.testing.assert_array_equal(half[0, 0, 0], [np.inf, 1 + 3 / 1024, 1])
    np.testing.assert_array_equal(brain[0, 0, 0], [70144, 1, 1])


@pytest.mark.parametrize("name", ["cpu_simd_repeated", "cpu_simd_stored_bf16", "cpu_simd_stored_f16"])
def test_what_stands_apart_joins_no_experiment_by_itself(name):
    """Only a pattern that says so matches a kernel for one comparison, or one of another contract."""
    assert name not in registry.matching("kernels", ("cpu_*", "cpu_simd*", "*16"))
    assert registry.apart(name)
    assert name in registry.matching("kernels", (name,))


def test_repeated_heads_give_what_shared_heads_give():
    """Bit for bit, for any group, and after a call of another size; up to 8 queries add up a group in another order."""
    for shape in ((2, 6, 2, 30, 50, 8), (1, 4, 1, 1, 9, 16), (1, 8, 8, 40, 40, 24), (2, 6, 3, 30, 50, 8)):
        q, k, v = arrays(shape)
        repeated, shared = (run(name, q, k, v, True) for name in ("cpu_simd_repeated", "cpu_simd"))
        exactly = shape[3] > 8
        np.testing.assert_allclose(repeated, shared, rtol=0 if exactly else 1e-6, atol=0 if exactly else 2e-7)


@pytest.mark.parametrize("name", EXACT)
def test_nothing_outside_the_output_is_written(name):
    """Inputs stay as they are, and so does the memory on both sides of every array."""
    shape = (1, 4, 2, tokens(name, 67), 65, 24)
    plain = arrays(shape)
    guarded, stores = [], []
    for array in (*plain, np.full_like(plain[0], np.nan)):
        store = np.full(array.size + 128, np.float32(7.25))
        inside = store[64:-64].reshape(array.shape)
        inside[...] = array
        guarded.append(inside)
        stores.append(store)
    q, k, v, out = guarded

    registry.module("kernels", name).attention(q, k, v, out, causal=True)

    for store in stores:
        assert (store[:64] == 7.25).all()
        assert (store[-64:] == 7.25).all()
    for before, after in zip(plain, (q, k, v), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", KERNELS)
def test_the_number_of_threads_does_not_matter(name):
    """One thread and all threads agree within the bound; so do more threads than work."""
    q, k, v = arrays((1, 2, 1, tokens(name, 150), 1300, 32))
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        verdict = judge(name, q, k, v, False)
    finally:
        numba.set_num_threads(before)

    assert verdict.right, verdict


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([name for name in KERNELS if "decode" not in name]),
    st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 140), st.integers(1, 140),
    st.integers(1, 70), st.booleans(), st.integers(0, 9),
)  # fmt: skip
def test_any_shape_is_right(name, batch, kv_heads, group, queries, keys, dim, causal, seed):
    """Whatever the shape, the bound holds."""
    q, k, v = arrays((batch, kv_heads * group, kv_heads, queries, keys, dim), seed)

    assert judge(name, q, k, v, causal).right


@numba.njit(nogil=True)
def _number(thread, target, source, factor):
    target[thread] = source[0] * factor


def test_a_worker_runs_once_on_each_thread_for_whatever_types():
    """The address that is called belongs to code for these types, and not for those of an earlier call."""
    for dtype in (np.float32, np.float64, np.int64, np.float32):
        for shape, threads in itertools.product(((9,), (9, 1)), (1, 7)):
            target = np.full(shape, -1, dtype)
            _threads.on_all(_number, threads, target, np.array([21], dtype), 2)

            np.testing.assert_array_equal(target.ravel(), [42] * threads + [-1] * (9 - threads))


def test_stages_are_the_whole():
    """Where a kernel offers its steps, running them in order gives what `attention` gives."""
    offering = [name for name in KERNELS if hasattr(registry.module("kernels", name), "stages")]
    named = {"cpu_blas": ["scores", "softmax", "values"], "cpu_simd_decode_rolled": ["append", "attend"]}
    assert sorted(offering) == sorted(named)
    for name in offering:
        q, k, v = arrays((1, 2, 2, tokens(name, 33), 47, 16))
        out = np.full_like(q, np.nan)
        steps = registry.module("kernels", name).stages(q, k, v, out, causal=True)

        assert [step for step, _ in steps] == named[name]
        for _, step in steps:
            step()
        np.testing.assert_array_equal(out, run(name, q, k, v, True))


@pytest.mark.parametrize("library", ["threadpoolctl", None])
def test_products_are_shared_out_whole_and_blas_gets_its_threads_back(library, monkeypatch):
    """Whatever the number and height of the products, with and without control of BLAS's own threads."""
    if library is None:
        monkeypatch.setattr(blas, "ThreadpoolController", None)

    def blas_threads():
        return [info["num_threads"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]

    before, rng = blas_threads(), np.random.default_rng(0)
    for count, rows in ((1, 1), (1, 7), (3, 65), (9, 2), (1, 0)):
        a, b = rng.standard_normal((count, rows, 5)), rng.standard_normal((count, 5, 4))
        out = np.full((count, rows, 4), np.nan)

        blas.multiply(list(zip(a, b, out, strict=True)))

        np.testing.assert_allclose(out, a @ b)
    assert blas_threads() == before


def test_the_reference_agrees_with_a_row_by_hand():
    """One row, written out with the formula."""
    q, k, v = arrays((1, 1, 1, 4, 6, 3))
    scores = q[0, 0, 1].astype(float) @ k[0, 0, :4].astype(float).T / np.sqrt(3)  # the second of 4 queries sees 4 keys
    weights = np.exp(scores) / np.exp(scores).sum()

    np.testing.assert_allclose(reference.rows(q, k, v, np.array([1]), causal=True)[0, 0, 0], weights @ v[0, 0, :4])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (7, 7), (5, 9), (9, 5), (64, 64), (70, 130)])
def test_counts_agree_with_sets_of_pairs(queries, keys, causal):
    """The counters of each algorithm equal what follows from the pairs that it touches, enumerated as sets."""
    dim, block = 3, 4
    seen = {(i, j) for i in range(queries) for j in range(keys) if not causal or j <= i + keys - queries}
    tiles = {(i // block, j // block) for i in range(queries) for j in range(keys)}
    needed = {(i // block, j // block) for i, j in seen}

    def pairs(chosen):
        return sum((i // block, j // block) in chosen for i in range(queries) for j in range(keys))

    def count(algorithm):
        return counting.count(algorithm, queries, keys, dim, causal=causal, block=block)

    assert count("naive")["multiply_adds"] == 2 * dim * len(seen)
    assert count("naive")["exponentials"] == len(seen)
    assert count("mask_then_compute")["multiply_adds"] == 2 * dim * pairs(tiles)
    assert count("skip_blocks")["multiply_adds"] == 2 * dim * pairs(needed)
    assert count("skip_blocks")["elements_written"] == queries * dim
    with pytest.raises(ValueError, match="none of"):
        count("quickly")


@pytest.mark.parametrize(("pairs", "panels", "threads"), [(1, 32, 2), (1, 1, 8), (3, 7, 4), (8, 128, 2), (40, 2, 16)])
def test_tiles_are_enough_for_all_threads_and_end_together(pairs, panels, threads):
    """As many tiles as asked, where there are panels enough; no other size within the limit would end earlier."""
    size = _threads.share_out(pairs, panels, 6, threads)

    def rounds(size):
        return -(-pairs * -(-panels // size) // threads) * size

    assert 1 <= size <= min(6, panels)
    assert size == 1 or pairs * -(-panels // size) >= 4 * threads
    fitting = [s for s in range(1, min(6, panels) + 1) if pairs * -(-panels // s) >= 4 * threads]
    assert all(rounds(size) <= rounds(other) for other in fitting)


def test_one_head_of_32_panels_is_cut_into_eight_tiles_for_two_threads():
    """Eleven tiles of three would leave one thread waiting."""
    assert _threads.share_out(1, 32, 6, 2) == 4
