"""Experiments: well formed, of a size that fits, and counting what the closed forms say."""

import inspect
import json
import math
import shutil

import pytest

from attnsite.experiments import (
    _text_models,
    attention_share,
    counted_flops,
    kv_cache,
    loss_by_head_width,
    loss_by_heads,
    loss_by_kv_heads,
    parameters_by_heads,
    rank_by_head_width,
)
from attnsite.formulas import attention as accounting
from attnsite.models.optimiser import Descent
from attnsite.records import fingerprint, registry, run_file, sweeps
from attnsite.records.workload import Count, Memory, Study, Timing
from tests import small
from tests.conftest import ROOT

NAMES = registry.names("experiments")
EXPERIMENTS = {name: registry.module("experiments", name, "experiment") for name in NAMES}
MEASURED = [name for name, module in EXPERIMENTS.items() if isinstance(module.experiment, Timing | Memory)]
COUNTED = [name for name, module in EXPERIMENTS.items() if isinstance(module.experiment, Count)]
MODELS = kv_cache.models()


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_asks_a_question_and_has_two_sweeps(name):
    """The docstring's first paragraph ends in a question mark; the sweeps have cases, none twice, all of them JSON, and
    the quick ones are some of the full ones. Only what trains models has no quick sweep.
    """
    module = EXPERIMENTS[name]
    first = inspect.cleandoc(module.__doc__).split("\n\n")[0]

    assert first.endswith("?")
    for sweep in (module.experiment.quick, module.experiment.full):
        cases = [json.dumps(getattr(case, "case", lambda case=case: dict(case))()) for case in sweep]
        assert cases or name in small.CASES
        assert len(set(cases)) == len(cases)
    assert list(sweeps.faults(name, module.experiment)) == []


@pytest.mark.parametrize("name", MEASURED)
def test_workloads_fit_into_an_ordinary_machine(name):
    """Inputs, and the scores of a kernel that writes them out, stay under 4 GiB, in the quick sweep under 512 MiB.

    No kernel of blocks, on the GPU's tensor cores or of its tiles writes scores out.
    """
    written = not set(EXPERIMENTS[name].experiment.kernels) <= {"cuda_mma", "cuda_vector", "cpu_block_sparse"}
    for sweep, most in (("quick", 512 << 20), ("full", 4 << 30)):
        for work in getattr(EXPERIMENTS[name].experiment, sweep):
            layer = accounting.Attention(1, work.heads, work.dim, work.kv_heads)

            assert work.batch * layer.input_bytes(work.queries, work.keys) <= most
            assert not written or work.batch * layer.score_bytes(work.queries, work.keys) <= most


@pytest.mark.parametrize("name", MEASURED)
def test_every_pattern_names_a_kernel_or_a_device(name):
    """A pattern that matches no kernel here is a family of kernels for another device, not a misspelling."""
    for pattern in EXPERIMENTS[name].experiment.kernels:
        assert pattern.startswith(("cpu_", "cuda_", "peer_", "control_"))
        if pattern.startswith(("cpu_", "control_")):
            assert registry.matching("kernels", (pattern,))


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_the_same_every_time_and_survive_json(name):
    """Two evaluations of a case agree, and what is observed can be written to a result file and read back."""
    experiment = EXPERIMENTS[name].experiment
    few = experiment.cases[::45] if name == "cuda_compiled" else experiment.cases  # a second each, if they can be
    path = ROOT / "docs/results/every_machine" / f"{name}.json"
    committed = (
        run_file.read(path) if path.is_file() and name != "cuda_compiled" else None
    )  # its compiler may be another
    for case in few:
        try:
            seen = experiment.observe(case)
        except NotImplementedError as missing:  # a count that needs a compiler which is not installed here
            pytest.skip(str(missing))

        assert json.loads(json.dumps(seen)) == seen == experiment.observe(case)
        if committed:  # what a page quotes is what this code counts, whatever the file says of itself
            [row] = [row for row in committed.rows if row.case == json.loads(json.dumps(case))]
            assert json.loads(run_file._json(row.values)) == json.loads(run_file._json(seen))


@pytest.mark.parametrize("case", parameters_by_heads.experiment.cases, ids=str)
def test_the_weights_of_a_built_layer_are_those_of_the_formula(case):
    """Building the four matrices and adding up their sizes gives the closed form."""
    seen = parameters_by_heads.observe(case)

    assert seen["weights"] == seen["weights_built"]
    assert seen["exponentials"] == case["heads"] * parameters_by_heads.TOKENS**2


