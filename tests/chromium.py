"""Finds the browser that the tests look at pages with.

tests/run.py installs one where that needs no question: on Debian, as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from gobhir.derivation.chromium import find

__all__ = ["MISSING", "find", "install"]

MISSING = (
    "No Chromium or Chrome was found, so no page was opened in a browser. "
    "On Debian: sudo apt-get install chromium fonts-noto-core"
)


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
