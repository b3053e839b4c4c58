"""A page as PDF: whatever browser of Chromium's family there is prints it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gobhir.lang import say

NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "microsoft-edge-stable", "msedge", "brave-browser", "headless_shell",
)  # fmt: skip
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
)
LONGEST = 600
"""Seconds that a browser may take over a page."""


def find() -> str | None:
    """Path of Chromium or Chrome: $GOBHIR_CHROMIUM, else the first one found, else None."""
    chosen = os.environ.get("GOBHIR_CHROMIUM")
    places = [chosen] if chosen else [*map(shutil.which, NAMES), *PLACES]
    return next((place for place in places if place and os.path.exists(place)), None)


def print_to_pdf(html: str) -> bytes:
    """The document on paper. FileNotFoundError where there is no browser, OSError where it did
    not print."""
    browser = find()
    if browser is None:
        raise FileNotFoundError(say("page.pdf.no_browser"))
    # A browser that came as a snap reads and writes only in the home folder.
    home = Path.home() if "snap" in Path(os.path.realpath(browser)).parts else None
    with tempfile.TemporaryDirectory(
        prefix="gobhir-", dir=home, ignore_cleanup_errors=True
    ) as folder:
        page, pdf = Path(folder, "page.html"), Path(folder, "page.pdf")
        page.write_text(html, encoding="utf-8")
        _run(
            [
                browser,
                "--headless",
                "--disable-gpu",
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--no-pdf-header-footer",
                "--generate-pdf-document-outline",
                "--virtual-time-budget=100000",  # none of it passes; what a page began, it ends
                f"--user-data-dir={folder}/profile",
                f"--print-to-pdf={pdf}",
                *(["--no-sandbox"] if _is_root() else []),  # it takes root's word only without
                page.as_uri(),
            ]
        )
        if not pdf.exists():
            raise OSError(say("page.pdf.failed", browser=browser, detail=""))
        return pdf.read_bytes()


def _run(command: list[str]) -> None:
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
        detail = "" if run.returncode == 0 else _last_line(run.stderr) or str(run.returncode)
    except (OSError, subprocess.TimeoutExpired) as error:
        detail = str(getattr(error, "strerror", None) or type(error).__name__)
    if detail:
        raise OSError(say("page.pdf.failed", browser=command[0], detail=detail))


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