def test_at_fixed_width_only_scores_depend_on_heads():
    """Weights, FLOPs and cache have one value for all numbers of heads; exponentials grow with them."""
    seen = [
        parameters_by_heads.observe(c) for c in parameters_by_heads.experiment.cases if c["regime"] == "fixed_width"
    ]

    for flat in ("weights", "projection_flops", "core_flops", "kv_cache_elements"):
        assert len({row[flat] for row in seen}) == 1
    assert seen[-1]["exponentials"] == 128 * seen[0]["exponentials"]
    assert seen[-1]["score_bytes"] == 128 * seen[0]["score_bytes"]


@pytest.mark.parametrize("case", counted_flops.experiment.cases, ids=str)
def test_counted_flops_lie_between_the_visible_pairs_and_the_full_matrices(case):
    """No algorithm does less than the visible pairs need, none more than both full products; the exact ones agree."""
    seen = counted_flops.observe(case)

    assert seen["exact_flops"] <= seen["flops"] <= seen["palm_flops"] == 2 * seen["kaplan_flops"]
    if case["algorithm"] == "naive":
        assert seen["flops"] == seen["exact_flops"]
    if case["algorithm"] == "mask_then_compute" or not case["causal"]:
        assert seen["flops"] == seen["palm_flops"]
    if case["algorithm"] == "skip_blocks" and case["causal"]:
        blocks = case["context"] // counted_flops.BLOCK
        assert seen["flops"] == 4 * counted_flops.DIM * counted_flops.BLOCK**2 * blocks * (blocks + 1) // 2


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_a_published_model_is_complete(model):
    """A row has its shape, a kind of attention that agrees with its heads, a source, and says if it was re-read."""
    assert all(model[name] for name in ("name", "year", "width", "query_heads", "head_dim", "value_dim", "source"))
    assert model["layers"] or model["encoder_layers"]
    assert model["verified"] in ("read", "not re-read")
    assert {model["window"], model["experts"]} <= {"", "yes"}
    if model["attention"] == "MLA":
        assert model["kv_heads"] is None
        assert model["latent_dim"]
        assert model["rope_dim"]
    else:
        assert model["query_heads"] % model["kv_heads"] == 0
        kind = "MHA" if model["kv_heads"] == model["query_heads"] else "MQA" if model["kv_heads"] == 1 else "GQA"
        assert model["attention"] == kind


def test_models_are_many_and_named_once():
    """At least eighty published models, no name twice."""
    assert len(MODELS) >= 80
    assert len({model["name"] for model in MODELS}) == len(MODELS)


@pytest.mark.parametrize(
    ("name", "kibibytes"),
    [("GPT-3 175B", 4608), ("Llama 2 7B", 512), ("Llama 3 8B", 128), ("DeepSeek-V3 671B", 68.625), ("Falcon-7B", 8)],
)
def test_known_caches_come_out(name, kibibytes):
    """2 bytes × layers × 2 × KV heads × head width (or latent + rotary key), worked out by hand."""
    model = next(model for model in MODELS if model["name"] == name)

    assert kv_cache.observe(model)["kv_bytes"] == kibibytes * 1024


@pytest.mark.parametrize("case", attention_share.experiment.cases, ids=lambda case: case["name"])
def test_the_crossover_is_where_the_share_is_one_half(case):
    """The closed form of the crossing agrees with the share itself, and shares rise with the context."""
    seen = attention_share.observe(case)
    width, heads = case["width"], case["query_heads"] * case["head_dim"]
    kv_width, mlp = case["kv_heads"] * case["head_dim"], case["mlp_matrices"] * case["mlp_width"] * case["width"]

    assert accounting.attention_share(width, heads, kv_width, mlp, seen["crossover"]) == pytest.approx(0.5)
    assert list(seen["shares"].values()) == sorted(seen["shares"].values())


@pytest.mark.parametrize("tokens", [16, 33])
def test_rank_is_the_smaller_of_width_and_tokens_and_the_fit_ends_exact(tokens):
    """The rank is min(N, d); the error falls with the width, and is zero from N − 1 on, since row means are free."""
    seen = {dim: rank_by_head_width.observe({"tokens": tokens, "dim": dim}, seed=3) for dim in (1, 4, tokens - 1, 64)}

    assert [row["rank"] for row in seen.values()] == [min(tokens, dim) for dim in seen]
    errors = [row["fit_error"] for row in seen.values()]
    assert errors == sorted(errors, reverse=True)
    assert 0 < errors[1] < errors[0] < 1
    assert math.isclose(errors[2], 0, abs_tol=1e-12)


