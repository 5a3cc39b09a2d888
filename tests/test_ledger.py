"""The ledger of a whole model: every sum against a count that walks over matrices, tokens and pairs one by one."""

import csv
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnsite.experiments import flop_formulas, whole_models
from attnsite.formulas import attention as accounting
from attnsite.formulas import parts as ledger

small = st.integers(1, 4)


@st.composite
def decoders(draw):
    """Decoders small enough to be walked over: grouped or latent, with and without windows, dense or with experts."""
    layers, kv_heads, group = draw(small), draw(small), draw(small)
    made = {"layers": layers, "width": draw(st.integers(1, 9)), "heads": kv_heads * group, "kv_heads": kv_heads,
            "dim": draw(small), "mlp_width": draw(st.integers(0, 9)), "mlp_matrices": draw(st.sampled_from([2, 3])),
            "vocabulary": draw(st.integers(0, 9)), "tied": draw(st.booleans())}  # fmt: skip
    if draw(st.booleans()):
        made |= {"window": draw(st.integers(1, 6)), "windowed": draw(st.integers(0, layers))}
    if draw(st.booleans()):
        made |= {"latent": draw(small), "rope_dim": draw(st.integers(0, 3)), "value_dim": draw(small),
                 "query_latent": draw(st.integers(0, 3)), "kv_heads": 0}  # fmt: skip
    if draw(st.booleans()):
        experts = draw(small)
        made |= {"experts": experts, "experts_a_token": draw(st.integers(1, experts)),
                 "shared_experts": draw(st.integers(0, 2)), "dense_layers": draw(st.integers(0, layers)),
                 "dense_width": draw(st.integers(0, 9))}  # fmt: skip
    return ledger.Model(**made)


@st.composite
def steps(draw):
    keys = draw(st.integers(1, 8))
    queries = keys if draw(st.booleans()) else 1
    return ledger.Step(queries, keys, draw(st.integers(1, 3)), queries == 1 or draw(st.booleans()))


def matrices(m, experts):
    """The shape of every matrix, by part, as a program that builds the model would make them."""
    found = {part: [] for part in ("attention", "mlp", "router", "output", "embedding")}
    for layer in range(m.layers):
        if m.latent:
            queries = m.heads * (m.dim + m.rope_dim)
            made = [(m.width, m.query_latent), (m.query_latent, queries)] if m.query_latent else [(m.width, queries)]
            made += [(m.width, m.latent), (m.width, m.rope_dim), (m.latent, m.heads * m.dim)]
            made += [(m.latent, m.heads * m.value_dim), (m.heads * m.value_dim, m.width)]
        else:
            made = [(m.width, m.heads * m.dim), (m.heads * m.dim, m.width)] + 2 * [(m.width, m.kv_heads * m.dim)]
        found["attention"] += made
        if m.experts and layer >= m.dense_layers:
            found["mlp"] += [(m.width, m.mlp_width)] * m.mlp_matrices * (experts + m.shared_experts)
            found["router"].append((m.width, m.experts))
        else:
            found["mlp"] += [(m.width, m.dense_width if m.experts else m.mlp_width)] * m.mlp_matrices
    found["output"].append((m.vocabulary, m.width))
    found["embedding"] += [] if m.tied else [(m.vocabulary, m.width)]
    return {part: sum(rows * columns for rows, columns in shapes) for part, shapes in found.items()}


def visible(m, s, layer):
    """The pairs of query and key of one head and sequence in a layer; windowed layers come first."""
    window = m.window if layer < m.windowed and s.causal else 0
    for query, key in itertools.product(range(s.queries), range(s.keys)):
        own = query + s.keys - s.queries  # the query's own place
        if not s.causal or (key <= own and (not window or key > own - window)):
            yield query, key


@given(decoders())
def test_weights_are_the_sum_of_the_matrices(model):
    """With all experts and with those of one token, by part."""
    for experts in (model.experts, model.experts_a_token):
        counted = matrices(model, experts)
        assert ledger.weights(model, experts) == counted | {"all": sum(counted.values())}
    assert ledger.weights(model) == ledger.weights(model, model.experts)


