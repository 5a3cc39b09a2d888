"""A decoder at a context length and batch: bytes of weights and cache, what fits, and the bounds of a device.

from attnsite.formulas import cost, devices, models

answer = cost.Cost(models.find("llama-3-8b").decoder(), Count(8192), device=devices.find("h100"))
answer.kv_bytes, answer.fits, answer.decode_tokens_per_second
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from attnsite.formulas import limits
from attnsite.formulas.config import version
from attnsite.formulas.counts import Count
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.devices import Device, load
from attnsite.formulas.dtypes import BF16, DTYPES, WEIGHT_DTYPES, WEIGHTS, Dtype, Stored
from attnsite.formulas.keys import Fault, NotUnderstood
from attnsite.formulas.layouts import Layout, growth

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # tried where one device is too small


@dataclass(frozen=True)
class Cost:
    """With `ranks` of tensor parallelism everything is of one rank: KV heads are shared out as far as they go and then
    repeated, a latent is whole on each, weights and products are shared evenly. `weights` is the dtype in which they
    are all stored; None is as the file says: its dtype, or what it was quantized to.

    Raises `NotUnderstood` where a state cannot be shared out so, or the config names a dtype that is not known.
    """

    decoder: Decoder
    count: Count
    batch: int = 1
    kv: Dtype = BF16
    weights: Dtype | None = None
    ranks: int = 1
    device: Device | None = None
    states: dict[Layout, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        named = self.decoder.dtype.removeprefix("torch.")
        if named and named not in WEIGHT_DTYPES:
            what = f"is {named!r:.40}, none of {', '.join(WEIGHT_DTYPES)}"
            raise NotUnderstood([Fault("dtype", what, "name the dtype that the weights are stored in")])
        for state, layers in self.decoder.states().items():
            part = state.split(self.ranks)
            if part is None:
                what = f"its {state.name} cannot be shared out to {self.ranks} ranks"
                remedy = "choose a number of ranks that divides its heads or groups"
                raise NotUnderstood([Fault("", what, remedy)])
            self.states[part] = self.states.get(part, 0) + layers

    @property
    def model_dtype(self) -> Dtype:
        """The config's own, bf16 where it names none: states that are no keys and values are kept in it."""
        return DTYPES[WEIGHT_DTYPES.get(self.decoder.dtype.removeprefix("torch."), "bf16")]

    @cached_property
    def stored(self) -> Stored:
        """In which dtypes weights are stored."""
        own = self.weights or WEIGHTS[self.model_dtype.name]
        if self.weights is not None:
            return Stored(own, own, own)
        experts, layers = self.decoder.quantized
        return Stored(WEIGHTS[experts] if experts else own, WEIGHTS[layers] if layers else own, own)

    @property
    def weight_dtype(self) -> Dtype:
        """That of the fewest bits, in which products can be fastest."""
        return self.stored.least

    @cached_property
    def weight_bytes(self) -> int:
        """All parameters, on all ranks together."""
        experts, layers = self.decoder.in_experts, self.decoder.in_layers
        rest = self.decoder.parameters - experts - layers
        found = self.stored
        return found.experts.bytes(experts) + found.layers.bytes(layers) + found.rest.bytes(rest)

    def bytes_of(self, state: Layout, count: Count) -> int:
        """Of one layer and one sequence."""
        return state.kept(count).bytes(self.kv, self.model_dtype)

    def bytes_at(self, count: Count) -> int:
        return self.batch * sum(layers * self.bytes_of(state, count) for state, layers in self.states.items())

    @cached_property
    def kv_bytes(self) -> int:
        return self.bytes_at(self.count)

    @property
    def kv_bytes_between_steps(self) -> int:
        """As `kv_bytes`, where a window has dropped its oldest token: what transformers' DynamicCache then holds."""
        return self.bytes_at(Count(self.count.tokens, 1, self.count.page, self.count.source))

    @property
    def kv_bytes_per_token(self) -> Fraction:
        """What one more token of one sequence adds, on average, at this context: layers with a full window add none."""
        total = Fraction(0)
        for state, layers in self.states.items():
            elements = growth(state, self.count.tokens)
            vectors = state.kept(Count(self.count.tokens + 1)).vectors - state.kept(Count(self.count.tokens)).vectors
            each = elements * self.kv.group_bytes / self.kv.group + vectors * self.kv.vector_bytes
            total += layers * each
        return total

    @property
    def memory_bytes(self) -> int:
        """Weights and states of one rank; activations and what an engine takes for itself are not counted."""
        return -(-self.weight_bytes // self.ranks) + self.kv_bytes

    def fits_on(self) -> list[str]:
        """Keys of all devices whose memory holds it, the smallest first."""
        held = [device for device in load().values() if self.memory_bytes <= device.memory_bytes]
        return [device.key for device in sorted(held, key=lambda device: (device.memory_bytes, device.key))]

    @property
    def fits(self) -> bool | None:
        return None if self.device is None else self.memory_bytes <= self.device.memory_bytes

    def devices_needed(self) -> int | None:
        """The fewest of the device, in powers of two, over which tensor parallelism makes it fit; None if none of
        `RANKS` does, or no device is given."""
        if self.device is None:
            return None
        for ranks in RANKS:
            if self.splits(ranks) and replace(self, ranks=ranks).fits:
                return ranks
        return None

    def splits(self, ranks: int) -> bool:
        """Whether every state can be shared out to so many ranks."""
        return all(state.split(ranks) is not None for state in self.decoder.states())

    @cached_property
    def decode(self) -> limits.Work:
        return limits.decode_step(self.decoder, self.count.tokens, self.batch, self.kv_bytes, self.stored, self.ranks)

    @cached_property
    def prompt(self) -> limits.Work:
        return limits.prompt(self.decoder, self.count.tokens, self.batch, self.stored, self.ranks)

    @property
    def decode_tokens_per_second(self) -> float | None:
        """At most so many, of all sequences together; None without a device."""
        if self.device is None:
            return None
        return self.batch / self.decode.seconds(*self.device.rates(self.weight_dtype.name))

    @property
    def time_to_first_token_s(self) -> float | None:
        """At least so long; None without a device."""
        return None if self.device is None else self.prompt.seconds(*self.device.rates(self.weight_dtype.name))

    @property
    def limits(self) -> dict[str, str | None]:
        """What the bounds of both phases come from."""
        rates = self.device and self.device.rates(self.weight_dtype.name)
        both = {"decode": self.decode, "prefill": self.prompt}
        return {phase: work.limit(*rates) if rates else None for phase, work in both.items()}

    def record(self) -> dict[str, Any]:
        """The answer for a program; bytes are whole numbers, and of one rank where there are several."""
        per_token = self.kv_bytes_per_token
        return {
            "model_type": self.decoder.model_type,
            "parameters": self.decoder.parameters,
            "active_parameters": self.decoder.active,
            "parameters_by_part": self.decoder.parts(),
            "weight_dtype": self.stored.name,
            "weight_bytes": self.weight_bytes,
            "layers": len(self.decoder.layers),
            "context": self.count.tokens,
            "batch": self.batch,
            "kv_dtype": self.kv.name,
            "tensor_parallel": self.ranks,
            "kv_bytes_per_token": int(per_token) if per_token.denominator == 1 else float(per_token),
            "kv_bytes": self.kv_bytes,
            "kv_bytes_between_steps": self.kv_bytes_between_steps,
            "memory_bytes": self.memory_bytes,
            "device": self.device and self.device.key,
            "fits": self.fits,
            "fits_on": self.fits_on(),
            "devices_needed": self.devices_needed(),
            "decode_bytes": self.decode.bytes,
            "decode_flops": self.decode.flops,
            "prefill_bytes": self.prompt.bytes,
            "prefill_flops": self.prompt.flops,
            "decode_tokens_per_second_at_most": self.decode_tokens_per_second,
            "time_to_first_token_at_least_s": self.time_to_first_token_s,
            "limits": self.limits,
            "states": [
                {
                    "layout": state.name,
                    "layers": layers,
                    "formula": self.formula(state, layers),
                    "bytes": self.batch * layers * self.bytes_of(state, self.count),
                }
                for state, layers in self.states.items()
            ],
            "source": f"transformers {version()}, {self.decoder.source}",
            "keys": dict(self.decoder.trace),
            "notes": list(self.decoder.notes),
        }

    def formula(self, state: Layout, layers: int) -> str:
        """Bytes of a state in all its layers and sequences, with the numbers in it."""
        kept = state.kept(self.count)
        parts = [f"{state.formula(self.count)} × {self.kv.element}"] if kept.cache else []
        if kept.vectors and self.kv.vector_bytes:
            parts.append(f"{kept.vectors:,} × {self.kv.vector_bytes} bytes of scales")
        if kept.model:
            parts.append(f"{kept.model:,} × {self.model_dtype.element}")
        if kept.single:
            parts.append(f"{kept.single:,} × 4 bytes")
        text = " + ".join(parts) or "0"
        batch = f" × {self.batch}" if self.batch > 1 else ""
        return f"{layers} × ({text}){batch}" if len(parts) > 1 else f"{layers} × {text}{batch}"
