"""How many weights, FLOPs and bytes do the parts of published decoders have, for a prompt and for a decoding step?

The heads stand in `kv_cache.csv`, the patterns of windows in `window_models`, and what else a decoder consists of in
`whole_models.csv`: the width and kind of its MLPs, its experts, its vocabulary, and whether embedding and output layer
are one matrix. Models that are not in that table keep their attention and their cache, and have no MLP here.
"""

import csv
from pathlib import Path
from typing import Any

from attnsite.experiments.kv_cache import models
from attnsite.experiments.window_models import PATTERNS, full_layers
from attnsite.formulas.parts import Model, Step, cache, flops, intensity, met, moved, weights
from attnsite.records.workload import Case, Count, Observed

TABLE = Path(__file__).with_suffix(".csv")
CONTEXT = 4096
WHOLE = ("mlp_width", "mlp_matrices", "vocabulary", "experts", "experts_a_token", "shared_experts", "dense_layers",
         "dense_width", "query_latent")  # fmt: skip
SHAPE = tuple(Model.__dataclass_fields__)


def parts() -> dict[str, dict[str, Any]]:
    """The table's rows by name; `tied` is "yes", "no" or "" where nobody looked, which counts as two matrices."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {
            row["name"]: {name: int(cell or 0) if name in WHOLE else cell for name, cell in row.items()}
            for row in csv.DictReader(lines)
        }


def shapes() -> list[dict[str, Any]]:
    """Every decoder of `kv_cache.csv` with all that is known of it; `parts_from` is empty where its MLP is not."""
    known, found = parts(), []
    for model in models():
        if model["encoder_layers"] or not model["layers"]:
            continue
        window, windowed, full = PATTERNS.get(model["name"], (0, 0, 1))
        latent = model["attention"] == "MLA"
        part = known.get(model["name"], {})
        shape = {
            "layers": model["layers"],
            "width": model["width"],
            "heads": model["query_heads"],
            "dim": model["head_dim"] - model["rope_dim"] if latent else model["head_dim"],
            "kv_heads": model["kv_heads"] or 0,
            "window": window,
            "windowed": model["layers"] - full_layers(model["layers"], windowed, full) if window else 0,
            "latent": model["latent_dim"] or 0,
            "rope_dim": model["rope_dim"] or 0,
            "value_dim": model["value_dim"] if latent else 0,
            "tied": part.get("tied") == "yes",
            **{name: part.get(name, 3 if name == "mlp_matrices" else 0) for name in WHOLE},
        }
        sources = {"heads_from": model["source"], "parts_from": part.get("source", ""),
                   "heads_read": model["verified"], "parts_read": part.get("verified", "")}  # fmt: skip
        told = {name: model[name] for name in ("name", "year", "context", "attention")}
        found.append(told | {"tied_known": bool(part.get("tied"))} | shape | sources)
    return found


def observe(case: Case) -> Observed:
    """One sequence of 4096 tokens at 16 bits a number, or the model's context where that is shorter."""
    model = Model(**{name: case[name] for name in SHAPE})
    context = min(CONTEXT, case["context"] or CONTEXT)
    prompt, step = Step(context, context), Step(1, context)
    return {
        "tokens": context,
        "weights": weights(model),
        "active_weights": met(model),
        "cache": cache(model, step),
        "prompt_flops": flops(model, prompt),
        "step_flops": flops(model, step),
        "step_bytes": moved(model, step),
        "prompt_intensity": intensity(model, prompt),
        "step_intensity": intensity(model, step),
    }


experiment = Count(observe=observe, cases=tuple(shapes()))
