"""Peers: other libraries under a kernel's contract, against float64; without the library, a row that says so."""

import importlib.util
import io
import sys

import numpy as np
import pytest

from attnsite.measure import WAITING, candidates, clock, correctness, gradients, machine
from attnsite.measure import sweep as running
from attnsite.measure.progress import Progress
from attnsite.records import registry
from attnsite.records.participant import parse_participant
from attnsite.records.workload import Timing, Workload

LIBRARIES = {name: name.removeprefix("cuda_").split("_")[0] for name in registry.names("peers")}
ON_CPU = sorted(name for name in LIBRARIES if not name.startswith("cuda_"))
ON_GPU = sorted(set(LIBRARIES) - set(ON_CPU))
HERE = [name for name, library in LIBRARIES.items() if importlib.util.find_spec(library)]
ABSENT = sorted(set(LIBRARIES.values()) - {"numpy"})
SHAPES = [  # batch, heads, kv_heads, queries, keys, dim
    (1, 1, 1, 1, 1, 1),
    (2, 3, 3, 1, 70, 5),
    (1, 4, 1, 65, 1, 16),
    (2, 4, 2, 17, 33, 8),
    (1, 2, 1, 65, 130, 40),
    (1, 3, 3, 130, 65, 80),
    (1, 8, 2, 1, 2100, 64),
    (1, 6, 3, 113, 203, 96),
    (3, 2, 2, 64, 64, 128),
]


def workload(shape, causal):
    batch, heads, kv_heads, queries, keys, dim = shape
    return Workload(heads=heads, kv_heads=kv_heads, queries=queries, keys=keys, dim=dim, batch=batch, causal=causal)


def peer(name):
    found = registry.module("peers", name, "prepare", "DEVICE", *(["attention"] if name in ON_CPU else ["fetch"]))
    if hasattr(found, "use_threads"):
        found.use_threads(machine.threads())
    return found


def required(name):
    """A peer's module, or a skip that says which library is not here."""
    if name not in HERE:
        pytest.skip(f"{LIBRARIES[name]} is not installed")
    return peer(name)


