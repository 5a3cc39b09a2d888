"""How many tokens a second do the models here train on, beside the same model in PyTorch on the same processor?

The same parameters, batches, schedule, clipping and AdamW; PyTorch runs eagerly with its fused attention and optimiser,
and once more through `torch.compile` where that works. All take turns: each round is a few steps of one, then of the
next, so that a busy moment of the machine meets all of them. Every round is kept. Where PyTorch is not installed there
are our own times only, and without a clock, as in a test, none.
"""

from collections.abc import Callable
from typing import Any

from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.training import Plan, Training
from attnsite.records.workload import Case, Observed, Study

try:  # before Numba starts its threads: see measure/sweep.py
    from attnsite.peers._torch_model import Twin
except ImportError:
    Twin: Any = None  # type: ignore[no-redef]

STEPS = 2  # in a round
WARMUPS = 2  # rounds


def observe(case: Case, seed: int, clock: Callable[[], float] | None = None) -> Observed:
    """Seconds a step of every round, for each contestant, and how far PyTorch's loss is from ours in the end."""
    config = Config(width=case["width"], layers=case["layers"], heads=case["heads"], context=case["length"])
    rounds = case["rounds"] + WARMUPS
    run = Training(config, Text(case["length"]), Plan(rounds * STEPS + 1, case["batch"], validation=0), seed)
    if clock is None or Twin is None:
        ways = {}
    else:
        ways = {way: Twin(config, run.model.parameters, run.plan.descent, compiled=way == "torch_compile")
                for way in ("torch", "torch_compile") if way == "torch" or case["compile"]}  # fmt: skip
    samples: dict[str, list[float]] = {"ours": [], **{way: [] for way in ways}}
    away = 0.0
    for number in range(rounds):
        steps = range(number * STEPS, (number + 1) * STEPS)
        batches = [run.batch(step) for step in steps]  # made again in ours, which takes microseconds
        begun = clock() if clock else 0.0
        run.run(until=steps.stop)
        samples["ours"].append(clock() - begun if clock else 0.0)
        for way, twin in ways.items():
            begun = clock() if clock else 0.0
            for step, batch in zip(steps, batches, strict=True):
                loss = twin.step(*batch, run.plan.descent.rate_at(step, run.plan.steps))
            samples[way].append(clock() - begun if clock else 0.0)
            away = max(away, abs(loss - run.rows[-1]["loss"]))
    seconds = {way: [one / STEPS for one in taken[WARMUPS:]] for way, taken in samples.items()} if clock else {}
    return {"tokens": case["batch"] * case["length"], "loss": run.rows[-1]["loss"], "away": away, "seconds": seconds}


SIZES = (  # layers, heads, length, batch
    (2, 4, 128, 16),
    (4, 1, 128, 16),
    (4, 4, 128, 16),
    (4, 16, 128, 16),
    (4, 4, 256, 32),
)
experiment = Study(
    observe=observe,
    quick=(),  # a model is trained for each row: minutes, not seconds
    full=tuple(
        {"width": 128, "layers": layers, "heads": heads, "length": length, "batch": batch, "rounds": 20,
         "compile": True}
        for layers, heads, length, batch in SIZES
    ),
    seeds=(0,),
)  # fmt: skip
