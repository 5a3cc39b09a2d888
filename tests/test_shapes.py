"""Arrays that do not fit are refused in one sentence by every kernel, and nothing beside an array is read."""

import numpy as np
import pytest

from attnsite.kernels import cpu_simd
from attnsite.kernels.plain import shapes as _shapes
from attnsite.measure import candidates, correctness
from attnsite.records import registry

FORWARD = [name for name in registry.names("kernels") if name != "reference" and "_backward" not in name]
BACKWARD = [name for name in registry.names("kernels") if "_backward" in name]
PLAIN = [
    name for name in FORWARD
    if not any(hasattr(registry.module("kernels", name), how) for how in ("store_cache", "store_array"))
]  # fmt: skip
MARK = np.float32(1e6)  # lies behind every array


def guarded(array):
    """The same numbers, with marked memory in front and behind."""
    store = np.full(array.size + 8192, MARK, array.dtype)
    inside = store[4096:-4096].reshape(array.shape)
    inside[...] = array
    return inside


def given(name, q=(1, 6, 3, 8), k=(1, 3, 5, 8), v=None, out=None):
    """q, k, v and out of those shapes; one query where the kernel decodes."""
    rng = np.random.default_rng(0)
    one = "decode" in name
    q, out = ((*shape[:2], 1, *shape[3:]) if one and len(shape) == 4 else shape for shape in (q, out or q))
    made = [guarded(rng.standard_normal(shape, dtype=np.float32)) for shape in (q, k, v or k)]
    return *made, guarded(np.full(out, np.nan, np.float32))


BAD = {  # what is wrong, and the words that must name it
    "KV heads that do not divide": ({"q": (1, 7, 3, 8)}, ["k", "7 heads", "3 KV heads"]),
    "no KV heads": ({"k": (1, 0, 5, 8)}, ["k", "0 KV heads"]),
    "v shorter than k": ({"k": (1, 3, 50, 8), "v": (1, 3, 5, 8)}, ["v is (1, 3, 5, 8)", "(1, 3, 50, 8)"]),
    "v longer than k": ({"v": (1, 3, 50, 8)}, ["v is (1, 3, 50, 8)", "(1, 3, 5, 8)"]),
    "v of fewer heads": ({"v": (1, 1, 5, 8)}, ["v is (1, 1, 5, 8)", "(1, 3, 5, 8)"]),
    "k narrower than q": ({"k": (1, 3, 5, 4), "v": (1, 3, 5, 8)}, ["k is (1, 3, 5, 4)", "(1, 3, 5, 8)"]),
    "k and v narrower": ({"k": (1, 3, 5, 4)}, ["k is (1, 3, 5, 4)", "(1, 3, 5, 8)"]),
    "q narrower than the rest": ({"q": (1, 6, 3, 4), "out": (1, 6, 3, 8)}, ["q is (1, 6,", "4)", "8)"]),
    "q of another batch": ({"q": (2, 6, 3, 8), "out": (1, 6, 3, 8)}, ["q is (2, 6,", "(1, 6,"]),
    "fewer sequences in k": ({"q": (3, 6, 3, 8)}, ["k is (1, 3, 5, 8)", "(3, 3, 5, 8)"]),
    "out of fewer heads": ({"out": (1, 5, 3, 8)}, ["out is (1, 5,", "(1, 6,"]),
    "out narrower": ({"out": (1, 6, 3, 7)}, ["out is (1, 6,", "7)", "8)"]),
    "q of three sides": ({"q": (6, 3, 8), "out": (6, 3, 8)}, ["q has 3 dimensions", "(6, 3, 8)"]),
    "k of three sides": ({"k": (3, 5, 8)}, ["k has 3 dimensions", "(3, 5, 8)"]),
    "out of three sides": ({"out": (6, 3, 8)}, ["out has 3 dimensions", "(6, 3, 8)"]),
}  # fmt: skip
STORED_AS_ONE = ("k of three sides", "no KV heads")  # what a cache may be unable to store at all


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", FORWARD)
def test_arrays_that_do_not_fit_are_refused(name, bad):
    """One sentence: which array, its shape, and what was expected. The output is left alone."""
    shapes, words = BAD[bad]
    module = registry.module("kernels", name)
    q, k, v, out = given(name, **shapes)
    try:
        arrays = candidates.lay_out(module, q, candidates.store(module, k, v))[:3]
    except (ValueError, IndexError):
        assert bad in STORED_AS_ONE
        return
    out = correctness.stored(module, out)
    before = out.copy()

    with pytest.raises(ValueError, match=r"^[a-z]+ ") as refusal:
        module.attention(*arrays, out, causal=False)

    assert all(word in str(refusal.value) for word in words), refusal.value
    assert "\n" not in str(refusal.value)
    np.testing.assert_array_equal(out, before)


