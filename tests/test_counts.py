"""Counts behind the pages on heads, formulas and caches: what they say is what can be worked out by hand."""

import math

import numpy as np
import pytest

from attnsite.experiments import (
    cache_formats,
    flop_formulas,
    growth_in_heads,
    heads_of_one_matrix,
    kv_cache,
    kv_calculators,
    llama_cache_table,
)
from attnsite.figures import flop_formulas as formulas_figure
from attnsite.figures import flop_formulas_parts
from attnsite.figures import growth_in_heads as growth
from attnsite.figures import heads_of_one_matrix as wall
from attnsite.figures import kv_calculators as calculators_figure
from attnsite.records.run_file import Provenance, Row, Run


def counted(name, module):
    rows = tuple(Row(case=case, values=module.observe(case)) for case in module.experiment.cases)
    return Run(
        name, "count", "every_machine", "full", "d", (), Provenance({}, {}, "2026-01-02T03:04:05Z", 1.0, {}), rows
    )


@pytest.mark.parametrize("case", heads_of_one_matrix.experiment.cases, ids=lambda case: f"{case['heads']} heads")
def test_a_column_has_one_owner_and_the_heads_add_up_to_the_matrix(case):
    """Head h owns the columns from h · dim on, nothing is rounded, and only the number of scores knows the heads."""
    seen, dim = heads_of_one_matrix.observe(case), heads_of_one_matrix.WIDTH // case["heads"]

    assert seen["owners"] == [[column // dim] for column in range(heads_of_one_matrix.WIDTH)]
    assert seen["columns_a_head"] == [dim] * case["heads"]
    assert seen["weights"] == seen["weights_by_formula"] == 4 * heads_of_one_matrix.WIDTH**2
    assert seen["weights_a_head"] * case["heads"] == seen["weights"]
    assert seen["projection_difference"] == seen["score_difference"] == seen["output_difference"] == 0
    assert seen["score_multiply_adds"] == heads_of_one_matrix.TOKENS**2 * heads_of_one_matrix.WIDTH
    assert seen["scores"] == case["heads"] * heads_of_one_matrix.TOKENS**2
    assert seen["rank_of_a_head"] == dim
    assert len(wall.pieces(seen["owners"])) == case["heads"]


@pytest.mark.parametrize("heads", [2, 5, 64])
def test_in_float32_the_heads_add_up_to_rounding(heads):
    """A real layer's numbers: one projection and one score matrix against the sum of the heads'."""
    rng = np.random.default_rng(heads)
    x, query, key = (rng.standard_normal(shape, dtype=np.float32) for shape in ((70, 320), (320, 320), (320, 320)))
    q, k = x @ query, x @ key
    cut = heads_of_one_matrix.cut
    exact = (x.astype(float) @ query) @ (x.astype(float) @ key).T

    apart = np.concatenate([x @ matrix for matrix in cut(query, heads)], axis=1)
    scores = (cut(q, heads) @ cut(k, heads).swapaxes(1, 2)).sum(axis=0)

    np.testing.assert_allclose(apart, q, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scores, exact, rtol=1e-4, atol=1e-4 * np.abs(exact).max())


def test_a_transformer_of_torch_has_as_many_parameters_as_its_shapes():
    """44 140 544, with eight heads and with one; the number that the forum thread prints."""
    assert heads_of_one_matrix.transformer_parameters() == 44_140_544
    torch = pytest.importorskip("torch")
    for heads in (1, 8):
        made = torch.nn.Transformer(nhead=heads, batch_first=True)
        assert sum(parameter.numel() for parameter in made.parameters()) == 44_140_544


def test_exponents_differ_by_one_where_the_head_width_is_a_factor():
    """In every row the two regimes are one apart or at one place: H · dim is fixed in one, dim in the other."""
    run = counted("growth_in_heads", growth_in_heads)
    found = growth.values(run)

    for name in growth.QUANTITIES:
        apart = found[f"{name}_fixed_head_width"].value - found[f"{name}_fixed_width"].value
        assert math.isclose(apart, 0, abs_tol=1e-6) or math.isclose(apart, 1, abs_tol=1e-6), name
    assert [n for n in growth.QUANTITIES if found[f"{n}_fixed_width"].value > 0] == [
        "exponentials", "scores_written_out", "log_sum_exps"]  # fmt: skip
    for name, slope in (("weights_mha", 0), ("core_flops", 0), ("cache_mla", 0), ("cache_mqa", -1), ("rank", -1)):
        assert found[f"{name}_fixed_width"].value == slope


@pytest.mark.parametrize("case", flop_formulas.experiment.cases[::4], ids=lambda c: f"{c['name']} {c['context']}")
def test_formulas_agree_with_the_counts_that_they_mean(case):
    """Loops and closed forms agree; PaLM's is the count of all pairs, its half the visible ones up to the diagonal."""
    seen = flop_formulas.observe(case)
    said, diagonal = seen["formulas"], 6 * seen["unit"] / case["context"]

    assert seen["visible"] == seen["visible_counted"]
    assert said["palm"] == seen["all_pairs"]
    assert said["palm_halved"] == pytest.approx(seen["visible"] - diagonal)
    assert said["kaplan"] == pytest.approx(said["palm_halved"] - 6 * seen["output_weights"])
    assert seen["fused_masking"] == pytest.approx(seen["all_pairs"] + 2 * seen["unit"])
    tiles = (case["context"] / 64 + 1) / (case["context"] / 64)  # the diagonal's tiles are computed whole
    assert seen["fused_skipping"] == pytest.approx(seen["all_pairs"] + (7 * tiles - 12) * seen["unit"])


def test_formulas_are_exact_for_the_layers_that_they_were_written_for():
    """GPT-2 XL: a plain MLP of four widths, a KV head a head, heads as wide as the model."""
    case = next(c for c in flop_formulas.experiment.cases if c["name"].startswith("GPT-2") and c["context"] == 1024)
    seen = flop_formulas.observe(case)

    assert seen["formulas"]["megatron_without"] == pytest.approx(seen["all_pairs"])
    assert seen["formulas"]["megatron"] == pytest.approx(seen["extra_forward"])
    assert seen["formulas"]["palm_by_width"] == seen["formulas"]["palm"]
    assert seen["formulas"]["chen"] == seen["formulas"]["six_n_blocks"] == 6 * seen["weights"]


def test_coefficients_of_formulas_are_found_from_their_values():
    """Six FLOPs a weight, and 0, 6, 7, 12, 14 or 16 a unit of context."""
    parts = flop_formulas_parts.fitted(counted("flop_formulas", flop_formulas))
    context = {"six_n": 0, "kaplan": 6, "palm": 12, "palm_halved": 6, "megatron": 16, "visible": 6, "all_pairs": 12,
               "fused_skipping": 7, "fused_masking": 14, "extra_forward": 16}  # fmt: skip

    for name, units in context.items():
        assert parts[name]["context"] == pytest.approx(units, abs=1e-6), name
        assert parts[name]["weight"] == pytest.approx(8 if units == 16 else 6, rel=0.005), name
    assert parts["megatron_mixed"]["vocabulary"] == pytest.approx(4.5)


def test_6n_and_palm_err_alike_on_opposite_sides():
    """The count lies half-way between, up to the diagonal."""
    found = formulas_figure.values(counted("flop_formulas", flop_formulas))

    assert found["mirrored"].value < 0.001
    assert found["halved_worst"].value < 0.001


@pytest.mark.parametrize("case", kv_calculators.experiment.cases, ids=lambda case: case["name"])
def test_the_right_cache_is_that_of_the_other_table_and_mistakes_are_what_they_say(case):
    """Bytes agree with `kv_cache`; replacing KV heads by query heads multiplies by the queries that share one."""
    model = next(model for model in kv_cache.models() if model["name"] == case["name"])
    seen, usual = kv_calculators.observe(case), kv_cache.observe(model)

    assert seen["bytes"] == usual["kv_bytes"]
    if case["attention"] == "MLA":
        assert seen["wrong"]["mla_as_mha"] == usual["mha_kv_bytes"]
        assert seen["ratios"]["mla_two_latents"] == 2 * 512 / 576
    else:
        assert (seen["ratios"]["query_heads"] or 1) == usual["queries_a_kv_head"]
        assert (seen["ratios"]["width_over_heads"] or 1) == pytest.approx(1 / usual["heads_width_over_width"])
    if not case["window"]:
        assert seen["by_context"] == seen["as_full_by_context"]


def test_a_hybrid_model_by_hand():
    """Gemma 3 27B at 128k: 10 full layers keep all, 52 keep 1024 tokens, 2 · 16 · 128 elements of two bytes each."""
    case = next(c for c in kv_calculators.experiment.cases if c["name"] == "Gemma 3 27B")
    seen = kv_calculators.observe(case)

    assert seen["by_context"]["131072"] == (10 * 131072 + 52 * 1024) * 2 * 16 * 128 * 2
    assert seen["ratios"]["windows_as_full"] == pytest.approx(62 * 131072 / (10 * 131072 + 52 * 1024))


@pytest.mark.parametrize("row", kv_calculators.cases(), ids=lambda row: row["name"])
def test_windows_are_those_of_models_that_have_one(row):
    """A window has layers, a source and a model that the other table says has windows; GPT-3's band has no number."""
    model = next(model for model in kv_cache.models() if model["name"] == row["name"])

    assert bool(row["window"]) == bool(row["windowed_layers"]) == bool(row["window_source"])
    assert row["windowed_layers"] <= row["layers"]
    assert bool(row["window"]) == (model["window"] == "yes") or row["name"].startswith("GPT-3 ")


def test_marks_of_one_place_are_told_apart():
    """Equal ratios stand above one another, others stay on their line."""
    assert calculators_figure.lanes([2, 2, 2, 3]) == [0, 0.14, -0.14, 0]


def test_the_published_table_has_whole_numbers_of_kv_heads():
    """Eight for the smaller models, sixteen for the largest, within the digits that are printed."""
    for case in llama_cache_table.experiment.cases:
        heads = llama_cache_table.observe(case)["kv_heads_of_printed"]
        assert heads == pytest.approx(16 if "405B" in case["model"] else 8, rel=0.003)


def test_formats_of_llama_cpp_take_34_and_18_bytes_for_32():
    """A float16 scale for every 32 elements."""
    bits = {case["name"]: cache_formats.observe(case)["bits"] for case in cache_formats.experiment.cases}

    assert (bits["q8_0"], bits["q4_0"]) == (34 * 8 / 32, 18 * 8 / 32)