@pytest.fixture
def without(monkeypatch):
    """Make a library impossible to import, whether it is installed or not."""

    def block(library):
        for name in [n for n in sys.modules if n.split(".")[0] == library or n.startswith("attnsite.peers.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)

    return block


def test_numpy_is_always_a_peer():
    """There is somebody to compare with on every machine that can measure."""
    assert "numpy_matmul" in HERE


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("shape", SHAPES, ids=["x".join(map(str, shape)) for shape in SHAPES])
@pytest.mark.parametrize("name", ON_CPU)
def test_peers_are_as_right_as_kernels_have_to_be(name, shape, causal):
    """On odd shapes, grouped heads, bottom-right causal with queries ≠ keys; or they refuse in a sentence."""
    module, work = required(name), workload(shape, causal)
    if causal and shape[3] > shape[4] and LIBRARIES[name] != "torch":  # rows that see no key: only torch gives zeros
        with pytest.raises(NotImplementedError):
            correctness.check(module.attention, work)
        return

    verdict = correctness.check(module.attention, work)

    assert verdict.right, verdict


@pytest.mark.parametrize("name", ON_CPU)
def test_inputs_are_left_as_they_are_and_calls_can_be_repeated(name):
    """A prepared call answers the same each time and changes none of its inputs."""
    module = required(name)
    q, k, v = workload((1, 4, 2, 33, 33, 16), True).inputs()
    before = [array.copy() for array in (q, k, v)]
    call = module.prepare(q, k, v, causal=True)

    first = np.array(call())

    np.testing.assert_array_equal(first, call())
    assert first.shape == q.shape
    assert first.dtype == np.float32
    for array, copy in zip((q, k, v), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("library", ABSENT)
def test_importing_a_peer_without_its_library_names_the_library(library, without):
    """ImportError, with the name under which one would install it."""
    without(library)
    for name in (name for name, needs in LIBRARIES.items() if needs == library):
        with pytest.raises(ImportError) as caught:
            importlib.import_module(f"attnsite.peers.{name}")
        assert caught.value.name.split(".")[0] == library


@pytest.mark.parametrize("library", ABSENT)
def test_an_absent_library_is_a_skipped_row(library, without, monkeypatch, tmp_path):
    """`measure` goes on without it and says in the row what is not installed."""
    without(library)
    mine = [f"peer_{name}" for name in ON_CPU if LIBRARIES[name] == library]
    asked = Timing(("peer_numpy_matmul", *mine), (workload((1, 2, 1, 9, 9, 8), False),), ())
    real = registry.module
    monkeypatch.setattr(registry, "module", lambda room, name, *needs: type("E", (), {"experiment": asked})
                        if room == "experiments" else real(room, name, *needs))  # fmt: skip
    monkeypatch.setattr("attnsite.records.run_file.experiment_digest", lambda *_: "1" * 12)
    monkeypatch.setattr(clock, "BUDGETS", {"quick": clock.Budget(3, 0, 3, 1e9)})

    made = running.Measurement(tmp_path, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO()))

    rows = {row.kernel: row for row in made.rows}
    assert len(rows["peer_numpy_matmul"].samples) == 3
    assert {rows[name].skipped for name in mine} == {f"{library} is not installed"}
    assert f"{library}_blas" not in made.provenance.software


@pytest.fixture
def gpu_of_its_own(monkeypatch):
    """PyTorch's peers for a GPU, on this machine's processor instead."""
    torch = pytest.importorskip("torch")
    from attnsite.peers import _torch_cuda

    monkeypatch.setattr(_torch_cuda, "PLACE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("name", [name for name in ON_GPU if name.endswith(("math", "flash"))])
def test_peers_on_a_gpu_are_right_in_their_own_type(gpu_of_its_own, name, causal):
    """The reference gets the inputs as they are stored; queries ≠ keys and grouped heads go through as they must."""
    module, work = required(name), workload((1, 6, 3, 40, 70, 32), causal)
    q, k, v = work.inputs()

    out = module.fetch(module.prepare(q, k, v, causal=causal)())

    rounded = correctness.rounding(module)
    verdict = correctness.compare(*map(rounded, (q, k, v)), out, causal=causal, rounded=rounded)
    assert verdict.right, verdict


def test_a_backend_that_refuses_is_a_reason_in_one_line(gpu_of_its_own):
    """cuDNN runs on no processor of this kind; the error's first line is the row's reason."""
    module = required("cuda_torch_cudnn")

    with pytest.raises(NotImplementedError, match=r"^CUDNN_ATTENTION refuses: [^\n]+$"):
        module.prepare(*workload((1, 2, 2, 8, 8, 8), False).inputs(), causal=False)


@pytest.mark.parametrize("name", ON_GPU)
def test_a_peer_for_a_gpu_says_that_there_is_none(name):
    """And asks for nothing before."""
    module = required(name)
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(NotImplementedError, match="PyTorch sees no GPU here"):
        module.prepare(*workload((1, 2, 2, 8, 8, 8), False).inputs(), causal=False)


def test_only_a_pattern_that_says_so_asks_for_peers_on_a_gpu():
    """`peer_*` means those of the processor."""
    assert not any(parse_participant(name).on_gpu for name in candidates.matching(("cpu_*", "peer_*")))
    assert candidates.matching(("peer_cuda_*",)) == [f"peer_{name}" for name in ON_GPU]


def test_numpy_refuses_more_scores_than_a_machine_may_hold():
    """A refusal, and no allocation: the arrays here are views of a single number."""
    q = np.broadcast_to(np.float32(0), (1, 64, 8192, 8))

    with pytest.raises(NotImplementedError, match="GiB"):
        registry.module("peers", "numpy_matmul").prepare(q, q, q, causal=False)


def test_threads_are_settled_before_a_peer_is_prepared(monkeypatch):
    """A peer learns the workload's threads, or all that the machine has, in time to build on them."""
    heard = []

    class Peer:
        use_threads = staticmethod(lambda count: heard.append(count))
        prepare = staticmethod(lambda q, k, v, causal: heard.append("prepare") or (lambda: np.full_like(q, 9)))

    monkeypatch.setattr(candidates, "load", lambda *_: Peer)
    for threads in (1, 0):
        work = Workload(heads=1, queries=2, keys=2, dim=2, threads=threads)
        with pytest.raises(candidates.Skipped, match="wrong"):
            candidates.enter("peer_numpy_matmul", work, Timing(kernels=(), quick=(), full=()), 9.0)

    assert heard == [1, "prepare", machine.threads(), "prepare"]


def test_short_calls_settle_before_they_are_measured():
    """Where libraries take turns, a short call is preceded by one that leaves no sample; a long one is not."""
    calls = []
    short = clock.Contestant("s", lambda: calls.append("s") or 0.001)
    long = clock.Contestant("l", lambda: calls.append("l") or 1.0)

    clock.interleave([short, long], clock.Budget(rounds=2, seconds=0, most=2), settle_s=0.05)

    assert "".join(calls) == "sl" + "ssl" * 2
    assert [len(who.samples) for who in (short, long)] == [2, 2]


def test_a_run_says_how_idle_threads_wait():
    """The variables that keep one library's threads from spinning through another's call stand in the provenance."""
    assert machine.describe()["waiting"].keys() == WAITING.keys()


def test_torch_runs_the_backend_of_its_name():
    """The profiler sees the flash kernel in one peer and two matrix products in the other, and never the reverse."""
    torch = pytest.importorskip("torch")
    q, k, v = workload((1, 4, 2, 33, 65, 40), True).inputs()
    seen = {}
    for name in ("torch_flash", "torch_math"):
        call = peer(name).prepare(q, k, v, causal=True)
        with torch.profiler.profile() as profile:
            call()
        seen[name] = {event.key for event in profile.key_averages()}

    flash = "aten::_scaled_dot_product_flash_attention_for_cpu"
    assert flash in seen["torch_flash"]
    assert "aten::bmm" not in seen["torch_flash"]
    assert flash not in seen["torch_math"]
    assert "aten::bmm" in seen["torch_math"]


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
def test_torch_math_gives_the_bits_of_sdpa_with_that_backend(causal):
    """Calling the backend by its own name changes nothing but the time of choosing it."""
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v = workload((1, 4, 2, 48, 48, 24), causal).inputs()
    tensors = [torch.from_numpy(array) for array in (q, k, v)]
    with sdpa_kernel(SDPBackend.MATH):
        asked = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=causal, enable_gqa=True)

    np.testing.assert_array_equal(peer("torch_math").prepare(q, k, v, causal=causal)(), asked.numpy())


@pytest.mark.parametrize("causal", [False, True], ids=["full", "causal"])
@pytest.mark.parametrize("shape", [(1, 4, 2, 9, 14, 8), (2, 2, 2, 12, 12, 5), (1, 2, 1, 1, 6, 4), (1, 8, 8, 70, 70, 9)])
@pytest.mark.parametrize("name", [name for name in ON_CPU if LIBRARIES[name] in ("torch", "jax")])
def test_gradients_of_peers_are_those_of_the_reference(name, shape, causal):
    """dq, dk, dv from a call that may be made again, within the bound that kernels are held to."""
    module, work = required(name), workload(shape, causal)

    call = module.prepare_gradients(*gradients.inputs(work), causal=causal)

    for made in (call(), call()):
        verdict = gradients.compare(work, made)
        assert verdict.right, verdict


def test_wrong_gradients_are_seen():
    """Any of the three, in the first heads and in the last; a NaN anywhere."""
    work = workload((2, 4, 2, 20, 20, 8), True)
    right = gradients.prepare(registry.module("kernels", "cpu_simd_backward"), work)()
    assert gradients.compare(work, right).right
    for which in range(3):
        for place in ((0, 0, 3, 1), (-1, -1, -1, -1)):
            made = [array.copy() for array in right]
            made[which][place] += 1e-3
            assert not gradients.compare(work, made).right
        made = [array.copy() for array in right]
        made[which][0, -1, 2, 2] = np.nan
        assert not gradients.compare(work, made).right


def test_libraries_without_a_backward_pass_are_skipped():
    """And kernels that only go forward; the others are timed."""
    name = "peers_backward"
    experiment = registry.module("experiments", name).experiment
    work = workload((1, 2, 2, 16, 16, 8), False)
    for kernel in ("peer_numpy_matmul", "cpu_online"):
        with pytest.raises(candidates.Skipped, match="has no backward pass"):
            candidates.enter(kernel, work, experiment, 9.0)
    [(contestant, row)] = candidates.enter("cpu_simd_backward", work, experiment, 9.0)
    assert contestant.measure() > 0
    assert row.max_error <= row.bound
