"""The calculator's page: its form and its tables filled for one model, so that it is whole without a script.

`calculator.js` takes over from there: it reads the same models and machines from a file beside the page, and fills the
same cells, which have the names of `formulas/parts.py`'s functions and parts. A form that nobody can use is hidden by
the style.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from html import escape
from typing import Any
from urllib.parse import quote

from attnsite.formulas import parts as ledger
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run
from attnsite.site import exhibits
from attnsite.site.addresses import Page
from attnsite.site.records import Records
from attnsite.site.widgets import calculator_form, roofline_svg

PAGE = "calculator.md"
PLACE = "<!-- attnsite:calculator -->"
DATA = "calculator/models.json"
EXPERIMENT, RUNS = "whole_models", ("roofline", "balance_by_machine")
MODEL, ROOF, TOKENS = "Llama 3 8B", "h100", 4096
SHAPE = tuple(field.name for field in fields(ledger.Model))
WEIGHTS = {"attention": "projections of attention", "mlp": "MLPs", "router": "routers of experts",
           "output": "output layer", "embedding": "embedding, if it is a matrix of its own", "all": "all"}  # fmt: skip
FLOPS = {"projections": "projections of attention", "scores": "scores, QKᵀ", "values": "mixing values, AV",
         "mlp": "MLPs", "router": "routers of experts", "output": "output layer", "all": "all"}  # fmt: skip
MOVED = {"weights": "weights, once", "attention": "queries, keys, values, outputs", "written": "into the KV cache",
         "all": "all"}  # fmt: skip
INTENSITY = {"weights": "products with weights", "attention": "attention", "all": "the whole"}
CACHE = {"token": "per token", "sequence": "per sequence", "batch": "the batch"}
PHASES = {"prompt": "prefill", "step": "decode step"}


def models(run: Run) -> list[dict[str, Any]]:
    """Every model of the run, as few fields as say it: what a `ledger.Model` would have anyway is left out."""
    usual = {field.name: field.default for field in fields(ledger.Model)}
    found = []
    for row in run.where():
        case = row.case
        shape = {name: case[name] for name in SHAPE if case[name] != usual[name]}
        told: dict[str, Any] = {"heads_from": _source(case, "heads"), "parts_from": _source(case, "parts")}
        if not case["tied_known"]:
            told["tied_unknown"] = True
        found.append({"name": case["name"], "year": case["year"], "context": case["context"]} | shape | told)
    return found


def _source(case: Mapping[str, Any], part: str) -> str:
    source = case[f"{part}_from"]
    return source + ("" if case[f"{part}_read"] == "read" else " (not re-read)") if source else ""


def roofs(known: Records) -> list[dict[str, Any]]:
    """Machines to hold a model against: those measured here, then those whose makers publish numbers."""
    found: list[dict[str, Any]] = []
    for machine, run in known.runs("roofline").items():
        for side, of in (("", ""), ("cuda_", ", GPU")):
            rates = {name: run.ceiling(side + name) for name in ("read", "matmul", "fma")}
            read, peaks = rates.pop("read"), [rate.value for rate in rates.values() if rate]
            if read and peaks:
                name = exhibits.call_machine(machine) + of
                found.append({
                    "key": (machine + of).replace(", ", "_").lower(), "name": f"{name}, measured here",
                    "peak": max(peaks), "bandwidth": read.value,
                    "told": "in float32, the faster of a matrix product and of a loop of multiply-adds",
                    "result": f"{machine}/roofline.json",
                })  # fmt: skip
    for run in known.runs("balance_by_machine").values():
        for row in run.where(kind="machine"):
            case = row.case
            found.append({
                "key": case["key"], "name": case["name"], "peak": 1e12 * case["teraflops"],
                "bandwidth": 1e12 * case["terabytes"],
                "told": "products of 16-bit matrices, by its maker", "source": case["source"],
            })  # fmt: skip
    return found


def data(known: Records) -> str:
    """What the script reads: models, machines, and the state that the page was built with."""
    told = {"models": models(_run(known)), "roofs": roofs(known), "start": {"model": MODEL, "roof": ROOF}}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def finds(known: Records) -> dict[str, str]:
    """What a search for a model leads to: the calculator with its numbers, by the query of the address."""
    names = [model["name"] for model in models(_run(known))]
    return {f"model={quote(name, safe='')}": f"{name} in the calculator" for name in names}


def _run(known: Records) -> Run:
    return next(iter(known.runs(EXPERIMENT).values()))


def cells(model: ledger.Model, step: ledger.Step, roof: Mapping[str, Any]) -> dict[str, Quantity | str]:
    """What stands in the cells of the tables, by name: function, part, and phase where there are two."""
    weights = ledger.weights(model)
    found: dict[str, Quantity | str] = {
        f"weights.{part}": Quantity(float(count), "parameters") for part, count in weights.items()
    }
    found["weights.used"] = Quantity(float(ledger.met(model)), "parameters")
    found["weights.bytes"] = Quantity(float(ledger.size(weights["all"], step.weight_bits)), "B")
    found |= {f"cache.{part}": Quantity(float(count), "B") for part, count in ledger.cache(model, step).items()}
    for phase, queries in (("prompt", step.keys), ("step", 1)):
        done = replace(step, queries=queries)
        flops, moved = ledger.flops(model, done), ledger.moved(model, done)
        found |= {f"flops.{part}.{phase}": Quantity(float(count), "FLOP") for part, count in flops.items()}
        found |= {f"moved.{part}.{phase}": Quantity(float(count), "B") for part, count in moved.items()}
        dense = ledger.intensity(model, done)
        found |= {f"intensity.{part}.{phase}": Quantity(value) for part, value in dense.items()}
        least = ledger.least_seconds(flops["all"], moved["all"], roof["peak"], roof["bandwidth"])
        found[f"least_seconds.{phase}"] = Quantity(least, "s")
        found[f"limit.{phase}"] = "arithmetic" if dense["all"] >= roof["peak"] / roof["bandwidth"] else "memory"
    return found


def html(known: Records) -> str:
    """The form and the tables, for Llama 3 8B."""
    page, held = Page(PAGE), models(_run(known))
    shape = next(model for model in held if model["name"] == MODEL)
    model = ledger.Model(**{name: shape[name] for name in SHAPE if name in shape})
    machines = roofs(known)
    roof = next(machine for machine in machines if machine["key"] == ROOF)
    step = ledger.Step(1, TOKENS)
    filled = cells(model, step, roof)
    told = sentence(MODEL, model, filled, "step", roof["name"])
    balance = roof["peak"] / roof["bandwidth"]
    picture = roofline_svg.draw(ledger.intensity(model, step), balance, told)
    state = asdict(model) | {"model": MODEL, "roof": ROOF, "context": TOKENS, "batch": 1}
    told_of = {"from": _from(shape), "roof": f"{_machine(roof)} {_roof_link(page, roof)}"}
    form = calculator_form.html(state, told_of, [m["name"] for m in held], [(m["key"], m["name"]) for m in machines])
    return (
        f'<link rel="stylesheet" href="{page.to("assets/play.css")}">\n'
        f'<section class="calculator" data-module="calculator" data-models="{page.at(DATA)}" '
        f'data-sources="{page.at("sources.md")}" data-results="{page.at("results/x").removesuffix("x")}" '
        f"data-search-exclude>{form}"
        f'<p class="calc-told"><output name="told" form="calc-form" aria-live="polite">{escape(told)}</output>'
        f'<span class="calc-fault" data-told="refused"></span></p>'
        f'<div class="calc-tables">{_table("Weights", WEIGHTS, "weights", filled, more=WEIGHTS_MORE)}'
        f"{_table('KV cache', CACHE, 'cache', filled)}"
        f"{_table('FLOPs', FLOPS, 'flops', filled, PHASES)}"
        f"{_table('Bytes moved, at least', MOVED, 'moved', filled, PHASES)}"
        f"{_table('FLOP/byte', INTENSITY, 'intensity', filled, PHASES, more=LIMITS)}</div>"
        f'<div class="calc-picture">{picture}</div></section>'
    )


STARTS = {"step": "One decode step", "prompt": "Prefill"}
BOUND = {"arithmetic": "compute-bound", "memory": "memory-bound"}


def sentence(name: str, model: ledger.Model, filled: Mapping[str, Quantity | str], phase: str, roof: str) -> str:
    """The result in words; of a model whose MLP or vocabulary is not known it says what the weights are without."""
    mlp = model.mlp_width or (model.dense_width if model.experts else 0)
    without = " and ".join([*([] if mlp else ["MLPs"]), *([] if model.vocabulary else ["vocabulary"])])
    only = f"weights without {without}" if mlp or model.vocabulary else "weights, of attention only"
    these = " of these weights alone" if without else ""
    return (
        f"{name}: {filled['weights.all']} {only if without else 'weights'}; KV cache: {filled['cache.token']} per "
        f"token, {filled['cache.batch']} in all. {STARTS[phase]}{these} does {filled[f'intensity.all.{phase}']} "
        f"FLOP/byte and is {BOUND[str(filled[f'limit.{phase}'])]} on {roof}."
    )


def _from(model: Mapping[str, Any]) -> str:
    """Where a model's numbers were read; the script writes the same for the others."""
    parts = model["parts_from"]
    parts = f"MLP and vocabulary: {parts}." if parts else (
        "Its MLP and vocabulary were not looked up: type them, or read the sums as without them."
    )  # fmt: skip
    unknown = " Whether embedding and output layer are one matrix was not looked up; here they are two."
    return escape(f"Heads and layers: {model['heads_from']}. {parts}{unknown if model.get('tied_unknown') else ''}")


