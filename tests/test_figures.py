"""Figures: from every run there is they draw, tabulate and give values, in sentinel colours and with named axes."""

import contextlib
import dataclasses
import functools
import importlib
import itertools
import json
import math
import re
from pathlib import Path

import pytest

from attnsite.figures.toolkit import axes, last_losses, measured_rows, peers, style
from attnsite.formulas.attention import block_pairs, visible_pairs
from attnsite.measure import candidates
from attnsite.records import registry, run_file
from attnsite.records.participant import parse_participant
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Provenance, Row, Run
from attnsite.records.workload import Count, Memory, Study
from attnsite.site import exhibits
from attnsite.site.figures import fence
from tests import small

ROOT = Path(__file__).parents[1]
OF = {name: registry.module("figures", name).EXPERIMENT for name in registry.names("figures")}
NAMES = [name for name, experiment in OF.items() if experiment in registry.names("experiments")]
PICTURES = [name for name in NAMES if hasattr(registry.module("figures", name), "draw")]
MEASURED = [name for name in PICTURES if hasattr(registry.module("experiments", OF[name]).experiment, "kernels")]
SENTINELS = {style.INK, style.GRID, style.MUTE, style.PAPER, style.OURS, style.OURS_2, style.OTHER,
             style.OTHER_2, style.OURS_2_INK, style.OTHER_2_INK}  # fmt: skip
PROVENANCE = Provenance(
    {"cpu": "a processor", "threads": 2, "gpu_multiprocessors": 6},
    {"commit": "abc1234", "clean": True},
    "2026-01-02T03:04:05Z",
    1.0,
    {},
)
COSTS = {"control_masked": 1.2e-11, "control_written": 1.3e-11, "control_kept": 1.9e-11,
         "cpu_naive": 1e-9, "cpu_blas": 2e-11, "cpu_online": 3e-11, "cpu_simd": 1.1e-11, "cpu_decode": 2.5e-11,
         "cpu_simd_decode": 2e-11, "cpu_simd_decode_bf16": 1.5e-11, "cpu_simd_decode_int8": 1.4e-11,
         "cpu_simd_stored_bf16": 1.1e-11, "cpu_simd_stored_f16": 1.1e-11, "cpu_simd_repeated": 1.2e-11,
         "cpu_simd_backward": 3e-11, "cpu_blas_masked": 2e-11, "cpu_simd_decode_rolled": 2e-11,
         "cpu_block_sparse": 1.2e-11, "peer_numpy_matmul": 6e-11,
         "peer_torch_flash": 2.2e-11, "peer_torch_math": 5e-11,
         "cuda_naive": 2e-12, "cuda_per_head": 1e-12, "cuda_tiled": 4e-13,
         "cuda_vector": 1e-13, "cuda_mma": 1e-14, "cuda_decode": 1e-12,
         "peer_cuda_torch_flash": 8e-15}  # seconds a multiply-add  # fmt: skip


def measured(work, kernel, memory, part=1.0):
    """Nine samples that follow the workload's size, or the reason why there are none."""
    case = work.case()
    if "decode" in kernel and work.queries > 1:
        return Row(case=case, kernel=kernel, skipped="decodes one query at a time")
    if work.threads > 2:
        return Row(case=case, kernel=kernel, skipped="this machine has 2 threads")
    if (work.blocks and kernel != "cpu_block_sparse") or (work.window and kernel == "cpu_block_sparse"):
        return Row(case=case, kernel=kernel, skipped=f"takes no {'layout' if work.blocks else 'window'}")
    pairs = work.heads * work.queries * work.keys
    size = 4 * pairs if memory and kernel.startswith("cpu_blas") else 12288
    if memory and "decode" in kernel:  # a cache
        size = 8 * work.kv_heads * work.dim * (min(work.keys, work.window) if "rolled" in kernel else work.keys)
    if kernel != "cpu_blas_masked" and (work.window or work.blocks):
        seen = visible_pairs(work.queries, work.keys, work.causal, work.window)
        pairs = work.heads * (block_pairs(work.queries, *work.blocks) if work.blocks else seen)
    time = (
        pairs
        * (2 * work.dim * COSTS[kernel] + min(1e-9, 40 * COSTS[kernel]))
        / min(work.threads or 2, work.heads)
        * part
    )
    return Row(case=case, kernel=kernel, samples=tuple((size if memory else time) * (1 + k / 100) for k in range(9)))


