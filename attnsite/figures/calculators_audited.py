"""Estimated over correct KV cache: {all_right} of {calculators} calculators are right for all five models

What each says for one sequence of 8192 tokens in 16 bits, over what is right; 1× is right, within 1 %, and a dash means
that it gives no figure. In Llama 3 8B all layers are alike: compare its column with the others.

Rules are transcribed from the code at a commit, with the settings that make a calculator most nearly right, and given
the released files. The right figure is that of this site's formulas, with or without states that do not grow, whichever
is nearer; for those that model llama.cpp or vLLM, what that engine sets aside is right too. Gemma 3 27B has two columns
since copies of its file differ: some name the window alone, others also the pattern of layers. A calculator is right
for Gemma 3 if either column is.

A table of {calculators} calculators by {files} files of five models. Right for Llama 3 8B are {right_llama_3_8b}, for
Qwen3 32B {right_qwen3_32b}, for DeepSeek V3 {right_deepseek_v3}, for Qwen3-Next 80B-A3B {right_qwen3_next_80b_a3b} and
for Gemma 3 27B {right_gemma_3_27b_either}. What is said lies between {least} and {most} of what is right.
"""

from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "calculators_audited"
TITLE_COLUMNS = ("right of 5", "Llama 3 8B")


def key(label: str) -> str:
    """A model's name as part of a value's."""
    return "_".join("".join(each if each.isalnum() else " " for each in label.lower()).split())


def ratio(seen: dict[str, Any]) -> float | None:
    """What was said over what is right; exactly 1 where it is right."""
    if seen["predicted"] is None:
        return None
    return 1.0 if seen["agrees"] else seen["predicted"] / seen["right"]


def best_first(run: Run) -> list[Row]:
    return sorted(run.where(), key=lambda row: (-row.values["right"], row.case["name"].casefold()))


def values(run: Run) -> dict[str, Quantity]:
    rows = run.where()
    by_model: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        for label, seen in row.values["models"].items():
            by_model.setdefault(label, []).append(seen)
    ratios = [each for seen in by_model.values() for each in map(ratio, seen) if each is not None]
    found = {
        "calculators": Quantity(len(rows), "count"),
        "repositories": Quantity(len({row.case["repository"] for row in rows}), "count"),
        "files": Quantity(len(by_model), "count"),
        "all_right": Quantity(sum(row.values["right"] == row.values["of"] for row in rows), "count"),
        "none_right": Quantity(sum(row.values["right"] == 0 for row in rows), "count"),
        "least": Quantity(min(ratios), "×"),
        "most": Quantity(max(ratios), "×"),
    }
    for label, each in by_model.items():
        said = [seen for seen in each if seen["predicted"] is not None]
        found[f"right_{key(label)}"] = Quantity(sum(seen["agrees"] for seen in each), "count")
        found[f"above_{key(label)}"] = Quantity(sum((ratio(seen) or 0) > 1 for seen in said), "count")
        found[f"below_{key(label)}"] = Quantity(sum((ratio(seen) or 1) < 1 for seen in said), "count")
        found[f"silent_{key(label)}"] = Quantity(len(each) - len(said), "count")
    for label, each in by_model.items():
        plain = [seen["right"] for seen, row in zip(each, rows, strict=True) if not row.case["engine"]]
        found[f"bytes_{key(label)}"] = Quantity(min(plain), "B")
        for engine in {row.case["engine"] for row in rows} - {""}:
            held = [seen["right"] for seen, row in zip(each, rows, strict=True) if row.case["engine"] == engine]
            found[f"bytes_{key(label)}_in_{key(engine)}"] = Quantity(max(held), "B")
    either = [any(seen["agrees"] for label, seen in row.values["models"].items() if "Gemma" in label) for row in rows]
    return found | {"right_gemma_3_27b_either": Quantity(sum(either), "count")}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    """A calculator a row, those right for most models first."""
    found = []
    for row in best_first(runs[0]):
        ratios = {label: ratio(seen) for label, seen in row.values["models"].items()}
        cells = {label: None if each is None else Quantity(each, "×") for label, each in ratios.items()}
        found.append({"calculator": row.case["name"], "right of 5": row.values["right"], **cells})
    return found
