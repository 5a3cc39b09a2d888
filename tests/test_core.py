"""The small records that everything stands on: mistakes, digests, quantities, closed forms, workloads."""

import itertools
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.formulas import attention as accounting
from attnsite.formulas.attention import Attention
from attnsite.records import fingerprint, registry
from attnsite.records.mistakes import Mistake, flatten, raise_all
from attnsite.records.quantity import Quantity
from attnsite.records.workload import Workload

CODE = '''"""What it is."""
import math

# why
def f(x):
    """What it does."""
    return math.exp(x)  # an exponential
'''
SAME = '''"""Something else."""


import math
def f(x):
    return math.exp(x)
'''


def test_a_digest_ignores_prose_and_sees_code():
    """Comments, docstrings, blank lines and layout change nothing; a changed number does."""
    assert fingerprint.of_code(CODE) == fingerprint.of_code(SAME)
    assert fingerprint.of_code(CODE) != fingerprint.of_code(CODE.replace("math.exp(x)", "math.exp(x + 1)"))
    assert fingerprint.of_code('x = "# no comment"') != fingerprint.of_code('x = "# other"')
    assert fingerprint.of_code(f'{CODE}\nFOLLOWS = "cpu_naive"\n') == fingerprint.of_code(CODE)
    assert fingerprint.of_code(f'{CODE}\nDEVICE = "cpu"\n') != fingerprint.of_code(CODE)
    assert fingerprint.of_code("f(\n    1,\n    (2),\n)") == fingerprint.of_code("f(1, 2)")


ALL_DIFFERENT = """
x = 1
x = 1.0
x = True
x = "1"
x = b"1"
x = None
x: int
x: int = 1
x = -1
x += 1
y = 1
x = y = 1
x, y = 1
x[1] = 1
x = [1]
x = (1,)
x = {1}
x = {1: 1}
x = {**y}
x = {None: y}
x = lambda y: 1
x = lambda *y: 1
x = lambda **y: 1
x = lambda y=1: 1
x = lambda y, /: 1
x = lambda *, y: 1
x = y[1:]
x = y[:1]
x = y[::1]
x = y[1]
x = y < 1
x = y <= 1
x = y is 1
x = y and 1
x = y or 1
x = not y
x = 1 if y else 2
x = 2 if y else 1
x = f"{y}"
x = f"{y!r}"
x = f"{y:.3f}"
x = f"{y:{x}}"
x = f"{y} {x}"
x = "{y}"
x = [y for y in x]
x = [y for y in x if y]
x = (y for y in x)
x = (yield y)
x = await y
del x
return x
return
raise x
raise x from y
assert x
assert x, y
import x
import y
import x as y
import x.y
from x import y
from y import x
from x import y as z
from . import x
global x
nonlocal x
if x: y
while x: y
for x in y: x
for y in x: x
with x: y
with x as y: y
pass
...
x(y)
x(*y)
x(**y)
x(y=y)
x.y
x.y.z
""".strip().splitlines()


def test_a_digest_sees_every_difference_of_syntax():
    """No two of many statements are alike; nor are two that stand in another order, at another depth, or elsewhere."""
    assert len({fingerprint.of_code(f"async def f():\n    {line}\n") for line in ALL_DIFFERENT}) == len(ALL_DIFFERENT)
    forms = ("a\nb", "b\na", "if a:\n    b", "if a:\n    b\nelse:\n    c", "if a:\n    b\nc", "class a:\n    b\n",
             "def a():\n    b\n", "def a(b): ...", "def b(a): ...", "@c\ndef a(b): ...", "def a(b) -> c: ...",
             "def a(b: c): ...", "class a(b): ...", "class a(b=c): ...", "try:\n    a\nexcept b:\n    c",
             "try:\n    a\nexcept* b:\n    c", "try:\n    a\nfinally:\n    c", "a\nb\nc", "ab\nc")  # fmt: skip
    assert len(set(map(fingerprint.of_code, forms))) == len(forms)


def test_what_pythons_read_differently_is_one_digest():
    """Pieces of an f-string are one text wherever they were cut; these are the digests on every Python."""
    assert fingerprint.of_code("x = f'a{y}b' 'c' f''") == fingerprint.of_code("x = 'a' f'{y}' f'bc'")
    assert fingerprint.of_code("x = f'a{y}b'") != fingerprint.of_code("x = f'a{y}' + 'b'")
    assert fingerprint.of_code(CODE) == "17cf46ff969c"
    assert (
        fingerprint.of_code("def f(x: int = -1, *, y='é') -> None:\n    return f'{x!r:>{y}} {y=}', 1e-9, 2j")
        == "91680b34020c"
    )


