"""WebKitGTK as the system's packages have it, driven by WebDriver: the engine of Safari, if not Apple's build of it.

Debian has it as `webkit2gtk-driver`. The browser wants a screen, which `xvfb` makes in memory.
"""

import base64
import contextlib
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

BROWSER = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"
# no graphics card is asked for, nothing of this user's settings is read, and no service of a desktop is looked for
SURROUNDINGS = {"LIBGL_ALWAYS_SOFTWARE": "1", "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11", "GSETTINGS_BACKEND": "memory",
                # where Mesa takes `softpipe` and not `llvmpipe`, a page in shared buffers comes out black
                "WEBKIT_DISABLE_DMABUF_RENDERER": "1"}  # fmt: skip
LISTEN = """heard => {
    addEventListener("error", event => heard.push(String(event.message)));
    addEventListener("unhandledrejection", event => heard.push(String(event.reason)));
    for (const kind of ["error", "warn"]) console[kind] = (...words) => heard.push(words.join(" "));
}"""


def find():
    """The browser, or None where it, its driver or a screen in memory is missing."""
    browser = next(iter(sorted(glob.glob(BROWSER))), None)
    return browser if browser and shutil.which("WebKitWebDriver") and shutil.which("Xvfb") else None


def surroundings(folder):
    """The variables for a browser that keeps what it writes in `folder`."""
    homes = {f"XDG_{name}_HOME": str(folder) for name in ("CONFIG", "CACHE", "DATA")}
    return os.environ | SURROUNDINGS | homes


def start_screen():
    """A screen in memory, and the variable that names it."""
    words = ["Xvfb", "-displayfd", "1", "-screen", "0", "2000x1600x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return screen, {"DISPLAY": f":{screen.stdout.readline().strip()}"}


def said_as_they_load(program, folder, addresses):
    """What pages say in the console while they load, a list for each; a browser that is driven keeps that to itself."""
    screen, display = start_screen()
    options = ["--exit-after-load", "--enable-write-console-messages-to-stdout=true"]
    words = [program, *options]
    try:
        told = [subprocess.run([*words, address], env=surroundings(folder) | display, capture_output=True, text=True,
                               timeout=120).stderr for address in addresses]  # fmt: skip
    finally:
        screen.terminate()
        screen.wait(15)
    return [[line for line in text.splitlines() if re.search(r"CONSOLE .*(ERROR|WARN)", line)] for text in told]


class WebKit:
    """One window of a WebKitGTK; `dark` is what the system asks for, `scripts` whether those of the pages run."""

    def __init__(self, program, folder, dark=False, scripts=True):
        screen, display = start_screen()
        self.processes = [screen]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.processes.append(
            subprocess.Popen(["WebKitWebDriver", f"--port={port}"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=surroundings(folder) | display)
        )  # fmt: skip
        self.address = f"http://127.0.0.1:{port}/session"
        options = ["--automation"] + ["--dark-mode"] * dark + ["--enable-javascript-markup=false"] * (not scripts)
        wanted = {"browserName": "MiniBrowser", "pageLoadStrategy": "normal",
                  "timeouts": {"script": 120_000, "pageLoad": 120_000},
                  "webkitgtk:browserOptions": {"binary": program, "args": options}}  # fmt: skip
        self._until_it_listens()
        self.address += "/" + self.send("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.size(1280, 900)

    def _until_it_listens(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.address.replace("session", "status")):
                return
            time.sleep(0.1)
        raise AssertionError("WebKitWebDriver does not listen")

    def send(self, method, command, given=None):
        """Give a command and return the value of its answer."""
        body = None if method == "GET" else json.dumps(given or {}).encode()
        request = urllib.request.Request(
            self.address + command, body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=150) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError((command, error.read().decode(errors="replace"))) from None

    @property
    def asked(self):
        """The addresses that this page has asked for."""
        return self.run("() => performance.getEntriesByType('resource').map(r => r.name).concat(location.href)")

    def size(self, width, height):
        """Make the page so large: what the window has around it is found by trying."""
        for _ in range(4):
            inner = self.run("() => [innerWidth, innerHeight]")
            if inner == [width, height]:
                return
            rect = self.send("GET", "/window/rect")
            more = {"width": rect["width"] + width - inner[0], "height": rect["height"] + height - inner[1]}
            self.send("POST", "/window/rect", more)
            time.sleep(0.3)

    def open(self, address):
        """Go to a page and listen to what it says from then on; what it says as it loads, `said_as_they_load` hears."""
        self.send("POST", "/url", {"url": address})
        self.run(f"() => {{ ({LISTEN})(window.heard = []); }}")

    def run(self, script, *arguments):
        """The value of a function of the page, which may be asynchronous."""
        call = f"""const done = arguments[arguments.length - 1];
            Promise.resolve().then(() => ({script})(...{json.dumps(arguments)}))
            .then(value => JSON.stringify(value ?? null)).then(done, error => done("!" + error));"""
        told = self.send("POST", "/execute/async", {"script": call, "args": []})
        assert not told.startswith("!"), told
        return json.loads(told)

    def until(self, condition, seconds=120):
        """Wait until a function of the page is true."""
        end = time.monotonic() + seconds
        while not self.run(f"() => !!({condition})()"):
            assert time.monotonic() < end, condition
            time.sleep(0.1)

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.send("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def hover(self, x, y, *more):
        move = [{"type": "pointerMove", "x": at, "y": y, "origin": "viewport"} for at in (x - 9, x)]
        pointer = {"type": "pointer", "id": "m", "parameters": {"pointerType": "mouse"}, "actions": [*move, *more]}
        self.send("POST", "/actions", {"actions": [pointer]})

    def click(self, x, y):
        self.hover(x, y, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def hear(self):
        """The errors and warnings that the page has said since it was opened."""
        return self.run("() => window.heard")

    def screenshot(self):
        return base64.b64decode(self.send("GET", "/screenshot"))

    def close(self):
        try:
            self.send("DELETE", "")
        finally:
            for process in reversed(self.processes):
                process.terminate()
                process.wait(15)
