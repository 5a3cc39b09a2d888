"""The gradients: the float64 reference against finite differences, and the kernel against the reference."""

import math

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attnsite.kernels import cpu_simd, cpu_simd_backward, reference
from attnsite.records import registry

NAMES = ("dq", "dk", "dv")
SHAPES = [  # batch, heads, kv_heads, queries, keys, dim
    (1, 1, 1, 1, 1, 1),
    (1, 2, 1, 113, 203, 33),
    (2, 4, 2, 128, 217, 64),
    (1, 2, 2, 217, 128, 5),
    (1, 3, 3, 1, 300, 40),
    (1, 2, 1, 70, 1, 96),
    (1, 8, 1, 65, 66, 128),
    (2, 2, 2, 70, 65, 256),
    (1, 1, 1, 257, 1025, 8),
    (1, 16, 16, 40, 40, 80),
]
IDS = ["x".join(map(str, shape)) for shape in SHAPES]


def arrays(shape, seed=0, scale=1.0):
    """q, k, v and dout."""
    batch, heads, kv_heads, queries, keys, dim = shape
    rng = np.random.default_rng([seed, *shape])

    def normal(count, length):
        return rng.standard_normal((batch, count, length, dim), dtype=np.float32)

    q, dout = normal(heads, queries), normal(heads, queries)
    return q * np.float32(scale), normal(kv_heads, keys), normal(kv_heads, keys), dout


def forward(q, k, v, **options):
    """The output and the log-sum-exp that the backward pass asks for."""
    out, lse = np.empty_like(q), np.empty(q.shape[:3], np.float32)
    cpu_simd.attention(q, k, v, out, lse=lse, **options)
    return out, lse


def run(q, k, v, dout, **options):
    """dq, dk, dv of the kernel, into arrays full of NaN."""
    out, lse = forward(q, k, v, **options)
    made = [np.full_like(array, np.nan) for array in (q, k, v)]
    cpu_simd_backward.gradients(q, k, v, out, lse, dout, *made, **options)
    return made


def sight(queries, keys, causal, window=(-1, -1), causal_alignment="bottom-right"):
    """Which keys a query sees, bool (queries, keys), one pair after another."""
    offset = keys - queries if causal_alignment == "bottom-right" else 0
    left, right = window[0], 0 if causal else window[1]
    seen = np.ones((queries, keys), bool)
    for i, j in np.ndindex(queries, keys):
        seen[i, j] = (left < 0 or j >= i + offset - left) and (right < 0 or j <= i + offset + right)
    return seen


def weight_error(q, k, v, dout, seen):
    """How far a relative error of eps · (1 + |lse| + |score − lse| / 2) in every weight can move dq, dk and dv.

    Weights are computed from the stored log-sum-exp, whose last bit alone is an error of the first kind, and the
    difference is rounded once more before it is exponentiated; plain NumPy has neither. Where one key has most of a
    query's weight, nearly all in NumPy cancels to the bit and little error of its own is left to compare with: there
    the kernel's sums, added up in another order on the way back, move the weight by eps · (1/2 + |q|·|k|) more, and the
    two that are subtracted for dq and dk by eps / 2 each. To the first order.
    """
    group, scale = q.shape[1] // k.shape[1], 1 / math.sqrt(q.shape[3])
    worst = np.zeros(3)
    sums = np.zeros((2, *k.shape))
    for b, h in np.ndindex(*q.shape[:2]):
        kv = h // group
        one_q, one_k, one_v, one_do = (x.astype(float) for x in (q[b, h], k[b, kv], v[b, kv], dout[b, h]))
        scores = np.where(seen, one_q @ one_k.T * scale, -np.inf)
        most = np.where(seen.any(axis=1), scores.max(axis=1), 0)[:, None]
        total = np.exp(scores - most).sum(axis=1, keepdims=True)
        lse = most + np.log(np.where(total > 0, total, 1))
        most_of_it = np.exp(scores - lse) > 0.5
        rounded = 1 + abs(lse) + abs(np.where(seen, scores - lse, 0)) / 2
        rounded = rounded + most_of_it * (0.5 + abs(one_q) @ abs(one_k).T * scale)
        weights = np.exp(scores - lse) * np.finfo(np.float32).eps * rounded
        from_out = one_do @ one_v.T
        moved = weights * (abs(from_out) + abs((np.exp(scores - lse) * from_out).sum(axis=1, keepdims=True))) * scale
        moved += most_of_it * (abs(one_do) @ abs(one_v).T) * np.finfo(np.float32).eps * scale
        worst[0] = max(worst[0], (moved @ abs(one_k)).max())
        sums[0, b, kv] += moved.T @ abs(one_q)
        sums[1, b, kv] += weights.T @ abs(one_do)
    return worst[0], sums[0].max(), sums[1].max()


