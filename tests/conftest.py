"""What several test files need: the built site, served on this machine, and a real browser."""

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from attnsite.site import chromium

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static server that says nothing and forgives a browser that hangs up."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().copyfile(source, outputfile)


@functools.cache
def without_network() -> tuple[str, ...]:
    """What to put before a command that shall reach this machine and no other; nothing where that is not allowed."""
    words = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    return ()


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory):
    """The site, built strictly from the results that are there, without a network where that can be taken away."""
    folder = tmp_path_factory.mktemp("site")
    words = [*without_network(), sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="session")
def site(site_folder):
    """The address of the site under a sub-path, as project pages have it."""

    class Below(Quiet):
        def translate_path(self, path):
            inside = path.removeprefix("/below")
            return super().translate_path(inside if path.startswith("/below") else "/nowhere")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Below, directory=str(site_folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/below/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests; they are skipped where there is none."""
    path = chromium.find()
    if path is None:
        pytest.skip("there is no Chromium here: install one, or name it with CHROMIUM=/path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """Open pages in a context of their own; at the end nothing was said in the console and no other host asked."""
    contexts, said, asked = [], [], []

    def opened(address, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address, wait_until="load")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []
