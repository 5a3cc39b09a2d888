"""Beyond a few hundred tokens tiling alone gains little; other differences gain more

Speed-up of tiled kernels over kernels that materialise their scores, by sequence length, in the same rounds. Compare
“same products” with the other lines.

“Same products” are two kernels with the same products and the same exponential, one of which materialises its scores.
The other lines compare kernels that differ in everything, products, exponential and calls, as kernels in use do; the
dashed one is on one thread. A vertical line marks the length at which the scores of all {heads} heads fill that cache
level, summed over cores. The dotted line is the speed-up expected if `cpu_simd` also had to move its scores four times
at the measured bandwidth. Number of lengths left out, because multiply-adds ran at half their usual rate in those
rounds: {left_out}. Bands are interquartile ranges of the ratios of the rounds; both axes are logarithmic.

A chart of four lines over sequences of {shortest} to {longest} tokens. With the same products, tiling is
{written_shortest} as fast at {shortest} tokens, {written_at_512} at 512 and {written_longest} at {longest}. At
{longest} tokens the fastest kernel is {blas_simd_longest} as fast as the kernel on BLAS, and the online one
{blas_online_longest}; BLAS spends more than half of its time outside of its three steps. On one thread, at 512 tokens,
the online kernel is {blas_online_1_at_512} as fast.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, caches, measured_rows, peers, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "tiling_by_length"
TITLE_COLUMNS = ("speed-up of tiling",)
WRITTEN, TILED = "control_written", "cpu_simd"
PASSES = 4  # over all scores: written, read and written as weights, read
PAIRS = {  # who materialises the scores, who does not, on how many threads (0 is all): the value's name, label and look
    ("cpu_blas", "cpu_simd", 0): ("blas_simd", "SIMD vs BLAS", style.Look(style.OTHER_2, symbol="diamond")),
    ("cpu_blas", "cpu_online", 0): ("blas_online", "online vs BLAS", style.Look(style.OTHER, symbol="square")),
    ("cpu_blas", "cpu_online", 1): ("blas_online_1", "online vs BLAS, one thread", style.Look(style.OTHER, "dash")),
    (WRITTEN, TILED, 0): ("written", "same products", style.Look(style.OURS)),
    (WRITTEN, TILED, 1): ("written_1", "same products, one thread", None),  # in the table: two lines would lie together
}
SAME = (WRITTEN, TILED, 0)
Pair = tuple[str, str, int]


def times(run: Run, threads: int = 0) -> dict[str, dict[int, Row]]:
    """By kernel and length, the rows of whole calls on so many threads."""
    found: dict[str, dict[int, Row]] = {}
    slow = disturbed(run)
    for row in run.where(threads=threads):
        if row.kernel and row.samples and (threads, row.case["queries"]) not in slow:
            found.setdefault(row.kernel, {})[row.case["queries"]] = row
    if not all(kernel in found for pair in PAIRS for kernel in pair[:2]):
        raise LookupError(
            "not measured yet on this machine: kernels that materialise their scores, and kernels that do not"
        )
    return found


def disturbed(run: Run) -> set[tuple[int, int]]:
    """Threads and length of the workloads in whose rounds multiply-adds ran at half the rate of their neighbours."""
    found = set()
    for threads in {row.case["threads"] for row in run.where("ceiling:fma")}:
        rates = {row.case["queries"]: row.values["flops"] / row.median
                 for row in run.where("ceiling:fma", threads=threads) if row.samples}  # fmt: skip
        found |= {(threads, length) for length in measured_rows.half_speed(rates)}
    return found


def ratios(run: Run) -> dict[Pair, dict[int, Quantity]]:
    """Written over tiled, round by round, by pair of kernels and by length."""
    made: dict[Pair, dict[int, Quantity]] = {}
    for above, below, threads in PAIRS:
        found = times(run, threads)
        both = sorted(found[above].keys() & found[below])
        made[above, below, threads] = {n: peers.paired(found[above][n], found[below][n]) for n in both}
    if not all(made.values()):
        raise LookupError("not measured yet on this machine: a length that both kernels of a pair finished")
    return made


def score_bytes(row: Row) -> int:
    case = row.case
    return Attention(1, case["heads"], case["dim"]).score_bytes(case["queries"], case["keys"])


def moves(run: Run, row: Row) -> list[float]:
    """Round by round, what the time of a tiled call would be over itself, if the scores were moved on top, at the rate
    of reading; none where reading was not timed."""
    beside = [r for r in run.where("ceiling:read") if r.case == row.case]
    return [
        1 + PASSES * score_bytes(row) / read.values["bytes"] * once / time
        for read in beside[:1]
        for once, time in zip(read.samples, row.samples, strict=False)
    ]


def moved(run: Run, row: Row) -> Quantity | None:
    """Their median and interquartile range."""
    extra = moves(run, row)
    return measured_rows.quartiles(extra, "×") if extra else None


def filled(run: Run) -> dict[str, float]:
    """By level of the caches, the length from which the scores of all heads fill it."""
    heads = next(iter(times(run)[TILED].values())).case["heads"]
    return {level: (size / (4 * heads)) ** 0.5 for level, size in caches.of(run).items()}


def crossing(those: dict[int, Quantity]) -> tuple[int, int]:
    """The last length at which tiles are not clearly faster, and the next one, from which on they are.

    Clearly means that the IQR of the ratios lies above 1. The first is 0 where they always are; the second is
    0 where, at the longest, they are not.
    """
    lengths = sorted(those)
    slow = [n for n in lengths if (those[n].low or those[n].value) <= 1]
    after = [n for n in lengths if not slow or n > slow[-1]]
    return (slow[-1] if slow else 0), (after[0] if after else 0)


def values(run: Run) -> dict[str, Quantity]:
    found, rows = ratios(run), times(run)
    lengths = sorted(rows[TILED])
    last = rows[TILED][lengths[-1]]
    named = {
        "heads": Quantity(last.case["heads"], "count"),
        "left_out": Quantity(len(disturbed(run)), "count"),
        "shortest": Quantity(lengths[0], "count"),
        "longest": Quantity(lengths[-1], "count"),
        "score_bytes_longest": Quantity(score_bytes(last), "B"),
    }
    for pair, (name, _, _) in PAIRS.items():
        those = found[pair]
        until, start = crossing(those)
        named |= {f"{name}_until": Quantity(until, "count"), f"{name}_from": Quantity(start, "count")}
        named |= {f"{name}_at_{n}": q for n, q in those.items()} | {f"{name}_longest": those[max(those)]}
        named[f"{name}_shortest"] = those[min(those)]
        named[f"{name}_least"] = min(those.values(), key=lambda q: q.value)
        named[f"{name}_most"] = max(those.values(), key=lambda q: q.value)
    once = [a / b for a, b in zip(rows[WRITTEN][lengths[-1]].samples, last.samples, strict=False)]
    named |= {"written_longest_least": Quantity(min(once), "×"), "written_longest_most": Quantity(max(once), "×")}
    alone = times(run, 1)
    both = sorted(alone["cpu_blas"].keys() & alone[TILED])
    named["blas_simd_1_least"] = min((peers.paired(alone["cpu_blas"][n], alone[TILED][n]) for n in both),
                                     key=lambda q: q.value)  # fmt: skip
    if extra := moves(run, last):
        named["moved_longest"] = measured_rows.quartiles(extra, "×")
        named |= {"moved_least": Quantity(min(extra), "×"), "moved_most": Quantity(max(extra), "×")}
    return named | {f"{level.lower()}_filled": Quantity(n, "count") for level, n in filled(run).items()}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        for (above, below, threads), those in ratios(run).items():
            rows = times(run, threads)
            lines += [
                {"machine": run.machine, "scores materialised": above, "tiled": below,
                 "threads": "one" if threads else "all", "tokens": n,
                 "size of the scores": Quantity(score_bytes(rows[below][n]), "B"),
                 "time materialised": rows[above][n].quantity(), "time tiled": rows[below][n].quantity(),
                 "speed-up of tiling": ratio}
                for n, ratio in those.items()
            ]  # fmt: skip
    return lines


def mark_caches(on: style.Chart, places: dict[str, float]) -> None:
    """Vertical lines where a size along the axis fills a level of the caches, named at the top."""
    for level, place in places.items():
        if on.x.low < place < on.x.high:
            style.reference(on, [place, place], [on.y.low, on.y.high], f"scores fill {level}", dash="solid")
            style.note(on, place, on.y.high, level, style.MUTE, above=False, anchor="left", shift=(4, -2))


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found, rows = ratios(run), times(run)
    lengths = sorted(rows[TILED])
    extra = {n: q for n in lengths if (q := moved(run, rows[TILED][n])) and n >= filled(run).get("L3", 0)}
    drawn = [q for pair, those in found.items() if PAIRS[pair][2] for q in those.values()]
    every = peers.bounds([*drawn, *extra.values()])
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", lengths, "tokens"),
        axes.log_axis("speed-up of the tiled kernel", every, "×", pad=1.3),
    )
    style.reference(on, [on.x.low, on.x.high], [1, 1], "equal", dash="solid", colour=style.INK)
    mark_caches(on, filled(run))
    if len(extra) > 1 and filled(run):
        look = PAIRS[SAME][2]
        style.reference(on, list(extra), [q.value for q in extra.values()], "scores moved four times",
                         colour=look.colour if look else style.MUTE)  # fmt: skip
    for pair, (_, label, look) in PAIRS.items():
        those = found[pair]
        if look is None:
            continue
        if look.dash != "solid":  # it ends before the others, so its label stands at its lowest point
            least = min(those, key=lambda n: those[n].value)
            style.note(on, least, those[least].low or those[least].value, "one thread", look.colour, above=False,
                        shift=(0, -6))  # fmt: skip
        style.line(
            on, list(those), [q.value for q in those.values()], look, label, label_end=look.dash == "solid",
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
            hover=[f"{label}, {axes.tokens(n)} tokens: {q}<br>IQR {q.spread()}" for n, q in those.items()],
        )  # fmt: skip
    return style.finish(on, run)