def check(q, k, v, dout, made, seen):
    """The kernel's error is at most twice plain float32 NumPy's, and what the rounded log-sum-exp adds."""
    exact = reference.gradients(q, k, v, dout, causal=False, seen=seen)
    plain = reference.gradients(q, k, v, dout, causal=False, seen=seen, dtype=np.float32)
    floors = weight_error(q, k, v, dout, seen)
    for name, ours, theirs, true, floor in zip(NAMES, made, plain, exact, floors, strict=True):
        error, bound = abs(ours - true).max(), 2 * abs(theirs - true).max() + floor
        assert error <= bound, f"{name}: {error:.3g} > {bound:.3g}"


@pytest.mark.parametrize("power", [0, 8, 12, 20, 33, 60])
@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
def test_weights_of_huge_scores_are_recomputed_exactly(causal, power):
    """Where the log-sum-exp has no digits left for the sum, the sum is computed again; several may share the maximum.

    Small whole numbers times a power of two, so that scores are exact and only the exponential can go wrong.
    """
    for batch, heads, kv_heads, queries, keys, dim in ((1, 4, 2, 70, 300, 24), (2, 1, 1, 33, 65, 64)):
        rng = np.random.default_rng([power, dim])
        sizes = ((heads, queries), (kv_heads, keys), (kv_heads, keys), (heads, queries))
        q, k, v, dout = (rng.integers(-2, 3, (batch, *size, dim)).astype(np.float32) for size in sizes)
        q, dout = q * np.float32(2) ** np.float32(power), dout / np.float32(2) ** np.float32(power)
        out, lse = forward(q, k, v, causal=causal)
        made = [np.full_like(array, np.nan) for array in (q, k, v)]

        cpu_simd_backward.gradients(q, k, v, out, lse, dout, *made, causal=causal)

        exact = reference.gradients(q, k, v, dout, causal=causal)
        plain = reference.gradients(q, k, v, dout, causal=causal, dtype=np.float32)
        rounded = (8 + abs(lse[abs(lse) <= 1024]).max(initial=0)) * np.finfo(np.float32).eps  # of a weight
        sizes = abs(dout).max() * np.array([*(dim**0.5 * abs(v).max() * abs(x).max() for x in (k, q)), 1])
        for ours, true, theirs, size in zip(made, exact, plain, sizes, strict=True):
            bound = 2 * abs(theirs - true).max() + rounded * max(abs(true).max(), size)
            assert abs(ours - true).max() <= bound


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1, 1), (1, 2, 1, 3, 4, 2), (2, 2, 2, 4, 3, 3)])
def test_the_reference_is_the_slope_of_the_output(shape, causal):
    """Each number of q, k and v is moved a little both ways, in float64."""
    *inputs, dout = (array.astype(float) for array in arrays(shape))
    every = np.arange(shape[3])
    for array, gradient in zip(inputs, reference.gradients(*inputs, dout, causal=causal), strict=True):
        for index in np.ndindex(array.shape):
            here, values = array[index], []
            for moved in (here + 1e-5, here - 1e-5):
                array[index] = moved
                values.append((dout * reference.rows(*inputs, every, causal=causal)).sum())
            array[index] = here
            assert gradient[index] == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_errors_are_those_of_plain_float32(shape, causal):
    """On odd lengths and head widths, grouped heads, more queries than keys and the reverse."""
    q, k, v, dout = arrays(shape)

    check(q, k, v, dout, run(q, k, v, dout, causal=causal), sight(*shape[3:5], causal))


