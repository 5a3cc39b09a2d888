"""How long a build of the site takes, and how long until an edited sentence is seen in `attnsite serve`.

Usage: python scripts/bench_site.py [BUILDS [EDITS]]   (5 of each if not said)
Builds are warm: one that is not counted comes before, so pictures and all else that is kept are there.
An edit is timed from the writing of the file to the sentence in a browser that had the page open; that needs Playwright
and a Chromium. It works on a copy of this checkout, and tells the machine's load beside the seconds.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = "questions/learning/how_many_heads_for_a_width"
LEFT_OUT = {".git", ".venv", "site", "dist", "build", "node_modules"}
START_S = 600  # that the server may take until it answers


def main(builds: int = 5, edits: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        shutil.copytree(ROOT, root, ignore=lambda at, names: LEFT_OUT & set(names) if Path(at) == ROOT else ())
        known = os.environ | {"PYTHONPATH": str(root), "NO_MKDOCS_2_WARNING": "1"}
        build(root, known)
        told("build", [build(root, known) for _ in range(builds)])
        print(f"pages: {sum(1 for _ in (root / 'site').rglob('*.html'))}")
        told("from edit to sight", seen(root, known, edits))


def told(what: str, seconds: list[float]) -> None:
    each = ", ".join(f"{second:.2f}" for second in sorted(seconds))
    busy = f"; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs" if hasattr(os, "getloadavg") else ""
    print(f"{what}: median {statistics.median(seconds):.2f} s of {each}{busy}", flush=True)


def build(root: Path, known: dict[str, str]) -> float:
    """Seconds of one strict build, in a process of its own as everybody starts it."""
    started = time.perf_counter()
    words = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(words, cwd=root, env=known, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - started


def seen(root: Path, known: dict[str, str], edits: int) -> list[float]:
    """Seconds from the writing of a sentence to its sight, for each edit."""
    from playwright.sync_api import sync_playwright

    from attnsite.site.figures import chromium

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", address]
    with (
        open(root / "serve.log", "w", encoding="utf-8") as log,
        subprocess.Popen(words, cwd=root, env=known, stdout=log, stderr=log) as server,
    ):
        try:
            wait(address, server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
                page = browser.new_page()
                page.goto(f"http://{address}/{PAGE}/", wait_until="load")
                page.wait_for_timeout(3000)
                file = root / "docs" / f"{PAGE}.md"
                found = [edit(page, file, number) for number in range(edits)]
                browser.close()
            return found
        finally:
            server.terminate()


def wait(address: str, server: subprocess.Popen[bytes]) -> None:
    host, _, port = address.partition(":")
    for _ in range(START_S * 5):
        with socket.socket() as asked:
            if asked.connect_ex((host, int(port))) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit(f"the server did not start at {address}")


def edit(page, file: Path, number: int) -> float:  # type: ignore[no-untyped-def]  # Playwright's, which may be missing
    sentence = f"This is the sentence of edit {'abcdefghij'[number % 10] * (1 + number // 10)}."
    text = re.sub(r"\nThis is the sentence of edit \w+\.\n", "\n", file.read_text(encoding="utf-8"))
    started = time.perf_counter()
    file.write_text(text.replace("\n## ", f"\n{sentence}\n\n## ", 1), encoding="utf-8", newline="\n")
    page.get_by_text(sentence).first.wait_for(state="attached", timeout=60_000)
    taken = time.perf_counter() - started
    page.wait_for_timeout(1500)
    return taken


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