def test_studies_depend_on_case_and_seed_alone():
    """Observing again gives the same values; another seed gives another pattern."""
    for name, module in EXPERIMENTS.items():
        if isinstance(module.experiment, Study):
            case = small.CASES.get(name, module.experiment.quick)[0]
            again = [module.experiment.observe(case, seed) for seed in (0, 0, 1)]
            assert again[0] == again[1] != again[2]


def test_a_change_of_the_table_makes_every_reader_stale(tmp_path):
    """The digests of both experiments that read the models change with the models."""
    package = tmp_path / "attnsite"
    shutil.copytree(registry.ROOT, package, ignore=shutil.ignore_patterns("__pycache__", "kernels", "site"))
    readers = [package / "experiments" / f"{name}.py" for name in ("kv_cache", "attention_share")]
    before = [fingerprint.of_module(path, package) for path in readers]
    table = package / "experiments" / "kv_cache.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("96,12288", "97,12288"), encoding="utf-8")

    assert all(old != fingerprint.of_module(path, package) for old, path in zip(before, readers, strict=True))


@pytest.mark.parametrize("experiment", [loss_by_head_width, loss_by_kv_heads], ids=lambda module: module.__name__)
def test_what_is_given_up_elsewhere_is_what_the_heads_take(experiment):
    """The shapes that are said to have the usual parameters have exactly those; the others differ among themselves."""
    counts = {tuple(case.values()): experiment.model(case).count() for case in experiment.experiment.full}
    if experiment is loss_by_head_width:
        equal = [c for c in experiment.experiment.full if c["mlp"] == experiment.MLP_FOR.get(c["head_width"])]
        alone = [c for c in experiment.experiment.full if c["mlp"] == experiment.USUAL_MLP]
    else:
        equal = [c for c in experiment.experiment.full if c["heads"] + c["kv_heads"] == 16]
        alone = [c for c in experiment.experiment.full if c["heads"] == 8]

    assert len(equal) == 3
    assert len({counts[tuple(case.values())] for case in equal}) == 1
    assert len({counts[tuple(case.values())] for case in alone}) == len(alone) > 3


def test_cutting_the_width_into_heads_adds_no_parameters():
    """All models of the study of heads have one number of parameters: of two layers, embeddings and norms, by hand."""
    counts = {loss_by_heads.observe({**case, "steps": 1}, 0)["parameters"] for case in loss_by_heads.experiment.full}

    assert counts == {2 * 12 * 64**2 + (256 + loss_by_heads.CONTEXT) * 64 + 5 * 2 * 64}


@pytest.mark.parametrize("experiment", [loss_by_heads, loss_by_head_width, loss_by_kv_heads])
def test_a_study_of_small_models_says_how_training_went(experiment):
    """A last validation, at the end of a curve of them, below that of a guess; every run as many bytes a step."""
    case = small.CASES[experiment.__name__.rsplit(".", 1)[-1]][-1]
    seen = experiment.observe(case, 1)

    assert seen["curve"][-1] == [case["steps"], seen["validation"]]
    assert 2 < seen["validation"] < math.log(256)
    assert seen["diverged_at"] is None
    assert json.loads(json.dumps(seen)) == seen
    assert experiment.CONTEXT * (_text_models.A_STEP // experiment.CONTEXT) == _text_models.A_STEP


def test_the_cache_of_a_trained_model_is_counted(monkeypatch):
    """Keys and values of every KV head in every layer: the accounting's own formula."""
    monkeypatch.setattr(loss_by_kv_heads, "learn", lambda *_: {})
    for case in loss_by_kv_heads.experiment.full:
        layer = accounting.Attention(case["width"], case["heads"], loss_by_kv_heads.HEAD_WIDTH, case["kv_heads"])

        cached = loss_by_kv_heads.observe(case, 0)["cached"]
        assert cached == case["layers"] * layer.kv_cache_elements()


def test_a_text_model_that_diverges_is_a_result(monkeypatch):
    """A rate without measure: the loss is infinite and the row says at which step training was given up."""
    monkeypatch.setattr(_text_models, "Descent", lambda rate, warmup: Descent(rate=1e9, warmup=warmup, clip=0))
    seen = loss_by_heads.observe(small.CASES["loss_by_heads"][0], 0)

    assert seen["validation"] == math.inf
    assert seen["diverged_at"] is not None
    assert seen["curve"] == []
