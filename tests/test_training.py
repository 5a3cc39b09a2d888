"""Training: AdamW by hand, resuming bit for bit, divergence as a result, and PyTorch's losses step by step."""

import math
import signal
from dataclasses import replace

import numba
import numpy as np
import pytest

from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.optimiser import AdamW, Descent
from attnsite.models.tasks import Recall, Repeats
from attnsite.models.training import Plan, Training, train

CONFIG = Config(vocabulary=16, width=32, layers=2, heads=4, context=24, mlp=2)
DATA = Repeats(vocabulary=16, length=24, shortest=4, longest=12)
PLAN = Plan(12, batch=6, descent=Descent(warmup=4), validate_every=5, validation=10)


def same(one, other):
    """Two runs with the same rows and the same numbers, to the bit."""
    assert one.rows == other.rows
    assert one.state == other.state
    for mine, theirs in ((one.model.flat, other.model.flat), (one.optimiser.m, other.optimiser.m),
                         (one.optimiser.v, other.optimiser.v)):  # fmt: skip
        np.testing.assert_array_equal(mine, theirs)


def test_a_run_is_its_seed():
    """The same seed gives the same rows, for any number of threads; another one others."""
    before = numba.get_num_threads()
    one = train(CONFIG, DATA, PLAN, 3)
    try:
        numba.set_num_threads(1)
        same(one, train(CONFIG, DATA, PLAN, 3))
    finally:
        numba.set_num_threads(before)
    assert train(CONFIG, DATA, PLAN, 4).rows[0] != one.rows[0]
    assert one.state == "finished"
    assert [row["step"] for row in one.rows if "validation" in row] == [4, 9, 11]
    assert one.validation == one.rows[-1]["validation"] == one.validate()
    assert len(one.rows[0]["norms"]) == 3  # embeddings and two layers
    assert math.hypot(*one.rows[0]["norms"]) == pytest.approx(one.rows[0]["norm"])


def test_the_loss_falls():
    """150 steps on repeated sequences: well below the loss of a guess."""
    run = train(CONFIG, DATA, replace(PLAN, steps=150, batch=16), 0)

    assert run.rows[0]["loss"] == pytest.approx(math.log(16), abs=0.1)
    assert run.rows[-1]["loss"] < 0.92 * math.log(16)