def _machine(roof: Mapping[str, Any]) -> str:
    balance = Quantity(roof["peak"] / roof["bandwidth"])
    rates = f"{Quantity(roof['peak'], 'FLOP/s')} and {Quantity(roof['bandwidth'], 'B/s')}"
    return escape(f"{rates}, so {balance} FLOP/byte: {roof['told']}.")


def _roof_link(page: Page, roof: Mapping[str, Any]) -> str:
    if "source" in roof:
        return f'<a href="{page.to("sources.md#" + roof["source"])}">Source</a>'
    return f'<a href="{page.to("results/" + roof["result"])}">Run</a>'


WEIGHTS_MORE = {"weights.used": "of them multiplied with a token", "weights.bytes": "in memory"}
LIMITS = {"limit": "limited by", "least_seconds": "takes at least"}


BOX = '<div class="calc-box">'


def boxed(table: str) -> str:
    """A table that scrolls sideways where large type makes it wider than the window."""
    return f"{BOX}{table}</div>"


def _table(title: str, parts: Mapping[str, str], name: str, filled: Mapping[str, Quantity | str],
           phases: Mapping[str, str] | None = None, more: Mapping[str, str] | None = None) -> str:  # fmt: skip
    ends = [f".{phase}" for phase in phases] if phases else [""]
    head = "".join(f'<th scope="col">{phase}</th>' for phase in (phases or {}).values()) or '<th scope="col">size</th>'
    rows = {f"{name}.{part}": label for part, label in parts.items()} | dict(more or {})
    lines = "".join(
        f'<tr{" class=all" if row.endswith(".all") else ""}><th scope="row">{label}</th>'
        + "".join(f'<td data-cell="{row}{end}">{filled[row + end]}</td>' for end in ends)
        + "</tr>"
        for row, label in rows.items()
    )
    return boxed(
        f'<table class="calc-table"><caption>{title}</caption><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )
