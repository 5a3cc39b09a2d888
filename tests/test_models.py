"""The small transformer: gradients against finite differences, the kernels' path against float64, maps, data, heads."""

import math

import numba
import numpy as np
import pytest

from attnsite.models import _exponentials, corpus, heads
from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.model import Model
from attnsite.models.tasks import Recall, Repeats

SMALL = {"vocabulary": 11, "width": 12, "layers": 2, "heads": 2, "context": 10, "mlp": 2}
VARIANTS = {
    "pre": {},
    "post": {"norm": "post"},
    "none": {"norm": "none"},
    "rope": {"positions": "rope"},
    "no positions": {"positions": "none"},
    "gqa": {"heads": 6, "kv_heads": 3, "head_width": 4},
    "mqa post rope": {"heads": 3, "kv_heads": 1, "norm": "post", "positions": "rope"},
    "attention only": {"mlp": 0},
    "no residual": {"residual": False},
    "no residual post": {"residual": False, "norm": "post"},
    "pure attention": {"residual": False, "norm": "none", "mlp": 0},
    "untied": {"tied": False},
    "not causal": {"causal": False},
}


def batch(config, size=3, seed=0):
    """Random tokens and targets, of which some are not asked for."""
    rng = np.random.default_rng(seed)
    tokens, targets = rng.integers(0, config.vocabulary, (2, size, config.context))
    targets[0, :2] = -1
    return tokens, targets


def moved(model, seed=1):
    """Away from the first values, where gains are one, biases zero and the logits small."""
    rng = np.random.default_rng(seed)
    model.flat[...] += rng.normal(0, 0.2, model.flat.shape).astype(model.dtype)
    return model


def gradient(model, tokens, targets, **options):
    loss, made = model.gradients(tokens, targets, **options)
    return loss, made.sum(axis=0)