def files(folder, **texts):
    """A package with these files, whose paths are written with two lower lines for each slash."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


ADDS, TAKES = "def both(x, y):\n    return x + y\n", "def both(x, y):\n    return x - y\n"
ASKS = "from attnsite.sums import both\nfrom attnsite import sums\nx = both(1, sums.both(2, 3))\n"


def test_a_digest_survives_that_modules_move(tmp_path):
    """Another folder and another name of what is imported, or of who imports it, in any order, is the same code."""
    before = files(tmp_path / "one", ask=ASKS, sums=ADDS)
    (before / "sums.csv").write_text("n\n1\n", encoding="utf-8")
    imports = "from attnsite.rooms import plus\nfrom attnsite.rooms.plus import both\n"
    text = f"import math\n\n{imports}\nx = both(1, plus.both(2, 3))\n"
    after = files(tmp_path / "two", rooms__inner__asks=text.replace("import math\n\n", ""), rooms__plus=ADDS)
    (after / "rooms" / "plus.csv").write_text("n\n1\n", encoding="utf-8")

    now = fingerprint.of_module(before / "ask.py", before)
    assert fingerprint.of_module(after / "rooms" / "inner" / "asks.py", after) == now
    (after / "rooms" / "plus.csv").write_text("n\n2\n", encoding="utf-8")
    assert fingerprint.of_module(after / "rooms" / "inner" / "asks.py", after) != now
    alias = ASKS.replace("import sums", "import sums as plus").replace("sums.both", "plus.both")
    assert (
        fingerprint.of_module(files(tmp_path / "three", ask=alias, sums=ADDS) / "ask.py", tmp_path / "three") != now
    )  # no table
    assert (
        fingerprint.of_code(ASKS, before) == fingerprint.of_code(alias, before) == fingerprint.of_code(text[13:], after)
    )
    assert fingerprint.of_code(text, after) != fingerprint.of_code(ASKS, before)  # somebody else's module counts


@pytest.mark.parametrize(
    "changes",
    [
        {"ask": ASKS.replace("import both", "import neither as both")},
        {"ask": ASKS.replace("sums.both(", "sums.neither(")},
        {"ask": ASKS.replace("both(1", "sums(1")},
        {"ask": ASKS.replace("attnsite.sums import both", "attnsite.less import both")},
        {"ask": ASKS.replace("attnsite import sums", "attnsite import less as sums")},
        {"sums": TAKES, "less": ADDS},
        {"sums": TAKES},
    ],
)
def test_a_digest_sees_what_is_taken_from_where(tmp_path, changes):
    """Another member, another module's member of the same name, two modules that change places, a changed module."""
    texts = {"ask": f"{ASKS}from attnsite.less import both as take\ny = take(1, 2)\n", "sums": ADDS, "less": TAKES}
    before = files(tmp_path / "one", **texts)
    changed = {name: text + texts[name].removeprefix(ASKS) * (name == "ask") for name, text in changes.items()}
    after = files(tmp_path / "two", **texts | changed)

    assert fingerprint.of_module(before / "ask.py", before) != fingerprint.of_module(after / "ask.py", after)


def test_a_digest_follows_imports_and_tables(tmp_path):
    """A change in a module that is reached, or in the table beside it, changes the digest; others do not."""
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "a.py").write_text("from attnsite.rooms import b\nfrom attnsite.c import thing\n")
    (tmp_path / "rooms" / "b.py").write_text("x = 1\n")
    (tmp_path / "c.py").write_text("thing = 1\n")
    (tmp_path / "d.py").write_text("other = 1\n")
    a = tmp_path / "rooms" / "a.py"

    def now():
        fingerprint._text.cache_clear()
        fingerprint._of_file.cache_clear()
        return fingerprint.of_module(a, tmp_path)

    seen = [now()]
    (tmp_path / "d.py").write_text("other = 2\n")
    assert now() == seen[-1]
    for path, text in (("c.py", "thing = 2\n"), ("rooms/b.py", "x = 2\n"), ("rooms/b.csv", "n\n1\n")):
        (tmp_path / path).write_text(text)
        seen.append(now())
    assert len(set(seen)) == 4


def test_every_module_of_the_project_has_a_digest():
    """The same call twice gives the same twelve characters."""
    for path in registry.ROOT.rglob("*.py"):
        assert fingerprint.of_module(path) == fingerprint.of_module(path)


