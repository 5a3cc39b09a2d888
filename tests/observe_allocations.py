"""Write attnsite/experiments/caches_allocated.csv: what the caches of tiny random models hold and keep allocated.

    python -m venv /tmp/observing && /tmp/observing/bin/pip install torch transformers
    PYTHONPATH=. /tmp/observing/bin/python -m tests.observe_allocations   # some minutes on a CPU; needs no network

For each model type that is understood, made small as in `observe_caches`: bytes of the tensors in the cache object, and
of the storages behind them, after the prompt and after some decode steps. A tensor may be a view of a larger storage.
"""

import csv
import json
import warnings

import torch
import transformers

from attnsite.experiments.caches_allocated import TABLE
from tests import observe_caches
from tests.observe_caches import SOURCE, build, cache_bytes, run, small, supported, tensors

PHASES = {"prompt": 0, "": 5}  # decode steps


def storage_bytes(cache: object) -> int:
    """Bytes of all storages behind floating-point tensors, each once."""
    found = {}
    for tensor in tensors(cache, set()):
        if tensor.is_floating_point():
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())


def observe(model_type: str) -> dict[str, object]:
    """A row of the table."""
    values = small(model_type)
    model = build(values)
    row: dict[str, object] = {"model_type": model_type}
    for phase, steps in PHASES.items():
        observe_caches.STEPS = steps
        cache, tokens = run(model, model_type)
        prefix = f"{phase}_" if phase else ""
        row |= {f"{prefix}tokens": tokens, f"{prefix}held": cache_bytes(cache)[0],
                f"{prefix}allocated": storage_bytes(cache)}  # fmt: skip
    row["source"] = SOURCE if model.config.is_encoder_decoder else 0
    named = {key: value for key, value in values.items() if key == "model_type" or value is not None}
    return row | {"config": json.dumps(named, separators=(",", ":"))}


def main() -> None:
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    rows = []
    for model_type in supported():
        rows.append(observe(model_type))
        print({name: cell for name, cell in rows[-1].items() if name != "config"}, flush=True)
    with TABLE.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