@functools.cache
def studied(name):
    """What a study observes in its small cases, once for all sweeps: it takes most of the time of this file."""
    experiment = registry.module("experiments", name).experiment
    cases = small.CASES.get(name, experiment.quick)
    return [Row(case=c, seed=s, values=experiment.observe(c, s)) for c in cases for s in (0, 1)]


@functools.cache
def synthetic(name, sweep="quick", kernels=tuple(COSTS)):
    """A run of an experiment as the measuring room would write it, with times that follow a formula."""
    experiment = registry.module("experiments", name).experiment
    rows = []
    if isinstance(experiment, Count):
        if name == "cuda_compiled":  # minutes of a compiler that may not be installed; test_cuda_compile repeats it
            return run_file.load(ROOT, name)[run_file.EVERY_MACHINE]
        rows = [Row(case=case, values=experiment.observe(case)) for case in experiment.cases]
    elif isinstance(experiment, Study):
        rows = studied(name)
        if name == "training_speed":  # without a clock there are no times, and PyTorch may not be installed
            times = {"ours": [1.0, 1.1, 1.2], "torch": [1.1, 1.2, 1.5]}
            rows = [dataclasses.replace(row, values=row.values | {"seconds": times}) for row in rows]
    else:
        memory = isinstance(experiment, Memory)
        matching = [k for k in kernels if k in candidates.matching(experiment.kernels)]
        for work in getattr(experiment, sweep):
            for variant in getattr(experiment, "variants", ()) or ({},):
                varied = {"variant": dict(variant)} if variant else {}
                answers = [measured(work, kernel, memory, 1 + 0.01 * len(str(variant))) for kernel in matching]
                rows += [dataclasses.replace(row, case=row.case | varied) for row in answers]
            if getattr(experiment, "stages", False) and "cpu_blas" in matching:
                for stage in ("scores", "softmax", "values"):
                    row = measured(work, "cpu_blas", memory, 1 / 3)
                    rows.append(Row(case=row.case, kernel="cpu_blas", stage=stage, samples=row.samples))
            if getattr(experiment, "stages", False) and "cpu_simd_decode_rolled" in matching:
                row = measured(work, "cpu_simd_decode_rolled", memory, 1 / 100)
                rows.append(Row(case=row.case, kernel=row.kernel, stage="append", samples=row.samples))
            for ceiling in getattr(experiment, "ceilings", ()):
                done = {"bytes": 1 << 28} if ceiling == "read" else {"flops": 1 << 30}
                rows.append(Row(case=work.case(), kernel=f"ceiling:{ceiling}", values=done, samples=(0.01, 0.011)))
                if any(parse_participant(kernel).on_gpu for kernel in matching):
                    time = {"read": 8e-5, "fma": 1.8e-5, "matmul": 1.2e-6}[ceiling]
                    mine = (time, 1.1 * time)
                    rows.append(Row(case=work.case(), kernel=f"ceiling:cuda_{ceiling}", values=done, samples=mine))
    kind = type(experiment).__name__.lower()
    machine = run_file.EVERY_MACHINE if kind == "count" else "a_machine"
    return Run(name, kind, machine, sweep, "d", getattr(experiment, "kernels", ()), PROVENANCE, tuple(rows))


def runs_of(name):
    """The synthetic quick and full runs and every committed run; a quick one if the figure can do with its points."""
    figure = registry.module("figures", name)
    found = run_file.load(ROOT, figure.EXPERIMENT)
    quick = [synthetic(figure.EXPERIMENT), *filter(None, [found.pop("this_build", None)])]
    able = []
    for run in quick:
        with contextlib.suppress(LookupError):
            figure.values(run)
            able.append(run)
    return [*able, synthetic(figure.EXPERIMENT, "full"), *found.values()]