@pytest.mark.parametrize("gated", [False, True], ids=["all heads", "gates"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_are_the_slope_of_the_loss(variant, gated):
    """In float64, every parameter of every variant is moved both ways along a random direction of its own.

    The largest elements of each are moved one by one too, since a direction could hide what cancels.
    """
    config = Config(**SMALL | VARIANTS[variant])
    model = moved(Model(config, 3, shares=2, dtype=np.float64))
    if gated:
        model.gates[...] = np.random.default_rng(5).uniform(0, 2, model.gates.shape)
        model.gates[0, 0] = 0
    tokens, targets = batch(config)
    _, whole = gradient(model, tokens, targets)
    rng, start = np.random.default_rng(7), 0
    for name, place in model.parameters.items():
        mine = whole[start : start + place.size].reshape(place.shape)
        start += place.size
        directions = [rng.standard_normal(place.shape)]
        for index in np.argsort(-abs(mine).ravel())[:2]:
            directions.append(np.zeros(place.shape))
            directions[-1].ravel()[index] = 1
        before = place.copy()
        for direction in directions:
            direction /= np.linalg.norm(direction)
            values = []
            for sign in (1, -1):
                place[...] = before + sign * 1e-5 * direction
                values.append(model.loss(tokens, targets))
            place[...] = before
            slope = (values[0] - values[1]) / 2e-5
            assert (mine * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-9), name
        assert mine.any() or name.endswith(".bias"), f"{name} has no gradient at all"
    assert start == len(whole)


@pytest.mark.parametrize("gated", [False, True], ids=["all heads", "gates"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_kernels_give_what_float64_gives(variant, gated):
    """Loss and gradient in float32 by the SIMD kernels are the float64 model's, to rounding, on sizes of all kinds."""
    config = Config(**SMALL | {"width": 36, "context": 35, "vocabulary": 37} | VARIANTS[variant])
    exact = moved(Model(config, 3, dtype=np.float64))
    exact.flat[...] = exact.flat.astype(np.float32)
    model = Model(config, 3)
    model.flat[...] = exact.flat
    if gated:
        model.gates[...] = exact.gates[...] = np.arange(exact.gates.size).reshape(exact.gates.shape) % 3
    tokens, targets = batch(config, 5)
    (loss, mine), (true_loss, true) = (gradient(m, tokens, targets, of_gates=gated) for m in (model, exact))

    assert loss == pytest.approx(true_loss, rel=2e-6)
    assert abs(mine - true).max() <= 2e-5 * abs(true).max()
    np.testing.assert_allclose(model.losses(tokens, targets), exact.losses(tokens, targets), rtol=2e-5, atol=2e-6)
    if gated:
        np.testing.assert_allclose(model.gate_gradients, exact.gate_gradients, rtol=1e-3, atol=1e-5)


def test_gate_gradients_are_the_slope_of_the_loss():
    """How the loss changes as a head is turned up."""
    config = Config(**SMALL)
    model = moved(Model(config, 0, dtype=np.float64))
    tokens, targets = batch(config)
    gradient(model, tokens, targets, of_gates=True)
    for index in np.ndindex(model.gates.shape):
        values = []
        for moved_to in (1 + 1e-5, 1 - 1e-5):
            model.gates[index] = moved_to
            values.append(model.loss(tokens, targets))
        model.gates[index] = 1
        assert model.gate_gradients[index] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6)


def test_a_removed_head_is_as_if_its_output_rows_were_zero():
    """A gate of 0 changes the loss as clearing the head's rows of the output matrix does, and stops its gradient."""
    config = Config(**SMALL)
    model, cleared = moved(Model(config)), moved(Model(config))
    tokens, targets = batch(config)
    whole = model.loss(tokens, targets)
    model.gates[1, 0] = 0
    cleared.parameters["layer1.out"][: config.head_width] = 0

    assert model.loss(tokens, targets) == pytest.approx(cleared.loss(tokens, targets), rel=1e-6)
    assert model.loss(tokens, targets) != pytest.approx(whole, rel=1e-4)
    made = gradient(model, tokens, targets)[1]
    model.flat[...] = made  # so that the gradient has names
    assert not model.parameters["layer1.out"][: config.head_width].any()
    assert not model.parameters["layer1.qkv"][:, : config.head_width].any()
    assert model.parameters["layer1.qkv"][:, config.head_width : config.width].any()


def test_any_number_of_threads_gives_the_same_bits():
    """Shares decide how sums are cut, threads only who computes them."""
    config = Config(vocabulary=50, width=48, layers=2, heads=4, context=40)
    tokens, targets = batch(config, 9)
    before = numba.get_num_threads()
    made = []
    try:
        for threads in sorted({1, before}):
            numba.set_num_threads(threads)
            loss, gradients = Model(config, 1).gradients(tokens, targets)
            made.append((loss, gradients.copy()))
    finally:
        numba.set_num_threads(before)

    for loss, gradients in made[1:]:
        assert loss == made[0][0]
        np.testing.assert_array_equal(gradients, made[0][1])


def test_shares_change_rounding_only():
    """One share, or more shares than sequences, give the same gradient."""
    config = Config(**SMALL)
    tokens, targets = batch(config, 3)
    losses, gradients = zip(
        *(gradient(moved(Model(config, shares=n)), tokens, targets) for n in (1, 2, 8)), strict=True
    )

    for loss, each in zip(losses[1:], gradients[1:], strict=True):
        assert loss == pytest.approx(losses[0], rel=1e-6)
        np.testing.assert_allclose(each, gradients[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variant", ["pre", "gqa", "not causal", "rope"])
def test_maps_are_what_the_kernels_weighed_with(variant):
    """Maps times values and output matrix are the sublayer's result, which the kernels computed without any map."""
    config = Config(**SMALL | VARIANTS[variant] | {"mlp": 0})
    model = moved(Model(config))
    tokens, _ = batch(config)
    seen = model.look(tokens)
    np.testing.assert_allclose(seen.maps.sum(axis=-1), 1, rtol=1e-5)
    if config.causal:
        assert not seen.maps[..., ~np.tri(config.context, dtype=bool)].any()
    for layer in range(config.layers):
        s, p = seen.states[layer], model.parameters
        h = (s - s.mean(axis=-1, keepdims=True)) / np.sqrt(s.var(axis=-1, keepdims=True) + 1e-5)
        h = h * p[f"norm{layer}.gain"] + p[f"norm{layer}.bias"]
        v = (h @ p[f"layer{layer}.qkv"])[..., -config.kv_heads * config.head_width :]
        v = v.reshape(*v.shape[:2], config.kv_heads, config.head_width).swapaxes(1, 2)
        mixed = seen.maps[layer] @ np.repeat(v, config.heads // config.kv_heads, axis=1)
        y = mixed.swapaxes(1, 2).reshape(*s.shape[:2], -1) @ p[f"layer{layer}.out"]
        np.testing.assert_allclose(seen.states[layer + 1], s + y, rtol=1e-4, atol=1e-5)


def test_a_model_sees_no_later_token():
    """Changing a token changes no logits before it."""
    config = Config(**SMALL | {"positions": "rope"})
    model = moved(Model(config))
    tokens, _ = batch(config)
    before = model.look(tokens).logits
    tokens[:, 4] = (tokens[:, 4] + 1) % config.vocabulary
    after = model.look(tokens).logits

    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert (after[:, 4:] != before[:, 4:]).any(axis=-1).all()


def test_gelu_and_cross_entropy_keep_their_accuracy_at_the_ends():
    """Far below and above zero, for a row that is certain, and NaN for NaN."""
    u = np.concatenate([np.linspace(-60, 60, 4079), [-1e4, 1e4, 0, 3e38, 1e-30, -1e-30, -1, np.nan]])
    mine = u.astype(np.float32), np.empty(len(u), np.float32)
    true = u.astype(np.float32).astype(float), np.empty(len(u))
    with np.errstate(all="ignore"):
        for each in (mine, true):
            each[0].resize(len(u) // 16 * 16 + 16, refcheck=False)
            each[1].resize(len(u) // 16 * 16 + 16, refcheck=False)
            _exponentials.gelu(*each)
    usual = slice(0, 4079)
    for one, other in zip(mine, true, strict=True):
        np.testing.assert_allclose(one[usual], other[usual], rtol=1e-6, atol=2e-6)
    np.testing.assert_allclose(mine[1][4079:4083], np.float32([0, 1e4, 0, 3e38]), rtol=0, atol=1e-30)
    assert np.isnan(mine[1][len(u) - 1])
    assert np.isnan(mine[0][len(u) - 1])

    logits = np.float32([[0, 100, -100], [5, 5, 5], [np.nan, 0, 0], [1, 2, 3]])
    losses = np.empty(4, np.float32)
    _exponentials.cross_entropy(logits, np.array([1, 2, 0, -1]), 0.5, losses)
    np.testing.assert_allclose(losses[:2], [0, math.log(3)], atol=1e-6)
    assert np.isnan(losses[2])
    assert losses[3] == 0
    np.testing.assert_allclose(logits[1], [1 / 6, 1 / 6, 1 / 6 - 0.5], rtol=1e-6)
    assert not logits[3].any()


@pytest.mark.parametrize("wrong", [
    {"norm": "both"}, {"positions": "sine"}, {"heads": 5}, {"heads": 4, "kv_heads": 3}, {"layers": 0},
    {"head_width": 5, "positions": "rope"},
])  # fmt: skip
def test_a_configuration_that_cannot_be_is_refused(wrong):
    """The message names the number."""
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        Config(**SMALL | wrong)


def test_the_first_values_depend_on_the_seed_and_the_parameter_only():
    """Another seed, other numbers; a model with more layers begins with the same ones where the two agree."""
    small, large = Config(**SMALL), Config(**SMALL | {"layers": 3, "residual": False})
    one, same, other = (Model(small, seed).parameters["embedding"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(Model(large).parameters["layer1.qkv"], Model(small).parameters["layer1.qkv"])


def test_repeats_repeat_and_nothing_else():
    """Every sequence has its period; the targets are the next tokens; half of them can be known."""
    data = Repeats(vocabulary=40, length=50, shortest=5, longest=20)
    tokens, targets = data.sample(np.random.default_rng(0), 64)
    periods = data.periods(tokens)
    assert 5 <= periods.min() < 7
    assert 18 < periods.max() <= 20
    for row, next_row, period in zip(tokens, targets, periods, strict=True):
        np.testing.assert_array_equal(row[period:], row[:-period])
        np.testing.assert_array_equal(next_row[:-1], row[1:])
    known = data.repeated(tokens)
    assert 0.6 < known.mean() < 0.85
    assert all(known[b].sum() == 50 + 1 - period for b, period in enumerate(periods))
    np.testing.assert_array_equal(data.sample(np.random.default_rng(0), 64)[0], tokens)


def test_distinct_repeats_have_each_token_once_a_period():
    """Then a token's last occurrence says what follows; more tokens than there are cannot be asked for."""
    data = Repeats(vocabulary=20, length=50, shortest=5, longest=20, distinct=True)
    tokens, _ = data.sample(np.random.default_rng(0), 64)
    for row, period in zip(tokens, data.periods(tokens), strict=True):
        assert len(set(row[:period])) == period
        np.testing.assert_array_equal(row[period:], row[:-period])
    with pytest.raises(ValueError, match="20 tokens are too few for 21 distinct ones"):
        Repeats(vocabulary=20, longest=21, distinct=True)


def test_recall_asks_for_values_that_were_shown():
    """Each asked key stands among the pairs once, and its target is what follows it there."""
    data = Recall(keys=12, values=9, pairs=5, asked=4)
    tokens, targets = data.sample(np.random.default_rng(0), 30)
    assert tokens.shape == targets.shape == (30, data.length)
    assert tokens.max() < data.vocabulary
    assert (targets[:, :10] == -1).all()
    for row, wanted in zip(tokens, targets, strict=True):
        for place in range(10, 14):
            [shown] = np.flatnonzero(row[:10] == row[place])
            assert row[shown + 1] == wanted[place]


def test_the_text_is_the_one_that_results_were_made_with(monkeypatch):
    """Its hash is checked; held-out stretches come from the last tenth, which training never sees."""
    assert len(corpus.text()) == 899_971
    source = corpus.text()
    border = int(len(source) * 0.9)
    for held_out, part in ((False, source[:border]), (True, source[border:])):
        tokens, targets = Text(32).sample(np.random.default_rng(0), 20, held_out=held_out)
        np.testing.assert_array_equal(tokens[:, 1:], targets[:, :-1])
        assert all(bytes(row.astype(np.uint8)) in part for row in tokens)
    monkeypatch.setattr(corpus, "SHA256", "0" * 64)
    corpus.text.cache_clear()
    with pytest.raises(ValueError, match="restore it"):
        corpus.text()
    corpus.text.cache_clear()


def test_scores_of_heads_made_by_hand():
    """A map that does exactly one thing has that score 1, and the others' 0."""
    length, periods = 12, np.array([4, 5])
    tokens = np.arange(length)[None, :] % periods[:, None]
    maps = np.zeros((1, 2, 4, length, length))
    for b, period in enumerate(periods):
        for i in range(length):
            maps[0, b, 0, i, max(0, i - 1)] = 1
            maps[0, b, 1, i, max(0, i - period + 1)] = 1
            maps[0, b, 2, i, max(0, i % period)] = 1  # the first of several that stood earlier
            maps[0, b, 3, i, : i + 1] = 1 / (i + 1)
    np.testing.assert_allclose(heads.previous_token(maps)[0, :3], [1, 1 / 11, 0], atol=1e-12)
    np.testing.assert_array_equal(heads.induction(maps, tokens)[0, :3], [0, 1, 0])
    np.testing.assert_array_equal(heads.duplicate(maps, tokens)[0, :3], [0, 0, 1])
    np.testing.assert_allclose(heads.entropy(maps)[0], [0, 0, 0, 1], atol=1e-12)
    apart = heads.distances(maps)
    np.testing.assert_array_equal(apart, apart.T)
    assert apart[0, 0] == 0
    assert apart[0, 1] == pytest.approx(1 - np.mean([2 / 12, 2 / 12]))  # alike at the first two places only
    assert heads.first_token(maps)[0, 3] == pytest.approx(np.mean([1 / (i + 1) for i in range(1, length)]))


def test_collapse_is_zero_for_tokens_that_are_alike():
    """And one for tokens whose mean is zero."""
    alike = np.tile(np.arange(1.0, 6.0), (1, 1, 7, 1))
    assert heads.collapse(alike)[0, 0] == pytest.approx(0, abs=1e-12)
    apart = np.random.default_rng(0).standard_normal((1, 1, 7, 5))
    assert heads.collapse(apart - apart.mean(axis=-2, keepdims=True))[0, 0] == pytest.approx(1)
