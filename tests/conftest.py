"""What several test files need: the built site, served on this machine, and a real browser."""

import contextlib
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from attnsite.site.figures import chromium
from tests import firefox
from tests.chromium import Chromium

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


# The files that take twenty seconds and more, longest first: a process takes the next file when it is done with one, so
# that the last ones should be short. The second to the fourth do not need the site, which the first has to wait for.
LONGEST = (
    "test_access",
    "test_recipes",
    "test_exploring",
    "test_explore",
    "test_simd",
    "test_weight",
    "test_security",
    "test_figures_in_browser",
    "test_cuda_simulator",
    "test_figures",
    "test_successor",
    "test_settings",
    "test_tables_in_browser",
    "test_calculator",
    "test_calculator_page",
    "test_firefox",
    "test_webkit",
    "test_preview",
    "test_faults",
    "test_steps",
    "test_cards",
    "test_interaction",
    "test_drawn",
    "test_looks",
    "test_run_here",
    "test_formulas",
    "test_pages",
    "test_portable",
    "test_cuda_compile",
    "test_backward",
    "test_picture",
    "test_kernels",
    "test_prefill",
    "test_experiments",
    "test_site",
    "test_measure",
    "test_search",
    "test_block_sparse",
    "test_head_browser",
    "test_mutate",
    "test_difference",
    "test_doctor",
)


def pytest_addoption(parser):
    parser.addoption("--renew-looks", action="store_true", help="keep how key pages look now: see test_looks.py")
    parser.addoption("--renew-numbers", action="store_true", help="keep the numbers that are shown: see golden.py")


def pytest_collection_modifyitems(items):
    """Whole files, longest first; the others as they come."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


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
    """The site, built strictly and once for all processes, without a network where that can be taken away.

    ATTNSITE_SITE names a folder that was built before, for who works on a test and not on the site;
    whatever SITE_URL it was built with, since it is served at addresses of its own.
    """
    if named := os.environ.get("ATTNSITE_SITE"):
        return Path(named)
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent  # the folder of the run; each worker has one of its own in it
    folder, log = shared / "site", shared / "site.log"
    with FileLock(shared / "site.lock"):
        if not log.exists():
            words = [*without_network(), sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
            quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
            built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=quiet)
            log.write_text(f"{built.returncode}\n{built.stdout}{built.stderr}", encoding="utf-8")
    status, _, said = log.read_text(encoding="utf-8").partition("\n")
    assert status == "0", said
    return folder


@pytest.fixture(scope="session")
def paths(site_folder):
    """The address of the site's pages below its root, found in what was built.

    All of them, but of pages that one template makes only some: of the pages of numbers, one a figure, the heaviest
    three and every twenty-fourth; of those of models, the heaviest two and every hundredth; of those of kernels and of
    peers, the heaviest three and every eighth.
    """
    found = sorted(path.parent.relative_to(site_folder).as_posix() for path in site_folder.rglob("index.html"))
    for folder, heaviest, step in (("figures/", 3, 24), ("models/", 2, 100), ("kernels/", 3, 8), ("peers/", 3, 8)):
        alike = [path for path in found if path.startswith(folder)]
        shown = set(sorted(alike, key=lambda path: -(site_folder / path / "index.html").stat().st_size)[:heaviest])
        shown |= set(alike[::step])
        found = [path for path in found if path not in alike or path in shown]
    assert len(found) > 20
    return ["" if path == "." else f"{path}/" for path in found]


def headers_of(folder, path):
    """What the site's `_headers` says of an address, as hosts read it: every rule whose pattern matches, `*` for
    whatever characters."""
    found, meant = [], False
    rules = Path(folder) / "_headers"
    for line in rules.read_text(encoding="utf-8").splitlines() if rules.is_file() else ():
        if line.startswith("/"):
            meant = re.fullmatch(re.escape(line).replace(r"\*", ".*"), path) is not None
        elif meant:
            name, _, value = line.strip().partition(": ")
            found.append((name, value))
    return found


@contextlib.contextmanager
def serve(folder, at="/below/", lets=lambda path: True):
    """The address of a folder's site, under a sub-path as project pages have it, or at the root of its host.

    What is not there is answered with the site's own page for it, and each answer has the headers of the site's
    `_headers`, as hosts do; `lets` is asked of each address, and may take its time.
    """

    class Site(Quiet):
        def send_head(self):
            if lets(self.path) and self.path != "/favicon.ico":  # which browsers ask a host for beside a file
                return super().send_head()
            self.send_response(204 if self.path == "/favicon.ico" else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None

        def end_headers(self):
            for name, value in headers_of(folder, "/" + self.path.partition("?")[0].removeprefix(at)):
                self.send_header(name, value)
            super().end_headers()

        def translate_path(self, path):
            return super().translate_path("/" + path.removeprefix(at) if path.startswith(at) else "/nowhere")

        def send_error(self, code, message=None, explain=None):
            page = Path(folder) / "404.html"
            if code != 404 or not page.is_file():
                return super().send_error(code, message, explain)
            text = page.read_bytes()
            self.send_response(404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{at}"
    server.shutdown()


# A site is built for one address and read at others. In the tests it is read at two that it was not built for: links
# and navigation have to work there as they do where SITE_URL says. `test_figures_in_browser` has a site at its own.


@pytest.fixture(scope="session")
def site(site_folder):
    """The address of the built site, under a sub-path."""
    with serve(site_folder) as address:
        yield address


@pytest.fixture(scope="session")
def site_at_root(site_folder):
    """The address of the built site, at the root of a host."""
    with serve(site_folder, "/") as address:
        yield address


@pytest.fixture(scope="session")
def chromiums():
    """Start a Chromium by its path, once each; skipped where there is none."""
    started = {}
    with contextlib.ExitStack() as held:

        def launched(path):
            if path is None:
                pytest.skip("there is no Chromium here: install one, or name it with CHROMIUM=/path")
            from playwright.sync_api import sync_playwright

            if not started:
                started["playwright"] = held.enter_context(sync_playwright())
            if path not in started:
                started[path] = started["playwright"].chromium.launch(executable_path=path, args=FLAGS)
                held.callback(started[path].close)
            return started[path]

        yield launched


@pytest.fixture(scope="session")
def browser(chromiums):
    """One Chromium for nearly all tests; they are skipped where there is none.

    Its half without windows where there is one: the whole makes a window's own controls for each page, as a page of its
    own, which takes ten times as much of the processor as most of what is tested.
    """
    named = any(os.environ.get(variable) for variable in chromium.VARIABLES)
    return chromiums((None if named else shutil.which("chromium-headless-shell")) or chromium.find())


@pytest.fixture(scope="session")
def touched_browser(chromiums):
    """The whole Chromium, for readers with fingers: a tap on a chart tells its half without windows nothing."""
    return chromiums(chromium.find())


@pytest.fixture(scope="session")
def firefoxes(tmp_path_factory):
    """Start Firefoxes, one for each set of options; skipped where there is none."""
    program = firefox.find()
    running = {}

    def started(**options):
        if program is None:
            pytest.skip("there is no Firefox here: install firefox-esr or firefox from the system's packages")
        key = tuple(sorted(options.items()))
        if key not in running:
            running[key] = firefox.Firefox(program, tmp_path_factory.mktemp("firefox"), **options)
        return running[key]

    yield started
    for started_one in running.values():
        started_one.close()


@pytest.fixture(params=["chromium", "firefox"])
def drive(request):
    """Start a window of each browser in turn, told and asked alike: what `tests/firefox.py` can do, all can.

    Options: `touch`, for a reader with fingers. At the end nothing was said and no other host asked for.
    """
    opened = []

    def started(**options):
        if request.param == "chromium":
            name = "touched_browser" if options.get("touch") else "browser"
            opened.append(Chromium(request.getfixturevalue(name), **options))
        else:
            opened.append(request.getfixturevalue("firefoxes")(**options))
            opened[-1].forget()
        opened[-1].size(1280, 900)
        return opened[-1]

    yield started
    for window in opened:
        said = [line for line in window.said if "Incorrect number of children for <m" not in line]
        others = [url for url in window.asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))]
        if request.param == "chromium":
            window.close()
        assert said == []
        assert others == []


@pytest.fixture
def open_page(request, browser):
    """Open pages in a context of their own; at the end nothing was said in the console and no other host asked."""
    contexts, said, asked = [], [], []

    def opened(address, **options):
        # what a test waits for is a string that the page evaluates, which its policy forbids: `test_security` heeds it
        used = request.getfixturevalue("touched_browser") if options.get("has_touch") else browser
        context = used.new_context(**{"viewport": {"width": 1280, "height": 900}, "bypass_csp": True, **options})
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