def numbers(value):
    """All numbers in decoded JSON."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [value] if isinstance(value, float | int) else []


@pytest.fixture(params=NAMES)
def figure(request):
    return registry.module("figures", request.param, "EXPERIMENT", "TITLE_COLUMNS", "values", "tabulate")


def test_texts_have_four_paragraphs_and_every_placeholder_has_a_number(figure):
    """Finding, caption, reading and alternative text; the finding is one sentence without a full stop."""
    name = figure.__name__.rsplit(".", 1)[-1]
    paragraphs = exhibits.paragraphs(figure)

    assert not paragraphs[0].endswith(".")
    for run in (run for run in runs_of(name) if not run.is_quick):  # whose texts find nothing: `exhibits` has them
        values = figure.values(run)
        for text in paragraphs:
            assert "{" not in exhibits.fill(text, values, name)


def test_values_are_named_quantities_without_nan(figure):
    """Names are snake_case, values finite, and a spread encloses its value."""
    for run in runs_of(figure.__name__.rsplit(".", 1)[-1]):
        found = figure.values(run)
        assert found
        for name, quantity in found.items():
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
            assert isinstance(quantity, Quantity)
            assert math.isfinite(quantity.value), name
            if not quantity.exact:
                assert quantity.low <= quantity.value <= quantity.high, name


def test_tables_are_tidy(figure):
    """Cells are what a table can show, never NaN; the rows of several machines stand below one another."""
    for run in runs_of(figure.__name__.rsplit(".", 1)[-1]):
        rows = figure.tabulate([run])
        assert rows
        assert len(figure.tabulate([run, run])) in (len(rows), 2 * len(rows))
        for row in rows:
            assert all(isinstance(cell, str | int | float | Quantity | None) for cell in row.values())
            assert not any(isinstance(cell, float) and math.isnan(cell) for cell in row.values())


@pytest.mark.parametrize("figure", PICTURES, indirect=True)
def test_pictures_use_sentinels_finite_numbers_and_named_axes(figure):
    """Every colour is a sentinel or clear, nothing is NaN, axes have titles with a unit, and the stamp is there."""
    for run in runs_of(figure.__name__.rsplit(".", 1)[-1]):
        drawn = figure.draw([run, run])
        text = drawn.to_json()
        colours = set(re.findall(r"rgba?\([^)]*\)|#[0-9a-fA-F]{3,8}\b", text))
        plain = {re.sub(r"rgba\((\d+,\d+,\d+),[\d.]+\)", r"rgb(\1)", c) for c in colours if c != style.CLEAR}
        assert plain <= SENTINELS
        decoded = json.loads(text)
        assert "NaN" not in text
        assert all(math.isfinite(number) for number in numbers(decoded["data"]))
        stamps = [a.text for a in drawn.layout.annotations if a.name == "stamp"]
        assert stamps == [style.stamp(run)]
        title = next(a.text for a in drawn.layout.annotations if a.name == "y title")
        for axis, words in ((drawn.layout.xaxis, drawn.layout.xaxis.title.text), (drawn.layout.yaxis, title)):
            assert words
            assert not re.search(r"log scale|\(count\)", words)  # which its ticks show
            assert len(axis.ticktext) == len(axis.tickvals) >= 2
            unit = any(re.search(r"[^\d.,\s]", tick) for tick in axis.ticktext)  # ms, GiB, ×, %, 4k
            said = (
                "ratio",
                "heads",
                "queries",
                "sequences",
                "batch size",
                "columns",
                "year",
                "token",
                "keys",
                "element",
                "FLOP",
                "millions",
                "learning rate",
                "nats",
                "dimension",
                "steps",
                "layers",
                "models",
                "rank",
                "relative",
            )
            assert unit or any(word in words for word in said), words


@pytest.mark.parametrize("figure", PICTURES, indirect=True)
def test_both_sizes_leave_room_for_the_plot(figure):
    """Margins leave more than half of either picture to the plot, and labels stay inside the axes' range."""
    drawn = figure.draw([runs_of(figure.__name__.rsplit(".", 1)[-1])[0]])
    for size, (width, height, _) in style.SIZES.items():
        margin = style.fit(drawn, size).layout.margin
        assert width - margin.l - margin.r > width / 2
        assert height - margin.t - margin.b > height / 2
    for note in drawn.layout.annotations:
        if note.name in ("label", "end", "fixed"):
            for at, axis in ((note.x, drawn.layout.xaxis), (note.y, drawn.layout.yaxis)):
                assert min(axis.range) - 1e-9 <= at <= max(axis.range) + 1e-9, note.text


