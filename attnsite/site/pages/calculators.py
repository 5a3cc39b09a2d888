"""The calculators that were audited, each with its rule, its version and where to correct it; as Markdown."""

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row
from attnsite.site.answers import Answers

EXPERIMENT = "calculators_audited"
PLACE = "<!-- attnsite:calculators -->"
GITHUB = "https://github.com"
SHORT = 8  # digits of a commit


def entries(known: Answers) -> str:
    """One section for each calculator, those right for most models first."""
    runs = list(known.runs(EXPERIMENT).values())
    if not runs:
        return "Not counted yet."
    rows = sorted(runs[0].where(), key=lambda row: (-row.values["right"], row.case["name"].casefold()))
    return "\n\n".join(map(entry, rows))


def entry(row: Row) -> str:
    """What it reads and computes, for whom, at which commit, and what it says of each model."""
    tool = row.case
    home = f"{GITHUB}/{tool['repository']}"
    dated = f" of {tool['committed']}" if tool["committed"] else ""
    models = f" It models {tool['engine']}." if tool["engine"] else ""
    missing = f" Leaves out: {'; '.join(tool['leaves_out'])}." if tool["leaves_out"] else ""
    return "\n".join(
        (
            f"### {tool['name']} {{ #{tool['calculator']} }}",
            "",
            f"`{tool['formula']}`",
            "",
            f"Reads {tool['reads']}. For: {tool['covers']}.{models}{missing}",
            "",
            f"{row.values['right']} of {row.values['of']} right. {said(row)}",
            "",
            f"Transcribed from [{tool['path']}]({address(row)}), {place(tool['lines'])}, at commit "
            f"`{tool['commit'][:SHORT]}`{dated}, looked at on {tool['looked_at']}. [Repository]({home}), "
            f"[issues]({home}/issues).",
        )
    )


def said(row: Row) -> str:
    """Bytes said and bytes that are right, model by model."""
    found = []
    for label, seen in row.values["models"].items():
        if seen["predicted"] is None:
            found.append(f"{label}: no figure")
        elif seen["agrees"]:
            found.append(f"{label}: {size(seen['predicted'])}")
        else:
            found.append(f"{label}: {size(seen['predicted'])} (correct: {size(seen['right'])})")
    return f"{'; '.join(found)}."


def size(count: float) -> str:
    return str(Quantity(float(count), "B"))


def place(lines: str) -> str:
    """Line numbers, or the functions where the copy that was read has no numbers."""
    return f"lines {lines}" if lines[0].isdigit() else f"`{lines.replace(', ', '`, `')}`"


def address(row: Row) -> str:
    """The file at its commit, at the first line that counts."""
    tool = row.case
    first = tool["lines"].partition(",")[0].replace("-", "-L")
    line = f"#L{first}" if first[0].isdigit() else ""
    return f"{GITHUB}/{tool['repository']}/blob/{tool['commit']}/{tool['path']}{line}"
