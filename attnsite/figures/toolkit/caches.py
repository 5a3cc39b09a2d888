"""The sizes of the caches of the machine that a run was made on."""

from attnsite.records.run_file import Run

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def of(run: Run) -> dict[str, int]:
    """Bytes by level, of all cores that worked together: the first levels are each core's own, the last is shared.

    Levels are named "L1", "L2", …; empty where the run does not say.
    """
    found = {}
    threads = int(run.provenance.machine.get("threads", 1))
    sizes = {name.removesuffix(" data"): _size(str(text)) for name, text in caches(run).items() if "instr" not in name}
    levels = sorted(level for level, size in sizes.items() if size)
    for level in levels:
        own = level != levels[-1] or len(levels) < 3
        found[level] = sizes[level] * (threads if own else 1)
    return found


def caches(run: Run) -> dict[str, str]:
    return dict(run.provenance.machine.get("caches") or {})


def _size(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]] if text[:-1].isdigit() and text[-1] in _UNITS else 0