@pytest.mark.parametrize("figure", MEASURED, indirect=True)
def test_a_figure_without_rows_says_that_nothing_was_measured(figure):
    """Where every kernel was skipped, a clear sentence and not another error."""
    run = synthetic(figure.EXPERIMENT)
    empty = Run(**{**run.__dict__, "rows": tuple(Row(case=r.case, kernel="cpu_naive", skipped="no") for r in run.rows)})
    for use in (figure.values, lambda run: figure.draw([run])):
        with pytest.raises(LookupError, match="not measured"):
            use(empty)


def test_labels_at_line_ends_never_overlap():
    """Boxes placed side by side keep their order and distance, and their centres stay on the axis."""
    for wanted in ([0.5, 0.5, 0.51], [0.99, 0.98, 1.0, 0.2], [0, 0, 0], [1, 1, 1]):
        centres = sorted(style.spread(wanted, [0.07] * len(wanted)))
        assert all(b - a >= 0.07 - 1e-9 for a, b in itertools.pairwise(centres))
        assert min(centres) >= -1e-9
        assert max(centres) <= 1 + 1e-9


def labelled(*notes):
    """A chart of a line from corner to corner with five marks, and notes of (x, y, text, ways)."""
    axis = axes.linear_axis("share", [0, 1], pad=0)
    on = style.chart(axis, axis)
    style.line(on, [0, 0.25, 0.5, 0.75, 1], [0, 0.25, 0.5, 0.75, 1], style.Look(style.OURS), "line", label_end=False)
    for x, y, text, ways in notes:
        style.note(on, x, y, text, **ways)
    drawn = style.finish(on, runs_of("kv_cache")[0])
    traces = json.loads(drawn.to_json())["data"]
    return [(a.text, a.xanchor, a.xshift, a.yshift) for size in style.SIZES
            for a in style.fit(drawn, size, traces).layout.annotations if a.name in ("label", "fixed")]  # fmt: skip


def test_a_label_keeps_its_place_where_it_hides_nothing():
    """In both sizes."""
    assert labelled((0.5, 0.1, "a label", {"anchor": "left", "shift": (3, 0)})) == [("a label", "left", 3, 0)] * 2


def test_a_label_moves_off_marks_and_into_the_picture():
    """Beside its point on the line; one that may not move stays; one at the edge comes in."""
    assert all(way != ("a label", "center", 0, 0) for way in labelled((0.5, 0.5, "a label", {})))
    assert labelled((0.5, 0.5, "a label", {"name": "fixed"})) == [("a label", "center", 0, 0)] * 2
    for _, anchor, shift, _ in labelled((1, 0.1, "a label that is long", {"anchor": "left"})):
        assert anchor != "left" or shift < -100


def test_small_ratios_have_powers_of_ten_on_the_whole_axis():
    """One style: zeros are never to be counted, and powers and decimals never stand on one axis."""
    assert all(text.startswith("10⁻") for text in axes.log_axis("error", [1e-8, 0.1]).texts)
    assert "0.1" in axes.log_axis("error", [0.1, 10]).texts
    assert axes.log_axis("error", [2e-7, 9e-7]).texts[0].endswith("10⁻⁷")


def test_a_known_power_is_found_by_the_fit():
    """Times that grow as heads to the power 1.5 give that exponent, with bounds around it."""
    rows = [Row(case={"heads": h}, kernel="k", samples=tuple(h**1.5 * s for s in (1, 1.1, 1.2))) for h in (1, 2, 4, 8)]
    found = measured_rows.exponent(rows, "heads")

    assert found.value == pytest.approx(1.5)
    assert found.low <= 1.5 + 1e-9
    assert found.high >= 1.5 - 1e-9


def test_ratios_are_taken_round_by_round():
    """A round in which everything takes ten times as long changes no ratio, nor widens its bounds."""
    slow = (1.0, 10.0, 1.0, 1.0, 10.0)
    ours = Row(case={}, kernel="k", samples=slow)
    theirs = Row(case={}, kernel="p", samples=tuple(2 * s for s in slow))

    lead = peers.paired(theirs, ours)

    assert (lead.low, lead.value, lead.high) == (2, 2, 2)
    assert peers.geomean([Quantity(0.5, "×", 0.4, 0.6), Quantity(2, "×")]).value == pytest.approx(1)


