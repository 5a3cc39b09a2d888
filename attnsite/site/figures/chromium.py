"""Where a Chromium lies on this machine: it draws the static pictures, and the tests look at the site with it."""

import os
import shutil
from pathlib import Path

VARIABLES = ("CHROMIUM", "BROWSER_PATH", "CHROME_BIN")
_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave-browser",
)
_PLACES = (
    "/usr/bin/chromium",
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def find() -> str | None:
    """The browser named by the environment, else the first one on the path or at a usual place; None without one.

    A variable that is set decides alone: `CHROMIUM=none` builds as on a machine that has no browser.
    """
    for variable in VARIABLES:
        named = os.environ.get(variable)
        if named:
            return shutil.which(named)
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    return next((place for place in _PLACES if Path(place).is_file() and os.access(place, os.X_OK)), None)
