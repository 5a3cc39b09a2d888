"""The tables of models and machines that experiments read: what is wrong with a row, before anything imports it."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from attnsite.records import ordinary, registry, signs
from attnsite.records.mistakes import Mistake

FOLDER = Path("attnsite/experiments")
MODELS = "kv_cache"  # whose names the tables below may use
OF_MODELS = ("flop_formulas", "kv_calculators", "whole_models")
NEEDED = {
    "balance_by_machine": ("name", "key", "teraflops", "terabytes", "source"),
    "flop_formulas": ("name", "mlp_width", "mlp_matrices", "vocabulary", "source"),
    "kv_cache": ("name", "year", "encoder_layers", "layers", "width", "query_heads", "head_dim", "value_dim",
                 "attention", "source"),
    "kv_calculators": ("name", "window", "windowed_layers", "source"),
    "whole_models": ("name", "mlp_width", "mlp_matrices", "vocabulary", "source"),
}  # fmt: skip
WHOLE_NUMBERS = {
    "flop_formulas": ("mlp_width", "mlp_matrices", "vocabulary"),
    "kv_cache": ("year", "encoder_layers", "layers", "width", "query_heads", "kv_heads", "head_dim", "value_dim",
                 "latent_dim", "rope_dim", "context"),
    "kv_calculators": ("window", "windowed_layers"),
    "whole_models": ("mlp_width", "mlp_matrices", "vocabulary", "experts", "experts_a_token", "shared_experts",
                     "dense_layers", "dense_width", "query_latent"),
}  # fmt: skip
DECIMALS = {"balance_by_machine": ("teraflops", "terabytes")}
NAME = 60  # characters of a name
KINDS = (
    (WHOLE_NUMBERS, r"[0-9]{1,12}", "a whole number"),
    (DECIMALS, r"(?!0*(?:\.0*)?$)[0-9]{1,9}(\.[0-9]{1,6})?", "a number above 0"),
)
POSITIVE = ("layers", "width", "query_heads", "kv_heads", "head_dim", "value_dim", "mlp_width", "mlp_matrices",
            "vocabulary")  # fmt: skip
YEARS = (1990, 2100)
_STATES = re.compile(  # says more than a name: what was found, or words of a sentence
    r"[%×]|\b(?:times|\w*fold|percent|per cent|faster|slower|quicker|fast|slow|twice|thrice|half|double|speed\w*|gains?"
    r"|savings?|latency|throughput|better|worse|best|more|less|is|are|was|takes?|needs?|reach(?:es)?|it|ours?|over|by|than"
    r"|of|the|an?|at|to|in|up|from|with)\b"
    r"|(?-i:\d\s*(?:x\b|[mµμn]?s\b|[KMGT]i?B/s\b|(?:[KMG]i?|Ti)B\b|[KMGTP]?FLOPS?\b|tokens\b))",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"[^\W\d_](?!\d{3}|\b)")  # a letter, of a word
BY_ATTENTION = dict.fromkeys(("MHA", "GQA", "MQA"), ("kv_heads",)) | {"MLA": ("latent_dim", "rope_dim")}


def faults() -> list[Mistake]:
    """What is wrong with the tables, all at once, with file and line: none of it may end in a traceback.

    A table is UTF-8, has a head of different names, and as many cells in each row; its first column names each row
    once, and those of `OF_MODELS` name models of `kv_cache.csv`. Columns that are `NEEDED` are filled, and numbers
    are digits of this alphabet, as experiments read them.
    """
    found: list[Mistake] = []
    names: dict[str, dict[str, int]] = {}
    for path in sorted((registry.ROOT / "experiments").glob("*.csv")):
        shown = FOLDER / path.name
        if why := ordinary.why(path):
            found.append(Mistake(shown, "", why, "put an ordinary file there, or take it away"))
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            found.append(Mistake(shown, f"byte {error.start}", "is not UTF-8", "save it as UTF-8"))
            continue
        if text.startswith("\ufeff"):
            found.append(Mistake(shown, 1, "begins with a byte order mark", "save it as UTF-8 without one"))
            continue
        names[path.stem] = {}
        found += of_table(shown, text, names[path.stem])
    known = names.get(MODELS, {})
    for table in OF_MODELS if known else ():  # which a table that cannot be read does not name
        for name, line in names.get(table, {}).items():
            if name not in known:
                remedy = f"write it as {MODELS}.csv does, or add it there"
                found.append(Mistake(FOLDER / f"{table}.csv", line, f"{name} is not a model of {MODELS}.csv", remedy))
    return found


def of_table(shown: Path, text: str, names: dict[str, int]) -> Iterable[Mistake]:
    """The same of one table; each row's name goes into `names`, with its line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        head = next(reader, [])
        start = reader.line_num
        for row in reader:
            if row:
                rows.append((start + 1, row))
            start = reader.line_num
    except csv.Error as error:
        yield Mistake(shown, reader.line_num, f"cannot be read as CSV ({error})", "fix its quoting")
        return
    if not head or "" in head or len(set(head)) < len(head):
        yield Mistake(shown, 1, "its head must name every column, each otherwise", "fix the head")
        return
    whole = []
    for line, row in rows:
        if len(row) != len(head):
            what = f"has {len(row)} cell{'s' if len(row) != 1 else ''}, the head {len(head)}"
            yield Mistake(shown, line, what, "give each column one cell; a cell with a comma stands in quotes")
            continue
        whole.append((line, row))
        if not row[0]:
            yield Mistake(shown, line, f"has no {head[0]}", "name it")
        elif not _BEGINS.match(row[0]) or len(row[0]) > NAME or not row[0].isprintable() or signs.first(row[0]):
            yield Mistake(shown, line, f"{row[0][:40]!r} is no name", f"begin it with a letter, {NAME} at most")
        elif found := _STATES.search(row[0]):
            yield Mistake(shown, line, f"{row[0][:40]!r} holds {found[0]!r}", "name the model and nothing else")
        elif row[0] in names:
            yield Mistake(shown, line, f"{row[0]} stands in line {names[row[0]]} too", "keep one of them")
        names.setdefault(row[0], line)
    needed = NEEDED.get(shown.stem, ())
    if absent := [column for column in needed if column not in head]:
        yield Mistake(shown, 1, f"its head lacks {', '.join(absent)}", "name the columns as they were")
        return
    for line, row in whole:
        cells = dict(zip(head, row, strict=True))
        wanted = needed
        if shown.stem == MODELS and cells["attention"]:
            if cells["attention"] not in BY_ATTENTION:
                remedy = f"write one of {', '.join(BY_ATTENTION)}"
                yield Mistake(shown, line, f"attention is “{cells['attention'][:40]}”", remedy)
            wanted += BY_ATTENTION.get(cells["attention"], ())
        if empty := [column for column in wanted[1:] if not cells.get(column)]:
            yield Mistake(shown, line, f"{row[0]} has no {', '.join(empty)}", "fill it in")
        yield from _possible(shown, line, cells)
        for columns, pattern, kind in KINDS:
            for column in columns.get(shown.stem, ()):
                if cells.get(column) and not re.fullmatch(pattern, cells[column]):
                    what = f"{column} is “{cells[column][:40]}”"
                    yield Mistake(shown, line, what, f"write {kind}, in digits without commas")


def _possible(shown: Path, line: int, cells: Mapping[str, str]) -> Iterable[Mistake]:
    """Sizes that are none, years that are not, KV heads that do not divide the query heads."""
    numbers = {name: int(text) for name, text in cells.items() if re.fullmatch(r"[0-9]{1,12}", text)}
    encodes = numbers.get("encoder_layers", 0) > 0  # and may have no other layers
    keeps = "kv_heads" in BY_ATTENTION.get(cells.get("attention", ""), ())
    for name in POSITIVE:
        if numbers.get(name) == 0 and (keeps or name != "kv_heads") and not (name == "layers" and encodes):
            yield Mistake(shown, line, f"{name} is 0", "write what it is")
    if shown.stem == MODELS and "year" in numbers and not YEARS[0] <= numbers["year"] <= YEARS[1]:
        yield Mistake(shown, line, f"year is {numbers['year']}", "write the year of its publication")
    heads, shared = numbers.get("query_heads"), numbers.get("kv_heads")
    if keeps and heads and shared and heads % shared:
        yield Mistake(shown, line, f"{shared} KV heads do not divide {heads} query heads", "fix one of them")
