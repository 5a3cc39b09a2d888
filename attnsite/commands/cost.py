"""The `cost` command: parameters and KV cache of any model, from its config.json: the answer, then its formula."""

import argparse
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from attnsite.formulas import config
from attnsite.formulas.counts import Count
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.dtypes import BF16, DTYPES, WEIGHT_DTYPES, Dtype
from attnsite.formulas.keys import NotUnderstood
from attnsite.formulas.layouts import Cross, Layout, growth
from attnsite.records.mistakes import Mistake, raise_all
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import unique_keys

LARGEST_FILE = 4 << 20  # bytes; the largest config.json known has 200 KiB
MOST_TOKENS, MOST_SEQUENCES = 1 << 30, 1 << 20
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Say what a model holds and what its KV cache takes, from its config.json."
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG.json", help="a model's config.json")
    parser.add_argument("--context", type=tokens, default=8192, metavar="N", help="tokens, such as 32k (default: 8k)")
    parser.add_argument("--batch", type=sequences, default=1, metavar="N", help="sequences at once (default: 1)")
    parser.add_argument("--kv-dtype", choices=sorted(DTYPES), default="bf16", help="KV cache dtype (default: bf16)")
    parser.add_argument("--tensor-parallel", type=sequences, default=1, metavar="N", help="ranks (default: 1)")
    parser.add_argument(
        "--page", type=sequences, default=1, metavar="N", help="tokens that an engine sets aside at once"
    )
    parser.add_argument("--source", type=tokens, default=0, metavar="N", help="positions of an encoder or an image")
    parser.add_argument("--json", action="store_true", help="print the answer for a program")
    parser.add_argument("--list", action="store_true", help="name the model types that are understood")


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
        print("\n".join(config.supported()))
        return 0
    if options.config is None:
        raise Mistake("attnsite cost", "", "names no file", "give a model's config.json, or --list")
    decoder = read(options.config)
    answer = Answer(
        decoder, options.config, Count(options.context, page=options.page, source=options.source), options.batch,
        DTYPES[options.kv_dtype], options.tensor_parallel,
    )  # fmt: skip
    print(json.dumps(answer.record(), indent=2) if options.json else answer.text())
    return 0


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


class Answer:
    """A decoder at a context length and batch. With tensor parallelism, states are those of one rank: KV heads are
    shared out as far as they go and then repeated, a latent is whole on each."""

    def __init__(
        self, decoder: Decoder, path: object, count: Count, batch: int, dtype: Dtype = BF16, ranks: int = 1
    ) -> None:
        self.decoder, self.count, self.batch, self.dtype, self.ranks = decoder, count, batch, dtype, ranks
        named = decoder.dtype.removeprefix("torch.")
        if named and named not in WEIGHT_DTYPES:
            what = f"is {named!r:.40}, none of {', '.join(WEIGHT_DTYPES)}"
            raise Mistake(path, "dtype", what, "name the dtype that the weights are stored in")
        self.model_dtype = DTYPES[WEIGHT_DTYPES.get(named, "bf16")]
        self.states: dict[Layout, int] = {}
        for state, layers in decoder.states().items():
            part = state.split(ranks)
            if part is None:
                what = f"its {state.name} cannot be shared out to {ranks} ranks"
                raise Mistake(path, "", what, "give --tensor-parallel a number that divides its heads or groups")
            self.states[part] = self.states.get(part, 0) + layers

    def bytes_of(self, state: Layout, count: Count) -> int:
        """Of one layer and one sequence."""
        return state.kept(count).bytes(self.dtype, self.model_dtype)

    @property
    def kv_bytes(self) -> int:
        return self.bytes_at(self.count)

    def bytes_at(self, count: Count) -> int:
        return self.batch * sum(layers * self.bytes_of(state, count) for state, layers in self.states.items())

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
            each = elements * self.dtype.group_bytes / self.dtype.group + vectors * self.dtype.vector_bytes
            total += layers * each
        return total

    @property
    def weight_bytes(self) -> int:
        """All parameters in the config's dtype, bf16 where it names none."""
        return self.model_dtype.bytes(self.decoder.parameters)

    def record(self) -> dict[str, Any]:
        """The answer for a program; bytes are whole numbers, and of one rank where there are several."""
        per_token = self.kv_bytes_per_token
        return {
            "model_type": self.decoder.model_type,
            "parameters": self.decoder.parameters,
            "active_parameters": self.decoder.active,
            "parameters_by_part": self.decoder.parts(),
            "weight_bytes": self.weight_bytes,
            "layers": len(self.decoder.layers),
            "context": self.count.tokens,
            "batch": self.batch,
            "kv_dtype": self.dtype.name,
            "tensor_parallel": self.ranks,
            "kv_bytes_per_token": int(per_token) if per_token.denominator == 1 else float(per_token),
            "kv_bytes": self.kv_bytes,
            "kv_bytes_between_steps": self.kv_bytes_between_steps,
            "states": [
                {
                    "layout": state.name,
                    "layers": layers,
                    "formula": self.formula(state, layers),
                    "bytes": self.batch * layers * self.bytes_of(state, self.count),
                }
                for state, layers in self.states.items()
            ],
            "source": f"transformers {config.version()}, {self.decoder.source}",
            "keys": dict(self.decoder.trace),
            "notes": list(self.decoder.notes),
        }

    def text(self) -> str:
        """One sentence, a table of parameters, a table of states, what to know."""
        decoder, rank = self.decoder, " on each rank" if self.ranks > 1 else ""
        lines = [
            f"{quantity(self.kv_bytes, 'B')} of KV cache{rank} for {decoder.model_type} in {self.dtype.name} at "
            f"{self.count.tokens:,} tokens × {self.batch} sequence{'s' * (self.batch > 1)}; each further token of a "
            f"sequence adds {quantity(float(self.kv_bytes_per_token), 'B')}.",
            "",
            *self.parameter_lines(),
            "",
            *self.state_lines(),
            "",
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
        return [*lines, f"{'bytes of weights':{width}}  {self.weight_bytes:>17,}  {quantity(self.weight_bytes, 'B')}"]

    def formula(self, state: Layout, layers: int) -> str:
        """Bytes of a state in all its layers and sequences, with the numbers in it."""
        kept = state.kept(self.count)
        parts = [f"{state.formula(self.count)} × {self.dtype.element}"] if kept.cache else []
        if kept.vectors and self.dtype.vector_bytes:
            parts.append(f"{kept.vectors:,} × {self.dtype.vector_bytes} bytes of scales")
        if kept.model:
            parts.append(f"{kept.model:,} × {self.model_dtype.element}")
        if kept.single:
            parts.append(f"{kept.single:,} × 4 bytes")
        text = " + ".join(parts) or "0"
        batch = f" × {self.batch}" if self.batch > 1 else ""
        return f"{layers} × ({text}){batch}" if len(parts) > 1 else f"{layers} × {text}{batch}"

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
    return Answer(decoder, "config.json", Count(context), batch, DTYPES[kv_dtype]).record()
