"""What do hybrid models keep of a sequence: a constant state in most layers, and a KV cache in the others?

Every published model that `formulas` knows and that has layers of linear attention, of a state space or of a short
convolution, whose state does not grow with the sequence. The cache is in bf16, states are in the dtypes in which
transformers keeps them. `alike` is what the model would keep if all of these layers kept as much per token as one of
its attention layers does, and no state.
"""

from attnsite.formulas import models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.layouts import State
from attnsite.formulas.models import Model
from attnsite.records.workload import Case, Count, Observed

CONTEXTS = tuple(1 << power for power in range(10, 21))


def hybrid(model: Model) -> bool:
    """Whether a model has layers with a constant state, and others that keep something of every token."""
    states = model.decoder().states()
    return any(isinstance(state, State) for state in states) and not all(isinstance(state, State) for state in states)


def observe(case: Case) -> Observed:
    """Bytes of one sequence by context, of constant states and of all; layers of either kind."""
    model = models.find(case["model"])
    found = {tokens: Cost(model.decoder(), Tokens(tokens)) for tokens in CONTEXTS}
    first = found[CONTEXTS[0]]
    constant = {state: count for state, count in first.states.items() if isinstance(state, State)}
    growing = sum(count for state, count in first.states.items()
                  if state not in constant and first.bytes_of(state, first.count))  # fmt: skip
    state_bytes = sum(count * first.bytes_of(state, first.count) for state, count in constant.items())
    token = float(first.kv_bytes_per_token)
    layers = sum(constant.values())
    every = min(growing + layers, len(model.decoder().layers))  # a layer of Zamba may keep both
    return {
        "name": model.name,
        "year": model.year,
        "kinds": sorted(state.name for state in constant),
        "constant_layers": layers,
        "attention_layers": growing,
        "state_bytes": state_bytes,
        "token_bytes": token,
        "kept": {str(tokens): cost.kv_bytes for tokens, cost in found.items()},
        "alike": {str(tokens): token / growing * every * tokens for tokens in CONTEXTS},
    }


experiment = Count(
    observe=observe,
    cases=tuple({"model": slug} for slug, model in models.load().items() if hybrid(model)),
)
