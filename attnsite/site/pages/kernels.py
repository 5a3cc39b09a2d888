"""The ladder of kernels, and the libraries beside it: a page each, with docstring, code and how its runs came out."""

import ast
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from attnsite.records import registry
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run
from attnsite.site import addresses
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.exhibits import call_machine
from attnsite.site.pages import front_matter
from attnsite.site.pages.front_matter import head
from attnsite.site.pages.questions import UNSEARCHED
from attnsite.site.tables import Link, table


@dataclass(frozen=True)
class Kernel:
    """A kernel, or a peer, as its file shows it; nothing of it is imported."""

    room: str  # "kernels" or "peers"
    name: str
    device: str
    docstring: str
    code: str  # the file without the docstring
    follows: str = ""  # the kernel that it goes on from
    folder: str = ""  # within its room, with a slash

    @property
    def idea(self) -> str:
        """The first paragraph of the docstring, in one line."""
        return " ".join(self.docstring.split("\n\n")[0].split())

    @property
    def path(self) -> str:
        return f"{self.room}/{self.name}.md"

    @property
    def contestant(self) -> str:
        """Its name in a run."""
        return f"peer_{self.name}" if self.room == "peers" else self.name


def read(path: Path) -> Kernel:
    return _parsed(path, path.read_text(encoding="utf-8"))