@pytest.mark.parametrize("at", [1, 6, 12])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, at):
    """Stopped after `at` steps and gone on from the file, in a new object: the same bits."""
    file = tmp_path / "kept" / "run.npz"
    Training(CONFIG, DATA, PLAN, 3, checkpoint=file).run(until=at)

    resumed = train(CONFIG, DATA, PLAN, 3, checkpoint=file)

    same(resumed, train(CONFIG, DATA, PLAN, 3))
    assert [path.name for path in file.parent.iterdir()] == ["run.npz"]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    """The message names what differs."""
    file = tmp_path / "run.npz"
    Training(CONFIG, DATA, PLAN, 3, checkpoint=file).run(until=2)
    for name, other in (("seed", (CONFIG, DATA, PLAN, 4)), ("config", (replace(CONFIG, norm="post"), DATA, PLAN, 3)),
                        ("plan", (CONFIG, DATA, replace(PLAN, batch=7), 3)),
                        ("data", (CONFIG, replace(DATA, longest=11), PLAN, 3))):  # fmt: skip
        with pytest.raises(ValueError, match=rf"another run \({name}\)"):
            Training(*other, checkpoint=file)


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A write that fails leaves the earlier file as it was."""
    file = tmp_path / "run.npz"
    Training(CONFIG, DATA, PLAN, 3, checkpoint=file).run(until=2)
    before = file.read_bytes()

    def broken(handle, **arrays):
        handle.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(OSError, match="disk full"):
        Training(CONFIG, DATA, PLAN, 3, checkpoint=file).run(until=4)

    assert file.read_bytes() == before


def test_ctrl_c_keeps_what_was_done(tmp_path):
    """Rows so far, and a checkpoint from which the run goes on as if nothing had been."""
    file = tmp_path / "run.npz"
    run = Training(CONFIG, DATA, PLAN, 3, checkpoint=file)

    def interrupt(row):
        if row["step"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.run(progress=interrupt)

    assert [row["step"] for row in run.rows] == [0, 1, 2, 3, 4]
    same(train(CONFIG, DATA, PLAN, 3, checkpoint=file), train(CONFIG, DATA, PLAN, 3))


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(monkeypatch):
    """The interrupt reaches the waiting thread only: parameters, moments and rows never disagree."""
    import _thread

    run, expected = Training(CONFIG, DATA, PLAN, 3), train(CONFIG, DATA, PLAN, 3)
    whole = AdamW.step

    def slow(self, *arguments):
        if self.done == 2:
            _thread.interrupt_main()
        whole(self, *arguments)

    monkeypatch.setattr(AdamW, "step", slow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it puts aside without one
    try:
        with pytest.raises(KeyboardInterrupt):
            run.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(run.rows) == run.optimiser.done >= 3
    same(run.run(), expected)


@pytest.mark.parametrize("why", ["a rate far too high", "a parameter that is no number"])
def test_divergence_is_a_result(why):
    """The state says so, the last row is the step at which it happened, and nothing is raised."""
    wild = replace(PLAN, steps=60, descent=Descent(rate=300.0, warmup=0, clip=0.0))
    run = Training(CONFIG, DATA, wild if why.startswith("a rate") else PLAN, 0)
    if why.startswith("a parameter"):
        run.model.parameters["layer1.up"][3, 4] = np.nan

    run.run()

    assert run.state == "diverged"
    assert run.validation == math.inf
    assert run.rows[-1]["step"] == len(run.rows) - 1 < 60
    assert not run.rows[-1]["loss"] <= 4 * math.log(16)
    assert run.run() is run  # there is nothing to go on with


def test_gates_stay_closed_in_training():
    """A head removed from the start learns nothing and changes nothing."""
    gates = np.ones((2, 4), np.float32)
    gates[0, 1] = 0
    run = train(CONFIG, DATA, replace(PLAN, descent=Descent(decay=0.0)), 0, gates=gates)
    head = slice(8, 16)
    np.testing.assert_array_equal(run.model.parameters["layer0.out"][head],
                                  Training(CONFIG, DATA, PLAN, 0).model.parameters["layer0.out"][head])  # fmt: skip
    assert run.rows != train(CONFIG, DATA, replace(PLAN, descent=Descent(decay=0.0)), 0).rows


def test_adamw_by_hand():
    """Three steps in float64, as the paper writes them: decay apart, bias corrected, gains not decayed, clipped."""
    descent = Descent(rate=0.1, decay=0.5, clip=2.0)
    optimiser = AdamW(CONFIG, descent, np.float64)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(CONFIG.count())
    expected, m, v = x.copy(), np.zeros_like(x), np.zeros_like(x)
    decays = np.concatenate([np.full(math.prod(s), 0.5 if len(s) > 1 else 0.0) for s in CONFIG.shapes().values()])
    for t in range(1, 4):
        shares = rng.standard_normal((3, len(x))) * (1e-3 if t == 2 else 1)
        whole = shares.sum(axis=0)
        norms = optimiser.norms(shares)
        norm = math.sqrt(sum(each**2 for each in norms.values()))
        assert norm == pytest.approx(np.linalg.norm(whole))
        optimiser.step(x, shares[0], norm, 0.1)
        g = whole * min(1, 2.0 / np.linalg.norm(whole))
        m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g**2
        adapted = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.95**t)) + 1e-8)
        expected = expected - 0.1 * decays * expected - 0.1 * adapted
        np.testing.assert_allclose(x, expected, rtol=1e-10, atol=1e-12)


def test_schedules():
    """Warm-up to the full rate; then constant, or down to the last share."""
    for schedule, half in (("cosine", 0.55), ("linear", 0.55), ("constant", 1.0)):
        descent = Descent(rate=2.0, warmup=10, schedule=schedule, last=0.1)
        assert descent.rate_at(0, 110) == pytest.approx(0.2)
        assert descent.rate_at(9, 110) == descent.rate_at(10, 110) == pytest.approx(2.0)
        assert descent.rate_at(60, 110) == pytest.approx(2.0 * half)
        assert descent.rate_at(110, 110) == pytest.approx(2.0 if schedule == "constant" else 0.2)
    with pytest.raises(ValueError, match="stairs"):
        Descent(schedule="stairs")


TWINS = {
    "text": (Config(width=32, layers=2, heads=4, context=32, mlp=2), Text(32)),
    "post": (replace(CONFIG, norm="post"), DATA),
    "none": (replace(CONFIG, norm="none"), DATA),
    "rope and grouped heads": (replace(CONFIG, kv_heads=2, positions="rope"), DATA),
    "one KV head": (replace(CONFIG, kv_heads=1, tied=False), DATA),
    "recall without MLP": (replace(CONFIG, vocabulary=14, mlp=0, positions="none"), Recall(6, 8, 5, 4)),
}


@pytest.mark.parametrize("name", TWINS)
def test_losses_are_those_of_pytorch(name):
    """The same first values and the same batches: the loss of each of 50 steps within 1e-4."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from attnsite.peers._torch_model import Twin

    config, data = TWINS[name]
    plan = Plan(50, batch=8, descent=Descent(rate=3e-3, warmup=10), validation=8)
    run = Training(config, data, plan, 0)
    twin = Twin(config, run.model.parameters, plan.descent)
    theirs = []
    for step in range(plan.steps):
        tokens, targets = run.batch(step)
        theirs.append(twin.step(tokens, targets, plan.descent.rate_at(step, plan.steps)))
    run.run()

    np.testing.assert_allclose([row["loss"] for row in run.rows], theirs, rtol=0, atol=1e-4)
    assert theirs[-1] < theirs[0]
