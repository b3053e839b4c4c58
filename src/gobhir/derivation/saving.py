"""Keeping a page in a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gobhir.derivation.step import Derivation
from gobhir.lang import say

WAYS: dict[str, Callable[[Derivation, str | None], str | bytes]] = {
    ".html": Derivation.to_html,
    ".slides.html": Derivation.to_slides,
    ".md": Derivation.to_markdown,
    ".txt": Derivation.to_text,
    ".tex": Derivation.to_latex,
    ".pdf": Derivation.to_pdf,
    ".json": Derivation.to_json,
}
"""What a file is filled with, by the end of its name; of two that fit the longer one counts."""


def save(d: Derivation, path: Any, lang: str | None = None) -> None:
    """Write the page in the way that the file's name asks for."""
    target = Path(path).expanduser()
    ends = [end for end in WAYS if target.name.lower().endswith(end)]
    if not ends:
        raise ValueError(say("page.save.suffix", path=str(path), known=", ".join(WAYS)))
    keep(target, lambda: WAYS[max(ends, key=len)](d, lang))


def keep(target: Path, make: Callable[[], str | bytes]) -> None:
    """Put what `make` gives into a file: first beside the target, then in its place, so that a
    full disk or a lost connection leaves what was there before. OSError that says what to do."""
    if target.is_dir():
        raise IsADirectoryError(say("page.save.folder", path=str(target)))
    content = make()
    draft = None
    try:
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, _mode(target))
        os.replace(draft, target)
    except OSError as error:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        raise _explained(error, target) from error


def _mode(target: Path) -> int:
    """The rights of the file that is replaced, else what a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _explained(error: OSError, target: Path) -> OSError:
    import errno

    keys = {
        errno.ENOENT: "page.save.no_folder",
        errno.EACCES: "page.save.read_only",
        errno.EPERM: "page.save.read_only",
        errno.EROFS: "page.save.read_only",
        errno.ENOSPC: "page.save.full",
        errno.EDQUOT: "page.save.full",
    }
    key = keys.get(error.errno or 0, "page.save.other")
    values = {"path": str(target), "folder": str(target.parent), "detail": error.strerror or ""}
    return type(error)(say(key, **values))