def test_mistakes_are_one_line_each_and_raised_together():
    """None, one, or a group."""
    one, two = Mistake("a.md", 3, "is wrong", "fix it"), Mistake("b.md", "", "is wrong too", "fix it")
    assert str(one) == "a.md:3: is wrong; fix it"
    raise_all([])
    with pytest.raises(Mistake):
        raise_all([one])
    with pytest.raises(ExceptionGroup) as caught:
        raise_all([one, two])
    assert flatten(caught.value) == [one, two]


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity(1.834567, "×"), "1.83×"),
        (Quantity(0.7312, "%"), "73.1%"),
        (Quantity(0.000123456, "s"), "123 µs"),
        (Quantity(12.0, "s"), "12 s"),
        (Quantity(4718592, "B"), "4.50 MiB"),
        (Quantity(8192, "B"), "8 KiB"),
        (Quantity(6.871947e10, "FLOP"), "68.7 GFLOP"),
        (Quantity(30.25e9, "B/s"), "30.2 GB/s"),
        (Quantity(44140544, "count"), "44 140 544"),
        (Quantity(-2.5, "1"), "−2.50"),
        (Quantity(float("inf"), "s"), "∞"),
        (Quantity(float("nan"), "s"), "not a number"),
        (Quantity(0, "B"), "0 B"),
        (Quantity(999.9e6, "parameters"), "1.00 billion"),
        (Quantity(0.9999), "1.00"),
        (Quantity(0.9994), "0.999"),
        (Quantity(1023.9 * 1024, "B"), "1.00 MiB"),
        (Quantity(999.7e-6, "s"), "1.00 ms"),
        (Quantity(9.996e-3, "s"), "10.0 ms"),
        (Quantity(1.5e21, "FLOP"), "1.50×10⁶ PFLOP"),
        (Quantity(8e37, "FLOP"), "8.00×10²² PFLOP"),
        (Quantity(1.5e20, "FLOP"), "150 000 PFLOP"),
        (Quantity(1e30), "1.00×10³⁰"),
    ],
)
def test_quantities_print_themselves(quantity, text):
    """Three digits, the unit's prefix chosen for the number, no line break between number and unit."""
    assert str(quantity).replace("\u202f", " ") == text


@given(
    st.floats(1e-12, 1e15), st.sampled_from(["×", "%", "s", "B", "FLOP", "FLOP/s", "B/s", "exp", "1", "count", "keys"])
)
def test_any_quantity_prints_without_exponent(value, unit):
    """No number prints as 1e-07."""
    assert "e-" not in str(Quantity(value, unit)).lower()
    assert "e+" not in str(Quantity(value, unit)).lower()


@given(st.floats(1e-9, 1e40), st.sampled_from(["s", "B", "FLOP", "FLOP/s", "B/s", "parameters", "1"]))
def test_no_quantity_has_more_digits_than_it_means(value, unit):
    """Rounded to three digits, it never has a digit more for having been rounded up, nor thousands of a prefix that
    has a next one; whole numbers and what is beyond all prefixes are another matter."""
    text = str(Quantity(value, unit)).replace("\u202f", " ")
    number = text.split("×")[0].split(" ")[0]
    if "." in number:
        assert len(number.replace(".", "").lstrip("0")) <= 3, text
    assert not re.match(r"1 (000|024) (B|[kMGT]\w|KiB|MiB|GiB|TiB|thousand|million|billion|ns|µs|ms)", text), text


def test_a_spread_is_printed_like_the_value():
    """Both ends with the unit; nothing for what is exact."""
    assert Quantity(2.0, "×", 1.9, 2.1).spread().replace("\u202f", " ") == "1.90× to 2.10×"
    assert Quantity(2.0, "×").spread() == ""
    assert Quantity(2.0, "×").exact