@pytest.mark.parametrize("which", ["q", "k", "v", "out"])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, ">f4"])
@pytest.mark.parametrize("name", PLAIN)
def test_other_numbers_are_refused(name, dtype, which):
    """Each is named; nothing is compiled for them."""
    arrays = dict(zip(("q", "k", "v", "out"), given(name), strict=True))
    arrays[which] = np.zeros(arrays[which].shape, dtype)

    with pytest.raises(ValueError, match=str(np.dtype(dtype)).replace(">", ".")):
        registry.module("kernels", name).attention(**arrays, causal=False)


@pytest.mark.parametrize("name", PLAIN)
def test_an_output_that_cannot_hold_its_numbers_is_refused(name):
    """One that may only be read, and one whose rows are all the same memory."""
    q, k, v, out = given(name)
    attention = registry.module("kernels", name).attention
    read_only = out.copy()
    read_only.flags.writeable = False

    with pytest.raises(ValueError, match="out may only be read"):
        attention(q, k, v, read_only, causal=False)
    with pytest.raises(ValueError, match="out is one number seen several times"):
        attention(q, k, v, np.lib.stride_tricks.as_strided(out, out.shape, (0, *out.strides[1:3], 0)), causal=False)


@pytest.mark.parametrize("name", ["cuda_vector", "cuda_decode", "cuda_mma"])
def test_a_kernel_that_loads_four_numbers_at_a_time_asks_for_contiguous_arrays(name):
    """Whether they lie on a device or not, which the check cannot tell apart."""
    module = registry.module("kernels", name)
    q, k, v, out = (correctness.stored(module, array) for array in given(name))
    turned = np.ascontiguousarray(k.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)

    with pytest.raises(ValueError, match="k has gaps or another order"):
        module.attention(q, turned, v, out, causal=False)


@pytest.mark.parametrize("name", [name for name in PLAIN if not name.startswith("cuda_")])
def test_what_lies_around_an_array_has_no_influence(name):
    """Odd sizes, so that whole registers and tiles would reach beyond the ends."""
    for queries, keys, dim in ((1, 1, 1), (1, 131, 33), (37, 53, 41), (65, 129, 7)):
        if "decode" in name and queries > 1:
            continue
        q, k, v, out = given(name, q=(1, 6, queries, dim), k=(1, 3, keys, dim))
        registry.module("kernels", name).attention(q, k, v, out, causal=False)

        assert abs(out).max() < 10
        assert correctness.compare(q, k, v, out, causal=False).right


@pytest.mark.parametrize("name", BACKWARD)
def test_the_backward_pass_refuses_by_the_same_check(name):
    """Each of its nine arrays, when it has one row, one head or one column too few, or other numbers."""
    q, k, v, out = given(name)
    lse = np.zeros(q.shape[:3], np.float32)
    cpu_simd.attention(q, k, v, out, causal=False, lse=lse)
    named = {"q": q, "k": k, "v": v, "out": out, "lse": lse, "dout": q.copy(), "dq": q.copy(), "dk": k.copy(),
             "dv": v.copy()}  # fmt: skip
    gradients = registry.module("kernels", name).gradients
    gradients(**named, causal=False)
    for which in named:
        for axis in range(named[which].ndim):
            less = np.delete(named[which], 0, axis=axis)
            with pytest.raises(ValueError, match=rf"^{which} "):
                gradients(**named | {which: less}, causal=False)
        with pytest.raises(ValueError, match=rf"^{which} .*float64"):
            gradients(**named | {which: named[which].astype(float)}, causal=False)
    for which in ("dq", "dk", "dv"):
        read_only = named[which].copy()
        read_only.flags.writeable = False
        with pytest.raises(ValueError, match=f"{which} may only be read"):
            gradients(**named | {which: read_only}, causal=False)


def test_sizes_of_what_fits():
    """As in the shapes, and the same sizes for arrays of another layout."""
    q, k, v, out = given("any")
    assert _shapes.require_fit(q, k, v, out) == (1, 6, 3, 3, 5, 8)
    assert _shapes.require_fit(q, k[:, :, ::-1], v, out).keys == 5
