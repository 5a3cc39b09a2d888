"""Predicted against allocated: every model type's cache to the byte, and every byte beyond it explained."""

import json
from pathlib import Path

from attnsite.experiments import caches_allocated
from attnsite.experiments.caches_allocated import experiment, observe, observed
from attnsite.figures import caches_allocated as figure
from attnsite.formulas import config
from attnsite.records import run_file

OBSERVED = json.loads(Path(__file__).with_name("configs.json").read_text("utf-8"))["cases"]
# What is allocated and no closed form here says: the buffers of compressed vectors are views of the prompt's, and
# RecurrentGemma keeps its window in its own way.
UNEXPLAINED = {"prompt_allocated": {"deepseek_v4"}, "allocated": {"recurrent_gemma"}}
ROWS = {case["model_type"]: observe(case) for case in experiment.cases}


def test_every_model_type_that_is_understood_was_run():
    """And none beside; with the configs that other observations were made with."""
    assert set(ROWS) == set(config.supported())
    for name, row in observed().items():
        given = {key: value for key, value in OBSERVED[name]["config"].items() if value is not None}
        assert json.loads(row["config"]) == given
        assert (int(row["tokens"]), int(row["held"])) == (OBSERVED[name]["tokens"], OBSERVED[name]["bytes"])


def test_what_is_held_is_predicted_to_the_byte():
    """After the prompt and after five steps."""
    for name, row in ROWS.items():
        assert (row["held"], row["prompt_held"]) == (row["held_predicted"], row["prompt_held_predicted"]), name


def test_what_is_allocated_beyond_is_explained():
    """A window's storage has W tokens after a step, and all of a prompt; but for the types that say otherwise."""
    for what, known in UNEXPLAINED.items():
        assert {name for name, row in ROWS.items() if row[what] != row[f"{what}_predicted"]} == known
    for name, row in ROWS.items():
        assert row["allocated"] >= row["held"], name
        assert (
            row["windows"] or name in UNEXPLAINED["prompt_allocated"] or row["prompt_allocated"] == row["prompt_held"]
        )


def test_a_predicted_byte_too_many_shows_in_the_figure(monkeypatch):
    """The count of types that agree is the table's, not a constant."""
    run = run_file.read(run_file.path_of(Path(__file__).parents[1], run_file.EVERY_MACHINE, "caches_allocated"))
    before = figure.values(run)
    run.rows[0].values["held_predicted"] += 1
    after = figure.values(run)

    assert before["agree"].value == before["types"].value == len(ROWS)
    assert after["agree"].value == len(ROWS) - 1
    assert sum(row["held as predicted"] for row in figure.tabulate([run])) == len(ROWS) - 1


def test_without_the_table_there_are_no_cases(monkeypatch, tmp_path):
    """So that it can be written anew by what imports the experiment."""
    monkeypatch.setattr(caches_allocated, "TABLE", tmp_path / "none.csv")
    assert caches_allocated.observed() == {}
