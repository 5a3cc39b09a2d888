"""What is being measured, how far it is and how long it may still take: one line, rewritten where a terminal allows."""

import sys
import time
from typing import TextIO


class Progress:
    """Progress through a known number of steps; where lines pile up, one every `every_s` seconds at most."""

    def __init__(self, name: str, total: int, stream: TextIO | None = None, every_s: float = 15.0) -> None:
        self.name, self.total, self.done = name, total, 0
        self.stream = sys.stderr if stream is None else stream
        self.every_s = every_s
        self.started = self.last = time.monotonic()
        self.live = self.stream.isatty()

    def step(self, what: str) -> None:
        """Say what is measured now; call once before each step."""
        now = time.monotonic()
        if self.live or now - self.last >= self.every_s:
            self.last = now
            self._write(f"{self.name}: {self.done + 1} of {self.total}, {what}{self._left(now)}")
        self.done += 1

    def finish(self, text: str) -> None:
        self._write(f"{self.name}: {text}")
        if self.live:
            print(file=self.stream)

    def _left(self, now: float) -> str:
        if not self.done:
            return ""
        seconds = (now - self.started) / self.done * (self.total - self.done)
        return f", about {spoken(seconds)} left"

    def _write(self, line: str) -> None:
        if self.live:
            print(f"\r\x1b[K{line[:110]}", end="", flush=True, file=self.stream)
        else:
            print(line, flush=True, file=self.stream)


def spoken(seconds: float) -> str:
    """A time that is only about right, as one would say it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