@lru_cache(maxsize=1024)
def _parsed(path: Path, text: str) -> Kernel:
    tree = ast.parse(text)
    said = {
        target.id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    first = tree.body[0].end_lineno if ast.get_docstring(tree) else 0
    code = "\n".join(text.splitlines()[first or 0 :]).strip("\n")
    docstring = ast.get_docstring(tree) or ""
    room, folder = ("kernels", "controls/") if path.parent.name == "controls" else (path.parent.name, "")
    follows = said.get("FOLLOWS", "")
    return Kernel(room, path.stem, said.get("DEVICE", "cpu"), docstring, code, follows, folder)


def ladder() -> list[Kernel]:
    """All kernels as one climbs: each behind the one that it FOLLOWS, and before what follows that one later.

    Those that follow the same one come by device, by task and by name; one that follows nothing stands at the end.
    """
    found = [read(registry.path_of("kernels", name)) for name in registry.names("kernels")]

    def place(kernel: Kernel) -> tuple[Any, ...]:
        task = ("decode" in kernel.name) + 2 * kernel.name.endswith("_backward")
        return kernel.name != "reference", kernel.device != "cpu", registry.apart(kernel.name) != (), task, kernel.name

    placed: list[Kernel] = []

    def climb(names: Container[str]) -> None:
        for kernel in sorted((kernel for kernel in found if kernel.follows in names), key=place):
            if kernel not in placed:
                placed.append(kernel)
                climb({kernel.name})

    climb({"", *({kernel.follows for kernel in found} - {kernel.name for kernel in found})})
    return [*placed, *(kernel for kernel in found if kernel not in placed)]  # those that follow each other in a circle


def libraries() -> list[Kernel]:
    """All peers, those of the processor first."""
    found = [read(registry.path_of("peers", name)) for name in registry.names("peers")]
    return sorted(found, key=lambda peer: (peer.device != "cpu", peer.name))


def is_control(kernel: Kernel) -> bool:
    """Does on purpose what a good kernel does not, to show what that costs: on no ladder."""
    return kernel.name.startswith("control_")


def overview_page(kernels: Sequence[Kernel], answers: Answers) -> str:
    path = "kernels.md"
    parts = [
        head(
            path,
            "Kernels",
            description="The attention kernels behind this site's timings, from three plain loops to hand-written SIMD "
            "and tensor cores.",
            search={"boost": front_matter.LIST},
        ),
        "# Kernels",
        "The attention kernels behind this site's timings, from three plain loops to hand-written SIMD and tensor "
        "cores. Each builds on an earlier one and is checked against a float64 reference before it is timed. A control "
        "differs from its kernel in exactly one thing.\n{ .lead }",
    ]
    on_ladder = [kernel for kernel in kernels if not registry.apart(kernel.name) or kernel.name.endswith("_backward")]
    groups = {
        "CPU kernels": [kernel for kernel in on_ladder if kernel.device == "cpu" and not is_control(kernel)],
        "CUDA kernels": [kernel for kernel in on_ladder if kernel.device == "cuda"],
        "Variants": [kernel for kernel in kernels if kernel not in on_ladder and not is_control(kernel)],
        "Controls": [kernel for kernel in kernels if is_control(kernel)],
        "Other libraries": libraries(),
    }
    for title, own in groups.items():
        if own:
            items = "\n".join(f"- [`{kernel.name}`]({kernel.path})\n  {kernel.idea}" for kernel in own)
            parts += [f"## {title}", f'<div class="questions" markdown>\n\n{items}\n\n</div>']
    told_here = [name for name in answers.figure_names() if name.endswith("_compiled")]
    parts += [f"```figure\n{name}\n```" for name in told_here]
    return "\n\n".join(parts) + "\n"


def libraries_page() -> str:
    """The libraries that kernels are compared with."""
    path = "peers.md"
    told = "The same call through other libraries, timed beside the kernels of this site where they are installed."
    items = "\n".join(f"- [`{peer.name}`]({peer.path})\n  {peer.idea}" for peer in libraries())
    parts = [head(path, "Other libraries", description=told, search={"boost": front_matter.LIST}), "# Other libraries",
             f"{told}\n{{ .lead }}", f'<div class="questions" markdown>\n\n{items}\n\n</div>']  # fmt: skip
    return "\n\n".join(parts) + "\n"


def kernel_page(kernel: Kernel, answers: Answers, rungs: Sequence[Kernel]) -> str:
    """The page of a kernel among the `rungs` of the ladder, or of a library, which stands on none."""
    page = Page(kernel.path)
    where = {"cpu": "CPU", "cuda": "CUDA GPU"}.get(kernel.device, kernel.device)
    rest = kernel.docstring.split("\n\n", 1)[1].strip() if "\n\n" in kernel.docstring else ""
    fence = "`" * (3 + ("```" in kernel.code) * 2)
    parts = [
        head(
            kernel.path,
            kernel.name,
            description=kernel.idea,
            search={"boost": front_matter.KERNEL},
            aliases=aliases(kernel),
        ),
        f"# {kernel.name}",
        f"{kernel.idea}\n{{ .lead }}",
        f"Device: {where}.{goes_on(kernel, rungs)}",
        rest,
        f"## The code {UNSEARCHED}",
        f'{fence} {{ .python title="attnsite/{kernel.room}/{kernel.folder}{kernel.name}.py" }}\n{kernel.code}\n{fence}',
    ]
    name = kernel.contestant
    rows = [row for run in runs_of(name, answers) if (row := run_row(name, run, answers, page))]
    if rows:
        label = f"Runs of {kernel.name}"
        told = (
            "The error is the largest found anywhere in the output; a row is timed only when it lies within its bound."
        )
        parts += [
            f"## Results {UNSEARCHED}",
            told,
            f'<div class="scrolls" data-search-exclude>{table(rows, label)}</div>',
        ]
    if "[@" in kernel.docstring:
        parts += [f"## Sources {UNSEARCHED}", "<!-- attnsite:sources -->"]
    return "\n\n".join(part for part in parts if part) + "\n"


def goes_on(kernel: Kernel, rungs: Sequence[Kernel]) -> str:
    """Where a kernel stands on the ladder, as sentences behind another one."""
    behind = [f"[`{each.name}`]({each.name}.md)" for each in rungs if kernel.name == each.follows]
    told = f" Builds on [`{kernel.follows}`]({kernel.follows}.md)." if kernel.follows else ""
    return told + (f" Next: {', '.join(behind)}." if behind else "")


def aliases(kernel: Kernel) -> list[str]:
    """What a kernel is looked for by: its name in words and in one, and what its device and its room are called."""
    names = {"cpu": "CPU", "cuda": "CUDA GPU"}
    room = "library" if kernel.room == "peers" else "kernel"
    return [kernel.name.replace("_", " "), f"{names.get(kernel.device, kernel.device)} attention {room}"]


def runs_of(kernel: str, answers: Answers) -> list[Run]:
    runs = [run for experiment in answers.experiments() for run in answers.runs(experiment).values()]
    return [run for run in runs if kernel in {row.kernel for row in run.rows}]


def run_row(kernel: str, run: Run, answers: Answers, page: Page) -> dict[str, Any] | None:
    rows = [row for row in run.rows if row.kernel == kernel and row.stage is None]
    checked = [row.max_error / row.bound for row in rows if row.max_error is not None and row.bound]
    return {
        "experiment": Link(run.experiment, page.to(addresses.result(run.machine, run.experiment))),
        "machine": call_machine(run.machine),
        "state": answers.state(run),
        "workloads": sum(1 for row in rows if row.skipped is None),
        "skipped": sum(1 for row in rows if row.skipped is not None),
        "largest error, share of its bound": Quantity(max(checked), "%", digits=2) if checked else None,
    }
