"""Each operation of the SIMD layer alone, against NumPy: bit for bit, but for `exp2`, whose error is bounded."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from llvmlite import ir
from numba import njit, prange

from attnsite.kernels.plain.inner import INLINE, INNER
from attnsite.kernels.simd import half as storage
from attnsite.kernels.simd import memory, registers
from attnsite.kernels.simd import tile as _tile
from attnsite.kernels.simd.registers import WIDTH

REGISTERS = 3  # of the values below: more than one, and odd
COUNT = REGISTERS * WIDTH
ODD = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 3.4e38, -3.4e38, 1e-30], np.float32)
add, subtract, multiply, divide = registers.add, registers.subtract, registers.multiply, registers.divide
fma, maximum, exp2, exp2_scaled = registers.fma, registers.maximum, registers.exp2, registers.exp2_scaled
between, where_equal, total, largest = registers.between, registers.where_equal, registers.total, registers.largest
load, store, broadcast = registers.load, registers.store, registers.broadcast
transpose, prefetch, fetch_add = memory.transpose, memory.prefetch, memory.fetch_add
read, read_lanes, write = storage.read, storage.read_lanes, storage.write
product, put, put_rescaled, row, peak = _tile.product, _tile.put, _tile.put_rescaled, _tile.row, _tile.peak
zeros, accumulate = _tile.zeros, _tile.accumulate
ROWS, PANEL, LANES = _tile.ROWS, _tile.PANEL, _tile.LANES
BINARY = {"add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "maximum": maximum}


def numbers(seed, count=COUNT, odd=True):
    """Normal numbers of all magnitudes, with zeros, infinities, NaN and subnormal ones among them."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal(count, dtype=np.float32) * np.float32(10) ** rng.integers(-8, 9, count)
    made = made.astype(np.float32)
    if odd:
        here = rng.random(count) < 0.4
        made[here] = rng.choice(ODD, here.sum())
    return made


def same_bits(found, expected):
    """Equal bit for bit, where any NaN is as good as another."""
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    fine = ~np.isnan(expected)
    np.testing.assert_array_equal(found[fine].view(np.uint32), expected[fine].view(np.uint32))


@pytest.mark.parametrize("start", [0, 1, 3])
def test_load_and_store_copy_from_and_to_anywhere(start):
    """Positions need not be multiples of the width, and nothing beside them is touched."""

    @njit
    def copy(a, b, start):
        store(b, start, load(a, start, REGISTERS))

    source, target = numbers(0, COUNT + 8), np.full(COUNT + 8, np.float32(7.25))
    copy(source, target, start)

    same_bits(target[start : start + COUNT], source[start : start + COUNT])
    assert (target[:start] == 7.25).all()
    assert (target[start + COUNT :] == 7.25).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_other_numbers_are_not_taken_for_float32(dtype):
    """Their bytes would be read as something else: compiling such a call fails."""

    @njit
    def read_them(a):
        return total(load(a, 0, 1))

    @njit
    def write_them(a, x):
        store(a, 0, broadcast(x, 1))

    a = np.zeros(COUNT, dtype)
    with pytest.raises(numba.TypingError):
        read_them(a)
    with pytest.raises(numba.TypingError):
        write_them(a, np.float32(1))


@pytest.mark.parametrize("name", BINARY)
def test_arithmetic_is_that_of_numpy(name):
    """With infinities, NaN, signed zeros and subnormal numbers among the operands."""
    operation = BINARY[name]

    @njit
    def run(a, b, c):
        store(c, 0, operation(load(a, 0, REGISTERS), load(b, 0, REGISTERS)))

    for seed in range(40):
        a, b, c = numbers([seed, 1]), numbers([seed, 2]), np.full(COUNT, np.nan, np.float32)
        run(a, b, c)
        with np.errstate(all="ignore"):
            same_bits(c, np.where(a > b, a, b) if name == "maximum" else getattr(np, name)(a, b))


def test_fma_rounds_once():
    """In float64 the product of two float32 is exact, so only their sum rounds before the result does."""

    @njit
    def run(a, b, c, d):
        store(d, 0, fma(load(a, 0, REGISTERS), load(b, 0, REGISTERS), load(c, 0, REGISTERS)))

    rng, d = np.random.default_rng(0), np.full(COUNT, np.nan, np.float32)
    for _ in range(40):
        a, b = (rng.uniform(1, 2, COUNT).astype(np.float32) for _ in range(2))  # 24 bits each; the sum fits into 53
        c = -(a * b) * (1 + rng.integers(-9, 9, COUNT).astype(np.float32) * np.float32(2**-20))
        run(a, b, c, d)
        once, twice = (a.astype(float) * b + c).astype(np.float32), a * b + c
        assert (once != twice).any()
        same_bits(d, once if registers.FUSED else twice)