@given(st.integers(0, 40), st.integers(0, 40), st.booleans(), st.integers(0, 50))
def test_visible_pairs_are_those_that_a_mask_leaves(queries, keys, causal, window):
    """The closed form equals the enumeration, with a window too, which goes with the causal mask."""
    pairs = 0
    for i, j in itertools.product(range(queries), range(keys)):
        place = i + keys - queries
        pairs += not causal or (j <= place and (not window or j > place - window))

    assert accounting.visible_pairs(queries, keys, causal, window) == pairs


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 5), st.integers(0, 5), st.integers(0, 50))
def test_what_a_query_sees_through_a_window_and_blocks(tokens, size, near, every, window):
    """Its own block and the near ones, the last of every so many, and within them only what its window holds."""
    blocks = (size, near, every) if near else ()
    work = Workload(heads=1, queries=tokens, keys=tokens, dim=1, causal=True, window=window, blocks=blocks)
    seen = work.seen(np.arange(tokens))
    if not window and not blocks:
        assert seen is None
        return
    for i, j in itertools.product(range(tokens), range(tokens)):
        block = -(-tokens // -(-tokens // size))  # all are as long, and not longer than was asked
        apart = i // block - j // block
        kept = not blocks or apart < near or (every and (j // block + 1) % every == 0)
        assert seen[i, j] == (j <= i and bool(kept) and (not window or i - j < window))


def test_a_workload_survives_json_and_says_only_what_is_unusual():
    """Cases of results that were measured before there were windows stay equal to theirs."""
    plain = Workload(heads=1, queries=8, keys=8, dim=4, causal=True)
    cut = Workload(heads=1, queries=8, keys=8, dim=4, causal=True, window=3, blocks=(2, 1, 0))

    assert {"window", "blocks"}.isdisjoint(plain.case())
    assert plain.options() == {"causal": True}
    assert cut.options()["window"] == (2, 0)
    assert Workload(**json.loads(json.dumps(cut.case()))) == cut
    with pytest.raises(ValueError, match="causal"):
        Workload(heads=1, queries=8, keys=8, dim=4, window=3)
    with pytest.raises(ValueError, match="as many queries as keys"):
        Workload(heads=1, queries=4, keys=8, dim=4, causal=True, blocks=(2, 1, 0))


def test_the_number_of_heads_cancels_at_fixed_width():
    """Weights, FLOPs and cache are the same for all head counts; scores are not."""
    cut = [Attention(width=1024, heads=h, dim=1024 // h) for h in (1, 2, 8, 128)]

    assert {a.parameters() for a in cut} == {4 * 1024 * 1024}
    assert {a.core_flops(4096, 4096) for a in cut} == {68_719_476_736}
    assert {a.kv_cache_elements() for a in cut} == {2048}
    assert [a.scores(4096, 4096) for a in cut] == [h * 4096 * 4096 for h in (1, 2, 8, 128)]


def test_parameters_are_those_of_built_matrices():
    """The sizes of the four weight arrays of a grouped layer."""
    a = Attention(width=96, heads=8, dim=16, kv_heads=2)
    built = [np.empty((96, 8 * 16)), np.empty((96, 2 * 16)), np.empty((96, 2 * 16)), np.empty((8 * 16, 96))]

    assert a.parameters() == sum(matrix.size for matrix in built)
    assert a.projection_flops(10) == 10 * 2 * a.parameters()
    assert a.input_bytes(3, 5) == 4 * 16 * (2 * 8 * 3 + 2 * 2 * 5)
    assert a.score_bytes(3, 5) == 8 * 3 * 5 * 4


@pytest.mark.parametrize(
    ("layers", "kv_heads", "dim", "bytes_a_token"),
    [(96, 96, 128, 4.5 * 2**20), (32, 32, 128, 512 * 2**10), (32, 8, 128, 128 * 2**10), (32, 1, 64, 8 * 2**10)],
    ids=["GPT-3 175B", "Llama 2 7B", "Llama 3 8B", "Falcon-7B"],
)
def test_the_cache_of_known_models(layers, kv_heads, dim, bytes_a_token):
    """Sizes that are printed elsewhere."""
    elements = Attention(width=1, heads=kv_heads, dim=dim).kv_cache_elements()

    assert accounting.kv_cache_bytes(layers, elements) == bytes_a_token


def test_formulas_of_others():
    """Kaplan's context term is half of the full count; attention has half of a layer where the context says so."""
    assert accounting.palm_context_flops(3, 100, 64) == 2 * accounting.kaplan_context_flops(3, 100, 64)
    d = 4096
    assert accounting.attention_share(d, d, d, 8 * d * d, 6 * d, causal=False) == pytest.approx(0.5)
    assert accounting.attention_share(d, d, d, 8 * d * d, 12 * d - 1) == pytest.approx(0.5)


def test_a_workload_makes_its_inputs_from_its_seed():
    """The same seed gives the same arrays, another gives others; groups must divide."""
    w = Workload(heads=4, kv_heads=2, queries=3, keys=5, dim=8, batch=2)
    q, k, v = w.inputs()

    assert (q.shape, k.shape, v.shape) == ((2, 4, 3, 8), (2, 2, 5, 8), (2, 2, 5, 8))
    assert q.dtype == k.dtype == v.dtype == np.float32
    np.testing.assert_array_equal(q, w.inputs()[0])
    assert not np.array_equal(q, Workload(**{**w.case(), "seed": 1}).inputs()[0])
    with pytest.raises(ValueError, match="do not divide"):
        Workload(heads=4, kv_heads=3, queries=1, keys=1, dim=1)


def test_members_are_found_by_their_files():
    """Helpers are no members, and an unknown name says what there is."""
    assert "reference" in registry.names("kernels")
    assert not [name for name in registry.names("kernels") if name.startswith("_")]
    with pytest.raises(LookupError, match="cpu_naive"):
        registry.module("kernels", "nobody")
    with pytest.raises(LookupError, match="needs flavour"):
        registry.module("kernels", "reference", "flavour")