def test_the_fastest_library_is_chosen_for_each_shape():
    """Each workload is compared with whoever was quickest there; one that a library skipped counts without it."""

    def row(kernel, size, seconds):
        case = {"heads": 1, "kv_heads": 1, "dim": 8, "queries": size, "keys": size, "causal": False}
        return Row(case=case, kernel=kernel, samples=(seconds,) * 3)

    rows = [row("cpu_online", 1, 1.0), row("peer_a", 1, 2.0), row("peer_b", 1, 3.0),
            row("cpu_online", 2, 1.0), row("peer_b", 2, 0.5), row("cpu_online", 3, 1.0)]  # fmt: skip
    run = Run("e", "timing", "m", "quick", "d", (), PROVENANCE, tuple(rows))

    found = peers.contests(run, ("cpu_simd", "cpu_online"))

    assert [(c.fastest, c.lead(c.fastest).value) for c in found] == [("peer_a", 2), ("peer_b", 0.5)]


@pytest.mark.parametrize(
    ("count", "text"), [(512, "512"), (1024, "1k"), (131072, "128k"), (2**20, "1M"), (1000, "1000")]
)
def test_tokens_read_as_people_say_them(count, text):
    """Powers of two of tokens are printed with k and M."""
    assert axes.tokens(count) == text


def test_the_tiles_in_use_are_those_that_were_measured():
    """The figure's chosen sizes are the kernel's own, and the committed run puts them within a tenth of the best."""
    from attnsite.figures import tile_sizes
    from attnsite.kernels import cpu_simd

    if cpu_simd.ROWS == 8:  # with other registers the number of keys is rounded to their multiple
        assert (cpu_simd.PANELS, cpu_simd.KEYS) == tile_sizes.CHOSEN
    run = run_file.load(ROOT, "tile_sizes")["epyc_2core"]
    assert tile_sizes.values(run)["chosen"].value > 0.9


@pytest.mark.parametrize("name", ["peers_prefill", "peers_decode", "peers_by_library", "peers_backward"])
def test_a_machine_without_other_libraries_does_not_spoil_the_figure(name):
    """Its times stay in the table of figures that show times; the others' ratios are there as before."""
    figure = importlib.import_module(f"attnsite.figures.{name}")
    run = synthetic(figure.EXPERIMENT)
    rows = tuple(row for row in run.rows if not (row.kernel or "").startswith("peer_"))
    alone = Run(**{**run.__dict__, "machine": "alone", "rows": rows})

    lines = figure.tabulate([run, alone])

    assert [line for line in lines if line["machine"] != "alone"] == figure.tabulate([run])
    assert figure.draw([run, alone]) == figure.draw([run])
    with pytest.raises(LookupError, match="not measured yet"):
        figure.values(alone)


def trained(heads, seed, loss, diverged_at=None):
    """A row as the studies of small models write it."""
    values = {"validation": loss, "diverged_at": diverged_at, "parameters": 100}
    return Row(case={"heads": heads, "width": 8, "layers": 1, "steps": 5}, seed=seed, values=values)


def test_losses_are_compared_by_their_medians():
    """A gap is that of the numbers a table shows, whatever the order of the seeds."""
    one = [trained(1, seed, loss) for seed, loss in enumerate((2.0, 2.5, 2.25))]
    two = [trained(2, seed, loss) for seed, loss in enumerate((2.0, 1.0, 9.0, 1.5, 2.5))]

    assert last_losses.gap(one, two).value == 0.25
    assert last_losses.gap(one[::-1], two[::-1]).value == 0.25


def test_seeds_are_paired_only_where_that_is_asked_for():
    """Losses that go together seed by seed tell a small difference that they do not tell apart; the middle is one."""
    one = [trained(1, seed, loss) for seed, loss in enumerate((2.11, 2.51, 2.29, 2.0))]
    two = [trained(2, seed, loss) for seed, loss in enumerate((2.0, 2.4, 2.2, 1.9))]
    apart, paired = last_losses.interval(one, two), last_losses.interval(one[::-1], two, paired=True)

    assert apart[0].value < 0 < apart[1].value
    assert 0.08 < paired[0].value < paired[1].value < 0.13
    assert sum(end.value for end in apart) == pytest.approx(sum(end.value for end in paired))
    assert last_losses.interval(one, [trained(2, 9, 2.0), trained(2, 8, 2.0)], paired=True) is None


