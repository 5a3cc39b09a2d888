"""Chromium with the words of `tests/firefox.py`, for tests that ask the same of every browser."""


class Chromium:
    """One window, in a context of its own, of a Chromium that Playwright has opened."""

    def __init__(self, browser, touch=False):
        # what a test waits for is a string that the page evaluates, which its policy forbids: `test_security` heeds it
        self.window = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True, has_touch=touch)
        self.page = self.window.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda m: self.said.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def size(self, width, height):
        self.page.set_viewport_size({"width": width, "height": height})

    def open(self, address):
        self.page.goto(address, wait_until="load", timeout=90_000)

    def run(self, script, *arguments):
        return self.page.evaluate(f"given => ({script})(...given)", list(arguments))

    def until(self, condition, seconds=30):
        self.page.wait_for_function(condition, timeout=1000 * seconds)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(KEYS.get(key, key))

    def hover(self, x, y):
        self.page.mouse.move(x - 9, y)
        self.page.mouse.move(x, y)

    def click(self, x, y):
        self.page.mouse.click(x, y)

    def double_click(self, x, y):
        self.page.mouse.dblclick(x, y)

    def tap(self, x, y):
        self.page.touchscreen.tap(x, y)

    def close(self):
        self.window.close()


KEYS = {
    "\ue004": "Tab",
    "\ue006": "Enter",
    "\ue007": "Enter",
    "\ue00c": "Escape",
    "\ue013": "ArrowUp",
    "\ue015": "ArrowDown",
}  # fmt: skip, WebDriver's names of keys
