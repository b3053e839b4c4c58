"""Finds the browser that the tests look at pages with.

tests/run.py installs one where that needs no question: on Debian, as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
MISSING = (
    "No Chromium or Chrome was found, so no page was opened in a browser. "
    "On Debian: sudo apt-get install chromium fonts-noto-core"
)


def find() -> str | None:
    """Path of Chromium or Chrome: $GOBHIR_CHROMIUM, else the first one found, else None."""
    chosen = os.environ.get("GOBHIR_CHROMIUM")
    places = [chosen] if chosen else [*map(shutil.which, NAMES), *PLACES]
    return next((place for place in places if place and os.path.exists(place)), None)


def install() -> None:
    """`apt-get install` on a Debian where we are root; anywhere else, nothing."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (
        ["apt-get", "update", "-qq"],
        [
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "chromium",
            "fonts-noto-core",
        ],
    ):
        if subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, check=False).returncode:
            return
