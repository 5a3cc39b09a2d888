"""The tables of models and devices: each row has its source, is understood, and agrees with what was published."""

import json
import re
from pathlib import Path

import pytest

from attnsite.content.sources import load_sources
from attnsite.formulas import config, devices, models, named
from attnsite.formulas.keys import NotUnderstood

ROOT = Path(__file__).parents[1]
SLUG = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
MODELS, DEVICES = models.load(), devices.load()


def test_there_are_as_many_as_the_page_says():
    """At least 150 models and 60 devices."""
    assert len(MODELS) >= 150
    assert len(DEVICES) >= 60


def test_every_model_agrees_with_its_published_count():
    """Within 1 %, or a unit of the last printed digit; or the row says why not, and only then."""
    counted = {model.slug: (model.decoder().parameters, model.published) for model in MODELS.values()}
    wrong = [slug for slug, (count, published) in counted.items()
             if published and published.agrees(count) == bool(published.why)]  # fmt: skip

    assert wrong == []
    assert sum(published is not None for _, published in counted.values()) >= 150


def test_every_model_says_who_made_it_and_where_its_keys_were_read():
    """At a commit, or in a class of transformers."""
    for slug, model in MODELS.items():
        assert SLUG.fullmatch(slug)
        assert model.maker
        assert 2017 <= model.year <= 2026
        assert model.context is None or model.context > 0
        read_at = (
            r"transformers [\d.]+, models/.*Config" if model.config_from == "class" else r".*, commit [0-9a-f]{8}, "
        )
        assert re.match(read_at, model.source), slug
        assert model.source_url.startswith("https://github.com/") or model.config_from == "class"


def test_a_model_has_no_key_that_its_formulas_do_not_read():
    """Besides its type, a dtype, a tie, and keys that are null."""

    def names(held, place):
        for key, value in held.items():
            if isinstance(value, dict):
                yield from names(value, f"{place}{key}.")
            elif key not in {"model_type", "dtype", "torch_dtype", "tie_word_embeddings"} and value is not None:
                yield place + key

    for slug, model in MODELS.items():
        assert set(names(model.config, "")) <= set(model.decoder().trace.values()), slug


def test_names_and_aliases_lead_to_one_model():
    """No two models share one, in whatever case and with whatever hyphens."""
    for table in (MODELS, DEVICES):
        owner = {}
        for key, row in table.items():
            for name in {named.fold(each) for each in row.names}:
                assert owner.setdefault(name, key) == key


def test_a_count_agrees_in_the_last_digit_that_is_printed():
    """7B may be 7.2; 7.0B may not."""
    assert models.Published(7_000_000_000, "7B", "").agrees(7_900_000_000)
    assert not models.Published(7_000_000_000, "7.0B", "").agrees(7_200_000_000)
    assert models.Published(671_000_000_000, "671B", "").agrees(671_026_404_352)


def test_a_device_has_sources_of_this_site_and_plausible_figures():
    """Peaks fall with the width of a number, as far as they are known."""
    sources = set(load_sources(ROOT))
    for key, device in DEVICES.items():
        assert SLUG.fullmatch(key)
        assert set(device.sources) <= sources, key
        assert device.kind in devices.KINDS
        assert device.confirmed in devices.CONFIRMED
        assert device.place
        assert 0 < device.memory_gb < 1000
        assert 50 < device.bandwidth_gb_s < 30_000
        assert device.peak("q4_0") >= device.peak("fp8") >= device.peak("bf16")
        assert "fp16" not in device.peaks_tflops or device.peak("bf16") >= device.peak("fp32") / 1.1, key


def test_a_device_whose_16_bit_rate_is_not_known_bounds_nothing_by_compute():
    """A rate in float32 may be lower than what 16 bits can do."""
    assert DEVICES["apple-m4-max"].peak("bf16") == 0
    assert DEVICES["apple-m4-max"].peak("fp32") == 18.4e12


def test_the_files_of_models_are_written_as_one_writes_them():
    """One indentation, no key twice, a newline at the end: so that a difference can be read."""
    for path in models.FOLDER.glob("*.json"):
        text = path.read_text("utf-8")
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"


def test_a_config_is_refused_where_a_key_is_taken_out():
    """What a row has is needed: sizes without a default."""
    held = dict(MODELS["kimi-k2"].config)
    del held["kv_lora_rank"]
    with pytest.raises(NotUnderstood, match="kv_lora_rank"):
        config.read_config(held)