@settings(deadline=None)
@given(decoders(), steps())
def test_flops_are_counted_token_by_token_and_pair_by_pair(model, step):
    """Two for each weight that a token meets, and two for each number that a pair multiplies or mixes."""
    used = matrices(model, model.experts_a_token)
    counted = dict.fromkeys(("projections", "scores", "values", "mlp", "router", "output"), 0)
    for _ in range(step.tokens):
        for name, part in {"projections": "attention", "mlp": "mlp", "router": "router", "output": "output"}.items():
            counted[name] += 2 * used[part]
    absorbed = step.queries == 1
    for layer in range(model.layers):
        count = step.batch * model.heads * sum(1 for _ in visible(model, step, layer))
        if model.latent:
            score, value = (model.latent + model.rope_dim, model.latent) if absorbed else (
                model.dim + model.rope_dim, model.value_dim)  # fmt: skip
        else:
            score = value = model.dim
        counted["scores"] += 2 * score * count
        counted["values"] += 2 * value * count

    assert ledger.flops(model, step) == counted | {"all": sum(counted.values())}


@settings(deadline=None)
@given(decoders(), steps(), st.sampled_from([32, 16, 8.5, 8, 4.5, 4]))
def test_bytes_and_cache_are_counted_number_by_number(model, step, bits):
    """Weights once, each key that somebody sees once, queries and outputs once, new keys once; in bits, rounded up."""
    step = ledger.Step(step.queries, step.keys, step.batch, step.causal, bits, bits)
    kept = model.latent + model.rope_dim if model.latent else 2 * model.kv_heads * model.dim
    read, stored, ends = 0, 0, 0
    for layer in range(model.layers):
        seen = {key for _, key in visible(model, step, layer)}
        if model.latent and step.queries > 1:
            a_key, both = model.heads * (model.dim + model.rope_dim + model.value_dim), (
                model.dim + model.rope_dim + model.value_dim)  # fmt: skip
        else:
            a_key, both = kept, 2 * model.latent + model.rope_dim if model.latent else 2 * model.dim
        read += step.batch * len(seen) * a_key
        ends += step.tokens * model.heads * both
        stored += kept * (min(step.keys, model.window) if model.window and layer < model.windowed else step.keys)
    whole = matrices(model, 0)
    sparse = (model.layers - model.dense_layers) * model.mlp_matrices * model.width * model.mlp_width
    chosen = -(-sparse * ledger.experts_read(model, step.tokens) // 1000) if model.experts else 0

    def in_bytes(numbers, each):
        return -int(-(numbers * each) // 8)

    moved = ledger.moved(model, step)
    assert moved["weights"] == in_bytes(sum(whole.values()) - whole["embedding"] + chosen, bits)
    assert moved["attention"] == in_bytes(ends, max(16, bits)) + in_bytes(read, bits)
    assert moved["written"] == in_bytes(step.tokens * model.layers * kept, bits)
    assert moved["all"] == moved["weights"] + moved["attention"] + moved["written"]
    assert ledger.cache(model, step) == {
        "token": in_bytes(model.layers * kept, bits),
        "sequence": in_bytes(stored, bits),
        "batch": in_bytes(step.batch * stored, bits),
    }


@settings(deadline=None)
@given(decoders(), steps())
def test_intensity_is_work_by_bytes_part_by_part(model, step):
    """Of attention, of the products with weights, and of both together, which lies between the two."""
    done, bytes_, found = ledger.flops(model, step), ledger.moved(model, step), ledger.intensity(model, step)
    core = done["scores"] + done["values"]

    assert found["attention"] * bytes_["attention"] == pytest.approx(core)
    assert found["weights"] * bytes_["weights"] == pytest.approx(done["all"] - core)
    assert found["all"] * sum(bytes_[part] for part in bytes_ if part != "all") == pytest.approx(done["all"])


@pytest.mark.parametrize(("experts", "each", "tokens"), [(4, 1, 1), (4, 2, 3), (6, 2, 2), (3, 3, 2), (5, 1, 4)])
def test_experts_are_read_as_chance_chooses_them(experts, each, tokens):
    """The mean number of different experts over every choice that the tokens can make, counted one by one."""
    model = ledger.Model(1, 1, 1, 1, experts=experts, experts_a_token=each)
    choices = list(itertools.combinations(range(experts), each))
    found = [len(set(itertools.chain(*chosen))) for chosen in itertools.product(choices, repeat=tokens)]

    assert ledger.experts_read(model, tokens) == pytest.approx(1000 * sum(found) / len(found), abs=0.51)


def test_deepseek_reads_163_of_its_256_experts_for_32_tokens():
    """Neither the 8 that one token needs nor all 256, and one token reads 8."""
    model = ledger.Model(1, 1, 1, 1, experts=256, experts_a_token=8)

    assert round(ledger.experts_read(model, 32) / 1000) == 163
    assert ledger.experts_read(model, 1) == 8000
    assert ledger.experts_read(model, 10**9) == 256_000


@given(decoders(), st.integers(1, 8))
def test_a_dense_model_is_the_decoder_of_accounting(model, tokens):
    """Weights, FLOPs and the bytes of attention agree with the closed forms that were there before."""
    plain = ledger.Model(model.layers, model.width, model.heads, model.dim, model.kv_heads, model.mlp_width,
                         model.mlp_matrices, model.vocabulary)  # fmt: skip
    layer, step = plain.attention, ledger.Step(tokens, tokens)
    decoder = accounting.Decoder(plain.layers, layer, plain.mlp_width, plain.mlp_matrices, plain.vocabulary)
    held, done = ledger.weights(plain), ledger.flops(plain, step)

    assert held["attention"] + held["mlp"] == decoder.block_weights()
    assert done["all"] == decoder.weight_flops(tokens) + decoder.core_flops(tokens)
    assert done["scores"] + done["values"] == decoder.core_flops(tokens)
    assert ledger.moved(plain, step)["attention"] == plain.layers * layer.input_bytes(tokens, tokens, 2)


def test_a_latent_step_is_that_of_accounting():
    """DeepSeek-V3: a prompt materialises, a step absorbs, and the cache is the latent's."""
    case = next(case for case in whole_models.shapes() if case["name"] == "DeepSeek-V3 671B")
    model = ledger.Model(**{name: case[name] for name in whole_models.SHAPE})
    for step in (ledger.Step(64, 64), ledger.Step(1, 64)):
        done = ledger.flops(model, step)
        core = model.attention.core_flops(step.queries, step.keys, True, absorbed=step.queries == 1)
        assert done["scores"] + done["values"] == model.layers * core


SIZES = {
    case["name"]: float(found[1]) * {"B": 1e9, "M": 1e6}[found[2]]
    for case in whole_models.shapes()
    if case["parts_from"] and (found := re.search(r"(?<![A-Zx\d.])([\d.]+)([BM])\b", case["name"]))
}


ROUGH = ("Gemma 7B", "Gemma 2B", "GPT-3 XL 1.3B")  # named too small, and printed with heads wider than the model


@pytest.mark.parametrize("name", SIZES)
def test_models_weigh_what_their_names_say(name):
    """Within a twentieth or half of the last digit. Some names count no embedding, or are a fourth too small."""
    case = next(case for case in whole_models.shapes() if case["name"] == name)
    held = whole_models.observe(case)["weights"]
    digits = re.search(r"([\d.]+)[BM]", name)[1].partition(".")[2]
    unit = {"B": 1e9, "M": 1e6}[re.search(r"[\d.]+([BM])", name)[1]] / 10 ** len(digits)

    nearest = min(abs(found - SIZES[name]) for found in (held["all"], held["all"] - held["embedding"] - held["output"]))
    allowed = 0.26 if name in ROUGH else 0.06
    assert nearest < max(0.5 * unit, allowed * SIZES[name]), held["all"]


@pytest.mark.parametrize(
    ("name", "billions"),
    [("GPT-2 XL (1558M)", 1.555), ("Llama 3 8B", 8.03), ("Mixtral 8x7B", 46.7), ("DeepSeek-V3 671B", 671.0),
     ("Qwen3-235B-A22B", 235.1), ("Gemma 2 27B", 27.2), ("gpt-oss-120b", 116.8),
     ("Llama 3.2 1B", 1.236), ("Llama 3.2 3B", 3.213), ("Qwen2.5-0.5B", 0.494), ("Qwen2.5-1.5B", 1.543),
     ("Qwen3-0.6B", 0.596), ("Qwen3-4B", 4.022), ("SmolLM2-135M", 0.1345), ("Falcon-7B", 6.92)],
)  # fmt: skip
def test_known_totals_come_out(name, billions):
    """The totals that are printed with these models, to the last digit given."""
    case = next(case for case in whole_models.shapes() if case["name"] == name)

    assert whole_models.observe(case)["weights"]["all"] / 1e9 == pytest.approx(billions, rel=1e-3)


def test_the_tables_of_models_agree():
    """No row for a model that `kv_cache.csv` lacks, a source in each, and the widths of `flop_formulas.csv`."""
    parts, names = whole_models.parts(), {case["name"] for case in whole_models.shapes()}
    assert set(parts) <= names
    assert all(row["source"] and row["verified"] in ("read", "not re-read") for row in parts.values())
    with flop_formulas.TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            for name in ("mlp_width", "mlp_matrices", "vocabulary"):
                assert parts[row["name"]][name] == int(row[name]), row["name"]
