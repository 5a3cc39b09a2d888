"""The `cost` command: parameters, KV cache, memory and bounds of a model, by its name or its config.json: the answer,
then its formula."""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnsite.formulas import config, devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.devices import Device
from attnsite.formulas.dtypes import DTYPES, WEIGHTS
from attnsite.formulas.keys import NotUnderstood
from attnsite.formulas.layouts import Cross
from attnsite.records.mistakes import Mistake, raise_all
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import unique_keys

LARGEST_FILE = 4 << 20  # bytes; the largest config.json known has 200 KiB
MOST_TOKENS, MOST_SEQUENCES = 1 << 30, 1 << 20
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Say what a model holds, what its KV cache takes, and what a device cannot beat with it."
    parser.add_argument("model", nargs="?", metavar="NAME|CONFIG.json", help="a published model, or any config.json")
    parser.add_argument("--context", type=tokens, default=8192, metavar="N", help="tokens, such as 32k (default: 8k)")
    parser.add_argument("--batch", type=sequences, default=1, metavar="N", help="sequences at once (default: 1)")
    parser.add_argument("--kv-dtype", choices=sorted(DTYPES), default="bf16", help="KV cache dtype (default: bf16)")
    parser.add_argument("--weight-dtype", choices=sorted(WEIGHTS), help="dtype of all weights (default: the config's)")
    parser.add_argument("--device", metavar="NAME", help="an accelerator, such as h100: does it fit, how fast at most")
    parser.add_argument("--tensor-parallel", type=sequences, default=1, metavar="N", help="ranks (default: 1)")
    parser.add_argument(
        "--page", type=sequences, default=1, metavar="N", help="tokens that an engine sets aside at once"
    )
    parser.add_argument("--source", type=tokens, default=0, metavar="N", help="positions of an encoder or an image")
    parser.add_argument("--json", action="store_true", help="print the answer for a program")
    parser.add_argument("--list", choices=("types", "models", "devices"), nargs="?", const="types", metavar="WHAT",
                        help="name the model types that are understood, or the models or devices known")  # fmt: skip


def tokens(text: str) -> int:
    """32768, 32k or 1M; k and M are powers of two, as in a model's context length."""
    found = re.fullmatch(r"(\d{1,12})([kKmM]?)", text)
    count = int(found[1]) * UNITS[found[2].lower()] if found else 0
    if not 1 <= count <= MOST_TOKENS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of tokens; give one such as 8192, 32k or 1M")
    return count


def sequences(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= MOST_SEQUENCES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_SEQUENCES:,}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    if options.list:
        listed = {"types": config.supported(), "models": list(models.load()), "devices": list(devices.load())}
        print("\n".join(listed[options.list]))
        return 0
    if options.model is None:
        raise Mistake("attnsite cost", "", "names no model", "give a model's name or its config.json, or --list models")
    slug, decoder = find(options.model)
    weights = WEIGHTS[options.weight_dtype] if options.weight_dtype else None
    device = find_device(options.device) if options.device else None
    count = Count(options.context, page=options.page, source=options.source)
    try:
        answer = Answer(
            decoder, count, options.batch, DTYPES[options.kv_dtype], weights, options.tensor_parallel, device
        )
    except NotUnderstood as error:
        raise_all([Mistake(options.model, fault.where, fault.what, fault.remedy) for fault in error.faults])
        raise
    limit = (models.load()[slug].context if slug else None) or decoder.positions
    if options.json:
        print(json.dumps({"model": slug, "context_limit": limit or None} | answer.record(), indent=2))
    else:
        beyond = limit and options.context > limit
        print(answer.text() + (f"\nThe model is made for {limit:,} tokens: beyond, this is what its layers would keep"
                               if beyond else ""))  # fmt: skip
    return 0


def find(name: str) -> tuple[str | None, Decoder]:
    """A published model's slug and decoder; or None and that of a file, where the name is one's."""
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        return None, read(path)
    try:
        model = models.find(name)
    except LookupError as error:
        near = f"try {error}" if str(error) else "`attnsite cost --list models` names them"
        raise Mistake(name, "", "is no model known here, and no file", f"{near}; or name a config.json") from None
    return model.slug, model.decoder()


def find_device(name: str) -> Device:
    try:
        return devices.find(name)
    except LookupError as error:
        near = f"try {error}" if str(error) else "`attnsite cost --list devices` names them"
        raise Mistake("--device", "", f"is {name!r:.60}, which is not known", near) from None


def read(path: Path) -> Decoder:
    """The decoder that a file describes. Raises `Mistake`, or a group of all there are."""
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= LARGEST_FILE else None
        values = None if text is None else json.loads(text, object_pairs_hook=unique_keys)
    except OSError as error:
        raise Mistake(path, "", f"cannot be read ({error.strerror})", "name a config.json that is there") from None
    except UnicodeDecodeError:
        raise Mistake(path, "", "is not a text in UTF-8", "name a model's config.json") from None
    except json.JSONDecodeError as error:
        raise Mistake(path, error.lineno, f"is not valid JSON ({error.msg})", "download it again, or fix it") from None
    except (RecursionError, ValueError) as error:
        raise Mistake(path, "", f"is not valid JSON ({error})", "download it again") from None
    if text is None:
        raise Mistake(path, "", f"has more than {LARGEST_FILE:,} bytes", "name the config.json, not the weights")
    try:
        return config.read_config(values)
    except NotUnderstood as error:
        raise_all([Mistake(path, fault.where, fault.what, fault.remedy) for fault in error.faults])
        raise


