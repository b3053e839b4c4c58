"""What the studio says when it cannot save or answer: one sentence in both languages, and why.

A refusal never loses anything: what was there before is still there.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from gobhir.lang import LANGUAGES, Message, say

# keys: studio.refusal.*
STATUS = {
    "malformed": 400,
    "forbidden": 403,
    "readonly": 403,
    "newer": 403,
    "notfound": 404,
    "conflict": 409,
    "large": 413,
    "busy": 503,
    "trouble": 500,
    "full": 507,
}

_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NO_LEAVE = {
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOENT,
}
_NEARLY_NOTHING = 1 << 20  # bytes: SQLite calls a full disk an I/O error while it grows its index


class Refusal(Exception):
    """The studio declines, and says why. `kind`: one of STATUS; `data` goes with the answer."""

    def __init__(self, kind: str, data: dict[str, Any] | None = None, /, **values: object):
        self.kind = kind
        self.status = STATUS[kind]
        self.message: Message = say(f"studio.refusal.{kind}", **values)
        self.data = data or {}
        super().__init__(self.message)

    def answer(self) -> dict[str, Any]:
        """The JSON body of the refusal: {"message": {"bn": ..., "en": ...}, ...data}."""
        return {"message": {lang: self.message.text(lang) for lang in LANGUAGES}, **self.data}


def refusal_of(error: OSError | sqlite3.Error, folder: Path) -> Refusal:
    """The refusal that an error of the file system or of SQLite stands for."""
    if isinstance(error, OSError):
        if error.errno in _NO_SPACE:
            return Refusal("full", folder=folder)
        if error.errno in _NO_LEAVE:
            return Refusal("readonly", folder=folder)
        return Refusal("trouble", reason=error.strerror or error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Refusal("full", folder=folder)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return Refusal("readonly", folder=folder)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Refusal("busy")
    if code == sqlite3.SQLITE_IOERR and _free_bytes(folder) < _NEARLY_NOTHING:
        return Refusal("full", folder=folder)
    return Refusal("trouble", reason=error)


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return _NEARLY_NOTHING
