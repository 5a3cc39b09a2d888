"""The pages of models and the files for programs beside them: what they say is what the formulas say."""

import json
import re
from html import unescape
from pathlib import Path

import jsonschema
import pytest

from attnsite.formulas import devices, models
from attnsite.formulas.config import read_config
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.records.quantity import Quantity
from attnsite.site.about import Site
from attnsite.site.exports import model_data
from attnsite.site.pages import models as pages

ROOT = Path(__file__).parents[1]
MADE = pages.made()


@pytest.fixture(scope="module")
def published():
    """Both files, parsed."""
    return {name: json.loads(text) for name, text in model_data.made(Site("S", "", "", "", "", (), "")).items()}


def test_files_are_as_their_schemas_say_and_the_page_about_them_names_their_fields(published):
    """No more fields and no fewer."""
    told = (ROOT / "docs" / "reuse.md").read_text("utf-8").partition("## Models and devices")[2].partition("## ")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", told, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    fields = set()
    for name, key in ((model_data.MODELS, "models"), (model_data.DEVICES, "devices")):
        schema = json.loads((ROOT / "docs" / model_data.SCHEMAS[name]).read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(published[name], schema)
        fields |= set(schema["properties"][key]["items"]["properties"])

    assert named == fields


def test_a_program_that_reads_a_config_of_the_file_gets_its_figures(published):
    """Parameters and cache of every model, from its keys alone."""
    assert len(published["models.json"]["models"]) == len(models.load())
    for entry in published["models.json"]["models"]:
        answer = Cost(read_config(entry["config"]), Count(32768))
        assert (answer.decoder.parameters, answer.kv_bytes) == (entry["parameters"], entry["kv_bytes"]["32768"])
    assert [entry["key"] for entry in published["devices.json"]["devices"]] == list(devices.load())


def test_files_have_a_line_for_each_entry():
    """So that a difference of two versions names what changed."""
    for name, text in model_data.made(Site("S", "", "", "", "", (), "")).items():
        count = len(models.load() if name == model_data.MODELS else devices.load())
        assert text.count("\n{") == count


def test_every_model_has_a_page_that_the_index_leads_to():
    """With a title of its own and a description that search engines show whole."""
    assert set(MADE) == {pages.INDEX, *(f"models/{slug}.md" for slug in models.load())}
    titles = {re.search(r"^title: (.*)$", text, re.MULTILINE)[1] for text in MADE.values()}
    assert len(titles) == len(MADE)
    for slug in models.load():
        assert f'href="{slug}/"' in MADE[pages.INDEX]


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("llama-3-8b", ["128 KiB of KV cache per token", "1 GiB at 8k tokens", "16 GiB at 128k", "8.03 billion",
                        "`32 × 2 × 8 KV heads × 128 × 8,192 tokens × 2 bytes` = 1,073,741,824 bytes"]),
        ("deepseek-v3", ["68.6 KiB", "(512 + 64)", "37.6 billion active per token"]),
        ("qwen3-next-80b-a3b", ["Gated DeltaNet", "36 layers", "12 layers"]),
        ("gemma-3-27b", ["sliding attention**, 52 layers", "full attention**, 10 layers"]),
    ],
)  # fmt: skip
def test_a_page_says_what_is_known_of_its_model(slug, said):
    """Figures that are published elsewhere too, and the layers by kind."""
    text = MADE[f"models/{slug}.md"].replace("\u202f", " ")
    for each in said:
        assert each in text


def test_the_table_of_a_page_is_the_formulas_at_each_length():
    """Of every page: caches in 16 and 8 bits at 8k, 32k, 128k and 1M."""
    for slug, model in models.load().items():
        rows = re.findall(r'<tr><th scope="row">(8k|32k|128k|1M)</th>(.*?)</tr>', MADE[f"models/{slug}.md"])
        assert [name for name, _ in rows] == ["8k", "32k", "128k", "1M"]
        for tokens, (_, cells) in zip(model_data.CONTEXTS, rows, strict=True):
            told = [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", cells)]
            assert told[0] == str(Quantity(float(Cost(model.decoder(), Count(tokens)).kv_bytes), "B")), slug


def test_a_page_says_where_its_numbers_come_from():
    """The file at its commit or the class, the layout's class, and the published count with its source."""
    for slug, model in models.load().items():
        text = unescape(MADE[f"models/{slug}.md"])
        assert model.source in text
        assert model.decoder().source in text
        assert (f"Published: {model.published.text}" if model.published else "No published count was read") in text