@pytest.mark.parametrize("options", [
    {"causal": True, "causal_alignment": "top-left"},
    {"causal": False, "window": (17, 40)},
    {"causal": True, "window": (33, -1)},
    {"causal": False, "window": (-1, 3), "causal_alignment": "top-left"},
    {"causal": True, "window": (0, 0)},
])  # fmt: skip
@pytest.mark.parametrize("lengths", [(113, 203), (203, 113)])
def test_windows_and_alignments(lengths, options):
    """Gradients flow between pairs that see each other only, wherever the band of those pairs lies."""
    q, k, v, dout = arrays((1, 2, 1, *lengths, 24))

    check(q, k, v, dout, run(q, k, v, dout, **options), sight(*lengths, **options))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 140), st.integers(1, 140),
    st.integers(1, 70), st.booleans(), st.integers(0, 9),
)  # fmt: skip
@example(2, 2, 2, 1, 122, 53, False, 2)
def test_any_shape_is_right(batch, kv_heads, group, queries, keys, dim, causal, seed):
    """Whatever the shape, the bound holds."""
    q, k, v, dout = arrays((batch, kv_heads * group, kv_heads, queries, keys, dim), seed)

    check(q, k, v, dout, run(q, k, v, dout, causal=causal), sight(queries, keys, causal))


def test_huge_scores_do_not_overflow():
    """Scores a thousand times too large leave one weight of 1 in most rows, and no NaN."""
    q, k, v, dout = arrays((1, 4, 2, 70, 90, 32), scale=1000)

    made = run(q, k, v, dout, causal=True)

    assert all(np.isfinite(gradient).all() for gradient in made)
    check(q, k, v, dout, made, sight(70, 90, True))


def test_what_sees_nothing_has_zero_gradients():
    """With more queries than keys the first causal rows see no key; a narrow window leaves keys that nobody sees."""
    q, k, v, dout = arrays((1, 2, 1, 90, 40, 8))
    dq, _, _ = run(q, k, v, dout, causal=True)
    assert (dq[:, :, :50] == 0).all()
    assert (dq[:, :, 51:] != 0).any(axis=3).all()

    q, k, v, dout = arrays((1, 2, 1, 40, 190, 8))
    _, dk, dv = run(q, k, v, dout, causal=True, window=(9, 0))
    assert (dk[:, :, : 150 - 9] == 0).all()
    assert (dv[:, :, : 150 - 9] == 0).all()
    assert (dv[:, :, 150 - 9 :] != 0).all()


