"""The audit of public calculators: transcriptions give what the calculators print; every wrong answer is explained."""

import re
from pathlib import Path

import pytest

from attnsite.calculators import _tool, aiconfigurator, hf_mem
from attnsite.calculators._tool import Given, released
from attnsite.experiments import calculators_audited as audit
from attnsite.experiments._omissions import left_out
from attnsite.figures import calculator_omissions, calculators_audited
from attnsite.formulas import config, models
from attnsite.formulas.counts import Count
from attnsite.records import registry, run_file
from attnsite.site.pages import calculators

ROOT = Path(__file__).parents[1]
TOOLS = registry.modules("calculators", "TOOL", "kv_bytes")
ROWS = {case["calculator"]: audit.observe(case) for case in audit.experiment.cases}
RUN = run_file.read(run_file.path_of(ROOT, run_file.EVERY_MACHINE, "calculators_audited"))
LLAMA_2_7B = {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
              "num_key_value_heads": 32, "max_position_embeddings": 4096}  # fmt: skip
LLAMA_70B = {"model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
             "num_key_value_heads": 8, "max_position_embeddings": 8192}  # fmt: skip
MINIMAX_M2 = {"model_type": "minimax_m2", "hidden_size": 3072, "num_hidden_layers": 62, "num_attention_heads": 48,
              "num_key_value_heads": 8, "head_dim": 128}  # fmt: skip
QWEN3_30B = {"model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32,
             "num_key_value_heads": 4, "head_dim": 128}  # fmt: skip
DEEPSEEK, LLAMA = released()["DeepSeek V3"].config, released()["Llama 3 8B"].config
PRINTED = [  # calculator, config or parameters, tokens, bytes for those of 16 bits, what is printed and where
    ("hf_mem", MINIMAX_M2, 196608, 0.5, 24_964_497_408),  # README.md, line 51: kv_cache, in fp8
    ("llm_cal", DEEPSEEK, 32768, 2**-30, 1.91),  # docs/models/deepseek-ai-deepseek-v3-h100.md
    ("llm_cal", DEEPSEEK, 4096, 2**-20, 244.00),
    ("llm_cal", QWEN3_30B, 32768, 2**-30, 3.00),  # docs/models/qwen-qwen3-30b-a3b-h100.md
    ("llmfit", LLAMA, 8192, 1.0, 1_073_741_824),  # llmfit-core/src/models.rs, line 3180
    ("vllm_calculator", LLAMA_2_7B, 32 * 2048, 2**-30, 32),  # src/lib/memory/kvCache.test.js, line 19: 32 sequences
    ("aiconfigurator", DEEPSEEK, 1, 1.0, 70_272),  # tests/unit/sdk/test_memory_estimation.py, line 310
    ("aiconfigurator", LLAMA_70B, 1, 1.0, 327_680),  # line 325
    ("unsloth", DEEPSEEK, 163840, 1.0, 61 * 163840 * 576 * 2),  # studio/backend/tests/test_kv_cache_estimation.py, 831
    ("whichllm", 7e9, 4096, 1.0, 102_760_448),  # tests/test_vram.py, line 74
    ("whichllm", 7e9, 131072, 1.0, 3_288_334_336),
    ("gpu_poor", LLAMA_2_7B, 1000, 2**-20, 1000),  # README.md, line 43, in the MiB that it calls MB
    ("kolosal", LLAMA_2_7B, 8192, 1e-6, 4294.97),  # MEMORY_CALCULATION.md, section 5
]


@pytest.mark.parametrize(("name", "what", "tokens", "unit", "printed"), PRINTED, ids=lambda value: str(value)[:24])
def test_a_transcription_gives_what_the_calculator_prints(name, what, tokens, unit, printed):
    """As far as it is printed: to three digits."""
    given = Given("", "", LLAMA_2_7B, what, what) if isinstance(what, float) else Given("", "", what, 0, 0)
    assert TOOLS[name].kv_bytes(given, tokens) * unit == pytest.approx(printed, rel=3e-3)


def test_every_row_says_where_it_was_read():
    """A repository, a commit, a file, lines or functions in it, and the day."""
    for stem, module in TOOLS.items():
        tool = module.TOOL
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", tool.repository), stem
        assert re.fullmatch(r"[0-9a-f]{40}", tool.commit), stem
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", tool.looked_at), stem
        assert tool.committed <= tool.looked_at, stem
        assert re.fullmatch(r"\d+-\d+(, \d+-\d+)*|_?[a-zA-Z]\w*(, _\w+)*", tool.lines), (stem, tool.lines)
        assert tool.reads in (_tool.CONFIG, _tool.GGUF, _tool.NUMBERS)
        assert tool.engine in (
            "",
            _tool.LLAMA_CPP,
            _tool.VLLM,
        )
    assert len({module.TOOL.repository for module in TOOLS.values()}) >= 20


