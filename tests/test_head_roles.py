"""Roles of heads and their removal: names from maps made by hand, an order from gradients, gates that come back."""

import json

import numpy as np
import pytest

from attnsite.experiments import _removal, head_roles, heads_removed
from attnsite.models.config import Config
from attnsite.models.corpus import Text
from attnsite.models.model import Model
from tests import small

LENGTH = 48
TOKENS = np.tile(np.arange(16), 3)[None]  # a period of 16, three times


def looking_at(*keys):
    """The map of a head all of whose weight lies on one key a query: (LENGTH, LENGTH)."""
    made = np.zeros((LENGTH, LENGTH))
    made[np.arange(LENGTH), keys] = 1
    return made


QUERIES = np.arange(LENGTH)
BY_HAND = {
    "previous token": looking_at(*np.maximum(QUERIES - 1, 0)),
    "own token": looking_at(*QUERIES),
    "induction": looking_at(*np.where(QUERIES >= 16, QUERIES - 15, 0)),
    "duplicate": looking_at(*np.where(QUERIES >= 16, QUERIES - 16, QUERIES // 3)),
    "first token": looking_at(*np.zeros(LENGTH, int)),
    "none of these": np.tri(LENGTH) / np.arange(1, LENGTH + 1)[:, None],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_map_made_by_hand_gets_its_role(name):
    """A head that does one thing is named by it, wherever it stands; one that spreads its weight by nothing."""
    others = [made for other, made in BY_HAND.items() if other != name][:3]
    maps = np.array([[others[0], BY_HAND[name]], [others[1], others[2]]])[:, None]  # (layers, batch, heads, …)

    read = head_roles.read(maps, TOKENS)

    assert read["roles"][0][1] == name
    assert head_roles.having(read["roles"], name) == [(0, 1)]
    assert set(read["scores"]) | {head_roles.NONE} == set(BY_HAND)


def test_a_head_is_named_from_the_threshold_on():
    """At the threshold by its greatest score, just below it by none."""
    assert head_roles.role({"induction": head_roles.LEAST, "own token": 0.1}) == "induction"
    assert head_roles.role({"induction": head_roles.LEAST - 1e-9, "own token": 0.1}) == head_roles.NONE
    assert head_roles.role({"induction": 0.6, "own token": 0.9}) == "own token"


def text_model(seed=3):
    model = Model(Config(width=16, layers=2, heads=4, context=32), seed)
    return model, Text(32).sample(np.random.default_rng(0), 6)


def test_sensitivity_is_what_the_gates_gradients_say():
    """The derivative by a gate is that of finite differences, its size the mean over sequences."""
    model, (tokens, targets) = text_model()
    model = Model(model.config, 3, dtype=np.float64)
    wanted = np.zeros((2, 4))
    for one in range(len(tokens)):
        for head in _removal.all_heads(model):
            losses = []
            for gate in (1 + 1e-5, 1 - 1e-5):
                model.gates[...] = 1
                model.gates[head] = gate
                losses.append(model.loss(tokens[one : one + 1], targets[one : one + 1]))
            wanted[head] += abs(losses[0] - losses[1]) / 2e-5
    model.gates[...] = 1

    found = _removal.sensitivity(model, (tokens, targets))

    assert found == pytest.approx(wanted / len(tokens), rel=1e-4)
    scaled = _removal.by_layer(found)
    assert np.linalg.norm(scaled, axis=1) == pytest.approx(1)
    assert scaled == pytest.approx(wanted / np.linalg.norm(wanted, axis=1, keepdims=True), rel=1e-4)


def test_heads_go_in_the_order_of_their_importance():
    """The least first, every head once; of equals the earlier."""
    importance = np.array([[0.9, 0.1, 0.5], [0.3, 0.1, 0.7]])

    assert _removal.least_first(importance) == [(0, 1), (1, 1), (1, 0), (0, 2), (1, 2), (0, 0)]


def test_a_removed_head_puts_out_nothing_and_comes_back():
    """The loss without a head is that of a model whose output rows of that head are zero; the gates are 1 again."""
    model, data = text_model()
    rises = _removal.rises(model, data)
    whole = model.loss(*data)
    for layer, head in ((0, 1), (1, 3)):
        other = Model(model.config, 3)
        width = model.config.head_width
        other.parameters[f"layer{layer}.out"][head * width : (head + 1) * width] = 0
        without = _removal.loss_without(model, data, [(layer, head)])
        assert without == pytest.approx(other.loss(*data), abs=1e-6)
        assert rises[layer, head] == pytest.approx(without - whole, abs=1e-6)
    assert (model.gates == 1).all()
    assert model.loss(*data) == whole
    bare = _removal.loss_without(model, data, _removal.all_heads(model))
    for layer in range(2):
        model.parameters[f"layer{layer}.out"][...] = 0
    assert bare == pytest.approx(model.loss(*data), abs=1e-6)


def test_gates_come_back_when_the_loss_cannot_be_had():
    """A batch that does not fit leaves the model as it was."""
    model, _ = text_model()
    long = np.zeros((1, 40), np.int64)

    with pytest.raises(ValueError, match="context"):
        _removal.loss_without(model, (long, long), [(0, 0)])
    assert (model.gates == 1).all()


@pytest.mark.parametrize("study", [head_roles, heads_removed], ids=lambda study: study.__name__.rsplit(".", 1)[-1])
def test_a_case_is_observed_the_same_twice(study):
    """Equal case and seed give equal JSON values; another seed another model."""
    case = small.CASES[study.__name__.rsplit(".", 1)[-1]][0]
    first = study.observe(case, 1)

    assert json.loads(json.dumps(first)) == first == study.observe(case, 1)
    assert study.observe(case, 2) != first


def test_all_orders_begin_with_the_whole_model_and_end_without_heads():
    """No head removed is the whole model's loss, all of them one loss whatever the order."""
    case = small.CASES["heads_removed"][0]
    seen = heads_removed.observe(case, 0)
    by = ("by_gradient", "by_gradient_in_layers", "by_removal", "largest_gradient_first")
    curves = [*(seen[order] for order in by), *seen["at_random"]]

    assert len(seen["at_random"]) == case["draws"]
    assert seen["removed"][0] == 0
    assert seen["removed"][-1] == case["layers"] * case["heads"]
    assert {len(curve) for curve in curves} == {len(seen["removed"])}
    assert all(curve[0] == pytest.approx(seen["whole"], abs=1e-5) for curve in curves)
    assert len({curve[-1] for curve in curves}) == 1


def test_layers_go_whole_and_stay_whole():
    """In a model of two layers what is without the first has the second alone, and the other way round."""
    seen = heads_removed.observe({"width": 32, "layers": 2, "heads": 4, "steps": 10, "sequences": 4, "draws": 1}, 0)

    assert seen["without_layer"] == seen["with_one_layer"][::-1]
    assert len(set(seen["without_layer"])) == 2


def test_the_weights_that_are_kept_are_those_of_the_word():
    """Rows add up to one, each as long as what its query sees, over letters that say the tokens."""
    case = small.CASES["head_roles"][0]
    shown = head_roles.observe(case, head_roles.SHOWN)["shown"]

    assert shown["text"] == (head_roles.WORD * 2)[: head_roles.TOKENS]
    assert len(set(head_roles.WORD)) == len(head_roles.WORD) == head_roles.TASK.shortest
    assert len(set(head_roles.LETTERS)) == head_roles.TASK.vocabulary
    for state in ("trained", "initial"):
        assert np.shape([len(row) for layer in shown[state] for head in layer for row in head]) == (
            case["layers"] * case["heads"] * head_roles.TOKENS,
        )
        for head in (head for layer in shown[state] for head in layer):
            assert [len(row) for row in head] == list(range(1, head_roles.TOKENS + 1))
            assert [sum(row) for row in head] == pytest.approx([1] * head_roles.TOKENS, abs=0.02)