class Answer(Cost):
    """A cost in words."""

    def text(self) -> str:
        """One sentence, a table of parameters, a table of states, what to know."""
        decoder, rank = self.decoder, " on each rank" if self.ranks > 1 else ""
        lines = [
            f"{quantity(self.kv_bytes, 'B')} of KV cache{rank} for {decoder.model_type} in {self.kv.name} at "
            f"{self.count.tokens:,} tokens × {self.batch} sequence{'s' * (self.batch > 1)}; each further token of a "
            f"sequence adds {quantity(float(self.kv_bytes_per_token), 'B')}.",
            "",
            *self.parameter_lines(),
            "",
            *self.state_lines(),
            "",
            *self.device_lines(),
            f"Source: transformers {config.version()}, {decoder.source}",
        ]
        if (between := self.kv_bytes_between_steps) != self.kv_bytes:
            lines.append(f"Between steps transformers' DynamicCache holds W − 1 tokens of a window: {between:,} bytes")
        if not self.count.source and any(isinstance(state, Cross) and not state.source for state in self.states):
            lines.append("Cross-attention is counted for no positions: give --source N for an encoder's or an image's")
        absent = [name for name, source in decoder.trace.items() if "absent" in source]
        if absent:
            lines.append(f"Not in the file, and taken from its class: {', '.join(sorted(absent))}")
        return "\n".join(lines + [f"Note: {note}" for note in decoder.notes])

    def parameter_lines(self) -> list[str]:
        decoder = self.decoder
        rows = {"parameters": decoder.parameters}
        if decoder.active != decoder.parameters:
            rows["active per token"] = decoder.active
        rows |= {f"  {name}": count for name, count in decoder.parts().items()}
        width = max(map(len, rows))
        lines = [f"{name:{width}}  {count:>17,}  {quantity(count, 'parameters')}" for name, count in rows.items()]
        stored = f"{quantity(self.weight_bytes, 'B')} in {self.stored.name}"
        return [*lines, f"{'bytes of weights':{width}}  {self.weight_bytes:>17,}  {stored}"]

    def device_lines(self) -> list[str]:
        """Memory; and with a device, whether it fits and what bounds it."""
        each = " on each rank" if self.ranks > 1 else ""
        held = f"Weights and cache: {quantity(self.memory_bytes, 'B')}{each}"
        if self.device is None:
            return [f"{held}.", ""]
        room = f"the {self.device.memory_gb:,.0f} GB of {self.device.name}"
        if not self.fits:
            needed = self.devices_needed()
            enough = f"with --tensor-parallel {needed} it does" if needed else "no tensor parallelism makes it fit"
            return [f"{held}, which does not fit in {room}; {enough}.", ""]
        speed, wait = self.decode_tokens_per_second or 0, self.time_to_first_token_s or 0
        lines = [
            f"{held}, which fits in {room}.",
            f"Decode: at most {quantity(speed, 'tokens/s')}, by {self.limits['decode']}.",
            f"Time to first token: at least {quantity(wait, 's')}, by {self.limits['prefill']}.",
        ]
        if not self.device.peak(self.weight_dtype.name):
            lines.append("Bounds are by memory alone: no peak rate of this device was read.")
        if self.device.confirmed != "maker":
            lines.append("The device's figures were not read on its maker's page.")
        return [*lines, ""]

    def state_lines(self) -> list[str]:
        """Layers × elements of a sequence × bytes × batch, for each kind of state."""
        rows = []
        for state, layers in self.states.items():
            total = self.batch * layers * self.bytes_of(state, self.count)
            rows.append((state.name, self.formula(state, layers), total))
        rows.append(("all", "", self.kv_bytes))
        wide, long = max(len(name) for name, _, _ in rows), max(len(text) for _, text, _ in rows)
        return [
            f"{name:{wide}}  {text:{long}}  {total:>17,} bytes  {quantity(total, 'B')}" for name, text, total in rows
        ]


def quantity(value: float, unit: str) -> str:
    """As the site prints it, with a plain space."""
    return str(Quantity(value, unit)).replace("\u202f", " ")


def cost(values: Mapping[str, Any], context: int = 8192, batch: int = 1, kv_dtype: str = "bf16") -> dict[str, Any]:
    """The record of a parsed config, as `attnsite cost --json` prints it.

    Raises `attnsite.formulas.keys.NotUnderstood`, with every fault, where the config is not.
    """
    decoder = config.read_config(values)
    return Cost(decoder, Count(context), batch, DTYPES[kv_dtype]).record()
