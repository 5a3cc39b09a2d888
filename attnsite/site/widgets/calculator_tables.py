"""The calculator's second level: the derivation with its numbers, parameters by part, both phases, devices, keys.

Translated for the browser as `calculator_words.py` is.
"""

from html import escape

from attnsite.formulas.cost import Cost
from attnsite.formulas.limits import Work
from attnsite.records.quantity import Quantity
from attnsite.site.widgets.calculator_roofline import roofline
from attnsite.site.widgets.calculator_words import (
    Chosen,
    decode_seconds,
    gigabytes,
    holders,
    limit,
    machines,
    many,
    prompt_seconds,
    rank_weights,
    rate,
    size,
    token_formula,
)


def table(caption: str, head: list[str], rows: list[list[str]], numbers: int = 1) -> str:
    """Cells are HTML already; the last `numbers` columns are numbers."""
    first = len(head) - numbers
    top = "".join(
        f'<th scope="col"{" class=is-number" if i >= first else ""}>{cell}</th>' for i, cell in enumerate(head)
    )
    body = "".join(f"<tr>{line(row, first)}</tr>" for row in rows)
    return (
        f'<div class="calc-box" tabindex="0" role="region" aria-label="{caption}"><table class="calc-table">'
        f"<caption>{caption}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def line(row: list[str], first: int) -> str:
    cells = "".join(f"<td{' class=is-number' if i + 1 >= first else ''}>{cell}</td>" for i, cell in enumerate(row[1:]))
    return f'<th scope="row">{row[0]}</th>{cells}'


def derivation(one: Chosen) -> str:
    """Every step from parameters and states to the bounds, each formula with the numbers in it."""
    cost, decoder = one.cost, one.cost.decoder
    bandwidth, peak = one.device.rates(cost.weight_dtype.name)
    rows = [["KV cache per token", escape(token_formula(cost)), size(float(cost.kv_bytes_per_token))]]
    for state, layers in cost.states.items():
        total = cost.batch * layers * cost.bytes_of(state, cost.count)
        rows.append([f"Cache of {escape(state.name)}", escape(cost.formula(state, layers)), size(total)])
    rows.append(["KV cache and states", f"the sum: {cost.kv_bytes:,} bytes", size(cost.kv_bytes)])
    shared = f" / {cost.ranks} devices" if cost.ranks > 1 else ""
    rows.append(["Weights", weights(cost) + shared, size(rank_weights(cost))])
    rows.append(["Memory", f"{size(rank_weights(cost))} + {size(cost.kv_bytes)}", size(cost.memory_bytes)])
    if decoder.ends.rows:
        told = "a token takes one row of each table"
        rows.append(["Embedding, not read by a step", f"{decoder.ends.rows:,} parameters: {told}", ""])
    if decoder.encoder:
        rows.append(["Encoder, not read by a step", f"{decoder.encoder:,} parameters: it ran once", ""])
    if decoder.in_experts:
        rows.append(["Experts that a step reads", experts(cost), size(experts_bytes(cost))])
    rows.append(["A decode step reads", read(cost), size(cost.decode.bytes)])
    rows.append(["A decode step takes at least", bound(cost.decode, bandwidth, peak), seconds(decode_seconds(one))])
    rows.append(
        ["Decode, at most", f"{cost.batch:,} / {seconds(decode_seconds(one))}", rate(cost.batch / decode_seconds(one))]
    )
    rows.append(["Time to first token, at least", bound(cost.prompt, bandwidth, peak), seconds(prompt_seconds(one))])
    more = f'<p class="calc-note"><a href="../models/{one.slug}/">{escape(one.name)}: its layers and sources</a></p>'
    return table("Derivation", ["quantity", "formula with its numbers", "result"], rows) + (more if one.slug else "")


def weights(cost: Cost) -> str:
    """Parameters by the dtype that they are stored in."""
    decoder, stored = cost.decoder, cost.stored
    rest = decoder.parameters - decoder.in_experts - decoder.in_layers
    if stored.experts == stored.rest and stored.layers == stored.rest:
        return f"{decoder.parameters:,} parameters × {stored.rest.element}"
    parts = [(decoder.in_experts, "of experts", stored.experts), (decoder.in_layers, "of other layers", stored.layers),
             (rest, "of the rest", stored.rest)]  # fmt: skip
    return " + ".join([f"{count:,} {told} × {dtype.element}" for count, told, dtype in parts if count])


def experts(cost: Cost) -> str:
    """Routed experts that a step of the batch is expected to choose, if each token chooses by chance."""
    share = cost.decoder.experts_read(cost.batch) / cost.decoder.in_experts
    told = (
        f"{Quantity(share, '%')!s} of {cost.decoder.in_experts:,} parameters, expected of {many(cost.batch, 'token')}"
    )
    return f"{told}, × {cost.stored.experts.element}"


def experts_bytes(cost: Cost) -> float:
    """Bytes of these experts, on all devices."""
    dtype = cost.stored.experts
    return cost.decoder.experts_read(cost.batch) * dtype.group_bytes / dtype.group


def read(cost: Cost) -> str:
    """What a decode step reads, with the numbers in it: layers, output, experts, cache."""
    decoder, stored = cost.decoder, cost.stored
    ends = decoder.ends.output + decoder.ends.other
    chosen = " + the experts" if decoder.in_experts else ""
    layers = f"{decoder.in_layers:,} of layers × {stored.layers.element}"
    weights = f"{layers} + {ends:,} of output and final norm × {stored.rest.element}{chosen}"
    if cost.ranks > 1:
        weights = f"({weights}) / {cost.ranks} devices"
    return f"{weights} + {cost.kv_bytes:,} bytes of cache"


def bound(work: Work, bandwidth: float, peak: float) -> str:
    moved = f"{Quantity(work.bytes, 'B')!s} / {Quantity(bandwidth, 'B/s')!s}"
    if not peak:
        return moved
    return f"the longer of {moved} and {Quantity(work.flops, 'FLOP')!s} / {Quantity(peak, 'FLOP/s')!s}"


def seconds(value: float) -> str:
    return str(Quantity(value, "s"))


def parts(one: Chosen) -> str:
    """Parameters by part, with their share; and those that one token meets."""
    decoder = one.cost.decoder
    rows = [
        [escape(name), f"{count:,}", str(Quantity(count, "parameters")), str(Quantity(count / decoder.parameters, "%"))]
        for name, count in decoder.parts().items()
    ]
    rows.append(["all", f"{decoder.parameters:,}", str(Quantity(decoder.parameters, "parameters")), ""])
    if decoder.active != decoder.parameters:
        share = str(Quantity(decoder.active / decoder.parameters, "%"))
        rows.append(["active per token", f"{decoder.active:,}", str(Quantity(decoder.active, "parameters")), share])
    return table("Parameters", ["part", "number", "in words", "share"], rows, 3)


def phases(one: Chosen) -> str:
    """Both phases on the device: bytes, FLOPs, their ratio against the device's own."""
    bandwidth, peak = one.device.rates(one.cost.weight_dtype.name)
    rows = [phase(one, "decode", one.cost.decode), phase(one, "prefill", one.cost.prompt)]
    told = f"{escape(machines(one))}: {Quantity(bandwidth, 'B/s')!s}"
    told += f", {Quantity(peak, 'FLOP/s')!s}, so {Quantity(peak / bandwidth)!s} FLOP/byte" if peak else ""
    head = ["phase", "bytes moved", "FLOPs", "FLOP/byte", "limit"]
    note = f'<p class="calc-note">{told}{sources(one)}</p>'
    return note + table("Decode step and prefill", head, rows, 4) + roofline(one)


def phase(one: Chosen, name: str, work: Work) -> list[str]:
    dense = str(Quantity(work.flops / work.bytes))
    return ["decode step" if name == "decode" else name, size(work.bytes), str(Quantity(work.flops, "FLOP")), dense,
            limit(one, name)]  # fmt: skip


def sources(one: Chosen) -> str:
    """Where the figures of a device are printed."""
    if not one.device.sources:
        return " (values of your own)."
    links = ", ".join(f'<a href="../sources/#{escape(key)}">{escape(key)}</a>' for key in one.device.sources)
    said = "" if one.device.confirmed == "maker" else " Not confirmed by its maker."
    note = f" {escape(one.device.note)}." if one.device.note else ""
    return f". Source: {links}, {escape(one.device.place)}.{said}{note}"


def devices(one: Chosen) -> str:
    """Every device that holds it, with its bound."""
    rows = []
    for device in holders(one):
        other = Chosen(one.name, one.cost, device, one.devices, one.slug)
        first = seconds(prompt_seconds(other)) if device.peak(one.cost.weight_dtype.name) else "no peak rate known"
        decode = f"≤ {rate(one.cost.batch / decode_seconds(other))}"
        rows.append([escape(device.name), gigabytes(device), decode, first])
    if not rows:
        return '<p class="calc-note">None of the devices here holds it: try more of them, or fewer bits.</p>'
    return table("Devices that hold it", ["device", "memory", "decode", "first token ≥"], rows, 3)


def keys(one: Chosen) -> str:
    """Every value that was read, and the key that it came from; then what to know of this reading."""
    decoder = one.cost.decoder
    rows = [[escape(name), escape(source)] for name, source in decoder.trace.items()]
    notes = "".join(f"<li>{escape(note)}</li>" for note in decoder.notes)
    told = f'<ul class="calc-note">{notes}</ul>' if notes else ""
    layout = f'<p class="calc-note">Layout: {escape(decoder.source)}</p>'
    return layout + told + table("Keys of config.json", ["value", "came from"], rows, 0)


def markdown(one: Chosen) -> str:
    """A table to paste into an issue."""
    cost: Cost = one.cost
    per_token = size(float(cost.kv_bytes_per_token))
    rows = [
        ["model", one.name], ["context × batch", f"{cost.count.tokens:,} × {cost.batch:,}"],
        ["KV cache per token", f"{per_token} ({token_formula(cost)})"],
        ["KV cache", f"{size(cost.kv_bytes)} ({cost.kv.name})"],
        ["weights", f"{size(rank_weights(cost))} ({cost.stored.name})"], ["memory", size(cost.memory_bytes)],
        ["device", f"{machines(one)}, {gigabytes(one.device)}: {'fits' if cost.fits else 'does not fit'}"],
        ["decode, at most", f"{rate(cost.batch / decode_seconds(one))} ({limit(one, 'decode')})"],
        ["first token, at least", f"{seconds(prompt_seconds(one))} ({limit(one, 'prefill')})"],
    ]  # fmt: skip
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)
