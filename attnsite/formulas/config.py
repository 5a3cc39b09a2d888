"""Any `config.json`, read into a `Decoder`: every value traced to its key, what is not understood named, all at once.

A model type or a key that matters and is not known is a fault of the config, never a guess.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from attnsite.formulas.aliases import ALIASES, WRAPPERS, Inside
from attnsite.formulas.assumed import assumed, holds, stands_instead
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.key_names import irrelevant, telling
from attnsite.formulas.keys import Fault, Keys, Log, NotUnderstood, brief
from attnsite.formulas.known import architectures, class_defaults
from attnsite.formulas.nonsense import log_faults
from attnsite.formulas.quantization import stored

UNREAD = "quantization_config is not read: bytes of weights are those before quantization"
POSITIONS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length", "n_ctx")


def supported() -> list[str]:
    """The model types that are understood; a wrapper of one is too."""
    return sorted(architectures())


def version() -> str:
    """Of the transformers package that defaults and layouts are taken from."""
    return str(class_defaults()["transformers"])


def read_config(values: object) -> Decoder:
    """The decoder that a parsed config describes. Raises `NotUnderstood`, with all faults that there are."""
    if not isinstance(values, Mapping):
        raise NotUnderstood([Fault("", f"holds {brief(values)}, not an object", "name a model's config.json")])
    log = Log()
    keys, model_type = _open(values, log)
    if keys is None:
        raise NotUnderstood(log.faults)
    decoder = architectures()[model_type].decoder(keys, model_type)
    quantized = _quantized(values, keys, log)
    if keys.value("use_bidirectional_attention") in (True, "all"):
        what = "is set: such a model encodes, and keeps no cache"
        log.fault(keys.place + "use_bidirectional_attention", what, "set it to false")
    for name in ("num_nextn_predict_layers", "num_mtp_layers"):
        if keys.values.get(name):
            log.note(f"{name}: layers that predict further tokens are not counted")
    _unknown(keys, log, model_type)
    if not log.faults:
        log_faults(keys, decoder)
    if log.faults:
        raise NotUnderstood(log.faults)
    trace, notes = dict(log.trace), tuple(log.notes)
    return replace(decoder, trace=trace, notes=notes, quantized=quantized, positions=_positions(keys))


def _quantized(values: Mapping[str, Any], keys: Keys, log: Log) -> tuple[str, str]:
    """How the file says that weights are stored; noted where it is not understood."""
    outer, inner = values.get("quantization_config"), keys.values.get("quantization_config")
    found, place = (outer, "") if isinstance(outer, Mapping) else (inner, keys.place)
    if not isinstance(found, Mapping):
        return ("", "")
    dtypes = stored(found, keys.values.get("expert_dtype"))
    if dtypes is None:
        log.note(UNREAD)
        return ("", "")
    for name in ("quant_method", "bits"):
        if name in found:
            key = f"{place}quantization_config.{name}"
            log.trace[key] = key
    if "expert_dtype" in keys.values:
        log.trace[keys.place + "expert_dtype"] = keys.place + "expert_dtype"
    return dtypes


def _positions(keys: Keys) -> int:
    """The tokens that the file says its model is made for; 0 where it says nothing that is a number."""
    for name in POSITIONS:
        value = keys.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def parse_config(text: str) -> Decoder:
    """The decoder that the text of a config.json describes. Raises `NotUnderstood`; `ValueError` if it is no JSON."""
    return read_config(json.loads(text))


def _open(values: Mapping[str, Any], log: Log, place: str = "", fallback: str = "") -> tuple[Keys | None, str]:
    """The object of the decoder itself, and its model type: a wrapper's is inside."""
    model_type = values.get("model_type", fallback)
    remedy = "report the model, or give the model_type of one with the same layers"
    if not isinstance(model_type, str) or not model_type:
        log.fault(place + "model_type", "is missing", "add the one of the model's own config.json")
        return None, ""
    known = architectures()
    if model_type in known:
        entry = class_defaults()["classes"].get(model_type, {})
        origin = f"default of {entry.get('class')}, transformers {class_defaults()['transformers']}"
        return Keys(values, log, place, entry.get("defaults", {}), entry.get("names", {}), origin), model_type
    wrapper = None if place else _wrapper(model_type)
    alias = ALIASES.get(model_type)
    if alias and not (wrapper and wrapper.key in values):
        log.note(f"{model_type} is read as {alias.like}: {alias.source}")
        entry = class_defaults()["classes"].get(alias.like, {})
        flags = {name: value for name, value in entry.get("defaults", {}).items() if value is None or value is False}
        origin = f"not set, as by {entry.get('class')}"
        return Keys(values, log, place, flags, entry.get("names", {}), origin), alias.like
    if not wrapper:
        log.fault(place + "model_type", f"is {brief(model_type)}, which is not understood", remedy)
        return None, ""
    key = next((k for k in (wrapper.key, "text_config", "llm_config", "language_config") if k in values), "")
    if not key:
        log.fault(wrapper.key, f"is missing, where {model_type} has its decoder", "add it to the config")
        return None, ""
    inside = values[key]
    if not isinstance(inside, Mapping):
        log.fault(key, f"is {brief(inside)}, not an object", "set it as the model's own config.json does")
        return None, ""
    log.note(f"{model_type}: the decoder under {key} alone; its encoders are not counted")
    inside = dict(inside)
    inside |= {name: values[name] for name in ("dtype", "torch_dtype") if name in values and name not in inside}
    tied = values.get("tie_word_embeddings", wrapper.tied)
    if isinstance(tied, bool) and "tie_word_embeddings" not in inside:
        inside["tie_word_embeddings"] = tied
    return _open(inside, log, f"{key}.", wrapper.model_type)


def _wrapper(model_type: str) -> Inside | None:
    found = class_defaults()["wrappers"].get(model_type)
    if found:
        return Inside(found["key"], found["model_type"], found["tie_word_embeddings"])
    return WRAPPERS.get(model_type)


def _unknown(keys: Keys, log: Log, model_type: str) -> None:
    """Keys that no class and no formula knows: those that may matter are faults, all at once. What is null, false, 0 or
    empty is switched off."""
    known = {*class_defaults()["classes"].get(model_type, {}).get("defaults", ()), *keys.names, *keys.names.values()}
    for key, value in keys.values.items():
        if key in known or keys.place + key in log.asked or irrelevant(key) or stands_instead(keys.values, key):
            continue
        if allowed := assumed(model_type, key):
            if not holds(value, allowed):
                what = f"is {brief(value)}, and these formulas hold for {brief(allowed[0])} alone"
                log.fault(keys.place + key, what, "report the model")
            continue
        off = not value
        if not off and telling(key):
            what = f"is a key that is not understood ({brief(value)}) and may change the answer"
            log.fault(keys.place + key, what, "take it out if it does not, or report the model")
        else:
            log.note(f"{keys.place}{key} is not read")