def test_the_files_that_calculators_get_are_the_models_of_the_page():
    """Read by this site's formulas they give the figures that count as right; and both files of one model the same."""
    for label, given in released().items():
        model = models.load()[given.slug]
        assert config.read_config(given.config).kv_bytes(Count(8192)) == audit.decoder(given).kv_bytes(Count(8192)), (
            label
        )
        assert given.parameters == pytest.approx(model.published.parameters)
        assert given.text["max_position_embeddings"] >= audit.TOKENS
    assert len({given.slug for given in released().values()}) == 5


def test_every_wrong_answer_is_explained_and_no_right_one():
    """What a rule is said to leave out gives the bytes that it says; and what is said is used at least once."""
    for name, row in ROWS.items():
        used = set()
        for label, seen in row["models"].items():
            if seen["predicted"] is None:
                assert not seen["agrees"]
                assert not seen["left_out"]
            else:
                assert bool(seen["left_out"]) != seen["agrees"], (name, label)
            used |= set(seen["left_out"])
        assert used == set(TOOLS[name].TOOL.leaves_out), name


def test_an_omission_that_is_not_a_rules_own_explains_nothing():
    """Or an answer would be explained by chance: a divided head dimension doubles as a factor of two."""
    given = released()["Qwen3-Next 80B-A3B"]
    said = TOOLS["ollama"].kv_bytes(given, audit.TOKENS)

    assert set(left_out(TOOLS["ollama"].TOOL, given, said, audit.TOKENS)) == {_tool.DERIVED, _tool.FULL}
    assert left_out(TOOLS["unsloth"].TOOL, given, said, audit.TOKENS) == ()


def test_what_engines_set_aside_is_never_less_than_what_a_model_keeps():
    """But for vLLM's states, which have 16 bits where transformers has 32."""
    for given in released().values():
        for engine in (_tool.LLAMA_CPP, _tool.VLLM):
            assert all(size >= audit.grows(given) for size in audit.allocated(given, engine))
    gemma = released()["Gemma 3 27B"]
    layer = 2 * 16 * 128 * 2
    assert audit.allocated(gemma, _tool.LLAMA_CPP) == [layer * (10 * 8192 + 52 * 1536)]
    assert audit.allocated(gemma, _tool.VLLM) == [layer * (10 * 8192 + 52 * n) for n in (3072 + 16, 5120 + 16)]


def test_a_corrected_calculator_turns_right(monkeypatch):
    """In the row, and in every count of the page."""
    case = next(case for case in audit.experiment.cases if case["calculator"] == "hf_mem")
    before = audit.observe(case)["right"]
    monkeypatch.setattr(hf_mem, "kv_bytes", lambda given, tokens: audit.grows(given))

    assert (before, audit.observe(case)["right"]) == (3, 5)


def test_the_counts_of_the_page_are_those_of_the_rows():
    """Counted anew from what is observed; the committed run has the same."""
    told = {name: value.value for name, value in calculators_audited.values(RUN).items()}
    assert {row.case["calculator"]: run_file.as_read(dict(ROWS[row.case["calculator"]])) for row in RUN.rows} == {
        row.case["calculator"]: dict(row.values) for row in RUN.rows
    }
    assert told["calculators"] == len(TOOLS)
    assert told["all_right"] == sum(row["right"] == 5 for row in ROWS.values())
    for label in released():
        right = sum(row["models"][label]["agrees"] for row in ROWS.values())
        assert told[f"right_{calculators_audited.key(label)}"] == right
    omitted = {name: value.value for name, value in calculator_omissions.values(RUN).items()}
    said = [seen for row in ROWS.values() for seen in row["models"].values() if seen["predicted"] is not None]
    assert omitted["answers"] == len(said)
    assert omitted["wrong"] == sum(not seen["agrees"] for seen in said)
    assert omitted["above"] + omitted["below"] == omitted["wrong"]
    kinds = {calculator_omissions.CALLED.get(kind, kind): kind for kind in calculator_omissions.by_omission(RUN)}
    counted = {kinds[row["what is left out"]]: row["calculators"] for row in calculator_omissions.tabulate([RUN])}
    for kind, count in counted.items():
        assert count == sum(kind in module.TOOL.leaves_out for module in TOOLS.values()), kind


def test_a_nested_file_of_an_unknown_class_gives_no_figure():
    """A calculator that does not open `text_config` is not fed what it would not read."""
    assert aiconfigurator.kv_bytes(released()["Gemma 3 27B, pattern named"], 8192) is None
    assert hf_mem.kv_bytes(released()["Gemma 3 27B, pattern named"], 8192) == 8192 * 10 * 8192 + 8192 * 52 * 1024


def test_every_calculator_is_linked_at_its_commit_and_to_its_issues():
    """So that who reads the page can look, and who wrote the tool can answer."""
    for row in RUN.rows:
        text, tool = calculators.entry(row), row.case
        assert f"https://github.com/{tool['repository']}/blob/{tool['commit']}/{tool['path']}" in text
        assert f"https://github.com/{tool['repository']}/issues" in text
        assert f"{row.values['right']} of 5 right" in text
        assert tool["looked_at"] in text
