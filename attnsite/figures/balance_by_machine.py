"""GPUs and TPUs need {least} or more; decode attention does {most_shared} at most (MQA), MLA aside

FLOP/byte that each machine needs, above, and that attention does, below. Follow a mark upwards: where the bar is blue,
that machine is memory-bound; where it is copper, compute-bound.

Each bar changes colour at the machine's ridge point, its published peak for products of 16-bit matrices divided by its
published bandwidth; nothing that runs reaches either. A decode step is one query per head over a long cache of 16-bit
elements, one mark for each published model; prefills are causal, of multi-head attention, with the matrices read and
written once. With latent attention (MLA) all heads share one vector; its dotted line falls among the ridge points. The
axis is logarithmic.

A chart of {machines} bars and below them {models} marks in rows. The ridge point of the machines runs from {mi250} for
an AMD MI250 to {tpu_v6e} for a TPU v6e, by way of {h200} for an H200 and {h100} for an H100. A decode step with a KV
head for each query head does {mha}, with grouped heads {least_gqa} to {most_gqa}, with one KV head up to {most_mqa},
with latent attention up to {mla}; a prefill of {prompt_tokens} tokens does {prompt}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "balance_by_machine"
TITLE_COLUMNS = ("FLOP/byte",)
UNIT = "FLOP/byte"
KINDS = ("MHA", "GQA", "MQA", "MLA")
MEMORY, ARITHMETIC = style.OURS_2, style.OTHER_2


def intensity(row: Row) -> Quantity:
    return Quantity(row.values["intensity"], UNIT)


def machines(run: Run) -> list[Row]:
    """Those with the least balance first."""
    return sorted(run.where(kind="machine"), key=lambda row: row.values["intensity"])


def decoding(run: Run, attention: str) -> list[Row]:
    return sorted(run.where(kind="decoding", attention=attention), key=lambda row: row.values["intensity"])


def prompts(run: Run) -> list[Row]:
    return sorted(run.where(kind="prompt"), key=lambda row: row.case["tokens"])


def values(run: Run) -> dict[str, Quantity]:
    bars, steps = machines(run), {kind: decoding(run, kind) for kind in KINDS}
    heads = [row for kind in ("MHA", "GQA", "MQA") for row in steps[kind]]
    least, most = bars[0], bars[-1]
    shared = max(heads, key=lambda row: row.values["intensity"])
    found = {
        "machines": Quantity(len(bars), "count"),
        "models": Quantity(sum(map(len, steps.values())), "count"),
        "models_with_kv_heads": Quantity(len(heads), "count"),
        "models_below_every_machine": Quantity(
            sum(row.values["intensity"] < least.values["intensity"] for row in heads), "count"
        ),
        "least": intensity(least),
        "most": intensity(most),
        "range": Quantity(most.values["intensity"] / least.values["intensity"], "×"),
        "most_shared": intensity(shared),
        "most_heads_a_key": Quantity(shared.case["query_heads"] / shared.case["kv_heads"], "count"),
        "mha": intensity(steps["MHA"][-1]),
        "least_gqa": intensity(steps["GQA"][0]),
        "most_gqa": intensity(steps["GQA"][-1]),
        "most_mqa": intensity(steps["MQA"][-1]),
        "mla": intensity(steps["MLA"][-1]),
        "prompt": intensity(prompts(run)[-1]),
        "prompt_tokens": Quantity(prompts(run)[-1].case["tokens"], "count"),
    }
    for row in bars:
        key = row.case["key"]
        found[key] = intensity(row)
        found[f"{key}_peak"] = Quantity(1e12 * row.case["teraflops"], "FLOP/s")
        found[f"{key}_bandwidth"] = Quantity(1e12 * row.case["terabytes"], "B/s")
        found[f"{key}_queries"] = Quantity(row.values["queries_a_key"], "queries")
        found[f"{key}_prompt"] = Quantity(row.values["causal_prompt"], "tokens")
        found[f"{key}_mla_share"] = Quantity(found["mla"].value / row.values["intensity"], "%")
        found[f"{key}_mha_share"] = Quantity(found["mha"].value / row.values["intensity"], "%")
        found[f"{key}_8_heads_share"] = Quantity(8 * found["mha"].value / row.values["intensity"], "%")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    run = runs[0]
    lines: list[dict[str, Any]] = [
        {
            "what": row.case["name"],
            "kind": "machine",
            "FLOP/byte": intensity(row),
            "peak, 16-bit": Quantity(1e12 * row.case["teraflops"], "FLOP/s"),
            "bandwidth": Quantity(1e12 * row.case["terabytes"], "B/s"),
            "queries per key to be busy": Quantity(row.values["queries_a_key"]),
            "causal prefill to be busy": Quantity(row.values["causal_prompt"]),
            "source": row.case["source"],
        }
        for row in machines(run)
    ]
    for kind in KINDS:
        lines += [{"what": row.case["name"], "kind": f"decode, {kind}", "FLOP/byte": intensity(row)}
                  for row in decoding(run, kind)]  # fmt: skip
    return lines + [
        {"what": "causal, MHA", "kind": "prefill", "tokens": row.case["tokens"], "FLOP/byte": intensity(row)}
        for row in prompts(run)
    ]


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    bars = machines(run)
    rows = {"prefill": prompts(run)} | {f"{kind} decode": decoding(run, kind) for kind in reversed(KINDS)}
    names = [row.case["name"].split(" ", 1)[1].removeprefix("Instinct ") for row in bars]
    places = [float(len(rows) + 1 + n) for n in range(len(bars))]
    lower = [float(len(rows) - 1 - n) for n in range(len(rows))]
    x = axes.log_axis("FLOP/byte", [intensity(r).value for r in run.where()], base=2, most=6, pad=1.5)
    top = places[-1] + 1.2
    on = style.chart(x, axes.Axis("machines above, attention below", -0.6, top, (*lower, *places), (*rows, *names)))
    for row, place in zip(bars, places, strict=True):
        at = intensity(row)
        for ends, colour in (((x.low, at.value), MEMORY), ((at.value, x.high), ARITHMETIC)):
            on.figure.add_scatter(
                x=list(ends), y=[place] * 2, mode="lines", hoverinfo="skip", name=row.case["name"],
                line={"color": style.faint(colour, 0.55), "width": 9},
            )  # fmt: skip
        text = (
            f"{row.case['name']}: {at}<br>{Quantity(1e12 * row.case['teraflops'], 'FLOP/s')}, "
            f"{Quantity(1e12 * row.case['terabytes'], 'B/s')}"
        )
        style.points(on, [at.value], [place], style.Look(style.INK, symbol="diamond"), row.case["name"], [text])
    style.note(on, x.low, places[-1], "memory-bound", MEMORY, above=True, anchor="left", shift=(2, 6))
    style.note(on, x.high, places[-1], "compute-bound", ARITHMETIC, above=True, anchor="right", shift=(-2, 6))
    for (name, those), place in zip(rows.items(), lower, strict=True):
        hover = [
            f"{r.case.get('name') or 'causal prefill, ' + axes.tokens(r.case['tokens']) + ' tokens'}: {intensity(r)}"
            for r in those
        ]
        style.points(on, [intensity(r).value for r in those], [place] * len(those), style.Look(style.OURS), name, hover)
    latent = rows["MLA decode"][-1].values["intensity"]
    style.reference(on, [latent, latent], [lower[1], places[-1]], "latent attention, 128 heads")
    return style.finish(on, run)
