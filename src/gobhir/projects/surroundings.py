"""Where and when something was measured: the machine in words, the commit, the day."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from gobhir.lang import LANGUAGES, digits, t


def machine() -> dict[str, str]:
    """The machine in words, in every language."""
    said = {"kind": platform.machine(), "system": platform.system()}
    return {
        lang: t("projects.results.machine", lang, cores=digits(_cores(), lang), **said)
        for lang in LANGUAGES
    }


def commit() -> str:
    """Which commit of Gobhir measured, with a + where files were changed since; "" where Gobhir is
    installed and not a checkout."""
    here = Path(__file__).parent
    head = _git(here, "rev-parse", "--short=12", "HEAD")
    # Somebody else's repository may lie around an installed Gobhir.
    if not head or not _git(here, "ls-files", "--", Path(__file__).name):
        return ""
    return head + ("+" if _git(here, "status", "--porcelain", "-uno") else "")


def today() -> str:
    """The day, as 2026-02-21."""
    return datetime.now(UTC).date().isoformat()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _git(folder: Path, *words: str) -> str:
    try:
        found = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
