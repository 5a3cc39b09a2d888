"""The formulas in the browser: translated from the Python, and the same to the last digit, word and fault.

`ATTNSITE_CONFIGS=20000` compares so many random configs instead of the sample.
"""

import gzip
import json
import math
import os
import random
import re
import shutil

import pytest

from attnsite.formulas import models
from attnsite.records.mistakes import Mistake
from attnsite.records.quantity import Quantity
from attnsite.site.javascript import browser_module, calls, expressions
from attnsite.site.javascript.program import translated
from attnsite.site.javascript.sources import read
from attnsite.site.widgets import calculator
from attnsite.site.widgets.calculator_blocks import answer, details, markdown
from tests import random_configs, same_answers
from tests.conftest import ROOT, serve

CONFIGS, AT_ONCE = int(os.environ.get("ATTNSITE_CONFIGS", "300")), 250
LIGHT = 46_400  # bytes gzipped, loaded when somebody touches the calculator


@pytest.fixture(scope="module")
def written():
    return browser_module.text(ROOT / "attnsite")


@pytest.fixture(scope="module")
def page(written, tmp_path_factory, browser):
    """A page that has the module, without a site."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "formulas.js").write_text(written, encoding="utf-8")
    shutil.copy(ROOT / "docs/assets/quantity.js", folder)
    (folder / "index.html").write_text("<!doctype html><title>formulas</title>", encoding="utf-8")
    with serve(folder, "/") as address:
        opened = browser.new_page()
        opened.goto(address)
        opened.evaluate("async () => { window.page = await import('./formulas.js'); }")
        yield opened
        opened.close()


def compared(page, texts):
    """Fail at the first config of which the two say different things; the number of those that are understood."""
    seen = page.evaluate(
        f"([texts, counts]) => ({same_answers.IN_THE_BROWSER})(window.page, texts, counts)",
        [texts, same_answers.COUNTS],
    )
    understood = 0
    for text, there in zip(texts, seen, strict=True):
        here = json.loads(json.dumps(same_answers.in_python(text)))
        reads = here.pop("read", []), there.pop("read", [])
        assert there == here, text
        assert all(a == b or math.isclose(a, b, rel_tol=1e-12) for a, b in zip(*reads, strict=True)), text
        understood += "faults" not in here
    return understood


def test_browser_and_python_say_the_same_of_random_configs(page):
    """Of all types, with keys changed, dropped, of wrong kinds and huge: counts, formulas, keys, notes and faults."""
    understood = 0
    for seed in range(-(-CONFIGS // AT_ONCE)):
        count = min(AT_ONCE, CONFIGS - seed * AT_ONCE)
        understood += compared(page, random_configs.texts(seed, count))
    assert 0.3 < understood / CONFIGS < 0.9  # both readings are tried


def test_browser_and_python_say_the_same_of_all_published_models(page):
    texts = [json.dumps(one.config) for one in models.load().values()]
    assert compared(page, texts) == len(texts) > 150


def test_the_page_is_put_together_alike_in_the_browser_and_in_python(page):
    """Sentence, figures, chart, tables and the Markdown, of models of every kind, one or two, to the character."""
    asked = [("llama-3-8b", "h100-sxm", 8192, 1), ("deepseek-v3", "h200-sxm", 131072, 8), ("gemma-3-27b", "l4", 100, 3),
             ("qwen3-next-80b-a3b", "apple-m4-max", 2**20, 1), ("mixtral-8x7b", "rtx-4090", 32768, 64),
             ("deepseek-v4-pro", "b200-sxm", 131072, 2), ("jamba-v0.1", "t4", 1, 1)]  # fmt: skip
    chosen = [calculator.chosen(*one) for one in asked]
    columns = [[one] for one in chosen] + [chosen[:2], chosen[2:4]]
    places = [[i] for i in range(len(chosen))] + [[0, 1], [2, 3]]
    seen = page.evaluate(
        """([data, asked, places]) => {
          const { read_config, parsed, Device, Dict, Cost, Count, Chosen, answer, details, markdown } = window.page;
          const every = data.devices.map(([...row]) => {
            row[4] = BigInt(row[4]);
            row[9] = new Dict(row[9]);
            return new Device(...row);
          });
          const chosen = asked.map(([slug, key, tokens, batch]) => {
            const [, name, , , config, limit] = data.models.find(row => row[0] === slug);
            const device = every.find(one => one.key === key);
            const sizes = [new Count(BigInt(tokens)), BigInt(batch), undefined, undefined, undefined, device];
            const cost = new Cost(read_config(parsed(config)), ...sizes);
            return new Chosen(name, cost, device, every, slug, BigInt(limit));
          });
          const columns = places.map(which => which.map(i => chosen[i]));
          return columns.map(all => [answer(all).items(), details(all).items(), markdown(all)]);
        }""",
        [json.loads(calculator.data()), asked, places],
    )
    for all_, (first, rest, text) in zip(columns, seen, strict=True):
        assert dict(first) == answer(all_)
        assert dict(rest) == details(all_)
        assert text == markdown(all_)


def test_quantities_are_printed_alike(page):
    """Of every unit of the page, from tiny to huge, whole and not, and at the ties of rounding."""
    draw, cases = random.Random(1), []
    for unit in ("1", "B", "B/s", "FLOP", "FLOP/s", "s", "%", "parameters"):
        cases += [[10 ** draw.uniform(-9, 21), unit] for _ in range(400)]
        cases += [[draw.randrange(10**6) / 8, unit] for _ in range(300)] + [[float(2**i), unit] for i in range(64)]
    seen = page.evaluate(
        "async cases => { const { text } = await import('./quantity.js'); return cases.map(one => text(...one)); }",
        cases,
    )
    assert seen == [str(Quantity(value, unit)) for value, unit in cases]


@pytest.mark.parametrize(("text", "what"), [
    ('{"a": 1,}', "Expecting property name enclosed in double quotes"), ("{'a': 1}", "Expecting property name"),
    ('{"a" 1}', "Expecting ':' delimiter"), ('[1 2]', "Expecting ',' delimiter"), ("", "Expecting value"),
    ('{"a": 1} x', "Extra data"), ('"abc', "Unterminated string"), ('"\\x"', "Invalid \\escape"),
    ('"a\nb"', "Invalid control character"), ('{"a":\n\n tru}', "Expecting value"), ('"\\u12g4"', "Invalid \\uXXXX"),
])  # fmt: skip
def test_what_is_no_json_is_refused_in_pythons_words_and_line(page, text, what):
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads(text)
    said = page.evaluate(
        "text => { try { page.parsed(text); } catch (error) { return [error.message, error.line]; } }", text
    )
    assert said == [error.value.msg, error.value.lineno]
    assert what in error.value.msg


def test_json_beyond_the_browsers_own_is_read_as_python_reads_it(page):
    """Infinity, integers above 2^53, floats that are whole, any string; a key that stands twice is refused."""
    text = json.dumps(
        {"a": [float("inf"), -0.0, 1.0, 1, 2**60 + 1, 1e22, 5e-324, True, None], "é😀": "\ud800 \u2028'\"\\"}
    )
    assert page.evaluate("text => page.repr(page.parsed(text))", text) == repr(json.loads(text))
    said = page.evaluate('() => { try { page.parsed(\'{"a": 1, "a": 2}\'); } catch (error) { return error.message; } }')
    assert said == "'a' stands twice"


def test_the_runtime_has_every_function_that_a_translation_may_call(written):
    wanted = {expressions.RENAMED.get(name, name) for name in expressions.BUILTINS} | set(
        expressions.OPERATORS.values()
    )
    wanted |= calls.OF_VALUES | {"truth", "eq", "has", "at", "slice", "call", "method", "commas", "fromkeys", "cached"}
    assert {name for name in wanted if not re.search(rf"(?:\b(?:const|function|class)|,) {name}\b", written)} == set()


def test_the_module_is_light_and_names_no_place_of_the_machine(written):
    assert len(gzip.compress(written.encode(), 9)) < LIGHT
    assert str(ROOT) not in written


@pytest.mark.parametrize(("code", "line", "what"), [
    ("def f(x):\n    while x:\n        pass\n", 2, "While"),
    ("def f(x):\n    return x @ x\n", 2, "MatMult"),
    ("def f(x):\n    return eval(x)\n", 2, "eval"),
    ("import os\ndef f(x):\n    return os.getcwd()\n", 3, "getcwd"),
    ("def f(x):\n    return x.format(1)\n", 2, "format"),
    ("def f(x):\n    try:\n        return x\n    except ValueError:\n        return 0\n", 2, "Try"),
    ("def f(*x):\n    return x\n", 1, "arguments"),
    ("def f(x):\n    return f'{x:.3f}'\n", 2, ".3f"),
    ("def f(x):\n    return g(y=1)\ndef g(z):\n    return z\n", 2, "no such parameter"),
    ("async def g():\n    return 1\ndef f(x):\n    return g()\n", 4, "g"),
    ("class A:\n    @staticmethod\n    def g():\n        return 1\ndef f(x):\n    return A()\n", 3, "decorator"),
    ("def f(x):\n    global y\n    y = 1\n", 2, "Global"),
    ("def f(x):\n    return [*(yield x)]\n", 2, "Yield"),
])  # fmt: skip
def test_python_that_is_not_known_is_refused_with_its_place(tmp_path, code, line, what):
    """Never passed over: the build stops with the file and the line."""
    path = tmp_path / "formulas" / "new.py"
    path.parent.mkdir()
    path.write_text(code, encoding="utf-8")
    with pytest.raises(Mistake) as mistake:
        translated(read(tmp_path, [path], {}), [("attnsite.formulas.new", "f")], set())
    assert f"attnsite/formulas/new.py:{line}" in str(mistake.value)
    assert what in str(mistake.value)