@pytest.mark.parametrize("sizes", [(0, 5), (5, 0), (0, 0)])
def test_nothing_in_gives_zeros(sizes):
    """Without queries, or without keys, there is nothing that the result depends on."""
    q, k, v, dout = arrays((1, 2, 1, *sizes, 8))

    assert all((gradient == 0).all() for gradient in run(q, k, v, dout, causal=False))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_masked_has_no_influence(bad):
    """NaN and infinity reach only what sees them: a key only the last query, the first query only the first key."""
    shape = (1, 2, 2, 90, 90, 24)
    q, k, v, dout = arrays(shape)
    clean = run(q, k, v, dout, causal=True)

    k[0, 0, -1, 3] = v[0, 0, -1, 5] = bad
    dq, _, _ = run(q, k, v, dout, causal=True)
    assert np.isnan(dq[0, 0, -1]).all()
    np.testing.assert_allclose(dq[0, 0, :-1], clean[0][0, 0, :-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(dq[0, 1], clean[0][0, 1])

    q, k, v, dout = arrays(shape)
    q[0, 0, 0, 1] = dout[0, 0, 0, 7] = bad
    _, dk, dv = run(q, k, v, dout, causal=True)
    assert not np.isfinite(dk[0, 0, 0]).all()
    for ours, before in ((dk, clean[1]), (dv, clean[2])):
        np.testing.assert_allclose(ours[0, 0, 1:], before[0, 0, 1:], rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(ours[0, 1], before[0, 1])


@pytest.mark.parametrize("shape", [(1, 1, 1, 150, 700, 40), (1, 4, 2, 67, 65, 24), (1, 32, 32, 33, 70, 16)])
def test_any_number_of_threads_gives_the_same_bits(shape):
    """How keys are split, and in what order parts are added up, depends on the shape only."""
    q, k, v, dout = arrays(shape)
    together, before = run(q, k, v, dout, causal=True), numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = run(q, k, v, dout, causal=True)
    finally:
        numba.set_num_threads(before)

    for name, one, many in zip(NAMES, alone, together, strict=True):
        np.testing.assert_array_equal(one, many, err_msg=name)


@pytest.mark.parametrize("dim", [24, 33])
def test_nothing_outside_the_gradients_is_written(dim):
    """Inputs stay as they are, and so does the memory on both sides of every array."""
    q, k, v, dout = arrays((1, 4, 2, 67, 165, dim))
    out, lse = forward(q, k, v, causal=True)
    plain = (q, k, v, out, lse, dout, *(np.full_like(array, np.nan) for array in (q, k, v)))
    guarded, stores = [], []
    for array in plain:
        stores.append(np.full(array.size + 256, np.float32(7.25)))
        guarded.append(stores[-1][128:-128].reshape(array.shape))
        guarded[-1][...] = array

    cpu_simd_backward.gradients(*guarded, causal=True)

    for store in stores:
        assert (store[:128] == 7.25).all()
        assert (store[-128:] == 7.25).all()
    for before, after in zip(plain[:6], guarded, strict=False):
        np.testing.assert_array_equal(before, after)
    for ours, true in zip(guarded[6:], run(q, k, v, dout, causal=True), strict=True):
        np.testing.assert_array_equal(ours, true)


def test_heads_may_lie_side_by_side():
    """Arrays (batch, tokens, heads, dim), seen with their axes exchanged, as a model has them: the same bits."""
    q, k, v, dout = arrays((2, 4, 2, 50, 70, 24))
    out, lse = forward(q, k, v, causal=True)
    expected = run(q, k, v, dout, causal=True)
    laid = [array.swapaxes(1, 2).copy().swapaxes(1, 2) for array in (q, k, v, out, dout, q, k, v)]
    made = laid[5:]

    cpu_simd_backward.gradients(*laid[:4], lse, laid[4], *made, causal=True)

    for ours, true in zip(made, expected, strict=True):
        np.testing.assert_array_equal(ours, true)


def test_arrays_that_do_not_fit_are_refused():
    """Each refusal names the array."""
    q, k, v, dout = arrays((1, 2, 1, 5, 6, 4))
    out, lse = forward(q, k, v, causal=False)
    good = {"q": q, "k": k, "v": v, "out": out, "lse": lse, "dout": dout,
            "dq": np.empty_like(q), "dk": np.empty_like(k), "dv": np.empty_like(v)}  # fmt: skip
    cpu_simd_backward.gradients(**good, causal=False)
    for name, array in good.items():
        for wrong in (array.astype(np.float64), np.empty((*array.shape[:2], 9, *array.shape[3:]), np.float32)):
            with pytest.raises(ValueError, match=rf"\b({name}|q) "):
                cpu_simd_backward.gradients(**(good | {name: wrong}), causal=False)
    wide = {name: np.zeros((1, 1, 2, 257), np.float32) for name in good} | {"lse": np.zeros((1, 1, 2), np.float32)}
    with pytest.raises(NotImplementedError, match="256"):
        cpu_simd_backward.gradients(**wide, causal=False)


def test_a_backward_pass_is_not_taken_for_attention():
    """Experiments and tests that ask for all CPU kernels get those with the contract of attention."""
    assert "cpu_simd_backward" not in registry.matching("kernels", ("cpu_*", "cpu_simd*"))
    assert registry.matching("kernels", ("*_backward",)) == ["cpu_simd_backward"]