def test_broadcast_fills_every_lane():
    """Of every register."""

    @njit
    def run(x, c):
        store(c, 0, broadcast(x, REGISTERS))

    c = np.full(COUNT, np.nan, np.float32)
    for x in ODD:
        run(x, c)
        same_bits(c, np.full(COUNT, x))


def test_exp2_is_within_its_bound():
    """Relative error at most 2e-7 from 2^-126 to 2^127; exact at whole numbers; 0 below 2^-127, NaN for NaN."""

    @njit
    def run(a, c):
        for i in range(0, len(a), WIDTH):
            store(c, i, exp2(load(a, i, 1)))

    rng = np.random.default_rng(0)
    a = np.concatenate([rng.uniform(-126, 127, 2**17), rng.uniform(-1, 1, 2**16)]).astype(np.float32)
    c = np.full_like(a, np.nan)
    run(a, c)
    exact = np.exp2(a.astype(float))
    assert (abs(c - exact) / exact).max() <= 2e-7

    a = np.arange(-126, 114, dtype=np.float32)[: 240 // WIDTH * WIDTH]
    c = np.full_like(a, np.nan)
    run(a, c)
    same_bits(c, np.exp2(a))

    a = np.resize(np.array([-127, -128, -1e4, -np.inf, np.nan], np.float32), 5 * WIDTH)
    c = np.full_like(a, 7.25)
    run(a, c)
    same_bits(c, np.where(np.isnan(a), a, np.float32(0)))


def test_exp2_scaled_is_one_at_the_maximum_and_within_its_bound():
    """Exactly 1 where nothing is subtracted, whatever the scale; NaN of any bits stays NaN; 0 far below."""

    @njit
    def run(a, scale, c):
        for i in range(0, len(a), WIDTH):
            store(c, i, exp2_scaled(load(a, i, 1), scale))

    rng = np.random.default_rng(0)
    for scale in np.array([1e-6, 0.18033688, 0.255, 1.4426950, 3e4], np.float32):
        a = (-rng.uniform(0, 126, 2**14) / scale).astype(np.float32)
        c = np.full_like(a, np.nan)
        run(a, scale, c)
        exact = np.exp2(a.astype(float) * scale)
        assert (abs(c - exact) / exact).max() <= 2e-7

        a = np.resize(np.array([0, -0.0, -np.inf, -3e38, np.nan, -127.5 / scale], np.float32), 6 * WIDTH)
        run(a, scale, c)
        same_bits(c[: len(a)], np.where(np.isnan(a), a, np.where(a == 0, np.float32(1), np.float32(0))))


@pytest.mark.parametrize("payload", [0x7FC00000, 0x7FC00001, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFC00123, 0x7FA00001])
def test_no_nan_is_made_a_number_by_an_exponential(payload):
    """Its lowest bits are where exponents are put together."""

    @njit
    def run(a, c):
        store(c, 0, exp2(load(a, 0, 1)))
        store(c, WIDTH, exp2_scaled(load(a, 0, 1), np.float32(0.3)))

    c = np.zeros(2 * WIDTH, np.float32)
    run(np.full(WIDTH, payload, np.uint32).view(np.float32), c)

    assert np.isnan(c).all()


@registers.intrinsic
def widened(typing, bits):
    """float16's bits as float32 by whole numbers, as where the processor has no instruction for it."""

    def generate(context, builder, signature, arguments):
        return storage.widen_half(builder, arguments[0], ir.IntType(32), ir.FloatType(), instruction=False)

    return numba.types.float32(numba.types.uint16), generate


@registers.intrinsic
def narrowed(typing, number):
    """The way back."""

    def generate(context, builder, signature, arguments):
        return storage.narrow_half(builder, arguments[0], instruction=False)

    return numba.types.uint16(numba.types.float32), generate


def same_halves(found, expected):
    """Bit for bit; a NaN is one with the same sign and digits, and the quiet bit set or not."""
    found, expected = np.asarray(found), np.asarray(expected)
    width = found.dtype.itemsize * 8
    quiet = {16: 0x0200, 32: 0x400000}[width]
    nan = np.isnan(expected.view(f"f{width // 8}"))
    np.testing.assert_array_equal(found[~nan], expected[~nan])
    np.testing.assert_array_equal(found[nan] | quiet, expected[nan] | quiet)
    assert (found[nan] & quiet != 0).all()


def test_halves_are_widened_by_whole_numbers_as_numpy_does():
    """All 65536 of them: zeros, subnormal numbers, infinities, and NaN with its sign and digits."""

    @njit
    def run(a, c):
        for i in range(len(a)):
            c[i] = widened(a[i])

    bits, made = np.arange(2**16, dtype=np.uint16), np.zeros(2**16, np.float32)
    run(bits, made)

    same_halves(made.view(np.uint32), bits.view(np.float16).astype(np.float32).view(np.uint32))


def test_halves_are_rounded_by_whole_numbers_as_numpy_does():
    """To nearest, ties to even: every half and what lies beside and between two, and numbers of all kinds."""

    @njit
    def run(a, c):
        for i in range(len(a)):
            c[i] = narrowed(a[i])

    every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32).view(np.uint32)
    steps = [0, 1, -1, 0xFFF, 0x1000, 0x1001, 0x1FFF]
    beside = np.concatenate([every + np.array(step & 0xFFFFFFFF, np.uint32) for step in steps])
    subnormal = (np.arange(1, 2**12, dtype=np.float32) * np.float32(2.0**-26)).view(np.uint32)
    any_bits = np.random.default_rng(0).integers(0, 2**32, 2**20, dtype=np.uint32)
    bits = np.concatenate([beside, subnormal, subnormal + 1, subnormal - 1, any_bits])
    made = np.zeros(len(bits), np.uint16)
    run(bits.view(np.float32), made)

    with np.errstate(all="ignore"):
        exact = bits.view(np.float32).astype(np.float16).view(np.uint16)
    nan = np.isnan(bits.view(np.float32))
    np.testing.assert_array_equal(made[~nan], exact[~nan])
    assert np.isnan(made[nan].view(np.float16)).all()
    np.testing.assert_array_equal(made[nan] >> 15, bits[nan] >> 31)


