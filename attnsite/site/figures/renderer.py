"""The browser at work: pictures are drawn by processes of their own, each ended when it no longer comes on."""

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# No browser may hold up a build: this long without a further picture, and it is ended. A slow machine takes twenty
# seconds to start one; a picture takes less than one.
STALL_S = 60.0
A_BROWSER = 12  # pictures at least that pay for the start of a browser: two draw twice as many on two processors
TRIES = 2  # on a busy machine a browser hangs as it starts, once in some dozens of times, and the next one does not


def write(orders: list[dict[str, Any]], options: dict[str, Any], folder: Path) -> str:
    """Let Kaleido write every order's picture to its path; returns what went wrong in a line, or nothing.

    The pictures that were finished before are whole. `folder` is for notes of ours.
    """
    browsers = max(1, min(os.cpu_count() or 1, len(orders) // A_BROWSER))
    shares = [(orders[first::browsers], options, folder / str(first)) for first in range(browsers)]
    with ThreadPoolExecutor(browsers) as pool:
        problems = list(pool.map(lambda share: _share(*share), shares))
    return next(filter(None, problems), "")


def _share(orders: list[dict[str, Any]], options: dict[str, Any], folder: Path) -> str:
    """The same by one browser."""
    folder.mkdir(exist_ok=True)
    for _ in range(TRIES):
        problem = _write([order for order in orders if not begun(Path(order["path"]))], options, folder)
        if problem != STALLED:
            return problem
    return f"it has drawn nothing for {STALL_S:.0f} s, {TRIES} times, and was ended"


STALLED = "stalled"


def _write(orders: list[dict[str, Any]], options: dict[str, Any], folder: Path) -> str:
    """One try; `STALLED` where the browser was ended."""
    note, said = folder / "orders.json", folder / "said.txt"
    note.write_text(json.dumps({"orders": orders, "options": options}, default=str), encoding="utf-8")
    paths = [Path(order["path"]) for order in orders]
    with said.open("wb") as output:
        words = [sys.executable, "-m", "attnsite.site.figures.renderer", str(note)]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            stalled = wait(process, paths)
        finally:
            end(process)
    if stalled:
        return STALLED
    lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
    told = next((line for line in reversed(lines) if line.startswith(FAILED)), "")
    return told.removeprefix(FAILED)[:200] or (f"it ended with status {process.returncode}" * bool(process.returncode))


def wait(process: subprocess.Popen[bytes], paths: list[Path]) -> bool:
    """Wait for the end of a process; True when no further picture has come for too long."""
    done, quiet_s = 0, 0.0
    while quiet_s < STALL_S:
        try:
            process.wait(0.5)
            return False
        except subprocess.TimeoutExpired:
            here = sum(map(begun, paths))
            done, quiet_s = (here, 0.0) if here > done else (done, quiet_s + 0.5)
    return True


def begun(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started: a browser makes itself a session of its own."""
    if process.poll() is None:
        import psutil

        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).suspend()  # held still, it starts nothing between the list and the end
        started = below(process.pid)
        process.kill()
        kill(started)
    process.wait()


def below(number: int) -> list[Any]:
    """All that a process has started, and that they have."""
    import psutil

    try:
        return psutil.Process(number).children(recursive=True)
    except psutil.Error:
        return []


def kill(processes: list[Any]) -> None:
    """End them, and wait until they are gone: the system takes its time on a busy machine."""
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.Error):  # it went by itself
            process.kill()
    psutil.wait_procs(processes, timeout=5)


FAILED = "failed: "


def draw(note: Path) -> int:
    """What the process of its own does."""
    import kaleido  # slow to import, and needed only where something has changed

    held = json.loads(note.read_text(encoding="utf-8"))
    orders = [{**order, "path": Path(order["path"])} for order in held["orders"]]
    try:
        kaleido.write_fig_from_object_sync(orders, kopts=held["options"])
    except Exception as error:  # a browser fails in many ways, and none of them may cost the build
        words = " ".join(" ".join(map(str, error.args)).split()).partition(". ")[0] or "without a word"
        print(f"{FAILED}{type(error).__name__}: {words}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    status = draw(Path(sys.argv[1]))
    kill(below(os.getpid()))  # a browser that was not understood may stay
    os._exit(status)  # at once: threads that still read from a browser would hold it up
