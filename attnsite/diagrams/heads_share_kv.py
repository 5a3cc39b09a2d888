"""MHA, GQA, MQA and MLA: which query heads read which keys and values

Eight query heads above, what is cached for a token below. The fewer KV heads, the smaller the cache: in elements per
token and layer, for a head dimension of {dim}.

Four panels of eight query heads each. With multi-head attention (MHA) every query head has a KV head of its own, and
{mha} elements are cached per token and layer. With grouped-query attention (GQA) two KV heads serve four query heads
each, {gqa} elements. With multi-query attention (MQA) all read one KV head, {mqa} elements. With multi-head latent
attention (MLA) all heads read one latent and one rotary key, which are projected up for each of them: {mla} elements
with the sizes of DeepSeek-V3.
"""

from attnsite.diagrams._panel import Panel
from attnsite.formulas import models
from attnsite.formulas.attention import Attention
from attnsite.formulas.layouts import Latent
from attnsite.records.quantity import Quantity

HEADS, DIM = 8, 128
KV_HEADS = {"MHA": 8, "GQA": 2, "MQA": 1}
STEP, LEFT, BOX = 38, 12, 32


def latent() -> Latent:
    """What DeepSeek-V3 keeps of a token in a layer."""
    return next(state for state in models.find("deepseek-v3").decoder().states() if isinstance(state, Latent))


def values() -> dict[str, Quantity]:
    kept = latent()
    each = {
        name: Attention(HEADS * DIM, HEADS, DIM, kv_heads).kv_cache_elements() for name, kv_heads in KV_HEADS.items()
    }
    return {name.lower(): Quantity(count, "count") for name, count in each.items()} | {
        "mla": Quantity(kept.latent + kept.rope_dim, "count"),
        "dim": Quantity(DIM, "count"),
    }


def panels() -> list[Panel]:
    known = values()
    return [_shared(name, count, str(known[name.lower()])) for name, count in KV_HEADS.items()] + [_latent(known)]


def _queries(panel: Panel) -> None:
    for head in range(HEADS):
        panel.box(LEFT + head * STEP, 8, BOX, 22, f"q{head + 1}", "ours")


def _shared(name: str, kv_heads: int, elements: str) -> Panel:
    panel = Panel(name, height=132)
    _queries(panel)
    group = HEADS // kv_heads
    for kv in range(kv_heads):
        first = LEFT + kv * group * STEP
        middle = first + ((group - 1) * STEP + BOX) / 2
        wide = min(BOX if group == 1 else 64.0, group * STEP)
        for head in range(group):
            panel.line((first + head * STEP + BOX / 2, 30), (middle, 76), kind="ours")
        panel.box(middle - wide / 2, 76, wide, 24, "kv" if group == 1 else "k, v", "other")
    panel.text(LEFT, 118, f"cached: {elements} elements per token and layer", kind="quiet")
    return panel


def _latent(known: dict[str, Quantity]) -> Panel:
    panel = Panel("MLA", height=132)
    _queries(panel)
    for head in range(HEADS):
        panel.line((LEFT + head * STEP + BOX / 2, 30), (LEFT + head * STEP + BOX / 2, 50), kind="ours")
    panel.box(LEFT, 50, (HEADS - 1) * STEP + BOX, 16, "projected up for each head", "ghost", size=11)
    panel.box(70, 80, 110, 22, "latent", "other")
    panel.box(190, 80, 80, 22, "rotary key", "other")
    panel.line((125, 80), (125, 66), kind="other")
    panel.line((230, 80), (230, 66), kind="other")
    panel.text(LEFT, 120, f"cached: {known['mla']} elements (DeepSeek-V3)", kind="quiet")
    return panel
