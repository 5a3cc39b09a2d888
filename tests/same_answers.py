"""What the two readers of a config say of it, in Python and in the browser, as plain values that can be compared."""

import json

from attnsite.formulas.config import read_config
from attnsite.formulas.counts import Count
from attnsite.formulas.dtypes import DTYPES
from attnsite.formulas.keys import NotUnderstood
from attnsite.formulas.layouts import growth

COUNTS = ((1, 0, 1, 0), (1000, 1, 1, 1500), (131072, 0, 16, 77))  # tokens, spare, page, source


def in_python(text):
    """A record of integers as texts, or the faults."""
    try:
        decoder = read_config(json.loads(text))
    except NotUnderstood as error:
        return {"faults": [str(fault) for fault in error.faults]}
    found = {
        "sums": [str(decoder.parameters), str(decoder.active), str(decoder.encoder), str(decoder.in_experts),
                 str(decoder.in_layers), str(decoder.positions)],
        "parts": [[name, str(count)] for name, count in decoder.parts().items()],
        "words": [decoder.model_type, decoder.source, decoder.dtype, str(len(decoder.layers)), *decoder.quantized],
        "trace": [[name, source] for name, source in decoder.trace.items()],
        "notes": list(decoder.notes), "states": [], "bytes": [],
        "read": [decoder.experts_read(batch) for batch in (1, 64)],
        "per token": [str(decoder.kv_elements_per_token(tokens)) for tokens in (10, 5000)],
    }  # fmt: skip
    for state, layers in decoder.states().items():
        found["states"].append([state.name, str(layers), *(state.formula(Count(*count)) for count in COUNTS)])
        found["states"].append([str(growth(state, 100)), *(str(bool(state.split(ranks))) for ranks in (1, 4, 6))])
    for count in COUNTS:
        found["bytes"] += [str(decoder.kv_bytes(Count(*count), 3, dtype)) for dtype in DTYPES.values()]
    return found


IN_THE_BROWSER = """(page, texts, counts) => texts.map(text => {
  const { read_config, parsed, Count, DTYPES, NotUnderstood, growth, str, float } = page, said = x => str(x);
  const written = x => (x.denominator === 1n ? said(x.numerator) : `${x.numerator}/${x.denominator}`);
  const ratio = x => (x.denominator === undefined ? said(x) : written(x));
  let decoder;
  try { decoder = read_config(parsed(text)); } catch (error) {
    if (error instanceof NotUnderstood) return { faults: error.faults.map(said) };
    return { faults: [`${error.name}: ${error.stack}`] };
  }
  const counted = counts.map(one => new Count(...one.map(BigInt))), states = [], bytes = [];
  for (const [state, layers] of decoder.states().items()) {
    states.push([state.name, said(layers), ...counted.map(one => state.formula(one))]);
    states.push([ratio(growth(state, 100n)), ...[1n, 4n, 6n].map(ranks => said(state.split(ranks) !== null))]);
  }
  for (const count of counted) bytes.push(...DTYPES.values().map(dtype => said(decoder.kv_bytes(count, 3n, dtype))));
  return {
    sums: [decoder.parameters, decoder.active, decoder.encoder, decoder.in_experts, decoder.in_layers,
      decoder.positions].map(said),
    parts: decoder.parts().items().map(([name, count]) => [name, said(count)]),
    words: [decoder.model_type, decoder.source, decoder.dtype, String(decoder.layers.length), ...decoder.quantized],
    trace: decoder.trace.items(), notes: decoder.notes, states, bytes,
    read: [1n, 64n].map(batch => float(decoder.experts_read(batch))),
    "per token": [10n, 5000n].map(tokens => ratio(decoder.kv_elements_per_token(tokens))),
  };
})"""
