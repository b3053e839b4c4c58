"""cctv.toml as the pages change it: checked by config.py, written whole or not at all, and never
over what somebody else has written meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gobhir.deploy.serve.limits import Refused
from gobhir.lang import Message, say
from gobhir.projects.cctv import config
from gobhir.projects.cctv.rewriting import rewritten
from gobhir.projects.settings import write


@dataclass(frozen=True)
class Saved:
    """What was written. version: of the file now; commented: whether its comments could stay."""

    system: config.System
    version: str
    commented: bool

    def note(self, before: config.System, after: config.System, lang: str) -> str:
        """What a page says of it. before, after: what ran, and what runs now."""
        said = [say("dashboard.page.saved" if self.commented else "dashboard.page.saved_bare")]
        # keys: dashboard.page.saved, dashboard.page.saved_bare
        if names := sorted(config.renewed(before, after)):
            said.append(say("dashboard.page.renewed", cameras=", ".join(names)))
        return " ".join(one.text(lang) for one in said)


@dataclass(frozen=True)
class Toml:
    """The file of a folder; who changes it sees to it that nobody else does at the same time."""

    folder: Path

    def read(self) -> tuple[str, str]:
        """Its text ("" where there is none) and the version of that. Refused where it cannot be
        read."""
        try:
            text = (self.folder / config.FILE).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Refused(503, "disk", say("dashboard.refuse.disk", reason=reason)) from None
        return text, _version(text)

    def change(self, asked: Any, edit: Callable[[str], config.System]) -> Saved:
        """Let the file mean what `edit` makes of its text. asked: what the page sends, with the
        version that it has seen. Refused where that is another one, where something is wrong, or
        where it cannot be written."""
        text, version = self.read()
        if not isinstance(asked, dict) or asked.get("version") != version:
            raise Refused(409, "version", say("dashboard.refuse.version"))
        system = checked(edit, text)
        system = config.parse(config.as_toml(system))  # as the file can say it
        text, commented = rewritten(text, system)
        try:
            write(self.folder / config.FILE, text)
        except OSError as error:
            raise Refused(507, "disk", sentence(error)) from None
        return Saved(system, _version(text), commented)


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def checked(read: Any, *given: Any) -> Any:
    """What config.py makes of it; its own sentence where that is wrong."""
    try:
        return read(*given)
    except ValueError as error:
        raise Refused(422, "settings", sentence(error)) from None


def sentence(error: Exception) -> Message:
    """The error's own, or one around it."""
    known = error.args[0] if error.args and isinstance(error.args[0], Message) else None
    return known or say("dashboard.refuse.disk", reason=error)
