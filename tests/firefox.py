"""Firefox as the system's packages have it, driven by WebDriver BiDi, which it speaks itself: no other program between.

Playwright drives only a Firefox of its own making, and asks this one for commands that it does not know yet.
"""

import asyncio
import base64
import json
import re
import shutil
import subprocess
import threading
import time

from tornado.websocket import websocket_connect

PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False, "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False, "browser.aboutwelcome.enabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "layout.css.prefers-color-scheme.content-override": 1,
}  # fmt: skip

# one pointer, which is coarse and cannot hover
TOUCH = {"ui.primaryPointerCapabilities": 1, "ui.allPointerCapabilities": 1, "dom.w3c_touch_events.enabled": 1}
TAB, ENTER, ESCAPE = "\ue004", "\ue006", "\ue00c"


def find():
    """The program, or None where there is none."""
    return next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)


class Firefox:
    """One window of a Firefox with a profile of its own in `folder`; `dark` is what the system asks for."""

    def __init__(self, program, folder, dark=False, scripts=True, touch=False):
        self.scripts = scripts
        wanted = PREFERENCES | {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
                                "javascript.enabled": scripts} | (TOUCH if touch else {})  # fmt: skip
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items())
        (folder / "user.js").write_text("".join(lines), encoding="utf-8")
        words = [program, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.loop, self.count = asyncio.new_event_loop(), 0  # in a thread: Playwright may have one in this
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.said, self.asked = [], []
        address = next(filter(None, (re.search(r"BiDi listening on (ws://\S+)", line) for line in self.process.stderr)))
        self.socket = self._wait(_connect(f"{address[1]}/session"))
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.size(1280, 900)

    def _wait(self, awaited, seconds=60):
        return asyncio.run_coroutine_threadsafe(awaited, self.loop).result(seconds)

    def send(self, method, **params):
        """Give a command and wait for its answer; what the browser tells meanwhile is kept."""
        self.count += 1
        self._wait(_write(self.socket, json.dumps({"id": self.count, "method": method, "params": params})))
        while True:
            told = json.loads(self._wait(_read(self.socket)))
            if told.get("method") == "log.entryAdded" and told["params"]["level"] in ("error", "warn"):
                self.said.append(told["params"]["text"])
            elif told.get("method") == "network.beforeRequestSent":
                self.asked.append(told["params"]["request"]["url"])
            elif told.get("id") == self.count:
                assert told["type"] == "success", (method, told)
                return told["result"]

    def size(self, width, height):
        self.send("browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height})

    def open(self, address):
        """Go to a page and wait for it by asking the page: the browser at times tells of none, or too early."""
        how = "none" if self.scripts else "complete"
        self.send("browsingContext.navigate", context=self.context, url=address, wait=how)
        here = f"location.href.split('#')[0] === {json.dumps(address.partition('#')[0])}"
        end = time.monotonic() + 60
        while self.scripts and not self._there(f"() => {here} && document.readyState === 'complete' && document.title"):
            assert time.monotonic() < end, f"{address} did not open"
            time.sleep(0.05)

    def _there(self, condition):
        """Whether it holds; not while one page goes and the next comes, when there is nobody to ask."""
        try:
            return self.run(condition)
        except AssertionError:
            return False

    def run(self, script, *arguments):
        """The value of a function of the page, which may be asynchronous."""
        call = f"async () => JSON.stringify(await ({script})(...{json.dumps(arguments)}) ?? null)"
        told = self.send("script.callFunction", functionDeclaration=call, awaitPromise=True,
                         target={"context": self.context, "sandbox": "tests"})  # fmt: skip
        assert told["type"] == "success", told["exceptionDetails"]["text"]
        return json.loads(told["result"]["value"])

    def until(self, condition, seconds=30):
        """Wait until a function of the page is true."""
        wait = f"""async () => {{ const end = Date.now() + {1000 * seconds};
            while (!({condition})() && Date.now() < end) await new Promise(done => setTimeout(done, 50));
            return ({condition})(); }}"""
        assert self.run(f"async () => !!await ({wait})()"), condition

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.send(
            "input.performActions", context=self.context, actions=[{"type": "key", "id": "k", "actions": actions}]
        )

    def hover(self, x, y, *more):
        move = [{"type": "pointerMove", "x": x - 9, "y": y}, {"type": "pointerMove", "x": x, "y": y}]
        pointer = {"type": "pointer", "id": "m", "parameters": {"pointerType": "mouse"}, "actions": [*move, *more]}
        self.send("input.performActions", context=self.context, actions=[pointer])

    def click(self, x, y):
        self.hover(x, y, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def double_click(self, x, y):
        one = ({"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})
        self.hover(x, y, *one, *one)

    def tap(self, x, y):
        actions = [{"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0}, {"type": "pause"},
                   {"type": "pointerUp", "button": 0}]  # fmt: skip
        finger = {"type": "pointer", "id": "f", "parameters": {"pointerType": "touch"}, "actions": actions}
        self.send("input.performActions", context=self.context, actions=[finger])

    def forget(self):
        """Leave the page, and what was said and asked for until now."""
        self.send("browsingContext.navigate", context=self.context, url="about:blank", wait="complete")
        self.said.clear()
        self.asked.clear()

    def screenshot(self):
        return base64.b64decode(self.send("browsingContext.captureScreenshot", context=self.context)["data"])

    def printed(self):
        """The page as a PDF."""
        return base64.b64decode(self.send("browsingContext.print", context=self.context, background=True)["data"])

    def close(self):
        try:
            self.send("browser.close")
            self.process.wait(15)
        finally:
            self.process.kill()
            self.loop.call_soon_threadsafe(self.loop.stop)


async def _connect(address):
    return await websocket_connect(address, max_message_size=1 << 28)


async def _write(socket, text):
    await socket.write_message(text)


async def _read(socket):
    return await socket.read_message()