def test_between_keeps_a_range_of_lanes():
    """Also a range that is empty, that begins before the first lane, or that lies beyond what 32 bits hold."""

    @njit
    def run(a, c, low, high, other):
        store(c, 0, between(load(a, 0, REGISTERS), low, high, other))

    a, c, lanes = numbers(5), np.full(COUNT, np.nan, np.float32), np.arange(COUNT)
    for low, high in ((0, COUNT), (3, 5), (5, 3), (-9, 2), (2, 10**12), (-(10**12), 10**12), (WIDTH, WIDTH + 1)):
        run(a, c, low, high, np.float32(-np.inf))
        same_bits(c, np.where((lanes >= low) & (lanes < high), a, np.float32(-np.inf)))


def test_where_equal_replaces_one_number():
    """Minus infinity, as in an empty row's maximum; NaN equals nothing."""

    @njit
    def run(a, c, number, then):
        store(c, 0, where_equal(load(a, 0, REGISTERS), number, then))

    a, c = numbers(6), np.full(COUNT, np.nan, np.float32)
    for number in (-np.inf, 1.0, np.nan):
        run(a, c, np.float32(number), np.float32(7.25))
        same_bits(c, np.where(a == np.float32(number), np.float32(7.25), a))


def halves(vector, join):
    """Numbers joined by halves, as in a register."""
    while len(vector) > 1:
        half = len(vector) // 2
        vector = join(vector[:half], vector[half:])
    return vector[0]


def test_total_adds_by_halves():
    """In this order on every machine of this width: pairs of registers first, then halves of the one that is left."""

    @njit
    def run(a):
        return total(load(a, 0, REGISTERS))

    for seed in range(20):
        a = numbers(seed, odd=False)
        first, second, third = a.reshape(REGISTERS, WIDTH)
        assert run(a) == halves((first + second) + third, np.add)


def test_largest_is_the_largest():
    """With infinities among them."""

    @njit
    def run(a):
        return largest(load(a, 0, REGISTERS))

    for seed in range(20):
        a = numbers(seed)
        a = np.where(np.isnan(a), np.float32(-np.inf), a)
        assert run(a) == a.max()