def test_a_model_that_diverged_is_told_and_not_drawn():
    """Its infinite loss is in no median and on no axis; the table counts it, and says nothing where all diverged."""
    rows = [trained(1, 0, 2.0), trained(1, 1, math.inf, 3), trained(2, 0, 1.5), trained(4, 0, math.inf, 2)]
    run = Run("loss_by_heads", "study", "m", "quick", "d", (), PROVENANCE, tuple(rows))
    figure = importlib.import_module("attnsite.figures.loss_by_heads")

    assert figure.values(run)["loss_fewest"].value == 2
    assert [(line["heads"], line["seeds"], line["diverged"]) for line in figure.tabulate([run])] == [
        (1, 2, 1), (2, 1, 0), (4, 1, 1)]  # fmt: skip
    assert all(math.isfinite(number) for number in numbers(json.loads(figure.draw([run]).to_json())["data"]))
    with pytest.raises(LookupError, match="not measured yet"):
        figure.values(Run(**{**run.__dict__, "rows": (rows[1], rows[3])}))


def test_training_without_pytorch_is_told_in_the_table_alone():
    """Our times stay in the table, the lead is not there; with PyTorch it is the faster of its ways that counts."""
    figure = importlib.import_module("attnsite.figures.training_speed")
    run = synthetic("training_speed")
    seconds = {"ours": [1.0, 2.0], "torch": [1.5, 3.0], "torch_compile": [1.25, 2.5]}
    first = dataclasses.replace(run.rows[0], values=run.rows[0].values | {"seconds": seconds})
    alone = dataclasses.replace(first, values=first.values | {"seconds": {"ours": [1.0, 2.0]}})

    assert figure.values(Run(**{**run.__dict__, "rows": (first, alone)}))["fastest"].value == pytest.approx(1.25)
    assert [line["trained by"] for line in figure.tabulate([Run(**{**run.__dict__, "rows": (alone,)})])] == [
        "these kernels"
    ]
    with pytest.raises(LookupError, match="not measured yet"):
        figure.values(Run(**{**run.__dict__, "rows": (alone,)}))


def test_the_context_in_the_picture_is_that_of_the_models():
    """A case does not say the length of the context, so the figure keeps it; the two are the same."""
    figure = importlib.import_module("attnsite.figures.loss_by_head_width")

    assert figure.CONTEXT == registry.module("experiments", figure.EXPERIMENT).CONTEXT


@pytest.mark.parametrize("name", sorted(OF))
def test_a_figure_without_a_run_says_what_it_would_show(name):
    """One paragraph: what the figure is of, in words and without places for numbers, and the command of its run."""
    module = registry.module("figures", name)
    html = fence.unmeasured(name, module)

    assert html.count("<p>") == 1
    assert len(fence.subject(module)) > 20
    assert "{" not in html
    assert f"Not measured yet: {fence.words(fence.subject(module))}. " in html
    assert f"attnsite measure {module.EXPERIMENT}" in html


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_of_a_quick_run_is_neutral_or_not_there(name):
    """Whatever points a quick sweep has: a figure that cannot do with them is left out, and none breaks a build."""
    module = registry.module("figures", name)
    run = synthetic(module.EXPERIMENT)
    if run.kind == "count":
        return
    run = dataclasses.replace(run, machine=run_file.THIS_BUILD)
    for cut in (run, dataclasses.replace(run, rows=run.rows[:1]), dataclasses.replace(run, rows=())):
        try:
            made = exhibits.exhibit(module, {run_file.THIS_BUILD: cut}, run_file.THIS_BUILD, "fresh")
        except exhibits.NotMeasured:
            continue
        assert made.title == f"This machine’s quick check of {module.EXPERIMENT.replace('_', ' ')}"
        assert "{" not in made.title + made.caption + made.reading + made.alt