def test_transpose_turns_a_block_and_scales_its_columns():
    """Rows and columns may lie at any distance; nothing beside the block is touched."""

    @njit
    def run(a, start, step, b, to, to_step, f):
        transpose(a, start, step, b, to, to_step, load(f, 0, 1))

    step, to_step = WIDTH + 3, WIDTH + 5
    a, f = numbers(1, 400), np.arange(1, WIDTH + 1, dtype=np.float32)
    b = np.full(3 + WIDTH * to_step, np.float32(7.25))
    run(a, 2, step, b, 3, to_step, f)

    block = np.stack([a[2 + i * step :][:WIDTH] for i in range(WIDTH)])
    expected = np.full_like(b, 7.25)
    for j in range(WIDTH):
        with np.errstate(all="ignore"):
            expected[3 + j * to_step :][:WIDTH] = block[:, j] * f[j]
    same_bits(b, expected)


def test_prefetch_changes_nothing_wherever_it_points():
    """Far outside the array too, where reading would end the process."""

    @njit
    def run(a, index):
        prefetch(a, index)

    a = numbers(2)
    before = a.copy()
    for index in (0, COUNT, -(10**12), 10**12):
        run(a, index)
    same_bits(a, before)


def test_fetch_add_gives_every_number_once():
    """However the threads come between each other."""

    @njit(parallel=True)
    def run(counter, seen, threads):
        for thread in prange(threads):
            draw(counter, seen, thread)

    @njit
    def draw(counter, seen, thread):
        while True:
            number = fetch_add(counter, 1, 2)
            if number >= 2 * len(seen):
                return
            seen[number // 2] += 1

    counter, seen = np.zeros(3, np.int64), np.zeros(20000, np.int64)
    run(counter, seen, 4 * numba.get_num_threads())

    assert (seen == 1).all()
    assert counter[1] >= 2 * len(seen)
    assert counter[0] == counter[2] == 0


def as_bfloat16(values):
    """Rounded to nearest, ties to even, as bits: the definition, written in NumPy."""
    whole = values.view(np.uint32).astype(np.uint64)
    rounded = ((whole + 0x7FFF + ((whole >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def test_sixteen_bits_are_read_exactly():
    """Every one of the 65536 patterns, one by one and a register at a time, in both formats."""
    half, brain = storage.FLOAT16, storage.BFLOAT16

    @njit
    def run(bits, one, many, brain_one, brain_many):
        for i in range(len(bits)):
            one[i], brain_one[i] = read(bits, i, half), read(bits, i, brain)
        for i in range(0, len(bits), 2 * WIDTH):
            store(many, i, read_lanes(bits, i, 1, 2))
            store(brain_many, i, read_lanes(bits, i, 2, 2))

    bits = np.arange(2**16, dtype=np.uint16)
    made = [np.full(2**16, 7.25, np.float32) for _ in range(4)]
    run(bits, *made)

    with np.errstate(invalid="ignore"):
        exact = bits.view(np.float16).astype(np.float32), (bits.astype(np.uint32) << 16).view(np.float32)
    for found, expected in zip(made, (exact[0], exact[0], exact[1], exact[1]), strict=True):
        same_bits(found, expected)
    assert (half, brain) == (1, 2)


def test_int8_is_read_exactly():
    """Every code, at even and odd positions."""

    @njit
    def run(bits, made):
        for i in range(0, len(made), 2 * WIDTH):
            store(made, i, read_lanes(bits, i + 1, 3, 2))

    codes = np.resize(np.arange(-128, 128, dtype=np.int8), 258)
    made = np.full(256, 7.25, np.float32)
    run(codes.view(np.uint16), made)

    np.testing.assert_array_equal(made, codes[1:257].astype(np.float32))
    assert storage.INT8 == 3


def test_sixteen_bits_are_written_rounded_once():
    """To nearest, ties to even, with overflow to infinity, subnormal numbers and NaN."""
    half, brain = storage.FLOAT16, storage.BFLOAT16

    @njit
    def run(a, to_half, to_brain):
        for i in range(len(a)):
            write(to_half, i, half, a[i])
            write(to_brain, i, brain, a[i])

    ties = (np.arange(2**10, dtype=np.uint32) * 2**15 + 0x3F800000).view(np.float32)  # halfway between two bfloat16
    a = np.concatenate([numbers(3, 4000), ties, np.float32([65504, 65519, 65520, 6e-8, 2.9e-8])])
    to_half, to_brain = (np.zeros(len(a), np.uint16) for _ in range(2))
    run(a, to_half, to_brain)

    with np.errstate(over="ignore"):
        expected = a.astype(np.float16)
    fine = ~np.isnan(a)
    np.testing.assert_array_equal(to_half[fine], expected.view(np.uint16)[fine])
    assert np.isnan(to_half.view(np.float16)[~fine]).all()
    np.testing.assert_array_equal(to_brain, as_bfloat16(a))


def test_a_product_is_the_sum_in_order():
    """Each sum of the tile adds its terms one after another, each rounded as `fma` rounds."""

    @njit
    def run(a, b, c):
        put(c, 0, LANES, product(ROWS, a, 1, 9, 2, b, 3, LANES + 1, 4))

    rng = np.random.default_rng(0)
    a, b = (rng.integers(-99, 99, size).astype(np.float32) for size in (9 * ROWS + 9, 5 * LANES + 9))
    c = np.full(ROWS * LANES, np.nan, np.float32)
    run(a, b, c)

    left = np.stack([a[1 + 9 * r :][:8:2] for r in range(ROWS)])
    right = np.stack([b[3 + t * (LANES + 1) :][:LANES] for t in range(4)])
    np.testing.assert_array_equal(c.reshape(ROWS, LANES), left @ right)  # whole numbers: exact in any order


def test_a_tile_has_rows_peaks_and_is_added_to_what_there_is():
    """One row of it, the largest of each column, and array · factor + tile."""
    last = ROWS - 1

    @njit
    def run(a, b, best, one, old, factor):
        tile = zeros(ROWS, PANEL)
        for t in range(2):
            tile = accumulate(tile, a, t, 2, load(b, t * LANES, PANEL))
        store(one, 0, row(tile, last))
        store(best, 0, peak(load(best, 0, PANEL), tile))
        put_rescaled(old, 0, LANES, load(factor, 0, PANEL), tile)

    rng = np.random.default_rng(1)
    a, b, best, old, factor = (
        rng.integers(-99, 99, size).astype(np.float32) for size in (2 * ROWS, 2 * LANES, LANES, ROWS * LANES, LANES)
    )
    one, after, largest_so_far = np.full(LANES, np.nan, np.float32), old.copy(), best.copy()
    run(a, b, largest_so_far, one, after, factor)

    tile = a.reshape(ROWS, 2) @ b.reshape(2, LANES)
    np.testing.assert_array_equal(one, tile[-1])
    np.testing.assert_array_equal(largest_so_far, np.maximum(best, tile.max(axis=0)))
    np.testing.assert_array_equal(after.reshape(ROWS, LANES), old.reshape(ROWS, LANES) * factor + tile)


def elsewhere(folder, width):
    """Another width, whose compiled code does not push this one's out of the cache."""
    return os.environ | {"ATTNSITE_VECTOR_WIDTH": width, "NUMBA_CACHE_DIR": str(folder)}


@pytest.mark.parametrize("width", sorted({4, 8, 16} - {WIDTH}))
def test_other_widths_compute_the_same(width, tmp_path):
    """This file again, and much of `cpu_simd`'s, with registers as other processors have them."""
    here = Path(__file__).parent
    asked = [str(here / f"test_{name}.py") for name in ("simd", "prefill", "slices")]
    asked += [
        "-k",
        "test_simd and not other_widths or masks_windows or flash_attention or sixteen and 113"
        " or folded or chunks or any_size and 77",
    ]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *asked],
        env=elsewhere(tmp_path, str(width)),
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip

    assert found.returncode == 0, found.stdout[-3000:]


@pytest.mark.parametrize("width", ["5", "32", "wide"])
def test_a_width_that_there_is_not_is_refused(width, tmp_path):
    """By name, with what to do."""
    found = subprocess.run(
        [sys.executable, "-c", "import attnsite.kernels.simd.registers"],
        env=elsewhere(tmp_path, width), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip

    assert found.returncode != 0
    assert f"ATTNSITE_VECTOR_WIDTH is {width}: make it 4, 8 or 16" in found.stderr


def test_what_compiled_code_alone_calls_has_no_code_of_its_own():
    """It computes what it says within its caller, errors too, and Python cannot call it.

    After a step to another Numba: try it, compare bits and times, and write the version down in `_inner.TRIED`.
    """
    assert "pipeline_class" in INNER

    @njit(**INNER)
    def twice(x):
        if x < 0:
            raise ValueError("below zero")
        return 2 * x

    @njit(**INLINE)
    def four_times(x):
        return twice(twice(x))

    @njit
    def called(x):
        return four_times(x) + twice(x)

    assert called(3) == 18
    assert called(0.25) == 1.5  # another type, another code
    with pytest.raises(ValueError, match="below zero"):
        called(-1)
    assert len(twice.overloads) == 2
    for inner in (twice, four_times):
        with pytest.raises(TypeError):
            inner(3)
